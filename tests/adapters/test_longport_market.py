"""The market of a simulated LongPort, through the real library."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from adapters.sims.bars import Bar
from adapters.sims.longport_faults import Fault, FaultKind
from adapters.sims.longport_rates import Rates
from adapters.sims.longport_securities import Level, Quote, Security, TradeStatus, quoted
from bot.domain.errors import Blocked, BrokerUnavailable
from bot.domain.strategy import Needs
from bot.ports import Adjustment
from tests.adapters.longport_world import ORDINARY, LongPortWorld, us
from tests.bot.five_symbols import CALENDAR
from tests.builders import NOW, TODAY

DAYS = [session.date for session in CALENDAR.between(CALENDAR.first, TODAY)]
YESTERDAY = DAYS[-2]
QUOTE, DEPTH = "quote/quote", "quote/depth"


def a_bar(day: date, close: float | str) -> Bar:
    price = Decimal(str(close))
    return Bar(day, price, price + 1, price - 1, price, 1000)


def bars(first: int, days=DAYS) -> tuple[Bar, ...]:
    """A price that goes up by one each session."""
    return tuple(a_bar(day, first + n) for n, day in enumerate(days))


@pytest.fixture
def a_world(tmp_path):
    """A world in which VOO is another security than the ordinary."""

    def made(*others: Security, prices=None, adjusted=None, **differing):
        voo = Security("VOO.US", bars=prices or bars(100), adjusted=adjusted or ())
        bil = Security("BIL.US", bars=bars(50))
        setup = replace(ORDINARY, securities=(voo, bil, *others))
        return LongPortWorld(tmp_path, setup, **differing)

    return made


@pytest.fixture
def world(a_world):
    return a_world()


def needs(*symbols: str, sessions: int = 5, ranges: tuple[str, ...] = ()) -> Needs:
    return Needs(symbols, symbols, symbols, sessions, ranges=ranges)


async def test_history_has_dividends_in_it(world):
    assert world.line.adjustment is Adjustment.TOTAL_RETURN


async def test_a_quote_has_the_best_of_the_book_and_the_last_trade(world):
    world.control.quote(quoted("VOO.US", Decimal(99), Decimal(101), Decimal(100)))

    quote = (await world.line.quotes(["VOO"]))["VOO"]

    assert (quote.symbol, quote.bid, quote.ask, quote.last) == ("VOO", 99, 101, 100)
    assert (quote.at, quote.halted) == (NOW, False)


NO_PRICES = {
    "no bid": Quote("VOO.US", Decimal(100), asks=(Level(Decimal(101)),)),
    "no ask": Quote("VOO.US", Decimal(100), bids=(Level(Decimal(99)),)),
    "an empty bid": Quote("VOO.US", Decimal(1), bids=(Level(None),), asks=(Level(Decimal(1)),)),
    "a bid of zero": Quote(
        "VOO.US", Decimal(1), bids=(Level(Decimal(0)),), asks=(Level(Decimal(1)),)
    ),
    "no trade": Quote("VOO.US", None, bids=(Level(Decimal(99)),), asks=(Level(Decimal(101)),)),
}


@pytest.mark.parametrize("odd", NO_PRICES.values(), ids=NO_PRICES)
async def test_what_lacks_a_price_has_no_quote(world, odd):
    world.control.quote(odd)

    assert list(await world.line.quotes(["VOO", "BIL"])) == ["BIL"]


async def test_what_nobody_knows_has_no_quote(world):
    assert list(await world.line.quotes(["NOPE", "VOO"])) == ["VOO"]
    assert await world.line.quotes([]) == {}


@pytest.mark.parametrize("status", [TradeStatus.HALTED, TradeStatus.SUSPENDED])
async def test_what_is_not_traded_is_halted(world, status):
    world.control.quote(replace(quoted("VOO.US", Decimal(99), Decimal(101)), status=status))

    assert (await world.line.quotes(["VOO"]))["VOO"].halted


async def test_quotes_that_are_late_are_refused(world):
    late = NOW - timedelta(minutes=15)
    for symbol in ("VOO", "BIL"):
        world.control.quote(replace(quoted(us(symbol), Decimal(99), Decimal(101)), at=late))

    with pytest.raises(Blocked) as refused:
        await world.line.quotes(["VOO", "BIL"])

    assert (refused.value.code, refused.value.values["seconds"]) == ("longport_delayed", 900)


async def test_quotes_that_are_late_pass_where_they_are_allowed(a_world):
    world = a_world(delayed_quotes=True)
    late = NOW - timedelta(minutes=15)
    world.control.quote(replace(quoted("VOO.US", Decimal(99), Decimal(101)), at=late))

    assert (await world.line.quotes(["VOO"]))["VOO"].at == NOW


async def test_quotes_of_a_market_that_stands_still_are_not_late(world):
    before = NOW - timedelta(minutes=15)
    for symbol in ("VOO", "BIL"):
        stopped = replace(quoted(us(symbol), Decimal(99), Decimal(101)), at=before)
        world.control.quote(replace(stopped, status=TradeStatus.HALTED))

    quotes = await world.line.quotes(["VOO", "BIL"])

    assert [quote.halted for quote in quotes.values()] == [True, True]


async def test_a_symbol_that_trades_seldom_is_not_late(a_world):
    world = a_world(Security("SPY.US"))
    long_ago = NOW - timedelta(minutes=40)
    world.control.quote(replace(quoted("VOO.US", Decimal(99), Decimal(101)), at=long_ago))
    world.control.quote(quoted("SPY.US", Decimal(600), Decimal(601)))

    quotes = await world.line.quotes(["VOO"])

    assert (list(quotes), quotes["VOO"].at) == (["VOO"], NOW)


async def test_a_quote_of_a_closed_exchange_is_as_old_as_its_last_trade(world):
    world.clock.jump(NOW + timedelta(hours=3))

    assert (await world.line.quotes(["VOO"]))["VOO"].at < NOW + timedelta(minutes=1)


async def test_bars_before_a_session_are_its_facts(world):
    facts = await world.line.facts(needs("VOO", "BIL"), TODAY)

    assert [day.date() for day in facts.closes.index] == DAYS[-11:-1]
    assert facts.closes["VOO"].iloc[-1] == 100 + len(DAYS) - 2
    assert facts.closes["BIL"].iloc[-1] == 50 + len(DAYS) - 2
    assert (facts.highs, facts.lows) == (None, None)
    assert facts.sessions[-1].date() > TODAY


async def test_a_session_that_was_missed_has_its_own_facts(world):
    facts = await world.line.facts(needs("VOO", sessions=3), DAYS[-4])

    assert facts.closes.index[-1].date() == DAYS[-5]
    assert len(facts.closes) >= 3


async def test_bars_have_the_dates_of_the_exchange_on_both_sides_of_a_clock_change(world):
    facts = await world.line.facts(needs("VOO", sessions=30), TODAY)

    assert {date(2026, 3, 6), date(2026, 3, 9)} <= {day.date() for day in facts.closes.index}
    assert len(facts.closes) == len(DAYS) - 1


async def test_closes_are_those_a_holder_earned(a_world):
    world = a_world(prices=bars(200), adjusted=bars(100))

    facts = await world.line.facts(needs("VOO"), TODAY)

    assert facts.closes["VOO"].iloc[-1] == 100 + len(DAYS) - 2


async def test_a_close_before_a_split_is_told_as_it_was_traded(a_world):
    world = a_world(prices=bars(200), adjusted=bars(100))

    facts = await world.line.facts(needs("VOO"), TODAY)

    assert facts.raw_closes == {"VOO": 200 + len(DAYS) - 2}


async def test_a_history_re_based_for_todays_dividend_takes_todays_price_as_it_is(a_world):
    paid = tuple(a_bar(day, 99 if day < TODAY else 100) for day in DAYS)
    world = a_world(prices=tuple(a_bar(day, 100) for day in DAYS), adjusted=paid)
    world.control.quote(quoted("VOO.US", Decimal("99.5"), Decimal("99.5")))

    facts = await world.line.facts(needs("VOO"), TODAY)
    today = facts.with_today(TODAY, await world.line.quotes(["VOO"]))

    assert facts.raw_closes == {}
    assert list(today.closes["VOO"].iloc[-2:]) == [99.0, 99.5]


async def test_highs_and_lows_are_told_of_those_asked_for(world):
    facts = await world.line.facts(needs("VOO", "BIL", ranges=("BIL",)), TODAY)

    assert list(facts.highs.columns) == list(facts.lows.columns) == ["BIL"]
    assert list(facts.highs["BIL"] - facts.lows["BIL"]) == [2.0] * len(facts.closes)
    assert facts.highs.index.equals(facts.closes.index)


async def test_a_day_without_a_bar_is_a_hole_and_a_day_of_no_session_no_row(a_world):
    weekend = date(2026, 3, 28)
    kept = [day for day in DAYS if day != DAYS[-3]]
    world = a_world(prices=bars(100, [*kept[:-2], weekend, *kept[-2:]]))

    facts = await world.line.facts(needs("VOO", "BIL"), TODAY)

    assert facts.closes["VOO"].isna().sum() == 1
    assert weekend not in {day.date() for day in facts.closes.index}


async def test_a_price_of_zero_is_no_bar(a_world):
    world = a_world(prices=(*bars(100)[:-2], a_bar(YESTERDAY, 0), bars(100)[-1]))

    facts = await world.line.facts(needs("VOO"), TODAY)

    assert facts.closes["VOO"].isna().iloc[-1]


async def test_a_symbol_nobody_knows_is_named(world):
    with pytest.raises(Blocked) as refused:
        await world.line.facts(needs("VOO", "NOPE"), TODAY)

    assert (refused.value.code, refused.value.values) == ("longport_symbol", {"symbol": "NOPE"})


async def test_no_history_at_all_is_an_empty_table(a_world):
    world = a_world(Security("NEW.US"))

    facts = await world.line.facts(needs("NEW"), TODAY)

    assert facts.closes.empty
    assert list(facts.closes.columns) == ["NEW"]


async def test_a_question_the_broker_would_not_hear_just_now_is_asked_again(world):
    world.control.fail(Fault(FaultKind.REFUSE, DEPTH, code=301606, message="request rate limit"))

    assert list(await world.line.quotes(["VOO"])) == ["VOO"]


async def test_a_limit_that_stays_is_told_as_one(world):
    world.control.fail(Fault(FaultKind.REFUSE, QUOTE, code=301606, times=9))

    with pytest.raises(BrokerUnavailable, match="longport_too_often"):
        await world.line.quotes(["VOO"])


async def test_more_questions_than_a_second_allows_are_all_answered(a_world):
    many = [Security(f"A{chr(65 + n)}.US", bars=bars(10 + n)) for n in range(8)]
    world = a_world(*many)
    await world.line.quotes(["VOO"])
    world.control.limit(Rates(quotes=5, calls=1000, gap=0))

    symbols = [each.symbol.removesuffix(".US") for each in many]

    assert len(await world.line.quotes(symbols)) == len(many)


async def test_one_connection_serves_every_question_for_quotes(world):
    for _ in range(3):
        await world.line.quotes(["VOO"])
        await world.line.facts(needs("VOO"), TODAY)

    assert [s.channel.value for s in world.control.sockets()] == ["quote"]
    assert len(world.control.calls("GET /v1/socket/token")) == 1
