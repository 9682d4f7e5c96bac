"""The lines reports are made of: an order, a note, a table, a sum of money."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from unicodedata import east_asian_width

from bot.domain.memory import Decided, Outcome, Owed, RunReport, Standing
from bot.domain.model import NOTHING, Mode, Note, OrderStatus, Portfolio, Side, Symbol
from bot.domain.strategy import Hold, Rebalance
from bot.words import UNKNOWN, Words, alias, plain

SHOWN_ALIKE = 3
SHOWN_DRIFTS = 5
SHOWN_NUMBERS = 12
HUNDREDTH, MILLION, LONG_VALUE = Decimal("0.01"), Decimal(1_000_000), Decimal(10_000_000)
SMALLEST_DRIFT = Decimal("0.005")  # of equity; below it rounding is the reason


@dataclass(frozen=True, slots=True)
class Title:
    """Whose message it is: the first line of each."""

    mode: Mode
    book: str
    account: str
    profile: str


def titled(title: Title, words: Words) -> str:
    """The mode first, then the book, its account by its last four characters, the profile."""
    values = {
        "mode": marked(title.mode),
        "book": title.book,
        "account": alias(title.account),
        "profile": title.profile,
    }
    return words.phrase("title", values)


def marked(mode: Mode) -> str:
    """The mode as the first word of whatever is told."""
    return f"[{mode.value.upper()}]"


def ended(report: RunReport, words: Words) -> str:
    """The session and how its run ended."""
    reason = report.decided.decision.reason if report.decided else ""
    return came(report.run.session, report.outcome, reason, words)


def came(session: date, outcome: Outcome, reason: str, words: Words) -> str:
    """What a session came to; `reason` is the code of its decision, empty without one."""
    said = words.say(reason) if reason else ""
    return words.phrase(outcome.value, {"session": session, "reason": said})


def wakes(at: datetime | None, words: Words) -> str:
    """When the book wakes next, in exchange time."""
    return words.phrase("next", {"at": at}) if at else words.phrase("no_next")


def decision(decided: Decided, words: Words) -> Iterator[str]:
    """What was decided and why; of kept targets, since when."""
    said = decided.decision
    name = "hold" if isinstance(said, Hold) else "decision"
    yield words.phrase(name, {"reason": words.say(said.reason)})
    if isinstance(said, Rebalance) and said.flags:
        flags = "; ".join(words.say(flag) for flag in said.flags)
        yield words.phrase("flags", {"flags": flags})
    if decided.following and decided.since != decided.run.session:
        yield words.phrase("kept", {"since": decided.since})


def numbers(known: Mapping[str, float], about: Collection[Symbol], words: Words) -> Iterator[str]:
    """The signals of some symbols, and those of no symbol, which concern all."""
    shown = [
        (name, number)
        for name, number in known.items()
        if not set(about).isdisjoint(parts := name.split(".")) or not any(map(str.isupper, parts))
    ][:SHOWN_NUMBERS]
    for name, number in shown:
        yield words.phrase("why_signal", {"name": name, "number": number})
    if len(known) > len(shown):
        yield words.phrase("omitted", {"count": len(known) - len(shown)})


def by_side(
    orders: Sequence[Standing], said: Callable[[Standing], Iterable[str]], words: Words
) -> Iterator[str]:
    """The lines `said` of each order, side by side."""
    for side, heading in ((Side.SELL, "sells"), (Side.SHORT, "shorts"), (Side.BUY, "buys")):
        told = [line for standing in orders if standing.side is side for line in said(standing)]
        if told:
            yield words.phrase(heading)
            yield from told
    if not orders:
        yield words.phrase("no_orders")


def order(standing: Standing, mode: Mode | None, words: Words) -> str:
    """An order and how far it came."""
    intent = standing.intent
    values = {
        "action": words.phrase(intent.action.value),
        "shares": intent.shares,
        "symbol": intent.symbol,
        "limit": intent.limit,
        "attempt": intent.attempt if intent.attempt > 1 else None,
        "standing": _how_far(standing, mode, words),
    }
    return words.phrase("order", values)


def _how_far(standing: Standing, mode: Mode | None, words: Words) -> str:
    """What was sent is not filled; what is not answered is not known."""
    report = standing.report
    if mode is Mode.DRY and not (report and report.status is OrderStatus.REFUSED):
        return words.phrase("preview")
    if report is None:
        return words.phrase("unconfirmed" if standing.sent_at else "not_sent")
    filled = {"filled": report.filled, "shares": report.shares, "price": report.average_price}
    working = report.status is OrderStatus.WORKING
    told = None if working and not report.filled else words.phrase("fill", filled)
    name = "cancel_asked" if working and standing.cancel_asked_at else report.status.value
    return words.phrase(name, {"fill": told, "reason": report.reason})


def reached(orders: Sequence[Standing] | None, mode: Mode, words: Words) -> str:
    """What the broker got to see; None where nobody knows the orders."""
    if orders is None and mode is not Mode.DRY:
        return words.phrase("reached_unknown")
    sent = [standing for standing in orders or () if standing.sent_at]
    if not sent or mode is Mode.DRY:
        return words.phrase("reached_nothing")
    counts = {
        "sent": len(sent),
        "filled": sum(1 for standing in sent if standing.filled),
        "unconfirmed": sum(1 for standing in sent if standing.unanswered),
    }
    return words.phrase("reached", counts)


def every_note(report: RunReport) -> list[Note]:
    """Every note once: a plan made again repeats what the first one remarked."""
    kept: list[Note] = []
    for note in (*(report.decided.notes if report.decided else ()), *report.notes):
        if note not in kept:
            kept.append(note)
    return kept


def notes(told: Iterable[Note], words: Words) -> Iterator[str]:
    """The notes, equal sentences on one line, at most three lines of one kind."""
    kinds: dict[str, dict[str, list[Symbol]]] = {}
    for note in told:
        alike = kinds.setdefault(note.code, {})
        alike.setdefault(words.say(note.code, note.values), []).append(note.symbol)
    for alike in kinds.values():
        for sentence, symbols in islice(alike.items(), SHOWN_ALIKE):
            yield _of(symbols, sentence, words)
        rest = [symbol for symbols in list(alike.values())[SHOWN_ALIKE:] for symbol in symbols]
        if rest:
            yield words.phrase("more", {"count": len(rest), "symbols": rest})


def _of(symbols: Iterable[Symbol], sentence: str, words: Words) -> str:
    named = list(dict.fromkeys(symbol for symbol in symbols if symbol))
    if not named:
        return sentence
    return words.phrase("note", {"symbols": named, "sentence": sentence})


def prices(report: RunReport) -> Mapping[Symbol, Decimal]:
    """The latest price known of each symbol of a run."""
    return {**(report.decided.prices if report.decided else {}), **report.prices}


def weights(
    portfolio: Portfolio, known: Mapping[Symbol, Decimal]
) -> Mapping[Symbol, Decimal] | None:
    """Shares of equity held, None where a price is missing and equity is therefore not known."""
    if any(symbol not in known for symbol in portfolio.shares):
        return None
    equity = portfolio.equity(known)
    if equity <= 0:
        return None
    return {symbol: held * known[symbol] / equity for symbol, held in portfolio.shares.items()}


def drifts(report: RunReport, words: Words) -> list[str]:
    """Wanted against held weights where they differ, the largest first; none where unknown."""
    following = report.decided.following if report.decided else None
    held = weights(report.portfolio, prices(report)) if report.portfolio else None
    if following is None or held is None:
        return []
    wanted = {symbol: Decimal(str(weight)) for symbol, weight in following.targets.items()}
    off = {symbol: held.get(symbol, NOTHING) - weight for symbol, weight in wanted.items()}
    apart = [symbol for symbol in off if abs(off[symbol]) >= SMALLEST_DRIFT]
    apart.sort(key=lambda symbol: -abs(off[symbol]))
    rows = [
        (s, _percent(wanted[s]), _percent(held.get(s, NOTHING)), words.written(off[s], "points"))
        for s in apart[:SHOWN_DRIFTS]
    ]
    header = [words.phrase(name) for name in ("symbol", "wanted", "held_weight", "off")]
    left = len(apart) - len(rows)
    more = [words.phrase("omitted", {"count": left})] if left else []
    return [words.phrase("drift"), *table([header, *rows]), *more] if rows else []


def holdings(portfolio: Portfolio, known: Mapping[Symbol, Decimal], words: Words) -> list[str]:
    """The managed shares as a table; empty where none are held."""
    share = weights(portfolio, known) or {}
    rows = [
        (
            symbol,
            plain(held.quantize(HUNDREDTH)),
            _short(held * known[symbol]) if symbol in known else UNKNOWN,
            _percent(share[symbol]) if symbol in share else UNKNOWN,
        )
        for symbol, held in sorted(portfolio.shares.items())
    ]
    header = [words.phrase(name) for name in ("symbol", "shares", "value", "weight")]
    return table([header, *rows]) if rows else []


def _short(value: Decimal) -> str:
    """Money without cents, from ten millions on in millions, to keep a table narrow."""
    if abs(value) < LONG_VALUE:
        return f"{value:,.0f}"
    return f"{value / MILLION:,.1f}M"


def _percent(weight: Decimal) -> str:
    return f"{weight * 100:.1f}%"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows in columns, the first to the left, the others to the right."""
    widths = [max(width(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        " ".join(
            cell + " " * (wide - width(cell)) if at == 0 else " " * (wide - width(cell)) + cell
            for at, (cell, wide) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def width(text: str) -> int:
    """The columns a text takes: a Chinese character takes two."""
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def money(portfolio: Portfolio, known: Mapping[Symbol, Decimal], words: Words) -> str:
    """Cash and equity; the settled part where it differs.

    Where proceeds of the day were spent at once, nothing is settled: less than
    nothing is how the account counts, not money anybody owes.
    """
    priced = all(symbol in known for symbol in portfolio.shares)
    equity = portfolio.equity(known) if priced else None
    told = words.phrase("money", {"cash": portfolio.cash, "equity": equity})
    if portfolio.settled == portfolio.cash:
        return told
    settled = max(portfolio.settled, NOTHING)
    return f"{told}\n{words.phrase('settled', {'settled': settled})}"


def owes(report: RunReport, owed: Owed, words: Words) -> Iterator[str]:
    """How much of a rebalance is done, what is left, and what it waits for."""
    done = progress(report, owed)
    yield words.phrase("progress", {"done": done, "expires": owed.expires})
    waiting = [note for note in every_note(report) if note.code == "awaiting_settlement"]
    if waiting:
        yield words.phrase("due", waiting[0].values)
    yield from undone(owed.unfinished, words)


def undone(unfinished: Mapping[Symbol, int], words: Words) -> Iterator[str]:
    """The shares a run owes, negative where they are to go."""
    left = [
        words.phrase("still_buy" if n > 0 else "still_sell", {"shares": abs(n), "symbol": symbol})
        for symbol, n in unfinished.items()
    ]
    if left:
        yield words.phrase("unfinished", {"orders": left})


def progress(report: RunReport, owed: Owed) -> int:
    """The part of the money to move that has moved, in whole percent, never 100 while owed."""
    known = prices(report)
    moved = sum((s.filled * known.get(s.intent.symbol, NOTHING) for s in report.orders), NOTHING)
    left = sum((abs(n) * known.get(s, NOTHING) for s, n in owed.unfinished.items()), NOTHING)
    total = moved + left
    return min(int(100 * moved / total), 99) if total else 0
