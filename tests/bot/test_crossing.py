"""The ladder without waiting does what the ladder does: equal orders, fills and account."""

import asyncio
import tempfile
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.paper import PaperBroker
from bot.crossing import Crossing
from bot.domain.account import Opening
from bot.domain.blotter import Blotter, Opened
from bot.domain.fills import FillAtMost, FillRules, Refuse
from bot.domain.memory import Standing
from bot.domain.model import (
    Action,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Plan,
    Portfolio,
    Quote,
    Quotes,
    Side,
    Symbol,
    TradingRules,
)
from bot.domain.money import buy_limit, sell_limit
from bot.execution import call_off, settle
from bot.ladder import LEFT, SELLS_AT, Trade
from bot.ledger import SqlLedger
from bot.ports import Clock, Desk
from bot.schedule import JumpingClock
from tests.adapters.worlds import CALENDAR
from tests.builders import TODAY, Money, a_run, a_session
from tests.fakes import FixedMarket

SESSION = a_session(TODAY)
YESTERDAY = SESSION.closes - timedelta(days=1)
SETTLES = CALENDAR.settles(TODAY)
RULES = TradingRules(premiums={"SOXL": Decimal("0.008")})
FREE = FillRules()


def quoted(
    symbol: Symbol, price: Money, spread: Money = 0, *, fresh: bool = True, halted: bool = False
) -> Quote:
    last, half = Decimal(price), Decimal(spread) / 2
    at = SESSION.closes if fresh else YESTERDAY
    return Quote(symbol, last * (1 - half), last * (1 + half), last, at, halted)


@dataclass(frozen=True)
class Case:
    """What a run meant to do, in which account, at which quotes and costs."""

    cash: Decimal = Decimal(0)
    shares: Mapping[Symbol, Decimal] = field(default_factory=dict)
    quotes: Mapping[Symbol, Quote] = field(default_factory=dict)
    sells: Plan = field(default_factory=Plan)
    buys: Plan = field(default_factory=Plan)
    exits: frozenset[Symbol] = frozenset()
    costs: FillRules = FREE

    @property
    def trade(self) -> Trade:
        return Trade(a_run(), SESSION, RULES, self.exits)

    @property
    def opening(self) -> Opening:
        return Opening("PAPER", self.cash, self.shares)

    @property
    def plans(self) -> dict[Side, Plan]:
        return {Side.SELL: self.sells, Side.BUY: self.buys}


Ending = tuple[list[Standing], Portfolio]


class StandingMarket(FixedMarket):
    """Prices that stand still: quotes are of the moment, the stale ones of yesterday."""

    def __init__(self, quotes: Quotes, clock: Clock) -> None:
        super().__init__(quotes)
        self.clock = clock

    async def quotes(self, symbols: Collection[Symbol]) -> Quotes:
        told, now = await super().quotes(symbols), self.clock.now()
        return {s: q if q.at == YESTERDAY else replace(q, at=now) for s, q in told.items()}


def crossed(case: Case) -> Ending:
    blotter = Blotter(Opened(case.opening, SETTLES))
    crossing = Crossing(case.trade, case.quotes, SESSION.closes, blotter, case.costs)
    for side, plan in case.plans.items():
        crossing.work(side, plan, SETTLES)
    crossing.call_off()
    return crossing.standings, blotter.portfolio(case.costs)


def lived(case: Case) -> Ending:
    """The same orders through the ledger to the paper broker, by the clock."""
    with tempfile.TemporaryDirectory() as folder, closing(SqlLedger.open(None)) as ledger:
        return asyncio.run(_lived(case, ledger, Path(folder) / "paper.jsonl"))


async def _lived(case: Case, ledger: SqlLedger, journal: Path) -> Ending:
    clock = JumpingClock(SESSION.closes - SELLS_AT)
    market = StandingMarket(case.quotes, clock)
    broker = PaperBroker(case.opening, journal, market, CALENDAR, clock, case.costs)
    desk = Desk(broker, market, CALENDAR, ledger, clock)
    for side, plan in case.plans.items():
        ledger.intend(case.trade.run, side, plan, {LEFT: plan.left})
        await settle(case.trade, side, desk)
    await call_off(case.trade, desk)
    return [*ledger.standings(case.trade.run)], await broker.portfolio()


def nameless(ending: Ending) -> Ending:
    """Without the names the broker gives."""
    standings, account = ending
    reports = [s.report and replace(s.report, broker_id="", client_id="") for s in standings]
    kept = [replace(s, report=r) for s, r in zip(standings, reports, strict=True)]
    return kept, account


def an_order(
    symbol: Symbol, action: Action, shares: int, limit: Money | None, attempt: int = 1
) -> OrderIntent:
    price = None if limit is None else Decimal(limit)
    return OrderIntent(a_run(), symbol, action, shares, price, attempt)


def buy(symbol: Symbol, shares: int, limit: Money, attempt: int = 1) -> OrderIntent:
    return an_order(symbol, Action.BUY, shares, limit, attempt)


def sell(symbol: Symbol, shares: int, limit: Money | None, attempt: int = 1) -> OrderIntent:
    return an_order(symbol, Action.SELL, shares, limit, attempt)


def a_case(
    *orders: OrderIntent,
    cash: Money = 0,
    held: Mapping[Symbol, int] | None = None,
    left: Money = 0,
    exits: tuple[Symbol, ...] = (),
    quotes: tuple[Quote, ...] = (),
    **costs: object,
) -> Case:
    """VOO at 100 and BIL at 50, unless `quotes` say otherwise."""
    usual = {"VOO": quoted("VOO", 100), "BIL": quoted("BIL", 50)}
    return Case(
        cash=Decimal(cash),
        shares={symbol: Decimal(n) for symbol, n in (held or {}).items()},
        quotes=usual | {quote.symbol: quote for quote in quotes},
        sells=Plan([o for o in orders if not o.action.takes_shares]),
        buys=Plan([o for o in orders if o.action.takes_shares], left=Decimal(left)),
        exits=frozenset(exits),
        costs=FillRules(**costs),
    )


def minutes(standing: Standing) -> float:
    """Before the close, when an order was sent."""
    assert standing.sent_at
    return (SESSION.closes - standing.sent_at).total_seconds() / 60


def sent(case: Case) -> list[tuple[float, str, int, int]]:
    """Of each order sent: minutes before the close, limit, shares asked for, shares filled."""
    return [
        (minutes(s), str(s.intent.limit), s.intent.shares, s.filled)
        for s in crossed(case)[0]
        if s.sent_at
    ]


def reports(case: Case) -> list[OrderReport]:
    standings, _ = crossed(case)
    return [s.report for s in standings if s.report]


def slip(fraction: str) -> Decimal:
    return Decimal(fraction)


def test_what_fills_at_once_is_sent_once():
    case = a_case(buy("VOO", 10, "100.30"), cash=2000, slippage=slip("0.001"))

    (report,) = reports(case)

    assert sent(case) == [(14.0, "100.30", 10, 10)]
    assert (report.status, report.average_price) == (OrderStatus.FILLED, Decimal("100.1"))


def test_a_limit_the_slippage_is_beyond_is_sent_again_three_times_as_far():
    case = a_case(buy("VOO", 10, "100.30"), cash=2000, left=100, slippage=slip("0.005"))

    assert sent(case) == [(14.0, "100.30", 10, 0), (13.1666666666666666, "100.90", 10, 10)]


def test_a_second_limit_buys_what_the_money_of_the_first_pays_for():
    case = a_case(buy("VOO", 10, "100.30"), cash=1003, slippage=slip("0.005"))

    (_, second) = sent(case)

    assert second[1:] == ("100.90", 9, 9)


def test_a_reduction_beyond_the_second_limit_is_left():
    case = a_case(sell("VOO", 5, "99.70"), held={"VOO": 10}, slippage=slip("0.02"))

    standings, account = crossed(case)

    assert [s.filled for s in standings] == [0, 0]
    assert [s.report.status for s in standings] == [OrderStatus.CANCELLED] * 2
    assert account.shares == account.sellable == {"VOO": 10}


def test_an_exit_goes_to_market_six_minutes_before_the_close():
    case = a_case(sell("VOO", 10, "99.70"), held={"VOO": 10}, exits=("VOO",), slippage=slip("0.02"))

    *_, last = sent(case)

    assert last == (pytest.approx(6, abs=0.1), "None", 10, 10)
    assert reports(case)[-1].average_price == Decimal(98)


def test_the_money_of_a_late_exit_still_buys():
    case = a_case(
        sell("VOO", 10, "99.70"),
        buy("BIL", 15, "53.00"),
        held={"VOO": 10},
        exits=("VOO",),
        slippage=slip("0.05"),
    )

    late, bought = sent(case)[-2:]

    assert late == (pytest.approx(5.9, abs=0.1), "None", 10, 10)
    assert bought == (late[0], "53.00", 15, 15)


def test_a_buy_nobody_sells_is_called_off_and_its_money_is_free_again():
    case = a_case(buy("VOO", 10, "100.30"), cash=2000, quotes=(quoted("VOO", 100, halted=True),))

    standings, account = crossed(case)

    assert [s.report.status for s in standings if s.report] == [OrderStatus.CANCELLED]
    assert (account.cash, account.spendable, account.shares) == (2000, 2000, {})


REFUSALS = {
    "no cash": (a_case(buy("VOO", 10, "100.30"), cash=1000), "insufficient_cash"),
    "fees": (
        a_case(buy("VOO", 10, "100.30"), cash=1003, commission_per_order=Decimal(1)),
        "insufficient_cash",
    ),
    "no shares": (a_case(sell("VOO", 3, "99.70"), held={"VOO": 2}), "not_enough_shares"),
    "no drill": (
        a_case(buy("VOO", 1, "100.30"), cash=1000, drills={"VOO": Refuse("drill_refusal")}),
        "drill_refusal",
    ),
    "no quote at market": (
        replace(a_case(an_order("VOO", Action.BUY, 1, None), cash=1000), quotes={}),
        "no_quote",
    ),
}


@pytest.mark.parametrize(("case", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_is_an_answer_and_the_end_of_its_order(case, reason):
    standings, account = crossed(case)

    assert [s.report.status for s in standings if s.report] == [OrderStatus.REFUSED]
    assert standings[0].report.reason.startswith(reason)
    assert (account.cash, account.shares) == (case.cash, case.shares)


def test_a_refused_order_does_not_keep_others_from_trading():
    case = a_case(buy("VOO", 99, "100.30"), buy("BIL", 10, "50.15"), cash=1000)

    refused, bought = reports(case)

    assert (refused.status, bought.status) == (OrderStatus.REFUSED, OrderStatus.FILLED)
    assert crossed(case)[1].shares == {"BIL": 10}


def test_what_a_drill_holds_back_is_asked_for_again_and_held_back_again():
    case = a_case(buy("VOO", 10, "100.30"), cash=2000, left=10, drills={"VOO": FillAtMost(4)})

    standings, account = crossed(case)

    assert [s.filled for s in standings] == [4, 4]
    assert [s.intent.shares for s in standings] == [10, 6]
    assert (account.shares, account.spendable) == ({"VOO": 8}, 1200)


def test_slices_follow_one_another_as_the_live_line_sends_them():
    slices = [sell("VOO", 4, "99.70", n) for n in (1, 2, 3)]
    case = a_case(*slices, sell("BIL", 7, "49.85"), held={"VOO": 12, "BIL": 7})

    ordered = sorted(crossed(case)[0], key=lambda s: s.sent_at)

    assert [(s.intent.symbol, s.intent.attempt) for s in ordered] == [
        ("VOO", 1),
        ("BIL", 1),
        ("VOO", 2),
        ("VOO", 3),
    ]


def test_the_least_commission_is_paid_once_an_order():
    case = a_case(
        buy("VOO", 10, "100.30"),
        buy("BIL", 1, "50.15"),
        cash=2000,
        commission_per_share=Decimal("0.01"),
        minimum_commission=Decimal("0.35"),
    )

    assert [report.commission for report in reports(case)] == [Decimal("0.35")] * 2
    assert crossed(case)[1].cash == 2000 - 1000 - 50 - Decimal("0.70")


def test_proceeds_are_cash_at_once_and_settle_later():
    case = a_case(sell("VOO", 10, "99.70"), held={"VOO": 10, "BIL": 3})
    blotter = Blotter(Opened(case.opening, SETTLES))
    crossing = Crossing(case.trade, case.quotes, SESSION.closes, blotter, FREE)

    crossing.work(Side.SELL, case.sells, SETTLES)

    account = blotter.portfolio(FREE)
    assert (account.cash, account.settled, account.shares) == (1000, 0, {"BIL": 3})
    blotter.settle(SETTLES)
    assert blotter.portfolio(FREE).settled == 1000


def test_a_side_without_orders_takes_no_time():
    blotter = Blotter(Opened(Opening("PAPER", Decimal(0)), SETTLES))
    crossing = Crossing(a_case().trade, {}, SESSION.closes, blotter, FREE)

    for side in Side:
        crossing.work(side, Plan(), SETTLES)
    crossing.call_off()

    assert crossing.standings == []


ORDINARY = {
    "nothing": a_case(),
    "a rotation": a_case(
        sell("VOO", 10, "99.70"), buy("BIL", 19, "50.15"), held={"VOO": 10}, exits=("VOO",)
    ),
    "a steep exit and a buy it pays for": a_case(
        sell("VOO", 10, "99.70"),
        buy("BIL", 19, "50.15"),
        held={"VOO": 10},
        exits=("VOO",),
        slippage=slip("0.02"),
    ),
    "slices that rest": a_case(
        *(sell("VOO", 4, "99.70", n) for n in (1, 2, 3)),
        held={"VOO": 12},
        exits=("VOO",),
        slippage=slip("0.005"),
    ),
    "slices of an exit at market": a_case(
        *(sell("VOO", 4, "99.70", n) for n in (1, 2, 3)),
        held={"VOO": 12},
        exits=("VOO",),
        slippage=slip("0.02"),
    ),
    "a stale exit": a_case(
        sell("VOO", 10, None),
        held={"VOO": 10},
        exits=("VOO",),
        quotes=(quoted("VOO", 100, fresh=False),),
    ),
    "an exit nobody quotes": replace(
        a_case(sell("VOO", 10, None), held={"VOO": 10}, exits=("VOO",)), quotes={}
    ),
    "a stale buy that rests": a_case(
        buy("VOO", 10, "99.00"), cash=2000, quotes=(quoted("VOO", 100, fresh=False),)
    ),
    "too little for the second": a_case(
        buy("VOO", 10, "100.30"), buy("BIL", 10, "50.15"), cash=1004, slippage=slip("0.001")
    ),
    "what is left over pays the second limit": a_case(
        buy("VOO", 10, "100.30"),
        buy("BIL", 10, "50.15"),
        cash=1600,
        left="4.50",
        slippage=slip("0.005"),
    ),
    "what rests keeps its commission back": a_case(
        buy("VOO", 10, "100.30"),
        buy("BIL", 1, "50.15"),
        cash="1063.14",
        commission_per_order=Decimal(5),
        quotes=(quoted("VOO", 100, halted=True),),
    ),
    "the slice before a buy pays for it": a_case(
        *(sell("VOO", 2, "99.70", n) for n in range(1, 11)),
        buy("BIL", 24, "53.00"),
        held={"VOO": 20},
        exits=("VOO",),
        slippage=slip("0.05"),
    ),
    **{f"refused: {name}": case for name, (case, _) in REFUSALS.items()},
}


@pytest.mark.parametrize("case", ORDINARY.values(), ids=ORDINARY)
def test_a_case_ends_as_it_would_by_the_clock(case):
    assert nameless(crossed(case)) == nameless(lived(case))


SYMBOLS = ("VOO", "SOXL", "BIL", "IWM", "GLD")
PRICES = ("0.5", "9.37", "100", "412.345678")
SLIPPAGE = ("0", "0.004", "0.006", "0.02", "0.03")
MARKETS = ("fresh", "fresh", "fresh", "wide", "stale", "halted", "absent")


def a_quote_of(draw: st.DrawFn, symbol: Symbol) -> Quote | None:
    market = draw(st.sampled_from(MARKETS))
    if market == "absent":
        return None
    return quoted(
        symbol,
        draw(st.sampled_from(PRICES)),
        "0.004" if market == "wide" else 0,
        fresh=market != "stale",
        halted=market == "halted",
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    quotes = {s: quote for s in SYMBOLS if (quote := a_quote_of(draw, s))}
    orders: dict[Side, list[OrderIntent]] = {side: [] for side in Side}
    held: dict[Symbol, Decimal] = {}
    spent = Decimal(0)
    for symbol in draw(st.permutations(SYMBOLS)):
        side = draw(st.sampled_from(Side))
        quote = quotes.get(symbol) or quoted(symbol, 100)
        selling = side is Side.SELL
        limit = (sell_limit if selling else buy_limit)(quote, RULES)
        at_market = selling and draw(st.sampled_from((False, False, False, True)))
        sizes = draw(st.lists(st.integers(1, 30), min_size=1, max_size=3))
        action = Action.SELL if selling else Action.BUY
        for attempt, shares in zip(count(1), sizes, strict=False):
            price = None if at_market else limit
            orders[side].append(OrderIntent(a_run(), symbol, action, shares, price, attempt))
        if selling:
            held[symbol] = Decimal(sum(sizes)) + draw(st.integers(-1, 5))
        else:
            spent += sum(sizes) * limit
    drills = st.dictionaries(
        st.sampled_from(SYMBOLS),
        st.builds(FillAtMost, st.integers(0, 12)) | st.just(Refuse("drill_refusal")),
        max_size=1,
    )
    costs = FillRules(
        slippage=Decimal(draw(st.sampled_from(SLIPPAGE))),
        commission_per_order=Decimal(draw(st.sampled_from(("0", "1")))),
        commission_per_share=Decimal(draw(st.sampled_from(("0", "0.005")))),
        minimum_commission=Decimal(draw(st.sampled_from(("0", "0.35")))),
        drills=draw(drills),
    )
    return Case(
        cash=(spent * draw(st.sampled_from((1, 2, 2))) / 2).quantize(Decimal("0.01")),
        shares={symbol: n for symbol, n in held.items() if n > 0},
        quotes=quotes,
        sells=Plan(orders[Side.SELL]),
        buys=Plan(orders[Side.BUY], left=Decimal(draw(st.sampled_from(("0", "3.5", "200"))))),
        exits=draw(st.frozensets(st.sampled_from(SYMBOLS))),
        costs=costs,
    )


@pytest.mark.slow
@settings(max_examples=40)
@given(cases())
def test_every_run_ends_as_it_would_by_the_clock(case):
    assert nameless(crossed(case)) == nameless(lived(case))
