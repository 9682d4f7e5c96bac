import io
import re
import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from rich.console import Console

from bot.backtest import FillAt
from bot.domain.model import Note
from bot.domain.performance import Performance
from bot.domain.strategy import FeedNeed, Needs
from bot.hindsight import Difference, Hindsight
from bot.lines import width
from bot.profiles import Explained, Prospectus, prospectus, prospectuses
from bot.terminal import (
    WIDEST,
    display,
    hindsight_sheet,
    profile_sheet,
    profiles_sheet,
    progress,
    scorecard_sheet,
)
from bot.trial import Scorecard
from bot.words import Language, Words
from strategies import PROFILES, strategy

WIDE = 1000
EN, ZH = Words(Language.EN), Words(Language.ZH)

every_width = pytest.mark.parametrize("columns", [60, 80, 110])
every_language = pytest.mark.parametrize("words", [EN, ZH], ids=list(Language))


def shown(sheet, columns=110):
    paper = io.StringIO()
    Console(file=paper, width=columns).print(sheet, markup=False, highlight=False)
    return paper.getvalue()


def cells(line):
    return width(line.rstrip())


def letters(text):
    return re.sub(r"\s", "", text)


def a_prospectus(*parameters, **differing):
    told = {
        "name": "made_up",
        "aliases": (),
        "about": "Holds what it holds.",
        "cadence": "daily",
        "role": "defensive_rotation",
        "benchmark": "VOO",
        "minimum_equity": Decimal(3000),
        "needs": Needs(("VOO", "SPY"), ("VOO",), ("SPY",), 200),
        "parameters": parameters,
        "source": "a paper",
    }
    return Prospectus(**{**told, **differing})


def a_parameter(kind, default, low=None, high=None, choices=()):
    return Explained("dial", kind, default, low, high, choices, "It turns.")


def facts(sheet):
    """The label of each line to what stands behind it."""
    lines = [re.split(r" {2,}", line.strip()) for line in shown(sheet).splitlines()]
    return {line[0]: line[1] for line in lines if len(line) == 2}


@every_width
@every_language
def test_a_narrow_terminal_shows_every_letter_a_wide_one_shows(columns, words):
    told = prospectuses(words)

    for sheet in (profiles_sheet(told, words), *(profile_sheet(each, words) for each in told)):
        narrow, wide = shown(sheet, columns), shown(sheet, WIDE)

        assert sorted(letters(narrow)) == sorted(letters(wide))
        assert max(map(cells, narrow.splitlines())) <= columns


def test_the_table_has_the_facts_a_choice_is_made_by():
    table = shown(profiles_sheet([a_prospectus()], EN)).splitlines()

    assert [line.split() for line in table[-2:]] == [
        ["made_up", "VOO", "Holds", "what", "it", "holds."],
        ["daily", "3,000.00", "USD"],
    ]


def test_a_profile_shows_what_it_is_and_needs():
    assert facts(profile_sheet(a_prospectus(), EN)) == {
        "decides": "daily",
        "role": "defensive rotation",
        "benchmark": "VOO",
        "minimum equity": "3,000.00 USD",
        "reads": "VOO, SPY",
        "of these vital": "SPY",
        "may hold": "VOO",
        "history": "200 sessions",
        "prices": "adjusted for dividends and splits",
        "source": "a paper",
    }


def test_feeds_and_aliases_are_shown_where_there_are_any():
    feeds = (FeedNeed("megacaps", 3), FeedNeed("signals", 1))
    needs = Needs(("VOO",), ("VOO",), (), 200, feeds, total_return=False)

    told = facts(profile_sheet(a_prospectus(aliases=("old", "older"), needs=needs), EN))

    ages = "megacaps, newest row at most 3 sessions old; signals, newest row at most 1 sessions old"
    assert told["feeds"] == ages
    assert told["also called"] == "old, older"
    assert told["of these vital"] == "–"
    assert told["prices"] == "adjusted for splits; dividends do not matter"


PARAMETERS = [
    (a_parameter("number", 0.02), "0.02", "(a number)"),
    (a_parameter("number", 1e9, 0.0), "1_000_000_000.0", "(a number, at least 0)"),
    (a_parameter("number", 0.5, None, 0.75), "0.5", "(a number, at most 0.75)"),
    (a_parameter("integer", 200, 1, 2520), "200", "(a whole number, 1 to 2_520)"),
    (a_parameter("switch", default=True), "true", "(true or false)"),
    (a_parameter("symbol", "BIL"), '"BIL"', "(a symbol)"),
    (a_parameter("symbols", ("A", "B"), 1), '["A", "B"]', "(a list of symbols, at least 1)"),
    (a_parameter("integers", (), 1, 12), "[]", "(a list of whole numbers, 1 to 12)"),
    (a_parameter("choice", "wide", choices=("wide", "thin")), '"wide"', "(one of: wide, thin)"),
]


@pytest.mark.parametrize(
    ("parameter", "default", "allowed"), PARAMETERS, ids=[p.kind for p, _, _ in PARAMETERS]
)
def test_a_parameter_says_its_default_and_what_it_may_be(parameter, default, allowed):
    lines = shown(profile_sheet(a_prospectus(parameter), EN)).splitlines()

    assert [line.strip() for line in lines[-2:]] == [f"dial = {default}", f"It turns. {allowed}"]


@pytest.mark.parametrize("name", PROFILES)
def test_the_defaults_shown_can_be_written_into_the_settings(name):
    told = prospectus(name, EN)
    sheet = shown(profile_sheet(told, EN), WIDE).splitlines()

    written = "\n".join(line for line in sheet if re.match("[a-z_0-9]+ = ", line))

    assert strategy(name, tomllib.loads(written)) == strategy(name, {})
    assert len(written.splitlines()) == len(told.parameters)


def test_what_is_no_terminal_gets_a_fixed_width(capsys):
    display(profiles_sheet([a_prospectus(about="word " * 100)], EN))

    assert max(map(len, capsys.readouterr().out.splitlines())) == WIDEST


def a_performance(**differing):
    told = {
        "first": date(2026, 3, 2),
        "last": date(2026, 3, 31),
        "sessions": 22,
        "start": Decimal("99996.5"),
        "final": Decimal("1104999.986"),
        "total_return": 10.05,
        "annual_return": 0.0701,
        "volatility": 0.193,
        "sharpe": 0.4064,
        "max_drawdown": -0.372,
        "peak": date(2026, 3, 4),
        "trough": date(2026, 3, 12),
        "recovery": date(2026, 3, 20),
        "worst_session": date(2026, 3, 11),
        "worst_return": -0.168,
        "turnover_per_year": 3.582,
    }
    return Performance(**{**told, **differing})


HELD = a_performance(recovery=None, sharpe=None, turnover_per_year=None, total_return=-0.5)
SPAN = {"count": 2, "first": date(2026, 3, 3), "last": date(2026, 3, 9)}
REMARKS = (
    Note("spliced", "BOXX", {"by": "BIL", "until": date(2026, 3, 5)}),
    Note("begins_late", "SPYI", {"day": date(2026, 3, 6)}),
    Note("begins_late", "QQQI", {"day": None}),
    Note("sessions_blocked", "QQQ", {**SPAN, "reason": "vital_quote_stale"}),
    Note("sessions_blocked", "QQQ", {**SPAN, "reason": "vital_history_short"}),
    Note("sessions_owed", "", SPAN),
    Note("sessions_small", "", SPAN),
    Note("never_traded", "", {"day": date(2026, 3, 31)}),
)


def a_card(*remarks, **differing):
    told = {
        "profile": "soxl_soxx_trend_income",
        "fill": FillAt.CLOSE,
        "source": Path("prices.csv"),
        "first": date(2024, 1, 2),
        "sessions": 504,
        "performance": a_performance(),
        "benchmark": "SOXX",
        "held": HELD,
        "orders": 12,
        "commission": Decimal("4.2"),
        "slippage": Decimal("-1234.567"),
        "notes": remarks,
    }
    return Scorecard(**{**told, **differing})


@every_width
@every_language
@pytest.mark.parametrize("fill", FillAt)
def test_a_card_fits_a_narrow_terminal_and_loses_nothing(columns, words, fill):
    sheet = scorecard_sheet(a_card(*REMARKS, fill=fill), [Path("out/summary.csv")], words)

    narrow, wide = shown(sheet, columns), shown(sheet, WIDE)

    assert sorted(letters(narrow)) == sorted(letters(wide))
    assert max(map(cells, narrow.splitlines())) <= columns


def test_a_card_compares_the_profile_with_its_benchmark_line_by_line():
    lines = shown(scorecard_sheet(a_card(), [], EN)).splitlines()[4:-3]

    assert [re.split(r" {2,}", line.strip()) for line in lines] == [
        ["soxl_soxx_trend_income", "SOXX held"],
        ["final equity, USD", "1,104,999.99", "1,104,999.99"],
        ["total return", "1005.0 %", "-50.0 %"],
        ["annual return", "7.0 %", "7.0 %"],
        ["volatility, annual", "19.3 %", "19.3 %"],
        ["Sharpe ratio", "0.41", "–"],
        ["deepest drawdown", "-37.2 %", "-37.2 %"],
        ["from … to", "2026-03-04 … 2026-03-12", "2026-03-04 … 2026-03-12"],
        ["recovered", "2026-03-20", "not yet"],
        ["worst session", "-16.8 % (2026-03-11)", "-16.8 % (2026-03-11)"],
        ["turnover per year", "358.2 %", "–"],
    ]


def test_the_figures_of_a_card_end_in_one_column():
    lines = shown(scorecard_sheet(a_card(), [], EN)).splitlines()[4:-3]

    assert len({len(line.rstrip()) for line in lines}) == 1


def test_under_a_card_stands_what_to_know_before_believing_it():
    told = shown(scorecard_sheet(a_card(*REMARKS), [Path("out/a.csv"), Path("out/b.csv")], EN), 200)

    span = "2 (2026-03-03 … 2026-03-09)"
    assert told.splitlines()[16:-1] == [
        "12 orders; commission 4.20 USD, slippage -1,234.57 USD",
        "BOXX: before Thu 2026-03-05 returns what BIL did: a stand-in, not its own prices",
        "SPYI: first price on Fri 2026-03-06; could not be traded before it had one",
        "QQQI: could not be traded before it had one",
        f"QQQ: sessions without a decision: {span}, because the quote is too old to decide on",
        f"QQQ: sessions without a decision: {span}, because history is too short or has holes",
        f"sessions that left something to be done on the next: {span}",
        f"sessions below the recommended equity: {span}; whole shares may not follow the weights",
        "the decision of Tue 2026-03-31 was not traded: the prices end",
        "written to out: a.csv, b.csv",
    ]


def test_where_there_is_no_terminal_nothing_is_counted_aloud(capsys):
    with progress("sessions") as watch:
        watch(1, 2)

    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("words", "decided", "numbers"),
    [
        (EN, "was known: trend: BETA 1.0000, instead of not_due", "the same decision from other"),
        (ZH, "trend: BETA 1.0000，而非 not_due", "决策相同"),
    ],
    ids=list(Language),
)
def test_what_cutting_showed_says_whether_a_decision_or_only_its_numbers_differ(
    words, decided, numbers
):
    day = date(2026, 3, 31)
    otherwise = Difference("looks_ahead", day, day, "not_due", "trend: BETA 1.0000")
    alike = Difference("reaches_back", day, day, "", "")
    found = Hindsight(1, (day,), 300, 281, 20, 21, day, (otherwise, alike))

    first, second = hindsight_sheet(found, words).splitlines()[-2:]

    assert decided in first
    assert numbers in second
