"""What `check` proves of a line at a simulated broker in another process."""

import pytest

from bot import process
from tests.adapters.longport_world import RunningClock
from tests.bot.broker_houses import DAY, VIX, at_longport, at_schwab, new_york

PARTS = ("secret", "keys", "login", "line", "index", "proceeds")
OF_BOOKS = ("calendar", "account", "abilities", "history", "quotes", "ledger")


@pytest.fixture(params=[at_schwab, at_longport], ids=lambda opened: opened.__name__)
def house(request, tmp_path, monkeypatch):
    with request.param(tmp_path, monkeypatch.setenv) as there:
        yield there


def test_every_part_of_a_line_is_proven_and_told(house):
    examined = process.check(house.settings(), RunningClock(new_york(DAY, 15, 44)))

    seen = {each.part: each.seen for each in examined}
    assert [each.error for each in examined] == [None] * len(examined)
    assert tuple(seen) == (*PARTS, *OF_BOOKS)
    assert seen["index"] == f"VIX at {VIX}"
    assert f"…{house.account[-4:]}" in seen["line"]
    assert "holds until" in seen["login"]
    assert f"BELLWETHER_{house.kind.upper()}_APP_SECRET" in seen["secret"]
    assert f"token from {house.folder}" in seen["keys"]
    assert "with dividends" in seen["history"]


def test_what_is_wrong_with_a_login_hides_no_other_part(house):
    house.settings().brokers["real"].token_file.unlink()

    examined = process.check(house.settings(), RunningClock(new_york(DAY, 15, 44)))

    codes = {each.part: each.error.code for each in examined if each.error}
    assert codes["login"] == codes["line"] == codes["account"]
    assert codes["login"].endswith("_missing")
    assert {"calendar", "ledger", "keys"}.isdisjoint(codes)
