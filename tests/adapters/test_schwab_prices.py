"""Prices of a simulated Schwab: quotes of the moment, bars by their own dates."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import numpy as np
import pytest

from adapters.schwab_json import BEGINNING
from adapters.schwab_prices import QUOTES_A_REQUEST
from adapters.sims.bars import Bar
from adapters.sims.schwab_faults import Fault, FaultKind, Operation
from adapters.sims.schwab_market import Listing, Quote
from bot.domain.errors import Blocked, BrokerUnavailable
from bot.domain.strategy import Needs
from bot.ports import Adjustment
from tests.adapters.schwab_world import CALENDAR, Bench, a_quote, drilling
from tests.builders import NOW, TODAY

VOO = Quote("VOO", Decimal("100.05"), Decimal("100.01"), Decimal("100.07"))
YESTERDAY = date(2026, 3, 30)
SESSIONS = 3


@pytest.fixture
def bench(tmp_path):
    with drilling(tmp_path) as drill:
        yield Bench(tmp_path, drill)


def bars(closes, last=YESTERDAY):
    """One bar a session, the newest at `last`."""
    days = [s.date for s in CALENDAR.between(date(2026, 1, 2), last)][-len(closes) :]
    return [
        Bar(day, *(Decimal(str(part)) for part in (close, close + 1, close - 1, close)))
        for day, close in zip(days, closes, strict=True)
    ]


def needs(*symbols, **more):
    return Needs(symbols, symbols, symbols, SESSIONS, **more)


async def test_a_quote_has_both_sides_the_last_price_and_their_time(bench):
    bench.control.quote(replace(VOO, quoted_at=NOW - timedelta(seconds=3), traded_at=NOW))

    quote = (await bench.line.quotes(["VOO"]))["VOO"]

    assert (quote.bid, quote.ask, quote.last) == (VOO.bid, VOO.ask, VOO.last)
    assert (quote.at, quote.halted) == (NOW - timedelta(seconds=3), False)


async def test_a_price_after_hours_is_no_last_price(bench):
    bench.control.quote(replace(VOO, extended=Decimal(150)))

    assert (await bench.line.quotes(["VOO"]))["VOO"].last == VOO.last


async def test_a_halt_is_seen(bench):
    bench.control.quote(replace(VOO, status="Halted"))

    assert (await bench.line.quotes(["VOO"]))["VOO"].halted


async def test_what_is_unknown_or_has_one_side_is_left_out(bench):
    bench.control.quote(replace(VOO, symbol="HALF", bid=None))
    never = replace(VOO, symbol="NONE", bid=Decimal(0), ask=Decimal(0), quoted_at=BEGINNING)
    bench.control.quote(never)

    assert list(await bench.line.quotes(["VOO", "NOPE", "HALF", "NONE"])) == ["VOO"]


async def test_an_index_is_quoted_at_its_last_price(bench):
    bench.control.quote(Quote("$VIX", Decimal("17.25"), listing=Listing.INDEX, traded_at=NOW))

    quote = (await bench.line.quotes(["VIX"]))["VIX"]

    assert (quote.bid, quote.ask, quote.last, quote.at) == (quote.last,) * 3 + (NOW,)
    assert quote.last == Decimal("17.25")


async def test_a_class_of_shares_is_asked_for_by_schwabs_name(bench):
    bench.control.quote(replace(VOO, symbol="BRK/B"))

    assert (await bench.line.quotes(["BRK.B"]))["BRK.B"].symbol == "BRK.B"


async def test_delayed_quotes_are_refused(bench):
    bench.control.quote(replace(VOO, realtime=False))

    with pytest.raises(Blocked) as caught:
        await bench.line.quotes(["BIL", "VOO"])

    assert (caught.value.code, caught.value.values) == (
        "schwab_delayed_quotes",
        {"symbols": "VOO"},
    )


async def test_delayed_quotes_pass_where_that_is_configured(bench):
    bench.restart(delayed_quotes=True)
    bench.control.quote(replace(VOO, realtime=False))

    assert "VOO" in await bench.line.quotes(["VOO"])


async def test_many_symbols_are_few_requests(bench):
    symbols = [f"S{number}" for number in range(2 * QUOTES_A_REQUEST)]
    for symbol in ("S0", symbols[-1]):
        bench.control.quote(a_quote(symbol, 10))

    quotes = await bench.line.quotes([*symbols, "S0"])

    assert list(quotes) == ["S0", symbols[-1]]
    assert len(bench.control.calls(Operation.QUOTES)) == 2


async def test_nothing_is_asked_for_no_symbols(bench):
    assert await bench.line.quotes([]) == {}
    assert bench.control.calls() == []


async def test_history_is_told_not_to_know_dividends(bench):
    assert bench.line.adjustment is Adjustment.SPLITS


async def test_facts_reach_up_to_the_session_before(bench):
    bench.control.bars("VOO", bars([10, 11, 12, 13]))
    bench.control.bars("BIL", bars([50, 51, 52, 53]))
    bench.control.show_today()

    facts = await bench.line.facts(needs("VOO", "BIL"), TODAY)

    assert list(facts.closes.columns) == ["VOO", "BIL"]
    assert facts.closes.index[-1].date() == YESTERDAY
    assert facts.closes["VOO"].to_list()[-SESSIONS:] == [11, 12, 13]
    assert len(facts.sessions) >= len(facts.closes) + 40
    assert (facts.raw_closes, facts.highs) == ({}, None)


async def test_a_missed_session_has_all_its_rows_too(bench):
    bench.control.bars("VOO", bars(range(10, 30)))

    closes = (await bench.line.facts(needs("VOO"), TODAY)).closes

    assert len(closes) == SESSIONS + 5
    assert closes["VOO"].notna().all()


async def test_todays_bar_is_left_out_by_its_date(bench):
    bench.control.bars("VOO", bars([10, 11, 12, 13, 99], last=TODAY))

    closes = (await bench.line.facts(needs("VOO"), TODAY)).closes

    assert closes["VOO"].iloc[-1] == 13


async def test_a_day_without_a_bar_is_not_filled(bench):
    told = bars([10, 11, 12, 13])
    bench.control.bars("VOO", [told[0], told[1], told[3]])

    closes = (await bench.line.facts(needs("VOO"), TODAY)).closes["VOO"]

    assert np.isnan(closes.iloc[-2])
    assert closes.iloc[-1] == 13


async def test_a_bar_on_a_day_without_a_session_is_left_out(bench):
    saturday = Bar(date(2026, 3, 28), *(Decimal(7),) * 4)
    bench.control.bars("VOO", [*bars([10, 11, 12, 13]), saturday])

    assert 7 not in (await bench.line.facts(needs("VOO"), TODAY)).closes["VOO"].to_list()


async def test_highs_and_lows_come_where_they_are_asked_for(bench):
    bench.control.bars("VOO", bars([10, 11, 12, 13]))
    bench.control.bars("BIL", bars([50, 51, 52, 53]))

    facts = await bench.line.facts(needs("VOO", ranges=("BIL",)), TODAY)

    assert (facts.highs["BIL"].iloc[-1], facts.lows["BIL"].iloc[-1]) == (54, 52)
    assert list(facts.closes.columns) == ["VOO"]


async def test_a_symbol_without_any_bar_blocks(bench):
    bench.control.bars("VOO", bars([10, 11, 12, 13]))

    with pytest.raises(Blocked, match="NOPE") as caught:
        await bench.line.facts(needs("VOO", "NOPE"), TODAY)
    assert caught.value.code == "schwab_no_history"


async def test_a_whole_history_is_asked_for_once_a_session(bench):
    bench.control.bars("VOO", bars([10, 11, 12, 13]))

    for _ in range(3):
        await bench.line.facts(needs("VOO"), TODAY)

    assert len(bench.control.calls(Operation.HISTORY)) == 1


async def test_a_history_without_yesterday_is_asked_for_again(bench):
    bench.control.bars("VOO", bars([10, 11, 12], last=date(2026, 3, 27)))
    before = (await bench.line.facts(needs("VOO"), TODAY)).closes["VOO"].iloc[-1]
    bench.control.bars("VOO", bars([10, 11, 12, 13]))

    after = (await bench.line.facts(needs("VOO"), TODAY)).closes["VOO"].iloc[-1]

    assert np.isnan(before)
    assert after == 13


async def test_a_new_session_asks_anew(bench):
    bench.control.bars("VOO", bars([10, 11, 12, 13], last=TODAY))

    first = await bench.line.facts(needs("VOO"), TODAY)
    second = await bench.line.facts(needs("VOO"), CALENDAR.after(TODAY).date)

    assert (first.closes["VOO"].iloc[-1], second.closes["VOO"].iloc[-1]) == (12, 13)


async def test_what_was_told_before_a_split_is_asked_for_again_on_the_day_it_counts(bench):
    tomorrow = CALENDAR.after(TODAY)
    bench.control.bars("VOO", bars([100, 102], last=TODAY))
    await bench.line.facts(needs("VOO"), tomorrow.date)
    bench.clock.jump(tomorrow.opens)
    bench.control.bars("VOO", bars([50, 51], last=TODAY))

    facts = await bench.line.facts(needs("VOO"), tomorrow.date)

    assert facts.closes["VOO"].iloc[-1] == 51


async def test_a_history_that_can_not_be_read_raises(bench):
    bench.control.fail(Fault(FaultKind.TRUNCATE, Operation.HISTORY, times=9))

    with pytest.raises(BrokerUnavailable):
        await bench.line.facts(needs("VOO"), TODAY)


async def test_a_price_of_zero_is_no_price(bench):
    bench.control.bars("VOO", [Bar(YESTERDAY, *(Decimal(0),) * 4)])

    with pytest.raises(BrokerUnavailable, match="close"):
        await bench.line.facts(needs("VOO"), TODAY)
