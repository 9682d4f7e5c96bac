"""Answers get lost, lists lag, lines are down: it is asked again, and never sent again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

import pytest

from bot.commands import Resolve, obey
from bot.domain.errors import BrokerUnavailable, OrderUnanswered
from bot.domain.memory import Outcome, Standing
from bot.domain.model import OrderIntent, OrderReport, Portfolio, Proceeds, Symbol, TradingRules
from bot.domain.strategy import Book
from bot.ladder import Trade
from bot.ports import Broker, Desk
from bot.run import situate
from bot.words import Language
from tests.bot.five_symbols import (
    BOOK,
    CALENDAR,
    DAY,
    RUN,
    a_seat,
    before_close,
)
from tests.bot.lives import House, assert_ended_well, traded
from tests.fakes import EventfulClock, Otherwise, Phone

AFTER_THE_CLOSE = before_close(-4)
ERRORS = [
    OrderUnanswered("no_answer"),
    BrokerUnavailable("gone"),
    TimeoutError(),
    ConnectionError(),
]


@dataclass(frozen=True, slots=True)
class Lost:
    """What becomes of the first order of a symbol: it arrives or does not, and nobody says so."""

    arrives: bool
    error: Exception = field(default_factory=TimeoutError)


class Lossy(Otherwise):
    """A line that loses answers, leaves orders out of its list for a while, or is down for one."""

    _thing: Broker

    def __init__(self, broker: Broker, clock: EventfulClock) -> None:
        super().__init__(broker)
        self._clock = clock
        self.losing: dict[Symbol, Lost] = {}
        self.unlisted: dict[Symbol, datetime] = {}
        self.down: tuple[datetime, datetime] | None = None

    async def submit(self, order: OrderIntent) -> OrderReport:
        self._reach()
        lost = self.losing.pop(order.symbol, None)
        if lost is None:
            return await self._thing.submit(order)
        if lost.arrives:
            await self._thing.submit(order)
        raise lost.error

    async def orders_today(self) -> Sequence[OrderReport]:
        self._reach()
        hidden = [symbol for symbol, until in self.unlisted.items() if self._clock.now() < until]
        return [o for o in await self._thing.orders_today() if o.symbol not in hidden]

    async def portfolio(self) -> Portfolio:
        self._reach()
        return await self._thing.portfolio()

    def _reach(self) -> None:
        if self.down and self.down[0] <= self._clock.now() < self.down[1]:
            raise ConnectionError("no route")


class LossyHouse(House):
    """A house with a line that loses what a test says, and what was seen at a time of day."""

    async def lives(
        self,
        losing: Mapping[Symbol, Lost] | None = None,
        unlisted: Mapping[Symbol, datetime] | None = None,
        down: tuple[datetime, datetime] | None = None,
        meanwhile: Callable[[Desk], None] = lambda _: None,
        book: Book = BOOK,
    ) -> None:
        def build(desk: Desk) -> Desk:
            line = Lossy(desk.broker, desk.clock)
            line.losing, line.unlisted = dict(losing or {}), dict(unlisted or {})
            line.down = down
            built = replace(desk, broker=line)
            meanwhile(built)
            return built

        await self.live(build=build, book=book)

    def codes(self) -> list[str]:
        return [m.key.split("/")[-1] for m in self.phone.told]


@pytest.fixture
def house(exchange_socket, tmp_path):
    return LossyHouse(exchange_socket, tmp_path)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("symbol", ["EFA", "SPY"])
async def test_an_order_that_arrived_unanswered_is_adopted_within_the_run(house, symbol, error):
    await house.lives({symbol: Lost(arrives=True, error=error)})

    assert len(await assert_ended_well(house)) == 5
    assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("symbol", ["EFA", "SPY"])
async def test_an_order_that_never_arrived_costs_its_symbol_and_not_the_book(house, symbol, error):
    open_late: list[Sequence[Standing]] = []

    def look(desk: Desk) -> None:
        late = before_close(2.5)
        desk.clock.at(late, lambda: open_late.append(desk.ledger.questions("main")))

    await house.lives({symbol: Lost(arrives=False, error=error)}, meanwhile=look)

    booked = await assert_ended_well(house)
    assert [[q.intent.symbol for q in asked] for asked in open_late] == [[symbol]]
    assert {o.symbol for o in booked if o.entered_at.date() == DAY} >= {"IWM", "TLT", "GLD"}
    assert house.outcomes() == (Outcome.OWED, Outcome.COMPLETE)
    assert house.never_booked() == [symbol]


async def test_an_error_nobody_foresaw_is_asked_about_too(house):
    await house.lives({"IWM": Lost(arrives=True, error=RuntimeError("SDK"))})

    assert len(await assert_ended_well(house)) == 5
    assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)
    assert "unforeseen" in house.codes()


async def test_two_unknown_orders_halt_the_book_before_a_third_is_sent(house):
    lost = {"EFA": Lost(arrives=True), "IWM": Lost(arrives=False)}

    await house.lives(lost, {"EFA": AFTER_THE_CLOSE})

    first = [o for o in await house.line.record() if o.entered_at.date() == DAY]
    assert [o.symbol for o in first] == ["EFA"]
    assert "several_questions" in house.codes()
    assert house.outcomes() == (Outcome.OWED, Outcome.COMPLETE)
    await assert_ended_well(house)


async def test_a_list_that_can_not_be_read_for_a_while_is_read_later(house):
    down = (before_close(13.99), before_close(10))

    await house.lives({"GLD": Lost(arrives=True)}, {"EFA": before_close(12)}, down)

    assert len(await assert_ended_well(house)) == 5
    assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)


async def test_a_line_that_is_down_before_anything_is_sent_is_tried_again(house):
    await house.lives(down=(before_close(15), before_close(12)))

    assert len(await assert_ended_well(house)) == 5
    assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)
    assert house.codes().count("broker_unavailable") == 1


async def test_a_run_that_sent_something_is_owed_and_never_blocked(house):
    """The list of sells lags until the line is down for the rest of the day."""
    lag = {"EFA": before_close(5.9)}

    await house.lives({"EFA": Lost(arrives=True)}, lag, (before_close(5.9), before_close(-20)))

    await assert_ended_well(house)
    assert not any(m.key.startswith(f"main/{DAY}/blocked/") for m in house.phone.told)
    assert house.outcomes() == (Outcome.OWED, Outcome.COMPLETE)


async def test_an_account_nobody_can_read_all_evening_leaves_the_run_owed(house):
    down = (before_close(13.99), before_close(-120))

    await house.lives({"GLD": Lost(arrives=True)}, {"GLD": AFTER_THE_CLOSE}, down)

    assert len(await assert_ended_well(house)) == 5
    assert house.outcomes() == (Outcome.OWED, Outcome.COMPLETE)


@pytest.mark.parametrize("until", [before_close(8), before_close(3), AFTER_THE_CLOSE])
async def test_a_list_that_lags_is_asked_until_it_tells(house, until):
    await house.lives({"IWM": Lost(arrives=True)}, {"IWM": until})

    await assert_ended_well(house)
    assert house.never_booked() == []


async def test_an_order_no_list_ever_names_is_adopted_from_the_positions(house):
    await house.lives({"SPY": Lost(arrives=True)}, {"SPY": before_close(0) + timedelta(days=9)})

    await assert_ended_well(house)
    with house.reading() as ledger:
        [spy] = [s for s in ledger.standings(RUN) if s.intent.symbol == "SPY"]
    assert (spy.filled, spy.report.reason) == (150, "adopted from the positions")
    assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)


def resolving(symbol: Symbol, filled: int, price: str | None) -> Callable[[Desk], None]:
    """The owner looks at the broker's own screen ten minutes before the close, and says it."""

    def meanwhile(desk: Desk) -> None:
        async def say() -> None:
            [question] = desk.ledger.questions("main")
            assert question.intent.symbol == symbol
            found = Resolve(question.intent.id, filled, Decimal(price) if price else None)
            await obey(found, [a_seat(desk, Phone())], Language.EN)

        desk.clock.at(before_close(10), say)

    return meanwhile


async def test_a_person_who_says_it_was_never_sent_ends_the_question(house):
    await house.lives({"SPY": Lost(arrives=False)}, meanwhile=resolving("SPY", 0, None))

    await assert_ended_well(house)
    assert house.never_booked() == ["SPY"]
    assert house.outcomes() == (Outcome.OWED, Outcome.COMPLETE)


async def test_a_person_who_says_it_was_filled_ends_the_question(house):
    unlisted = {"SPY": before_close(0) + timedelta(days=9)}
    said = resolving("SPY", 150, "200.00")

    await house.lives({"SPY": Lost(arrives=True)}, unlisted, meanwhile=said)

    assert len(await assert_ended_well(house)) == 5
    assert house.outcomes() == (Outcome.COMPLETE, Outcome.HELD)


async def test_the_proceeds_of_an_unknown_sell_buy_nothing(house):
    same_day = replace(BOOK, rules=TradingRules(proceeds=Proceeds.SAME_DAY))

    await house.lives({"IWM": Lost(arrives=True)}, {"IWM": before_close(1)}, book=same_day)

    booked = [o for o in await house.line.record() if o.entered_at.date() == DAY]
    bought = sum(o.shares * o.limit for o in booked if o.action.takes_shares)
    assert 29_000 < bought <= 10_000 + 20_000
    assert traded(booked)["IWM", "sell"] == 500


async def test_the_money_of_an_unknown_buy_is_not_spent_again(house):
    seen: list[Decimal] = []

    def look(desk: Desk) -> None:
        async def again() -> None:
            decided = desk.ledger.decision(RUN)
            session = CALENDAR.on(DAY)
            trade = Trade(RUN, session, BOOK.rules, ())
            seen.append((await situate(BOOK, trade, decided, desk)).pledged)

        desk.clock.at(before_close(10), again)

    await house.lives({"SPY": Lost(arrives=False)}, meanwhile=look)

    assert seen == [150 * Decimal("200.60")]
