import math
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from bot.domain.errors import DataError
from bot.domain.model import Note
from strategies.families import FAMILIES, MEGA, RUSSELL, TECH, snapshot, snapshots
from strategies.panel import Panel
from strategies.universe import Universe
from tests.strategies.builders import gappy_closes, random_closes, sessions

ROWS = 274
THREE = [RUSSELL, TECH, MEGA]
SHARES = 1e7
EVERYBODY = ("A", "B", "QQQ", "SPY", "BOXX")


def a_universe(*symbols, sector="Communication", **columns):
    return Universe.of(pd.DataFrame({"symbol": list(symbols), "sector": sector, **columns}))


def history(rows=ROWS, symbols=EVERYBODY, seed=3):
    return random_closes(symbols, rows, seed)


def told(family, closes, volumes=None, universe=None):
    shares = closes * 0.0 + SHARES if volumes is None else volumes
    panel = Panel.of_frames(closes, shares)
    return snapshot(family, panel, universe or a_universe("A", "B"), panel.newest)


def eligible(family, found):
    return found.rows["symbol"][found.rows[family.flag]].tolist()


OF_RUSSELL = """as_of symbol sector close volume adv20_usd history_days mom_6_1 mom_12_1 sma200_gap
    vol_63 maxdd_126 eligible"""
OF_TECH = """as_of symbol sector close volume adv20_usd history_days mom_6_1 mom_12_1 sma20_gap
    sma50_gap sma200_gap ma50_over_ma200 vol_63 maxdd_126 breakout_252 dist_63_high dist_126_high
    rebound_20 base_eligible"""
OF_MEGA = """as_of symbol sector close volume adv20_usd history_days mom_3m mom_6m mom_12_1
    sma200_gap high_252_gap vol_63 maxdd_126 eligible rel_mom_6m_vs_benchmark
    rel_mom_6m_vs_broad_benchmark"""


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("russell_1000_multi_factor_defensive", OF_RUSSELL),
        ("tech_communication_pullback_enhancement", OF_TECH),
        ("mega_cap_leader_rotation_aggressive", OF_MEGA),
    ],
)
def test_a_snapshot_has_the_columns_of_its_family_in_order(name, columns):
    rows = told(FAMILIES[name], history()).rows

    assert list(rows.columns) == columns.split() == list(FAMILIES[name].columns)


@pytest.mark.parametrize("family", THREE)
def test_rows_are_by_symbol_with_the_references_added(family):
    rows = told(family, history(), universe=a_universe("TSLA", "A")).rows

    assert rows["symbol"].tolist() == sorted({"A", "TSLA", *family.references})


@pytest.mark.parametrize("family", THREE)
def test_a_reference_is_never_eligible_and_keeps_the_sector_of_the_universe(family):
    found = told(family, history(), universe=a_universe("A", "SPY"))

    assert eligible(family, found) == ["A"]
    assert found.rows.set_index("symbol")["sector"]["SPY"] == "Communication"


@pytest.mark.parametrize(("family", "haven"), [(TECH, "defense"), (MEGA, "cash")])
def test_an_added_reference_has_the_sector_of_its_family(family, haven):
    sectors = told(family, history()).rows.set_index("symbol")["sector"]

    assert sectors[["BOXX", "QQQ", "SPY"]].tolist() == [haven, "benchmark", "benchmark"]


@pytest.mark.parametrize("family", THREE)
@pytest.mark.parametrize(("rows", "enough"), [(ROWS, True), (ROWS - 1, False)])
def test_the_long_momentum_makes_274_rows_the_least(family, rows, enough):
    found = told(family, history(rows))

    assert eligible(family, found) == ["A", "B"] * enough
    assert enough or Note("history_short", "A", {"rows": 273, "needed": 274}) in found.notes


@pytest.mark.parametrize("family", THREE)
@pytest.mark.parametrize(("close", "enough"), [(10.0, False), (10.0001, True)])
def test_a_price_must_be_above_its_threshold(family, close, enough):
    closes = history()
    closes.iloc[-1, 0] = close

    found = told(family, closes)

    assert ("A" in eligible(family, found)) == enough
    assert enough or Note("price_low", "A", {"close": 10.0, "least": 10.0}) in found.notes


@pytest.mark.parametrize("family", THREE)
@pytest.mark.parametrize(("missing", "enough"), [(0.0, True), (1.0, False)])
def test_a_turnover_may_be_its_threshold(family, missing, enough):
    closes = history()
    closes.iloc[-20:, 0] = 20.0
    volumes = closes * 0.0 + SHARES
    volumes.iloc[-20:, 0] = family.min_adv / 20.0 - missing

    found = told(family, closes, volumes)

    assert ("A" in eligible(family, found)) == enough
    codes = {note.code for note in found.notes if note.symbol == "A"}
    assert codes == set() if enough else codes == {"turnover_low"}


@pytest.mark.parametrize(("family", "enough"), [(RUSSELL, True), (TECH, False), (MEGA, False)])
def test_an_unknown_volume_excludes_from_all_but_russell(family, enough):
    closes = history()
    volumes = closes * 0.0 + SHARES
    volumes.iloc[-3, 0] = math.nan

    found = told(family, closes, volumes)

    assert ("A" in eligible(family, found)) == enough
    assert (Note("volume_unknown", "A") in found.notes) != enough


@pytest.mark.parametrize("family", THREE)
def test_a_stock_without_prices_has_a_row_that_knows_nothing(family):
    found = told(family, history(), universe=a_universe("A", "NEW"))

    row = found.rows.set_index("symbol").loc["NEW"]
    assert row["history_days"] == 0
    assert row.drop(["as_of", "sector", "history_days", family.flag]).isna().all()
    assert Note("unpriced_until", "NEW", {"day": found.rows["as_of"][0].date()}) in found.notes


@pytest.mark.parametrize("family", THREE)
def test_a_stock_whose_prices_ended_is_scored_on_its_last_rows_and_told(family):
    closes = history(ROWS + 5)
    closes.iloc[-5:, 0] = np.nan

    found = told(family, closes)

    day = closes.index[-6].date()
    assert "A" in eligible(family, found)
    assert Note("prices_end", "A", {"day": day}) in found.notes
    assert found.rows.set_index("symbol")["close"]["A"] == closes.iloc[-6, 0]


def test_tech_takes_the_sectors_of_its_list_by_their_exact_names():
    universe = a_universe(
        "A", "B", "C", sector=["Communication", "Communication Services", "Energy"]
    )

    found = told(TECH, history(), universe=universe)

    assert found.rows["symbol"].tolist() == ["A", "BOXX", "QQQ", "SPY"]
    assert Note("sector_unlisted", "C", {"sector": "Energy"}) in found.notes


def test_relative_momentum_is_that_above_a_reference():
    rows = told(MEGA, history()).rows.set_index("symbol")

    above = rows["mom_6m"] - rows["mom_6m"]["QQQ"]
    broad = rows["mom_6m"] - rows["mom_6m"]["SPY"]
    np.testing.assert_array_equal(rows["rel_mom_6m_vs_benchmark"], above)
    np.testing.assert_array_equal(rows["rel_mom_6m_vs_broad_benchmark"], broad)


def test_other_references_take_the_place_and_the_part_of_the_usual_ones():
    family = MEGA.referring({"QQQ": "VGT", "BOXX": "BIL"})

    rows = told(family, history(symbols=("A", "B", "VGT", "SPY"))).rows.set_index("symbol")

    assert rows["sector"][["BIL", "SPY", "VGT"]].tolist() == ["cash", "benchmark", "benchmark"]
    assert rows["rel_mom_6m_vs_benchmark"]["VGT"] == 0.0
    assert rows["eligible"].tolist() == [True, True, False, False, False]


def test_relative_momentum_is_unknown_where_the_reference_is():
    rows = told(MEGA, history(symbols=("A", "B", "SPY"))).rows.set_index("symbol")

    assert rows["rel_mom_6m_vs_benchmark"].isna().all()
    assert rows["rel_mom_6m_vs_broad_benchmark"]["A"] == pytest.approx(
        rows["mom_6m"]["A"] - rows["mom_6m"]["SPY"]
    )


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("mega_cap_leader_rotation_dynamic_top20", 20),
        ("mega_cap_leader_rotation_aggressive", 50),
        ("mega_cap_leader_rotation_top50_balanced", 50),
    ],
)
def test_the_pool_of_a_leaders_snapshot_is_as_large_as_its_name_says(name, size):
    symbols = [f"S{number:02}" for number in range(60)]
    universe = a_universe(*symbols, mega_rank=list(range(60, 0, -1)))

    rows = told(FAMILIES[name], history(), universe=universe).rows

    assert rows["symbol"].tolist() == sorted([*symbols[-size:], "BOXX", "QQQ", "SPY"])


def test_a_doubled_symbol_of_the_pool_stands_there_once_with_its_last_sector():
    universe = a_universe("A", "A", "B", sector=["Old", "New", "New"], mega_rank=[1, 2, 3])

    rows = told(replace(MEGA, size=2), history(), universe=universe).rows

    assert rows["symbol"].tolist() == ["A", "BOXX", "QQQ", "SPY"]
    assert rows["sector"][0] == "New"


LATER = a_universe("A", start_date=["2100-01-01"])


@pytest.mark.parametrize("family", [RUSSELL, MEGA])
def test_a_universe_of_nobody_is_refused(family):
    with pytest.raises(DataError, match="universe_inactive"):
        told(family, history(), universe=LATER)


def test_tech_goes_on_with_its_references_alone():
    assert told(TECH, history(), universe=LATER).rows["symbol"].tolist() == ["BOXX", "QQQ", "SPY"]


def test_russell_is_refused_where_no_price_is_old_enough():
    panel = Panel.of_frames(history())

    with pytest.raises(DataError, match=r"no_rows_until \(day=2000-01-03"):
        snapshot(RUSSELL, panel, a_universe("A"), date(2000, 1, 3))


@pytest.mark.parametrize("family", [TECH, MEGA])
def test_others_write_rows_of_nothing_before_the_first_price(family):
    rows = snapshot(family, Panel.of_frames(history()), a_universe("A"), date(2000, 1, 3)).rows

    assert rows["history_days"].tolist() == [0] * 4
    assert not rows[family.flag].any()


def test_the_day_asked_for_is_written_though_no_session():
    closes = history()
    day = closes.index[-1].date() + pd.Timedelta(days=400)

    rows = snapshot(RUSSELL, Panel.of_frames(closes), a_universe("A"), day).rows

    assert set(rows["as_of"]) == {pd.Timestamp(day)}
    assert rows["close"][0] == closes["A"].iloc[-1]


def twice_on_a_day(family):
    closes = history(30, ("A",)).assign(SPY=1.0)
    table = closes.rename_axis("as_of").reset_index().melt("as_of", var_name="symbol")
    table = table.rename(columns={"value": "close"}).assign(volume=SHARES)
    panel = family.panel(pd.concat([table, table[:1]]))
    return snapshot(family, panel, a_universe("A"), panel.newest)


@pytest.mark.parametrize(
    ("family", "rows", "code"),
    [
        (RUSSELL, 31, "rows_counted_twice"),
        (TECH, 31, "rows_counted_twice"),
        (MEGA, 30, "rows_replaced"),
    ],
)
def test_two_rows_of_a_day_count_as_in_the_original_and_are_told(family, rows, code):
    found = twice_on_a_day(family)

    assert found.rows["history_days"][0] == rows
    assert Note(code, "A", {"rows": 1}) in found.notes


def test_volume_may_be_absent_for_leaders_only():
    table = pd.DataFrame({"symbol": ["A"], "as_of": ["2026-03-31"], "close": [1.0]})

    assert MEGA.panel(table).symbols == ("A",)
    for family in (RUSSELL, TECH):
        with pytest.raises(DataError, match="table_columns"):
            family.panel(table)


@pytest.mark.parametrize("family", THREE)
def test_many_days_are_each_day_alone(family):
    closes = gappy_closes(EVERYBODY, 420, seed=8)
    panel = Panel.of_frames(closes, closes * 0.0 + SHARES)
    universe = a_universe("A", "B", start_date=[None, str(closes.index[300].date())])
    days = [day.date() for day in sessions(420)[[280, 299, 300, 419]]]

    together = snapshots(family, panel, universe, days)

    alone = [snapshot(family, panel, universe, day).rows for day in days]
    pd.testing.assert_frame_equal(together, pd.concat(alone, ignore_index=True), check_exact=True)


def test_no_days_have_no_rows():
    assert list(snapshots(MEGA, Panel.of_frames(history()), LATER, []).columns) == list(
        MEGA.columns
    )


@pytest.mark.parametrize("family", THREE)
def test_every_stock_that_is_not_eligible_has_its_reason(family):
    closes = gappy_closes(EVERYBODY, 420, seed=2)

    found = told(family, closes)

    left = set(found.rows["symbol"][~found.rows[family.flag]]) - set(family.references)
    assert left
    assert left <= {note.symbol for note in found.notes}
