"""A page that needs nothing but itself: text escaped, tables, charts for a desk and for a phone."""

import re
from collections.abc import Iterable, Sequence
from functools import cache
from html import escape
from pathlib import Path
from string import Template
from typing import NewType

from bot.charts import PHONE, Chart, Curve, Room, svg

# Markup that may stand in a page; whatever else is text and has to be escaped first.
Html = NewType("Html", str)

_DAY = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
_TEMPLATE = Path(__file__).with_name("page.html")
NOTHING = Html("")


def page(title: str, language: str, body: Iterable[Html]) -> str:
    """The whole document."""
    shown = {"title": escape(title), "language": language, "body": "\n".join(body)}
    return _template().substitute(shown)


@cache
def _template() -> Template:
    return Template(_TEMPLATE.read_text(encoding="utf-8"))


def save(content: bytes, path: Path) -> None:
    """Write a file, whole or not at all; one of that name is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.part")
    beside.write_bytes(content)
    beside.replace(path)


def element(tag: str, *parts: Html, kind: str = "") -> Html:
    """An element with its parts, of a class if one is named."""
    opening = f'{tag} class="{escape(kind)}"' if kind else tag
    return Html(f"<{opening}>{''.join(parts)}</{tag}>")


def text(tag: str, told: str, kind: str = "") -> Html:
    """An element of nothing but text: a day is not broken in two, a long name between words."""
    shown = _DAY.sub(r"<time>\g<0></time>", escape(told)).replace("_", "_<wbr>")
    return element(tag, Html(shown), kind=kind)


def twice(tag: str, desk: str, phone: str, kind: str = "") -> Html:
    """An element that says one thing on a desk and a shorter one on a phone."""
    return element(tag, text("span", desk, "wide"), text("span", phone, "phone"), kind=kind)


def section(title: str, *parts: Html, about: str = "") -> Html:
    """A part of the page under its title, and what is to be known to read it."""
    said = text("p", about, "about") if about else NOTHING
    return element("section", text("h2", title), said, *parts)


def items(told: Iterable[str]) -> Html:
    """A list of sentences."""
    return element("ul", *(text("li", sentence) for sentence in told))


def tile(label: str, value: str, beside: str) -> Html:
    """A figure in large type, what it is, and what it is compared with."""
    return element(
        "div", text("span", label), text("strong", value), text("span", beside), kind="tile"
    )


def table(
    headings: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "", desk: int = 0
) -> Html:
    """Rows under headings; the last columns, so many as `desk`, are left out on a phone."""

    def row(tag: str, cells: Sequence[str]) -> Html:
        kept = len(cells) - desk
        shown = (text(tag, c, "wide" if at >= kept else "") for at, c in enumerate(cells))
        return element("tr", *shown)

    return framed(row("th", headings), (row("td", cells) for cells in rows), kind)


def framed(heading: Html, rows: Iterable[Html], kind: str = "") -> Html:
    """A table of finished rows that scrolls by itself where it is too wide."""
    whole = element("table", element("thead", heading), element("tbody", *rows), kind=kind)
    return element("div", whole, kind="scroll")


def picture(chart: Chart, title: str, room: Room, legend: Sequence[Curve] = ()) -> Html:
    """A chart as a desk shows it and as a phone does, each letter as large as the text beside."""
    drawn = (_shown(chart, room, "wide"), _shown(chart, PHONE, "phone"))
    named = f'<div role="img" aria-label="{escape(title)}">{"".join(drawn)}</div>'
    return element("figure", _legend(legend) if legend else NOTHING, Html(named))


def _shown(chart: Chart, room: Room, kind: str) -> str:
    return svg(chart, room).replace("<svg ", f'<svg class="{kind}" ', 1)


def _legend(curves: Sequence[Curve]) -> Html:
    lines = []
    for curve in curves:
        dashes = "" if isinstance(curve.dashes, str) else " ".join(map(str, curve.dashes[1]))
        line = f'<path d="M0 6H22" stroke="{curve.color}" stroke-width="4" fill="none"'
        line += f' stroke-dasharray="{dashes}"/>' if dashes else "/>"
        sign = Html(f'<svg viewBox="0 0 22 12" aria-hidden="true">{line}</svg>')
        lines.append(element("li", sign, Html(escape(curve.label))))
    return element("ul", *lines, kind="legend")
