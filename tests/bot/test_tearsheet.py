import re
from dataclasses import replace
from functools import cache

import pandas as pd
import pytest

from bot.backtest import FillAt
from bot.page import save
from bot.tearsheet import cautions, show, tearsheet
from bot.words import Language, Words
from tests.bot.trials import a_trial
from tests.browser import window

EN, ZH = Words(Language.EN), Words(Language.ZH)


@cache
def english_page():
    return tearsheet(a_trial(), EN)


DESK, TABLET, SMALL = 1280, 768, 390
# Smaller letters are hard to read on a phone held at arm's length.
LEGIBLE = 9.5


def heard(trial):
    return {note.code for note in cautions(trial)}


def unmarked(page):
    return re.sub(r"<[^>]+>", " ", page)


SECTIONS = [
    "Before you believe it",
    "Equity against the benchmark",
    "Drawdown",
    "Rolling year",
    "Monthly returns",
    "In figures",
    "Weights over time",
    "Turnover by month",
    "Costs",
    "Drift from the ideal weights",
    "Whole shares in a small account",
    "Trades",
]


def test_a_page_has_everything_in_its_order():
    told = english_page()

    assert re.findall(r"<h2>([^<]*)</h2>", told) == SECTIONS
    assert "It is not advice" in told


def test_a_page_tells_the_figures_of_the_scorecard():
    trial = a_trial(costs=True)

    told = unmarked(tearsheet(trial, EN))

    for value in (trial.scorecard.performance.annual_return, trial.scorecard.held.max_drawdown):
        assert EN.written(value, "percent") in told
    assert f"{trial.scorecard.orders} orders" in told


def test_a_page_of_fifteen_months_is_light():
    assert len(english_page().encode()) < 1_000_000


def test_a_page_names_no_folder_of_its_maker():
    source = a_trial().scorecard.source

    told = english_page().replace("<wbr>", "")

    assert source.name in told
    assert str(source.parent) not in told


def test_every_month_played_has_its_return():
    told = english_page()

    months = re.search(r'<table class="months">.*?</table>', told)[0]
    # August 2025 to September 2026, and two years in all.
    assert len(re.findall(r'<span class="wide">−?\d', months)) == 14 + 2


def test_what_nobody_says_is_said_before_the_figures():
    assert {"costs_absent", "filled_at_decision", "survivors", "adjusted_shares"} <= heard(
        a_trial()
    )


def test_costs_that_are_counted_are_not_missed():
    trial = a_trial(costs=True)

    assert "costs_absent" not in heard(trial)
    assert "commission so far, USD" in tearsheet(trial, EN)


def test_a_later_fill_is_not_the_decisions_own_close():
    trial = a_trial()
    later = replace(trial, scorecard=replace(trial.scorecard, fill=FillAt.NEXT_CLOSE))

    assert "filled_at_decision" not in heard(later)


def test_notes_of_the_scorecard_come_first():
    trial = a_trial()

    assert [*cautions(trial)][: len(trial.scorecard.notes)] == [*trial.scorecard.notes]


def test_what_a_session_left_undone_is_no_drift_of_whole_shares():
    trial = a_trial()
    day = trial.record.drift.idxmax().date()
    owing = replace(trial, record=replace(trial.record, owed=(day,)))

    assert f"{day}" in re.search(r"<h2>Drift.*?</p>", english_page())[0]
    said = re.search(r"<h2>Drift.*?</p>", tearsheet(owing, EN))[0]
    assert f"{day}" not in said
    assert "not in it: 1." in said


def an_idle_trial():
    """Four sessions of nothing: no trade, no weight, no target."""
    trial = a_trial()
    record, days = trial.record, trial.record.equity.index[:4]
    flat = pd.Series(100_000.0, days)
    weights = record.weights.loc[days] * 0
    idle = replace(
        record,
        trades=(),
        opened=100_000.0,
        equity=flat,
        cash=flat,
        weights=weights,
        traded=flat * 0,
        wanted=record.wanted.iloc[:0],
    )
    return replace(trial, record=idle, held=flat)


def test_a_trial_in_which_nothing_happened_has_a_page():
    told = unmarked(tearsheet(an_idle_trial(), EN))

    for sentence in ("Nothing was held.", "Nothing was traded.", "shorter than a year"):
        assert sentence in told
    assert "Too few sessions traded towards targets." in told


def test_where_whole_shares_can_not_be_told_the_page_says_why():
    trial = a_trial()
    past = replace(trial.stage.past, closes=trial.stage.past.closes.iloc[:100])
    short = replace(trial, stage=replace(trial.stage, past=past))

    told = unmarked(tearsheet(short, EN))

    assert "100 sessions of history, the profile needs 252" in told


def test_a_chinese_page_is_chinese():
    told = unmarked(tearsheet(a_trial(costs=True), ZH).partition("<body>")[2])

    english = re.findall(r"\b(?:the|and|of|shares|held|session|orders|equity|year)\b", told)
    assert english == []


@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_a_page_begins_with_what_was_played_in_every_language(words):
    card = a_trial().scorecard

    heading = re.search(r"<header>.*?</header>", tearsheet(a_trial(), words))[0]

    for told in (card.first, card.performance.last, card.sessions):
        assert str(told) in heading


def test_only_what_is_wanted_is_written(tmp_path):
    page, picture = tmp_path / "a.html", tmp_path / "a.png"

    assert show(a_trial(), None, None, EN) == []
    assert show(a_trial(), page, None, EN) == [page]
    assert [*tmp_path.iterdir()] == [page]
    assert show(a_trial(), None, picture, EN) == [picture]
    assert picture.read_bytes().startswith(b"\x89PNG")


OPEN = "document.querySelectorAll('details').forEach(each => each.open = true);"
WIDTHS = "return [document.documentElement.scrollWidth, innerWidth]"
LOADED = "return performance.getEntriesByType('resource').map(each => each.name)"
DRAWN = """return [...document.querySelectorAll('[role=img]')].map(
    each => [...each.children].filter(svg => svg.getBoundingClientRect().height > 100).length)"""
LETTERS = """return Math.min(...[...document.querySelectorAll('main *')].filter(
    each => each.getBoundingClientRect().height && each.childNodes.length
      && [...each.childNodes].some(node => node.nodeType == 3 && node.textContent.trim())
  ).map(each => parseFloat(getComputedStyle(each).fontSize) * (each.ownerSVGElement
      ? each.ownerSVGElement.getBoundingClientRect().width
        / each.ownerSVGElement.viewBox.baseVal.width : 1)))"""
STICKING_OUT = """return [...document.querySelectorAll('main *')].filter(each =>
    !each.closest('svg') && each.getBoundingClientRect().right > innerWidth + 0.5
  ).map(each => each.outerHTML.slice(0, 80))"""


@pytest.mark.slow
@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
@pytest.mark.parametrize("width", [DESK, TABLET, SMALL])
def test_a_browser_without_a_network_shows_all_of_it(width, words, tmp_path):
    path = tmp_path / "page.html"
    save(tearsheet(a_trial(costs=True), words).encode(), path)

    with window(path, width, tmp_path / "profile") as shown:
        shown.asked(OPEN)
        needed, there = shown.asked(WIDTHS)

        assert there == width
        assert needed <= width
        assert shown.asked(STICKING_OUT) == []
        assert set(shown.asked(DRAWN)) == {1}
        assert shown.asked(LETTERS) >= LEGIBLE
        assert shown.asked(LOADED) == []
        assert shown.complaints() == []
