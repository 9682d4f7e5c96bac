"""Text as Telegram takes it: escaped, its first line bold, cut into pages that fit."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

LIMIT = 4096  # UTF-16 units a message may have, counted after its tags are gone


@dataclass(frozen=True, slots=True)
class Page:
    """One message of a text: where it stands among them, and its words."""

    label: str
    text: str
    titled: bool

    def plain(self, mark: str = "") -> str:
        """As people read it, behind a mark."""
        return self._before(mark) + self.text

    def html(self, mark: str = "") -> str:
        """The same in the parse mode HTML, the text's first line bold."""
        title, *rest = self.text.split("\n")
        shown = f"<b>{_escaped(title)}</b>" if self.titled else _escaped(title)
        return "\n".join([_escaped(self._before(mark)) + shown, *map(_escaped, rest)])

    def _before(self, mark: str) -> str:
        return (f"{mark} " if mark else "") + self.label


def pages(text: str, mark: str = "") -> tuple[Page, ...]:
    """Cut a text into pages that fit with and without `mark`, so that they stay the same.

    A text without words has none.
    """
    whole = _encodable(text).strip()
    if not whole:
        return ()
    room = LIMIT - (units(f"{mark} ") if mark else 0)
    if units(whole) <= room:
        return (Page("", whole, titled=True),)
    # There are never more pages than units, so a label never has more digits than their number.
    digits = len(str(units(whole)))
    parts = split(whole, room - 2 * digits - len("(/) "))
    return tuple(
        Page(f"({number}/{len(parts)}) ", part, titled=number == 1)
        for number, part in enumerate(parts, start=1)
    )


def split(text: str, most: int) -> tuple[str, ...]:
    """Cut a text at line ends into parts of `most` UTF-16 units; a longer line anywhere."""
    parts: list[str] = []
    for line in text.split("\n"):
        first, *more = _cut(line, most)
        if parts and units(f"{parts[-1]}\n{first}") <= most:
            parts[-1] += f"\n{first}"
        else:
            parts.append(first)
        parts.extend(more)
    return tuple(parts)


def units(text: str) -> int:
    """Length in UTF-16 code units, in which Telegram counts."""
    return len(text.encode("utf-16-le")) // 2


def _cut(line: str, most: int) -> Iterator[str]:
    begin = size = 0
    for place, char in enumerate(line):
        size += units(char)
        if size > most:
            yield line[begin:place]
            begin, size = place, units(char)
    yield line[begin:]


def _escaped(text: str) -> str:
    return escape(text, quote=False)


def _encodable(text: str) -> str:
    """Replace halves of surrogate pairs: a text that can not be encoded could never be sent."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
