"""What can be wrong in a settings file: a code, the key, and values; the words are elsewhere."""

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

SHOWN_INPUT = 60
# The key that says which table an entry of these is.
KINDS = {"brokers": "kind", "feeds": "snapshot"}
DEPTH_OF_A_KIND = 2  # of the keys: brokers, its name, its kind


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong in the settings: a code of the catalogue, the key, further values."""

    code: str
    where: str
    values: Mapping[str, object] = field(default_factory=dict)


class SettingsProblem(ValueError):  # noqa: N818 - it carries problems, of which each is an error
    """The settings can not be used; `problems` are all that was found, at least one."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{p.where}: {p.code}" for p in problems))
        self.problems = problems


def read_toml(file: Path) -> dict[str, object]:
    """The contents of a TOML file; SettingsProblem names the file and what is wrong in it."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SettingsProblem(Problem("settings_missing", str(file))) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsProblem(_syntax(file, str(error))) from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        what = {"what": reason}
        raise SettingsProblem(Problem("settings_unreadable", str(file), what)) from None


def _syntax(file: Path, message: str) -> Problem:
    """Where the TOML is wrong: the parser tells the place in its sentence only."""
    place = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", message)
    line, column = place.groups() if place else (None, None)
    values = {"what": message[: place.start()] if place else message}
    values |= {"line": line, "column": column} if line and column else {}
    return Problem("settings_syntax", str(file), values)


def as_line(problem: Problem) -> InitErrorDetails:
    """A problem of ours as a finding pydantic collects with its own."""
    context = {**problem.values, "where": problem.where}
    return InitErrorDetails(
        type=PydanticCustomError(problem.code, "settings", context), loc=(), input=None
    )


def as_problem(details: ErrorDetails, keys: Collection[str]) -> Problem:
    """A finding of pydantic's as a problem; of an unknown key the contents stay untold.

    What somebody wrote under a wrong name may be a secret. `keys` are all names
    of the schema, to guess which one was meant.
    """
    loc = details["loc"]
    of_kind = [_kind_key(details)] if details["type"].startswith("union_tag") else []
    where = ".".join([*_places(loc), *of_kind])
    context = details.get("ctx", {})
    match details["type"]:
        case "missing" | "union_tag_not_found":
            return Problem("setting_missing", where)
        case "extra_forbidden":
            near = get_close_matches(str(loc[-1]), keys, n=1)
            return Problem("setting_unknown", where, {"near": near[0]} if near else {})
        case "closed_and_early" | "time_with_zone" | "address_in_the_open" as code:
            return Problem(code, where, context)
        case code if "where" in context:
            values = {name: value for name, value in context.items() if name != "where"}
            return Problem(code, str(context["where"]), values)
        case _:
            given = repr(context.get("tag", details["input"]))[:SHOWN_INPUT]
            kinds = context.get("expected_tags")
            what = f"it may be {kinds}" if kinds else details["msg"]
            return Problem("setting_wrong", where, {"given": given, "what": what})


def _kind_key(details: ErrorDetails) -> str:
    """The key that says which table an entry is: the one that is there, or should be."""
    entry = details["input"]
    return "kind" if isinstance(entry, dict) and "kind" in entry else KINDS[str(details["loc"][0])]


def _places(loc: Sequence[int | str]) -> Iterator[str]:
    """The keys that lead to a value, without pydantic's own words for the way.

    The kind of an entry is one of them: it stands behind the entry's name.
    """
    for at, part in enumerate(loc):
        names_a_kind = at == DEPTH_OF_A_KIND and loc[0] in KINDS
        if part != "[key]" and not names_a_kind:
            yield str(part)
