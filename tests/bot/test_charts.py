import re
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest

from bot.charts import (
    COLORS,
    HALF,
    PHONE,
    WHOLE,
    Bars,
    Curve,
    Falls,
    Layers,
    Lines,
    money,
    percent,
    speakable,
    svg,
    told_apart,
)

DAYS = pd.bdate_range("2012-01-02", periods=3700)
GROWTH = pd.Series(100 * np.exp(np.linspace(0, 3, len(DAYS))), DAYS)
SHORT = GROWTH.iloc[:700]
WAVES = pd.Series(0.5 + 0.4 * np.sin(np.arange(len(SHORT)) / 5), SHORT.index)
MONTHS = WAVES.resample("MS").mean()


def texts(drawn):
    return re.findall(r"<text[^>]*>([^<]*)</text>", drawn)


CHARTS = {
    "lines": Lines([Curve("a", SHORT), Curve("b", SHORT / 2)]),
    "growth": Lines([Curve("a", SHORT)], logarithmic=True),
    "thin": Lines([Curve("a", WAVES)], "percent", thin=True),
    "falls": Falls([Curve("a", WAVES - 1), Curve("b", -WAVES)]),
    "bars": Bars(Curve("a", MONTHS)),
    "layers": Layers([Curve("a", WAVES, COLORS[0]), Curve("b", -WAVES, COLORS[1])]),
}


@pytest.mark.parametrize("room", [WHOLE, HALF, PHONE], ids=lambda room: str(room.width))
@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
def test_a_chart_is_an_element_that_needs_nothing_else(chart, room):
    drawn = svg(chart, room)

    assert drawn.startswith(f'<svg viewBox="0 0 {room.width} {room.height}"')
    assert "http" not in drawn
    assert "<style" not in drawn
    ET.fromstring(drawn.replace("xlink:href", "href"))  # noqa: S314 - it is our own


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
def test_the_same_numbers_make_the_same_chart(chart):
    assert svg(chart, HALF) == svg(chart, HALF)


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS)
def test_a_mark_that_is_pointed_at_is_there_and_no_other_has_a_name(chart):
    drawn = svg(chart, HALF)

    pointed_at = {*re.findall(r'(?:url\(#|href="#)([^")]*)', drawn)}
    assert {*re.findall(r'\bid="([^"]*)"', drawn)} == pointed_at


def test_fifteen_years_of_sessions_make_no_heavy_chart():
    noisy = GROWTH * np.exp(np.random.default_rng(7).normal(0, 0.02, len(DAYS)).cumsum())

    assert len(svg(Lines([Curve("a", noisy)], logarithmic=True), WHOLE)) < 60_000


def test_years_are_named_where_there_are_some_and_not_too_many():
    told = texts(svg(Lines([Curve("a", GROWTH)]), PHONE))

    years = [word for word in told if re.fullmatch(r"20\d\d", word)]
    assert 2 < len(years) <= PHONE.ticks
    assert years == sorted(years)


SPANS = [(3, r"0\d-\d\d"), (90, r"2012-0\d"), (3700, r"20\d\d")]


@pytest.mark.parametrize(("sessions", "written"), SPANS)
def test_a_short_span_names_months_and_a_very_short_one_days(sessions, written):
    told = texts(svg(Lines([Curve("a", GROWTH.iloc[:sessions])]), HALF))

    assert sum(bool(re.fullmatch(written, word)) for word in told) >= 2


RANGES = {
    "hardly any": (np.linspace(100, 104, 300), 3),
    "a doubling": (np.linspace(100, 200, 300), 3),
    "one decade": (np.geomspace(100, 2000, 300), 3),
    "many": (np.geomspace(1, 1e6, 300), 4),
}


@pytest.mark.parametrize("room", [WHOLE, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize(("values", "least"), RANGES.values(), ids=RANGES)
def test_growth_has_ticks_whatever_its_range(values, least, room):
    series = pd.Series(values, DAYS[:300])

    told = texts(svg(Lines([Curve("a", series)], logarithmic=True), room))

    amounts = [word for word in told if not re.fullmatch(r"20\d\d-\d\d", word)]
    assert least <= len(amounts) <= 14
    assert len(set(amounts)) == len(amounts)


def test_weights_that_never_were_are_not_drawn():
    held, never = Curve("a", WAVES, "#111111"), Curve("b", WAVES * 0, "#222222")

    drawn = svg(Layers([held, never]), HALF)

    assert "#111111" in drawn
    assert "#222222" not in drawn


def test_short_weights_lie_below_the_line():
    assert any(word.startswith("−") for word in texts(svg(CHARTS["layers"], HALF)))


@pytest.mark.parametrize("count", [1, 8, 21])
def test_curves_are_told_apart_by_colour_and_dashes(count):
    drawn = told_apart([(str(n), GROWTH) for n in range(count)])

    assert [curve.label for curve in drawn] == [str(n) for n in range(count)]
    assert len({(curve.color, curve.dashes) for curve in drawn}) == count


def luminance(color):
    """Relative luminance by WCAG 2.1."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("color", COLORS)
def test_a_line_stands_out_from_the_paper(color):
    assert 1.05 / (luminance(color) + 0.05) > 2


AMOUNTS = [(950, "950"), (25_000, "25k"), (1_250_000, "1.25M"), (3e9, "3B"), (0, "0")]


@pytest.mark.parametrize(("amount", "written"), AMOUNTS)
def test_money_is_short_on_an_axis(amount, written):
    assert money(amount) == written


@pytest.mark.parametrize(("part", "written"), [(0.25, "25%"), (-0.075, "−7.5%"), (0, "0%")])
def test_parts_are_percents_on_an_axis(part, written):
    assert percent(part) == written


def test_every_host_can_write_english():
    assert speakable("en")
