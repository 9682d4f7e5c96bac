"""Real prices that can not be true: a book whose pool has them refuses rather than trades."""

import asyncio
from collections import Counter
from datetime import date

import pandas as pd
import pytest

from bot.daemon import trade
from bot.domain.memory import Outcome
from bot.domain.model import RunKey
from tests.bot.scratch import BOOK, Scratch
from tests.real import real_prices

DIRTY, ETFS = "dirty_stocks.csv.gz", "etf_adjclose.csv.gz"
SAFE = ["SPY", "EFA", "EEM", "AGG", "BIL"]
FIRST_YEAR = 2009  # two years of BIL and the canaries lie before it
IMPOSSIBLE = 5.0  # times the close before, or one fifth of it
A_YEAR = 252


def wide_prices() -> pd.DataFrame:
    dirty = pd.read_csv(real_prices(DIRTY)).pivot_table(
        index="date", columns="symbol", values="close"
    )
    etfs = pd.read_csv(real_prices(ETFS)).pivot_table(
        index="date", columns="symbol", values="adj_close"
    )
    return etfs[SAFE].join(dirty)


def quarter_ends(table: pd.DataFrame) -> list[date]:
    days = pd.DatetimeIndex(table.index)
    last = days[:-1][days.quarter[:-1] != days.quarter[1:]]
    return [day.date() for day in last if day.year >= FIRST_YEAR]


def believable(table: pd.DataFrame, symbol: str, day: date) -> bool:
    bars = table.loc[: str(day), symbol].tail(A_YEAR + 1).dropna()
    ratios = bars / bars.shift()
    return bool(ratios.dropna().between(1 / IMPOSSIBLE, IMPOSSIBLE, inclusive="neither").all())


@pytest.fixture(scope="module")
def table():
    return wide_prices()


@pytest.fixture(scope="module")
def here(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("dirty")
    table.to_csv(folder / "prices.csv")
    pool = [symbol for symbol in table if symbol not in SAFE]
    params = f"[books.{BOOK}.params]\nranking_pool = {pool}\n".replace("'", '"')
    return Scratch(folder).write(prices=folder / "prices.csv", more=params)


@pytest.fixture(scope="module")
def house(here, table):
    first = here.house(pd.Timestamp(f"{FIRST_YEAR}-01-02", tz="UTC").to_pydatetime())
    assert len(quarter_ends(table)) > 60
    return first


@pytest.fixture(scope="module")
def runs(house, table):
    """Every quarter end in turn, each run to its end; what became of it by its day."""

    async def play(seat):
        for day in quarter_ends(table):
            seat.desk.clock.jump(seat.desk.sessions.on(day).decides_at(seat.book.lead))
            await trade(seat, day)

    asyncio.run(play(house.seats[0]))
    return {day: house.ledger.report(RunKey(BOOK, day)) for day in quarter_ends(table)}


@pytest.mark.slow
def test_no_order_is_ever_in_a_symbol_whose_year_can_not_be_true(runs, table):
    traded = [(order.intent.symbol, day) for day, run in runs.items() for order in run.orders]

    assert [trade for trade in traded if not believable(table, *trade)] == []
    assert traded


@pytest.mark.slow
def test_a_run_is_refused_by_the_name_of_what_can_not_be_believed(runs):
    blocked = [run for run in runs.values() if run.outcome is Outcome.BLOCKED]

    outcomes = Counter(run.outcome for run in runs.values())

    assert set(outcomes) == {Outcome.BLOCKED, Outcome.COMPLETE}
    assert outcomes[Outcome.BLOCKED] > 40
    assert {note.code for run in blocked for note in run.notes} == {"dirty_prices"}
    assert not any(run.orders for run in blocked)


@pytest.mark.slow
def test_an_update_names_every_suspicion_of_them(here):
    told = here.call("data", "update", "--from", str(real_prices(DIRTY)))

    assert told.exit_code == 0
    assert "worth a look:" in told.stdout
    assert "an impossible jump of the price" in told.stdout
    assert "no volume for many sessions" in told.stdout
