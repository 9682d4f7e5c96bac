import asyncio
import itertools
from datetime import UTC, datetime, timedelta

import pytest

from bot.buttons import KNOWN_AFTERWARDS, MOST_QUESTIONS, QUESTION_LIVES, Buttons
from bot.ports import Reply
from bot.schedule import JumpingClock
from bot.words import Language, Words

NOON = datetime(2026, 9, 30, 16, tzinfo=UTC)
HIM, HER = 1, 2
ANSWERS = [("Yes", "yes"), ("No", "no")]


class Asked:
    """Buttons, and what became of those that were pressed."""

    def __init__(self):
        count = itertools.count()
        self.clock = JumpingClock(NOON)
        self.buttons = Buttons(self.clock, lambda: f"n{next(count)}", Words(Language.EN))
        self.led_to = []

    async def press(self, reply, at=0, user=HIM):
        return await self.buttons.press(user, reply.choices[at].data, self.follow)

    async def follow(self, lead):
        await asyncio.sleep(0)  # others have their turn meanwhile
        self.led_to.append(lead)
        return Reply(f"done: {lead}")

    def later(self, time):
        self.clock.jump(self.clock.now() + time)


@pytest.fixture
def asked():
    return Asked()


@pytest.mark.parametrize(("at", "lead"), [(0, "yes"), (1, "no")])
async def test_a_button_leads_where_its_label_says(asked, at, lead):
    question = asked.buttons.put(HIM, "really?", ANSWERS)

    assert [choice.label for choice in question.choices] == ["Yes", "No"]
    assert await asked.press(question, at) == Reply(f"done: {lead}")
    assert asked.led_to == [lead]


async def test_of_the_buttons_of_a_question_one_is_pressed_once(asked):
    question = asked.buttons.put(HIM, "really?", ANSWERS)

    for at in (0, 0, 1):
        await asked.press(question, at)

    assert asked.led_to == ["yes"]


async def test_a_press_while_the_first_is_still_dealt_with_counts_for_nothing(asked):
    question = asked.buttons.put(HIM, "really?", ANSWERS)

    first, second = await asyncio.gather(asked.press(question), asked.press(question, 1))

    assert (first.text, asked.led_to) == ("done: yes", ["yes"])
    assert second == Reply("Pressed already; it counts once.\n\nreally?")


async def test_the_buttons_of_one_person_are_not_anothers(asked):
    question = asked.buttons.put(HIM, "really?", ANSWERS)

    refused = await asked.press(question, user=HER)

    assert refused.text.endswith("\n\nreally?")
    assert refused.choices == question.choices
    assert asked.led_to == []


async def test_a_late_press_is_told_from_one_that_means_nothing_any_more(asked):
    question = asked.buttons.put(HIM, "really?", ANSWERS)

    asked.later(QUESTION_LIVES)
    late = await asked.press(question)
    asked.later(KNOWN_AFTERWARDS)
    forgotten = await asked.press(question)

    assert late.text.startswith("Too late: this was asked more than 60 s ago.")
    assert forgotten.text.startswith("This question is forgotten")
    assert asked.led_to == []


async def test_few_questions_are_known_at_once_the_newest(asked):
    questions = [asked.buttons.put(HIM, "really?", ANSWERS) for _ in range(MOST_QUESTIONS + 1)]

    oldest = await asked.press(questions[0])
    await asked.press(questions[1])

    assert oldest.text.startswith("This question is forgotten")
    assert asked.led_to == ["yes"]


def test_what_has_expired_is_let_go(asked):
    asked.buttons.put(HIM, "really?", ANSWERS)
    asked.later(QUESTION_LIVES + KNOWN_AFTERWARDS)

    asked.buttons.put(HIM, "again?", ANSWERS)

    assert len(asked.buttons._questions) == 1


async def test_no_two_buttons_send_the_same(asked):
    questions = [asked.buttons.put(user, "really?", ANSWERS) for user in (HIM, HER, HIM)]

    sent = [choice.data for question in questions for choice in question.choices]
    assert len(set(sent)) == 6
    assert timedelta(seconds=60) == QUESTION_LIVES
