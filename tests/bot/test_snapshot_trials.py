"""Snapshots asked about and played from the command line."""

import json

import pandas as pd
import pytest

from bot.trial import Wish
from tests.bot.panels import PRODUCTS, WITH_SNAPSHOTS
from tests.bot.scratch import Scratch
from tests.bot.trials import tried

RUSSELL = "russell_1000_multi_factor_defensive"
every_profile = pytest.mark.parametrize("name", WITH_SNAPSHOTS)


@pytest.fixture
def here(tmp_path):
    return Scratch(tmp_path)


def given(panel, name, *arguments):
    feed = f"{name}={panel.releases(name)}"
    return (name, "--prices", f"{panel.prices}", "--feed", feed, *arguments)


def told(here, *arguments):
    answer = here.call(*arguments)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


@every_profile
def test_a_profile_may_be_asked_what_it_wants(panel, here, name):
    due = f"{panel.ends[-1] + pd.offsets.BDay(1):%Y-%m-%d}"

    signal = json.loads(told(here, "decide", *given(panel, name, "--as-of", due, "--json")))

    assert signal["signal"] == "rebalance"
    assert sum(signal["allocation"].values()) == pytest.approx(1.0)


@every_profile
def test_every_profile_may_be_tried(panel, here, name):
    card = json.loads(told(here, "backtest", *given(panel, name, "--json")))

    assert card["orders"] > 0
    assert card["first"] == f"{panel.ends[0] + pd.offsets.BDay(1):%Y-%m-%d}"
    assert not [note for note in card["notes"] if note["code"] == "sessions_blocked"]


def test_a_book_is_tried_on_the_feed_of_its_settings(panel, here):
    settings = f"""
mode = "paper"
[markets.prices]
kind = "tables"
path = "{panel.prices}"
[feeds.monthly]
profile = "{RUSSELL}"
snapshot = "file"
path = "{panel.releases(RUSSELL) / f"{RUSSELL}_feature_snapshot_latest.csv"}"
[brokers.paper]
kind = "paper"
market = "prices"
[books.stocks]
profile = "{RUSSELL}"
broker = "paper"
feed = "monthly"
"""
    here.config.write_text(settings, "utf-8")

    card = json.loads(told(here, "backtest", "--book", "stocks", "--json"))

    assert card == json.loads(told(here, "backtest", *given(panel, RUSSELL, "--json")))


def test_months_in_one_table_are_traded_as_their_releases_are(panel, here, tmp_path):
    releases = sorted((panel.releases(RUSSELL) / "releases").glob(f"*/{RUSSELL}*latest.csv"))
    months = [pd.read_csv(path) for path in releases if "ranking" not in path.name]
    table = tmp_path / "months.csv"
    pd.concat(months).to_csv(table, index=False)
    plain = (RUSSELL, "--prices", f"{panel.prices}", "--feed", f"{RUSSELL}={table}", "--json")

    card = json.loads(told(here, "backtest", *plain))

    assert card == json.loads(told(here, "backtest", *given(panel, RUSSELL, "--json")))


def test_a_stock_an_account_can_not_afford_is_wanted_all_the_same(panel):
    feeds = {RUSSELL: panel.releases(RUSSELL)}

    record = tried(Wish(RUSSELL, prices=panel.prices, feeds=feeds, account={"cash": 1})).record

    assert not record.trades
    assert record.drift.tolist() == pytest.approx([1.0] * 3, abs=0.05)


def test_whoever_knows_of_survivors_only_is_told(panel, here):
    sheet = told(here, "backtest", *given(panel, RUSSELL, "--survivors"))

    assert "who went under is missing" in sheet


def test_sessions_before_the_first_snapshot_are_counted_as_blocked(panel, here):
    early = given(panel, RUSSELL, "--first", f"{panel.ends[0]}", "--json")

    notes = json.loads(told(here, "backtest", *early))["notes"]

    blocked = next(note["values"] for note in notes if note["code"] == "sessions_blocked")
    assert (blocked["count"], blocked["reason"]) == (1, "feature_snapshot_missing")


def test_a_symbol_without_prices_is_named(panel, here, tmp_path):
    lacking = pd.read_csv(panel.prices).drop(columns="S05")
    lacking.to_csv(tmp_path / "lacking.csv", index=False)
    feed = f"{RUSSELL}={panel.releases(RUSSELL)}"
    lacks = (RUSSELL, "--prices", f"{tmp_path / 'lacking.csv'}", "--feed", feed, "--json")

    card = json.loads(told(here, "backtest", *lacks))

    assert card["orders"] == 0
    assert "symbols_missing" in {note["values"].get("reason") for note in card["notes"]}


@every_profile
def test_no_profile_looks_ahead_in_its_snapshots(panel, here, name):
    found = json.loads(told(here, "backtest", *given(panel, name, "--check", "--json")))

    assert found["differences"] == []
    assert found["compared"] > 0


def test_a_check_says_where_it_cut_and_from_when_a_profile_may_act(panel, here):
    sheet = told(here, "backtest", *given(panel, PRODUCTS, "--check", "--seed", "3"))

    assert "(seed 3)" in sheet
    assert "it may act from" in sheet
    assert "no decision and no number changed" in sheet


@pytest.mark.parametrize("command", ["decide", "backtest"])
@pytest.mark.parametrize(
    ("feed", "code", "words"),
    [
        (None, 75, "there is no feed"),
        (f"{RUSSELL}=nowhere", 75, "there is no snapshot"),
        ("elsewhere=nowhere", 78, "reads no feed called elsewhere"),
        ("nowhere", 2, "is not NAME=PATH"),
    ],
)
def test_a_feed_that_is_not_there_is_refused_by_name(panel, here, command, feed, code, words):
    named = () if feed is None else ("--feed", feed)

    answer = here.call(command, RUSSELL, "--prices", f"{panel.prices}", *named)

    assert answer.exit_code == code, answer.output
    assert words in answer.stderr


def test_profiles_of_different_feeds_are_compared(panel, here):
    names = ("mega_cap_leader_rotation_aggressive", RUSSELL)
    feeds = [f"--feed={name}={panel.releases(name)}" for name in names]

    standings = told(here, "compare", *names, "--prices", f"{panel.prices}", *feeds, "--json")

    assert [card["profile"] for card in json.loads(standings)["scorecards"]] == [*names]


def test_a_feed_nobody_compared_reads_is_refused_by_name(panel, here):
    feed = f"--feed=other={panel.releases(RUSSELL)}"

    answer = here.call(
        "compare", RUSSELL, "tqqq_growth_income", "--prices", f"{panel.prices}", feed
    )

    assert (answer.exit_code, "other" in answer.stderr) == (78, True)


def test_a_profile_with_snapshots_is_swept(panel, here):
    swept = told(here, "sweep", *given(panel, RUSSELL, "--grid", "holdings_count=5,8", "--json"))

    assert len(json.loads(swept)["rows"]) == 2


def test_a_small_account_of_a_profile_with_snapshots_is_sized(panel, here):
    due = f"{panel.ends[-1] + pd.offsets.BDay(1):%Y-%m-%d}"

    sized = told(here, "plan", *given(panel, RUSSELL, "--equity=3000", "--as-of", due, "--json"))

    assert json.loads(sized)["weight_error"] > 0
