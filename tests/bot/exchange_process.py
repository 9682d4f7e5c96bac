"""The paper broker in another process, and the line to it: what it booked is the verdict."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeAlias

from pydantic import TypeAdapter

from adapters.journal import Journal
from adapters.paper import ENTRIES, PaperBroker
from bot.domain.blotter import Booked, Ended, Entry, Filled
from bot.domain.errors import OrderRefused
from bot.domain.fills import Fill, FillRules, filled_with
from bot.domain.model import OrderIntent, OrderReport, Portfolio
from bot.ports import Capabilities, Clock
from bot.schedule import JumpingClock
from tests.bot.five_symbols import CALENDAR, MORNING, OPENING, a_market

ROOT = Path(__file__).parents[2]
RULES = FillRules(shorting=True)
LONGEST_LINE = 1024 * 1024  # bytes

Verb: TypeAlias = Literal["portfolio", "submit", "orders_today", "cancel", "record", "heard"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One call of one account; the exchange's time is the latest anybody told it."""

    account: str
    verb: Verb
    now: datetime
    order: OrderIntent | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a call: an account, orders, a time, or the code of a refusal."""

    portfolio: Portfolio | None = None
    orders: Sequence[OrderReport] = ()
    at: datetime | None = None
    refused: str = ""


_ASKED = TypeAdapter(Asked)
_ANSWERED = TypeAdapter(Answered)
_ENTRY: TypeAdapter[Entry] = TypeAdapter(Entry)


class Account:
    """A paper account with its own journal and time; each begins with the same opening."""

    def __init__(self, journal: Path) -> None:
        self.clock = JumpingClock(MORNING)
        self._journal = journal
        self._broker = PaperBroker(
            OPENING, journal, a_market(self.clock), CALENDAR, self.clock, RULES
        )

    async def answer(self, asked: Asked) -> Answered:
        self.clock.jump(asked.now)
        try:
            return await self._answer(asked.verb, asked.order)
        except OrderRefused as refusal:
            return Answered(refused=refusal.code)

    async def _answer(self, verb: Verb, order: OrderIntent | None) -> Answered:
        answered = Answered(at=self.clock.now())
        match verb, order:
            case "portfolio", None:
                answered = Answered(portfolio=await self._broker.portfolio())
            case "orders_today", None:
                answered = Answered(orders=await self._broker.orders_today())
            case "record", None:
                answered = Answered(orders=record(self._journal))
            case "submit", OrderIntent():
                answered = Answered(orders=[await self._broker.submit(order)])
            case "cancel", OrderIntent():
                await self._broker.cancel(order)
        return answered


def record(journal: Path) -> list[OrderReport]:
    """Every order ever booked, as the journal alone tells it."""
    orders: dict[str, OrderReport] = {}
    for line in Journal(journal, ENTRIES).read():
        match _ENTRY.validate_json(line):
            case Booked() as booked:
                orders[booked.number] = booked.report()
            case Filled(number, shares, price, commission):
                known = orders[number]
                fill = Fill(known.symbol, known.action, shares, price, commission)
                orders[number] = filled_with(known, fill)
            case Ended(number, status, _, reason):
                orders[number] = replace(orders[number], status=status, reason=reason)
    return list(orders.values())


class Line:
    """A Broker at the other end of a socket: one account of the exchange, at a clock's time."""

    capabilities = Capabilities(shorting=True)

    def __init__(self, socket: Path, account: str, clock: Clock) -> None:
        self._socket, self._account, self._clock = socket, account, clock

    async def portfolio(self) -> Portfolio:
        answer = await self._ask("portfolio")
        assert answer.portfolio is not None  # what was asked for
        return answer.portfolio

    async def submit(self, order: OrderIntent) -> OrderReport:
        [report] = (await self._ask("submit", order)).orders
        return report

    async def orders_today(self) -> Sequence[OrderReport]:
        return (await self._ask("orders_today")).orders

    async def cancel(self, order: OrderIntent) -> None:
        await self._ask("cancel", order)

    async def record(self) -> Sequence[OrderReport]:
        """The verdict: every order the exchange ever booked in the account."""
        return (await self._ask("record")).orders

    async def heard(self) -> datetime:
        """The latest time the exchange was told: when a process that died was alive last."""
        answer = await self._ask("heard")
        assert answer.at is not None  # what was asked for
        return answer.at

    async def _ask(self, verb: Verb, order: OrderIntent | None = None) -> Answered:
        asked = Asked(self._account, verb, self._clock.now(), order)
        reader, writer = await asyncio.open_unix_connection(self._socket, limit=LONGEST_LINE)
        try:
            writer.write(_ASKED.dump_json(asked) + b"\n")
            line = await reader.readline()
        finally:
            writer.close()
            await writer.wait_closed()
        if not line:
            raise ConnectionError("the exchange hung up")
        answer = _ANSWERED.validate_json(line)
        if answer.refused:
            raise OrderRefused(answer.refused)
        return answer


@contextmanager
def exchange(folder: Path) -> Iterator[Path]:
    """A running exchange: the socket it listens on. It ends when nobody holds its input."""
    socket = folder / "socket"
    command = [sys.executable, "-m", __name__, str(socket), str(folder)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None  # both are pipes
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        yield socket
        process.stdin.close()


async def _serve(socket: Path, folder: Path) -> None:
    accounts: dict[str, Account] = {}

    async def hear(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = _ASKED.validate_json(await reader.readline())
        if asked.account not in accounts:
            accounts[asked.account] = Account(folder / f"{asked.account}.jsonl")
        answer = await accounts[asked.account].answer(asked)
        writer.write(_ANSWERED.dump_json(answer) + b"\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_unix_server(hear, socket):
        sys.stdout.write("open\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve(Path(sys.argv[1]), Path(sys.argv[2])))
