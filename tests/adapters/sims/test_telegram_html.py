import pytest

from adapters.sims.telegram_html import Entity, Formatted, read_html, trimmed, units
from adapters.sims.telegram_refusals import ApiError

READ = [
    ("plain", "plain"),
    ("<b>a</b> <i>b</i>", "a b"),
    ("a &lt; b &amp; c &gt; d &quot;e&quot;", 'a < b & c > d "e"'),
    ("&#65;&#x42;", "AB"),
    ("<a href='http://a.b/?x=1&amp;y=2'>link</a>", "link"),
    ('<span class="tg-spoiler">x</span>', "x"),
    ("<blockquote expandable>x</blockquote>", "x"),
    ('<pre><code class="language-python">x</code></pre>', "x"),
    ("<B>x</B>", "x"),
    ("<b>x</>", "x"),
    # Neither is refused: what names no character stays as it is written.
    ("Procter & Gamble", "Procter & Gamble"),
    ("a&nbsp;b &#0; &#x110000;", "a&nbsp;b &#0; &#x110000;"),
    ("a > b", "a > b"),
]


@pytest.mark.parametrize(("text", "plain"), READ)
def test_people_read_the_text_without_its_tags(text, plain):
    assert read_html(text).plain == plain


REFUSED = [
    ("<b>x", 'Can\'t find end tag corresponding to start tag "b"'),
    ("x</b>", "Unexpected end tag at byte offset 1"),
    ("<b><i>x</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'),
    ("1 <2", "Unclosed start tag at byte offset 2"),
    ("1 < 2", 'Unsupported start tag "" at byte offset 2'),
    ("é<p>x</p>", 'Unsupported start tag "p" at byte offset 2'),
    ("line<br/>line", 'Unsupported start tag "br/" at byte offset 4'),
    ("a <b", "Unclosed start tag at byte offset 2"),
    ("<a href", 'Unclosed start tag "a" at byte offset 0'),
    ('<a href="x>y</a>', 'Unclosed start tag "a" at byte offset 0'),
    ("<a href=x:y>z</a>", "Unexpected end of name token at byte offset 8"),
    ('<a ="x">y</a>', 'Empty attribute name in the tag "a" at byte offset 0'),
    ("<span>x</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
    ("<b>x</b", "Unclosed end tag at byte offset 4"),
]


@pytest.mark.parametrize(("text", "remark"), REFUSED)
def test_what_is_no_html_is_refused_with_its_place(text, remark):
    with pytest.raises(ApiError) as refused:
        read_html(text)

    assert refused.value.status == 400
    assert refused.value.description == f"Bad Request: can't parse entities: {remark}"


def test_the_looks_of_a_text_are_counted_in_utf_16():
    text = read_html("\N{BELL}<b>up <i>5 %</i></b>")

    assert text.entities == (Entity("bold", 2, 6), Entity("italic", 5, 3))


def test_a_link_without_address_is_plain_text():
    assert read_html("<a>x</a>") == Formatted("x")


def test_white_space_around_a_text_goes_and_its_looks_stay_in_place():
    text = trimmed(read_html("  <b> x</b>\n<i> </i>"))

    assert text == Formatted("x", (Entity("bold", 0, 1),))


@pytest.mark.parametrize(("text", "length"), [("", 0), ("abc", 3), ("\N{BELL}", 2)])
def test_a_length_is_counted_in_utf_16(text, length):
    assert units(text) == length
