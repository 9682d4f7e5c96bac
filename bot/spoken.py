"""What a person types in a chat, read as a command of the house."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TypeAlias

from bot.commands import MOST_TOLD, Coming, Glance, Look, Orders, PlanNow, RunNow, Runs, Turn, Why
from bot.domain.errors import BellwetherError
from bot.domain.memory import Switch
from bot.words import Language, Words

LONGEST_REASON = 120  # characters, as the following
LONGEST_QUOTE = 40


@dataclass(frozen=True, slots=True)
class LogIn:
    """Renew the login at the broker of a book; without a name, at the only broker that has one."""

    book: str | None = None


Change: TypeAlias = Turn | RunNow
Asked: TypeAlias = Glance | PlanNow | Change
Spoken: TypeAlias = Asked | LogIn

_COUNT = re.compile("[1-9][0-9]{0,2}")
_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SYMBOL = re.compile(r"[A-Za-z0-9][A-Za-z0-9.\-/]{0,14}")


@dataclass(frozen=True, slots=True)
class Word:
    """A command as a person types it: what its name and the words behind it mean.

    `reads` raises ValueError for words that mean nothing here. `group` and `takes`
    are phrases: where it stands in the help, and what may stand behind it.
    """

    name: str
    group: str
    reads: Callable[[Sequence[str]], Spoken]
    takes: str = ""

    @property
    def about(self) -> str:
        """The phrase that says what it does."""
        return f"chat_{self.name}"


def _alone(command: Spoken) -> Callable[[Sequence[str]], Spoken]:
    def read(rest: Sequence[str]) -> Spoken:
        if rest:
            raise ValueError(rest)
        return command

    return read


def _only(rest: Sequence[str], shape: re.Pattern[str]) -> str:
    if len(rest) != 1 or not shape.fullmatch(rest[0]):
        raise ValueError(rest)
    return rest[0]


def _count(rest: Sequence[str]) -> int:
    count = int(_only(rest, _COUNT))
    if count > MOST_TOLD:
        raise ValueError(rest)
    return count


def _coming(rest: Sequence[str]) -> Asked:
    return Coming(count=_count(rest)) if rest else Coming()


def _runs(rest: Sequence[str]) -> Asked:
    return Runs(count=_count(rest)) if rest else Runs()


def _orders(rest: Sequence[str]) -> Asked:
    return Orders(day=date.fromisoformat(_only(rest, _DAY))) if rest else Orders()


def _why(rest: Sequence[str]) -> Asked:
    return Why(symbol=_only(rest, _SYMBOL).upper()) if rest else Why()


def _turn(to: Switch, rest: Sequence[str]) -> Turn:
    return Turn(to, reason=" ".join(rest)[:LONGEST_REASON])


def _pause(rest: Sequence[str]) -> Asked:
    if rest and rest[0].lower() == "exits":
        return _turn(Switch.EXITS_ONLY, rest[1:])
    return _turn(Switch.PAUSED, rest)


def _resume(rest: Sequence[str]) -> Asked:
    return _turn(Switch.ACTIVE, rest)


def _halt(rest: Sequence[str]) -> Asked:
    return _turn(Switch.HALTED, rest)


WORDS = (
    Word("status", "help_see", _alone(Look())),
    Word("positions", "help_see", _alone(Look(do="positions"))),
    Word("runs", "help_see", _runs, "takes_count"),
    Word("orders", "help_see", _orders, "takes_day"),
    Word("next", "help_see", _coming, "takes_count"),
    Word("plan", "help_explain", _alone(PlanNow())),
    Word("why", "help_explain", _why, "takes_symbol"),
    Word("pause", "help_control", _pause, "takes_exits"),
    Word("resume", "help_control", _resume, "takes_reason"),
    Word("halt", "help_control", _halt, "takes_reason"),
    Word("run", "help_control", _alone(RunNow())),
    Word("login", "help_control", _alone(LogIn())),
)
_BY_NAME = {word.name: word for word in WORDS}


def command_name(said: Sequence[str]) -> str:
    """The command named by the first word, empty where it names none: no slash, no name."""
    if not said or not said[0].startswith("/"):
        return ""
    return said[0][1:].partition("@")[0].lower()


def read(said: Sequence[str], books: Sequence[str], words: Words) -> Spoken | None:
    """What is asked for, None where the first word is no command that asks for anything.

    Where there are several books the second word may name one. BellwetherError
    `unclear_words` where what else stands there means nothing to the command.
    """
    word = _BY_NAME.get(command_name(said))
    if word is None:
        return None
    book = _book_in(said[1:2], books)
    rest = said[2:] if book else said[1:]
    try:
        return replace(word.reads(rest), book=book)
    except ValueError:
        quote = " ".join(rest)[:LONGEST_QUOTE]
        usage = _usage(word, words, books if len(books) > 1 else ())
        raise BellwetherError("unclear_words", said=quote, command=word.name, usage=usage) from None


def _book_in(said: Sequence[str], books: Sequence[str]) -> str | None:
    """The book somebody names, in any case; where there is one only, nobody has to."""
    if not said or len(books) <= 1:
        return None
    named = said[0]
    alike = [book for book in books if book.casefold() == named.casefold()]
    return named if named in alike else next(iter(alike), None)


def _usage(word: Word, words: Words, books: Sequence[str] = ()) -> str:
    named = f"[{'|'.join(books)}]" if books else ""
    takes = words.phrase(word.takes) if word.takes else ""
    return " ".join(part for part in (f"/{word.name}", named, takes) if part)


def menu(language: Language) -> tuple[tuple[str, str], ...]:
    """The commands a chat offers, each with what it does."""
    words = Words(language)
    offered = [(word.name, words.phrase(word.about)) for word in WORDS]
    return (*offered, ("help", words.phrase("chat_help")))


def help_text(books: Sequence[str], words: Words) -> str:
    """Every command with what may follow it and what it does, by groups."""
    told: list[str] = []
    for group in dict.fromkeys(word.group for word in WORDS):
        told += [words.phrase(group)]
        for word in (word for word in WORDS if word.group == group):
            values = {"usage": _usage(word, words), "about": words.phrase(word.about)}
            told += [words.phrase("help_line", values)]
        told += [""]
    if len(books) > 1:
        told += [words.phrase("help_books", {"known": ", ".join(books), "first": books[0]})]
    return "\n".join(told).rstrip()
