"""Text with HTML tags to the text people read, refused where the Bot API refuses it."""

import re
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from adapters.sims.telegram_refusals import bad_request

Json: TypeAlias = dict[str, Any]

TAGS = {
    "a": "text_link",
    "b": "bold",
    "blockquote": "blockquote",
    "code": "code",
    "del": "strikethrough",
    "em": "italic",
    "i": "italic",
    "ins": "underline",
    "pre": "pre",
    "s": "strikethrough",
    "span": "spoiler",
    "strike": "strikethrough",
    "strong": "bold",
    "tg-emoji": "custom_emoji",
    "tg-spoiler": "spoiler",
    "u": "underline",
}
# The only names of characters it knows; any other stays as it is written.
NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
LAST_CHARACTER = 0x10FFFF
BEYOND_ONE_UNIT = 0xFFFF

_CHARACTER = re.compile(r"&(?:#(?P<decimal>\d+)|#[xX](?P<hex>[0-9a-fA-F]+)|(?P<name>[a-zA-Z]+));?")
_TAG = re.compile(r"<(?P<name>[^\s>]*)")
_END = re.compile(r"</(?P<name>[^\s>]*)\s*")
_SPACE = re.compile(r"\s*")
_ATTRIBUTE = re.compile(r"""(?P<name>[^\s=>/"']+)\s*""")
_VALUE = re.compile(r"""=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<token>[\w.-]*))""")


def units(text: str) -> int:
    """Length in UTF-16 code units, in which the API counts limits and offsets."""
    return sum(2 if ord(char) > BEYOND_ONE_UNIT else 1 for char in text)


@dataclass(frozen=True, slots=True)
class Entity:
    """A stretch of text that is shown in its own way; offset and length in UTF-16 code units."""

    type: str
    offset: int
    length: int
    url: str = ""

    def as_json(self) -> Json:
        """As it stands in a message."""
        told: Json = {"type": self.type, "offset": self.offset, "length": self.length}
        return told | ({"url": self.url} if self.url else {})


@dataclass(frozen=True, slots=True)
class Formatted:
    """A text as people read it, and how its parts look."""

    plain: str = ""
    entities: tuple[Entity, ...] = ()


def trimmed(text: Formatted) -> Formatted:
    """Return the text without the white space around it, which the API takes away."""
    lead = units(text.plain) - units(text.plain.lstrip())
    plain = text.plain.strip()
    last = units(plain)
    moved = []
    for entity in text.entities:
        start = max(entity.offset - lead, 0)
        end = min(entity.offset + entity.length - lead, last)
        if end > start:
            moved.append(replace(entity, offset=start, length=end - start))
    return Formatted(plain, tuple(moved))


def read_html(text: str) -> Formatted:
    """Read text in the parse mode HTML. Raises ApiError 400 `can't parse entities`."""
    return _Reader(text).read()


@dataclass(frozen=True, slots=True)
class _Open:
    tag: str
    offset: int
    url: str = ""


class _Reader:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._plain: list[str] = []
        self._offset = 0
        self._open: list[_Open] = []
        self._entities: list[Entity] = []

    def read(self) -> Formatted:
        while self._at < len(self._text):
            if self._text.startswith("</", self._at):
                self._close_tag()
            elif self._text[self._at] == "<":
                self._open_tag()
            else:
                self._character()
        if self._open:
            tag = self._open[-1].tag
            raise _unreadable(f'Can\'t find end tag corresponding to start tag "{tag}"')
        entities = sorted(self._entities, key=lambda e: (e.offset, -e.length))
        return Formatted("".join(self._plain), tuple(entities))

    def _character(self) -> None:
        named = _CHARACTER.match(self._text, self._at)
        char = _named(named) if named else ""
        self._at = named.end() if named and char else self._at + 1
        char = char or self._text[self._at - 1]
        self._plain.append(char)
        self._offset += units(char)

    def _open_tag(self) -> None:
        begin = self._at
        tag = self._match(_TAG)["name"].lower()
        if self._at == len(self._text):
            raise _unreadable(f"Unclosed start tag at byte offset {self._byte(begin)}")
        if tag not in TAGS:
            raise _unreadable(f'Unsupported start tag "{tag}" at byte offset {self._byte(begin)}')
        attributes = self._attributes(tag, begin)
        if tag == "span" and attributes.get("class") != "tg-spoiler":
            where = self._byte(begin)
            raise _unreadable(f'Tag "span" must have class "tg-spoiler" at byte offset {where}')
        self._open.append(_Open(tag, self._offset, attributes.get("href", "")))

    def _attributes(self, tag: str, begin: int) -> dict[str, str]:
        found: dict[str, str] = {}
        while True:
            self._match(_SPACE)
            if self._text.startswith(">", self._at):
                self._at += 1
                return found
            if self._at == len(self._text):
                raise self._unclosed(tag, begin)
            name = _ATTRIBUTE.match(self._text, self._at)
            if not name:
                where = self._byte(begin)
                remark = f'Empty attribute name in the tag "{tag}" at byte offset {where}'
                raise _unreadable(remark)
            self._at = name.end()
            found[name["name"].lower()] = self._value(tag, begin)

    def _value(self, tag: str, begin: int) -> str:
        value = _VALUE.match(self._text, self._at)
        if not value:
            return ""
        start, self._at = self._at, value.end()
        if value["token"] is None:
            quoted = value["double"] if value["single"] is None else value["single"]
            return _CHARACTER.sub(lambda found: _named(found) or found[0], quoted)
        following = self._text[self._at : self._at + 1]
        if following in {"", '"', "'"}:
            raise self._unclosed(tag, begin)
        if following != ">" and not following.isspace():
            where = self._byte(start + 1)
            raise _unreadable(f"Unexpected end of name token at byte offset {where}")
        return value["token"].lower()

    def _close_tag(self) -> None:
        begin = self._at
        where = self._byte(begin)
        if not self._open:
            raise _unreadable(f"Unexpected end tag at byte offset {where}")
        name = self._match(_END)["name"]
        if not self._text.startswith(">", self._at):
            raise _unreadable(f"Unclosed end tag at byte offset {where}")
        self._at += 1
        opened = self._open.pop()
        if name and name.lower() != opened.tag:
            raise _unreadable(
                f"Unmatched end tag at byte offset {where}, "
                f'expected "</{opened.tag}>", found "</{name}>"'
            )
        length = self._offset - opened.offset
        if length and (opened.url or opened.tag != "a"):
            self._entities.append(Entity(TAGS[opened.tag], opened.offset, length, opened.url))

    def _match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return found

    def _unclosed(self, tag: str, begin: int) -> Exception:
        return _unreadable(f'Unclosed start tag "{tag}" at byte offset {self._byte(begin)}')

    def _byte(self, position: int) -> int:
        return len(self._text[:position].encode("utf-8", "surrogatepass"))


def _named(found: re.Match[str]) -> str:
    """The character a name or number stands for; nothing if for none."""
    if found["name"]:
        return NAMED.get(found["name"], "")
    number = int(found["decimal"]) if found["decimal"] else int(found["hex"], 16)
    return chr(number) if 0 < number <= LAST_CHARACTER else ""


def _unreadable(remark: str) -> Exception:
    return bad_request(f"can't parse entities: {remark}")
