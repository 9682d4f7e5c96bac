import asyncio
import itertools
import re
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bot.app import House
from bot.chat import Conversation, menu
from bot.domain.errors import LedgerError, OrderUnanswered
from bot.domain.memory import Outcome, RunReport, Switch
from bot.domain.model import RunKey
from bot.events import RunDue
from bot.ports import Reply
from bot.words import Language
from tests.bot.scratch import BOOK, ORDINARY, QUARTER_END, SUNDAY, Scratch, near_close
from tests.fakes import Otherwise

EN, ZH = Language.EN, Language.ZH
OWNER, STRANGER = 7, 8
TWO = {"one": "A", "two": "B"}
TITLE = "[PAPER] rotation practice · global_etf_rotation"
CHINESE = re.compile("[一-鿿]")
RUN = RunKey(BOOK, QUARTER_END)


@dataclass
class Talk:
    """A house and its owner at a phone; buttons are pressed by what they say."""

    house: House
    language: Language = EN
    chat: Conversation = field(init=False)

    def __post_init__(self):
        self.restart()

    def restart(self):
        count = itertools.count(1)
        self.chat = Conversation(
            self.house.seats, self.language, self.clock, lambda: f"nonce-{next(count)}"
        )

    @property
    def clock(self):
        return self.house.seats[0].desk.clock

    async def say(self, text: str) -> str:
        return (await self.chat.said(OWNER, text)).text

    async def ask(self, text: str) -> Reply:
        return await self.chat.said(OWNER, text)

    async def press(self, reply: Reply, label: str, user: int = OWNER) -> Reply:
        (data,) = [choice.data for choice in reply.choices if choice.label == label]
        return await self.chat.pressed(user, data)

    def later(self, seconds: float) -> None:
        self.clock.jump(self.clock.now() + timedelta(seconds=seconds))

    def switches(self) -> dict[str, Switch]:
        return {
            seat.book.name: self.house.ledger.switch(seat.book.name).switch
            for seat in self.house.seats
        }

    def untouched(self) -> bool:
        active = set(self.switches().values()) == {Switch.ACTIVE}
        return active and all(seat.inbox.empty() for seat in self.house.seats)


@pytest.fixture
def here(tmp_path):
    return Scratch(tmp_path).write()


@pytest.fixture
def talk(here):
    return Talk(here.house(near_close(QUARTER_END)))


@pytest.fixture
def two(here):
    return Talk(here.write(books=TWO).house(near_close(QUARTER_END)))


def ended(talk: Talk, outcome: Outcome = Outcome.HELD) -> Talk:
    talk.house.ledger.finish(RunReport(RUN, outcome, near_close(QUARTER_END)))
    return talk


def labels(reply: Reply) -> list[str]:
    return [choice.label for choice in reply.choices]


# --- what is said, and what it leads to ---

SAID = {
    "/status": "last run: Wed 2026-09-30: nothing to do",
    "/STATUS": "last run: Wed 2026-09-30: nothing to do",
    "/status@bellwether_bot": "last run: Wed 2026-09-30: nothing to do",
    "  /status \n": "last run: Wed 2026-09-30: nothing to do",
    "/positions": "the account has not been read yet",
    "/runs": "2026-09-30    hold      0    –",
    "/runs 3": "2026-09-30    hold      0    –",
    "/orders": "Wed 2026-09-30: nothing to do\nno orders",
    "/orders 2026-09-30": "Wed 2026-09-30: nothing to do\nno orders",
    "/orders 2026-09-29": "has no run of Tue 2026-09-29",
    "/orders 2026-10-04": "is no session of the exchange",
    "/next": "Thu 2026-10-01, 15:45 New York\nFri 2026-10-02",
    "/next 1": "Thu 2026-10-01, 15:45 New York",
    "/plan": "a preview, nothing is sent",
    "/why": "has not decided anything yet\n→ Wait for its first run",
    "/why voo": "has not decided anything yet",
    "/start": "bellwether",
    "/start from-a-link": "bellwether",
    "/help": "/why [SYMBOL] – why the last run did what it did",
    "/run": "rotation: Wed 2026-09-30: nothing to do",
    "/pause": "then – switch: PAUSED, nothing trades\n",
    "/pause on holiday": "then – switch: PAUSED, nothing trades – on holiday\n",
    "/pause exits": "then – switch: exits only\n",
    "/pause Exits too hot": "then – switch: exits only – too hot\n",
    "/halt fire": "then – switch: HALTED, nothing trades – fire\n",
    "/resume": "then – switch: active\n",
}


@pytest.mark.parametrize(("said", "comes_back"), SAID.items(), ids=SAID)
async def test_what_is_said_leads_to_what_a_trader_expects(talk, said, comes_back):
    told = await ended(talk).say(said)

    assert comes_back in told
    assert talk.untouched()


UNCLEAR = {
    "/next x": "/next [N]",
    "/next 0": "/next [N]",
    "/next 251": "/next [N]",
    "/next 1 2": "/next [N]",
    "/runs -1": "/runs [N]",
    "/runs ٣": "/runs [N]",
    "/orders yesterday": "/orders [YYYY-MM-DD]",
    "/orders 2026-02-30": "/orders [YYYY-MM-DD]",
    "/why VOO BIL": "/why [SYMBOL]",
    "/why <b>": "/why [SYMBOL]",
    "/status now": "/status",
    "/run now": "/run",
}


@pytest.mark.parametrize(("said", "usage"), UNCLEAR.items(), ids=UNCLEAR)
async def test_what_makes_no_sense_after_a_command_is_answered_with_what_does(talk, said, usage):
    told = await talk.say(said)

    assert told.endswith(f"→ Say it like this: {usage}")


@pytest.mark.parametrize("said", ["sell everything", "/sell", "/", "", " ", "//status", "status"])
async def test_what_is_no_command_gets_a_hint(talk, said):
    assert (await talk.say(said)).endswith("/help lists what I do.")


async def test_every_answer_about_a_book_says_first_whose_it_is(talk):
    answers = [await ended(talk).say(said) for said in SAID if not said.startswith("/help")]

    assert {answer.split()[0] for answer in answers} <= {"[PAPER]", "[DRY]"}


@pytest.mark.parametrize("said", sorted({*SAID, *UNCLEAR, "hello", "/orders 2026-10-01"}))
async def test_everything_is_said_in_chinese(here, said):
    talk = Talk(here.house(near_close(QUARTER_END)), ZH)

    told = await ended(talk).say(said)

    assert CHINESE.search(told)
    assert not re.search(r"\b(the|is|not|cash|switch|nothing)\b", told.lower()), told


NAMES = [*(name for name, _ in menu(EN)), "start"]
BEHIND = ["", "1", "999", "VOO", "exits", "2026-09-30", "9999-12-31", "{reason}", "[x]", BOOK]


@given(
    st.one_of(
        st.text(st.characters()),
        st.tuples(st.sampled_from(NAMES), st.text() | st.sampled_from(BEHIND)).map(
            lambda parts: f"/{parts[0]} {parts[1]}"
        ),
    )
)
@example("\ud800")
@example("/orders 0000-00-00")
@example("/halt \x00\udfff")
@example("/next " + "9" * 5000)
@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_a_person_types_raises_or_changes_anything(house_of_all_examples, text):
    talk = Talk(house_of_all_examples)

    reply = asyncio.run(talk.chat.said(OWNER, text))

    assert reply.text
    assert talk.untouched()


@pytest.fixture(scope="module")
def house_of_all_examples(tmp_path_factory):
    return Scratch(tmp_path_factory.mktemp("typed")).write().house(near_close(QUARTER_END))


# --- help, welcome and menu ---


def test_a_menu_names_every_command_as_a_chat_wants_it():
    for language in Language:
        offered = menu(language)

        assert [name for name, _ in offered] == [
            *("status", "positions", "runs", "orders", "next", "plan", "why"),
            *("pause", "resume", "halt", "run", "login", "help"),
        ]
        assert all(re.fullmatch("[a-z0-9_]{1,32}", name) for name, _ in offered)
        assert all(1 <= len(about) <= 256 for _, about in offered)
    assert all(CHINESE.search(about) for _, about in menu(ZH))


@pytest.mark.parametrize("language", list(Language))
async def test_help_tells_what_the_menu_tells(here, language):
    talk = Talk(here.house(near_close(QUARTER_END)), language)

    told = await talk.say("/help")

    for name, about in menu(language)[:-1]:
        assert re.search(f"^/{name}.*{re.escape(about)}$", told, re.MULTILINE)


async def test_help_is_grouped(talk):
    blocks = (await talk.say("/help")).split("\n\n")

    assert [block.splitlines()[0] for block in blocks] == [
        "See",
        "Explain",
        "Control (asks before anything changes)",
    ]


async def test_a_welcome_says_what_it_is_and_for_whom(two):
    told = (await two.say("/start")).splitlines()

    assert told[0].startswith("[PAPER] bellwether ")
    assert told[1:] == [
        "[PAPER] one A · global_etf_rotation",
        "[PAPER] two B · global_etf_rotation",
        "paper: orders go to a paper account, no money moves",
        "/help lists what may be asked.",
    ]


# --- several books ---


@pytest.mark.parametrize("said", ["/status", "/next 1", "/plan", "/why", "/orders", "/runs"])
async def test_without_a_name_every_book_answers(two, said):
    blocks = (await two.say(said)).split("\n\n[")

    assert [block.split()[1] for block in blocks] == ["one", "two"]


@pytest.mark.parametrize("said", ["/status two", "/next TWO 1", "/why two voo"])
async def test_a_book_that_is_named_answers_alone(two, said):
    told = await two.say(said)

    assert " two B " in told
    assert " one A " not in told


async def test_what_one_book_can_not_answer_keeps_the_other_from_nothing(two):
    two.house.ledger.finish(
        RunReport(RunKey("two", QUARTER_END), Outcome.HELD, near_close(QUARTER_END))
    )

    one, other = (await two.say("/orders")).split("\n\n")

    assert "book one has not decided anything yet" in one
    assert "Wed 2026-09-30: nothing to do" in other


async def test_a_name_that_is_no_books_is_answered_with_the_names(two):
    assert (await two.say("/status three")).endswith("→ Say it like this: /status [one|two]")
    assert "Books: one, two." in await two.say("/help")


@pytest.mark.parametrize(
    ("said", "to"), [("/halt", Switch.HALTED), ("/pause exits", Switch.EXITS_ONLY)]
)
async def test_a_stop_without_a_name_is_asked_and_made_for_every_book(two, said, to):
    question = await two.ask(f"{said} fire")

    done = await two.press(question, "Confirm")

    assert "[PAPER] one A" in question.text
    assert "[PAPER] two B" in question.text
    assert [line.split(":")[0] for line in done.text.splitlines()[1:]] == ["one", "two"]
    assert two.switches() == {"one": to, "two": to}


async def test_a_stop_with_a_name_is_for_that_book(two):
    await two.press(await two.ask("/pause two lunch"), "Confirm")

    assert two.switches() == {"one": Switch.ACTIVE, "two": Switch.PAUSED}
    assert two.house.ledger.switch("two").reason == "lunch"


async def test_going_on_without_a_name_asks_which_book_and_then_whether(two):
    await two.press(await two.ask("/halt"), "Confirm")

    which = await two.ask("/resume all well")
    whether = await two.press(which, "two")
    done = await two.press(whether, "Confirm")

    assert which.text == "Which book? There are several: one, two"
    assert labels(which) == ["one", "two"]
    assert "then – switch: active – all well" in whether.text
    assert done.text == "[PAPER] confirmed\ntwo: switch: active – all well"
    assert two.switches() == {"one": Switch.HALTED, "two": Switch.ACTIVE}


async def test_a_run_without_a_name_asks_which_book(two):
    whether = await two.press(await two.ask("/run"), "one")

    await two.press(whether, "Confirm")

    assert two.house.seats[0].inbox.get_nowait() == RunDue(QUARTER_END)
    assert two.house.seats[1].inbox.empty()


# --- the confirming door ---

EFFECT_OF_A_HALT = (
    "Until /resume no order is sent, and a run under way is cut off: "
    "what rests at the broker is cancelled."
)
TAKEN_UP = "today's run of Wed 2026-09-30 is taken up: it decides"


async def test_a_question_says_exactly_what_will_happen(talk):
    question = await talk.ask("/halt fire")

    assert question.text.splitlines() == [
        TITLE,
        "now – switch: active",
        "then – switch: HALTED, nothing trades – fire",
        EFFECT_OF_A_HALT,
        "paper: orders go to a paper account, no money moves",
        "Confirm within 60 s?",
    ]
    assert labels(question) == ["Confirm", "Cancel"]
    assert talk.untouched()


async def test_a_question_before_going_on_says_when_it_would(talk):
    await talk.press(await talk.ask("/pause lunch"), "Confirm")

    question = await talk.ask("/resume")

    assert question.text.splitlines()[1:5] == [
        "now – switch: PAUSED, nothing trades – lunch",
        "then – switch: active",
        "next: Thu 2026-10-01, 15:45 New York",
        "The book trades again from its next wake on, with the account as it is.",
    ]


async def test_a_question_before_a_run_names_its_session(talk):
    question = await talk.ask("/run")

    assert question.text.splitlines()[1:3] == [
        "now – switch: active",
        f"then – {TAKEN_UP}, and may send orders until 15:58 New York",
    ]


TURNS = [
    ("/pause", Switch.PAUSED),
    ("/pause exits", Switch.EXITS_ONLY),
    ("/halt", Switch.HALTED),
    ("/resume", Switch.ACTIVE),
]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize(("said", "to"), TURNS)
async def test_what_is_confirmed_is_done_and_told_in_place_of_the_question(
    here, said, to, language
):
    talk = Talk(here.house(near_close(QUARTER_END)), language)
    question = await talk.ask(f"{said} because")

    done = await talk.chat.pressed(OWNER, question.choices[0].data)

    assert done.text.startswith("[PAPER]")
    assert "because" in done.text
    assert done.choices == ()
    state = talk.house.ledger.switch(BOOK)
    assert (state.switch, state.reason) == (to, "because")


async def test_a_run_that_is_confirmed_is_put_into_the_inbox_once(talk):
    question = await talk.ask("/run")

    done, again = await talk.press(question, "Confirm"), await talk.press(question, "Confirm")

    assert "today's run is taken up; its message follows" in done.text
    assert again.text.startswith("Pressed already; it counts once.")
    assert talk.house.seats[0].inbox.qsize() == 1


async def test_what_is_cancelled_is_not_done_and_can_not_be_confirmed_after(talk):
    question = await talk.ask("/halt")

    cancelled = await talk.press(question, "Cancel")
    confirmed = await talk.press(question, "Confirm")

    assert cancelled == Reply("Cancelled. Nothing was changed.")
    assert "counts once" in confirmed.text
    assert talk.untouched()


async def test_somebody_else_changes_nothing_and_leaves_the_question_standing(talk):
    question = await talk.ask("/halt")

    foreign = await talk.press(question, "Confirm", STRANGER)

    assert foreign.text.splitlines()[0].startswith("This was asked of somebody else")
    assert foreign.text.endswith(question.text)
    assert foreign.choices == question.choices
    assert talk.untouched()
    await talk.press(foreign, "Confirm")
    assert talk.switches() == {BOOK: Switch.HALTED}


@pytest.mark.parametrize(("seconds", "done"), [(59, True), (60, False), (599, False)])
async def test_an_answer_counts_for_sixty_seconds(talk, seconds, done):
    question = await talk.ask("/halt")
    talk.later(seconds)

    told = await talk.press(question, "Confirm")

    assert ("HALTED" in told.text) is done
    assert told.text.startswith("Too late") is not done
    assert talk.untouched() is not done


async def test_a_second_press_counts_for_nothing_and_keeps_the_answer_in_sight(talk):
    question = await talk.ask("/pause")
    done = await talk.press(question, "Confirm")
    talk.house.ledger.set_switch(BOOK, Switch.ACTIVE, "", talk.clock.now())

    again = await talk.press(question, "Confirm")

    assert again.text == f"Pressed already; it counts once.\n\n{done.text}"
    assert talk.untouched()


async def test_two_presses_at_once_count_once(talk):
    question = await talk.ask("/run")

    await asyncio.gather(talk.press(question, "Confirm"), talk.press(question, "Confirm"))

    assert talk.house.seats[0].inbox.qsize() == 1


@pytest.mark.parametrize("data", ["nonce-99", "", "x" * 64, "\ud800"])
async def test_a_button_nobody_was_given_leads_nowhere(talk, data):
    await talk.ask("/halt")

    told = await talk.chat.pressed(OWNER, data)

    assert told.text.startswith("This question is forgotten")
    assert talk.untouched()


async def test_a_restart_forgets_every_question(talk):
    question = await talk.ask("/halt")
    talk.restart()

    told = await talk.press(question, "Confirm")

    assert told.text.startswith("This question is forgotten")
    assert talk.untouched()


@pytest.mark.parametrize("meanwhile", [Switch.HALTED, Switch.EXITS_ONLY, Switch.PAUSED])
async def test_what_changed_meanwhile_is_not_overruled(talk, meanwhile):
    talk.house.ledger.set_switch(BOOK, Switch.PAUSED, "lunch", talk.clock.now())
    question = await talk.ask("/resume")
    talk.later(5)
    talk.house.ledger.set_switch(BOOK, meanwhile, "lunch", talk.clock.now())

    told = await talk.press(question, "Confirm")

    assert "Not done: what was asked about has changed meanwhile" in told.text
    assert told.text.splitlines()[1].endswith("– lunch")
    assert talk.switches() == {BOOK: meanwhile}


async def test_a_run_that_ended_meanwhile_is_not_taken_up(talk):
    question = await talk.ask("/run")
    ended(talk, Outcome.COMPLETE)

    told = await talk.press(question, "Confirm")

    assert "Not done" in told.text
    assert talk.untouched()


async def test_one_question_does_not_answer_another(talk):
    first, second = await talk.ask("/pause"), await talk.ask("/halt")

    await talk.press(second, "Cancel")
    await talk.press(first, "Confirm")

    assert talk.switches() == {BOOK: Switch.PAUSED}


async def test_no_button_sends_more_than_a_chat_carries(two):
    for said in ("/halt", "/resume", "/run two"):
        question = await two.ask(said)

        assert question.choices
        assert all(len(choice.data.encode()) <= 64 for choice in question.choices)


async def test_a_long_reason_is_cut(talk):
    await talk.press(await talk.ask("/pause " + "x" * 5000), "Confirm")

    assert talk.house.ledger.switch(BOOK).reason == "x" * 120


# --- what can not be done ---


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (near_close(SUNDAY), "Sun 2026-10-04 is no session of the exchange"),
        (near_close(ORDINARY) - timedelta(hours=2), "too early"),
    ],
)
async def test_a_run_that_can_not_be_taken_up_is_not_asked_about(here, at, says):
    reply = await Talk(here.house(at)).ask("/run")

    assert reply.text.startswith(TITLE)
    assert says in reply.text
    assert reply.choices == ()


class Full(Otherwise):
    """A ledger on a disk that has no room left."""

    def set_switch(self, *_):
        raise LedgerError("ledger_full")


async def test_an_error_after_the_confirmation_becomes_the_answer(talk):
    seat = talk.house.seats[0]
    full = replace(seat, desk=replace(seat.desk, ledger=Full(seat.desk.ledger)))
    talk.house = replace(talk.house, seats=[full])
    talk.restart()

    told = await talk.press(await talk.ask("/halt"), "Confirm")

    assert told.text.splitlines()[1:] == [
        "the ledger can not be written: the disk is full",
        "→ Make room on the disk; nothing is sent that can not be written down first.",
    ]


class Silent(Otherwise):
    """A broker that does not answer."""

    def __init__(self, broker, error):
        super().__init__(broker)
        self._error = error

    async def portfolio(self):
        raise self._error


ERRORS = [
    (ConnectionResetError("gone"), "the broker can not be reached: ConnectionResetError: gone"),
    (TimeoutError(), "the broker can not be reached: TimeoutError"),
    (OrderUnanswered("open_question"), "an order of ours is unanswered"),
]


@pytest.mark.parametrize(("error", "says"), ERRORS)
async def test_a_line_that_breaks_becomes_a_sentence_and_what_to_do(talk, error, says):
    seat = talk.house.seats[0]
    silent = replace(seat, desk=replace(seat.desk, broker=Silent(seat.desk.broker, error)))
    talk.house = replace(talk.house, seats=[silent])
    talk.restart()

    told = (await talk.say("/plan")).splitlines()

    assert told[0] == TITLE
    assert told[1].startswith(says)
    assert told[2].startswith("→ ")
