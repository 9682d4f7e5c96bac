"""A notifier for whoever reads the log: one message, one block of lines."""

from collections.abc import Callable

from bot.domain.memory import Message


class Console:
    """Writes each message with a function that takes text; it can not fail to deliver."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write

    async def tell(self, message: Message, *, again: bool = False) -> None:
        """Deliver a message; what the log has twice is no harm, and so is not marked."""
        del again
        self._write(message.text + "\n")
