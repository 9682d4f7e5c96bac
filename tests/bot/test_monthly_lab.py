import json
import re
from pathlib import Path

import pandas as pd
import pytest

from bot.words import Language
from strategies import ALIASES
from tests.bot.months import (
    BALANCED,
    LAST,
    POOL,
    RUSSELL,
    STOCKS,
    TOP20,
    Life,
    leaders,
    prices,
    universe,
    written,
)
from tests.bot.scratch import Scratch

CHINESE = re.compile("[一-鿿]")
BUILD = ("snapshot", "build", RUSSELL, "--universe", "universe.csv", "--out", "out")
OUT = ("--prices", "prices.csv")
SNAPSHOT = f"out/{RUSSELL}_feature_snapshot_latest.csv"


@pytest.fixture
def here(tmp_path):
    """A folder with prices and stocks and without settings."""
    written(prices(), tmp_path / "prices.csv")
    written(universe(), tmp_path / "universe.csv")
    return Scratch(tmp_path)


def told(here, *arguments):
    result = here.call(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_build_tells_who_leads_what_is_wanted_and_who_is_out(here):
    lines = told(here, *BUILD, *OUT).splitlines()

    assert lines[:3] == [
        f"{RUSSELL}: snapshot of Wed 2024-07-31, 6 rows, 2 eligible",
        "ready to be acted on",
        "the market's trend is down or few stocks rise: less in stocks",
    ]
    rows = [line.split() for line in lines[4:7]]
    assert rows[0] == ["rank", "symbol", "sector", "score", "weight"]
    assert rows[1] == ["1", "ALFA", "Energy", "0.800", "6.0", "%"]
    assert "BOXX  88.0 %" in "\n".join(lines) or "BOXX 88.0 %" in " ".join(lines)


def test_everybody_who_is_out_is_named_with_the_reason(here):
    text = " ".join(told(here, *BUILD, *OUT).split())

    assert "not eligible: its close of 5.00 is not above 10.00 — PENNY" in text
    assert "not eligible: 100 rows of prices, 274 are needed — YOUNG" in text
    assert "no price until Wed 2024-07-31 — NONE" in text


def test_a_long_list_of_names_is_not_cut(here):
    names = [f"X{number:03}" for number in range(300)]
    written(universe(dict.fromkeys(names, "Energy")), here.folder / "universe.csv")

    text = told(here, *BUILD, *OUT)

    assert all(name in text for name in names)


def test_the_files_are_named(here):
    text = told(here, *BUILD, *OUT)

    names = sorted(path.name for path in (here.folder / "out").glob("*.*") if path.is_symlink())
    assert len(names) == 4
    assert all(name in text for name in names)


def test_a_value_for_programs_tells_the_same(here):
    value = json.loads(told(here, *BUILD, *OUT, "--json"))

    assert (value["profile"], value["day"], value["status"]) == (RUSSELL, "2024-07-31", "ready")
    assert value["targets"] == {"ALFA": 0.06, "BETA": 0.06, "BOXX": 0.88}
    assert {note["code"] for note in value["notes"]} == {
        *("unpriced_until", "price_low", "history_short"),
    }
    assert value["written"][0] == SNAPSHOT


def test_it_is_told_in_the_language_of_the_settings(here):
    here.config.write_text('language = "zh"')

    text = told(here, *BUILD, *OUT)

    assert "可供使用" in text
    assert "须知" in text
    assert all(CHINESE.search(line) for line in text.splitlines() if " — " in line)


@pytest.mark.parametrize(
    ("language", "words"), [(Language.EN, "nothing was published"), (Language.ZH, "没有发布")]
)
def test_a_day_within_a_month_is_told_and_no_error(here, language, words):
    here.config.write_text(f'language = "{language}"')

    text = told(here, *BUILD, *OUT, "--as-of", "2024-07-30")

    assert words in text
    assert "2024-07-31" in text
    assert json.loads(told(here, *BUILD, *OUT, "--as-of", "2024-07-30", "--json"))["status"] == (
        "skipped"
    )


def test_force_publishes_it_and_says_that_it_is_not_ready(here):
    text = told(here, *BUILD, *OUT, "--as-of", "2024-07-30", "--force")

    assert "NOT READY: not the last session of its month" in text


def test_an_alias_is_the_profile_and_the_state_directory_the_place(here):
    told(here, "snapshot", "build", ALIASES_OF[RUSSELL], *OUT, "--universe", "universe.csv")

    folder = here.folder / "state" / "snapshots" / RUSSELL
    assert (folder / f"{RUSSELL}_feature_snapshot_latest.csv").exists()


ALIASES_OF = {name: alias for alias, name in ALIASES.items()}


def test_the_price_store_is_a_source(here):
    assert here.call("data", "update", "--from", "prices.csv").exit_code == 0

    told(here, *BUILD, "--prices", "store")
    stored = (here.folder / SNAPSHOT).read_bytes()
    told(here, *BUILD, *OUT)

    assert (here.folder / SNAPSHOT).read_bytes() == stored


def test_what_is_held_may_be_named_together_or_one_by_one(here):
    rows, stocks = leaders()
    written(rows, here.folder / "prices.csv")
    written(stocks, here.folder / "universe.csv")
    build = ("snapshot", "build", TOP20, *OUT, "--universe", "universe.csv", "--json")

    plain = json.loads(told(here, *build))["targets"]
    together = json.loads(told(here, *build, "--current-holdings", "s05, S04"))["targets"]
    apart = json.loads(
        told(here, *build, "--current-holdings", "S05", "--current-holdings", "S04")
    )["targets"]

    assert together == apart != plain
    assert {"S04", "S05"} <= set(together)


def test_a_pool_of_products_is_told_by_company(here):
    pd.DataFrame({"stock": ["ALFA"], "etf_symbol": ["ALFX"]}).to_csv(here.folder / "m.csv")
    written(universe(mega_rank=[1, 2, 3, 4, 5]), here.folder / "universe.csv")

    text = told(
        here,
        *("snapshot", "build", POOL, *OUT, "--universe", "universe.csv"),
        *("--product-map", "m.csv"),
    )

    assert "decided every session" in text
    assert re.search(r"1 +ALFA +ALFX", text)
    assert re.search(r"2 +BETA +–", text)
    assert "— BETA, PENNY, YOUNG, NONE" in text


def test_a_snapshot_that_is_whole_is_told(here):
    told(here, *BUILD, *OUT)

    text = " ".join(told(here, "snapshot", "verify", SNAPSHOT).split())

    assert f"{SNAPSHOT} is whole: {RUSSELL}, Wed 2024-07-31, 6 rows" in text
    value = json.loads(told(here, "snapshot", "verify", SNAPSHOT, "--json"))
    assert (value["as_of"], value["rows"], value["config_proven"]) == ("2024-07-31", 6, True)


@pytest.mark.parametrize(
    ("language", "words"), [(Language.EN, "is not the one"), (Language.ZH, "不符")]
)
def test_a_damaged_snapshot_is_told_with_what_to_do(here, language, words):
    told(here, *BUILD, *OUT)
    content = (here.folder / SNAPSHOT).read_bytes()
    (here.folder / SNAPSHOT).unlink()
    (here.folder / SNAPSHOT).write_bytes(content.replace(b"0.25", b"0.26"))
    here.config.write_text(f'language = "{language}"')

    result = here.call("snapshot", "verify", SNAPSHOT)

    assert result.exit_code == 1
    assert words in result.stderr
    assert "→" in result.stderr


def test_a_configuration_that_is_elsewhere_is_said_to_be(here):
    (here.folder / "c.json").write_text("{}")
    told(here, *BUILD, *OUT, "--config-file", "c.json")
    (here.folder / "c.json").unlink()

    assert "its hash was not compared" in told(here, "snapshot", "verify", SNAPSHOT)


HOLDINGS = "symbol,sector,weight\nAAPL,X,7\nXOM,Y,6\n"


@pytest.fixture
def holdings(here):
    for name in ("h_2024-05-31.csv", "h_2024-06-28.csv"):
        (here.folder / name).write_text(HOLDINGS)
    return ("--holdings", "h_2024-05-31.csv", "--holdings", "h_2024-06-28.csv")


def test_a_universe_is_written_to_the_terminal_or_a_file(here, holdings):
    text = told(here, "snapshot", "universe", *holdings, "--size", "1")
    sheet = told(here, "snapshot", "universe", *holdings, "--size", "1", "--out", "u.csv")

    assert text.splitlines()[1] == "AAPL,X,2024-05-31,2024-06-27,1,7.0,,weight"
    assert (here.folder / "u.csv").read_text() == text
    assert "2 rows, 1 symbols" in sheet


def test_an_index_over_time_may_be_taken_back_in_time(here, holdings):
    text = told(here, "snapshot", "universe", *holdings, "--backfill", "2020-01-01")

    assert text.splitlines()[1] == "AAPL,X,2020-01-01,2024-06-27"


def test_a_universe_of_a_command_serves_a_build(here):
    rows, stocks = leaders()
    written(rows, here.folder / "prices.csv")
    stocks.rename(columns={"mega_rank": "weight"}).to_csv(here.folder / "i_2024-06-28.csv")
    told(
        here,
        "snapshot",
        "universe",
        "--holdings",
        "i_2024-06-28.csv",
        "--size",
        "5",
        "--out",
        "u.csv",
    )

    value = json.loads(
        told(here, "snapshot", "build", BALANCED, *OUT, "--universe", "u.csv", "--json")
    )

    assert value["rows"] == 5 + 3
    assert value["status"] == "ready"


def in_the_way(here):
    (here.folder / "out").write_text("")


def a_folder_of_that_name(here):
    (here.folder / SNAPSHOT).mkdir(parents=True)


@pytest.mark.parametrize("hinder", [in_the_way, a_folder_of_that_name])
def test_a_place_that_can_not_be_written_is_named(here, hinder):
    hinder(here)

    result = here.call(*BUILD, *OUT)

    assert result.exit_code == 1
    assert "out" in result.stderr


BAD = [
    (("--prices", "nowhere.csv"), 1, "nowhere.csv can not be read"),
    (("--prices", "store"), 78, "price store"),
    (("--prices", "prices.csv", "--config-file", "universe.csv"), 1, "universe.csv is no JSON"),
    (("--prices", "prices.csv", "--product-map", "m.csv"), 78, "would not read m.csv"),
    (("--prices", "universe.csv"), 1, "columns are missing"),
    (("--prices", "prices.csv", "--as-of", "2024-08-30"), 1, "prices of SPY"),
    (("--prices", "prices.csv", "--as-of", "2019-12-31"), 1, "should reach Tue 2019-12-31"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), BAD)
def test_what_is_wrong_is_told_by_name_with_what_to_do(here, arguments, code, words):
    result = here.call(*BUILD, *arguments)

    assert (result.exit_code, "→" in result.stderr) == (code, True)
    assert words in result.stderr


def test_a_backfill_of_the_largest_is_no_command(here, holdings):
    result = here.call("snapshot", "universe", *holdings, "--size", "1", "--backfill", "2020-01-01")

    assert result.exit_code == 2


def test_a_price_that_is_none_is_told_by_name(here):
    lives = {**STOCKS, "ALFA": Life(0.0, 50.0, turned=1)}
    written(prices(lives), here.folder / "prices.csv")

    text = " ".join(told(here, *BUILD, *OUT).split())

    assert f"set apart: its close of Wed {LAST} is no price: 0 — ALFA" in text


def test_nothing_of_a_build_lies_outside_its_folder(here):
    before = set(here.folder.iterdir())

    told(here, *BUILD, *OUT)

    assert set(here.folder.iterdir()) - before == {Path(here.folder / "out")}
