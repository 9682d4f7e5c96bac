import re
from contextlib import chdir
from datetime import date
from decimal import Decimal

import pytest
from typer.testing import CliRunner

from bot.__main__ import cli
from bot.words import Language
from tests.bot.scratch import QUARTER_END, closes, written

BUBBLE = re.compile(r"┌─ (.+)\n((?:│ .*\n)+)└─\n")
TOO_WIDE = 80
ENDS = {
    Language.EN: ("What its owner asks", "/positions", "Why it traded", "Where to go next"),
    Language.ZH: ("主人在聊天中的提问", "/positions", "为何交易", "接下来"),
}
SAID = {
    Language.EN: ("decision: rebalance", "sells", "buys", "wanted and held", "next: "),
    Language.ZH: ("决定：调仓", "卖出", "买入", "目标与持有", "下次："),
}


def played(*arguments, folder=None):
    with chdir(folder or "."):
        return CliRunner().invoke(cli, ["demo", *arguments], env={"BELLWETHER_CONFIG": ""})


@pytest.fixture(scope="module")
def shows():
    return {language: played("--language", language.value) for language in Language}


def bubbles(result):
    """What was told of the sessions, each with its time."""
    told, _, _ = result.stdout.partition(ENDS[Language.EN][0])
    return BUBBLE.findall(told.partition(ENDS[Language.ZH][0])[0])


def long_form():
    return closes().melt(id_vars="date", var_name="symbol", value_name="close")


@pytest.mark.parametrize("language", Language)
def test_ten_sessions_are_ten_messages(shows, language):
    told = bubbles(shows[language])

    assert shows[language].exit_code == 0
    assert len(told) == 10
    assert all("[PAPER] demo" in text.splitlines()[0] for _, text in told)


@pytest.mark.parametrize("language", Language)
def test_one_of_them_sells_and_buys(shows, language):
    traded = [text for _, text in bubbles(shows[language]) if SAID[language][1] in text]

    assert len(traded) == 1
    assert all(words in traded[0] for words in SAID[language])
    assert traded[0].count("@") >= 3


@pytest.mark.parametrize("language", Language)
def test_it_ends_with_a_conversation_reasons_and_where_to_go_next(shows, language):
    after = shows[language].stdout

    places = [after.rindex(words) for words in ENDS[language]]
    assert places == sorted(places)
    assert "bellwether serve" in after
    assert "README.md" in after


@pytest.mark.parametrize("language", Language)
def test_a_bubble_is_narrow_enough_for_a_phone(shows, language):
    lines = [line for _, text in bubbles(shows[language]) for line in text.splitlines()]

    assert max(map(len, lines)) <= TOO_WIDE


def test_a_message_carries_its_time_in_new_york(shows):
    times = [at for at, _ in bubbles(shows[Language.EN])]

    assert "Wed 2026-09-30, 16:05 New York" in times
    assert times.count("Thu 2026-10-01, 15:45 New York") == 1


def test_the_chinese_one_is_chinese_throughout(shows):
    assert not re.search(r"(?<!/)\b(Mon|the|shares|cash|next)\b", shows[Language.ZH].stdout)


def test_both_languages_tell_of_the_same_trades(shows):
    fills = {language: re.findall(r"@ ([\d.,]+)", shows[language].stdout) for language in Language}

    assert fills[Language.EN] == fills[Language.ZH] != []


def test_the_money_adds_up(shows):
    told = shows[Language.EN].stdout
    begun = re.search(r"begins with ([\d.,]+) in cash and XLF (\d+), SMH (\d+)", told)
    signs = {"sell": 1, "buy": -1}
    (traded,) = [text for _, text in bubbles(shows[Language.EN]) if "│ sells" in text]
    fills = re.findall(r"(sell|buy) .*filled ([\d,]+) of .* @ ([\d.,]+)", traded)

    moved = sum(signs[a] * Decimal(n.replace(",", "")) * Decimal(p) for a, n, p in fills)

    left = re.search(r"cash ([\d.,]+) of equity", traded)
    assert begun
    assert left
    assert Decimal(begun[1]) + moved == Decimal(left[1])


def test_synthetic_prices_are_called_synthetic(shows):
    assert "These prices are synthetic" in shows[Language.EN].stdout


def test_a_file_of_ones_own_is_played_and_named(tmp_path):
    mine = written(long_form(), tmp_path / "mine.csv")

    told = played("--prices", str(mine))

    assert told.exit_code == 0
    assert f"Prices of {mine}" in told.stdout
    assert "synthetic" not in told.stdout
    assert len(bubbles(told)) == 10


def test_the_sessions_can_be_chosen(tmp_path):
    one = played("--first", str(QUARTER_END), "--last", str(QUARTER_END), folder=tmp_path)
    ten = played("--last", "2026-10-15")

    assert len(bubbles(one)) == 1
    assert len(bubbles(ten)) == 10
    assert "Thu 2026-10-15, 15:45 New York" in ten.stdout
    assert list(tmp_path.iterdir()) == []


REFUSED = [
    (["--first", "2026-10-03", "--last", "2026-10-04"], 1, "no session between Sat 2026-10-03"),
    (["--first", "2025-01-02"], 1, "147 sessions of history, the profile needs 504"),
    (["--first", "2030-01-02"], 1, "no session between Wed 2030-01-02"),
    (["--prices", "absent.csv"], 1, "absent.csv can not be read: No such file"),
]


@pytest.mark.parametrize(("arguments", "code", "words"), REFUSED)
def test_what_can_not_be_played_is_refused_with_a_reason(tmp_path, arguments, code, words):
    told = played(*arguments, folder=tmp_path)

    assert (told.exit_code, told.stdout) == (code, "")
    assert words in told.stderr
    assert "→ " in told.stderr


FILES = [
    (lambda table: table.head(0), 1, "mine.csv holds no prices"),
    (lambda table: table.tail(200), 1, "mine.csv: 183 sessions of history"),
    (lambda table: table.head(40), 1, "the profile needs 504"),
    (lambda table: table.drop(columns=["SPY", "AGG"]), 78, "prices of AGG, SPY are missing"),
    (lambda table: table.assign(SPY=-1.0), 1, "SPY Mon 2024-06-03 has a price that is none"),
]


@pytest.mark.parametrize(("changed", "code", "words"), FILES)
def test_a_file_that_is_too_short_or_wrong_is_refused_by_name(tmp_path, changed, code, words):
    mine = written(changed(closes()), tmp_path / "mine.csv")

    told = played("--prices", str(mine))

    assert (told.exit_code, told.stdout) == (code, "")
    assert words in told.stderr


def test_without_enough_history_for_a_quarter_before_the_account_begins_in_cash():
    told = played("--first", "2026-06-30", "--last", "2026-06-30")

    assert "begins with 25,000.00 in cash.\n" in told.stdout
    assert date(2026, 6, 30).isoformat() in told.stdout


@pytest.mark.parametrize(
    ("language", "paused", "active"),
    [
        (Language.EN, "switch: PAUSED, nothing trades", "switch: active"),
        (Language.ZH, "开关：已暂停", "开关：正常"),
    ],
)
def test_a_change_is_asked_back_about_and_confirmed(shows, language, paused, active):
    _, _, talk = shows[language].stdout.partition(ENDS[language][0])

    questions = re.findall(r"│ \[ (.+) \]  \[ (.+) \]", talk)
    assert len(questions) == 2
    assert talk.count(f"[ {questions[0][0]} ]") == 4  # shown and pressed, twice
    assert 0 < talk.index(paused) < talk.rindex(active)
