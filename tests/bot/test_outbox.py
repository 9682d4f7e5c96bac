import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import timedelta

from bot.domain.errors import LedgerError
from bot.domain.memory import Message
from bot.ledger import SqlLedger
from bot.outbox import LONGEST_WAIT, Outbox
from bot.remembering import Ledger
from bot.schedule import JumpingClock
from tests.builders import NOW
from tests.fakes import Phone


def a_message(key: str, text: str = "") -> Message:
    return Message(key, "run", "main", NOW, text or key)


async def turns() -> None:
    """Let everybody do what there is to do."""
    for _ in range(50):
        await asyncio.sleep(0)


class FullLedger(SqlLedger):
    """A ledger on a full disk."""

    def post(self, message: Message) -> bool:
        raise LedgerError("ledger_full", path=message.key)


class ForgetfulLedger(SqlLedger):
    """A ledger that can not keep what was delivered."""

    def delivered(self, message: Message, at: object) -> None:
        raise LedgerError("ledger_full", path=message.key, at=at)


class Rig:
    """An outbox with its phone; its pauses are written down and not waited for."""

    def __init__(self, failures: int = 0, kind: type[SqlLedger] = SqlLedger) -> None:
        self.phone = Phone(failures)
        self.ledger: Ledger = kind.open(None)
        self.paused: list[float] = []
        self.outbox = Outbox(self.ledger, self.phone, JumpingClock(NOW), self._pause)

    @property
    def told(self) -> list[str]:
        return [message.key for message in self.phone.told]

    async def _pause(self, seconds: float) -> None:
        self.paused.append(seconds)
        await asyncio.sleep(0)

    def post(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.outbox.post(a_message(key))

    @asynccontextmanager
    async def delivering(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.outbox.deliver())
        yield
        await turns()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_messages_are_told_in_the_order_they_happened():
    rig = Rig()
    rig.post("abc")

    assert await rig.outbox.flush()

    assert rig.told == ["a", "b", "c"]


async def test_what_was_delivered_is_not_told_again():
    rig = Rig()
    rig.post("a")
    await rig.outbox.flush()

    await rig.outbox.flush()

    assert rig.told == ["a"]


async def test_the_same_event_is_told_once():
    rig = Rig()
    rig.outbox.post(a_message("a", "first"))
    rig.outbox.post(a_message("a", "second"))

    await rig.outbox.flush()

    assert [message.text for message in rig.phone.told] == ["first"]


async def test_a_delivery_that_fails_leaves_everything_after_it():
    rig = Rig(failures=1)
    rig.post("ab")

    assert not await rig.outbox.flush()
    assert [message.key for message in rig.ledger.undelivered()] == ["a", "b"]


async def test_what_was_not_delivered_is_told_by_the_next_process():
    rig = Rig(failures=1)
    rig.post("ab")
    await rig.outbox.flush()
    later = Phone()

    await Outbox(rig.ledger, later, JumpingClock(NOW)).flush()

    assert [message.key for message in later.told] == ["a", "b"]


async def test_what_an_earlier_process_left_may_be_known_already():
    rig = Rig(failures=1)
    rig.post("a")
    await rig.outbox.flush()
    later, clock = Phone(), JumpingClock(NOW + timedelta(seconds=1))
    outbox = Outbox(rig.ledger, later, clock)
    outbox.post(replace(a_message("b"), at=clock.now()))

    await outbox.flush()

    assert ([message.key for message in later.told], later.again) == (["a", "b"], ["a"])


async def test_a_wait_is_as_long_as_was_asked_for():
    rig = Rig(failures=3)
    rig.phone.wait = 3.0

    async with rig.delivering():
        rig.post("a")

    assert rig.paused == [3.0, 3.0, 4.0]


async def test_failures_are_waited_for_longer_each_time():
    rig = Rig(failures=3)

    async with rig.delivering():
        rig.post("ab")

    assert (rig.told, rig.paused) == (["a", "b"], [1.0, 2.0, 4.0])


async def test_a_wait_has_an_end():
    rig = Rig(failures=11)

    async with rig.delivering():
        rig.post("a")

    assert rig.paused[-3:] == [256.0, LONGEST_WAIT, LONGEST_WAIT]


async def test_after_a_success_the_wait_begins_anew():
    rig = Rig(failures=2)
    rig.post("a")

    async with rig.delivering():
        await turns()
        rig.phone.failures = 1
        rig.post("b")

    assert (rig.told, rig.paused) == (["a", "b"], [1.0, 2.0, 1.0])


async def test_news_wake_the_delivery():
    rig = Rig()

    async with rig.delivering():
        await asyncio.sleep(0)
        rig.post("a")
        await asyncio.sleep(0)
        rig.post("b")

    assert rig.told == ["a", "b"]


async def test_a_message_that_can_not_be_kept_is_told_all_the_same():
    rig = Rig(kind=FullLedger)
    rig.post("ab")

    await rig.outbox.flush()

    assert rig.told == ["a", "b"]


async def test_a_message_that_can_not_be_kept_waits_for_its_phone():
    rig = Rig(failures=1, kind=FullLedger)
    rig.post("ab")

    assert not await rig.outbox.flush()
    assert await rig.outbox.flush()
    assert rig.told == ["a", "b"]


async def test_a_delivery_that_can_not_be_kept_is_told_again_rather_than_lost():
    rig = Rig(kind=ForgetfulLedger)
    rig.post("a")

    assert not await rig.outbox.flush()
    await rig.outbox.flush()

    assert rig.told == ["a", "a"]
