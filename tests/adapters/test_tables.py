import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from adapters.tables import PriceTable, Suspicion, TableMarket, load
from bot.domain.calendar import Calendar
from bot.domain.errors import Blocked, DataError
from bot.domain.strategy import Needs
from bot.ports import Adjustment
from tests.builders import a_session
from tests.real import real_prices

DAYS = pd.bdate_range("2026-01-05", periods=120)
SESSIONS = [a_session(day.date()) for day in DAYS]
CALENDAR = Calendar(SESSIONS, SESSIONS[0].date, SESSIONS[-1].date)
TODAY = 20


class StoppedClock:
    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def near_the_close(at: int) -> datetime:
    return SESSIONS[at].closes - timedelta(minutes=15)


def a_table(**closes: list[float]) -> PriceTable:
    frame = pd.DataFrame(closes, index=DAYS[: len(next(iter(closes.values())))]).astype(float)
    return PriceTable(frame, Path("prices.csv"))


def steady(count: int, first: float = 100.0) -> list[float]:
    return [first + at for at in range(count)]


def a_market(table: PriceTable, at: int = TODAY, spread: str = "0") -> TableMarket:
    return TableMarket(table, StoppedClock(near_the_close(at)), CALENDAR, spread=Decimal(spread))


def needing(*symbols: str, sessions: int = 10) -> Needs:
    return Needs(symbols, holds=symbols, vital=symbols, sessions=sessions)


async def test_facts_end_before_the_session_and_have_the_rows_needed():
    market = a_market(a_table(VOO=steady(30), AGG=steady(30, 50)))

    facts = await market.facts(needing("AGG", "VOO"), SESSIONS[TODAY].date)

    assert facts.closes.columns.tolist() == ["AGG", "VOO"]
    assert facts.closes.index[-1] == DAYS[TODAY - 1]
    assert len(facts.closes) >= 10
    assert facts.closes["VOO"].iloc[-1] == 100 + TODAY - 1


async def test_facts_know_the_calendar_from_their_first_row_to_forty_sessions_ahead():
    facts = await a_market(a_table(VOO=steady(30))).facts(needing("VOO"), SESSIONS[TODAY].date)

    assert facts.sessions[0] == facts.closes.index[0]
    assert facts.sessions[-1] == DAYS[TODAY + 40]


async def test_facts_of_a_short_history_are_what_there_is():
    facts = await a_market(a_table(VOO=steady(3))).facts(needing("VOO"), SESSIONS[TODAY].date)

    assert facts.closes.index.tolist() == DAYS[:3].tolist()


async def test_facts_before_the_first_bar_have_no_rows():
    facts = await a_market(a_table(VOO=steady(3))).facts(needing("VOO"), SESSIONS[0].date)

    assert facts.closes.empty
    assert facts.sessions[0] == DAYS[0]


async def test_rows_on_days_without_a_session_are_left_out():
    table = a_table(VIX=steady(30))
    table.closes.loc[pd.Timestamp("2026-01-10"), "VIX"] = 1.0
    market = a_market(PriceTable(table.closes.sort_index(), table.source))

    facts = await market.facts(needing("VIX", sessions=100), SESSIONS[TODAY].date)

    assert facts.closes.index.tolist() == DAYS[:TODAY].tolist()


async def test_unknown_symbols_block_by_name():
    market = a_market(a_table(VOO=steady(9)))

    with pytest.raises(Blocked, match=r"symbols_missing \(symbols=ZZZ, path=prices.csv, remedy="):
        await market.facts(needing("VOO", "ZZZ"), SESSIONS[5].date)


async def test_a_defective_symbol_is_refused_when_it_is_asked_for():
    defect = Suspicion("BAD", SESSIONS[3].date, "bad_price", "-1")
    table = PriceTable(a_table(VOO=steady(30)).closes, Path("p.csv"), defects={"BAD": defect})
    market = a_market(table)

    assert await market.facts(needing("VOO"), SESSIONS[9].date)
    assert await market.quotes(["BAD"]) == {}
    with pytest.raises(DataError, match="bad_price"):
        await market.facts(needing("VOO", "BAD"), SESSIONS[9].date)


async def test_an_impossible_jump_blocks_while_it_is_in_the_rows_needed():
    closes = [*steady(5), *steady(25, 5000)]
    market = a_market(a_table(BAD=closes, VOO=steady(30)))

    told = rf"dirty_prices \(symbol=BAD, date={SESSIONS[5].date}, value={5000 / 104}, "
    with pytest.raises(Blocked, match=told):
        await market.facts(needing("VOO", "BAD"), SESSIONS[14].date)
    assert await market.facts(needing("BAD"), SESSIONS[15].date)
    assert await market.facts(needing("BAD"), SESSIONS[5].date)
    assert await market.facts(needing("VOO"), SESSIONS[14].date)


async def test_a_symbol_with_an_impossible_jump_is_not_quoted_until_it_is_long_ago():
    closes = [*steady(5), *steady(25, 5000)]
    table = a_table(BAD=closes, VOO=steady(30))

    assert list(await a_market(table, 4).quotes(["BAD", "VOO"])) == ["BAD", "VOO"]
    assert list(await a_market(table, 5).quotes(["BAD", "VOO"])) == ["VOO"]
    assert list(await a_market(table, 29).quotes(["BAD", "VOO"])) == ["VOO"]


async def test_todays_row_is_the_price_near_the_close():
    market = a_market(a_table(VOO=[*steady(TODAY), 49.256737, 1000.0]))

    quote = (await market.quotes(["VOO"]))["VOO"]

    assert quote.bid == quote.ask == quote.last == Decimal("49.256737")
    assert quote.at == near_the_close(TODAY)


async def test_a_spread_lies_around_the_price():
    market = a_market(a_table(VOO=steady(30)), spread="0.002")

    quote = (await market.quotes(["VOO"]))["VOO"]

    assert (quote.bid, quote.last, quote.ask) == (
        Decimal("119.880"), Decimal(120), Decimal("120.120"),
    )  # fmt: skip


async def test_without_todays_row_the_quote_is_as_old_as_the_last_one():
    market = a_market(a_table(VOO=[*steady(TODAY - 2), np.nan, np.nan, np.nan], AGG=steady(21)))

    quoted = await market.quotes(["VOO", "AGG", "NEW"])

    assert quoted["VOO"].at == SESSIONS[TODAY - 3].closes
    assert quoted["VOO"].last == Decimal(100 + TODAY - 3)
    assert quoted["AGG"].at == near_the_close(TODAY)
    assert "NEW" not in quoted


async def test_a_symbol_without_a_bar_yet_is_not_quoted():
    market = a_market(a_table(NEW=[*[np.nan] * (TODAY + 1), 5.0], VOO=steady(TODAY + 2)))

    assert list(await market.quotes(["NEW", "VOO"])) == ["VOO"]


@pytest.mark.parametrize(
    "at",
    [
        SESSIONS[TODAY].opens - timedelta(seconds=1),
        SESSIONS[TODAY - 1].closes + timedelta(hours=1),
    ],
)
async def test_before_the_opening_the_day_is_not_known(at):
    market = TableMarket(a_table(VOO=steady(30)), StoppedClock(at), CALENDAR)

    quote = (await market.quotes(["VOO"]))["VOO"]

    assert quote.last == Decimal(100 + TODAY - 1)


async def test_on_a_weekend_the_quote_is_fridays():
    saturday = datetime(2026, 1, 10, 18, tzinfo=UTC)
    market = TableMarket(a_table(VOO=steady(30)), StoppedClock(saturday), CALENDAR)

    quote = (await market.quotes(["VOO"]))["VOO"]

    assert (quote.last, quote.at) == (Decimal(104), SESSIONS[4].closes)


def with_a_dividend() -> PriceTable:
    """A fund at 100 that pays 2 on the day `TODAY`, adjusted, beside one that pays nothing."""
    raw = [100.0] * TODAY + [98.0] * 5
    closes = [98.0] * (TODAY + 5)
    paid = [0.0] * TODAY + [2.0] + [0.0] * 4
    index = DAYS[: TODAY + 5]
    return PriceTable(
        pd.DataFrame({"DIV": closes, "VIX": closes}, index=index),
        Path("p.csv"),
        raw=pd.DataFrame({"DIV": raw, "VIX": np.nan}, index=index),
        dividends=pd.DataFrame({"DIV": paid, "VIX": 0.0}, index=index),
    )


async def test_raw_closes_and_dividends_go_with_raw_quotes():
    market = a_market(with_a_dividend())

    facts = await market.facts(needing("DIV", "VIX"), SESSIONS[TODAY].date)
    quoted = await market.quotes(["DIV", "VIX"])

    assert facts.raw_closes == {"DIV": 100.0}
    assert facts.dividends == {"DIV": 2.0}
    assert (quoted["DIV"].last, quoted["VIX"].last) == (Decimal("98.0"), Decimal("98.0"))


@pytest.mark.parametrize("at", [TODAY - 1, TODAY, TODAY + 1])
@pytest.mark.parametrize("adjusted", [False, True])
async def test_the_provisional_close_is_the_close_the_table_has(at, adjusted):
    table = with_a_dividend()
    market = a_market(table.adjusted() if adjusted else table, at)
    today = SESSIONS[at].date

    facts = await market.facts(needing("DIV", "VIX"), today)
    row = facts.with_today(today, await market.quotes(["DIV", "VIX"])).closes.iloc[-1]

    assert row.tolist() == pytest.approx([98.0, 98.0], rel=1e-12)


def test_the_adjustment_is_what_the_file_was_said_to_have():
    table, clock = a_table(VOO=steady(3)), StoppedClock(near_the_close(TODAY))

    market = TableMarket(table, clock, CALENDAR, adjustment=Adjustment.SPLITS)

    assert market.adjustment is Adjustment.SPLITS
    assert a_market(table).adjustment is Adjustment.TOTAL_RETURN


async def test_provisional_closes_of_a_real_file_are_its_closes():
    table = load(real_prices("etf_ohlcv.csv.gz"))
    days = table.closes.index[-400:]
    sessions = [a_session(day.date()) for day in [*days, *pd.bdate_range(days[-1], periods=60)[1:]]]
    calendar = Calendar(sessions, sessions[0].date, sessions[-1].date)
    symbols = tuple(table.closes.columns)

    worst = 0.0
    for session in sessions[100:400:7]:
        market = TableMarket(table, StoppedClock(session.closes), calendar)
        facts = await market.facts(needing(*symbols, sessions=50), session.date)
        row = facts.with_today(session.date, await market.quotes(symbols)).closes.iloc[-1]
        worst = max(worst, abs(row / table.closes.loc[row.name] - 1).max())

    assert worst < 2e-3


@pytest.mark.slow
async def test_facts_cost_less_than_a_millisecond():
    rng = np.random.default_rng(1)
    days = pd.bdate_range("2000-01-03", periods=6700)
    closes = 100 + rng.random((6600, 30))
    table = PriceTable(
        pd.DataFrame(closes, index=days[:6600], columns=[f"S{n}" for n in range(30)]), Path("p")
    )
    sessions = [a_session(day.date()) for day in days]
    calendar = Calendar(sessions, sessions[0].date, sessions[-1].date)
    market = TableMarket(table, StoppedClock(sessions[-1].closes), calendar)
    needs = needing(*table.closes.columns, sessions=300)
    await market.facts(needs, date(2025, 1, 2))

    began = time.perf_counter()
    for session in sessions[400:6400:10]:
        await market.facts(needs, session.date)
    spent = (time.perf_counter() - began) / 600

    assert spent < 1e-3
