from datetime import date

import pytest

from bot.commands import Coming, Look, Orders, PlanNow, RunNow, Runs, Turn, Why
from bot.domain.errors import BellwetherError
from bot.domain.memory import Switch
from bot.spoken import WORDS, LogIn, command_name, help_text, read
from bot.words import Language, Words

EN = Words(Language.EN)
ONE, TWO = ("main",), ("main", "Income")

READ = [
    ("/status", ONE, Look()),
    ("/positions", ONE, Look(do="positions")),
    ("/plan", ONE, PlanNow()),
    ("/run", ONE, RunNow()),
    ("/login", ONE, LogIn()),
    ("/login income", TWO, LogIn("Income")),
    ("/why", ONE, Why()),
    ("/why brk.b", ONE, Why(symbol="BRK.B")),
    ("/why main", ONE, Why(symbol="MAIN")),
    ("/next", ONE, Coming()),
    ("/next 250", ONE, Coming(count=250)),
    ("/runs 3", ONE, Runs(count=3)),
    ("/orders", ONE, Orders()),
    ("/orders 2026-09-30", ONE, Orders(day=date(2026, 9, 30))),
    ("/pause", ONE, Turn(Switch.PAUSED)),
    ("/pause until Monday", ONE, Turn(Switch.PAUSED, reason="until Monday")),
    ("/pause EXITS", ONE, Turn(Switch.EXITS_ONLY)),
    ("/pause exits too hot", ONE, Turn(Switch.EXITS_ONLY, reason="too hot")),
    ("/pause no exits", ONE, Turn(Switch.PAUSED, reason="no exits")),
    ("/halt main door", ONE, Turn(Switch.HALTED, reason="main door")),
    ("/resume", ONE, Turn(Switch.ACTIVE)),
    ("/status main", TWO, Look("main")),
    ("/status INCOME", TWO, Look("Income")),
    ("/why income voo", TWO, Why("Income", "VOO")),
    ("/why voo", TWO, Why(symbol="VOO")),
    ("/halt main fire", TWO, Turn(Switch.HALTED, "main", "fire")),
    ("/halt fire", TWO, Turn(Switch.HALTED, reason="fire")),
    ("/pause income exits", TWO, Turn(Switch.EXITS_ONLY, "Income")),
    ("/help", ONE, None),
    ("/sell VOO", ONE, None),
    ("status", ONE, None),
    ("", ONE, None),
]


@pytest.mark.parametrize(("said", "books", "command"), READ)
def test_what_is_typed_is_read_as_the_command_it_means(said, books, command):
    assert read(said.split(), books, EN) == command


def test_a_book_is_named_as_it_is_written_before_it_is_named_in_any_case():
    assert read(["/status", "MAIN"], ("main", "MAIN"), EN) == Look("MAIN")
    assert read(["/status", "Main"], ("main", "MAIN"), EN) == Look("main")


@pytest.mark.parametrize(
    ("said", "name"),
    [("/Status@a_bot now", "status"), ("/", ""), ("status", ""), ("", ""), ("//x", "/x")],
)
def test_a_command_is_named_by_the_first_word(said, name):
    assert command_name(said.split()) == name


def test_what_means_nothing_is_quoted_and_cut():
    with pytest.raises(BellwetherError) as refused:
        read(["/runs", "x" * 500], TWO, EN)

    assert refused.value.code == "unclear_words"
    assert refused.value.values == {
        "said": "x" * 40,
        "command": "runs",
        "usage": "/runs [main|Income] [N]",
    }


def test_help_names_the_books_where_there_are_several():
    assert "Books:" not in help_text(ONE, EN)
    assert "Books: main, Income." in help_text(TWO, EN)


def test_every_word_has_its_line_in_the_help():
    told = help_text(ONE, EN).splitlines()

    assert sum(line.startswith("/") for line in told) == len(WORDS)
