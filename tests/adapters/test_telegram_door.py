import pytest
from telegram import Update

from adapters.telegram_door import HOUR, MOST_REMEMBERED, Door, Seldom

CHAT, OWNER, OTHER = -77, 1001, 2002
DOOR = Door(CHAT, frozenset({OWNER}))


def a_person(user: int = OWNER, *, is_bot: bool = False) -> dict:
    return {"id": user, "is_bot": is_bot, "first_name": "Somebody"}


def a_text(user: int = OWNER, chat: int = CHAT, *, is_bot: bool = False, **more) -> dict:
    place = {"id": chat, "type": "group", "title": "Ours"}
    told = {"message_id": 5, "date": 1_700_000_000, "chat": place, "text": "/halt"}
    return told | {"from": a_person(user, is_bot=is_bot)} | more


def a_press(user: int = OWNER, chat: int = CHAT, **more) -> dict:
    pressed = {"id": "9", "from": a_person(user), "chat_instance": "1", "data": "yes"}
    return pressed | {"message": a_text(99, chat, is_bot=True)} | more


def an_update(kind: str, what: dict) -> Update:
    update = Update.de_json({"update_id": 1, kind: what}, None)
    assert update
    return update


HIDDEN = {"type": "hidden_user", "date": 1, "sender_user_name": "Somebody"}
CHANNEL = {"id": -100, "type": "channel", "title": "News"}

STRANGERS = [
    ("another person", "message", a_text(OTHER)),
    ("another chat", "message", a_text(chat=OWNER)),
    ("a bot", "message", a_text(is_bot=True)),
    ("a forwarded text", "message", a_text(forward_origin=HIDDEN)),
    ("a text by way of a bot", "message", a_text(via_bot=a_person(7, is_bot=True))),
    ("an unnamed admin or channel", "message", a_text(sender_chat=CHANNEL)),
    ("an edited text", "edited_message", a_text()),
    ("a channel's post", "channel_post", a_text() | {"chat": CHANNEL}),
    ("an edited post", "edited_channel_post", a_text() | {"chat": CHANNEL}),
    ("a business text", "business_message", a_text()),
    ("another person's press", "callback_query", a_press(OTHER)),
    ("a press in another chat", "callback_query", a_press(chat=OWNER)),
    ("a press in no chat", "callback_query", a_press(message=None, inline_message_id="8")),
]


@pytest.mark.parametrize(("who", "kind", "what"), STRANGERS, ids=[who for who, *_ in STRANGERS])
def test_strangers_stay_outside(who, kind, what):
    assert not DOOR.lets_in(an_update(kind, what)), who


@pytest.mark.parametrize(("kind", "what"), [("message", a_text()), ("callback_query", a_press())])
def test_who_is_named_comes_in_with_own_words_and_presses(kind, what):
    assert DOOR.lets_in(an_update(kind, what))


@pytest.mark.parametrize(("kind", "what"), [("message", a_text()), ("callback_query", a_press())])
def test_nobody_comes_in_by_default(kind, what):
    assert not Door(CHAT).lets_in(an_update(kind, what))


class HandTime:
    def __init__(self) -> None:
        self.at = 5.0

    def __call__(self) -> float:
        return self.at


def test_what_repeats_is_told_once_an_hour_with_its_number():
    time = HandTime()
    seldom = Seldom(now=time)

    counted = [seldom.times("it"), seldom.times("it"), seldom.times("it"), seldom.times("else")]
    time.at += HOUR

    assert counted == [1, 0, 0, 1]
    assert seldom.times("it") == 3
    assert seldom.times("it") == 0


def test_old_causes_are_forgotten_when_there_are_many():
    time = HandTime()
    seldom = Seldom(now=time)
    for cause in range(MOST_REMEMBERED):
        seldom.times(str(cause))
    time.at += HOUR

    seldom.times("one more")

    assert list(seldom._seen) == ["one more"]
