from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from adapters.synthetic import synthetic_prices
from bot.backtest import Experiment, FillAt, backtest
from bot.domain.account import Opening
from bot.domain.distributions import raw_of
from bot.domain.errors import DataError, Halted
from bot.domain.fills import FillRules
from bot.domain.model import Proceeds, TradingRules
from bot.domain.strategy import Book, Decision, Facts, Hold, Strategy, View
from bot.sessions import nyse
from bot.track_record import TrackRecord
from strategies.global_etf_rotation import GlobalEtfRotation
from strategies.soxl_soxx_trend_income import SoxlSoxxTrendIncome
from strategies.tqqq_growth_income import TqqqGrowthIncome
from tests.bot.floor import CALENDAR
from tests.fakes import Wants

FIRST = date(2026, 3, 2)
ROTATED = nyse(date(2018, 12, 31), date(2023, 12, 29))
NO_DISTANCE = {"buy_premium": Decimal(0), "sell_discount": Decimal(0)}
RULES = TradingRules(proceeds=Proceeds.SAME_DAY, **NO_DISTANCE)
AT_A_DISTANCE = TradingRules(proceeds=Proceeds.SAME_DAY)
DAYS = CALENDAR.index(date(2026, 2, 2), date(2026, 4, 30), 0)


def day(count: int) -> date:
    """The session so many after the first."""
    return CALENDAR.after(FIRST, count).date if count else FIRST


def closes(**prices: float | Sequence[float]) -> pd.DataFrame:
    """Prices that stand still, or move from FIRST on as they are listed; then they stand."""
    table = pd.DataFrame(index=DAYS, dtype=float)
    at = int(DAYS.searchsorted(pd.Timestamp(FIRST)))
    for symbol, told in prices.items():
        listed = [told] if isinstance(told, int | float) else list(told)
        column = np.full(len(DAYS), float(listed[-1]))
        column[:at] = listed[0]
        column[at : at + len(listed)] = listed
        table[symbol] = column
    return table


def tried(
    strategy: Strategy | Mapping[str, float],
    prices: pd.DataFrame,
    *,
    opens: pd.DataFrame | None = None,
    cash: int = 1000,
    sessions: int = 5,
    rules: TradingRules = RULES,
    **differing: object,
) -> TrackRecord:
    wanted = Wants(strategy, history=1) if isinstance(strategy, Mapping) else strategy
    book = Book("main", "test", "PAPER", wanted, rules, timedelta(minutes=15), Decimal(500))
    experiment = Experiment(book, Opening("PAPER", Decimal(cash)), FIRST, day(sessions - 1))
    facts = Facts(prices, CALENDAR.index(DAYS[0].date(), DAYS[-1].date()))
    return backtest(replace(experiment, **differing), facts, CALENDAR, opens)


def trades(record: TrackRecord) -> list[tuple[date, str, str, int, Decimal]]:
    return [(t.session, t.symbol, t.action.value, t.shares, t.price) for t in record.trades]


def test_a_decision_is_traded_at_its_own_close():
    record = tried({"VOO": 0.5}, closes(VOO=[100, 100, 100]))

    assert trades(record) == [(FIRST, "VOO", "buy", 5, Decimal(100))]
    assert record.equity.tolist() == [1000.0] * 5
    assert record.cash.tolist() == [500.0] * 5
    assert record.weights["VOO"].tolist() == [0.5] * 5
    assert record.traded.tolist() == [500.0, 0.0, 0.0, 0.0, 0.0]
    assert record.turnover.iloc[0] == 0.25


@pytest.mark.parametrize(
    ("fill", "price"), [(FillAt.NEXT_OPEN, 103), (FillAt.NEXT_CLOSE, 104)], ids=str
)
def test_a_decision_is_traded_on_the_next_session(fill, price):
    prices = closes(VOO=[100, 104, 104])
    opens = closes(VOO=[99, 103, 104])

    record = tried({"VOO": 0.5}, prices, opens=opens, fill=fill)

    first = record.trades[0]
    assert (first.decided, first.session) == (FIRST, day(1))
    assert (first.shares, first.price) == (5, Decimal(price))
    assert record.equity.iloc[:2].tolist() == [1000.0, 1000.0 + 5 * (104 - price)]


def test_a_decision_of_the_last_session_is_never_traded_on_the_next():
    record = tried({"VOO": 0.5}, closes(VOO=100), sessions=1, fill=FillAt.NEXT_CLOSE)

    assert (record.trades, record.pending) == ((), FIRST)


def test_without_opens_nothing_fills_at_an_opening():
    with pytest.raises(DataError, match="missing_opens"):
        tried({"VOO": 0.5}, closes(VOO=100), fill=FillAt.NEXT_OPEN)


def test_costs_are_paid_and_told():
    costs = FillRules(slippage=Decimal("0.001"), commission_per_order=Decimal(1))

    record = tried({"VOO": 0.5}, closes(VOO=100), costs=costs, rules=AT_A_DISTANCE)

    (trade,) = record.trades
    assert (trade.price, trade.cost, trade.commission) == (Decimal("100.1"), Decimal("0.5"), 1)
    assert record.equity.iloc[-1] == pytest.approx(1000 - 0.5 - 1)


def test_what_is_sold_pays_for_what_is_bought():
    switch = Wants({"VOO": 1.0, "QQQ": 0.0}, [FIRST], history=1)
    back = Wants({"VOO": 0.0, "QQQ": 1.0}, history=1)
    both = Turning(switch, back, day(2))

    record = tried(both, closes(VOO=[100, 100, 110, 110], QQQ=50))

    assert trades(record) == [
        (FIRST, "VOO", "buy", 10, Decimal(100)),
        (day(2), "VOO", "sell", 10, Decimal(110)),
        (day(2), "QQQ", "buy", 22, Decimal(50)),
    ]
    assert record.equity.tolist() == [1000.0, 1000.0, 1100.0, 1100.0, 1100.0]


class Turning(Wants):
    """A strategy that changes its mind on a day."""

    def __init__(self, before: Wants, after: Wants, turns: date) -> None:
        object.__setattr__(self, "_parts", (before, after, turns))
        super().__init__(before.weights, None, history=1)

    __slots__ = ("_parts",)

    def decide(self, view):
        before, after, turns = self._parts
        return (before if view.session < turns else after).decide(view)


def test_money_that_is_not_settled_is_owed_and_buys_the_next_session():
    rules = replace(RULES, proceeds=Proceeds.SETTLED)
    turning = Turning(
        Wants({"VOO": 1.0, "QQQ": 0.0}, history=1),
        Wants({"VOO": 0.0, "QQQ": 1.0}, history=1),
        day(1),
    )

    record = tried(turning, closes(VOO=100, QQQ=50), rules=rules)

    assert [(session, symbol) for session, symbol, *_ in trades(record)] == [
        (FIRST, "VOO"),
        (day(1), "VOO"),
        (day(2), "QQQ"),
    ]
    assert record.owed == (day(1),)


def test_sessions_below_the_recommended_equity_are_counted():
    record = tried({"VOO": 0.5}, closes(VOO=100), cash=400)

    assert len(record.small) == 5


def test_a_session_whose_vital_price_is_missing_is_blocked_and_its_targets_are_caught_up():
    prices = closes(VOO=100, SPY=300)
    prices.loc[pd.Timestamp(day(1)), "SPY"] = np.nan
    due = Wants({"VOO": 0.5}, [day(1)], vital=("SPY",), history=1, others=("SPY",))

    record = tried(due, prices)

    assert {at: reason.code for at, reason in record.blocked.items()} == {
        day(1): "vital_quote_stale",
        day(2): "vital_history_stale",
    }
    assert [(t.session, t.decided) for t in record.trades] == [(day(3), day(3))]


def test_what_looks_like_a_split_is_no_bar_and_nothing_is_traded_in_it():
    record = tried(Nearest({"VOO": 0.5}), closes(VOO=[100, 50, 50, 50], QQQ=50), sessions=3)

    assert Nearest.seen == pytest.approx([100.0, np.nan, 50.0], nan_ok=True)
    assert {t.session for t in record.trades if t.symbol == "VOO"} == {FIRST, day(2)}


def test_a_level_that_doubles_is_a_bar():
    told = Nearest({"QQQ": 0.5}, indices=("VOO",))

    tried(told, closes(VOO=[15, 33, 30], QQQ=50), sessions=3)

    assert Nearest.seen == [15.0, 33.0, 30.0]


def test_what_is_decided_blind_is_sold_and_not_bought():
    both = Turning(
        Wants({"VOO": 1.0, "QQQ": 0.0}, history=1),
        Wants({"VOO": 0.0, "QQQ": 1.0}, history=1, blind=True),
        day(1),
    )

    record = tried(both, closes(VOO=100, QQQ=50))

    assert [(session, symbol, action) for session, symbol, action, *_ in trades(record)] == [
        (FIRST, "VOO", "buy"),
        (day(1), "VOO", "sell"),
    ]
    assert day(1) in record.owed


class Nearest(Wants):
    """A strategy that remembers which closes of VOO it was shown."""

    seen: list[float] = []  # noqa: RUF012 - the test's notebook

    def __init__(self, weights: Mapping[str, float], indices: tuple[str, ...] = ()) -> None:
        super().__init__(weights, None, history=1, indices=indices)
        Nearest.seen = []

    def decide(self, view):
        Nearest.seen.append(view.features.numbers["VOO"])
        return super().decide(view)


def test_a_symbol_without_a_price_is_valued_at_its_last_and_owed():
    prices = closes(VOO=100, QQQ=50)
    prices.loc[pd.Timestamp(day(1)) :, "QQQ"] = np.nan

    record = tried({"VOO": 0.5, "QQQ": 0.5}, prices, sessions=3)

    assert record.equity.tolist() == [1000.0] * 3


@pytest.mark.parametrize("cut", [6, 9, 14])
def test_the_future_changes_nothing_before_it(cut):
    rng = np.random.default_rng(4)
    prices = closes(VOO=100, QQQ=50) * np.exp(rng.normal(0, 0.02, (len(DAYS), 2)).cumsum(axis=0))
    changed = prices.copy()
    changed.loc[pd.Timestamp(day(cut)) :] *= 1.1

    first = tried({"VOO": 0.6, "QQQ": 0.4}, prices, sessions=20)
    second = tried({"VOO": 0.6, "QQQ": 0.4}, changed, sessions=20)

    assert [t for t in trades(first) if t[0] < day(cut)] == [
        t for t in trades(second) if t[0] < day(cut)
    ]
    assert first.equity.iloc[:cut].tolist() == second.equity.iloc[:cut].tolist()


def test_cash_is_what_the_trades_left():
    rng = np.random.default_rng(5)
    prices = closes(VOO=100, QQQ=50) * np.exp(rng.normal(0, 0.03, (len(DAYS), 2)).cumsum(axis=0))
    costs = FillRules(slippage=Decimal("0.001"), commission_per_share=Decimal("0.01"))

    record = tried(
        {"VOO": 0.6, "QQQ": 0.4}, prices.round(4), sessions=20, costs=costs, rules=AT_A_DISTANCE
    )

    moved = sum(
        (-1 if t.action.takes_shares else 1) * t.shares * t.price - t.commission
        for t in record.trades
    )
    assert record.trades
    assert record.cash.iloc[-1] == pytest.approx(float(1000 + moved))


@pytest.mark.parametrize(
    ("span", "code"),
    [
        ({"first": date(2026, 2, 3)}, "begins_too_early"),
        ({"first": date(2026, 3, 8), "last": date(2026, 3, 8)}, "no_sessions_played"),
        ({"first": day(4), "last": day(1)}, "no_sessions_played"),
    ],
)
def test_a_span_that_can_not_be_played_is_refused(span, code):
    strategy = Wants({"VOO": 0.5}, vital=("VOO",), history=10)

    with pytest.raises(DataError, match=code):
        tried(strategy, closes(VOO=100), **span)


def test_too_little_history_is_refused():
    with pytest.raises(DataError, match="too_few_sessions"):
        tried(Wants({"VOO": 0.5}, vital=("VOO",), history=400), closes(VOO=100))


def test_left_out_the_span_begins_with_history_and_every_price_and_ends_with_them():
    prices = closes(VOO=100, QQQ=50)
    prices.loc[: pd.Timestamp(day(2)), "QQQ"] = np.nan

    record = tried(
        Wants({"VOO": 0.5, "QQQ": 0.5}, vital=("VOO",), history=3), prices, first=None, last=None
    )

    assert record.equity.index[0].date() == day(4)
    assert record.equity.index[-1] == DAYS[-1]


SHORTING = replace(RULES, shorting=True, proceeds=Proceeds.MARGIN)


def test_a_hedge_gains_what_its_short_loses_and_its_long_gains():
    prices = closes(QQQ=[100, 110, 110], IWM=[50, 45, 45])

    record = tried(
        Wants({"QQQ": 0.5, "IWM": -0.5}, [FIRST], history=1),
        prices,
        cash=10_000,
        rules=SHORTING,
        costs=FillRules(shorting=True),
    )

    assert trades(record) == [
        (FIRST, "IWM", "sell_short", 100, Decimal(50)),
        (FIRST, "QQQ", "buy", 50, Decimal(100)),
    ]
    assert record.equity.tolist()[:2] == [10_000.0, 11_000.0]
    assert record.weights["IWM"].iloc[0] == -0.5


def test_a_backtest_knows_when_short_sales_are_restricted():
    prices = closes(IWM=[50, 44, 44, 44])

    record = tried(
        Wants({"IWM": -0.5}, [day(1), day(2), day(3)], history=1),
        prices,
        cash=10_000,
        rules=SHORTING,
        costs=FillRules(shorting=True),
    )

    assert [trade.session for trade in record.trades] == [day(3)]


def test_shorts_that_the_rules_do_not_allow_end_it():
    with pytest.raises(Halted, match="shorting_not_allowed"):
        tried(Shorting({"VOO": -0.5}), closes(VOO=100))


class Shorting(Wants):
    def __init__(self, weights: Mapping[str, float]) -> None:
        super().__init__(weights, None, history=1)


def test_every_session_is_watched():
    seen = []
    book = Book("main", "test", "PAPER", Wants({"VOO": 0.5}, history=1), RULES)
    experiment = Experiment(book, Opening("PAPER", Decimal(1000)), FIRST, day(2))
    facts = Facts(closes(VOO=100), CALENDAR.index(DAYS[0].date(), DAYS[-1].date()))

    backtest(experiment, facts, CALENDAR, watch=lambda done, of: seen.append((done, of)))

    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("fill", [FillAt.CLOSE, FillAt.NEXT_CLOSE], ids=str)
def test_a_price_that_moves_is_not_chased_with_the_money_of_yesterday(fill):
    prices = closes(VOO=[100.0 * 1.03**n for n in range(12)])

    record = tried({"VOO": 1.0}, prices, sessions=12, fill=fill)

    assert len(record.trades) == 1


class Restless(GlobalEtfRotation):
    """The same strategy, asked on every session as if it did not know when it waits."""

    waits = None


@pytest.mark.parametrize("printed", [1.0, 1.02, 4.0])
def test_what_is_given_between_two_decisions_is_not_passed_over(printed):
    patient, restless = (
        rotated(kind(), 0, printed=printed) for kind in (GlobalEtfRotation, Restless)
    )

    assert (patient.received > 0, patient.splits > 0) == (printed == 1.02, printed == 4.0)
    assert patient.trades == restless.trades
    pd.testing.assert_series_equal(patient.equity, restless.equity, check_exact=True)


@pytest.mark.parametrize("minimum", [0, 24_000, 40_000])
@pytest.mark.parametrize("seed", range(3))
def test_sessions_that_are_passed_over_would_have_changed_nothing(seed, minimum):
    patient, restless = (rotated(kind(), seed, minimum) for kind in (GlobalEtfRotation, Restless))

    assert_equal_to_the_last_bit(patient, restless)
    assert len(patient.trades) > 10


def planned_always(kind: type[Strategy]) -> Strategy:
    """A strategy whose sessions are all planned: at rest is only what nothing is locked of."""

    class Locking(kind):
        def decide(self, view: View) -> Decision:
            said = super().decide(view)
            if isinstance(said, Hold):
                return said
            return replace(said, locked={**said.locked, "NOBODY": 0.0})

    return Locking()


@pytest.mark.parametrize("band", ["0", "0.005"])
@pytest.mark.parametrize("kind", [GlobalEtfRotation, TqqqGrowthIncome, SoxlSoxxTrendIncome])
def test_sessions_that_are_not_planned_would_have_changed_nothing(kind, band):
    rules = replace(RULES, band=Decimal(band))

    resting, planned = (rotated(each, 0, rules=rules) for each in (kind(), planned_always(kind)))

    assert len(resting.wanted) > len({trade.session for trade in resting.trades}) > 5
    assert_equal_to_the_last_bit(resting, planned)
    pd.testing.assert_frame_equal(resting.wanted, planned.wanted, check_exact=True)


def assert_equal_to_the_last_bit(one: TrackRecord, other: TrackRecord) -> None:
    assert one.trades == other.trades
    assert (one.small, one.owed, one.pending) == (other.small, other.owed, other.pending)
    assert one.blocked.keys() == other.blocked.keys()
    pd.testing.assert_series_equal(one.equity, other.equity, check_exact=True)
    pd.testing.assert_frame_equal(one.weights, other.weights, check_exact=True)


def rotated(
    strategy: Strategy,
    seed: int,
    minimum: int = 0,
    printed: float = 1.0,
    rules: TradingRules = RULES,
) -> TrackRecord:
    """With `printed` the raw prices are that much higher until three quarters of history."""
    days = ROTATED.index(date(2019, 1, 2), date(2022, 12, 30), 0)
    prices = synthetic_prices(strategy.needs.symbols, days, seed)
    prices.iloc[700, 3], prices.iloc[800:803, -3] = np.nan, np.nan
    book = Book("main", "test", "PAPER", strategy, rules, timedelta(minutes=15), Decimal(minimum))
    facts = Facts(prices, ROTATED.index(days[0].date(), days[-1].date()))
    raw = prices.copy()
    raw.iloc[: len(raw) * 3 // 4] *= printed
    experiment = Experiment(book, Opening("PAPER", Decimal(25_000)))
    return backtest(experiment, facts, ROTATED, raw=raw_of(prices, raw))
