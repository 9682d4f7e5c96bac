from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bot.decide import decide
from bot.domain.errors import Blocked, Halted
from bot.domain.memory import Outcome, Switch
from bot.domain.model import (
    Action,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Portfolio,
    Proceeds,
    Side,
)
from bot.domain.strategy import FeedNeed, rotate
from bot.run import run_session, until, usable_today
from tests.bot.floor import MARGIN, Floor, days_before, noted
from tests.builders import NOW, TODAY, a_portfolio, a_quote
from tests.fakes import FakeBroker, Pool, Wants

INTO_VOO = Wants({"VOO": 0.9}, others=("QQQ",))
BOTH = Wants({"VOO": 0.5, "QQQ": 0.4})
FRIDAY_BEFORE_COLUMBUS_DAY = date(2026, 10, 9)
SAME_DAY = replace(MARGIN, proceeds=Proceeds.SAME_DAY)
SETTLED = replace(MARGIN, proceeds=Proceeds.SETTLED)


def by_hand(floor: Floor, symbol: str) -> OrderReport:
    return OrderReport(
        symbol,
        Action.BUY,
        1,
        None,
        OrderStatus.WORKING,
        broker_id="by hand",
        entered_at=floor.clock.now(),
    )


@dataclass
class Interrupting(FakeBroker):
    """A broker at whose first order a person turns the switch."""

    floor: Floor
    to: Switch

    def __post_init__(self) -> None:
        super().__init__(self.floor.broker.account, self.floor.market, self.floor.clock)

    async def submit(self, order: OrderIntent) -> OrderReport:
        self.floor.switch(self.to)
        return await super().submit(order)


def interrupted(floor: Floor, to: Switch) -> Floor:
    floor.broker = Interrupting(floor, to)
    floor.desk = replace(floor.desk, broker=floor.broker)
    return floor


async def test_a_run_sells_then_buys_and_is_complete():
    floor = Floor(INTO_VOO, 0, QQQ=50)

    report = await floor.run()

    assert report.outcome is Outcome.COMPLETE
    assert [(o.symbol, o.shares) for o in floor.broker.asked] == [("QQQ", 50), ("VOO", 90)]
    assert report.portfolio is not None
    assert report.portfolio.shares == {"VOO": 90}
    assert floor.ledger.report(floor.run_key()) == report


class LateMoney(FakeBroker):
    """A broker that shows a trade in the positions at once, and in the cash tomorrow."""

    def __init__(self, floor: Floor) -> None:
        super().__init__(floor.broker.account, floor.market, floor.clock)
        self.before = self.account.cash

    async def portfolio(self) -> Portfolio:
        return replace(await super().portfolio(), cash=self.before)


async def test_money_of_a_sale_that_the_account_shows_late_is_no_unexplained_money():
    floor = Floor(Wants({"VOO": 0.9}), 1000, rules=SAME_DAY)
    await floor.run()
    floor.broker = LateMoney(floor)
    floor.desk = replace(floor.desk, broker=floor.broker)
    floor.want(Wants({"QQQ": 0.9}, others=("VOO",)))

    await floor.run(floor.next_day())

    assert (floor.sold, floor.bought) == ({"VOO": 9}, {"QQQ": 4})


async def test_a_session_on_which_nothing_is_due_is_held():
    floor = Floor(Wants({"VOO": 0.9}, ()), 1000)

    report = await floor.run()

    assert (report.outcome, floor.broker.asked) == (Outcome.HELD, [])
    assert floor.ledger.outcome(floor.run_key()) is Outcome.HELD


async def test_a_run_called_again_sends_nothing_more():
    floor = Floor(INTO_VOO, 0, QQQ=50)
    first = await floor.run()

    again = await run_session(floor.book, floor.session, floor.desk)

    assert len(floor.broker.asked) == 2
    assert again.outcome is first.outcome


async def test_sells_wait_for_their_minute():
    floor = Floor(INTO_VOO, 0, QQQ=50)

    await floor.run()

    sell = floor.ledger.standings(floor.run_key())[0]
    assert sell.sent_at == floor.before_close(minutes=14)


async def test_a_run_is_concluded_five_minutes_after_the_close():
    report = await Floor(INTO_VOO, 1000).run()

    assert report.at == NOW + timedelta(minutes=20)


async def test_a_decision_taken_up_after_the_last_call_is_owed():
    floor = Floor(INTO_VOO, 10_000)
    floor.broker.outage = (floor.before_close(minutes=14), floor.before_close(minutes=1))
    with pytest.raises(ConnectionError):
        await floor.run()
    floor.clock.jump(floor.before_close(minutes=1))

    report = await run_session(floor.book, floor.session, floor.desk)

    assert (report.outcome, floor.broker.asked) == (Outcome.OWED, [])
    assert report.owed is not None
    assert report.owed.unfinished == {"VOO": 90}


async def test_what_is_owed_is_bought_at_the_next_session():
    floor = Floor(replace(INTO_VOO, days=[TODAY]), 10_000)
    floor.broker.resting.add("VOO")
    await floor.run()
    floor.broker.resting.clear()

    report = await floor.run(floor.next_day())

    assert report.outcome is Outcome.COMPLETE
    assert noted(report) == {("owed_carried", "")}
    assert floor.broker.account.shares == {"VOO": 90}
    assert floor.ledger.owed("main") is None


async def test_an_unfinished_exit_goes_on_though_the_strategy_thinks_it_is_out():
    floor = Floor(INTO_VOO, 0, QQQ=50)
    floor.broker.partly["QQQ"] = 10
    first = await floor.run()
    floor.broker.partly.clear()

    second = await floor.run(floor.next_day())

    assert (first.outcome, second.outcome) == (Outcome.OWED, Outcome.COMPLETE)
    assert floor.broker.account.held("QQQ") == 0


async def test_proceeds_that_are_not_settled_owe_the_buys_until_they_are():
    floor = Floor(replace(INTO_VOO, days=[TODAY]), 0, rules=SETTLED, QQQ=50)

    sold = await floor.run()
    floor.broker.settle()
    bought = await floor.run(floor.next_day())

    assert sold.outcome is Outcome.OWED
    assert ("awaiting_settlement", "VOO") in noted(sold)
    assert bought.outcome is Outcome.COMPLETE
    assert floor.broker.account.shares == {"VOO": 90}


async def test_proceeds_usable_the_same_day_buy_the_same_day():
    floor = Floor(INTO_VOO, 0, rules=SAME_DAY, QQQ=50)

    report = await floor.run()

    assert report.outcome is Outcome.COMPLETE
    assert floor.broker.account.shares == {"VOO": 90}


async def test_proceeds_of_the_friday_before_columbus_day_wait_for_the_banks():
    strategy = replace(INTO_VOO, days=[FRIDAY_BEFORE_COLUMBUS_DAY])
    floor = Floor(strategy, 0, rules=SAME_DAY, day=FRIDAY_BEFORE_COLUMBUS_DAY, QQQ=50)

    friday = await floor.run()
    monday = await floor.run(floor.next_day())
    floor.broker.settle()
    tuesday = await floor.run(floor.next_day())

    waits = next(note for note in friday.notes if note.code == "awaiting_settlement")
    assert waits.values["day"] == date(2026, 10, 13) == tuesday.run.session
    outcomes = (friday.outcome, monday.outcome, tuesday.outcome)
    assert outcomes == (Outcome.OWED, Outcome.OWED, Outcome.COMPLETE)
    assert floor.broker.account.shares == {"VOO": 90}


@pytest.mark.parametrize(
    ("proceeds", "day", "usable"),
    [
        (Proceeds.SAME_DAY, TODAY, True),
        (Proceeds.SAME_DAY, FRIDAY_BEFORE_COLUMBUS_DAY, False),
        (Proceeds.SETTLED, TODAY, False),
        (Proceeds.MARGIN, TODAY, False),
    ],
)
def test_proceeds_are_usable_where_tomorrows_exit_violates_nothing(
    proceeds: Proceeds, day: date, *, usable: bool
):
    floor = Floor(INTO_VOO, rules=replace(MARGIN, proceeds=proceeds), day=day)

    assert usable_today(floor.book.rules, floor.session, floor.desk.sessions) is usable


async def test_a_sale_that_is_not_confirmed_pays_for_nothing():
    floor = Floor(INTO_VOO, 0, rules=SAME_DAY, QQQ=50)
    floor.broker.silent.add("QQQ")
    floor.broker.lost.add("QQQ")

    report = await floor.run()

    assert floor.bought == {}
    assert report.outcome is Outcome.OWED


async def test_a_missing_neighbour_is_valued_carefully_and_stops_nobody():
    floor = Floor(BOTH, 9000, QQQ=5)
    floor.market.unquoted.add("QQQ")

    report = await floor.run()

    assert report.decided is not None
    assert report.decided.equity == 9000 + 5 * 160
    assert floor.bought == {"VOO": 49}
    assert {("valued_below_close", "QQQ"), ("quote_missing", "QQQ")} <= noted(report)


async def test_an_exit_without_a_quote_goes_at_market():
    floor = Floor(INTO_VOO, 0, QQQ=50)
    floor.market.unquoted.add("QQQ")

    await floor.run()

    sell = floor.broker.asked[0]
    assert (sell.symbol, sell.shares, sell.limit) == ("QQQ", 50, None)


async def test_a_stale_vital_quote_blocks_the_run_before_anything_is_sent():
    floor = Floor(replace(INTO_VOO, vital=("QQQ",)), 10_000)
    floor.market.odd["QQQ"] = a_quote("QQQ", 200, NOW - timedelta(minutes=2))

    with pytest.raises(Blocked, match="vital_quote_stale"):
        await floor.run()

    assert floor.broker.asked == []
    assert floor.ledger.decision(floor.run_key()) is None


async def test_a_price_beyond_the_limit_is_not_bought():
    floor = Floor(BOTH, 10_000)
    floor.market.prices["QQQ"] = Decimal(300)

    report = await floor.run()

    assert list(floor.bought) == ["VOO"]
    assert ("price_limit", "QQQ") in noted(report)
    assert report.outcome is Outcome.OWED


async def test_an_unconfirmed_split_is_not_traded():
    floor = Floor(BOTH, 10_000)
    await floor.run()
    floor.market.prices["QQQ"] = Decimal(100)
    floor.want(Wants({"VOO": 0.5}, others=("QQQ",)))

    report = await floor.run(floor.next_day())

    assert "QQQ" not in floor.sold
    assert ("split_hint", "QQQ") in noted(report)


async def test_a_confirmed_split_is_traded_in_todays_shares():
    floor = Floor(BOTH, 10_000)
    await floor.run()
    split = replace(floor.broker.account, shares={"VOO": Decimal(50), "QQQ": Decimal(40)})
    floor.broker.account = replace(split, sellable=split.shares)
    floor.market.prices["QQQ"] = Decimal(100)
    floor.want(Wants({"VOO": 0.5}, others=("QQQ",)))

    report = await floor.run(floor.next_day())

    assert floor.sold == {"QQQ": 40}
    assert ("split_accepted", "QQQ") in noted(report)
    assert ("unexplained_equity", "") not in noted(report)


async def test_unexplained_equity_stops_buys_and_no_exit_and_heals():
    floor = Floor(Wants({"QQQ": 0.5}, others=("VOO",)), 10_000)
    await floor.run()
    richer = floor.broker.account.cash + 1000
    floor.broker.account = replace(floor.broker.account, cash=richer, spendable=richer)
    floor.want(INTO_VOO)

    first = await floor.run(floor.next_day())
    second = await floor.run(floor.next_day())

    assert ("unexplained_equity", "") in noted(first)
    assert floor.sold == {"QQQ": 25}
    assert (first.outcome, second.outcome) == (Outcome.OWED, Outcome.COMPLETE)
    assert floor.broker.asked[-1].run == second.run


async def test_an_order_of_another_hand_stops_buys_of_its_symbol_alone():
    floor = Floor(BOTH, 10_000)
    floor.broker.orders.append(by_hand(floor, "QQQ"))

    report = await floor.run()

    assert floor.bought == {"VOO": 50}
    assert ("foreign_order", "QQQ") in noted(report)


async def test_an_order_of_another_hand_stops_no_exit():
    floor = Floor(INTO_VOO, 0, QQQ=50)
    floor.broker.orders.append(by_hand(floor, "QQQ"))

    await floor.run()

    assert floor.sold == {"QQQ": 50}


async def test_a_debt_is_repaid_and_nothing_is_bought_with_it():
    floor = Floor(BOTH, -1000, QQQ=30)

    report = await floor.run()

    assert floor.sold == {"QQQ": 6}
    assert ("negative_cash", "QQQ") in noted(report)
    assert floor.broker.account.cash >= 0


async def test_while_only_exits_are_allowed_nothing_else_goes():
    floor = Floor(INTO_VOO, 5000, QQQ=25)
    floor.switch(Switch.EXITS_ONLY)

    report = await floor.run()

    assert (floor.sold, floor.bought) == ({"QQQ": 25}, {})
    assert ("exits_only", "VOO") in noted(report)
    assert report.outcome is Outcome.OWED


async def test_a_pause_in_the_middle_sends_nothing_more():
    floor = interrupted(Floor(INTO_VOO, 0, QQQ=50), Switch.PAUSED)

    report = await floor.run()

    assert (floor.sold, floor.bought) == ({"QQQ": 50}, {})
    assert report.outcome is Outcome.OWED


async def test_a_halt_in_the_middle_calls_off_what_rests_and_needs_a_person():
    floor = interrupted(Floor(BOTH, 10_000), Switch.HALTED)
    floor.broker.resting.update({"VOO", "QQQ"})

    with pytest.raises(Halted, match="halt_switch"):
        await floor.run()

    assert len(floor.broker.orders) == 1
    assert floor.broker.orders[0].status is OrderStatus.CANCELLED


async def test_another_account_in_the_middle_halts():
    floor = Floor(INTO_VOO, 0, QQQ=50)
    account = floor.broker.account
    await decide(floor.book, floor.session, floor.desk)
    floor.broker.account = replace(account, account="OTHER")

    with pytest.raises(Halted, match="account_identity"):
        await run_session(floor.book, floor.session, floor.desk)

    assert floor.broker.asked == []


async def test_shares_to_keep_and_other_holdings_are_never_sold():
    rules = replace(MARGIN, keep={"QQQ": 20})
    floor = Floor(INTO_VOO, 0, rules=rules, QQQ=50, IWM=7)

    report = await floor.run()

    assert floor.sold == {"QQQ": 30}
    assert floor.broker.account.shares == {"QQQ": 20, "IWM": 7, "VOO": 54}
    assert report.portfolio is not None
    assert report.portfolio.hands_off == {"QQQ": 20, "IWM": 7}


async def test_a_symbol_that_left_the_pool_is_sold():
    floor = Floor({"QQQ": 0.9}, 10_000)
    await floor.run()
    floor.want({"VOO": 0.9})

    report = await floor.run(floor.next_day())

    assert floor.sold == {"QQQ": 45}
    assert report.outcome is Outcome.COMPLETE


async def test_what_a_person_holds_of_other_symbols_is_not_sold_with_the_pool():
    floor = Floor({"QQQ": 0.9}, 10_000, IWM=3)

    await floor.run()

    assert floor.broker.account.held("IWM") == 3


async def test_an_unknown_buy_stops_its_symbol_alone():
    floor = Floor(BOTH, 10_000)
    floor.broker.lost.add("VOO")

    report = await floor.run()

    assert floor.bought == {"VOO": 50, "QQQ": 20}
    assert ("not_booked", "VOO") in noted(report)
    assert report.owed is not None
    assert report.owed.unfinished == {"VOO": 50}


async def test_a_plan_keeps_what_it_was_made_from():
    floor = Floor(INTO_VOO, 100, QQQ=50)

    await floor.run()

    inputs = floor.ledger.inputs(floor.run_key(), Side.SELL)
    assert inputs == {
        "cash": Decimal(100),
        "settled": Decimal(100),
        "proceeds": Decimal(0),
        "pledged": Decimal(0),
        "left": Decimal(0),
        "price.VOO": Decimal("100.0"),
        "price.QQQ": Decimal("200.0"),
        "held.QQQ": Decimal(50),
    }


async def test_buys_are_planned_with_confirmed_proceeds_of_the_same_day():
    floor = Floor(INTO_VOO, 0, rules=SAME_DAY, QQQ=50)

    await floor.run()

    assert floor.ledger.inputs(floor.run_key(), Side.BUY)["proceeds"] == 10_000


async def test_the_turnover_of_a_run_counts_its_sells():
    rules = replace(MARGIN, max_turnover=Decimal("1.5"))
    floor = Floor(INTO_VOO, 0, rules=rules, QQQ=50)

    report = await floor.run()

    assert floor.bought == {"VOO": 50}
    assert ("capped", "VOO") in noted(report)


async def test_the_orders_of_a_run_count_its_sells():
    floor = Floor(INTO_VOO, 0, rules=replace(MARGIN, max_orders=1), QQQ=50)

    report = await floor.run()

    assert (floor.sold, floor.bought) == ({"QQQ": 50}, {})
    assert ("capped", "VOO") in noted(report)


async def test_a_moment_that_has_passed_is_not_waited_for():
    floor = Floor(INTO_VOO, 0)

    await until(NOW - timedelta(minutes=1), floor.clock)

    assert floor.clock.now() == NOW


async def test_a_small_symbol_is_not_taken_again_within_the_dwell():
    floor = Floor(Wants({"QQQ": 0.0185}, others=("VOO",)), 10_000)
    await floor.run()
    floor.broker.account = a_portfolio(10_000)

    report = await floor.run(floor.next_day())

    assert floor.bought == {"QQQ": 1}
    assert ("changed_recently", "QQQ") in noted(report)


@dataclass(frozen=True)
class FromPool(Wants):
    """A strategy that wants what a feed names, in equal parts."""

    @property
    def needs(self):
        plain = super().needs
        return replace(plain, feeds=(FeedNeed("pool", 5),), universe="pool", watches=("BIL",))

    def features(self, facts):
        return facts.closes.iloc[-1:].assign(named=",".join(facts.feeds["pool"]["symbol"]))

    def decide(self, view):
        named = [s for s in view.features.table["named"].iloc[0].split(",") if s != "BIL"]
        into = dict.fromkeys(named, 0.9 / len(named))
        return rotate(out_of=view.holdings, into=into, reason="rotation")


def fed(*symbols, **shares):
    floor = Floor(FromPool({"VOO": 0.0}), 1000, **shares)
    floor.desk = replace(floor.desk, feeds={"pool": Pool(*symbols, known=days_before(TODAY, 1))})
    return floor


async def test_what_a_feed_names_is_traded_and_what_left_it_is_sold():
    floor = fed("QQQ", "IWM")
    first = await floor.run()
    floor.desk = replace(floor.desk, feeds={"pool": Pool("IWM", known=TODAY)})

    second = await floor.run(floor.next_day())

    assert first.outcome is second.outcome is Outcome.COMPLETE
    assert set(first.decided.following.targets) == {"QQQ", "IWM"}
    assert second.decided.following.targets["QQQ"] == 0.0
    assert set(floor.broker.account.shares) == {"IWM"}


async def test_a_benchmark_of_the_universe_is_hands_off():
    floor = fed("QQQ", "BIL", BIL=3)

    report = await floor.run()

    assert report.portfolio.hands_off == {"BIL": 3}
    assert floor.sold == {}


async def test_a_feed_that_is_refused_blocks_and_nothing_is_sent():
    floor = fed()

    with pytest.raises(Blocked, match="feature_snapshot_missing"):
        await floor.run()

    assert floor.broker.asked == []


async def test_a_feed_nobody_configured_blocks_by_name():
    floor = fed("QQQ")
    floor.desk = replace(floor.desk, feeds={})

    with pytest.raises(Blocked, match=r"feed_missing.*pool"):
        await floor.run()


async def test_what_is_decided_blind_leaves_and_buys_nothing():
    floor = Floor(Wants({"VOO": 1.0, "QQQ": 0.0}, blind=True), 0, QQQ=10)

    report = await floor.run()

    assert (floor.sold, floor.bought) == ({"QQQ": 10}, {})
    assert ("decided_blind", "VOO") in noted(report)
    assert report.outcome is Outcome.OWED
