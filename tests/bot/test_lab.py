import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from adapters.synthetic import BUNDLED
from bot.backtest import FillAt
from bot.trial import Scorecard
from bot.words import Language, Words
from strategies import PROFILES
from tests.bot.scratch import BOOK, Scratch, closes, written

ROOT = Path(__file__).parents[2]
TQQQ = "tqqq_growth_income"
SPAN = ("--first", "2026-05-01", "--last", "2026-09-30")
PROFILE = (TQQQ, "--prices", str(BUNDLED), *SPAN)
OF_BOOK = ("--book", BOOK, "--first", "2026-06-08", "--last", "2026-09-30")
NAMES = ("summary", "trades", "equity", "weights", "turnover")
CHINESE = re.compile("[一-鿿]")
WITHOUT_FEEDS = [name for name, told in PROFILES.items() if not told.strategy().needs.feeds]
COSTS = "slippage = 0.001\ncommission_per_order = 2\n"


@pytest.fixture
def here(tmp_path):
    """A folder without settings: most who try something have none yet."""
    return Scratch(tmp_path)


def tried(here, *arguments):
    told = here.call("backtest", *arguments)
    assert told.exit_code == 0, told.output
    return told.stdout


def card_of(here, *arguments):
    return json.loads(tried(here, *arguments, "--json"))


def test_a_trial_is_told_as_a_sheet(here):
    told = tried(here, *PROFILE).splitlines()

    assert told[0] == (
        f"{TQQQ}: 2026-05-01 to 2026-09-30, 105 sessions, 100,000.00 USD to begin with"
    )
    assert told[1:3] == [
        "decisions are traded at the close they were made for",
        f"prices of {BUNDLED}",
    ]
    assert told[4].split() == [TQQQ, "QQQ", "held"]
    assert told[-1].endswith("No advice.")


@pytest.mark.parametrize("name", WITHOUT_FEEDS)
def test_every_profile_may_be_tried(here, name):
    card = card_of(here, name, "--prices", str(BUNDLED))

    assert (card["profile"], card["benchmark"]) == (name, PROFILES[name].benchmark)
    assert card["performance"]["last"] == "2026-10-15"
    assert card["orders"] > 0


def test_a_card_is_a_value_that_can_be_read_again(here):
    told = tried(here, *PROFILE, "--json")

    card = TypeAdapter(Scorecard).validate_json(told)
    assert (card.profile, card.fill, card.source) == (TQQQ, FillAt.CLOSE, BUNDLED)
    assert TypeAdapter(Scorecard).dump_json(card, indent=2).decode() == told.rstrip("\n")


def test_a_card_and_the_sheet_tell_the_same(here):
    card, sheet = card_of(here, *PROFILE), tried(here, *PROFILE)

    final = Words(Language.EN).written(card["performance"]["final"], "money")
    assert re.search(rf"final equity, USD +{final} ", sheet)
    assert f"{card['orders']} orders" in sheet


def test_a_book_is_tried_as_its_settings_have_it(here):
    here.write()
    text = here.config.read_text("utf-8").replace("cash = 25_000\n", f"cash = 25_000\n{COSTS}")
    here.config.write_text(f"{text}\n[books.{BOOK}.rules]\nreserve = 0.5", "utf-8")

    card = card_of(here, *OF_BOOK)

    assert float(card["performance"]["start"]) <= 25_000
    assert float(card["commission"]) == 2 * card["orders"] > 0
    assert float(card["slippage"]) > 0


def test_options_come_before_the_settings(here):
    here.write()

    card = card_of(here, *OF_BOOK, "--cash", "50_000", "--slippage", "0", "--commission", "1.5")

    assert float(card["performance"]["start"]) > 49_900
    assert float(card["commission"]) == 1.5 * card["orders"] > 0


def test_a_book_without_a_settings_file_says_what_is_missing(here):
    told = here.call("backtest", "--book", BOOK)

    assert told.exit_code == 78
    assert "there is no settings file bot.toml" in told.stderr


def test_a_profile_without_prices_says_how_to_get_some(here):
    told = here.call("backtest", TQQQ)

    assert told.exit_code == 78
    assert "→ Fill it: bellwether data update --from FILE." in told.stderr


def test_prices_of_the_store_are_used_where_no_file_is_named(here):
    here.call("data", "update", "--from", str(BUNDLED))

    card = card_of(here, TQQQ, *SPAN)

    assert card["source"].endswith("prices.parquet")


def young(here):
    table = closes()
    table.loc[table["date"] < "2026-06-01", "BOXX"] = None
    return written(table, here.folder / "young.csv")


def test_a_stand_in_is_told_under_the_table(here):
    told = tried(here, TQQQ, "--prices", str(young(here)), "--splice", "boxx=bil")

    assert f"{TQQQ}: 2025-06-05 to 2026-10-15" in told
    assert "BOXX: before Mon 2026-06-01 returns what BIL did: a stand-in, not its own" in told


def with_openings(here):
    table = closes().melt("date", var_name="symbol", value_name="close")
    return written(table.assign(open=table["close"]), here.folder / "openings.csv")


FILLS = {
    FillAt.CLOSE: "decisions are traded at the close they were made for",
    FillAt.NEXT_OPEN: "decisions are traded at the next opening",
    FillAt.NEXT_CLOSE: "decisions are traded at the next close",
}


@pytest.mark.parametrize(("fill", "words"), FILLS.items())
def test_a_decision_is_traded_when_somebody_says(here, fill, words):
    told = tried(here, TQQQ, "--prices", str(with_openings(here)), *SPAN, "--fill", fill.value)

    assert words in told
    waits = "the decision of Wed 2026-09-30 was not traded: the prices end" in told
    assert waits is (fill is not FillAt.CLOSE)


def test_files_are_written_where_somebody_says_and_it_is_told(here):
    told = tried(here, *PROFILE, "--out", "out/deep")

    files = [here.folder / "out/deep" / f"{name}.csv" for name in NAMES]
    assert all(file.stat().st_size for file in files)
    assert f"written to out/deep: {', '.join(file.name for file in files)}" in told


def test_without_a_folder_nothing_is_written(here):
    tried(here, *PROFILE)

    assert list(here.folder.iterdir()) == []


def test_a_value_for_programs_writes_its_files_too(here):
    card_of(here, *PROFILE, "--out", "out")

    assert len(list((here.folder / "out").iterdir())) == len(NAMES)


def in_the_way(here):
    (here.folder / "out").write_text("")
    return "out"


def below_a_file(here):
    (here.folder / "out").write_text("")
    return "out/deeper"


def a_folder_of_that_name(here):
    (here.folder / "out/summary.csv").mkdir(parents=True)
    return "out"


@pytest.mark.parametrize("hinder", [in_the_way, below_a_file, a_folder_of_that_name])
def test_a_folder_that_can_not_be_written_is_named(here, hinder):
    told = here.call("backtest", *PROFILE, "--out", hinder(here))

    assert told.exit_code == 1
    assert re.match(r"bellwether: out\S* can not be used: ", told.stderr)
    assert "→ Check the path and the disk, then try again." in told.stderr


USAGE = [
    ((), "name a profile, or a book"),
    ((TQQQ, "--book", BOOK), "name a profile, or a book"),
    ((TQQQ, "--splice", "BOXX"), "BOXX is not SYMBOL=STAND-IN"),
    ((TQQQ, "--splice", "=BIL"), "=BIL is not SYMBOL=STAND-IN"),
    ((TQQQ, "--splice", "BOXX="), "BOXX= is not SYMBOL=STAND-IN"),
    ((TQQQ, "--fill", "tomorrow"), "is not one of"),
    ((TQQQ, "--first", "1 May 2026"), "does not match the format"),
]


@pytest.mark.parametrize(("arguments", "words"), USAGE)
def test_what_can_not_be_meant_is_a_matter_of_usage(here, arguments, words):
    told = here.call("backtest", *arguments)

    assert told.exit_code == 2
    plain = " ".join(re.sub("[│╭╮╰╯─]", " ", told.stderr).split())
    assert words in plain


PRICED = (TQQQ, "--prices", str(BUNDLED))

MISTAKES = {
    "an unknown profile": (
        ("momentum", "--prices", str(BUNDLED)),
        78,
        "there is no profile called momentum",
        "Take a name from bellwether profiles.",
    ),
    "a profile in capitals": (
        ("Momentum", "--prices", str(BUNDLED)),
        78,
        "there is no profile called Momentum",
        "Take a name",
    ),
    "no file": (
        (TQQQ, "--prices", "absent.csv"),
        1,
        "absent.csv can not be read",
        "Give a CSV or Parquet file",
    ),
    "cash that is none": (
        (*PRICED, "--cash", "lots"),
        78,
        "cash = 'lots' is not allowed",
        "Correct it",
    ),
    "no cash": ((*PRICED, "--cash", "0"), 1, "no positive number", "value for every session"),
    "steep slippage": (
        (*PRICED, "--slippage", "0.5"),
        78,
        "slippage = '0.5' is not allowed",
        "Correct it",
    ),
    "a commission that is none": (
        (*PRICED, "--commission", "nan"),
        78,
        "commission_per_order = 'nan' is not allowed",
        "Correct it",
    ),
    "a stand-in that is no symbol": (
        (*PRICED, "--splice", "BOXX=BIL=SHV"),
        78,
        "splice.BOXX = 'BIL=SHV' is not allowed",
        "Correct it",
    ),
    "an unknown stand-in": (
        (*PRICED, "--splice", "BOXX=ZZZ"),
        1,
        "there are no prices of ZZZ, which `splice` names",
        "take the pair out of `splice`",
    ),
    "its own stand-in": (
        (*PRICED, "--splice", "BOXX=BOXX"),
        1,
        "names BOXX as its own stand-in",
        "Name another symbol",
    ),
    "no openings": (
        (*PRICED, "--fill", "next-open"),
        1,
        "the prices have no opens of",
        "--fill close or --fill next-close",
    ),
    "too early": (
        (*PRICED, "--first", "2020-01-02"),
        1,
        "252 sessions of history lie before Thu 2025-06-05",
        "Name --first on that day or later",
    ),
    "too late": (
        (*PRICED, "--last", "2030-01-02"),
        1,
        "end on Thu 2026-10-15",
        "Name --last on that day or earlier",
    ),
    "before all prices": (
        (*PRICED, "--last", "2020-01-02"),
        1,
        f"{BUNDLED}: 0 sessions of history, the profile needs 252",
        "--first and --last",
    ),
    "nothing between": (
        (*PRICED, "--first", "2026-05-02", "--last", "2026-05-03"),
        1,
        "there is no session between Sat 2026-05-02 and Sun 2026-05-03",
        "Name --first and --last inside",
    ),
    "too short to say anything": (
        (*PRICED, "--first", "2026-10-15"),
        1,
        "equity has 2 sessions",
        "Take a longer span",
    ),
    "beyond the calendar": (
        (*PRICED, "--last", "2130-01-02"),
        75,
        "the exchange calendar does not know Mon 2130-01-02",
        "Update bellwether",
    ),
}


@pytest.mark.parametrize(("arguments", "code", "words", "remedy"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_with_its_remedy(here, arguments, code, words, remedy):
    told = here.call("backtest", *arguments)

    said, advice = told.stderr.split("→")
    assert told.exit_code == code
    assert words in said
    assert remedy in advice
    assert told.stdout == ""


def test_an_unknown_book_is_named_beside_those_there_are(here):
    told = here.write().call("backtest", "--book", "other")

    assert told.exit_code == 78
    assert "other" in told.stderr
    assert BOOK in told.stderr


def test_a_parameter_nobody_knows_is_refused(here):
    here.write(more=f"[books.{BOOK}.params]\nleverage = 3")

    told = here.call("backtest", "--book", BOOK)

    assert told.exit_code == 78
    assert "leverage" in told.stderr


def test_everything_is_said_in_chinese_where_the_settings_say_so(here):
    here.write(language=Language.ZH)
    prices = str(young(here))

    sheets = [
        tried(
            here, TQQQ, "--prices", prices, "--splice", "BOXX=BIL", "--cash", "300", "--out", "o"
        ),
        tried(here, TQQQ, "--prices", prices, "--first", "2026-05-01", "--fill", "next-close"),
    ]
    refused = [here.call("backtest", *arguments).stderr for arguments, *_ in MISTAKES.values()]

    for told in (*sheets, *refused):
        assert CHINESE.search(told)
        assert not re.search(r"\b(the|is|not|held|sessions?|before|price)\b", told), told


def test_what_is_no_terminal_gets_no_bar(here):
    told = here.call("backtest", *PROFILE)

    assert told.stderr == ""
    assert "\x1b" not in told.stdout


def on_a_terminal(folder: Path) -> tuple[str, str]:
    """What the command prints, and what a terminal behind its error stream gets to see."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "bot", "backtest", *PROFILE],
        stdout=subprocess.PIPE,
        stderr=theirs,
        cwd=folder,
        env={"TERM": "xterm", "COLUMNS": "100", "PYTHONPATH": str(ROOT)},
        text=True,
    )
    os.close(theirs)
    seen = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    printed, _ = process.communicate()
    assert process.returncode == 0
    return printed, seen.decode()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that nobody has the other end any more
        return b""


def test_a_terminal_sees_how_far_it_came_and_the_output_stays_clean(here):
    printed, seen = on_a_terminal(here.folder)

    assert "sessions" in seen
    assert "105/105" in seen
    assert printed.startswith(f"{TQQQ}: 2026-05-01 to 2026-09-30, 105 sessions")
    assert "\x1b" not in printed
