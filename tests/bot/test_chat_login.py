"""A login renewed in a chat: an address to open, the address it ended at, which is a secret."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from bot.chat import Conversation
from bot.domain.errors import BellwetherError
from bot.words import Language
from tests.bot.scratch import ORDINARY, Scratch, near_close

OWNER = 7
BACK = "https://127.0.0.1:8182"
ENDS = datetime(2026, 10, 8, 15, tzinfo=UTC)


@dataclass(eq=False)
class Door:
    """A broker's login page that sends its visitors back to an address."""

    good: str = f"{BACK}/?code=C0.hush&state=x"
    pasted: list[str] = field(default_factory=list)

    def begin(self) -> str:
        return "https://broker/authorize?state=x"

    def takes(self, text: str) -> bool:
        return text.startswith(BACK)

    async def finish(self, pasted: str) -> datetime:
        self.pasted.append(pasted)
        if pasted != self.good:
            raise BellwetherError("schwab_code_spent")
        return ENDS


def a_talk(tmp_path, logins, books=None):
    house = Scratch(tmp_path).write(books=books).house(near_close(ORDINARY))
    clock = house.seats[0].desk.clock
    return Conversation(house.seats, Language.EN, clock, lambda: "nonce", logins)


async def test_an_address_is_given_and_the_one_it_ended_at_is_taken_and_a_secret(tmp_path):
    door = Door()
    talk = a_talk(tmp_path, {"rotation": door})

    asked = await talk.said(OWNER, "/login")
    done = await talk.said(OWNER, f"{door.good[:20]}\n {door.good[20:]}")

    assert door.begin() in asked.text
    assert asked.secret == ""
    assert done.text == "The login is kept; it holds until Thu 2026-10-08 11:00 New York."
    assert "delete it yourself" in done.secret
    assert door.pasted == [door.good]


async def test_what_was_pasted_is_a_secret_also_where_it_is_refused(tmp_path):
    talk = a_talk(tmp_path, {"rotation": Door()})

    refused = await talk.said(OWNER, f"{BACK}/?code=old")

    assert "does not take the pasted address any more" in refused.text
    assert refused.secret
    assert "old" not in refused.text


async def test_what_looks_like_one_is_only_talk_where_nothing_is_logged_in_to(tmp_path):
    talk = a_talk(tmp_path, {})

    said, asked = await talk.said(OWNER, f"{BACK}/?code=x"), await talk.said(OWNER, "/login")

    assert said.secret == ""
    assert "no broker of these books is logged in to from here" in asked.text


@pytest.mark.parametrize(("said", "asks"), [("/login", True), ("/login two", False)])
async def test_of_two_logins_one_is_to_be_named(tmp_path, said, asks):
    one, two = Door(), Door()
    talk = a_talk(tmp_path, {"one": one, "two": two}, {"one": "A", "two": "B"})

    reply = await talk.said(OWNER, said)

    assert (one.begin() in reply.text) is not asks


async def test_two_books_of_one_login_need_no_name(tmp_path):
    door = Door()
    talk = a_talk(tmp_path, {"one": door, "two": door}, {"one": "A", "two": "B"})

    assert door.begin() in (await talk.said(OWNER, "/login")).text
