"""The watcher's side is a real server on loopback; what it does wrong, it does on the wire."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from adapters.healthchecks import LONGEST_TEXT, Healthchecks
from bot.domain.errors import SettingsError
from bot.ports import NotDelivered, Sign

UUID = "0c0ffee0-dead-beef"


@dataclass
class Watch:
    """A server that keeps what it was told and answers as it is bid; None: not at all."""

    status: int | None = 200
    told: list[tuple[str, str]] = field(default_factory=list)
    port: int = 0
    lines: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/{UUID}"

    async def hear(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.lines.append(writer)
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line for line in head.lower().splitlines() if line.startswith("content-length")]
        body = await reader.readexactly(int(lengths[0].split(":")[1])) if lengths else b""
        self.told.append((head.split()[1], body.decode()))
        if self.status is not None:
            writer.write(f"HTTP/1.1 {self.status} X\r\nContent-Length: 0\r\n\r\n".encode())
            await writer.drain()
            writer.close()


@asynccontextmanager
async def watching(status: int | None = 200) -> AsyncIterator[Watch]:
    watch = Watch(status)
    server = await asyncio.start_server(watch.hear, "127.0.0.1", 0)
    watch.port = server.sockets[0].getsockname()[1]
    async with server:
        yield watch
        for line in watch.lines:
            line.close()
            await line.wait_closed()


async def test_each_sign_has_its_address_and_its_text():
    async with watching() as watch:
        watcher = Healthchecks(watch.address)
        await watcher.tell(Sign.BEGUN, "")
        await watcher.tell(Sign.WELL, "rotation: complete")
        await watcher.tell(Sign.ILL, "rotation: MISSED")
        await watcher.close()

    assert watch.told == [
        (f"/{UUID}/start", ""),
        (f"/{UUID}", "rotation: complete"),
        (f"/{UUID}/fail", "rotation: MISSED"),
    ]


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_what_was_not_received_is_said_without_the_address(status):
    async with watching(status) as watch:
        watcher = Healthchecks(watch.address)
        with pytest.raises(NotDelivered) as refused:
            await watcher.tell(Sign.WELL, "")
        await watcher.close()

    assert str(refused.value) == f"HTTP {status}"


async def test_a_watcher_that_does_not_answer_keeps_nobody_waiting():
    async with watching(None) as watch:
        watcher = Healthchecks(watch.address, answer=0.05)
        with pytest.raises(NotDelivered) as refused:
            await watcher.tell(Sign.WELL, "")
        await watcher.close()

    assert UUID not in f"{refused.value!r} {refused.value.__cause__}"


async def test_a_watcher_that_is_not_there_is_no_fault_of_ours():
    watcher = Healthchecks(f"http://127.0.0.1:1/{UUID}")

    with pytest.raises(NotDelivered, match="ConnectError"):
        await watcher.tell(Sign.WELL, "")
    await watcher.close()


async def test_a_long_text_is_cut():
    async with watching() as watch:
        watcher = Healthchecks(watch.address)
        await watcher.tell(Sign.ILL, "x" * 2 * LONGEST_TEXT)
        await watcher.close()

    assert len(watch.told[0][1]) == LONGEST_TEXT


@pytest.mark.parametrize("address", ["", "hc-ping.com/uuid", "ftp://hc-ping.com/uuid", "https://"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(SettingsError, match="deadman_address"):
        Healthchecks(address)
