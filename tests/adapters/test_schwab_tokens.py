"""The file of a login: whole, private, and never an older login in a newer one's place."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from adapters.schwab_tokens import LASTS, Login, TokenFile, appointment, standing, whole
from bot.domain.errors import BrokerUnavailable
from tests.builders import NOW

TOKEN = {"access_token": "a", "refresh_token": "r", "expires_at": 5}
HOUR = timedelta(hours=1)


@pytest.fixture
def file(tmp_path):
    return TokenFile(tmp_path / "token.json")


def a_login(begun=NOW, access="a"):
    return Login(begun, TOKEN | {"access_token": access})


def test_a_login_is_read_as_it_was_written(file):
    file.write(a_login())

    assert TokenFile(file.path).read() == a_login()


def test_it_has_the_form_the_library_writes(file):
    file.write(a_login())

    kept = json.loads(file.path.read_text())
    assert kept == {"creation_timestamp": int(NOW.timestamp()), "token": TOKEN}


def test_only_its_owner_may_read_it_and_nothing_lies_beside(file):
    file.write(a_login())
    file.write(a_login(access="b"))

    assert {p.stat().st_mode & 0o777 for p in file.path.parent.iterdir()} == {0o600}
    assert sorted(p.name for p in file.path.parent.iterdir()) == ["token.json", "token.json.lock"]


def test_a_write_that_breaks_off_leaves_the_old_login(file, tmp_path):
    file.write(a_login())
    (tmp_path / "token.json.new").mkdir()

    with pytest.raises(OSError, match=r"token\.json\.new"):
        file.write(a_login(access="b"))

    assert TokenFile(file.path).read() == a_login()


NO_TOKENS = [
    {"fault": {"faultstring": "too many"}},
    {"access_token": "", "refresh_token": "r"},
    {"access_token": "a"},
    {"refresh_token": "r"},
    {"access_token": None, "refresh_token": "r"},
    {"access_token": "a", "refresh_token": "r", "expires_in": []},
    {"access_token": "a", "refresh_token": "r", "expires_at": float("nan")},
    "a",
]


@pytest.mark.parametrize("token", NO_TOKENS)
def test_what_is_no_token_is_not_kept(file, token):
    file.write(a_login())

    assert not whole(token)
    with pytest.raises(ValueError, match="not kept"):
        file.write(Login(NOW, token))
    assert TokenFile(file.path).read() == a_login()


DAMAGED = ["", "{", "[]", "{}", json.dumps(TOKEN), json.dumps({"creation_timestamp": "x"})]
DAMAGED += [json.dumps({"creation_timestamp": 1, "token": {"access_token": "a"}})]
DAMAGED += [json.dumps({"creation_timestamp": 1, "token": TOKEN | {"expires_at": "soon"}})]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_file_says_so(file, content):
    file.path.touch(0o600)
    file.path.write_text(content)

    with pytest.raises(BrokerUnavailable, match="schwab_token_damaged"):
        file.read()


def test_a_missing_file_says_so(file):
    with pytest.raises(BrokerUnavailable, match="schwab_login_missing"):
        file.read()


def test_a_file_others_may_read_is_refused(file):
    file.write(a_login())
    file.path.chmod(0o640)

    with pytest.raises(BrokerUnavailable, match="schwab_token_open"):
        file.read()


@pytest.mark.parametrize("later", [-HOUR, HOUR])
def test_a_login_that_took_the_place_of_one_being_renewed_stays(file, later):
    file.write(a_login(NOW + later, access="other"))

    assert not file.renew(a_login(access="renewed"))
    assert TokenFile(file.path).read() == a_login(NOW + later, access="other")


def test_newer_tokens_of_the_same_login_are_kept(file):
    file.write(a_login())

    assert file.renew(a_login(access="b"))
    assert TokenFile(file.path).read() == a_login(access="b")


def test_a_login_just_made_is_kept_though_a_clock_was_wrong_at_the_one_before(file):
    file.write(a_login(NOW + 30 * LASTS))

    file.write(a_login(access="b"))

    assert TokenFile(file.path).read() == a_login(access="b")


def test_a_login_by_somebody_else_is_noticed(file):
    file.write(a_login())
    unchanged = file.changed()
    TokenFile(file.path).write(a_login(NOW + HOUR))

    assert (unchanged, file.changed()) == (False, True)


def test_renewing_does_not_make_the_week_begin_again():
    renewed = a_login().renewed(TOKEN | {"access_token": "b"})

    assert renewed.ends == NOW + timedelta(days=7)


def test_printing_a_login_shows_no_token():
    assert "access_token" not in repr(a_login())


APPOINTMENTS = [
    (48 * HOUR + timedelta(seconds=1), None),
    (48 * HOUR, 48),
    (25 * HOUR, 48),
    (24 * HOUR, 24),
    (7 * HOUR, 24),
    (6 * HOUR, 6),
    (timedelta(seconds=1), 6),
]


@pytest.mark.parametrize(("left", "hours"), APPOINTMENTS)
def test_the_end_of_a_login_is_told_in_time(left, hours):
    note = appointment(a_login(), NOW + LASTS - left)

    assert (note and note.code, note and note.values["hours"]) == (
        hours and "schwab_login_ends",
        hours,
    )


def test_a_login_that_is_over_is_told():
    note = appointment(a_login(), NOW + LASTS)

    assert (note.code, note.values) == ("schwab_login_expired", {"ended": NOW + LASTS})


STANDS = [
    (timedelta(), "schwab_login_holds", (0, 0)),
    (timedelta(days=2, hours=3, minutes=59), "schwab_login_holds", (2, 3)),
    (LASTS, "schwab_login_expired", (None, None)),
]


@pytest.mark.parametrize(("age", "code", "old"), STANDS)
def test_how_a_login_stands_is_read_from_its_file_alone(file, age, code, old):
    file.write(a_login())

    note = standing(file.path, NOW + age)

    assert (note.code, note.values.get("days"), note.values.get("hours")) == (code, *old)


def test_a_login_that_is_not_there_stands_as_such(file):
    assert standing(file.path, NOW).code == "schwab_login_missing"


def test_warnings_between_two_thresholds_are_the_same_news():
    first, second = (appointment(a_login(), NOW + LASTS - n * HOUR) for n in (20, 10))

    assert first == second


def test_times_of_a_login_are_utc(file):
    file.write(a_login(datetime(2026, 3, 31, tzinfo=UTC)))

    assert TokenFile(file.path).read().begun.tzinfo is UTC
