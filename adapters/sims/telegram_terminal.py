"""The owner's phone in a terminal: lines typed become messages, what the bot sends is shown."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from adapters.sims.telegram_control import Control
from adapters.sims.telegram_faults import Fault, FaultKind, OutageKind
from adapters.sims.telegram_record import Entry, Kind
from adapters.sims.telegram_transcript import bubble, callbacks

STANDARD_INPUT = 0
CHUNK = 4096
HELP = """\
Type what the owner types, for example /status. Besides:
  press 2          press the button with that number, of the last message with buttons
  edit TEXT        change the last message typed
  fail 502 3       answer the next 3 calls, polls too, with that status; without numbers 502, once
  lose 1           carry the next call that sends a message out and lose its answer
  outage 10        refuse connections for 10 seconds; without a number until restore
  restore          end outage and faults
  block, unblock   stop the bot, let it write again
  chat             the whole chat as it looks now
  say TEXT         type TEXT even if it looks like one of these
  help, quit"""


@dataclass(frozen=True, slots=True)
class Phone:
    """One person's phone: what it shows goes through `show`."""

    control: Control
    show: Callable[[str], None]

    async def converse(self, lines: AsyncIterator[str]) -> bool:
        """Do what each line says until they end; return whether the last one was `quit`."""
        self.control.listen(self._on_entry)
        async for line in lines:
            if line.strip().lower() == "quit":
                return True
            if line.strip():
                await self._obey(line.strip())
        return False

    async def _obey(self, line: str) -> None:
        verb, _, rest = line.partition(" ")
        try:
            await self._do(verb.lower(), rest.strip(), line)
        except (LookupError, ValueError) as wrong:
            self.show(f"  ! {wrong.args[0]}")

    async def _do(self, verb: str, rest: str, line: str) -> None:
        match verb:
            case "help" | "?":
                self.show(HELP)
            case "press":
                self._press(rest)
            case "edit":
                self.control.edit(rest)
            case "say":
                self.control.say(rest)
            case "block":
                self.control.block()
            case "unblock":
                self.control.unblock()
            case "chat":
                self.show(self.control.transcript())
            case "fail" | "lose" | "outage" | "restore":
                await self._break(verb, _numbers(rest))
            case _:
                self.control.say(line)

    async def _break(self, verb: str, numbers: list[int]) -> None:
        match verb, numbers:
            case "fail", _:
                status, times = [*numbers, 1] if len(numbers) == 1 else numbers or [502, 1]
                self.control.fail(Fault(FaultKind.REFUSE, status=status, times=times))
            case "lose", _:
                times = numbers[0] if numbers else 1
                self.control.fail(Fault(FaultKind.LOSE, "sendMessage", times=times))
            case "outage", _:
                seconds = float(numbers[0]) if numbers else None
                await self.control.cut(OutageKind.REFUSED, seconds)
            case _:
                await self.control.restore()
        self.show(f"  ({verb})")

    def _press(self, which: str) -> None:
        shown = self._last_buttons()
        number = int(which) if which.isdigit() else 0
        if not 0 < number <= len(shown):
            raise ValueError(f"press {which}: give a number from 1 to {len(shown)}")
        self.control.press(shown[number - 1])

    def _last_buttons(self) -> list[str]:
        latest = {e.message_id: e for e in self.control.record() if e.message_id and _drawn(e)}
        keyboards = [entry.keyboard for entry in latest.values() if entry.keyboard]
        if not keyboards:
            raise LookupError("no message has buttons")
        return callbacks(keyboards[-1])

    def _on_entry(self, entry: Entry) -> None:
        if entry.kind is not Kind.TYPED:
            self.show(bubble(entry, self.control.name))


def _drawn(entry: Entry) -> bool:
    return entry.by_bot and entry.kind not in {Kind.ANSWER, Kind.ACTION}


def _numbers(text: str) -> list[int]:
    words = text.split()
    wrong = [word for word in words if not word.isdigit()]
    if wrong:
        raise ValueError(f"{wrong[0]} is no number")
    return [int(word) for word in words]
