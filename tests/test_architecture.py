"""The house itself: what a line may say depends on the room it stands in."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("bot", "adapters", "strategies", "config")
FOLDERS = (*PACKAGES, ".ci", ".github", "deploy", "docs", "tests")
SUFFIXES = {".cfg", ".csv", ".env", ".json", ".md", ".py", ".service", ".sh", ".toml", ".txt"}
SUFFIXES |= {".yaml", ".yml"}

LONGEST_FUNCTION = 60
LONGEST_FILE = 400
MOST_PARAMETERS = 6
# Functions that may take more, each with its reason.
MANY_PARAMETERS: dict[str, str] = {
    "bot/arena.py:compare": "each option of a command is a parameter of its function",
    "bot/arena.py:plan": "the same",
    "bot/arena.py:sweep": "the same",
    "bot/lab.py:backtest": "the same",
    "bot/monthly_lab.py:build": "the same",
    "bot/factor_lab.py:evaluate": "the same",
}

# A simulation stands behind the preview: what it forwards to can not reach a broker.
MAY_SUBMIT = {"bot/execution.py", "adapters/dry_run.py"}
# What a sweep gives to its processes is a trial of the past, which has no broker.
SUBMITS_TRIALS = {"bot/sweep.py"}
SAYS_NOTHING = {"manager", "handler", "helper", "helpers", "util", "utils", "service", "base"}
SAYS_NOTHING |= {"core", "common"}
CHINESE = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
# Written in two parts, so that this file does not name what it looks for.
ELSEWHERE = re.compile("|".join(["/wo" + "rk/", "/tm" + r"p/\w", "shared" + "/(?!data)"]))


def modules(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def saying(pattern: str, *folders: str) -> set[str]:
    text = re.compile(pattern)
    return {named(path) for path in modules(*folders) if text.search(path.read_text("utf-8"))}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield f"{node.module}"


def words_of(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


def texts() -> Iterator[Path]:
    """What a clone holds: nothing that tools leave beside it."""
    for folder in FOLDERS:
        yield from (p for p in sorted((ROOT / folder).rglob("*")) if p.suffix in SUFFIXES)
    yield from (p for p in sorted(ROOT.iterdir()) if p.is_file() and p.suffix in SUFFIXES)


def test_one_module_submits_orders():
    assert saying(r"\.submit\(", *PACKAGES) == MAY_SUBMIT | SUBMITS_TRIALS


def test_what_submits_trials_knows_no_broker():
    names = {name for file in SUBMITS_TRIALS for name in imported(ROOT / file)}

    assert names & {"bot.ports", "bot.execution", "bot.brokers", "bot.app"} == set()


def test_only_the_settings_read_the_environment():
    assert {Path(name).parts[0] for name in saying(r"\benviron\b|\bgetenv\b", *PACKAGES)} == {
        "config"
    }


def test_only_the_house_names_concrete_adapters():
    naming = {
        named(path)
        for path in modules("bot", "strategies", "config")
        if any(name.split(".")[0] == "adapters" for name in imported(path))
    }

    assert naming == {
        "bot/app.py",
        "bot/brokers.py",
        "bot/dated_sources.py",
        "bot/outside.py",
        "bot/signal_sources.py",
        "bot/sources.py",
    }


@pytest.mark.parametrize("effect", [r"\bnow\(", r"\bopen\(", "asyncio", r"\brandom\b", r"print\("])
def test_domain_and_strategies_have_no_effects(effect):
    assert saying(effect, "bot/domain", "strategies") == set()


def test_what_looks_for_effects_finds_them():
    assert "bot/schedule.py" in saying(r"\bnow\(", "bot")
    assert "bot/ledger_file.py" in saying(r"\bopen\(", "bot")


def test_there_is_one_broad_except():
    broad = [
        named(path)
        for path in modules(*PACKAGES)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or {"Exception", "BaseException"} & _names(node.type))
    ]

    assert broad == ["bot/daemon.py"]


def _names(node: ast.expr) -> set[str]:
    return {name.id for name in ast.walk(node) if isinstance(name, ast.Name)}


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=named)
def test_a_function_fits_a_screen(path):
    sizes = {f.name: (f.end_lineno or 0) - f.lineno + 1 for f in functions(path)}

    assert {name: lines for name, lines in sizes.items() if lines > LONGEST_FUNCTION} == {}


def test_a_function_takes_few_things():
    crowded = {
        f"{named(path)}:{f.name}"
        for path in modules(*PACKAGES)
        for f in functions(path)
        if len([a for a in _parameters(f) if a not in {"self", "cls"}]) > MOST_PARAMETERS
    }

    assert crowded == set(MANY_PARAMETERS)


def _parameters(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    given = function.args
    rest = [a for a in (given.vararg, given.kwarg) if a]
    return [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs, *rest)]


def test_no_file_is_two_files():
    lengths = {named(p): len(p.read_text("utf-8").splitlines()) for p in modules(*PACKAGES)}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_FILE} == {}


def test_names_say_something():
    names = {
        (named(path), name)
        for path in modules(*PACKAGES, "tests")
        for name in (
            path.stem,
            *(node.name for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef)),
        )
    }

    assert {where for where in names if words_of(where[1]) & SAYS_NOTHING} == set()


def test_an_empty_name_is_noticed_in_any_spelling():
    assert words_of("OrderManager") & SAYS_NOTHING
    assert words_of("order_utils") & SAYS_NOTHING
    assert not words_of("Baseline") & SAYS_NOTHING


@pytest.mark.parametrize("path", modules(*PACKAGES), ids=named)
def test_every_room_has_a_sign_on_its_door(path):
    sign = ast.get_docstring(tree(path))

    assert sign
    assert sign.splitlines()[0].rstrip().endswith(".")


def test_words_live_in_the_catalogue():
    spoken = {
        named(path)
        for path in texts()
        if path.parts[len(ROOT.parts)] in PACKAGES and CHINESE.search(path.read_text("utf-8"))
    }

    assert spoken == {"bot/words.toml"}


def test_nothing_names_the_place_it_was_made_in():
    assert {named(p) for p in texts() if ELSEWHERE.search(p.read_text("utf-8"))} == set()
