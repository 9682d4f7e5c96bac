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

from bot.domain.errors import BellwetherError
from bot.domain.strategy import Facts, Features, Rebalance, Strategy
from strategies import PROFILES, strategy
from tests.strategies.builders import facts_of, gappy_closes, holdings, random_closes

MORE = 420
ROOM = Path(__file__).parents[2] / "strategies"
FORBIDDEN = {"asyncio", "datetime.now", "os", "pathlib", "random", "socket", "sys", "time"}
WORLD = sys.stdlib_module_names | {"numpy", "pandas", "strategies"}

every_strategy = pytest.mark.parametrize("name", PROFILES)
every_seed = pytest.mark.parametrize("seed", range(3))
every_life = pytest.mark.parametrize("lives", [random_closes, gappy_closes])


def asked(name, seed, lives=gappy_closes) -> tuple[Strategy, Facts]:
    told = strategy(name, {})
    return told, facts_of(lives(told.needs.symbols, told.needs.sessions + MORE, seed))


def held_of(told: Strategy):
    return holdings(**{told.needs.holds[0]: 3.0, told.needs.holds[-1]: 0.5, "ZZZ": 2.0})


def answers(told: Strategy, facts: Facts) -> list[object]:
    """What it says of every session, holding something and nothing; a refusal is an answer."""
    features = Features(told, facts)
    return [answer(features, session, held) for held in (held_of(told), {}) for session in features]


def answer(features, session, held):
    try:
        return features.decide(session, held, 25_000.0)
    except BellwetherError as refusal:
        return refusal.code


@every_strategy
@every_seed
@every_life
def test_later_facts_change_no_earlier_row(name, seed, lives):
    told, facts = asked(name, seed, lives)
    whole = told.features(facts)

    for position in range(told.needs.sessions - 20, len(facts.closes), 47):
        then = facts.closes.index[position]
        pd.testing.assert_frame_equal(
            told.features(facts.until(then.date())), whole.loc[:then], check_exact=True
        )


@every_strategy
@every_seed
@every_life
def test_the_needed_sessions_alone_give_the_same_row_bit_for_bit(name, seed, lives):
    told, facts = asked(name, seed, lives)
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
@every_life
def test_equal_views_give_equal_decisions(name, seed, lives):
    told, facts = asked(name, seed, lives)

    first = answers(told, facts)
    second = answers(strategy(name, {}), deepcopy(facts))

    assert first == second


@every_strategy
@every_seed
def test_an_ordinary_life_changes_its_mind_and_is_never_refused(name, seed):
    told, facts = asked(name, seed, random_closes)

    said = answers(told, facts)[told.needs.sessions :]

    moves = [move for move in said if isinstance(move, Rebalance)]
    assert len({move.reason for move in moves}) > 1
    assert len({tuple(move.targets.items()) for move in moves}) > 1
    assert not any(isinstance(refused, str) for refused in said[:MORE])


@every_strategy
@every_seed
@every_life
def test_every_holding_is_named_and_the_weights_are_finite_and_within_the_gross(name, seed, lives):
    told, facts = asked(name, seed, lives)
    held = held_of(told)

    features = Features(told, facts)
    moves = [answer(features, session, held) for session in features]
    moves = [move for move in moves if isinstance(move, Rebalance)]

    assert moves or lives is gappy_closes
    for move in moves:
        assert set(held) <= set(move.targets)
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
