"""A chat as a phone shows it, for a terminal: the bot on the left, its owner on the right."""

from collections.abc import Callable

from bot.domain.memory import Message
from bot.ports import Chat, Choice, Reply
from bot.words import Words

OWNER = 1
ASIDE = 34  # columns the owner's side is moved to the right


class Phone:
    """A notifier that shows each message in its bubble, under its time."""

    def __init__(self, write: Callable[[str], None], words: Words) -> None:
        self._write, self._words = write, words

    async def tell(self, message: Message, *, again: bool = False) -> None:
        """Show a message; in a show nothing is told twice."""
        del again
        self._bubble(self._words.phrase("wake", {"at": message.at}), message.text)

    async def ask(self, chat: Chat, text: str) -> Reply:
        """Type something as the owner, and show what comes back."""
        self._bubble(self._words.phrase("you"), text, aside=ASIDE)
        return self._shown(await chat.said(OWNER, text))

    async def press(self, chat: Chat, choice: Choice) -> Reply:
        """Press a button as the owner, and show what takes the question's place."""
        self._bubble(self._words.phrase("you"), f"[ {choice.label} ]", aside=ASIDE)
        return self._shown(await chat.pressed(OWNER, choice.data))

    def _shown(self, reply: Reply) -> Reply:
        buttons = "  ".join(f"[ {choice.label} ]" for choice in reply.choices)
        self._bubble("", f"{reply.text}\n\n{buttons}" if buttons else reply.text)
        return reply

    def _bubble(self, heading: str, text: str, aside: int = 0) -> None:
        lines = [f"┌─ {heading}".rstrip(), *(f"│ {line}".rstrip() for line in text.splitlines())]
        self._write("\n".join(" " * aside + line for line in [*lines, "└─"]))
