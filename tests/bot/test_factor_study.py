"""A factor that was planted in reports is found from files, one that was not is not."""

import math
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from adapters.patterns import write_table
from bot.dated_sources import make_patterns
from bot.domain.errors import Blocked, SettingsError
from bot.domain.model import Note
from bot.domain.strategy import Facts
from bot.factor_study import Inquiry, Study, study
from config.settings import Settings, checked
from strategies import strategy
from tests.bot.parity import written
from tests.real import real_prices
from tests.strategies import planted
from tests.strategies.builders import CALENDAR, sessions
from tests.strategies.factor_feeds import constituents, patterns, reports

FUGUO, PATTERNS = "fuguo_etf_rotation", "pattern_etf_rotation"
FUNDS = tuple(f"F{number:02}" for number in range(20))
MONTHS, IC = 150, 0.07
DAYS = sessions(MONTHS * 21, planted.FIRST)


@dataclass(frozen=True)
class Panel:
    """Tables of some funds and a strategy that reads them."""

    name: str
    feeds: dict[str, pd.DataFrame]
    seed: int

    @property
    def params(self) -> dict[str, object]:
        return {"pool": list(FUNDS)}

    def scores(self) -> pd.DataFrame:
        told = strategy(self.name, self.params)
        known = CALENDAR.index(DAYS[0].date(), DAYS[-1].date())
        number = CALENDAR.number(DAYS[0].date())
        facts = Facts(pd.DataFrame(index=DAYS), known, self.feeds, earlier=number)
        return told.features(facts)[told.ranked_by].unstack("symbol")  # noqa: PD010


def the_reports() -> Panel:
    feeds = {"constituents": constituents(FUNDS, DAYS, 1), "fundamentals": reports(FUNDS, DAYS, 1)}
    return Panel(FUGUO, feeds, seed=7)


def the_patterns() -> Panel:
    feeds = {"constituents": constituents(FUNDS, DAYS, 1), "patterns": patterns(FUNDS, DAYS, 1)}
    return Panel(PATTERNS, feeds, seed=9)


def settings_of(panel: Panel, scores: pd.DataFrame, folder: Path) -> Settings:
    """A book on prices in which the scores are planted, and on the panel's tables."""
    closes = planted.closes_after(scores.dropna(how="all"), DAYS, planted.share_of(IC), panel.seed)
    prices = written(closes.assign(BIL=100.0), folder / "prices.csv")
    feeds = {}
    for name, table in panel.feeds.items():
        feeds[name] = {"kind": "table", "path": folder / f"{name}.parquet"}
        write_table(table, folder / f"{name}.parquet")
    book = {"profile": panel.name, "broker": "paper", "params": panel.params}
    return checked(
        {
            "markets": {"prices": {"kind": "tables", "path": prices}},
            "feeds": feeds,
            "brokers": {"paper": {"kind": "paper", "market": "prices"}},
            "books": {"main": {**book, "tables": {name: name for name in feeds}}},
        }
    )


def studied(panel: Panel, scores: pd.DataFrame, folder: Path) -> Study:
    return study(Inquiry(book="main"), settings_of(panel, scores, folder))


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> Study:
    panel = the_reports()
    return studied(panel, panel.scores(), tmp_path_factory.mktemp("planted"))


def test_a_factor_planted_in_reports_is_found_within_its_standard_error(found):
    told = found.verdict.correlations

    assert told.periods == 131
    assert abs(told.mean - IC) < told.deviation / math.sqrt(told.periods)


def test_one_that_was_dealt_out_anew_is_not(tmp_path):
    panel = the_reports()

    told = studied(panel, planted.shuffled(panel.scores(), 2), tmp_path).verdict.correlations

    error = told.deviation / math.sqrt(told.periods)
    assert abs(told.mean) < 2 * error
    assert abs(told.mean - IC) > 2 * error


def test_one_planted_in_patterns_is_found_too(tmp_path):
    panel = the_patterns()

    told = studied(panel, panel.scores(), tmp_path).verdict.correlations

    assert abs(told.mean - IC) < told.deviation / math.sqrt(told.periods)


def test_the_identities_of_the_specification_hold_in_what_is_told(found):
    told, followed = found.verdict.correlations, found.verdict.following

    assert told.risk_adjusted == pytest.approx(told.mean / told.deviation)
    assert told.t == pytest.approx(told.mean / told.deviation * math.sqrt(told.periods))
    assert followed.sharpe == pytest.approx(followed.annual_return / followed.volatility)
    assert followed.information_ratio == pytest.approx(followed.excess / followed.tracking_error)


def test_the_sources_figures_stand_beside_ours_and_agree_with_each_other(found):
    claims = found.verdict.claims

    assert claims["risk_adjusted"] == pytest.approx(claims["mean"] / claims["deviation"], abs=5e-3)
    assert claims["sharpe"] == pytest.approx(
        claims["annual_return"] / claims["volatility"], abs=5e-3
    )
    ratio = claims["excess"] / claims["tracking_error"]
    assert claims["information_ratio"] == pytest.approx(ratio, abs=5e-3)
    # Its t is that of nine years of months.
    assert claims["t"] == pytest.approx(
        claims["mean"] / claims["deviation"] * math.sqrt(108), abs=5e-3
    )


def test_the_strategy_is_followed_from_its_first_decision_on(found):
    periods, curves = found.evaluation.periods, found.evaluation.curves

    assert curves.index[0] == CALENDAR.index(periods.index[0].date(), DAYS[-1].date())[1]
    assert (curves.iloc[0] == 1.0).all()
    assert found.verdict.funds == len(FUNDS)
    assert found.verdict.notes == ()


def test_a_span_of_days_is_all_that_is_looked_at(tmp_path):
    panel = the_reports()
    settings = settings_of(panel, panel.scores(), tmp_path)

    told = study(
        Inquiry(book="main", first=date(2003, 1, 1), last=date(2004, 12, 31)), settings
    ).evaluation

    assert told.periods.index[0] == pd.Timestamp("2003-01-31")
    assert told.curves.index[-1] == pd.Timestamp("2005-01-03")


def test_a_day_on_which_nothing_could_be_said_changes_nothing_and_is_told(tmp_path):
    panel = the_reports()
    silent = panel.feeds["fundamentals"]
    silent = silent[(silent["as_of"] < "2004-01-01") | (silent["as_of"] > "2005-12-31")]
    gone = replace(panel, feeds={**panel.feeds, "fundamentals": silent})

    told = studied(gone, panel.scores(), tmp_path)

    [note] = told.verdict.notes
    first, last = date(2004, 9, 30), date(2006, 9, 29)
    expected = {"count": 25, "first": first, "last": last, "reason": "nothing_ranked"}
    assert note == Note("sessions_blocked", "", expected)


INQUIRIES = [
    (Inquiry(profile="global_etf_rotation"), SettingsError, "profile_without_factor"),
    (Inquiry(profile=FUGUO), Blocked, "feed_missing"),
    (Inquiry(profile=FUGUO, tables={"patterns": Path("x.csv")}), SettingsError, "feed_unread"),
    (Inquiry(book="other"), SettingsError, "unknown_book"),
    (Inquiry(profile=" "), SettingsError, "blank_profile"),
]


@pytest.mark.parametrize(("inquiry", "kind", "code"), INQUIRIES)
def test_what_can_not_be_looked_at_is_refused_by_name(inquiry, kind, code):
    with pytest.raises(kind, match=code):
        study(inquiry, Settings())


SECTORS = ("XLB", "XLE", "XLF", "XLI", "XLK", "XLP", "XLU", "XLV", "XLY")


@pytest.mark.slow
def test_sector_funds_as_their_own_constituents_fare_about_as_their_pool(tmp_path):
    bars = pd.read_csv(real_prices("etf_ohlcv.csv.gz"))
    bills = pd.read_csv(real_prices("etf_adjclose.csv.gz")).query("symbol == 'BIL'")
    funds = bars[bars["symbol"].isin(SECTORS)]
    closes = funds.pivot_table(index="date", columns="symbol", values="close")
    prices = written(closes.assign(BIL=bills.set_index("date")["adj_close"]), tmp_path / "p.csv")
    funds.to_csv(tmp_path / "bars.csv", index=False)
    lists = pd.DataFrame({"etf": SECTORS, "symbol": SECTORS, "weight": 1.0})
    write_table(lists.assign(known_on="1999-01-04"), tmp_path / "constituents.csv")

    told = studied_on(prices, tmp_path)

    periods, followed = told.evaluation.periods, told.verdict.following
    assert len(periods) == 327
    assert told.verdict.correlations.mean == pytest.approx(0.0, abs=0.02)
    assert followed.annual_return == pytest.approx(0.086, abs=0.002)
    assert followed.excess == pytest.approx(-0.004, abs=0.002)
    assert set(periods.index.to_series().diff().dt.days.dropna().astype(int)) <= set(range(28, 38))


def studied_on(prices: Path, folder: Path) -> Study:
    make_patterns(folder / "bars.csv", folder / "patterns.parquet", CALENDAR)
    tables = {
        "constituents": folder / "constituents.csv",
        "patterns": folder / "patterns.parquet",
    }
    book = {"profile": PATTERNS, "broker": "paper", "params": {"pool": list(SECTORS)}}
    settings = checked(
        {
            "markets": {"prices": {"kind": "tables", "path": prices}},
            "brokers": {"paper": {"kind": "paper", "market": "prices"}},
            "books": {"main": book},
        }
    )
    return study(Inquiry(book="main", tables=tables, last=date(2026, 7, 31)), settings)
