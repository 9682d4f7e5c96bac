"""What the listening ports of all simulators do alike: claim a port, end a connection hard."""

import asyncio
import socket
import struct
from typing import Protocol

LOOPBACK = "127.0.0.1"
ANY_PORT = 0
# Lingering for no time makes the end of a connection a reset.
_NO_LINGER = struct.pack("ii", 1, 0)


def reset(transport: asyncio.BaseTransport | None) -> None:
    """End a connection by TCP reset; what was written and not sent is lost."""
    if not isinstance(transport, asyncio.Transport) or transport.is_closing():
        return
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
    transport.abort()


def reserve(host: str, port: int) -> socket.socket:
    """Keep a port, any where it is 0, that other sockets of this process may listen on.

    Raises OSError when it is in use.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if port:
        # Sharing a port that is in use, as the reservation does, would not be refused.
        with socket.socket(family, socket.SOCK_STREAM) as alone:
            alone.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            alone.bind((host, port))
    reserved = socket.socket(family, socket.SOCK_STREAM)
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    reserved.bind((host, port))
    return reserved


class Port(Protocol):
    """Something that listens."""

    async def open(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        ...

    async def close(self) -> None:
        """Stop at once."""
        ...


async def open_both(first: Port, second: Port) -> None:
    """Listen on two ports or on none. Raises OSError when one is taken."""
    await first.open()
    try:
        await second.open()
    except OSError:
        await first.close()
        raise
