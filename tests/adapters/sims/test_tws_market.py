"""What the real library learns of contracts, quotes and history."""

import asyncio
import math
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.sims.bars import Bar
from adapters.sims.tws_codes import Request
from adapters.sims.tws_contracts import INDEX, Instrument
from adapters.sims.tws_faults import Fault, FaultKind
from adapters.sims.tws_market import ADJUSTED, DataRight, Dividend, Quote
from tests.adapters.sims.tws_clients import (
    BY_IB_ASYNC,
    SOON,
    a_client,
    a_sim,
    arrived,
    either,
    eventually,
    ib,
    in_vain,
    qualified,
    stock,
    trading,
)

FRIDAY = datetime(2026, 3, 6, 20, 45, tzinfo=UTC)
LISTED_TWICE = (
    Instrument("BOXX", primary="BATS"),
    Instrument("BOXX", primary="LSEETF", name="another fund"),
)


def bars(*closes: float, last: date = date(2026, 3, 5)) -> tuple[Bar, ...]:
    days = [last - timedelta(days=back) for back in range(len(closes))]
    prices = [Decimal(str(close)) for close in closes]
    return tuple(Bar(d, p, p, p, p, 100) for d, p in zip(reversed(days), prices, strict=True))


async def history(client, what="TRADES", duration="1 Y", end="", size="1 day"):
    asked = client.reqHistoricalDataAsync(stock(), end, duration, size, what, True, 1)
    # What the library returns is a list of its own, which is unequal to every other.
    return list(await asyncio.wait_for(asked, SOON))


async def test_a_stock_is_qualified_and_keeps_smart_as_its_exchange():
    async with trading() as (_, client):
        voo = await qualified(client)

    assert (voo.exchange, voo.primaryExchange, voo.localSymbol) == ("SMART", "ARCA", "VOO")
    assert voo.conId > 0


async def test_known_numbers_are_those_of_the_broker():
    async with trading(prices={"SPY": Decimal(600)}) as (_, client):
        assert (await qualified(client, "SPY")).conId == 756733


async def test_an_ambiguous_symbol_is_no_contract_until_its_listing_is_named():
    async with a_sim(instruments=LISTED_TWICE) as sim, a_client(sim) as client:
        vague = await client.qualifyContractsAsync(stock("BOXX"))
        (exact,) = await client.qualifyContractsAsync(stock("BOXX", primaryExchange="BATS"))

    assert vague == either([], [None])
    assert exact.primaryExchange == "BATS"


async def test_an_unknown_symbol_is_told_and_no_contract():
    async with trading() as (_, client):
        assert await client.qualifyContractsAsync(stock("NOSUCH")) == either([], [None])
        assert client.heard.codes == [200]


async def test_a_contract_without_an_exchange_is_described_once_for_each():
    async with trading() as (_, client):
        details = await client.reqContractDetailsAsync(ib.Stock("VOO", "", "USD"))

    assert [d.contract.exchange for d in details] == ["SMART", "ARCA", "IBKRATS"]


async def test_an_index_has_a_value_that_nobody_bids():
    async with trading(seeds_unknown=True) as (_, client):
        (vix,) = await client.qualifyContractsAsync(ib.Index("VIX", "CBOE", "USD"))
        (ticker,) = await client.reqTickersAsync(vix)

    assert (ticker.bid, 12 <= ticker.last <= 30) == (-1, True)


async def test_details_name_step_listing_and_number():
    index = Instrument("VIX", kind=INDEX, primary="CBOE", min_tick=Decimal("0.01"))

    async with a_sim(instruments=(index,)) as sim, a_client(sim) as client:
        (told,) = await client.reqContractDetailsAsync(ib.Index("VIX", "CBOE", "USD"))

    assert (told.minTick, told.contract.primaryExchange) == (0.01, "CBOE")
    assert told.validExchanges == "CBOE"


async def test_any_stock_may_be_listed_at_a_price_drawn_from_the_seed():
    async def price(seed: int) -> float:
        async with trading(seeds_unknown=True, seed=seed) as (_, client):
            (ticker,) = await client.reqTickersAsync(await qualified(client, "QQQ"))
            return ticker.last

    assert await price(1) == await price(1) != await price(2)


async def test_a_snapshot_has_prices_and_sizes():
    async with trading() as (sim, client):
        quote = Quote(*map(Decimal, ("499.9", "500.1", "500", "498")), 3, 4, 5, 6000)
        sim.control.quote("VOO", quote)

        (ticker,) = await client.reqTickersAsync(await qualified(client))

    assert (ticker.bid, ticker.ask, ticker.last, ticker.close) == (499.9, 500.1, 500, 498)
    assert (ticker.bidSize, ticker.askSize, ticker.lastSize, ticker.volume) == (3, 4, 5, 6000)
    assert (ticker.marketDataType, ticker.halted) == (1, 0)


async def test_where_nobody_bids_the_price_is_minus_one():
    async with trading() as (sim, client):
        sim.control.quote("VOO", Quote(ask=Decimal(501)))

        (ticker,) = await client.reqTickersAsync(await qualified(client))

    assert (ticker.bid, ticker.bidSize, ticker.ask) == (-1, 0, 501)
    assert math.isnan(ticker.last)


async def test_a_halt_is_told():
    async with trading() as (sim, client):
        sim.control.halt("VOO", halted=True)

        (ticker,) = await client.reqTickersAsync(await qualified(client))

    assert ticker.halted == 1


async def test_a_stream_moves_with_the_market_until_it_is_cancelled():
    async with trading() as (sim, client):
        voo = await qualified(client)
        ticker = client.reqMktData(voo)
        await eventually(lambda: ticker.last == 500)

        sim.control.price("VOO", Decimal(505))
        await eventually(lambda: ticker.last == 505)
        client.cancelMktData(voo)
        await arrived(client)
        sim.control.price("VOO", Decimal(510))
        await arrived(client)

        assert ticker.last == 505


async def test_delayed_quotes_come_only_to_who_asked_for_them():
    async with trading() as (sim, client):
        sim.control.see("VOO", DataRight.DELAYED)
        voo = await qualified(client)

        (without,) = await client.reqTickersAsync(voo)
        assert client.heard.codes == [10089]
        assert math.isnan(without.bid)

        client.reqMarketDataType(3)
        (ticker,) = await client.reqTickersAsync(voo)
        assert client.heard.codes == [10089, 10167]
        assert (ticker.bid, ticker.last, ticker.marketDataType) == (499.99, 500, 3)


async def test_who_asks_for_delayed_quotes_still_gets_live_ones_where_they_are_paid_for():
    async with trading() as (_, client):
        client.reqMarketDataType(3)

        (ticker,) = await client.reqTickersAsync(await qualified(client))

    assert ticker.marketDataType == 1


@pytest.mark.parametrize(("kind", "open_", "shown"), [(2, False, 2), (2, True, 1), (4, False, 4)])
async def test_frozen_quotes_are_those_of_a_closed_market(kind, open_, shown):
    async with trading() as (sim, client):
        voo = await qualified(client)
        sim.control.see("VOO", DataRight.DELAYED if kind == 4 else DataRight.LIVE)
        if not open_:
            sim.control.close_market()
        client.reqMarketDataType(kind)

        (ticker,) = await client.reqTickersAsync(voo)

    assert ticker.marketDataType == shown


@pytest.mark.parametrize(
    ("right", "kind", "code", "told"),
    [
        (DataRight.NONE, 1, 0, 354),
        (DataRight.NONE, 3, 0, 10168),
        (DataRight.NONE, 1, 10186, 10186),
        (DataRight.DELAYED, 1, 0, 10089),
    ],
)
async def test_without_permission_there_is_a_code_and_no_quote(right, kind, code, told):
    async with trading() as (sim, client):
        sim.control.see("VOO", right, code)
        client.reqMarketDataType(kind)

        ticker = client.reqMktData(await qualified(client))
        await arrived(client)

    assert client.heard.codes == [told]
    assert math.isnan(ticker.last)


async def test_a_competing_session_takes_the_quotes():
    async with trading() as (sim, client):
        sim.control.compete(competing=True)

        ticker = client.reqMktData(await qualified(client))
        await arrived(client)

    assert client.heard.codes == [10197]
    assert math.isnan(ticker.bid)


async def test_a_snapshot_that_never_ends_has_no_timeout_of_its_own():
    async with trading() as (sim, client):
        voo = await qualified(client)
        sim.control.fail(Fault(FaultKind.IGNORE, Request.MARKET_DATA))

        assert await in_vain(client.reqTickersAsync(voo))


async def test_quotes_of_an_unqualified_contract_are_asked_for_by_one_library_only():
    async with trading() as (_, client):
        asked = client.reqTickersAsync(stock())

        if BY_IB_ASYNC:
            with pytest.raises(Exception, match="can't be hashed"):
                await asked
        else:
            assert (await asked)[0].last == 500


async def test_streams_are_gone_when_the_link_is_back_without_its_data():
    async with trading() as (sim, client):
        ticker = client.reqMktData(await qualified(client))
        await arrived(client)

        sim.control.lose_link()
        sim.control.restore_link(keeps_data=False)
        sim.control.price("VOO", Decimal(505))
        await arrived(client)

    assert client.heard.codes == [1100, 1101]
    assert ticker.last == 500


async def test_daily_bars_are_those_given():
    async with trading(clock=lambda: FRIDAY) as (sim, client):
        sim.control.history("VOO", bars(497, 498, 499))
        sim.control.history("VOO", bars(490, 494, 499), ADJUSTED)

        traded, adjusted = await history(client), await history(client, ADJUSTED)

    assert [bar.close for bar in traded] == [497, 498, 499, 500]
    assert [bar.close for bar in adjusted][:3] == [490, 494, 499]
    assert traded[-1].date == date(2026, 3, 6)


async def test_todays_bar_is_unfinished_while_the_market_is_open_and_absent_after():
    async with trading(clock=lambda: FRIDAY) as (sim, client):
        sim.control.history("VOO", bars(499))
        assert [bar.date.day for bar in await history(client)] == [5, 6]

        sim.control.close_market()

        assert [bar.date.day for bar in await history(client)] == [5]


@pytest.mark.parametrize(
    ("duration", "end", "closes"),
    [
        ("2 D", "", [499, 500]),
        ("1 W", "", [497, 498, 499, 500]),
        ("1 Y", "20260304 23:59:59", [497, 498]),
        ("1 D", "20260304-20:00:00", [498]),
    ],
)
async def test_a_duration_looks_back_from_its_end(duration, end, closes):
    async with trading(clock=lambda: FRIDAY) as (sim, client):
        sim.control.history("VOO", bars(497, 498, 499))

        told = await history(client, duration=duration, end=end)

    assert [bar.close for bar in told] == closes


async def test_bars_nobody_gave_are_drawn_from_the_seed_up_to_the_last_close():
    async def drawn(seed: int) -> list[float]:
        async with trading(seed=seed, clock=lambda: FRIDAY) as (sim, client):
            sim.control.close_market()
            return [bar.close for bar in await history(client, duration="5 Y")]

    first = await drawn(1)
    assert first == await drawn(1) != await drawn(2)
    assert first[-1] == 500
    assert len(first) > 1250


REFUSED = [
    ({"what": ADJUSTED, "end": "20260304 00:00:00"}, "ADJUSTED_LAST"),
    ({"duration": "400 D"}, "must be made in years"),
    ({"duration": "a year"}, "not valid"),
    ({"size": "5 mins"}, "daily bars only"),
    ({"what": "MIDPOINT"}, "MIDPOINT"),
    ({"end": "yesterday"}, "yesterday"),
]


@pytest.mark.parametrize(("asked", "remark"), REFUSED)
async def test_bars_nobody_can_have_are_refused_and_one_library_waits_on(asked, remark):
    async with trading() as (_, client):
        if BY_IB_ASYNC:
            assert await in_vain(history(client, **asked))
        else:
            assert await history(client, **asked) == []

        (text,) = (text for _, code, text in client.heard.errors if code == 321)
        assert remark in text


@pytest.mark.parametrize(
    "text",
    ["API historical data query pacing violation", "No market data permissions for ARCA STK"],
)
async def test_a_failure_is_an_empty_list_and_its_reason_a_code(text):
    async with trading() as (sim, client):
        fault = Fault(FaultKind.REFUSE, Request.HISTORICAL_DATA, "VOO", code=162, text=text)
        sim.control.fail(fault)

        assert await history(client) == []
        assert client.heard.errors[-1][1:] == (162, text)


async def test_no_data_is_told_as_such():
    async with trading() as (sim, client):
        sim.control.history("VOO", ())
        sim.control.close_market()

        assert await history(client) == []
        assert "returned no data" in client.heard.errors[-1][2]


async def test_a_library_that_is_told_to_raises_instead():
    async with trading() as (sim, client):
        client.RaiseRequestErrors = True
        sim.control.fail(Fault(FaultKind.REFUSE, Request.HISTORICAL_DATA, code=162))

        with pytest.raises(Exception, match="API error: 162"):
            await history(client)


async def test_bars_never_answered_are_cancelled_by_the_library_and_empty():
    async with trading() as (sim, client):
        sim.control.fail(Fault(FaultKind.IGNORE, Request.HISTORICAL_DATA))

        told = await client.reqHistoricalDataAsync(
            stock(), "", "1 Y", "1 day", "TRADES", True, timeout=0.02
        )
        await arrived(client)

    assert list(told) == []
    assert client.heard.errors[-1][1] == 162
    assert "cancelled" in client.heard.errors[-1][2]


async def test_a_query_that_is_over_can_not_be_cancelled():
    async with trading() as (_, client):
        client.client.cancelHistoricalData(99)
        await arrived(client)

        assert client.heard.codes == [366]


async def test_how_far_history_goes_back():
    async with trading(clock=lambda: FRIDAY) as (sim, client):
        sim.control.history("VOO", bars(497, 498, 499))

        told = await client.reqHeadTimeStampAsync(stock(), "TRADES", True, 1)

    assert told.date() == date(2026, 3, 3)


async def test_another_day_has_other_bars():
    async with trading(clock=lambda: FRIDAY) as (sim, client):
        sim.control.history("VOO", bars(497, 498, 499))

        sim.control.travel(FRIDAY - timedelta(days=2))

        assert [bar.date.day for bar in await history(client)] == [3, 4]


@pytest.mark.parametrize(
    ("announced", "told"),
    [
        (None, (None, None)),
        (Dividend(date(2026, 3, 20), Decimal("1.75")), (date(2026, 3, 20), 1.75)),
    ],
)
async def test_the_next_dividend_is_told_to_who_asks_for_such_ticks(announced, told):
    async with trading() as (sim, client):
        if announced:
            sim.control.dividend("VOO", announced)

        ticker = client.reqMktData(await qualified(client), "456")
        await eventually(lambda: ticker.dividends is not None)

    assert (ticker.dividends.nextDate, ticker.dividends.nextAmount) == told
