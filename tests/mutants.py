"""Small wrongs put into the trading core one at a time: does a test notice each of them?

    python -m tests.mutants bot/domain/matching.py bot/domain/buying.py --sample 60

Every mutant runs in a forked process in which the import of its module yields the
mutated text. Survivors that no test can notice are in EQUIVALENT with the reason.
"""

import argparse
import ast
import importlib.abc
import importlib.machinery
import os
import random
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy  # noqa: F401, ICN001 - loaded once here, so that no fork has to
import pandas  # noqa: F401, ICN001 - the same
import pytest

PLANNING = ("acceptance", "buying", "selling", "shorting", "planning", "money")
TESTS = {
    "matching": ("matching",),
    "gates": ("gates", *PLANNING),
    "resting": ("resting", "invariants"),
}
SECONDS = 60  # a mutant that loops for ever is noticed too

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.In: ast.NotIn, ast.NotIn: ast.In,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.USub: ast.UAdd,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "floor": "ceil", "ceil": "floor", "any": "all"}

# What is changed, by its module and function; why no test can notice the change.
EQUIVALENT = (
    ("matching._cash_agrees: sign > 0", "the sign is 1 or -1"),
    ("buying.Buys.buy: shares * limit < self.rules.min_notional", "rounding up gives the same"),
    ("buying.Buys.buy: allowed * limit < self.rules.min_notional", "rounding up gives the same"),
    ("selling.Sells.reduce: self.gap(symbol) < 0", "a gap of zero is never outside the band"),
    ("selling.Sells._wanted: 0", "a target of a dollar funds no share dearer than that"),
    ("selling.Sells._cap: floor(self.at.portfolio.held(symbol))", "it is only to be large enough"),
    ("selling.Sells._cap: 1", "the same, without a cap; with a cap a test notices"),
    ("selling.Sells.reduce: self.targets.values[symbol] < 0", "a zero target leaves whole"),
    ("selling.Sells._cover: self.gap(symbol) > 0", "a gap of zero is never outside the band"),
    ("selling.Sells._cover: 0", "a gap of a dollar covers no share dearer than that"),
    ("selling.Sells._is_short: self.at.portfolio.held(symbol) < 0", "nothing is closed by none"),
    ("selling.Sells._is_short: 0", "a part of a share is neither sold nor bought back"),
    ("planning.residuals: value > 0", "without shares a zero target is passed over"),
    ("planning.plan_buys: 0", "a target of a dollar fills no gap; what is wanted has its test"),
    ("planning.residuals: gap > 0", "a gap of zero is never outside the band"),
)


def wrongs(node: ast.AST) -> Iterator[Callable[[], None]]:
    """Each small wrong of one node, as what does it in place."""
    match node:
        case ast.Compare(ops=ops):
            for at, op in enumerate(ops):
                if type(op) in SWAPS:
                    yield lambda at=at, op=op: ops.__setitem__(at, SWAPS[type(op)]())
        case ast.BoolOp(op=op) | ast.BinOp(op=op) | ast.UnaryOp(op=op) if type(op) in SWAPS:
            yield lambda: setattr(node, "op", SWAPS[type(op)]())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield lambda: setattr(node, "operand", ast.UnaryOp(ast.Not(), operand))
        case ast.Constant(value=bool(value)):
            yield lambda: setattr(node, "value", not value)
        case ast.Constant(value=int(value)):
            yield lambda: setattr(node, "value", value + 1)
        case ast.Constant(value=str(value)) if value.replace(".", "", 1).isdigit():
            yield lambda: setattr(node, "value", f"1{value}")
        case ast.Call(func=ast.Name(id=name) as func) if name in NAMES:
            yield lambda: setattr(func, "id", NAMES[name])


def places(node: ast.AST, name: str = "") -> Iterator[tuple[str, ast.AST]]:
    """Every node with the function it stands in, in the order of the text."""
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, ast.FunctionDef | ast.ClassDef)
        within = f"{name}.{child.name}".lstrip(".") if named else name
        yield within, child
        yield from places(child, within)


def mutants(source: str) -> Iterator[tuple[str, ast.Module]]:
    """What is wrong, in words of code, and the wrong module."""
    count = sum(len(list(wrongs(node))) for _, node in places(ast.parse(source)))
    for number in range(count):
        tree = ast.parse(source)
        every = [(name, node, do) for name, node in places(tree) for do in wrongs(node)]
        name, node, do = every[number]
        before = ast.unparse(node)
        do()
        yield f"{name}: {before} -> {ast.unparse(node)}", ast.fix_missing_locations(tree)


class Wrong(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutated module to whoever imports it."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.name, self.tree = name, tree

    def find_spec(self, fullname, path, target=None) -> importlib.machinery.ModuleSpec | None:  # noqa: ARG002 - the protocol's
        return importlib.machinery.ModuleSpec(fullname, self) if fullname == self.name else None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self.tree, self.name, "exec"), module.__dict__)  # noqa: S102 - the mutant itself


def survives(path: Path, tree: ast.Module) -> bool:
    """Whether the tests of a module pass although it is wrong."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    signal.alarm(SECONDS)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    sys.meta_path.insert(0, Wrong(".".join(path.with_suffix("").parts), tree))
    files = [f"tests/domain/test_{name}.py" for name in TESTS.get(path.stem, PLANNING)]
    code = pytest.main(["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *files])
    os._exit(int(code))


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("paths", nargs="+", type=Path)
    asked.add_argument("--sample", type=int, help="so many mutants of each file, not all")
    asked.add_argument("--seed", type=int, default=1)
    given = asked.parse_args()
    known = {wrong for wrong, _ in EQUIVALENT}
    for path in given.paths:
        found = [(f"{path.stem}.{wrong}", tree) for wrong, tree in mutants(path.read_text())]
        if given.sample and given.sample < len(found):
            found = random.Random(given.seed).sample(found, given.sample)
        left = [wrong for wrong, tree in found if survives(path, tree)]
        new = [wrong for wrong in left if wrong.split(" -> ")[0] not in known]
        told = f"{path}: {len(found)} mutants, {len(left)} survive, {len(new)} of them unexplained"
        sys.stdout.write("\n".join([told, *(f"  {wrong}" for wrong in new)]) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
