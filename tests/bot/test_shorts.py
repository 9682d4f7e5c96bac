"""A book that shorts, through the whole run: what closes, what is shorted, what is bought."""

from collections import Counter
from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.errors import Halted
from bot.domain.gates import Finding
from bot.domain.memory import Outcome, Switch
from bot.domain.model import Action, Proceeds, TradingRules
from bot.domain.strategy import Book
from tests.bot.five_symbols import DAY
from tests.bot.floor import MARGIN, Floor, noted
from tests.bot.lives import House
from tests.fakes import Fuse, Wants, When

SHORTING = replace(MARGIN, shorting=True)
HEDGE = {"QQQ": 0.5, "IWM": -0.5}
ASKED = [("IWM", "sell_short", 62), ("QQQ", "buy", 25)]


def a_floor(weights=HEDGE, cash=10_000, rules=SHORTING, **shares) -> Floor:
    return Floor(weights, cash, rules=rules, **shares)


def asked(floor: Floor) -> list[tuple[str, str, int]]:
    return [(o.symbol, o.action.value, o.shares) for o in floor.broker.asked]


async def test_the_short_is_opened_first_and_the_long_is_sized_to_it():
    floor = a_floor()

    report = await floor.run()

    assert (report.outcome, asked(floor)) == (Outcome.COMPLETE, ASKED)
    assert floor.broker.account.shares == {"IWM": -62, "QQQ": 25}


async def test_a_long_is_no_larger_than_a_short_that_filled_in_part_and_the_rest_is_owed():
    floor = a_floor()
    floor.broker.partly["IWM"] = 20

    report = await floor.run()

    assert report.outcome is Outcome.OWED
    assert floor.broker.account.shares == {"IWM": -40, "QQQ": 16}
    assert report.owed is not None
    assert report.owed.unfinished == {"IWM": -22, "QQQ": 9}
    assert ("sized_to_shorts", "QQQ") in noted(report)


async def test_what_is_owed_of_a_hedge_is_completed_at_the_next_session():
    floor = a_floor(Wants(HEDGE, [a_floor().day]))
    floor.broker.partly["IWM"] = 20
    await floor.run()
    floor.broker.partly.clear()

    report = await floor.run(floor.next_day())

    assert report.outcome is Outcome.COMPLETE
    assert floor.broker.account.shares == {"IWM": -62, "QQQ": 25}


async def test_no_shares_to_borrow_means_no_long_either_and_says_so():
    floor = a_floor()
    floor.broker.refusing["IWM"] = "no shares to borrow"

    report = await floor.run()

    assert (report.outcome, floor.broker.account.shares) == (Outcome.OWED, {})
    assert noted(report) == {("order_refused", "IWM"), ("sized_to_shorts", "QQQ")}


async def test_a_short_that_rests_is_cancelled_before_the_long_is_sized():
    floor = a_floor()
    floor.broker.resting.add("IWM")

    await floor.run()

    first, second = floor.broker.orders
    times = [s.cancel_asked_at for s in floor.ledger.standings(floor.run_key())]
    assert (first.status.value, second.status.value) == ("cancelled", "cancelled")
    assert times[1] is not None
    assert times[1] == floor.before_close(minutes=4)


async def test_an_unanswered_short_counts_as_nothing_for_the_long():
    floor = a_floor()
    floor.broker.lost.add("IWM")

    report = await floor.run()

    assert asked(floor) == ASKED[:1]
    assert ("sized_to_shorts", "QQQ") in noted(report)


async def test_from_long_to_short_is_two_orders_the_second_after_the_first_is_filled():
    floor = a_floor({"IWM": -0.5}, 8000, IWM=25)

    report = await floor.run()

    assert report.outcome is Outcome.COMPLETE
    assert asked(floor) == [("IWM", "sell", 25), ("IWM", "sell_short", 62)]


async def test_a_sale_that_is_not_finished_opens_no_short():
    floor = a_floor({"IWM": -0.5}, 8000, IWM=25)
    floor.broker.resting.add("IWM")

    report = await floor.run()

    assert {action for _, action, _ in asked(floor)} == {"sell"}
    assert (report.outcome, floor.broker.account.shares) == (Outcome.OWED, {"IWM": 25})
    assert ("closing_first", "IWM") in noted(report)


async def test_from_short_to_long_is_a_cover_and_then_a_buy():
    floor = a_floor({"IWM": 0.5}, 12_000, IWM=-25)

    report = await floor.run()

    assert report.outcome is Outcome.COMPLETE
    assert asked(floor) == [("IWM", "buy_to_cover", 25), ("IWM", "buy", 63)]


async def test_a_cover_is_an_exit_that_goes_at_the_market_in_the_end():
    floor = a_floor({"QQQ": 0.5, "IWM": 0.0}, 12_000, IWM=-25)
    floor.broker.resting.add("IWM")

    await floor.run()

    covers = [o for o in floor.broker.asked if o.action is Action.BUY_TO_COVER]
    assert [o.limit is None for o in covers] == [False, False, True]


async def test_exits_only_covers_and_opens_nothing():
    floor = a_floor({"IWM": 0.5}, 12_000, IWM=-25)
    floor.switch(Switch.EXITS_ONLY)

    await floor.run()

    assert asked(floor) == [("IWM", "buy_to_cover", 25)]


async def test_a_fall_of_a_tenth_today_opens_no_short():
    floor = a_floor()
    floor.market.prices["IWM"] = Decimal(70)

    report = await floor.run()

    assert asked(floor) == []
    assert report.outcome is Outcome.OWED
    assert noted(report) == {(Finding.SHORT_RESTRICTED, "IWM"), ("sized_to_shorts", "QQQ")}


async def test_a_leg_the_equity_does_not_carry_is_not_opened():
    floor = a_floor({"QQQ": 0.8, "IWM": -0.8}, 10_000)
    floor.book = replace(floor.book, strategy=Levered(floor.book.strategy.weights))

    report = await floor.run()

    assert (asked(floor), report.outcome) == ([], Outcome.OWED)
    assert ("margin_short", "IWM") in noted(report)


class Levered(Wants):
    @property
    def needs(self):
        return replace(super().needs, gross=1.6)


async def test_a_short_the_book_does_not_know_of_is_left_alone_and_told():
    floor = a_floor({"QQQ": 0.5, "IWM": 0.4}, 10_000, rules=MARGIN, IWM=-5)

    report = await floor.run()

    assert asked(floor) == [("QQQ", "buy", 24)]
    assert (Finding.UNEXPECTED_SHORT, "IWM") in noted(report)


async def test_a_short_without_a_quote_costs_more_than_its_last_close():
    floor = a_floor(HEDGE, 15_000, IWM=-62)
    floor.market.unquoted.add("IWM")

    report = await floor.run()

    assert ("valued_above_close", "IWM") in noted(report)
    assert report.prices["IWM"] == 100


async def test_kept_targets_with_shorts_halt_a_book_that_may_no_longer_short():
    floor = a_floor(Wants(HEDGE, [a_floor().day]))
    floor.broker.refusing["IWM"] = "no shares to borrow"
    await floor.run()
    floor.book = replace(floor.book, rules=MARGIN)

    with pytest.raises(Halted, match="shorting_not_allowed"):
        await floor.run(floor.next_day())


async def test_a_snapshot_that_lags_behind_a_short_is_caught_up():
    floor = a_floor()
    lagging = floor.broker.account
    ordinary = floor.broker.portfolio

    async def late():
        now = await ordinary()
        return lagging if floor.clock.now() < floor.before_close(minutes=1) else now

    floor.broker.portfolio = late

    report = await floor.run()

    assert (report.outcome, asked(floor)) == (Outcome.COMPLETE, ASKED)


# The same at an exchange in another process, while ours dies at every call.

BOOK = Book(
    "main",
    "test",
    "PAPER",
    Wants({"IWM": -0.2, "SPY": 0.2, "EFA": 0.0}, {DAY}),
    TradingRules(proceeds=Proceeds.MARGIN, shorting=True),
)
# What a whole life of it books, and what of it is dead or alive at the end.
BOOKED = {
    ("EFA", Action.SELL): 400,
    ("IWM", Action.SELL): 700,
    ("IWM", Action.SELL_SHORT): 200,
    ("SPY", Action.BUY): 100,
}
HELD_SHORT = {"IWM": -200, "SPY": 100}
CALLS = range(1, 46)


@pytest.fixture
def house(exchange_socket, tmp_path):
    return House(exchange_socket, tmp_path)


async def test_a_life_that_crosses_zero_books_four_orders(house):
    fuse = Fuse()

    await house.live(fuse, book=BOOK)

    booked = {(o.symbol, o.action): o.filled for o in await house.line.record()}
    assert booked == BOOKED
    assert len(fuse.calls) == len(CALLS)


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("number", CALLS)
async def test_no_death_of_a_book_that_shorts_repeats_an_order(house, number, when):
    await house.live(Fuse(lambda count, _: count == number, when), book=BOOK)
    await house.live(book=BOOK)

    filled = Counter[tuple[str, Action]]()
    for order in await house.line.record():
        filled[order.symbol, order.action] += order.filled
    assert filled == BOOKED
    assert (await house.line.portfolio()).shares == HELD_SHORT
