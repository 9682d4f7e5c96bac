from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pandas as pd
import pytest

from bot.bars import Bars
from bot.domain.errors import Blocked, DataError
from bot.domain.memory import Decided, Standing
from bot.domain.model import Action, OrderIntent, OrderReport, OrderStatus, Portfolio, Side
from bot.domain.strategy import Hold, Needs
from bot.track_record import Recorder, Traded
from tests.adapters.worlds import CALENDAR
from tests.builders import NOW, Money, a_portfolio, a_run, a_session, usd_targets

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 30), date(2026, 3, 31), date(2026, 4, 1)
DAYS = pd.DatetimeIndex([MONDAY, TUESDAY, WEDNESDAY])
HOLDS = ("BIL", "VOO")
NONE = float("nan")
CLOSES = pd.DataFrame({"VOO": [100.0, 110.0, 121.0], "BIL": [50.0, NONE, 60.0]}, DAYS)
BARS = Bars(CLOSES, None, Needs(HOLDS, HOLDS, HOLDS, 1), CALENDAR)
PRICES = {"VOO": Decimal(100), "BIL": Decimal(50)}


def decided(day: date = TUESDAY) -> Decided:
    return Decided(
        run=a_run(day=day),
        at=NOW,
        decision=Hold("not_due"),
        following=None,
        since=day,
        late=False,
        equity=Decimal(1000),
        prices={},
        portfolio=a_portfolio(1000),
    )


def filled(
    action: Action, shares: int, price: Money, symbol: str = "VOO", commission: Money = 0
) -> Standing:
    order = OrderIntent(a_run(), symbol, action, shares, None)
    report = replace(
        OrderReport.of(order, OrderStatus.FILLED),
        filled=shares,
        average_price=Decimal(price),
        commission=Decimal(commission),
    )
    return Standing(order, Side.BUY if action.takes_shares else Side.SELL, NOW, report)


def a_recorder(cash: int = 1000, **shares: int) -> Recorder:
    return Recorder(a_portfolio(cash, **shares), MONDAY, BARS)


def recorded(
    *orders: Standing, prices: Mapping[str, Decimal] = PRICES, day: date = TUESDAY
) -> tuple[Traded, ...]:
    recorder = a_recorder()
    recorder.keep([day], a_portfolio(1000))
    recorder.add(orders, decided(), a_session(day), prices)
    return tuple(recorder.ended(HOLDS, None).trades)


def kept(*accounts: Portfolio) -> Recorder:
    recorder = a_recorder()
    for day, account in zip((MONDAY, TUESDAY, WEDNESDAY), accounts, strict=False):
        recorder.keep([day], account)
    return recorder


def test_a_trade_says_when_for_which_decision_how_much_and_at_what_price():
    traded = recorded(filled(Action.BUY, 10, "100.1", commission=1), day=WEDNESDAY)

    assert traded == (
        Traded(
            session=WEDNESDAY,
            decided=TUESDAY,
            symbol="VOO",
            action=Action.BUY,
            shares=10,
            price=Decimal("100.1"),
            commission=Decimal(1),
            cost=Decimal(1),
        ),
    )


COSTS = [
    (Action.BUY, "100.2", 2),
    (Action.BUY, "99.9", -1),
    (Action.SELL, "99.8", 2),
    (Action.SELL, "100.1", -1),
    (Action.SELL_SHORT, "99.8", 2),
    (Action.BUY_TO_COVER, "100.2", 2),
    (Action.BUY, "100", 0),
]


@pytest.mark.parametrize(("action", "price", "cost"), COSTS)
def test_slippage_costs_what_a_fill_is_worse_than_the_price_seen(action, price, cost):
    (traded,) = recorded(filled(action, 10, price))

    assert traded.cost == cost


def test_a_fill_nobody_saw_a_price_of_has_no_slippage():
    (traded,) = recorded(filled(Action.SELL, 10, "97"), prices={})

    assert traded.cost == 0


def test_a_partial_fill_counts_as_far_as_it_went():
    order = filled(Action.BUY, 10, "101")
    part = replace(order, report=replace(order.report, filled=4, status=OrderStatus.CANCELLED))

    (traded,) = recorded(part)

    assert (traded.shares, traded.cost) == (4, 4)


def test_equity_is_cash_and_shares_at_the_closes():
    record = kept(a_portfolio(500), a_portfolio(50, VOO=4), a_portfolio(0, VOO=4, BIL=2)).ended(
        HOLDS, None
    )

    assert record.equity.tolist() == [500, 50 + 440, 484 + 120]
    assert record.cash.tolist() == [500, 50, 0]
    assert list(record.equity.index) == list(DAYS)


def test_weights_are_shares_of_equity_in_the_order_asked_for():
    record = kept(a_portfolio(500), a_portfolio(60, VOO=4)).ended(HOLDS, None)

    assert list(record.weights.columns) == ["BIL", "VOO"]
    assert record.weights.to_numpy().tolist() == [[0, 0], [0, 0.88]]


def test_what_has_no_close_of_the_session_is_worth_its_last_one():
    record = kept(a_portfolio(0, BIL=2), a_portfolio(0, BIL=2)).ended(HOLDS, None)

    assert record.equity.tolist() == [100, 100]


def test_parts_of_shares_are_worth_their_part():
    assert kept(a_portfolio(0, VOO="0.5")).ended(HOLDS, None).equity.tolist() == [50]


def test_a_holding_without_any_price_is_an_error_and_no_zero():
    late = Bars(CLOSES.assign(VOO=[NONE, NONE, 121.0]), None, Needs(HOLDS, HOLDS, (), 1), CALENDAR)

    recorder = Recorder(a_portfolio(100), MONDAY, late)
    recorder.keep([MONDAY], a_portfolio(0, VOO=1))

    with pytest.raises(DataError, match="never_priced"):
        recorder.ended(HOLDS, None)


def test_turnover_is_half_of_what_a_session_traded_over_its_equity():
    recorder = kept(a_portfolio(1000), a_portfolio(560, VOO=4), a_portfolio(560, VOO=4))
    orders = [filled(Action.BUY, 4, 110), filled(Action.SELL, 2, 52, "BIL")]
    recorder.add(orders, decided(), a_session(TUESDAY), PRICES)

    record = recorder.ended(HOLDS, None)

    assert record.traded.tolist() == [0, 544, 0]
    assert record.turnover.tolist() == [0, 0.272, 0]


def test_two_runs_of_a_session_add_up():
    recorder = kept(a_portfolio(1000))
    for order in (filled(Action.BUY, 1, 100), filled(Action.SELL, 1, 99)):
        recorder.add([order], decided(), a_session(MONDAY), PRICES)

    assert recorder.ended(HOLDS, None).traded.tolist() == [199]


def test_what_kept_a_book_from_trading_is_remembered():
    recorder = kept(a_portfolio(1000))
    recorder.blocked[MONDAY] = Blocked("no_equity")
    recorder.owed.append(TUESDAY)
    recorder.small.append(WEDNESDAY)

    record = recorder.ended(HOLDS, WEDNESDAY)

    assert [reason.code for reason in record.blocked.values()] == ["no_equity"]
    assert (record.owed, record.small, record.pending) == ((TUESDAY,), (WEDNESDAY,), WEDNESDAY)


def test_an_account_opens_at_the_prices_of_its_first_session():
    record = a_recorder(500, VOO=3).ended(HOLDS, None)

    assert record.opened == 500 + 3 * float(BARS.last_closes("VOO", [MONDAY])[0])


def test_the_drift_is_the_part_of_equity_that_lies_elsewhere_than_wanted():
    recorder = kept(a_portfolio(500), a_portfolio(60, VOO=4), a_portfolio(60, VOO=4))
    recorder.aim(TUESDAY, usd_targets(500, VOO=475, BIL=0))

    record = recorder.ended(HOLDS, None)

    assert record.wanted.to_dict("list") == {"BIL": [0.0], "VOO": [0.95]}
    # Held 440 of 500 in VOO where 475 were wanted: seven hundredths lie in cash.
    assert record.drift.to_dict() == {DAYS[1]: pytest.approx(0.07)}


def test_of_no_equity_nothing_is_wanted():
    recorder = kept(a_portfolio(0))
    recorder.aim(MONDAY, usd_targets(0, VOO=0))

    record = recorder.ended(HOLDS, None)

    assert record.wanted.empty
    assert record.drift.empty


def test_sessions_on_which_nothing_changed_are_kept_at_once():
    at_once, one_by_one = a_recorder(), kept(*[a_portfolio(500, VOO=2)] * 3)

    at_once.keep([MONDAY, TUESDAY, WEDNESDAY], a_portfolio(500, VOO=2))

    together, apart = at_once.ended(HOLDS, None), one_by_one.ended(HOLDS, None)
    pd.testing.assert_series_equal(together.equity, apart.equity, check_exact=True)
    pd.testing.assert_frame_equal(together.weights, apart.weights, check_exact=True)
