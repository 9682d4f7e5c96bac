"""Prices and hours of a simulated broker as the real library reads them."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from http import HTTPStatus

import pytest

from adapters.sims.schwab import SchwabSim
from adapters.sims.schwab_faults import Operation
from adapters.sims.schwab_market import Hours
from tests.adapters.sims.schwab_clients import (
    EQUITY_HOURS,
    NOON,
    VOO,
    a_bar,
    a_client,
    a_setup,
)

BARS = [a_bar(date(2026, 2, 27), 490), a_bar(date(2026, 3, 2), 498)]
BEGINNING = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
async def broker(tmp_path):
    async with SchwabSim(tmp_path / "ca.pem", a_setup()) as it:
        it.control.bars("VOO", BARS)
        yield it


@pytest.fixture
async def client(broker):
    async with a_client(broker) as it:
        yield it


async def candles(client, symbol="VOO", since=BEGINNING, until=NOON, extended=False):  # noqa: FBT002 - the library's default is none of ours
    answer = await client.get_price_history_every_day(
        symbol, start_datetime=since, end_datetime=until, need_extended_hours_data=extended
    )
    return answer.json()["candles"]


async def test_many_symbols_are_one_call(broker, client):
    quotes = (await client.get_quotes(["VOO", "$VIX"])).json()

    assert set(quotes) == {"VOO", "$VIX"}
    assert len(broker.control.calls(Operation.QUOTES)) == 1


async def test_a_quote_says_both_sides_and_when(client):
    quote = (await client.get_quotes(["VOO"])).json()["VOO"]

    sides = quote["quote"]
    assert (sides["bidPrice"], sides["askPrice"], sides["lastPrice"]) == (499.9, 500.1, 500)
    assert sides["closePrice"] == 498
    assert sides["quoteTime"] == NOON.timestamp() * 1000
    assert quote["realtime"] is True


async def test_an_unknown_symbol_is_named_beside_the_others(client):
    quotes = (await client.get_quotes(["VOO", "NOPE"])).json()

    assert quotes["errors"] == {"invalidSymbols": ["NOPE"]}
    assert "VOO" in quotes


async def test_an_unknown_symbol_alone_is_no_error_in_a_list_and_one_by_itself(client):
    listed = await client.get_quotes(["NOPE"])
    alone = await client.get_quote("NOPE")

    assert (listed.status_code, alone.status_code) == (200, 404)
    assert alone.json()["errors"][0]["status"] == "404"


async def test_no_symbols_are_an_error(client):
    assert (await client.get_quotes([])).status_code == HTTPStatus.BAD_REQUEST


async def test_an_index_has_no_sides_and_no_regular_hours(client):
    index = (await client.get_quote("$VIX")).json()["$VIX"]

    assert index["assetMainType"] == "INDEX"
    assert index["quote"]["lastPrice"] == 17.25
    assert not {"bidPrice", "askPrice", "quoteTime"} & set(index["quote"])
    assert "regular" not in index


async def test_a_delayed_quote_says_so_and_looks_fresh_otherwise(broker, client):
    broker.control.quote(replace(VOO, realtime=False))

    quote = (await client.get_quotes(["VOO"])).json()["VOO"]

    assert quote["realtime"] is False
    assert quote["quote"]["bidPrice"] == 499.9


async def test_a_quote_and_its_trade_have_times_of_their_own(broker, client):
    hours_ago = NOON - timedelta(hours=3)
    broker.control.quote(replace(VOO, quoted_at=hours_ago, status="Halted"))

    sides = (await client.get_quotes(["VOO"])).json()["VOO"]["quote"]

    assert sides["quoteTime"] == hours_ago.timestamp() * 1000
    assert sides["tradeTime"] == NOON.timestamp() * 1000
    assert sides["securityStatus"] == "Halted"


async def test_a_side_nobody_offers_is_left_out(broker, client):
    broker.control.quote(replace(VOO, bid=None))

    sides = (await client.get_quotes(["VOO"])).json()["VOO"]["quote"]

    assert "bidPrice" not in sides
    assert sides["askPrice"] == 500.1


async def test_only_the_blocks_asked_for_are_told(client):
    fields = [client.Quote.Fields.REGULAR]

    quote = (await client.get_quotes(["VOO"], fields=fields)).json()["VOO"]

    assert "regular" in quote
    assert "quote" not in quote


async def test_a_symbol_can_become_unknown(broker, client):
    broker.control.unquote("VOO")

    assert "VOO" not in (await client.get_quotes(["VOO"])).json()
    with pytest.raises(LookupError, match="symbol is VOO"):
        broker.control.unquote("VOO")


async def test_a_daily_bar_is_dated_midnight_in_chicago(client):
    days = [datetime.fromtimestamp(c["datetime"] / 1000, UTC) for c in await candles(client)]

    assert days == [datetime(2026, 2, 27, 6, tzinfo=UTC), datetime(2026, 3, 2, 6, tzinfo=UTC)]


async def test_in_summer_the_date_is_an_hour_earlier(broker, client):
    broker.control.bars("VOO", [a_bar(date(2025, 7, 1), 400)])

    (candle,) = await candles(client)

    assert datetime.fromtimestamp(candle["datetime"] / 1000, UTC).hour == 5


async def test_a_history_that_begins_at_noon_has_not_the_bar_of_that_day(client):
    noon = datetime(2026, 3, 2, 17, tzinfo=UTC)
    dawn = datetime(2026, 3, 2, tzinfo=UTC)

    assert await candles(client, since=noon) == []
    assert len(await candles(client, since=dawn)) == 1


async def test_a_naive_start_would_be_local_time(broker, client):
    await candles(client, since=BEGINNING)

    (call,) = broker.control.calls(Operation.HISTORY)
    assert f"startDate={int(BEGINNING.timestamp() * 1000)}" in call.path
    assert "needExtendedHoursData=false" in call.path


async def test_todays_bar_is_absent_or_present(broker, client):
    absent = await candles(client)
    broker.control.show_today()

    present = await candles(client)

    assert len(present) == len(absent) + 1
    assert (present[-1]["close"], present[-1]["low"]) == (500, 498)


async def test_todays_bar_is_there_once(broker, client):
    broker.control.bars("VOO", [*BARS, a_bar(NOON.date(), 501)])
    broker.control.show_today()

    assert [c["close"] for c in await candles(client)] == [490, 498, 501]


async def test_with_extended_hours_todays_close_is_another(broker, client):
    broker.control.quote(replace(VOO, extended=Decimal(505)))
    broker.control.show_today()

    regular = await candles(client, extended=False)
    extended = await candles(client, extended=True)
    quote = (await client.get_quotes(["VOO"])).json()["VOO"]

    assert (regular[-1]["close"], extended[-1]["close"]) == (500, 505)
    assert quote["extended"]["lastPrice"] == 505


async def test_an_unknown_history_is_empty(client):
    answer = await client.get_price_history_every_day(
        "NOPE", start_datetime=BEGINNING, end_datetime=NOON
    )

    assert answer.json() == {"candles": [], "symbol": "NOPE", "empty": True}


async def test_other_bars_are_refused(client):
    answer = await client.get_price_history_every_week(
        "VOO", start_datetime=BEGINNING, end_datetime=NOON
    )

    assert answer.status_code == HTTPStatus.BAD_REQUEST
    assert "daily bars only" in answer.text


async def test_a_closed_day_has_another_name_inside(client):
    tuesday = (await client.get_market_hours(EQUITY_HOURS, date=date(2026, 3, 3))).json()
    sunday = (await client.get_market_hours(EQUITY_HOURS, date=date(2026, 3, 8))).json()

    regular = tuesday["equity"]["EQ"]["sessionHours"]["regularMarket"]
    assert regular == [{"start": "2026-03-03T09:30:00-05:00", "end": "2026-03-03T16:00:00-05:00"}]
    assert sunday["equity"]["equity"]["isOpen"] is False


async def test_a_day_can_be_short_or_closed(broker, client):
    friday, holiday = date(2026, 11, 27), date(2026, 11, 26)
    broker.control.hours(Hours(friday, time(13)))
    broker.control.hours(Hours(holiday))

    short = (await client.get_market_hours(EQUITY_HOURS, date=friday)).json()["equity"]["EQ"]
    closed = (await client.get_market_hours(EQUITY_HOURS, date=holiday)).json()["equity"]

    assert short["sessionHours"]["regularMarket"][0]["end"] == "2026-11-27T13:00:00-05:00"
    assert closed["equity"]["isOpen"] is False


async def test_the_hours_of_today_are_told_by_default(client):
    assert (await client.get_market_hours(EQUITY_HOURS)).json()["equity"]["EQ"]["isOpen"]


async def test_other_markets_are_refused(client):
    markets = [client.MarketHours.Market.BOND]

    assert (await client.get_market_hours(markets)).status_code == HTTPStatus.BAD_REQUEST
