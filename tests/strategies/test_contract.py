"""The suite every strategy passes."""

import ast
import math
import sys
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot.domain.strategy import Facts, Features, Rebalance, Strategy
from strategies import PROFILES, strategy
from tests.strategies.builders import facts_of, holdings, random_closes, random_facts

MORE = 420
ROOM = Path(__file__).parents[2] / "strategies"
FORBIDDEN = {"asyncio", "datetime.now", "os", "pathlib", "random", "socket", "sys", "time"}
WORLD = sys.stdlib_module_names | {"numpy", "pandas", "strategies"}

every_strategy = pytest.mark.parametrize("name", PROFILES)
every_seed = pytest.mark.parametrize("seed", range(3))


def asked(name: str, seed: int) -> tuple[Strategy, Facts]:
    told = strategy(name, {})
    return told, random_facts(told.needs, told.needs.sessions + MORE, seed)


def answers(told: Strategy, facts: Facts) -> list[object]:
    held = holdings(**{told.needs.holds[0]: 3.0, told.needs.holds[-1]: 0.5, "ZZZ": 2.0})
    features = Features(told, facts)
    return [features.decide(session, held, 25_000.0) for session in features]


@every_strategy
@every_seed
def test_later_facts_change_no_earlier_row(name, seed):
    told, facts = asked(name, seed)
    whole = told.features(facts)

    for position in range(told.needs.sessions - 20, len(facts.closes), 47):
        then = facts.closes.index[position]
        pd.testing.assert_frame_equal(
            told.features(facts.until(then.date())), whole.loc[:then], check_exact=True
        )


@every_strategy
@every_seed
def test_the_needed_sessions_alone_give_the_same_row_bit_for_bit(name, seed):
    told, facts = asked(name, seed)
    whole = told.features(facts)

    for end in range(told.needs.sessions, len(facts.closes), 23):
        closes = facts.closes.iloc[end - told.needs.sessions : end]
        window = replace(
            facts, closes=closes, sessions=facts.sessions[facts.sessions >= closes.index[0]]
        )
        today = closes.index[-1]
        row, expected = told.features(window).loc[today:], whole.loc[today:today]
        np.testing.assert_array_equal(row.to_numpy(), expected.to_numpy(), strict=True)


@every_strategy
@every_seed
def test_equal_views_give_equal_decisions(name, seed):
    told, facts = asked(name, seed)

    first = answers(told, facts)
    second = answers(strategy(name, {}), deepcopy(facts))

    assert first == second
    assert any(isinstance(decision, Rebalance) for decision in first)


@every_strategy
@every_seed
def test_every_holding_is_named_and_the_weights_are_finite_and_within_the_gross(name, seed):
    told, facts = asked(name, seed)

    moves = [move for move in answers(told, facts) if isinstance(move, Rebalance)]

    assert moves
    for move in moves:
        assert {told.needs.holds[0], told.needs.holds[-1], "ZZZ"} <= set(move.targets)
        assert move.targets["ZZZ"] == 0.0
        assert {symbol for symbol, weight in move.targets.items() if weight} <= set(
            told.needs.holds
        )
        assert all(map(math.isfinite, move.targets.values()))
        assert sum(map(abs, move.targets.values())) <= told.needs.gross + 1e-9


@every_strategy
def test_the_warm_up_is_over_within_the_needed_sessions(name):
    told = strategy(name, {})
    closes = random_closes(told.needs.symbols, told.needs.sessions + MORE, seed=4)

    frame = told.features(facts_of(closes))

    warm = frame[frame.index.get_level_values(0) >= closes.index[told.needs.sessions - 1]]
    assert len(warm)
    assert np.isfinite(warm.to_numpy(dtype=float)).all()


@every_strategy
def test_the_rows_are_sessions_in_order(name):
    told, facts = asked(name, seed=0)

    frame = told.features(facts)

    assert frame.index.is_monotonic_increasing
    assert frame.index.is_unique
    assert set(frame.index.get_level_values(0)) <= set(facts.closes.index)


@every_strategy
def test_what_it_may_hold_and_can_not_do_without_is_what_it_reads(name):
    needs = strategy(name, {}).needs

    assert set(needs.holds) | set(needs.vital) <= set(needs.symbols)
    assert len(set(needs.symbols)) == len(needs.symbols)


@pytest.mark.parametrize("path", sorted(ROOM.glob("*.py")), ids=lambda path: path.stem)
def test_strategies_import_the_domain_and_nothing_that_does(path):
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))

    imported = {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    imported |= {
        alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names
    }
    roots = {name.split(".")[0] for name in imported if not name.startswith("bot.domain.")}
    assert roots <= WORLD
    assert not roots & FORBIDDEN
