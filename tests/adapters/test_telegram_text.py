import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sims.telegram_html import read_html, trimmed, units
from adapters.telegram_text import LIMIT, pages, split

BELL = "\N{BELL}"  # two units in UTF-16
TEXTS = st.text(alphabet=st.sampled_from(["a", "<", "&", '"', "\n", " ", BELL]), max_size=300)


def shown(html: str) -> str:
    return trimmed(read_html(html)).plain


def test_a_short_text_is_one_page_with_a_bold_first_line():
    (page,) = pages("[PAPER] main\nbought <3> & done")

    assert page.html() == "<b>[PAPER] main</b>\nbought &lt;3&gt; &amp; done"
    assert page.plain() == "[PAPER] main\nbought <3> & done"


def test_a_mark_stands_before_everything():
    (page,) = pages("title\nrest")

    assert page.html("<again>") == "&lt;again&gt; <b>title</b>\nrest"
    assert page.plain("…") == "… title\nrest"


def test_a_text_without_words_has_no_page():
    assert pages(" \n\n ") == ()


@pytest.mark.parametrize("text", ["x" * LIMIT, BELL * (LIMIT // 2), "<" * LIMIT])
def test_a_text_of_just_the_limit_is_one_page(text):
    (page,) = pages(text)

    assert page.plain() == text
    assert len(pages(f"{text}x")) == 2


def test_a_long_text_is_numbered_and_cut_at_line_ends():
    lines = [f"line {n:04}" for n in range(1500)]

    parts = [page.plain() for page in pages("\n".join(lines))]

    assert [part.split(" ", 1)[0] for part in parts] == ["(1/4)", "(2/4)", "(3/4)", "(4/4)"]
    assert "\n".join(part.split(" ", 1)[1] for part in parts) == "\n".join(lines)


def test_only_the_first_page_has_a_bold_line():
    first, *others = pages("line\n" * 2000)

    assert first.html().startswith("(1/3) <b>line</b>\n")
    assert not [page for page in others if "<b>" in page.html()]


def test_a_page_is_as_long_as_telegram_allows_with_the_mark():
    mark = f"again {BELL}"

    sizes = [units(page.plain(mark)) for page in pages(BELL * 9000, mark)]

    assert len(sizes) == 5
    assert all(LIMIT - 10 <= size <= LIMIT for size in sizes[:-1])


def test_a_text_has_the_same_pages_whoever_reads_it_first():
    text = "x" * (LIMIT - 1)

    assert len(pages(text, "again")) == 2
    assert len(pages(text)) == 1


@given(TEXTS, st.integers(2, 40))
def test_cut_parts_fit_and_lose_nothing(text, most):
    parts = split(text, most)

    assert all(units(part) <= most for part in parts)
    assert "".join(parts).replace("\n", "") == text.replace("\n", "")


@given(TEXTS)
def test_people_read_what_was_written(text):
    assert [shown(page.html()) for page in pages(text)] == ([text.strip()] if text.strip() else [])


def test_lines_stay_together_where_they_fit():
    assert split("aa\nbb\ncc", 5) == ("aa\nbb", "cc")
    assert split("aaaa\n\nb", 4) == ("aaaa", "\nb")


def test_a_longer_line_is_cut_between_characters():
    assert split(f"a{BELL}{BELL}b", 4) == (f"a{BELL}", f"{BELL}b")


def test_half_a_surrogate_pair_is_replaced():
    (page,) = pages("bad \ud83d half, \ud83d\udd14 whole")

    assert page.plain() == f"bad \N{REPLACEMENT CHARACTER} half, {BELL} whole"
