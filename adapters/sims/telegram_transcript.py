"""A chat as a phone shows it: bubbles with numbered buttons."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from adapters.sims.telegram_record import Entry, Keyboard, Kind

WRITTEN = frozenset({Kind.MESSAGE, Kind.DOCUMENT, Kind.PHOTO, Kind.TYPED})
CHANGED = frozenset({Kind.EDIT, Kind.KEYBOARD, Kind.RETYPED})
HAPPENED = {
    Kind.JOINED: "joined the group",
    Kind.BLOCKED: "blocked the bot",
    Kind.UNBLOCKED: "unblocked the bot",
}


def transcript(entries: Iterable[Entry], name: Callable[[int], str]) -> str:
    """Return one chat as it looks now: changed messages in their last form, in their old place."""
    every = list(entries)
    gone = {entry.message_id for entry in every if entry.kind is Kind.DELETED}
    listed = [entry for entry in every if entry.message_id not in gone]
    latest = {entry.message_id: entry for entry in listed if entry.kind in WRITTEN | CHANGED}
    retold = {e.message_id for e in listed if e.kind in {Kind.EDIT, Kind.RETYPED}}
    shown = []
    for entry in listed:
        if entry.kind in WRITTEN:
            now = latest[entry.message_id]
            as_is = replace(entry, plain=now.plain, keyboard=now.keyboard)
            shown.append(bubble(as_is, name, edited=entry.message_id in retold))
        elif entry.kind not in CHANGED | {Kind.ACTION}:
            shown.append(bubble(entry, name))
    return "\n".join(shown)


def bubble(entry: Entry, name: Callable[[int], str], *, edited: bool = False) -> str:
    """Return one entry as it appears when it happens."""
    who = name(entry.user_id)
    match entry.kind:
        case Kind.PRESSED:
            return f"  ({who} pressed {entry.plain})"
        case Kind.ANSWER:
            return f"  ({who} shows: {entry.plain})" if entry.plain else f"  ({who} answered)"
        case Kind.ACTION:
            return f"  ({who}: {entry.text} …)"
        case Kind.DELETED:
            return f"  ({who} deleted a message)"
        case Kind.JOINED | Kind.BLOCKED | Kind.UNBLOCKED:
            return f"  ({who} {HAPPENED[entry.kind]})"
        case _:
            return _message(entry, who, edited=edited or entry.kind in CHANGED)


def callbacks(keyboard: Keyboard) -> list[str]:
    """The data of the buttons in the order of their numbers."""
    return [button.data for row in keyboard for button in row if not button.url]


def _message(entry: Entry, who: str, *, edited: bool) -> str:
    marks = [entry.at.astimezone().strftime("%H:%M")]
    marks += ["silent"] if entry.silent else []
    marks += ["edited"] if edited else []
    lines = [f"┌ {who} · {' · '.join(marks)}"]
    if entry.upload:
        lines.append(f"│ [{entry.upload.name}, {entry.upload.size:,} bytes]")
    lines += [f"│ {line}".rstrip() for line in entry.plain.splitlines()]
    lines += [f"│ {line}" for line in _rows(entry.keyboard)]
    return "\n".join([*lines, "└"])


def _rows(keyboard: Keyboard) -> Iterable[str]:
    number = 0
    for row in keyboard:
        labels = []
        for button in row:
            if button.url:
                labels.append(f"[{button.text} → {button.url}]")
            else:
                number += 1
                labels.append(f"[{number} {button.text}]")
        yield "  ".join(labels)
