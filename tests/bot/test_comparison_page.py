import re
from functools import cache

import pytest

from bot.comparison_page import comparison_page
from bot.page import save
from tests.bot.test_comparison import ROTATION, SOXL, TQQQ, compared, two
from tests.bot.test_tearsheet import (
    DESK,
    DRAWN,
    EN,
    LEGIBLE,
    LETTERS,
    LOADED,
    SMALL,
    WIDTHS,
    ZH,
    unmarked,
)
from tests.browser import window


@cache
def year_of_two():
    return compared(TQQQ, SOXL)


@cache
def english_page():
    return comparison_page(year_of_two(), EN)


def test_a_page_of_several_has_everything_in_its_order():
    assert re.findall(r"<h2>([^<]*)</h2>", english_page()) == [
        "Before you believe it",
        "In figures",
        "Equity against the benchmark",
        "Drawdown",
        "Rolling year",
        "Calendar years",
    ]


def test_every_profile_and_every_benchmark_has_a_curve():
    legend = re.search(r'<ul class="legend">.*?</ul>', english_page())[0]

    assert re.findall(r"</svg>([^<]*)</li>", legend) == [TQQQ, SOXL, "QQQ held", "SOXX held"]


def test_the_figures_are_those_of_the_scorecards():
    told = unmarked(english_page())

    for card in year_of_two().standings.scorecards:
        for fared in (card.performance, card.held):
            assert EN.written(fared.annual_return, "percent") in told


def test_a_short_span_has_no_rolling_year():
    told = unmarked(comparison_page(two(), EN))

    assert "The span is shorter than a year." in told
    assert ROTATION in told.replace(" ", "")


def test_what_nobody_says_is_said_once_for_all():
    told = unmarked(english_page())

    assert told.count("no costs are counted") == 1
    assert told.count("vanished are not among them") == 1


@pytest.mark.slow
@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
@pytest.mark.parametrize("width", [DESK, SMALL])
def test_a_browser_without_a_network_shows_all_of_it(width, words, tmp_path):
    path = tmp_path / "page.html"
    save(comparison_page(year_of_two(), words).encode(), path)

    with window(path, width, tmp_path / "profile") as shown:
        needed, there = shown.asked(WIDTHS)

        assert there == width
        assert needed <= width
        assert set(shown.asked(DRAWN)) == {1}
        assert shown.asked(LETTERS) >= LEGIBLE
        assert shown.asked(LOADED) == []
        assert shown.complaints() == []
