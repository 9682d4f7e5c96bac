"""The token's file: what it says, and that there always is one."""

import base64
import json
import os
import stat
from datetime import UTC, datetime, timedelta

import pytest

from adapters.longport_token import TokenFile
from bot.domain.errors import BrokerUnavailable

ENDS = datetime(2026, 6, 30, tzinfo=UTC)
CLAIMS = {"exp": int(ENDS.timestamp()), "aaid": 10_000_001, "ac": "lb_papertrading"}


def a_token(**differing) -> str:
    claims = {name: value for name, value in (CLAIMS | differing).items() if value is not None}
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    return f"m_eyJhbGciOiJIUzI1NiJ9.{body}.c2VhbA"


@pytest.fixture
def file(tmp_path):
    it = TokenFile(tmp_path / "token")
    put(it.path, a_token())
    return it


def put(path, text: str, mode: int = 0o600) -> None:
    path.write_text(text)
    path.chmod(mode)


def mode_of(path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_token_says_whose_it_is_and_when_it_ends(file):
    token = file.read()

    assert (token.account, token.channel, token.ends) == ("10000001", "lb_papertrading", ENDS)
    assert token.days(ENDS - timedelta(days=7, hours=1)) == 7
    assert token.days(ENDS + timedelta(hours=1)) == -1


@pytest.mark.parametrize("around", ["{}\n", " {} ", '"{}"', "'{}'\n"])
def test_what_people_paste_around_a_token_is_not_the_token(file, around):
    put(file.path, around.format(a_token()))

    assert file.read().value == a_token()


def test_a_token_is_not_printed(file):
    assert a_token() not in repr(file.read())


BAD = [
    "",
    "not a token",
    "a.b.c",
    a_token(exp=None),
    a_token(aaid=None),
    a_token(exp="soon"),
    a_token(exp=10**30),
    "m_a.W10.c",
    "秘密",
]


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_token_is_named_with_its_file(file, text):
    put(file.path, text)

    with pytest.raises(BrokerUnavailable) as refused:
        file.read()

    assert refused.value.code == "longport_token_unreadable"
    assert refused.value.values["path"] == file.path


def test_a_missing_file_is_no_token(file):
    file.path.unlink()

    with pytest.raises(BrokerUnavailable, match="longport_token_missing"):
        file.read()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_token_others_may_read_is_refused(file, mode):
    file.path.chmod(mode)

    with pytest.raises(BrokerUnavailable, match="longport_token_open"):
        file.read()


def test_a_new_token_is_used_while_the_old_one_stays_where_it_is(file):
    file.keep(a_token(jti=2))

    assert file.read().value == a_token(jti=2)
    assert file.path.read_text() == a_token()
    assert file.unproven
    assert mode_of(file.coming) == 0o600


def test_a_proven_token_takes_the_old_ones_place(file):
    file.keep(a_token(jti=2))

    file.accept()

    assert file.path.read_text() == a_token(jti=2)
    assert mode_of(file.path) == 0o600
    assert not file.unproven
    assert [each.name for each in file.path.parent.iterdir()] == ["token"]


def test_a_refused_token_is_put_aside_and_the_old_one_is_used_again(file):
    file.keep(a_token(jti=2))

    file.reject()

    assert file.read().value == a_token()
    assert file.path.with_name("token.refused").read_text() == a_token(jti=2)


def test_a_token_the_owner_wrote_since_comes_first(file):
    file.keep(a_token(jti=2))
    later = file.coming.stat().st_mtime_ns + 1_000_000
    put(file.path, a_token(jti=3))
    os.utime(file.path, ns=(later, later))

    assert file.read().value == a_token(jti=3)
    assert not file.unproven


def test_a_draft_a_crash_left_is_in_nobodys_way(file):
    put(file.path.with_name("token.draft"), "half a tok", mode=0o644)

    file.keep(a_token(jti=2))

    assert file.read().value == a_token(jti=2)


def test_the_first_token_may_be_one_that_was_to_come(file):
    file.keep(a_token(jti=2))
    file.path.unlink()

    assert file.read().value == a_token(jti=2)
