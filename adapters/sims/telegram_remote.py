"""A Telegram in another process: started, played and broken from here, without asyncio."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from adapters.sims.remote import PATIENCE, Process, Remote, running
from adapters.sims.telegram_faults import Fault, OutageKind
from adapters.sims.telegram_html import Json
from adapters.sims.telegram_rates import Rates
from adapters.sims.telegram_record import Entry, entry_from

NO_ARGUMENTS: Json = {}


class RemoteControl(Remote):
    """The verbs of a Control, each a call to its address; blocks until it is answered.

    Where the simulator runs in the caller's own event loop, use its `control` instead.
    Raises ValueError for what the Control refuses, TimeoutError where it does.
    """

    def say(
        self,
        text: str,
        chat_id: int | None = None,
        user_id: int | None = None,
        *,
        forwarded: bool = False,
    ) -> Entry:
        """Type a message; a forwarded one carries its origin."""
        told = {"text": text, "chat_id": chat_id, "user_id": user_id, "forwarded": forwarded}
        return entry_from(self._call("say", told))

    def edit(
        self,
        text: str,
        message_id: int | None = None,
        chat_id: int | None = None,
        user_id: int | None = None,
    ) -> Entry:
        """Change a typed message, the last one if not named."""
        told = {"text": text, "message_id": message_id, "chat_id": chat_id, "user_id": user_id}
        return entry_from(self._call("edit", told))

    def press(
        self,
        button: str,
        chat_id: int | None = None,
        user_id: int | None = None,
        message_id: int | None = None,
    ) -> Entry:
        """Press a button by label or data, of the last message with buttons if not named."""
        told = {"button": button, "chat_id": chat_id, "user_id": user_id}
        return entry_from(self._call("press", told | {"message_id": message_id}))

    def join(self, chat_id: int, user_id: int | None = None) -> Entry:
        """Come into a group."""
        return entry_from(self._call("join", {"chat_id": chat_id, "user_id": user_id}))

    def block(self, user_id: int | None = None) -> Entry:
        """Block the bot."""
        return entry_from(self._call("block", {"user_id": user_id}))

    def unblock(self, user_id: int | None = None) -> Entry:
        """Let the bot write again."""
        return entry_from(self._call("unblock", {"user_id": user_id}))

    def meet(self, user_id: int, name: str, username: str = "", language: str = "en") -> None:
        """Let a person be known by name and have begun a chat with the bot."""
        told = {"user_id": user_id, "name": name, "username": username, "language": language}
        self._call("meet", told)

    def found_group(self, chat_id: int, title: str) -> None:
        """Let there be a group with the bot in it."""
        self._call("found_group", {"chat_id": chat_id, "title": title})

    def fail(self, fault: Fault) -> None:
        """Let the next calls of a method meet a fault; several queue up."""
        self._call("fail", {"fault": asdict(fault)})

    def limit(self, rates: Rates | None = None) -> None:
        """Limit what the bot may send from now on; no rates, no limits."""
        self._call("limit", {"rates": asdict(rates) if rates else None})

    def cut(
        self,
        kind: OutageKind = OutageKind.REFUSED,
        seconds: float | None = None,
        after: float = 0.0,
    ) -> None:
        """Begin an outage; it lasts `seconds`, or until restored."""
        self._call("cut", {"kind": kind, "seconds": seconds, "after": after})

    def restore(self) -> None:
        """End the outage and forget faults not met yet."""
        self._call("restore")

    def expire_queries(self) -> int:
        """Let every pressed button be too old to be answered; return how many."""
        return int(self._call("expire_queries"))

    def listening(self) -> bool:
        """Whether the bot waits in a long poll at this moment."""
        return bool(self._call("listening"))

    def pending(self) -> int:
        """How many updates the bot has not confirmed."""
        return int(self._call("pending"))

    def record(self, chat_id: int | None = None, after: int = 0) -> list[Entry]:
        """Everything that happened after the entry of that number, in one chat or in all."""
        told = self._call("record", {"chat_id": chat_id, "after": after})
        return [entry_from(each) for each in told]

    def transcript(self, chat_id: int | None = None) -> str:
        """One chat as a phone shows it now."""
        return str(self._call("transcript", {"chat_id": chat_id}))

    def menu(self, chat_id: int | None = None, language: str = "en") -> list[Json]:
        """The commands a phone in that language shows in a chat."""
        return list(self._call("menu", {"chat_id": chat_id, "language": language}))

    def wait(self, text: str = "", after: int = 0, seconds: float = PATIENCE) -> Entry:
        """The bot's first entry after that number with `text` in it. Raises TimeoutError."""
        told = {"text": text, "after": after, "seconds": seconds}
        return entry_from(self._call("wait", told, seconds))

    def _call(self, verb: str, told: Json = NO_ARGUMENTS, longer: float = 0.0) -> Any:
        return self.post(verb, told, longer)


@dataclass(frozen=True, slots=True)
class Started:
    """A Telegram in its own process: where the bot finds it, and the hand that plays it."""

    base_url: str
    base_file_url: str
    token: str
    owner_id: int
    control: RemoteControl
    process: Process


@contextmanager
def started(*options: str, patience: float = PATIENCE) -> Iterator[Started]:
    """Run a Telegram in its own process, with options of its command line, until the block ends.

    It ends by itself when this process dies. Raises ChildProcessError if it does not begin.
    """
    with running("telegram", options, patience) as (told, process):
        control = RemoteControl(told.pop("control_url"), patience)
        yield Started(**told, control=control, process=process)
