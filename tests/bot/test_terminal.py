import io
import re
import tomllib
from decimal import Decimal

import pytest
from rich.console import Console

from bot.domain.strategy import FeedNeed, Needs
from bot.lines import width
from bot.profiles import Explained, Prospectus, prospectus, prospectuses
from bot.terminal import WIDEST, display, profile_sheet, profiles_sheet
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
