"""The hand that plays the people and breaks the line: as calls, and as JSON over HTTP."""

import inspect
from collections.abc import Callable
from dataclasses import is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, get_args, get_type_hints

from aiohttp import web

from adapters.sims.telegram_chats import Person
from adapters.sims.telegram_faults import EVERY_METHOD, Fault, OutageKind
from adapters.sims.telegram_html import Json
from adapters.sims.telegram_line import Line
from adapters.sims.telegram_rates import Rates
from adapters.sims.telegram_record import Entry, Kind
from adapters.sims.telegram_transcript import transcript
from adapters.sims.telegram_world import World

VERBS = frozenset(
    {
        "say",
        "edit",
        "press",
        "join",
        "block",
        "unblock",
        "meet",
        "found_group",
        "fail",
        "limit",
        "listening",
        "cut",
        "restore",
        "expire_queries",
        "pending",
        "record",
        "transcript",
        "menu",
        "wait",
    }
)


class Control:
    """What a test or a person may do to a simulated Telegram.

    Who is not named is the owner, what chat is not named is the private one of who
    acts. Wrong arguments raise ValueError, what does not exist raises LookupError.
    """

    def __init__(self, world: World, line: Line) -> None:
        self._world = world
        self._line = line

    def say(
        self,
        text: str,
        chat_id: int | None = None,
        user_id: int | None = None,
        forwarded: bool = False,  # noqa: FBT001, FBT002 - the same over HTTP, by name
    ) -> Entry:
        """Type a message; a forwarded one carries its origin."""
        who = self._who(user_id)
        return self._world.people.say(text, chat_id or who, who, forwarded=forwarded)

    def edit(
        self,
        text: str,
        message_id: int | None = None,
        chat_id: int | None = None,
        user_id: int | None = None,
    ) -> Entry:
        """Change a typed message, the last one if not named."""
        who = self._who(user_id)
        chat = chat_id or who
        return self._world.people.edit(text, message_id or self._last_typed(chat, who), chat, who)

    def press(
        self,
        button: str,
        chat_id: int | None = None,
        user_id: int | None = None,
        message_id: int | None = None,
    ) -> Entry:
        """Press a button by label or data, of the last message with buttons if not named."""
        who = self._who(user_id)
        return self._world.people.press(button, chat_id or who, who, message_id or 0)

    def join(self, chat_id: int, user_id: int | None = None) -> Entry:
        """Come into a group."""
        return self._world.people.join(chat_id, self._who(user_id))

    def block(self, user_id: int | None = None) -> Entry:
        """Block the bot."""
        return self._world.people.block(self._who(user_id))

    def unblock(self, user_id: int | None = None) -> Entry:
        """Let the bot write again."""
        return self._world.people.unblock(self._who(user_id))

    def meet(self, user_id: int, name: str, username: str = "", language: str = "en") -> None:
        """Let a person be known by name and have begun a chat with the bot."""
        self._world.chats.meet(Person(user_id, name, username, language))

    def found_group(self, chat_id: int, title: str) -> None:
        """Let there be a group with the bot in it."""
        self._world.chats.found_group(chat_id, title)

    def fail(self, fault: Fault) -> None:
        """Let the next calls of a method meet a fault; several queue up."""
        if fault.method != EVERY_METHOD and not self._world.methods.known(fault.method):
            raise LookupError(f"method is {fault.method}: the simulator has none of that name")
        self._world.faults.add(fault)

    def limit(self, rates: Rates | None = None) -> None:
        """Limit what the bot may send from now on; no rates, no limits."""
        self._world.meter.rates = rates

    async def cut(
        self,
        kind: OutageKind = OutageKind.REFUSED,
        seconds: float | None = None,
        after: float = 0.0,
    ) -> None:
        """Begin an outage; it lasts `seconds`, or until restored."""
        await self._line.cut(kind, seconds, after)

    async def restore(self) -> None:
        """End the outage and forget faults not met yet."""
        self._world.faults.clear()
        await self._line.restore()

    def expire_queries(self) -> int:
        """Let every pressed button be too old to be answered; return how many."""
        count = len(self._world.chats.queries)
        self._world.chats.queries.clear()
        return count

    def listening(self) -> bool:
        """Whether the bot waits in a long poll at this moment."""
        return self._world.updates.awaited

    def pending(self) -> int:
        """How many updates the bot has not confirmed."""
        return self._world.updates.pending

    def record(self, chat_id: int | None = None, after: int = 0) -> list[Entry]:
        """Everything that happened after the entry of that number, in one chat or in all."""
        return list(self._world.chats.record.entries(chat_id, after))

    def transcript(self, chat_id: int | None = None) -> str:
        """One chat as a phone shows it now."""
        return transcript(self.record(chat_id or self._who(None)), self.name)

    def menu(self, chat_id: int | None = None, language: str = "en") -> list[Json]:
        """The commands a phone in that language shows in a chat."""
        who = chat_id or self._who(None)
        return self._world.methods.menus.shown(self._world.chats.open_to_bot(who), language)

    async def wait(self, text: str = "", after: int = 0, seconds: float = 5.0) -> Entry:
        """The bot's first entry after that number with `text` in it. Raises TimeoutError."""
        return await self._world.chats.record.wait(text, after, seconds)

    def listen(self, listener: Callable[[Entry], None]) -> None:
        """Call `listener` with each further entry, in this process."""
        self._world.chats.record.listen(listener)

    def name(self, user_id: int) -> str:
        """Return what the phone calls somebody."""
        itself = self._world.chats.itself
        return itself.name if user_id == itself.id else self._world.chats.person(user_id).name

    def _who(self, user_id: int | None) -> int:
        return self._world.chats.owner.id if user_id is None else user_id

    def _last_typed(self, chat_id: int, user_id: int) -> int:
        for entry in reversed(self.record(chat_id)):
            if entry.kind is Kind.TYPED and entry.user_id == user_id:
                return entry.message_id
        raise LookupError(f"user_id is {user_id}: nothing typed in {chat_id} yet")


def routes(control: Control) -> web.Application:
    """The verbs as `POST /control/VERB` with a JSON object of arguments; GET without any."""

    async def answer(request: web.Request) -> web.Response:
        verb = request.match_info["verb"]
        try:
            result = await _act(_verb(control, verb), await _body(request))
        except (LookupError, ValueError) as wrong:
            return web.json_response({"error": str(wrong.args[0])}, status=400)
        except TimeoutError:
            remark = "the bot did not write that in time"
            return web.json_response({"error": remark}, status=504)
        return web.json_response({"result": _told(result)})

    app = web.Application()
    app.router.add_route("*", "/control/{verb}", answer)
    return app


def _verb(control: Control, verb: str) -> Callable[..., Any]:
    if verb not in VERBS:
        raise LookupError(f"there is no {verb}: give one of {', '.join(sorted(VERBS))}")
    act: Callable[..., Any] = getattr(control, verb)
    return act


async def _body(request: web.Request) -> Json:
    body = await request.json() if request.body_exists else {}
    if not isinstance(body, dict):
        raise ValueError(  # noqa: TRY004 - wrong arguments are told in one way
            "the body is no JSON object: give one with the arguments by name"
        )
    return body


async def _act(act: Callable[..., Any], body: Json) -> Any:
    result = act(**_arguments(act, body))
    return await result if inspect.isawaitable(result) else result


def _arguments(act: Callable[..., Any], body: Json) -> Json:
    try:
        inspect.signature(act).bind(**body)
    except TypeError as wrong:
        raise ValueError(f"{getattr(act, '__name__', act)}: {wrong}") from None
    hints = get_type_hints(act)
    return {name: _fitted(name, hints[name], value) for name, value in body.items()}


def _fitted(name: str, hint: Any, value: Any) -> Any:
    """Return a value of JSON as what is asked for. Raises ValueError naming it."""
    for kind in get_args(hint) if isinstance(hint, UnionType) else (hint,):
        if isinstance(kind, type) and is_dataclass(kind) and isinstance(value, dict):
            return kind(**_arguments(kind, value))
        if isinstance(kind, type) and issubclass(kind, Enum):
            return kind(value)
        if kind is float and type(value) is int:
            return float(value)
        if type(value) is kind:
            return value
    raise ValueError(f"{name} is {value!r}: give {getattr(hint, '__name__', hint)}")


def _told(result: Any) -> Any:
    if isinstance(result, list):
        return [_told(each) for each in result]
    return result.as_json() if isinstance(result, Entry) else result
