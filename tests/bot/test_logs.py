import json
import logging
import os
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from bot.logs import CHATTY, HIDDEN, ConsoleLines, JsonLines, Redaction, about, begin

AT = datetime(2026, 9, 30, 19, 45, 1, 250_000, tzinfo=UTC)
ACCOUNT = "U1234567"
DAY = date(2026, 9, 30)
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2lnbmF0dXJlLW9mLWl0"


def a_record(message: str, *values: object, error: BaseException | None = None):
    trace = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord("bot.run", logging.WARNING, "run.py", 1, message, values, trace)
    record.created = AT.timestamp()
    return record


def test_a_line_says_when_here_and_there_how_bad_whose_and_what():
    with about("rotation", ACCOUNT, DAY):
        line = ConsoleLines(Redaction()).format(a_record("no quote of %s", "VOO"))

    assert line == (
        "2026-09-30 19:45:01Z (15:45 New York) WARNING rotation/2026-09-30 …4567"
        " bot.run: no quote of VOO"
    )


def test_a_line_outside_of_a_run_is_about_nobody():
    line = ConsoleLines(Redaction()).format(a_record("started"))

    assert line == "2026-09-30 19:45:01Z (15:45 New York) WARNING bot.run: started"


def test_a_line_for_programs_is_one_object():
    with about("rotation", ACCOUNT, DAY):
        line = JsonLines(Redaction()).format(a_record("two\nlines"))

    assert json.loads(line) == {
        "at": "2026-09-30T19:45:01.250+00:00",
        "exchange_at": "2026-09-30T15:45:01.250-04:00",
        "level": "warning",
        "logger": "bot.run",
        "run": "rotation/2026-09-30",
        "book": "rotation",
        "session": "2026-09-30",
        "account": "…4567",
        "message": "two\nlines",
        "trace": None,
    }
    assert "\n" not in line


def test_the_subject_ends_with_what_it_is_about():
    with about("outer", ACCOUNT):
        with about("inner", ACCOUNT, DAY):
            pass
        line = json.loads(JsonLines(Redaction()).format(a_record("after")))

    assert (line["run"], line["session"]) == ("outer", None)


@pytest.mark.parametrize("kind", [ConsoleLines, JsonLines])
def test_no_secret_passes_in_a_message_its_values_or_a_trace(kind):
    error = ValueError("asked with hush-hush-1")
    record = a_record("told %s of hush-hush-1", "hush-hush-1", error=error)

    line = kind(Redaction(["hush-hush-1"])).format(record)

    assert "hush" not in line
    assert line.count(HIDDEN) == 3


def test_an_account_number_is_cut_wherever_it_stands():
    redact = Redaction(accounts=[ACCOUNT, "practice"])

    assert redact(f"{ACCOUNT} and practice") == "…4567 and practice"


@pytest.mark.parametrize(
    "text",
    [
        "POST https://api.telegram.org/bot123456:AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc/getMe",
        "Authorization: Bearer I0.b2F1dGgy.x_y-z@",
        f"sealed {JWT} so",
        """{'refresh_token': 'abc-def', "access_token": "ghi"}""",
    ],
)
def test_what_looks_like_a_secret_is_hidden_though_nobody_knows_it(text):
    told = Redaction()(text)

    assert HIDDEN in told
    for part in ("AAEhBO", "b2F1", "eyJ", "abc-def", "ghi"):
        assert part not in told


def test_an_ordinary_text_is_left_alone():
    text = "order SCQ7K5VY2N3WJH6TAEXB4MDRZP of 12 VOO at 100.25: 12:30 token_file missing"

    assert Redaction(["hush-hush"], [Path("nowhere")], ["DU99"])(text) == text


def test_tokens_in_files_are_hidden_the_new_ones_and_the_old_ones(tmp_path):
    file = tmp_path / "token.json"
    redact = Redaction(files=[file, tmp_path / "missing"])
    told = []
    for number, token in enumerate(("first-token", "second-token")):
        file.write_text(json.dumps({"token": {"parts": [token], "ends": 7}}))
        os.utime(file, ns=(number + 1, number + 1))
        told.append(redact("first-token second-token"))

    assert told == [f"{HIDDEN} second-token", f"{HIDDEN} {HIDDEN}"]


def test_a_token_that_is_a_files_whole_content_is_hidden(tmp_path):
    file = tmp_path / "token"
    file.write_text("plain-as-it-is\n")

    assert Redaction(files=[file])("with plain-as-it-is") == f"with {HIDDEN}"


def test_the_longer_of_two_secrets_is_hidden_whole():
    redact = Redaction(["abcdefgh", "abcdefghijkl"])

    assert redact("abcdefghijkl") == HIDDEN


def test_libraries_are_quiet_and_stay_as_quiet_as_they_were_told():
    loudest = logging.getLogger("telegram")
    before = loudest.level
    loudest.setLevel(logging.CRITICAL)

    begin("debug", "json", Redaction())

    levels = {name: logging.getLogger(name).level for name in CHATTY}
    loudest.setLevel(before)
    assert min(levels.values()) == logging.WARNING
    assert levels["telegram"] == logging.CRITICAL
