"""Buttons under a question: whose they are, until when, and that one of them counts once."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from bot.ports import Choice, Clock, Reply
from bot.words import Words

Lead = TypeVar("Lead")

QUESTION_LIVES = timedelta(seconds=60)
# An expired question leads nowhere; it is known a little longer, to be told from one never asked.
KNOWN_AFTERWARDS = timedelta(minutes=10)
MOST_QUESTIONS = 20


@dataclass(slots=True, eq=False)
class _Question(Generic[Lead]):
    """What a user was asked, and where each button leads; `stands` is what is there now."""

    user: int
    until: datetime
    leads: Mapping[str, Lead]
    stands: Reply
    used: bool = False


class Buttons(Generic[Lead]):
    """The questions that wait for a button; of no use after a restart, and so not kept.

    `nonce` gives what a button sends back: never the same twice, not to be guessed,
    at most 64 bytes.
    """

    def __init__(self, clock: Clock, nonce: Callable[[], str], words: Words) -> None:
        self._clock, self._nonce, self._words = clock, nonce, words
        self._questions: list[_Question[Lead]] = []

    def put(self, user: int, text: str, answers: Sequence[tuple[str, Lead]]) -> Reply:
        """A question with a button for each answer, for one user to press one of them."""
        now = self._clock.now()
        self._forget(now)
        named = [(self._nonce(), label, lead) for label, lead in answers]
        choices = tuple(Choice(label, data) for data, label, _ in named)
        leads = {data: lead for data, _, lead in named}
        question = _Question(user, now + QUESTION_LIVES, leads, Reply(text, choices))
        self._questions = [*self._questions, question][-MOST_QUESTIONS:]
        return question.stands

    async def press(
        self, user: int, data: str, follow: Callable[[Lead], Awaitable[Reply]]
    ) -> Reply:
        """What `follow` makes of where the button leads, or why it leads nowhere.

        A refusal changes nothing, and leaves standing what others still need to read.
        """
        now = self._clock.now()
        self._forget(now)
        question = next((q for q in self._questions if data in q.leads), None)
        if question is None:
            return Reply(self._words.phrase("press_unknown"))
        if question.user != user:
            return _above(question.stands, self._words.phrase("press_foreign"))
        if question.used:
            return _above(question.stands, self._words.phrase("press_again"))
        if now >= question.until:
            seconds = QUESTION_LIVES.total_seconds()
            return Reply(self._words.phrase("press_late", {"seconds": seconds}))
        # Before anything is awaited: the same button may be pressed again meanwhile.
        question.used, question.stands = True, Reply(question.stands.text)
        question.stands = await follow(question.leads[data])
        return question.stands

    def _forget(self, now: datetime) -> None:
        self._questions = [q for q in self._questions if now < q.until + KNOWN_AFTERWARDS]


def _above(stands: Reply, told: str) -> Reply:
    return replace(stands, text=f"{told}\n\n{stands.text}")
