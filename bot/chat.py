"""What a person may say in a chat, and what comes back, whoever carries it."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Protocol, TypeAlias

from bot import __version__, lines
from bot.buttons import QUESTION_LIVES, Buttons
from bot.commands import Glance, PlanNow, RunNow, Turn, idle_today, obey
from bot.daemon import Seat, next_wake, seat_of
from bot.domain.calendar import exchange_date
from bot.domain.errors import BellwetherError, BrokerUnavailable, SettingsError
from bot.domain.memory import Outcome, Switch, SwitchState
from bot.domain.model import Mode, RunKey
from bot.execution import LINE_ERRORS
from bot.ladder import LAST_CALL
from bot.ports import Clock, Reply
from bot.spoken import LONGEST_QUOTE, Asked, Change, LogIn, command_name, help_text, menu, read
from bot.words import Language, Words

__all__ = ["Conversation", "menu"]


class Login(Protocol):
    """What an owner allows at a broker, in a browser of their own, and then tells the bot of."""

    def begin(self) -> str:
        """Return the address to open. Raises BellwetherError."""
        ...

    def takes(self, text: str) -> bool:
        """Whether a text is where such a browser ended: a secret, good or not."""
        ...

    async def finish(self, pasted: str) -> datetime:
        """Keep the login; returns when it ends. Raises BellwetherError."""
        ...


NO_LOGINS: Mapping[str, Login] = MappingProxyType({})
MARKS = tuple(lines.marked(mode) for mode in Mode)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Shown:
    """What a question was asked about: it must still be so when the answer comes."""

    switches: tuple[SwitchState, ...]
    session: date | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class _Confirmed:
    command: Change
    shown: _Shown


_Lead: TypeAlias = _Confirmed | Change | None  # None: nothing is to be done


class Conversation:
    """Answers what is said to a house, and asks back before it changes anything.

    `nonce` gives what a button sends back: never the same twice, not to be guessed,
    at most 64 bytes. Open questions live here only: a restart forgets them. `logins`
    are what may be renewed from here, by book.
    """

    def __init__(
        self,
        seats: Sequence[Seat],
        language: Language,
        clock: Clock,
        nonce: Callable[[], str],
        logins: Mapping[str, Login] = NO_LOGINS,
    ) -> None:
        self._seats, self._language, self._words = seats, language, Words(language)
        self._logins = logins
        self._books = [seat.book.name for seat in seats]
        self._buttons: Buttons[_Lead] = Buttons(clock, nonce, self._words)

    async def said(self, user: int, text: str) -> Reply:
        """Answer what a person wrote; what is no command gets a hint."""
        pasted = "".join(text.split())
        for login in self._logins.values():
            if login.takes(pasted):
                reply = await self._in_words(self._logged_in(login, pasted), ())
                return replace(reply, secret=self._words.phrase("login_unremoved"))
        legible = "".join(sign if sign.isprintable() else " " for sign in text)
        return await self._in_words(self._answer(user, legible.split()), ())

    async def pressed(self, user: int, data: str) -> Reply:
        """Answer a button: what it leads to, or why it leads nowhere."""

        async def follow(lead: _Lead) -> Reply:
            return await self._follow(user, lead)

        return await self._buttons.press(user, data, follow)

    async def _answer(self, user: int, said: Sequence[str]) -> Reply:
        match command_name(said):
            case "start":
                return Reply(self._welcome())
            case "help":
                return Reply(help_text(self._books, self._words))
        match read(said, self._books, self._words):
            case None:
                quote = " ".join(said)[:LONGEST_QUOTE]
                return Reply(self._words.phrase("chat_hint", {"said": quote}))
            case Turn() | RunNow() as change:
                return await self._ask(user, change)
            case LogIn(book):
                return self._log_in(book)
            case glance:
                return await self._look(glance)

    def _log_in(self, book: str | None) -> Reply:
        """The address to open. Raises BellwetherError `no_login` and `which_book`."""
        meant = {name: each for name, each in self._logins.items() if book in {None, name}}
        if not meant:
            raise BellwetherError("no_login")
        if len(set(meant.values())) > 1:
            raise SettingsError("which_book", known=", ".join(meant))
        address = next(iter(meant.values())).begin()
        return Reply(self._words.phrase("login_send", {"address": address}))

    async def _logged_in(self, login: Login, pasted: str) -> Reply:
        ends = await login.finish(pasted)
        return Reply(self._words.phrase("login_done", {"until": ends}))

    async def _look(self, command: Glance | PlanNow) -> Reply:
        """What a book has to say, or every book where none is named."""
        told = []
        for seat in self._meant(command):
            own = replace(command, book=seat.book.name)
            told += [await self._in_words(self._obeyed(own), [seat])]
        return Reply("\n\n".join(reply.text for reply in told))

    async def _ask(self, user: int, command: Change) -> Reply:
        """Ask which book is meant, or whether it is meant."""
        seats = self._meant(command)
        everyone = isinstance(command, Turn) and command.to is not Switch.ACTIVE
        if len(seats) > 1 and not everyone:
            text = self._words.phrase("which", {"known": ", ".join(self._books)})
            answers = [(book, replace(command, book=book)) for book in self._books]
            return self._buttons.put(user, text, answers)
        return await self._in_words(self._doubt(user, command), seats)

    async def _doubt(self, user: int, command: Change) -> Reply:
        """The question whether this shall happen, with all it would change."""
        if isinstance(command, RunNow):
            idle = idle_today(self._meant(command)[0], self._language)
            if idle is not None:
                return Reply(idle)
        answers = [
            (self._words.phrase("button_confirm"), _Confirmed(command, self._shown(command))),
            (self._words.phrase("button_cancel"), None),
        ]
        return self._buttons.put(user, self._preview(command), answers)

    async def _follow(self, user: int, lead: _Lead) -> Reply:
        match lead:
            case None:
                return Reply(self._words.phrase("press_cancelled"))
            case _Confirmed(command, shown):
                log.info("user %d confirms %s", user, command)
                confirmed = self._confirmed(command, shown)
                return await self._in_words(confirmed, self._meant(command))
            case _:
                return await self._in_words(self._ask(user, lead), ())

    async def _confirmed(self, command: Change, shown: _Shown) -> Reply:
        if self._shown(command) != shown:
            now = [line for seat in self._meant(command) for line in self._stands(seat)]
            return Reply("\n".join([*now, self._words.phrase("press_changed")]))
        done = self._words.phrase("press_done", {"mode": lines.marked(self._seats[0].mode)})
        return Reply(f"{done}\n{(await self._obeyed(command)).text}")

    async def _obeyed(self, command: Asked) -> Reply:
        return Reply((await obey(command, self._seats, self._language)).text)

    def _meant(self, command: Asked) -> Sequence[Seat]:
        return self._seats if command.book is None else [seat_of(self._seats, command.book)]

    def _shown(self, command: Change) -> _Shown:
        seats = self._meant(command)
        switches = tuple(seat.desk.ledger.switch(seat.book.name) for seat in seats)
        if isinstance(command, Turn):
            return _Shown(switches)
        book, desk = seats[0].book.name, seats[0].desk
        today = exchange_date(desk.clock.now())
        return _Shown(switches, today, desk.ledger.outcome(RunKey(book, today)))

    def _preview(self, command: Change) -> str:
        """What would happen: to which books, from what to what, and what that means."""
        told: list[str] = []
        for seat in self._meant(command):
            told += [*self._stands(seat), *self._becomes(seat, command)]
        if isinstance(command, Turn):
            told += [self._words.phrase(f"effect_{command.to.value}")]
        told += [self._words.phrase(f"mode_{self._seats[0].mode.value}")]
        seconds = QUESTION_LIVES.total_seconds()
        return "\n".join([*told, self._words.phrase("press_within", {"seconds": seconds})])

    def _stands(self, seat: Seat) -> list[str]:
        state = seat.desk.ledger.switch(seat.book.name)
        now = self._words.phrase("now", {"line": self._switch(state.switch, state.reason)})
        return [lines.titled(seat.title, self._words), now]

    def _becomes(self, seat: Seat, command: Change) -> list[str]:
        words = self._words
        if isinstance(command, Turn):
            then = words.phrase("then", {"line": self._switch(command.to, command.reason)})
            wakes = command.to is Switch.ACTIVE
            return [then, lines.wakes(next_wake(seat), words)] if wakes else [then]
        session = seat.desk.sessions.on(exchange_date(seat.desk.clock.now()))
        assert session is not None  # without one there is nothing to take up, and nobody asks
        values = {"session": session.date, "until": session.closes - LAST_CALL}
        return [words.phrase("then_run", values)]

    def _switch(self, switch: Switch, reason: str) -> str:
        return self._words.phrase(f"switch_{switch.value}", {"reason": reason})

    async def _in_words(self, replying: Awaitable[Reply], seats: Sequence[Seat]) -> Reply:
        """A reply, or the error in its place, headed by the book it is about where it is one."""
        try:
            reply = await replying
        except BellwetherError as error:
            reply = self._trouble(error)
        except LINE_ERRORS as error:
            reason = f"{type(error).__name__}: {error}"
            reply = self._trouble(BrokerUnavailable("broker_unavailable", reason=reason))
        if len(seats) != 1 or reply.text.startswith(MARKS):
            return reply
        return replace(reply, text=f"{lines.titled(seats[0].title, self._words)}\n{reply.text}")

    def _trouble(self, error: BellwetherError) -> Reply:
        remedy = {"sentence": self._words.remedy(error.code, error.values)}
        sentence = self._words.say(error.code, error.values)
        return Reply(f"{sentence}\n{self._words.phrase('remedy', remedy)}")

    def _welcome(self) -> str:
        mode = self._seats[0].mode
        values = {"mode": lines.marked(mode), "version": __version__}
        books = [lines.titled(seat.title, self._words) for seat in self._seats]
        about = self._words.phrase(f"mode_{mode.value}")
        first, last = self._words.phrase("chat_welcome", values), self._words.phrase("chat_more")
        return "\n".join([first, *books, about, last])
