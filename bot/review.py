"""What runs of before came to and what became of their orders, in words for a phone."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot import lines
from bot.domain.memory import Outcome, Standing
from bot.domain.model import NOTHING, Mode, RunKey, Symbol
from bot.lines import Title
from bot.words import Language, Words

NO_DEBT = "–"


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as its ledger knows it; `ended` is None while it is under way.

    `at` is when it ended, or decided; `reason` the code of its decision, empty
    without one; `unfinished` the shares it owes, negative where they are to go.
    """

    run: RunKey
    ended: Outcome | None
    at: datetime
    reason: str = ""
    orders: Sequence[Standing] = ()
    unfinished: Mapping[Symbol, int] = field(default_factory=dict)


def render_wakes(wakes: Sequence[datetime], language: Language) -> str:
    """When a book wakes next, one line each."""
    words = Words(language)
    told = [words.phrase("wake", {"at": at}) for at in wakes]
    return "\n".join(told or [words.phrase("no_next")])


def render_runs(runs: Sequence[PastRun], title: Title, language: Language) -> str:
    """A table of runs: session, outcome, how many orders were sent, of how many symbols it owes."""
    words = Words(language)
    header = [words.phrase(name) for name in ("session", "outcome", "orders", "owes")]
    rows = [
        (
            past.run.session.isoformat(),
            words.phrase(f"short_{past.ended.value if past.ended else 'under_way'}"),
            str(sum(1 for standing in past.orders if standing.sent_at)),
            str(len(past.unfinished) or NO_DEBT),
        )
        for past in runs
    ]
    told = lines.table([header, *rows]) if rows else [words.phrase("no_runs")]
    return "\n".join([lines.titled(title, words), *told])


def render_orders(past: PastRun, title: Title, language: Language) -> str:
    """The orders of a run: what was sent, filled or not confirmed, and what the broker said."""
    words = Words(language)

    def said(standing: Standing) -> Iterator[str]:
        yield lines.order(standing, title.mode, words)
        # A preview was sent to nobody, and cost nothing.
        if standing.sent_at and title.mode is not Mode.DRY:
            yield _detail(standing, words)

    text = [
        lines.titled(title, words),
        _came(past, words),
        *lines.by_side(past.orders, said, words),
        *(_sums(past, title.mode, words) if past.orders else ()),
        *lines.undone(past.unfinished, words),
    ]
    return "\n".join(text)


def _came(past: PastRun, words: Words) -> str:
    if past.ended is None:
        return words.phrase("under_way", {"session": past.run.session, "at": past.at})
    return lines.came(past.run.session, past.ended, past.reason, words)


def _detail(standing: Standing, words: Words) -> str:
    """When an order was sent, what it cost, and how to find it: at the broker, or by our name."""
    report = standing.report
    values = {
        "at": standing.sent_at,
        "commission": (report.commission or None) if report else None,
        "broker_id": report.broker_id if report else None,
        "order": standing.intent.id if standing.unanswered else None,
    }
    return words.phrase("order_detail", values)


def _sums(past: PastRun, mode: Mode, words: Words) -> Iterator[str]:
    yield lines.reached(past.orders, mode, words)
    paid = sum((s.report.commission for s in past.orders if s.report), NOTHING)
    if paid and mode is not Mode.DRY:
        yield words.phrase("commission", {"commission": paid})
