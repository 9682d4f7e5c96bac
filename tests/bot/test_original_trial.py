"""The first authors' accounting from the command line."""

import json

import numpy as np
import pandas as pd
import pytest

from adapters.synthetic import BUNDLED
from strategies import PROFILES
from tests.bot.panels import PRODUCTS, WITH_SNAPSHOTS
from tests.bot.scratch import Scratch

RUSSELL, TOP20 = "russell_1000_multi_factor_defensive", "mega_cap_leader_rotation_dynamic_top20"
DAILY = [name for name, told in PROFILES.items() if not told.strategy().needs.feeds]
FOUR = {"summary", "portfolio_returns", "weights_history", "turnover_history"}
MORE = {"candidate_scores", "trades", "exposure_history", "reference_returns"}


@pytest.fixture
def here(tmp_path):
    return Scratch(tmp_path)


def told(here, *arguments):
    answer = here.call("backtest", *arguments, "--accounting", "original")
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def of_members(panel, name, *arguments):
    universe = f"{panel.folder / 'universe.csv'}"
    rows = f"{panel.folder / 'rows.csv'}"
    return (name, "--prices", rows, "--universe", universe, *arguments)


def files(here, panel, name):
    out = here.folder / "out"
    told(here, *of_members(panel, name, "--out", f"{out}"))
    return {path.stem: pd.read_csv(path) for path in out.glob("*.csv")}


@pytest.mark.parametrize("name", WITH_SNAPSHOTS)
def test_every_rule_of_stocks_is_studied_on_prices_and_members(panel, here, name):
    summary = json.loads(told(here, *of_members(panel, name, "--json")))

    assert summary[0]["Final Equity"] == pytest.approx(1 + summary[0]["Total Return"])
    assert summary[0]["Turnover/Year"] > 0


@pytest.mark.parametrize("name", DAILY)
def test_every_daily_rule_is_asked_session_by_session(here, name):
    (summary,) = json.loads(told(here, name, "--prices", f"{BUNDLED}", "--json"))

    assert summary["End"] == "2026-10-15"
    assert 0 < summary["Avg Stock Exposure"] <= 1


def test_a_rule_of_stocks_may_be_asked_of_its_releases_too(panel, here):
    feed = f"{RUSSELL}={panel.releases(RUSSELL)}"

    (summary,) = json.loads(
        told(here, RUSSELL, "--prices", f"{panel.prices}", "--feed", feed, "--json")
    )

    assert summary["Start"] == f"{panel.ends[0] + pd.offsets.BDay(1):%Y-%m-%d}"
    assert summary["Turnover/Year"] > 0


def test_many_stocks_have_four_files(panel, here):
    kept = files(here, panel, RUSSELL)

    assert set(kept) == FOUR
    assert kept["portfolio_returns"].columns.tolist() == ["as_of", "portfolio_return"]
    assert kept["turnover_history"].columns.tolist() == ["as_of", "turnover"]
    weights = kept["weights_history"].set_index("as_of")
    assert list(weights.columns) == sorted(weights.columns)
    assert weights.sum(axis=1).to_numpy() == pytest.approx(1.0)


@pytest.mark.parametrize("name", [TOP20, PRODUCTS])
def test_leaders_and_products_have_four_more(panel, here, name):
    kept = files(here, panel, name)

    assert set(kept) == FOUR | MORE
    assert kept["trades"].columns.tolist() == [
        *("signal_date", "effective_date", "symbol", "old_weight", "new_weight", "delta_weight")
    ]
    assert (kept["trades"]["signal_date"] < kept["trades"]["effective_date"]).all()
    chosen = kept["candidate_scores"].query("selected")
    assert set(chosen["symbol"]) <= set(kept["weights_history"].columns)


def test_the_files_tell_one_story(panel, here):
    kept = files(here, panel, TOP20)

    returns, weights = kept["portfolio_returns"], kept["weights_history"].set_index("as_of")
    final = (1 + returns["portfolio_return"]).prod()
    assert final == pytest.approx(kept["summary"]["Final Equity"].iloc[0], rel=1e-12)
    moved = kept["trades"].groupby("effective_date")["delta_weight"].apply(lambda d: d.abs().sum())
    turnover = kept["turnover_history"].set_index("as_of")["turnover"]
    assert turnover[moved.index].to_numpy() == pytest.approx(moved.to_numpy() / 2)
    assert turnover.drop(moved.index).to_numpy() == pytest.approx(0.0)
    assert np.isfinite(weights.to_numpy()).all()


def test_what_turnover_costs_may_be_chosen(panel, here):
    free, dear = (
        json.loads(told(here, *of_members(panel, RUSSELL, "--json", "--cost-bps", bps)))[0]
        for bps in ("0", "50")
    )

    assert dear["Final Equity"] < free["Final Equity"]
    assert dear["Turnover/Year"] == free["Turnover/Year"]


def test_the_sheet_says_by_whose_accounting(panel, here):
    sheet = told(here, *of_members(panel, TOP20))

    assert "by the accounting of the originals" in sheet
    assert "Equal Weight Pool Total Return" in sheet


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--universe", "u.csv"), "go with --accounting original"),
        (("--cost-bps", "5"), "go with --accounting original"),
        (("--accounting", "original", "--cost-bps", "-1"), "greater than or equal to 0"),
        (("--accounting", "original", "--universe", "u.csv"), "would not read u.csv"),
        (("--accounting", "original", "--first", "2001-01-02"), "first session asked for"),
    ],
)
def test_what_does_not_go_together_is_refused(here, arguments, words):
    answer = here.call("backtest", "tqqq_growth_income", "--prices", f"{BUNDLED}", *arguments)

    assert answer.exit_code != 0
    assert words in answer.output
