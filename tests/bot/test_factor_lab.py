import json

import pandas as pd
import pytest
from pydantic import TypeAdapter

from adapters.patterns import write_table
from adapters.synthetic import synthetic_prices
from bot.factor_sheets import CORRELATIONS, FOLLOWING
from bot.factor_study import Verdict
from bot.words import Language, Words
from strategies import PROFILES
from tests.adapters.test_patterns import candles
from tests.bot.parity import written
from tests.bot.scratch import Scratch
from tests.strategies.builders import TABLES, sessions

DAYS = sessions(600)
FUGUO = PROFILES["fuguo_etf_rotation"]
NEEDS = FUGUO.strategy().needs
FILES = ["summary.csv", "periods.csv", "curves.csv", "ic.png", "fifths.png"]
FEEDS = ("--feed", "constituents=constituents.csv", "--feed", "fundamentals=fundamentals.parquet")
ASKED = (FUGUO.name, "--prices", "prices.csv", *FEEDS)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with prices and tables and without settings."""
    folder = tmp_path_factory.mktemp("factors")
    pool = [symbol for symbol in NEEDS.holds if symbol != "BIL"]
    write_table(TABLES["constituents"](pool, DAYS, 2), folder / "constituents.csv")
    write_table(TABLES["fundamentals"](pool, DAYS, 2), folder / "fundamentals.parquet")
    written(synthetic_prices(NEEDS.symbols, DAYS, 4), folder / "prices.csv")
    return Scratch(folder)


def evaluated(here, *arguments) -> str:
    told = here.call("evaluate", *arguments)
    assert told.exit_code == 0, told.output
    return told.stdout


def test_a_factor_is_told_as_a_sheet_with_the_sources_figures_beside_ours(here):
    told = evaluated(here, *ASKED)

    assert told.startswith("fuguo_etf_rotation by its composite: 11 funds, from 2015-")
    rows = {
        line.rsplit(maxsplit=2)[0].strip(): line.split()[-2:] for line in told.splitlines()[4:-2]
    }
    assert rows["mean"][1] == "6.80%"
    assert rows["t (mean / deviation · √periods)"][1] == "2.24"
    assert rows["maximum drawdown of the excess"][1] == "-15.23%"
    assert rows["periods"][1] == "–"
    words = Words(Language.EN)
    for name in (*CORRELATIONS, *FOLLOWING):
        assert words.phrase(f"figure_{name}") in rows


def test_the_value_for_programs_has_the_identities_of_the_sheet(here):
    told = evaluated(here, *ASKED, "--json")

    verdict = TypeAdapter(Verdict).validate_json(told)
    ic, followed = verdict.correlations, verdict.following
    assert ic.risk_adjusted == pytest.approx(ic.mean / ic.deviation)
    assert ic.t == pytest.approx(ic.mean / ic.deviation * ic.periods**0.5)
    assert followed.sharpe == pytest.approx(followed.annual_return / followed.volatility)
    assert followed.information_ratio == pytest.approx(followed.excess / followed.tracking_error)
    assert json.loads(told)["claims"]["mean"] == 0.068


def test_the_series_and_pictures_are_files(here):
    told = evaluated(here, *ASKED, "--out", "results")

    folder = here.folder / "results"
    assert f"written to results: {', '.join(FILES)}" in told
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    summary = pd.read_csv(folder / "summary.csv", index_col="figure")
    periods = pd.read_csv(folder / "periods.csv")
    curves = pd.read_csv(folder / "curves.csv")
    assert summary.loc["mean", "ours"] == pytest.approx(periods["ic"].mean())
    assert summary.loc["sharpe", "source"] == 0.33
    assert curves.iloc[0, 1:].tolist() == [1.0] * 8


def test_a_chinese_reader_gets_a_chinese_sheet(here, tmp_path):
    config = tmp_path / "bot.toml"
    config.write_text('language = "zh"\n', encoding="utf-8")

    told = evaluated(here, *ASKED, "--config", str(config))

    assert Words(Language.ZH).phrase("factor_coefficient") in told


REFUSED = [
    ((), 2, "--book"),
    ((FUGUO.name, "--book", "main"), 2, "--book"),
    ((*ASKED, "--feed", "constituents"), 2, "NAME=FILE"),
    ((FUGUO.name, "--prices", "prices.csv"), 75, "no feed constituents"),
    ((*ASKED, "--feed", "patterns=constituents.csv"), 78, "no feed called patterns"),
    (("global_etf_rotation", "--prices", "prices.csv"), 78, "ranks by no factor"),
    ((*ASKED, "--first", "2017-04-03"), 1, "too few"),
    ((*ASKED, "--prices", "none.csv"), 1, "none.csv"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), REFUSED)
def test_what_can_not_be_evaluated_is_refused_in_words(here, arguments, code, said):
    told = here.call("evaluate", *arguments)

    assert told.exit_code == code, told.output
    assert said in told.output


def test_patterns_are_built_on_the_command_line(here):
    candles().to_csv(here.folder / "bars.csv", index=False)

    told = here.call("patterns", "build", "--bars", "bars.csv", "--out", "made/patterns.csv")

    assert told.exit_code == 0
    assert told.stdout.startswith("26 rows of patterns of 1 symbols from 2026-01-23 to 2026-03-02")
    assert len(pd.read_csv(here.folder / "made" / "patterns.csv")) == 26


def test_what_was_built_is_a_value_for_programs_too(here):
    candles().to_csv(here.folder / "bars.csv", index=False)

    told = here.call("patterns", "build", "--bars", "bars.csv", "--out", "p.csv", "--json")

    assert json.loads(told.stdout)["rows"] == 26


def test_bars_that_can_not_be_are_refused_in_words(here):
    candles().assign(high=1.0).to_csv(here.folder / "wrong.csv", index=False)

    told = here.call("patterns", "build", "--bars", "wrong.csv", "--out", "p.csv")

    assert told.exit_code == 75
    assert "a high or a low that is none" in told.output
