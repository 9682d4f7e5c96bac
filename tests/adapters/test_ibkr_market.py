"""Prices of a simulated gateway over the real library: history once a session, quotes always."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from adapters.ibkr import Pace
from adapters.ibkr_market import DELAYED_BY
from adapters.sims.bars import Bar
from adapters.sims.tws_codes import Request
from adapters.sims.tws_contracts import INDEX, Instrument
from adapters.sims.tws_faults import Fault, FaultKind
from adapters.sims.tws_market import ADJUSTED, DataRight, Dividend, Quote
from adapters.sims.tws_record import Kind
from bot.domain.errors import Blocked, BrokerUnavailable
from bot.domain.gates import Finding, quote_finding
from bot.domain.strategy import Needs
from bot.ports import Adjustment
from bot.schedule import JumpingClock
from tests.adapters.ibkr_world import CALENDAR, at_work, giving_up
from tests.adapters.sims.tws_clients import SOON
from tests.builders import a_quote

FRIDAY, THURSDAY = date(2026, 3, 6), date(2026, 3, 5)
NEAR_CLOSE = datetime(2026, 3, 6, 20, 45, tzinfo=UTC)
VIX = Instrument("VIX", kind=INDEX, primary="CBOE")
# What is not answered is waited for so long; whatever is answered comes well within it.
NEVER_QUOTED = {"pace": giving_up(quote=1.0)}
TWO_LISTINGS = (
    Instrument("BOXX", primary="BATS"),
    Instrument("BOXX", primary="LSEETF", name="another fund"),
)


def bars(*closes: float, last: date = THURSDAY) -> tuple[Bar, ...]:
    """Daily bars of the sessions up to a day, each half a dollar high and a dollar low."""
    days = [s.date for s in CALENDAR.between(date(2025, 1, 2), last)][-len(closes) :]
    prices = [Decimal(str(close)) for close in closes]
    half, one = Decimal("0.5"), Decimal(1)
    return tuple(Bar(d, p, p + half, p - one, p, 100) for d, p in zip(days, prices, strict=True))


def needs(*symbols: str, sessions: int = 3, **different) -> Needs:
    wanted = symbols or ("VOO",)
    return Needs(wanted, wanted, different.pop("vital", ()), sessions, **different)


def at_friday(*accounts, line=None, **setup):
    """A gateway on a Friday quarter of an hour before the close, and a line at that time."""
    told = {"clock": JumpingClock(NEAR_CLOSE)} | (line or {})
    return at_work(*accounts, line=told, clock=lambda: NEAR_CLOSE, **setup)


def asked(sim, request: Request) -> list[str]:
    record = sim.control.record()
    return [e.text for e in record if e.kind is Kind.ASKED and e.what == request]


def bar_requests(sim) -> list[str]:
    return asked(sim, Request.HISTORICAL_DATA)


async def test_history_is_of_total_return_up_to_the_session_before():
    async with at_friday() as (sim, line, _):
        sim.control.history("VOO", bars(497, 498, 499))
        sim.control.history("VOO", bars(490, 494, 499), ADJUSTED)

        facts = await line.facts(needs(), FRIDAY)

    assert line.adjustment is Adjustment.TOTAL_RETURN
    assert facts.closes["VOO"].dropna().tolist() == [490, 494, 499]
    assert facts.closes.index[-1].date() == THURSDAY
    assert facts.closes.index.isin(CALENDAR.index(CALENDAR.first, FRIDAY, 0)).all()


async def test_the_rows_are_sessions_as_many_as_needed_and_a_few_more():
    async with at_friday(seeds_unknown=True) as (_, line, _):
        facts = await line.facts(needs("VOO", "QQQ", sessions=300), FRIDAY)

    assert facts.closes.shape == (305, 2)
    assert facts.closes.notna().to_numpy().sum() > 2 * 290  # drawn bars know no holidays
    assert len(facts.sessions) == 305 + 1 + 40
    assert facts.sessions[305].date() == FRIDAY


@pytest.mark.parametrize(
    ("sessions", "duration"), [(100, "169 D"), (230, "364 D"), (240, "2 Y"), (600, "3 Y")]
)
async def test_a_long_history_is_asked_for_in_years_and_reaches_back(sessions, duration):
    async with at_friday() as (sim, line, _):
        facts = await line.facts(needs(sessions=sessions), FRIDAY)

        assert f",{duration}," in bar_requests(sim)[0]
        assert facts.closes["VOO"].notna().sum() >= sessions


async def test_the_unfinished_bar_gives_way_to_the_quote_of_the_moment():
    async with at_friday() as (sim, line, _):
        sim.control.history("VOO", bars(497, 498, 499))
        facts = await line.facts(needs(), FRIDAY)

        with_today = facts.with_today(FRIDAY, await line.quotes(["VOO"]))

    assert with_today.closes["VOO"].iloc[-2:].tolist() == [499, 500]


@pytest.mark.parametrize("price", [0.5, 0, -1])
async def test_a_bar_that_is_no_price_is_no_bar(price):
    async with at_friday() as (sim, line, _):
        sim.control.history("VOO", bars(497, price, 499))

        facts = await line.facts(needs(), FRIDAY)

    assert facts.closes["VOO"].dropna().tolist() == [497, 499]


async def test_a_dividend_of_the_day_is_put_back_where_the_history_does_not_know_it_yet():
    async with at_friday() as (sim, line, _):
        sim.control.history("VOO", bars(497, 498, 499))
        sim.control.dividend("VOO", Dividend(FRIDAY, Decimal("1.75")))

        facts = await line.facts(needs(), FRIDAY)
        with_today = facts.with_today(FRIDAY, {"VOO": a_quote("VOO", "497.25")})

    assert facts.dividends == {"VOO": 1.75}
    assert with_today.closes["VOO"].iloc[-1] == 499


async def test_a_dividend_of_the_day_is_not_counted_twice_where_the_history_knows_it():
    async with at_friday() as (sim, line, _):
        sim.control.history("VOO", bars(497, 498, 499))
        sim.control.history("VOO", bars(495.26, 496.25, 497.25), ADJUSTED)
        sim.control.dividend("VOO", Dividend(FRIDAY, Decimal("1.75")))

        facts = await line.facts(needs(), FRIDAY)
        with_today = facts.with_today(FRIDAY, {"VOO": a_quote("VOO", "497.25")})

    assert facts.dividends == {}
    assert with_today.closes["VOO"].iloc[-2:].tolist() == [497.25, 497.25]


@pytest.mark.parametrize("day", [THURSDAY, date(2026, 3, 20)])
async def test_a_dividend_of_another_day_is_none_of_today(day):
    async with at_friday() as (sim, line, _):
        sim.control.dividend("VOO", Dividend(day, Decimal("1.75")))

        facts = await line.facts(needs(), FRIDAY)

        assert facts.dividends == {}
        assert len(bar_requests(sim)) == 1


async def test_highs_and_lows_are_those_of_who_asks_for_them():
    async with at_friday() as (sim, line, _):
        sim.control.history("VOO", bars(497, 498, 499))
        sim.control.history("BIL", bars(91, 91, 91))

        facts = await line.facts(needs("VOO", "BIL", ranges=("VOO",)), FRIDAY)

    assert facts.highs["VOO"].dropna().tolist() == [497.5, 498.5, 499.5]
    assert facts.lows["VOO"].dropna().tolist() == [496, 497, 498]
    assert list(facts.highs) == ["VOO"]
    assert facts.highs.index.equals(facts.closes.index)


async def test_nobody_asks_for_highs_who_does_not_need_them():
    async with at_friday() as (_, line, _):
        facts = await line.facts(needs(), FRIDAY)

    assert (facts.highs, facts.lows, dict(facts.raw_closes)) == (None, None, {})


async def test_an_index_has_a_history_and_a_value_and_no_dividends():
    async with at_friday(instruments=(VIX,)) as (sim, line, _):
        sim.control.history("VIX", bars(14, 15, 16))
        sim.control.quote("VIX", Quote(last=Decimal("17.5"), close=Decimal(16)))

        facts = await line.facts(needs("VIX"), FRIDAY)
        quote = (await line.quotes(["VIX"]))["VIX"]

    assert facts.closes["VIX"].dropna().tolist() == [14, 15, 16]
    assert (quote.bid, quote.ask, quote.last) == (Decimal("17.5"),) * 3


async def test_a_profile_of_23_symbols_asks_once_for_each_and_within_the_limits():
    symbols = [f"S{n}" for n in range(23)]
    line = {"messages_per_second": 45, "pace": Pace()}

    async with at_friday(rates=True, seeds_unknown=True, line=line) as (sim, ibkr, _):
        facts = await ibkr.facts(needs(*symbols, sessions=250), FRIDAY)
        again = await ibkr.facts(needs(*symbols, sessions=250), FRIDAY)

        assert len(bar_requests(sim)) == 23
        assert 100 not in [e.text for e in sim.control.record()]
        assert sim.control.clients() != ()
    pd.testing.assert_frame_equal(facts.closes, again.closes)


async def test_books_that_ask_at_once_ask_the_gateway_once():
    async with at_friday() as (sim, line, _):
        await asyncio.gather(*(line.facts(needs("VOO", "BIL"), FRIDAY) for _ in range(3)))

        assert len(bar_requests(sim)) == 2


@pytest.mark.parametrize(
    ("first_at", "then_at", "times"),
    [
        ("2026-03-06T15:00", "2026-03-06T20:45", 1),  # both in trading hours
        ("2026-03-06T08:00", "2026-03-06T14:00", 1),  # both before
        ("2026-03-06T08:00", "2026-03-06T20:45", 2),  # the history is re-based over night
        ("2026-03-05T22:00", "2026-03-06T20:45", 2),
    ],
)
async def test_history_is_kept_while_it_is_what_would_be_told_again(first_at, then_at, times):
    clock = JumpingClock(datetime.fromisoformat(first_at).replace(tzinfo=UTC))

    async with at_friday(line={"clock": clock}) as (sim, line, _):
        sim.control.history("VOO", bars(497, 498, 499))
        await line.facts(needs(), FRIDAY)
        clock.jump(datetime.fromisoformat(then_at).replace(tzinfo=UTC))
        await line.facts(needs(), FRIDAY)

        assert len(bar_requests(sim)) == times


async def test_more_history_than_is_kept_is_asked_for():
    async with at_friday() as (sim, line, _):
        await line.facts(needs(sessions=3), FRIDAY)
        await line.facts(needs(sessions=2), FRIDAY)
        facts = await line.facts(needs(sessions=50), FRIDAY)

        assert len(bar_requests(sim)) == 2
        assert len(facts.closes) == 55


async def test_a_history_that_lacks_the_newest_session_is_asked_for_again():
    async with at_friday() as (sim, line, _):
        sim.control.history("VOO", bars(497, 498, last=date(2026, 3, 4)))
        before = await line.facts(needs(), FRIDAY)
        sim.control.history("VOO", bars(497, 498, 499))

        after = await line.facts(needs(), FRIDAY)

    assert np.isnan(before.closes["VOO"].iloc[-1])
    assert after.closes["VOO"].iloc[-1] == 499


async def test_too_fast_is_asked_again_more_slowly():
    async with at_friday() as (sim, line, _):
        fault = Fault(FaultKind.REFUSE, Request.HISTORICAL_DATA, code=162, text="pacing violation")
        sim.control.fail(fault)

        facts = await line.facts(needs(), FRIDAY)

    assert facts.closes["VOO"].notna().any()


NO_RIGHT = Fault(
    FaultKind.REFUSE,
    Request.HISTORICAL_DATA,
    "VOO",
    times=3,
    code=162,
    text="No market data permissions",
)


async def test_a_vital_symbol_without_history_blocks_with_the_reason():
    async with at_friday() as (sim, line, _):
        sim.control.fail(NO_RIGHT)

        with pytest.raises(Blocked) as raised:
            await line.facts(needs("VOO", "BIL", vital=("VOO",)), FRIDAY)

    assert "ibkr_no_history" in str(raised.value)
    assert "reason=No market data permissions" in str(raised.value)


async def test_any_other_symbol_without_history_is_an_empty_column_and_a_line_in_the_log(caplog):
    async with at_friday() as (sim, line, _):
        sim.control.fail(NO_RIGHT)

        facts = await line.facts(needs("VOO", "BIL", vital=("BIL",)), FRIDAY)

    assert facts.closes["VOO"].isna().all()
    assert facts.closes["BIL"].notna().any()
    assert "No market data permissions" in caplog.text


async def test_a_history_nobody_answers_is_no_empty_one():
    async with at_friday(line={"pace": giving_up(history=0.2)}) as (sim, line, _):
        sim.control.fail(Fault(FaultKind.IGNORE, Request.HISTORICAL_DATA))

        with pytest.raises(BrokerUnavailable, match="ibkr_no_answer"):
            await line.facts(needs(), FRIDAY)


@pytest.mark.parametrize(
    ("symbol", "code"), [("NOSUCH", "ibkr_unknown_symbol"), ("BOXX", "ibkr_ambiguous_symbol")]
)
async def test_a_symbol_that_means_nothing_or_two_things_blocks(symbol, code):
    async with at_friday(instruments=TWO_LISTINGS) as (_, line, _):
        with pytest.raises(Blocked, match=rf"{code} \(symbol={symbol}"):
            await line.facts(needs(symbol), FRIDAY)

        assert await line.quotes([symbol]) == {}


async def test_a_listing_tells_which_of_two_is_meant():
    line = {"listings": {"BOXX": "BATS"}}

    async with at_friday(instruments=TWO_LISTINGS, line=line) as (sim, ibkr, _):
        sim.control.quote("BOXX", Quote(*map(Decimal, ("110.1", "110.2", "110.15"))))

        assert (await ibkr.quotes(["BOXX"]))["BOXX"].ask == Decimal("110.2")


async def test_a_share_class_is_written_the_brokers_way():
    classes = (Instrument("BRK B", primary="NYSE"),)

    async with at_friday(instruments=classes) as (sim, line, broker):
        sim.control.quote("BRK B", Quote(*map(Decimal, ("500", "501", "500.5"))))
        sim.control.hold("BRK B", Decimal(3), Decimal(400))

        assert set(await line.quotes(["BRK.B"])) == {"BRK.B"}
        assert (await broker.portfolio()).shares == {"BRK.B": 3}


async def test_a_quote_is_both_sides_and_the_last_at_the_time_it_was_asked_for():
    async with at_friday() as (sim, line, _):
        sim.control.quote("VOO", Quote(*map(Decimal, ("499.9", "500.1", "500.05", "498"))))

        (quote,) = (await line.quotes(["VOO"])).values()

    assert (quote.bid, quote.ask, quote.last) == tuple(map(Decimal, ("499.9", "500.1", "500.05")))
    assert (quote.at, quote.halted) == (NEAR_CLOSE, False)


async def test_a_halt_is_told():
    async with at_friday() as (sim, line, _):
        sim.control.halt("VOO", halted=True)

        assert (await line.quotes(["VOO"]))["VOO"].halted


MISSING = [
    Quote(ask=Decimal(501), last=Decimal(500)),
    Quote(bid=Decimal(499), last=Decimal(500)),
    Quote(bid=Decimal(499), ask=Decimal(501)),
    Quote(),
]


@pytest.mark.parametrize("quote", MISSING)
async def test_what_lacks_a_side_or_a_last_price_has_no_quote(quote):
    async with at_friday(line=NEVER_QUOTED) as (sim, line, _):
        sim.control.quote("VOO", quote)

        assert set(await line.quotes(["VOO", "BIL"])) == {"BIL"}


async def test_a_quote_of_an_earlier_time_is_never_told_again():
    async with at_friday(line=NEVER_QUOTED) as (sim, line, _):
        assert set(await line.quotes(["VOO"])) == {"VOO"}
        sim.control.compete(competing=True)

        assert await line.quotes(["VOO"]) == {}

        sim.control.compete(competing=False)
        sim.control.quote("VOO", Quote(bid=Decimal(499)))
        assert await line.quotes(["VOO"]) == {}


async def test_each_question_is_answered_with_the_market_of_its_moment():
    async with at_friday() as (sim, line, _):
        for price in (500, 505, 505, 510):
            sim.control.price("VOO", Decimal(price))
            assert (await line.quotes(["VOO"]))["VOO"].last == price


async def test_our_clock_is_compared_with_the_gateways():
    ours = JumpingClock(NEAR_CLOSE)
    async with at_friday(line={"clock": ours}) as (_, line, _):
        reading = await line.clock()
        ours.jump(NEAR_CLOSE + timedelta(seconds=60))
        later = await line.clock()

    assert (abs(reading.ahead) <= reading.give < 1, line.ends()) == (True, None)
    assert later.least > 50


async def test_streams_are_given_back():
    async with at_friday() as (sim, line, _):
        await line.quotes(["VOO", "BIL"])
        await line.prove()

        assert len(asked(sim, Request.CANCEL_MARKET_DATA)) == 2


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (lambda c: c.compete(competing=True), "10197"),
        (lambda c: c.see("VOO", DataRight.NONE), "354"),
        (lambda c: c.see("VOO", DataRight.NONE, 10186), "10186"),
        (lambda c: c.see("VOO", DataRight.DELAYED), "10089"),
    ],
)
async def test_quotes_nobody_may_see_are_left_out_and_the_reason_is_written_down(
    caplog, trouble, code
):
    async with at_friday() as (sim, line, _):
        trouble(sim.control)

        async with asyncio.timeout(SOON / 2):
            assert await line.quotes(["VOO"]) == {}

    assert f"no quotes: {code}" in caplog.text


async def test_delayed_quotes_are_as_old_as_they_are_where_they_are_allowed():
    async with at_friday(line={"allow_delayed": True}) as (sim, line, _):
        sim.control.see("VOO", DataRight.DELAYED)

        quotes = await line.quotes(["VOO", "BIL"])

    assert quotes["VOO"].at == NEAR_CLOSE - DELAYED_BY
    assert quotes["BIL"].at == NEAR_CLOSE
    found = quote_finding(quotes["VOO"], NEAR_CLOSE, None, 0.0)
    assert found is Finding.QUOTE_STALE


async def test_a_quote_that_is_never_answered_is_none_and_holds_up_no_other():
    async with at_friday(line=NEVER_QUOTED) as (sim, line, _):
        sim.control.fail(Fault(FaultKind.IGNORE, Request.MARKET_DATA, "VOO"))

        assert set(await line.quotes(["VOO", "BIL"])) == {"BIL"}


async def test_many_quotes_are_asked_for_in_batches():
    symbols = [f"S{n}" for n in range(60)]

    async with at_friday(seeds_unknown=True) as (_, line, _):
        assert set(await line.quotes(symbols)) == set(symbols)


async def test_no_symbols_have_no_quotes():
    async with at_friday() as (_, line, _):
        assert await line.quotes([]) == {}


@pytest.mark.parametrize("lost", [lambda c: c.lose_link(), lambda c: c.close()])
async def test_without_a_connection_there_is_an_error_and_no_empty_market(lost):
    async with at_friday() as (sim, line, _):
        await line.prove()
        lost(sim.control)
        with pytest.raises(BrokerUnavailable):
            await line.prove()

        with pytest.raises(BrokerUnavailable):
            await line.quotes(["VOO"])
        with pytest.raises(BrokerUnavailable):
            await line.facts(needs(), FRIDAY)


async def test_a_line_lost_among_quotes_is_an_error():
    async with at_friday() as (sim, line, _):
        await line.quotes(["VOO"])
        sim.control.fail(Fault(FaultKind.DROP, Request.MARKET_DATA))

        with pytest.raises(BrokerUnavailable, match="ibkr_line_lost"):
            await line.quotes(["VOO"])


@pytest.mark.parametrize(
    ("trouble", "codes"),
    [
        (lambda c: c.compete(competing=True), ["ibkr_competing_session"]),
        (lambda c: c.see("VOO", DataRight.NONE), ["ibkr_no_live_quotes"]),
        (lambda c: c.see("VOO", DataRight.DELAYED), ["ibkr_no_live_quotes"]),
    ],
)
async def test_why_there_were_no_quotes_is_a_note_until_there_are(trouble, codes):
    async with at_friday() as (sim, line, _):
        trouble(sim.control)
        await line.quotes(["VOO"])
        told = [note.code for note in line.notes()]

        sim.control.compete(competing=False)
        sim.control.see("VOO", DataRight.LIVE)
        await line.quotes(["VOO"])

        assert (told, line.notes()) == (codes, [])


async def test_quotes_that_are_delayed_are_a_note():
    async with at_friday(line={"allow_delayed": True}) as (sim, line, _):
        sim.control.see("VOO", DataRight.DELAYED)

        await line.quotes(["VOO", "BIL"])

        assert [note.code for note in line.notes()] == ["ibkr_delayed_quotes"]
