"""The suite every strategy passes."""

import ast
import math
import sys
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import BellwetherError
from bot.domain.features import Features
from bot.domain.strategy import Facts, Hold, Rebalance, Strategy, View
from strategies import PROFILES, strategy
from tests.strategies.builders import (
    STOCKS,
    between,
    facts_for,
    gappy_closes,
    holdings,
    random_closes,
)

MORE = 420
ROOM = Path(__file__).parents[2] / "strategies"
FORBIDDEN = {"asyncio", "datetime.now", "os", "pathlib", "random", "socket", "sys", "time"}
WORLD = sys.stdlib_module_names | {"numpy", "pandas", "strategies"}

every_strategy = pytest.mark.parametrize("name", PROFILES)
every_seed = pytest.mark.parametrize("seed", range(3))
every_life = pytest.mark.parametrize("lives", [random_closes, gappy_closes])


def asked(name, seed, lives=gappy_closes) -> tuple[Strategy, Facts]:
    told = strategy(name, {})
    return told, facts_for(told, lives, told.needs.sessions + MORE, seed)


def held_of(told: Strategy):
    stocks = {STOCKS[2]: 5.0, STOCKS[9]: 1.0} if told.needs.universe else {}
    return holdings(**{told.needs.holds[0]: 3.0, told.needs.holds[-1]: 0.5, **stocks, "ZZZ": 2.0})


def may_hold(told: Strategy, facts: Facts) -> set[str]:
    universe = told.needs.universe
    return {*told.needs.holds, *(facts.feeds[universe]["symbol"] if universe else ())}


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
    days, needed = facts.closes.index, told.needs.sessions
    due = [day for day in days[needed:] if day in whole.index.get_level_values(0)]

    for today in {*due[:: len(due) // 12 + 1], *days[needed::120]}:
        window = between(facts, days[days.get_loc(today) - needed + 1], today)
        row, expected = told.features(window).loc[today:], whole.loc[today:today]
        pd.testing.assert_frame_equal(row, expected, check_exact=True)


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

    features = Features(told, facts)
    warm = facts.closes.index[told.needs.sessions].date()
    young = [answer(features, session, {}) for session in features]
    said = [answer(features, session, held_of(told)) for session in features if session >= warm]

    moves = [move for move in (*young, *said) if isinstance(move, Rebalance)]
    assert len({move.reason for move in moves}) > 1
    assert len({tuple(move.targets.items()) for move in moves}) > 1
    assert not any(isinstance(refused, str) for refused in said)


@every_strategy
@every_seed
@every_life
def test_a_session_it_says_to_wait_on_changes_nothing_whatever_is_held(name, seed, lives):
    told, facts = asked(name, seed, lives)
    features = Features(told, facts)

    for session in [day for day in features if features.waits(day)]:
        for held in ({}, held_of(told)):
            view = View(session, features.rows(session), held, 25_000.0)
            assert told.decide(view) == Hold("not_due")


@every_strategy
@every_seed
@every_life
def test_every_holding_is_named_and_the_weights_are_finite_and_within_the_gross(name, seed, lives):
    told, facts = asked(name, seed, lives)
    held, allowed = held_of(told), may_hold(told, facts)

    features = Features(told, facts)
    moves = [answer(features, session, held) for session in features]
    moves = [move for move in moves if isinstance(move, Rebalance)]

    assert moves or lives is gappy_closes
    for move in moves:
        assert set(held) <= set(move.targets)
        assert move.targets["ZZZ"] == 0.0
        assert {symbol for symbol, weight in move.targets.items() if weight} <= allowed
        assert all(map(math.isfinite, move.targets.values()))
        assert sum(map(abs, move.targets.values())) <= told.needs.gross + 1e-9


@every_strategy
def test_the_warm_up_is_over_within_the_needed_sessions(name):
    told = strategy(name, {})
    facts = facts_for(told, random_closes, told.needs.sessions + MORE, seed=4)

    frame = told.features(facts)

    days = frame.index.get_level_values(0)
    numbers = frame.select_dtypes(["number", "bool"]).astype(float)
    known = numbers.groupby(days).max()[facts.closes.index[told.needs.sessions - 1] :]
    assert len(known)
    assert np.isfinite(known.to_numpy()).all()


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
