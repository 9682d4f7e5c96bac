import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep

import pytest

from adapters.synthetic import BUNDLED
from bot.words import Language
from tests.bot.scratch import BOOK, Scratch
from tests.bot.test_lab import CHINESE
from tests.bot.trials import ROTATION, TQQQ

ROOT = Path(__file__).parents[2]
PRICED = ("--prices", str(BUNDLED))
SPAN = ("--first", "2026-07-01", "--last", "2026-08-31")
WEIGHT = "dual_drive_qqq_weight"
GRID = ("--grid", f"{WEIGHT}=0.2,0.4")


@pytest.fixture
def here(tmp_path):
    return Scratch(tmp_path)


def told(here, *arguments):
    answer = here.call(*arguments)
    assert answer.exit_code == 0, answer.output
    return answer.stdout


def test_whole_shares_are_told_of_a_profile_without_any_account(here):
    said = told(here, "plan", ROTATION, "--equity", "3000", *PRICED).splitlines()

    assert said[0].startswith(f"{ROTATION} with 3,000.00 USD in cash, its targets of")
    assert said[2].split() == ["symbol", "shares", "price", "wanted", "possible", "off"]
    assert any(line.startswith("weight error: ") for line in said)
    assert said[-1] == "A computed signal, not advice."
    assert [*here.folder.iterdir()] == []


def test_whole_shares_of_an_earlier_session_are_told_as_of_it(here):
    value = json.loads(
        told(here, "plan", TQQQ, "--equity", "3000", "--as-of", "2026-06-01", *PRICED, "--json")
    )

    assert (value["profile"], value["priced"], value["equity"]) == (TQQQ, "2026-06-01", "3000")


def test_without_equity_a_profile_is_planned_with_what_a_paper_account_has(here):
    assert "100,000.00 USD" in told(here, "plan", TQQQ, *PRICED)


def test_a_plan_of_a_book_is_what_it_was(here):
    here.write()

    assert BOOK in told(here, "plan", "--as-of", "2026-09-30")


def test_profiles_are_told_side_by_side(here):
    said = told(here, "compare", TQQQ, "soxl_soxx_trend_income", *PRICED, *SPAN)

    names = [line.split()[0] for line in said.splitlines() if " % " in line]
    assert names == [TQQQ, "soxl_soxx_trend_income", "QQQ", "SOXX"]
    assert "2026-07-01 to 2026-08-31, 43 sessions" in said


def test_profiles_side_by_side_are_a_value_too(here):
    value = json.loads(told(here, "compare", TQQQ, ROTATION, *PRICED, "--json"))

    assert value["decider"] == ROTATION
    assert [card["profile"] for card in value["scorecards"]] == [TQQQ, ROTATION]


def test_profiles_side_by_side_are_a_page_where_somebody_says(here):
    said = told(here, "compare", TQQQ, ROTATION, *PRICED, "--html", "both.html")

    assert "written to both.html" in said
    assert (here.folder / "both.html").read_text("utf-8").startswith("<!doctype html>")


def test_a_trial_is_a_page_and_a_picture_where_somebody_says(here):
    files = ("--html", "a/page.html", "--png", "a/picture.png")

    said = told(here, "backtest", TQQQ, *PRICED, *SPAN, *files)

    assert [line for line in said.splitlines() if "written" in line] == [
        "written to a/page.html",
        "written to a/picture.png",
    ]
    assert {path.name for path in (here.folder / "a").iterdir()} == {"page.html", "picture.png"}


@pytest.mark.slow
def test_a_sweep_tells_every_point_the_best_and_what_that_is_worth(here):
    said = told(here, "sweep", TQQQ, *GRID, *PRICED, *SPAN, "--workers", "1", "--out", "s.csv")

    rows = (here.folder / "s.csv").read_text("utf-8").splitlines()
    assert f"{TQQQ}: 2 combinations, all from 2026-07-01 on" in said
    assert f"→ {WEIGHT}=" in said
    assert "Deflated Sharpe ratio" in said
    assert "The best of many is chosen by its luck, too" in said
    assert [row.partition(",")[0] for row in rows] == [WEIGHT, "0.2", "0.4"]


@pytest.mark.slow
def test_a_sweep_is_a_value_too(here):
    value = json.loads(told(here, "sweep", TQQQ, *GRID, *PRICED, *SPAN, "--json"))

    assert [row["params"] for row in value["rows"]] == [{WEIGHT: 0.2}, {WEIGHT: 0.4}]
    assert value["deflated"]["trials"] == 2
    assert value["missing"] == 0


USAGE = [
    (("plan", "--equity", "3000"), "for a profile: name one"),
    (("plan", *PRICED), "for a profile: name one"),
    (("plan", TQQQ, "--book", BOOK), "name a profile, or a book"),
    (("sweep", TQQQ, *PRICED), "Missing option '--grid'"),
    (("sweep", TQQQ, *GRID, *PRICED, "--workers", "0"), "greater than or equal to 1"),
    (("compare", *PRICED), "Missing argument"),
]


@pytest.mark.parametrize(("arguments", "words"), USAGE)
def test_what_can_not_be_meant_is_a_matter_of_usage(here, arguments, words):
    answer = here.call(*arguments)

    assert answer.exit_code == 2
    assert words in " ".join(answer.stderr.replace("│", " ").split())


MISTAKES = [
    (("sweep", TQQQ, "--grid", f"{WEIGHT}=7", *PRICED), 78, f"{WEIGHT}", "0 to 1"),
    (("sweep", TQQQ, "--grid", "leverage=2", *PRICED), 78, "leverage", "parameter"),
    (("sweep", TQQQ, "--grid", WEIGHT, *PRICED), 78, "names no values", "--grid NAME=VALUE"),
    (("sweep", TQQQ, *GRID, *GRID, *PRICED), 78, "twice", "once"),
    (("sweep", TQQQ, *GRID, "--prices", "absent.csv"), 1, "absent.csv", "CSV or Parquet"),
    (("sweep", TQQQ, *GRID, *PRICED, "--cash", "lots"), 78, "cash = 'lots'", "Correct it"),
    (("compare", TQQQ, *PRICED), 78, "no comparison", "two or more"),
    (("compare", TQQQ, "momentum", *PRICED), 78, "momentum", "bellwether profiles"),
    (("plan", "momentum", *PRICED), 78, "momentum", "bellwether profiles"),
    (("plan", TQQQ, "--equity", "0", *PRICED), 75, "equity", "→"),
    (("plan", TQQQ, "--equity", "-3", *PRICED), 78, "cash = '-3'", "Correct it"),
]


@pytest.mark.parametrize(("arguments", "code", "words", "remedy"), MISTAKES)
def test_a_mistake_is_named_with_its_remedy_before_anything_is_played(
    here, arguments, code, words, remedy
):
    answer = here.call(*arguments)

    assert (answer.exit_code, answer.stdout) == (code, "")
    assert words in answer.stderr
    assert remedy in answer.stderr


@pytest.mark.slow
def test_everything_is_said_in_chinese_where_the_settings_say_so(here):
    here.write(language=Language.ZH)

    said = [
        told(here, "plan", TQQQ, "--equity", "500", *PRICED),
        told(here, "compare", TQQQ, ROTATION, *PRICED),
        told(here, "sweep", TQQQ, *GRID, *PRICED, *SPAN, "--workers", "1"),
    ]

    assert all(CHINESE.search(each) for each in said)


@pytest.fixture
def keyboard():
    """SIGINT as a terminal gives it: what a shell runs in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.slow
@pytest.mark.usefixtures("keyboard")
def test_whoever_stops_a_sweep_keeps_what_is_done(here):
    # So many that they are not all played before a host under load has looked at the file.
    windows = ",".join(str(window) for window in range(20, 220))
    weights = ",".join(f"0.{weight:02}" for weight in range(10, 20))
    window = "dual_drive_pullback_rebound_window"
    grid = ("--grid", f"{window}={windows}", "--grid", f"{WEIGHT}={weights}", "--workers", "1")
    file = here.folder / "s.csv"
    sweep = subprocess.Popen(
        [sys.executable, "-m", "bot", "sweep", TQQQ, *grid, *PRICED, *SPAN, "--out", "s.csv"],
        cwd=here.folder,
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    while sweep.poll() is None and (not file.exists() or file.read_text().count("\n") < 3):
        sleep(0.05)

    os.killpg(sweep.pid, signal.SIGINT)
    said, complained = sweep.communicate()

    done = len(file.read_text("utf-8").splitlines()) - 1
    assert sweep.returncode == 130
    assert 2 <= done < 2000
    assert f"{done} combinations" in said
    assert f"stopped: {2000 - done} combinations were not played" in said
    assert "Traceback" not in complained
