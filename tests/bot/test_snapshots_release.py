import json
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from bot.domain.errors import BellwetherError
from bot.snapshots_proof import verify
from bot.snapshots_publication import SKIPPED
from bot.snapshots_release import Published, Skipped
from tests.bot.months import (
    FLAT,
    LAST,
    POOL,
    RISEN,
    RUSSELL,
    STOCKS,
    TECH,
    TOP20,
    Life,
    leaders,
    made,
    prices,
    stored,
    universe,
    written,
)

ENDED = date(2024, 7, 30)


def with_prices(folder, lives=STOCKS, **different):
    return made(folder, prices=written(prices(lives), folder / "p.csv"), **different)


def status(folder):
    path = folder / "out" / "release_status_summary.json"
    return json.loads(path.read_bytes())["release_status"]


def contents(told):
    return {path.name: path.read_bytes() for path in told.written}


def test_a_month_that_ended_is_published_and_can_be_proven(tmp_path):
    told = made(tmp_path)

    assert isinstance(told, Published)
    assert told.built.day == LAST
    assert verify(told.written[0]).rows == 6
    assert status(tmp_path) == "ready"


@pytest.mark.parametrize("day", [ENDED, date(2024, 7, 1), date(2024, 6, 30)])
def test_another_day_is_not_published_and_a_file_says_so(tmp_path, day):
    told = made(tmp_path, day=day)

    assert isinstance(told, Skipped)
    out = tmp_path / "out"
    assert [path.name for path in out.iterdir()] == [SKIPPED]
    last = date(2024, 6, 28) if day.month == 6 else LAST
    assert (out / SKIPPED).read_text("utf-8") == (
        f"strategy_profile={RUSSELL}\nsnapshot_as_of={day}\nmonth_end_session={last}\n"
    )


JUMPED = {**STOCKS, "ALFA": Life(50.0, 5.0)}


@pytest.mark.parametrize("profile", [RUSSELL, TECH, TOP20])
@pytest.mark.parametrize(
    ("lives", "day"), [(STOCKS, LAST), (STOCKS, date(2024, 5, 31)), (JUMPED, LAST)]
)
def test_the_price_store_makes_the_files_of_the_file_it_was_made_of(tmp_path, profile, lives, day):
    path = written(prices(lives), tmp_path / "p.csv")
    asked = {"profile": profile, "day": day, "forced": True}

    given = contents(made(tmp_path, prices=path, **asked))
    shutil.rmtree(tmp_path / "out")
    kept = contents(made(tmp_path, prices=stored(path), **asked))

    assert kept == given


def test_a_skipped_day_leaves_what_was_published(tmp_path):
    made(tmp_path, day=date(2024, 6, 28))

    made(tmp_path, day=ENDED)

    snapshot = tmp_path / "out" / f"{RUSSELL}_feature_snapshot_latest.csv"
    assert verify(snapshot).as_of == date(2024, 6, 28)


def test_another_day_is_published_by_force_and_is_not_called_ready(tmp_path):
    told = made(tmp_path, day=ENDED, forced=True)

    assert isinstance(told, Published)
    assert status(tmp_path) == "off_schedule"


def test_the_day_is_that_of_the_newest_price_where_none_is_named(tmp_path):
    lives = {name: replace(life, last=date(2024, 6, 28)) for name, life in STOCKS.items()}

    told = with_prices(tmp_path, lives)

    assert isinstance(told, Published)
    assert told.built.day == date(2024, 6, 28)


STALE = {**STOCKS, "SPY": replace(RISEN, last=ENDED)}


def test_prices_that_end_before_the_session_are_refused_with_their_day(tmp_path):
    with pytest.raises(BellwetherError) as refused:
        with_prices(tmp_path, STALE)

    assert refused.value.code == "snapshot_prices_stale"
    assert "newest=2024-07-30, wanted=2024-07-31" in str(refused.value)
    assert not (tmp_path / "out").exists()


def test_prices_that_end_early_make_no_snapshot_that_is_called_ready(tmp_path):
    with_prices(tmp_path, STALE, forced=True)

    assert status(tmp_path) == "prices_stale"


def test_a_session_that_is_not_over_has_no_snapshot_even_by_force(tmp_path):
    before = datetime(2024, 7, 31, 19, 59, tzinfo=UTC)

    with pytest.raises(BellwetherError, match="snapshot_too_early"):
        made(tmp_path, before, forced=True)

    assert isinstance(made(tmp_path, before.replace(hour=20, minute=0)), Published)


def test_a_snapshot_nobody_qualifies_for_is_not_called_ready(tmp_path):
    lives = {"SPY": RISEN, "BETA": replace(FLAT, volume=1)}

    with_prices(tmp_path, lives)

    assert status(tmp_path) == "no_candidates"


def test_a_snapshot_whose_trend_nobody_knows_is_not_called_ready(tmp_path):
    young = {**STOCKS, "SPY": replace(RISEN, rows=150)}

    with_prices(tmp_path, young)

    assert status(tmp_path) == "benchmark_unknown"


def test_a_pool_without_products_is_not_called_ready(tmp_path):
    ranked = written(universe(mega_rank=[1, 2, 3, 4, 5]), tmp_path / "u.csv")
    products = written(pd.DataFrame({"stock": ["X"], "etf_symbol": ["Y"]}), tmp_path / "map.csv")

    made(tmp_path, profile=POOL, universe=ranked, product_map=products)

    assert status(tmp_path) == "no_candidates"


def many(folder, **different):
    rows, stocks = leaders()
    told = {
        "prices": written(rows, folder / "p.csv"),
        "universe": written(stocks, folder / "u.csv"),
    }
    return made(folder, **{**told, **different})


def test_a_configuration_decides_who_is_in_and_the_manifest_names_it(tmp_path):
    config = tmp_path / "c.json"
    config.write_text('{"sector_whitelist": ["Energy"], "holdings_count": 3}')

    told = made(tmp_path, profile=TECH, config_file=config)

    rows = told.built.rows.set_index("symbol")
    assert rows.index.tolist() == ["ALFA", "BETA", "BOXX", "QQQ", "SPY"]
    assert told.built.preview.strategy.holdings_count == 3
    assert json.loads((tmp_path / "out").joinpath(told.written[1]).read_bytes())[
        "config_path"
    ] == str(config)


def test_parameters_of_a_book_are_followed_and_those_of_the_configuration_count_first(tmp_path):
    config = tmp_path / "c.json"
    config.write_text('{"holdings_count": 3}')
    params = {"holdings_count": 5, "min_adv20_usd": 1.0}

    told = many(tmp_path, profile=TOP20, params=params, config_file=config)

    assert told.built.preview.strategy.holdings_count == 3
    assert told.built.preview.strategy.min_adv20_usd == 1.0


def test_another_benchmark_takes_the_place_of_the_usual_one(tmp_path):
    told = many(tmp_path, profile=TOP20, params={"benchmark_symbol": "S00"})

    assert "QQQ" not in told.built.rows["symbol"].tolist()
    assert told.built.rows.set_index("symbol").loc["S00", "rel_mom_6m_vs_benchmark"] == 0.0


def test_momentum_of_a_pullback_stays_measured_against_its_market(tmp_path):
    told = many(tmp_path, profile=TECH, params={"benchmark_symbol": "SPY"})

    assert {"QQQ", "SPY", "BOXX"} <= set(told.built.rows["symbol"])


def test_a_stock_that_is_set_apart_is_in_the_snapshot_without_numbers(tmp_path):
    lives = {**STOCKS, "ALFA": Life(500.0, 50.0, turned=1)}

    told = with_prices(tmp_path, lives)

    row = told.built.rows.set_index("symbol").loc["ALFA"]
    assert not row["eligible"]
    assert pd.isna(row["close"])
    assert [note.code for note in told.built.notes if note.symbol == "ALFA"] == ["move_apart"]


def broken_universe(folder):
    return {"universe": written(pd.DataFrame({"symbol": ["A"]}), folder / "u.csv")}


def empty_universe(folder):
    return {"universe": written(universe(start_date=["2025-01-01"] * 5), folder / "u.csv")}


def config_of(folder, text):
    path = folder / "c.json"
    path.write_text(text)
    return {"config_file": path}


def no_volumes(folder):
    return {"prices": written(prices().drop(columns="volume"), folder / "p.csv")}


REFUSED = [
    ("unknown_profile", lambda _: {"profile": "nobody"}),
    ("profile_without_snapshot", lambda _: {"profile": "tqqq_growth_income"}),
    ("product_map_needed", lambda _: {"profile": POOL}),
    ("table_unused", lambda folder: {"product_map": folder / "map.csv"}),
    (
        "table_unused",
        lambda folder: {
            "profile": POOL,
            "product_map": folder / "m.csv",
            **config_of(folder, "{}"),
        },
    ),
    ("unknown_parameter", lambda folder: config_of(folder, '{"speed": 1}')),
    ("bad_parameter", lambda folder: config_of(folder, '{"holdings_count": 0}')),
    (
        "bad_parameter",
        lambda _: {"profile": TOP20, "params": {"runtime_execution_window_trading_days": 0}},
    ),
    ("table_columns", broken_universe),
    ("table_columns", no_volumes),
    ("universe_inactive", empty_universe),
    ("snapshot_prices_stale", lambda _: {"day": date(2024, 8, 30)}),
]


@pytest.mark.parametrize(("code", "different"), REFUSED)
def test_what_can_not_be_made_is_refused_by_name_and_nothing_is_published(
    tmp_path, code, different
):
    with pytest.raises(BellwetherError) as refused:
        made(tmp_path, datetime(2024, 9, 1, tzinfo=UTC), **different(tmp_path))

    assert refused.value.code == code
    assert not (tmp_path / "out").exists()
