"""systemd as the supervisor of a daemon: one datagram for each thing it is told."""

import logging
import socket

log = logging.getLogger(__name__)


class Systemd:
    """Tells the service manager that listens at an address; trouble with it stops nobody."""

    def __init__(self, address: str, every: float) -> None:
        # A name that begins with @ lies in no folder.
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self.every = every

    def beat(self, status: str) -> None:
        """The daemon is armed and lives."""
        self._say("READY=1", "WATCHDOG=1", _status(status))

    def doubt(self, status: str) -> None:
        """It runs, and can not prove that it does its work."""
        self._say(_status(status))

    def ending(self) -> None:
        """It is about to end, as it was told to."""
        self._say("STOPPING=1")

    def _say(self, *states: str) -> None:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
                # Whoever does not listen is not waited for: the loop has orders to look after.
                line.setblocking(False)
                line.sendto("\n".join(states).encode(), self._address)
        except OSError as error:
            log.warning("the service manager was not told %s: %s", states[0], error)


def _status(text: str) -> str:
    """One line of text as a state."""
    return f"STATUS={' '.join(text.split())}"
