import pytest

from bot.charts import DASHES, HALF, Curve, Lines
from bot.page import element, items, page, picture, save, section, table, text, tile, twice
from tests.bot.test_charts import GROWTH

EVIL = "<script>&\"'"
SAID = "&lt;script&gt;&amp;&quot;&#x27;"


def test_a_page_is_a_document_in_its_language():
    told = page("A & B", "zh", [text("p", "one"), text("p", "two")])

    assert told.startswith('<!doctype html>\n<html lang="zh">')
    assert "<title>A &amp; B</title>" in told
    assert "<p>one</p>\n<p>two</p>" in told


def test_a_page_may_load_nothing():
    told = page("", "en", [])

    assert "default-src 'none'" in told
    for loading in ("http:", "https:", "src=", "<link", "<script", "@import", "url("):
        assert loading not in told


PLACES = {
    "a text": text("p", EVIL),
    "a title": section(EVIL),
    "what a section is about": section("", about=EVIL),
    "an item": items([EVIL]),
    "a tile": tile("", EVIL, ""),
    "a heading": table([EVIL], []),
    "a cell": table([""], [[EVIL]]),
    "a chart's name": picture(Lines([Curve("a", GROWTH)]), EVIL, HALF),
    "a legend": picture(Lines([Curve("a", GROWTH)]), "", HALF, [Curve(EVIL, GROWTH)]),
    "a page's title": page(EVIL, "en", []),
}


@pytest.mark.parametrize("markup", PLACES.values(), ids=PLACES)
def test_text_is_text_wherever_it_stands(markup):
    assert SAID in markup
    assert EVIL not in markup


def test_a_dollar_sign_is_no_place_to_fill():
    assert "$title and $5" in page("", "en", [text("p", "$title and $5")])


def test_an_element_holds_its_parts():
    assert element("div", text("b", "1"), text("i", "2"), kind="x") == (
        '<div class="x"><b>1</b><i>2</i></div>'
    )


def test_a_day_is_not_broken_in_two():
    assert text("td", "2012-01-03 … 2026-07-31") == (
        "<td><time>2012-01-03</time> … <time>2026-07-31</time></td>"
    )


def test_a_phone_is_told_less():
    assert twice("td", "1.23", "1", "up2") == (
        '<td class="up2"><span class="wide">1.23</span><span class="phone">1</span></td>'
    )


def test_the_last_columns_are_for_a_desk():
    told = table(["a", "b", "c"], [["1", "2", "3"]], desk=1)

    assert '<tr><th>a</th><th>b</th><th class="wide">c</th></tr>' in told
    assert '<tr><td>1</td><td>2</td><td class="wide">3</td></tr>' in told


def test_a_chart_is_drawn_for_a_desk_and_for_a_phone():
    told = picture(Lines([Curve("a", GROWTH)]), "growth", HALF)

    assert told.count("<svg") == 2
    assert '<svg class="wide" viewBox="0 0 544' in told
    assert '<svg class="phone" viewBox="0 0 350' in told
    assert '<div role="img" aria-label="growth">' in told


def test_a_legend_shows_colour_and_dashes():
    drawn = [Curve("one", GROWTH), Curve("two", GROWTH, "#d55e00", DASHES[1])]

    told = picture(Lines(drawn), "", HALF, drawn)

    assert 'stroke="#0072b2" stroke-width="4" fill="none"/></svg>one</li>' in told
    assert 'stroke="#d55e00" stroke-width="4" fill="none" stroke-dasharray="5 2"/>' in told


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / "deep" / "a.html"
    save(b"old and long", path)

    save(b"new", path)

    assert path.read_bytes() == b"new"
    assert [*path.parent.iterdir()] == [path]
