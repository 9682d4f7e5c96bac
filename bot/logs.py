"""The log: when, whose run, what; in lines for people or for programs, never with a secret."""

import json
import logging
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from bot.domain.calendar import EXCHANGE
from bot.words import alias

HIDDEN = "<hidden>"
SHORTEST = 8  # characters of what is worth hiding: less would tear words apart

# Libraries that tell of every request; what of it matters is told by those who use them.
CHATTY = (
    *("aiohttp", "apscheduler", "asyncio", "authlib", "distributed", "httpcore", "httpx"),
    *("ib_async", "ib_insync", "matplotlib", "schwab", "telegram", "urllib3", "websockets"),
)

# What is a secret by its shape, whoever's it is: a bot's token, a login's, a sealed one.
_SHAPES = re.compile(
    r"(?<=\d:)[\w-]{30,}"
    r"|(?i:(?<=bearer )|(?<=basic ))[\w.~+/=-]{8,}"
    r"|(?<=_token[\"']: [\"'])[^\"']+"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]+"
)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a line is about: a book, its session, the account by its last characters."""

    book: str = ""
    session: date | None = None
    account: str = ""

    @property
    def run(self) -> str:
        """The run's name, the book's outside of one."""
        return f"{self.book}/{self.session}" if self.session else self.book


_subject: ContextVar[Subject] = ContextVar("subject", default=Subject())  # noqa: B039 - it is frozen


@contextmanager
def about(book: str, account: str, session: date | None = None) -> Iterator[None]:
    """Have every line meanwhile say whose it is, those of tasks begun in it, too."""
    before = _subject.set(Subject(book, session, alias(account)))
    try:
        yield
    finally:
        _subject.reset(before)


class Redaction:
    """Texts without secrets: values known by heart, those in files, and what looks like one.

    `files` hold tokens that change while the process lives: they are read again
    whenever they did, and what was in them stays hidden. Account numbers are
    replaced by their last characters.
    """

    def __init__(
        self, values: Iterable[str] = (), files: Iterable[Path] = (), accounts: Iterable[str] = ()
    ) -> None:
        self._hidden = {value: HIDDEN for value in values if len(value) >= SHORTEST}
        self._hidden |= {each: alias(each) for each in accounts if alias(each) != each}
        self._files: dict[Path, int] = dict.fromkeys(files, 0)

    def __call__(self, text: str) -> str:
        """The text, with everything that nobody may read replaced."""
        for path, seen in self._files.items():
            with suppress(OSError, ValueError):
                changed = path.stat().st_mtime_ns
                if changed != seen:
                    self._learn(path.read_text("utf-8"))
                    self._files[path] = changed
        # The longest first: one may be part of another.
        for value in sorted(self._hidden, key=len, reverse=True):
            text = text.replace(value, self._hidden[value])
        return _SHAPES.sub(HIDDEN, text)

    def _learn(self, content: str) -> None:
        try:
            told = list(_texts(json.loads(content)))
        except ValueError:
            told = content.split()
        self._hidden |= {each: HIDDEN for each in told if len(each) >= SHORTEST}


def _texts(value: object) -> Iterator[str]:
    """Every text in a value of JSON, its keys left out."""
    match value:
        case str():
            yield value
        case Mapping():
            for inner in value.values():
                yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


class _Lines(logging.Formatter):
    """What every way of writing a record has in common: its time, its subject, its redaction."""

    def __init__(self, redaction: Redaction) -> None:
        super().__init__()
        self.redacted = redaction

    def trace(self, record: logging.LogRecord) -> str:
        """Where an error came from, empty for a record without one."""
        return self.formatException(record.exc_info) if record.exc_info else ""


class ConsoleLines(_Lines):
    """A line for people: UTC, the exchange's time, how bad, whose, by whom, what."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        at, whose = _at(record), _subject.get()
        parts = [
            f"{at:%Y-%m-%d %H:%M:%S}Z",
            f"({at.astimezone(EXCHANGE):%H:%M} New York)",
            record.levelname,
            *filter(None, (whose.run, whose.account)),
            f"{record.name}:",
            record.getMessage(),
        ]
        return self.redacted("\n".join(filter(None, [" ".join(parts), self.trace(record)])))


class JsonLines(_Lines):
    """A line for programs: one JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as text."""
        at, whose = _at(record), _subject.get()
        line = {
            "at": at.isoformat(timespec="milliseconds"),
            "exchange_at": at.astimezone(EXCHANGE).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "run": whose.run or None,
            "book": whose.book or None,
            "session": whose.session.isoformat() if whose.session else None,
            "account": whose.account or None,
            "message": self.redacted(record.getMessage()),
            "trace": self.redacted(self.trace(record)) or None,
        }
        return json.dumps(line, ensure_ascii=False)


def begin(level: str, lines: str, redaction: Redaction) -> None:
    """Have the process log to stderr from now on; one that logs already goes on as it does."""
    log = logging.StreamHandler(sys.stderr)
    log.setFormatter((JsonLines if lines == "json" else ConsoleLines)(redaction))
    logging.basicConfig(level=level.upper(), handlers=[log])
    for name in CHATTY:
        library = logging.getLogger(name)
        # A library that was told to be quieter stays so.
        library.setLevel(max(library.level, logging.WARNING))


def _at(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)
