"""What happened, in words for a phone: plain text, which an adapter escapes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from bot import lines
from bot.domain.errors import BellwetherError, Blocked, Halted
from bot.domain.memory import Decided, Outcome, RunReport, Standing, SwitchState
from bot.domain.model import Mode, Note, Portfolio, Symbol
from bot.lines import Title
from bot.words import Language, Words, plain

__all__ = [
    "Language",
    "Status",
    "Title",
    "render_error",
    "render_note",
    "render_plan",
    "render_positions",
    "render_run",
    "render_start",
    "render_status",
    "render_why",
]

TROUBLE = frozenset({Outcome.BLOCKED, Outcome.HALTED, Outcome.MISSED})


@dataclass(frozen=True, slots=True)
class UnderWay:
    """A run between its decision and its end."""

    session: date
    decided_at: datetime
    orders: Sequence[Standing]


@dataclass(frozen=True, slots=True)
class Status:
    """A book as it stands now. `portfolio` is its managed account, None while never read.

    `under_way` is a run that has decided and not ended, with its orders so far. `line`
    is how the login at its broker stands, and what is wrong with the line.
    """

    title: Title
    version: str
    switch: SwitchState = field(default_factory=SwitchState)
    next_wake: datetime | None = None
    last: RunReport | None = None
    under_way: UnderWay | None = None
    questions: Sequence[Standing] = ()
    portfolio: Portfolio | None = None
    prices: Mapping[Symbol, Decimal] = field(default_factory=dict)
    line: Sequence[Note] = ()


def render_run(
    report: RunReport, title: Title, language: Language, next_wake: datetime | None = None
) -> str:
    """One run in one message; a session on which nothing was due gets a short one."""
    words = Words(language)
    text = [lines.titled(title, words), lines.ended(report, words)]
    if report.outcome in TROUBLE:
        text += _trouble(report, title.mode, words)
    elif report.outcome is Outcome.HELD:
        text += lines.notes(lines.every_note(report), words)
    else:
        text += _traded(report, title.mode, words)
    return "\n".join([*text, lines.wakes(next_wake, words)])


def render_plan(report: RunReport, title: Title, language: Language) -> str:
    """What a run would do: its decision, its orders, and why what is wanted is not traded."""
    words = Words(language)
    text = [lines.titled(title, words), words.phrase("planned", {"session": report.run.session})]
    return "\n".join([*text, *_traded(report, Mode.DRY, words)])


def render_error(
    error: BellwetherError,
    title: Title,
    language: Language,
    orders: Sequence[Standing] | None = None,
) -> str:
    """An error: its cause, what reached the broker, what to do, and what to quote.

    `orders` are those of the run it ended, None where nobody knows them.
    """
    words = Words(language)
    kind = _kind(error)
    nothing_sent = orders is None and kind == "error_blocked"
    text = [
        lines.titled(title, words),
        words.phrase(kind, {"sentence": words.say(error.code, error.values)}),
        lines.reached(() if nothing_sent else orders, title.mode, words),
        words.phrase("remedy", {"sentence": words.remedy(error.code, error.values)}),
        _reference(title.book, error.code, error.values, words),
        *(f"{name}: {plain(value)}" for name, value in _unsaid(error, words)),
    ]
    return "\n".join(text)


def render_note(note: Note, title: Title, language: Language) -> str:
    """A single piece of news about a book between its runs."""
    words = Words(language)
    text = [lines.titled(title, words), *lines.notes([note], words)]
    if words.advises(note.code):
        text += [words.phrase("remedy", {"sentence": words.remedy(note.code, note.values)})]
    return "\n".join(text)


def render_start(status: Status, language: Language) -> str:
    """A book taken up by a daemon that has just started."""
    words = Words(language)
    text = [
        lines.titled(status.title, words),
        words.phrase("started", {"version": status.version}),
        *_now(status, words),
        lines.wakes(status.next_wake, words),
    ]
    return "\n".join(text)


def render_status(status: Status, language: Language) -> str:
    """How a book stands: what is allowed, what is open, what came last, what comes next."""
    words = Words(language)
    last, portfolio = status.last, status.portfolio
    text = [lines.titled(status.title, words), *_now(status, words)]
    if status.under_way is not None:
        values = {"session": status.under_way.session, "at": status.under_way.decided_at}
        reached = lines.reached(status.under_way.orders, status.title.mode, words)
        text += [words.phrase("under_way", values), reached]
    if last is None:
        text += [words.phrase("no_last")]
    else:
        text += [words.phrase("last", {"line": lines.ended(last, words)})]
        text += lines.owes(last, last.owed, words) if last.owed else ()
    if portfolio is None:
        text += [words.phrase("no_account")]
    else:
        text += [lines.money(portfolio, status.prices, words)]
    return "\n".join([*text, lines.wakes(status.next_wake, words)])


def render_positions(status: Status, language: Language) -> str:
    """What an account holds: managed shares as a table, the rest by name."""
    words = Words(language)
    portfolio = status.portfolio
    title = lines.titled(status.title, words)
    if portfolio is None:
        return "\n".join([title, words.phrase("no_account")])
    others = {
        "hands_off": portfolio.hands_off,
        "others": portfolio.others,
        "foreign_cash": portfolio.foreign_cash,
    }
    text = [
        title,
        *(lines.holdings(portfolio, status.prices, words) or [words.phrase("no_holdings")]),
        lines.money(portfolio, status.prices, words),
        *(words.phrase(name, {"held": held}) for name, held in others.items() if held),
    ]
    return "\n".join(text)


def render_why(
    report: RunReport, symbol: Symbol | None, language: Language, mode: Mode | None = None
) -> str:
    """Why a run did what it did in one symbol, or in each: from the numbers to the fill."""
    words = Words(language)
    decided = report.decided
    run = {"book": report.run.book, "session": report.run.session}
    text = [words.phrase("why", run), lines.ended(report, words)]
    if decided is None:
        text += [words.phrase("why_undecided")]
    else:
        traded = decided.following.targets if decided.following else {}
        about = {symbol} if symbol else {*traded, *decided.portfolio.shares}
        text += [*lines.decision(decided, words), *lines.numbers(decided.numbers, about, words)]
    text += lines.notes((n for n in lines.every_note(report) if not n.symbol), words)
    for each in [symbol] if symbol else _symbols(report):
        text += ["", each, *(_chain(report, each, mode, words) or [_stranger(each, words)])]
    return "\n".join(text)


def _kind(error: BellwetherError) -> str:
    match error:
        case Blocked():
            return "error_blocked"
        case Halted():
            return "error_halted"
        case _:
            return "error_other"


def _reference(book: str, code: str, values: Mapping[str, object], words: Words) -> str:
    """What to quote: book, code, and the log's own mark."""
    mark = values.get("reference")
    parts = [book, code, *([plain(mark)] if mark else [])]
    return words.phrase("reference", {"reference": "/".join(parts)})


def _unsaid(error: BellwetherError, words: Words) -> Iterator[tuple[str, object]]:
    """The values the sentence of an error left out, its reference apart."""
    untold = words.untold(error.code, error.values)
    return ((name, value) for name, value in untold.items() if name != "reference")


def _trouble(report: RunReport, mode: Mode, words: Words) -> Iterator[str]:
    """Why a run did not go through, what reached the broker, what to do, and what to quote."""
    advice: dict[str, None] = {}
    quoted: dict[str, None] = {}
    for note in lines.every_note(report):
        if words.advises(note.code):
            sentence = words.remedy(note.code, note.values)
            advice[words.phrase("remedy", {"sentence": sentence})] = None
            quoted[_reference(report.run.book, note.code, note.values, words)] = None
    if report.decided:
        yield from lines.decision(report.decided, words)
    yield from lines.notes(lines.every_note(report), words)
    yield from (lines.order(standing, mode, words) for standing in report.orders)
    yield lines.reached(report.orders, mode, words)
    yield from (*advice, *quoted)


def _traded(report: RunReport, mode: Mode, words: Words) -> Iterator[str]:
    if report.decided:
        yield from lines.decision(report.decided, words)
    yield from lines.by_side(report.orders, lambda s: [lines.order(s, mode, words)], words)
    drifts = lines.drifts(report, words)
    told = [note for note in lines.every_note(report) if not (drifts and note.code == "drift")]
    if told:
        yield words.phrase("notes")
        yield from lines.notes(told, words)
    yield from drifts
    if report.portfolio:
        yield lines.money(report.portfolio, lines.prices(report), words)
    if report.owed:
        yield from lines.owes(report, report.owed, words)


def _now(status: Status, words: Words) -> Iterator[str]:
    """What a book may do, and which of its orders nobody knows the fate of."""
    yield words.phrase(f"mode_{status.title.mode.value}")
    yield words.phrase(f"switch_{status.switch.switch.value}", {"reason": status.switch.reason})
    yield from lines.notes(status.line, words)
    for standing in status.questions:
        intent = standing.intent
        values = {
            "order": intent.id,
            "action": words.phrase(intent.action.value),
            "shares": intent.shares,
            "symbol": intent.symbol,
            "session": intent.run.session,
        }
        yield words.phrase("question", values)


def _symbols(report: RunReport) -> list[Symbol]:
    """Every symbol a run had to do with, its targets first."""
    decided = report.decided
    named = [
        *(decided.following.targets if decided and decided.following else ()),
        *(decided.portfolio.shares if decided else ()),
        *(standing.intent.symbol for standing in report.orders),
        *(note.symbol for note in lines.every_note(report) if note.symbol),
    ]
    return list(dict.fromkeys(named))


def _chain(report: RunReport, symbol: Symbol, mode: Mode | None, words: Words) -> list[str]:
    """From target to fill; empty where the symbol has no part in the run."""
    held = _held(report.decided, symbol, words) if report.decided else []
    held += _hands_off(report.decided, symbol, words) if report.decided else []
    notes = [note for note in lines.every_note(report) if note.symbol == symbol]
    orders = [standing for standing in report.orders if standing.intent.symbol == symbol]
    if not (held or notes or orders):
        return []
    traded = [lines.order(standing, mode, words) for standing in orders]
    remarks = [words.say(note.code, note.values) for note in notes]
    return [*held, *remarks, *(traded or [words.phrase("no_orders")]), *_advice(orders, words)]


def _advice(orders: Sequence[Standing], words: Words) -> list[str]:
    """What to do about what a broker refused orders for, or holds them for: each once."""
    told = [words.advice(standing.report.reason) for standing in orders if standing.report]
    return [words.phrase("remedy", {"sentence": each}) for each in dict.fromkeys(told) if each]


def _held(decided: Decided, symbol: Symbol, words: Words) -> list[str]:
    """The target in weight and money, the holding before the run, and how far apart they are."""
    targets = decided.following.targets if decided.following else {}
    weight = Decimal(str(targets[symbol])) if symbol in targets else None
    shares, price = decided.portfolio.held(symbol), decided.prices.get(symbol)
    told = []
    if weight is not None:
        values = {"weight": weight, "equity": decided.equity, "value": weight * decided.equity}
        told += [words.phrase("why_target", values)]
    elif shares:
        told += [words.phrase("why_no_target")]
    if price is None or decided.equity <= 0:
        return told + ([words.phrase("why_unpriced", {"shares": shares})] if shares else [])
    value = shares * price
    share = value / decided.equity
    if weight is not None or shares:
        values = {"shares": shares, "price": price, "value": value, "weight": share}
        told += [words.phrase("why_held", values)]
    if weight is not None:
        told += [words.phrase("why_drift", {"drift": share - weight})]
    return told


def _hands_off(decided: Decided, symbol: Symbol, words: Words) -> list[str]:
    shares = decided.portfolio.hands_off.get(symbol)
    return [words.phrase("why_hands_off", {"shares": shares})] if shares else []


def _stranger(symbol: Symbol, words: Words) -> str:
    return words.phrase("why_unknown", {"symbol": symbol})
