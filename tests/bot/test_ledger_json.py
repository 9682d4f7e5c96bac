import math
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import ledger_json
from bot.domain.errors import LedgerError
from bot.domain.memory import Mark
from bot.domain.model import AccountKind, Note, Portfolio, Role
from bot.domain.strategy import Hold, Rebalance

names = st.text(max_size=8)
decimals = st.decimals(allow_nan=False)
floats = st.floats(allow_nan=False)
weights = st.floats(-2, 2)
moments = st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-5))]))
scalars = st.one_of(
    st.none(), names, st.booleans(), st.integers(), floats, decimals, st.dates(), moments
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple), st.dictionaries(names, inner, max_size=3)
    ),
    max_leaves=6,
)
named = st.dictionaries(names, values, max_size=4)
amounts = st.dictionaries(names, decimals, max_size=4)
notes = st.lists(st.builds(Note, names, names, named), max_size=3).map(tuple)
portfolios = st.builds(
    Portfolio,
    account=names,
    cash=decimals,
    settled=decimals,
    spendable=decimals,
    shares=amounts,
    sellable=amounts,
    hands_off=amounts,
    others=st.lists(names, max_size=3).map(tuple),
    foreign_cash=amounts,
    kind=st.sampled_from([None, *AccountKind]),
)
rebalances = st.builds(
    Rebalance,
    targets=st.dictionaries(names, weights, max_size=4),
    reason=names,
    flags=st.lists(names, max_size=3).map(tuple),
    roles=st.dictionaries(names, st.sampled_from(Role), max_size=3),
    reserve=weights,
    locked=st.dictionaries(names, weights, max_size=2),
    lapses=st.booleans(),
    blind=st.booleans(),
)
decisions = st.one_of(rebalances, st.builds(Hold, names))
marks = st.dictionaries(names, st.builds(Mark, floats, floats, st.booleans(), floats), max_size=4)


def kinds(value: object) -> object:
    """The types of a value and all it holds, for 1, 1.0 and Decimal(1) are equal."""
    if isinstance(value, dict):
        return {name: kinds(inner) for name, inner in value.items()}
    return [kinds(inner) for inner in value] if isinstance(value, tuple) else type(value)


@given(named)
def test_values_come_back_with_their_types(told):
    kept = ledger_json.read_values(ledger_json.write_values(told))

    assert kept == told
    assert kinds(kept) == kinds(told)


@given(decimals)
def test_a_decimal_comes_back_to_its_last_digit(amount):
    kept = ledger_json.read_amounts(ledger_json.write_amounts({"VOO": amount}))

    assert str(kept["VOO"]) == str(amount)


@given(portfolios)
def test_an_account_comes_back(portfolio):
    assert ledger_json.read_portfolio(ledger_json.write_portfolio(portfolio)) == portfolio


@given(decisions)
def test_a_decision_comes_back(decision):
    assert ledger_json.read_decision(ledger_json.write_decision(decision)) == decision


@given(rebalances)
def test_targets_come_back_in_their_order(rebalance):
    kept = ledger_json.read_rebalance(ledger_json.write_decision(rebalance))

    assert list(kept.targets.items()) == list(rebalance.targets.items())


@given(notes)
def test_notes_come_back_in_their_order(told):
    assert ledger_json.read_notes(ledger_json.write_notes(told)) == told


def test_a_note_keeps_what_has_no_written_form_as_its_text():
    values = {"path": Path("prices.csv"), "newest": datetime.combine(date(2026, 3, 31), time())}

    (kept,) = ledger_json.read_notes(ledger_json.write_notes([Note("no_prices", "", values)]))

    assert kept.values == {"path": "prices.csv", "newest": "2026-03-31 00:00:00"}


@given(marks)
def test_marks_come_back(told):
    assert ledger_json.read_marks(ledger_json.write_marks(told)) == told


@given(st.dictionaries(names, floats))
def test_numbers_come_back_to_the_last_bit(numbers):
    kept = ledger_json.read_numbers(ledger_json.write_numbers(numbers))

    assert {n: v.hex() for n, v in kept.items()} == {n: v.hex() for n, v in numbers.items()}


@given(st.dictionaries(names, st.integers(0)))
def test_counts_come_back(counts):
    assert ledger_json.read_counts(ledger_json.write_counts(counts)) == counts


def test_a_number_that_is_none_stays_so():
    kept = ledger_json.read_numbers(ledger_json.write_numbers({"sigma": math.nan}))

    assert math.isnan(kept["sigma"])


@given(moments, moments)
def test_the_text_of_times_has_the_order_of_time(one, other):
    texts = ledger_json.write_moment(one), ledger_json.write_moment(other)

    assert (texts[0] < texts[1]) == (one < other)


def test_a_time_is_written_in_utc_with_microseconds():
    at = datetime(2026, 3, 31, 15, 45, tzinfo=timezone(timedelta(hours=-4)))

    assert ledger_json.write_moment(at) == "2026-03-31T19:45:00.000000+00:00"


def test_a_list_comes_back_as_a_tuple():
    kept = ledger_json.read_values(ledger_json.write_values({"symbols": ["VOO", "BIL"]}))

    assert kept == {"symbols": ("VOO", "BIL")}


def test_a_time_without_a_zone_is_refused():
    naive = datetime(2026, 3, 31)  # noqa: DTZ001 - the naive time is the point

    with pytest.raises(LedgerError, match="naive_time"):
        ledger_json.write_values({"at": naive})


def test_a_value_without_a_written_form_is_refused_by_its_type():
    with pytest.raises(LedgerError) as refused:
        ledger_json.write_values({"day": {date(2026, 3, 31)}})

    assert refused.value.code == "not_storable"
    assert refused.value.values == {"type": "set"}


def test_a_mark_of_an_earlier_version_has_no_change():
    earlier = '{"VOO":[100.0,0.01,true]}'

    assert ledger_json.read_marks(earlier) == {"VOO": Mark(100.0, 0.01)}
