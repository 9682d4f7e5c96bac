"""What was examined, whether it is proven, and how that is told."""

from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot import lines
from bot.domain.errors import BellwetherError, BrokerUnavailable
from bot.execution import LINE_ERRORS
from bot.words import Words

HOUSE = "bellwether"  # whose part it is where it is no single book's or broker's


@dataclass(frozen=True, slots=True)
class Examined:
    """One part of a book, a broker or the house, what was seen of it, its error if it is no use."""

    book: str
    part: str
    seen: str
    error: BellwetherError | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """An examined part as a value for programs; `error` is for people, `code` for what reads it."""

    book: str
    part: str
    ok: bool
    seen: str
    code: str | None
    error: str | None
    remedy: str | None


@dataclass(frozen=True, slots=True)
class Checkup:
    """Everything that was examined at a moment; well where all of it is proven."""

    at: datetime
    well: bool
    parts: tuple[Told, ...]


async def proven(whose: str, part: str, seeing: Awaitable[str]) -> Examined:
    """A part whose examination returns what was seen, or raises what is in the way."""
    try:
        return Examined(whose, part, await seeing)
    except BellwetherError as error:
        return Examined(whose, part, "", error)
    except LINE_ERRORS as error:
        down = BrokerUnavailable("broker_unavailable", reason=str(error) or type(error).__name__)
        return Examined(whose, part, "", down)


def told(examined: Sequence[Examined], words: Words) -> tuple[Told, ...]:
    """Examined parts in words."""
    return tuple(_told(each, words) for each in examined)


def _told(each: Examined, words: Words) -> Told:
    error = each.error
    return Told(
        book=each.book,
        part=each.part,
        ok=error is None,
        seen=each.seen,
        code=error.code if error else None,
        error=words.say(error.code, error.values) if error else None,
        remedy=words.remedy(error.code, error.values) if error else None,
    )


def render_checkup(checkup: Checkup, words: Words) -> str:
    """Whether all is proven, then a line for each part, and what to do about those that are not."""
    ill = sum(not part.ok for part in checkup.parts)
    heading = words.phrase("checkup_ill", {"count": ill}) if ill else words.phrase("checkup_well")
    return "\n".join([heading, *_rendered(checkup.parts, words)])


def render_check(examined: Sequence[Examined], words: Words) -> str:
    """A line for each part, and under one that is no use what to do about it."""
    return "\n".join(_rendered(told(examined, words), words))


def _rendered(parts: Sequence[Told], words: Words) -> Iterator[str]:
    names = _names(words)
    widest = max(map(lines.width, names.values()))
    for at, each in enumerate(parts):
        if at == 0 or parts[at - 1].book != each.book:
            yield each.book
        name = names[each.part]
        start = f"{name}{' ' * (widest - lines.width(name))}"
        if each.ok:
            yield f"  ✓ {start}  {each.seen}"
        else:
            remedy = words.phrase("remedy", {"sentence": each.remedy})
            yield f"  ✗ {start}  {each.error}"
            yield f"    {' ' * widest}  {remedy}"


def _names(words: Words) -> dict[str, str]:
    return {
        "loop": words.phrase("part_loop"),
        "scheduler": words.phrase("part_scheduler"),
        "integrity": words.phrase("part_integrity"),
        "disk": words.phrase("part_disk"),
        "clock": words.phrase("part_clock"),
        "secret": words.phrase("part_secret"),
        "keys": words.phrase("part_keys"),
        "login": words.phrase("part_login"),
        "index": words.phrase("part_index"),
        "line": words.phrase("part_line"),
        "proceeds": words.phrase("part_proceeds"),
        "calendar": words.phrase("part_calendar"),
        "handled": words.phrase("part_handled"),
        "account": words.phrase("part_account"),
        "abilities": words.phrase("part_abilities"),
        "history": words.phrase("part_history"),
        "data": words.phrase("part_data"),
        "quotes": words.phrase("part_quotes"),
        "feed": words.phrase("part_feed"),
        "ledger": words.phrase("part_ledger"),
        "chat": words.phrase("part_chat"),
    }
