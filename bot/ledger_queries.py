"""The questions put to the ledger's tables, each written once and answered from an index."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BindParameter, Select, Table, bindparam, func, select

from bot.domain.memory import Outcome
from bot.ledger_schema import (
    cancels,
    decisions,
    deliveries,
    fills,
    intents,
    outbox,
    outcomes,
    owed,
    pings,
    plans,
    reports,
    sent,
    switches,
)

_book: BindParameter[Any] = bindparam("book")
_session: BindParameter[Any] = bindparam("session")
_order: BindParameter[Any] = bindparam("order")
LAST: Mapping[Table, Select[int]] = {
    table: select(func.coalesce(func.max(table.c.seq), 0))
    for table in (intents, sent, fills, outcomes, outbox, deliveries)
}

_later = outcomes.alias("later")
_no_later_outcome = (
    ~select(_later.c.seq)
    .where(
        _later.c.book == outcomes.c.book,
        _later.c.session == outcomes.c.session,
        _later.c.seq > outcomes.c.seq,
    )
    .exists()
)

DECISION = select(decisions).where(decisions.c.book == _book, decisions.c.session == _session)

PLAN = select(plans).where(
    plans.c.book == _book, plans.c.session == _session, plans.c.side == bindparam("side")
)

PLANNED = (
    select(intents)
    .where(intents.c.book == _book, intents.c.session == _session)
    .where(intents.c.side == bindparam("side"), ~intents.c.again)
    .order_by(intents.c.seq)
)

_cancel_asked_at = (
    select(cancels.c.at)
    .where(cancels.c.id == intents.c.id)
    .order_by(cancels.c.seq.desc())
    .limit(1)
    .scalar_subquery()
    .label("cancel_asked_at")
)
_meant = select(intents, sent.c.at.label("sent_at"), _cancel_asked_at)

INTENT = _meant.outerjoin_from(intents, sent).where(intents.c.id == _order)

INTENTS = (
    _meant.outerjoin_from(intents, sent)
    .where(intents.c.book == _book, intents.c.session == _session)
    .order_by(intents.c.seq)
)

REPORTS = select(reports).where(reports.c.id == _order).order_by(reports.c.seq)

REPORTS_OF_RUN = (
    select(reports)
    .join(intents, intents.c.id == reports.c.id)
    .where(intents.c.book == _book, intents.c.session == _session)
    .order_by(reports.c.seq)
)


def _of_last_outcome(column: str) -> Select[int]:
    latest = select(outcomes.c[column]).where(outcomes.c.book == _book)
    return latest.order_by(outcomes.c.seq.desc()).limit(1)


_asked = func.coalesce(_of_last_outcome("asked").scalar_subquery(), 0)
_filled = func.coalesce(_of_last_outcome("filled").scalar_subquery(), 0)
_unanswered = ~select(reports.c.seq).where(reports.c.id == sent.c.id).exists()

QUESTIONS = (
    _meant.join_from(sent, intents)
    .where(sent.c.book == _book, sent.c.seq > _asked, _unanswered)
    .order_by(sent.c.seq)
)

FIRST_QUESTION = select(func.min(sent.c.seq)).where(
    sent.c.book == _book, sent.c.seq > _asked, _unanswered
)

BOUGHT_BEFORE = (
    select(outcomes.c.bought)
    .where(outcomes.c.book == _book)
    .order_by(outcomes.c.seq.desc())
    .limit(1)
)

FILLS_SINCE = (
    select(fills.c.symbol, fills.c.action, fills.c.shares)
    .where(fills.c.book == _book, fills.c.seq > _filled)
    .order_by(fills.c.seq)
)

TRADED_SINCE = (
    select(fills.c.symbol).where(fills.c.book == _book, fills.c.session >= _session).distinct()
)

OUTCOME = (
    select(outcomes)
    .where(outcomes.c.book == _book, outcomes.c.session == _session)
    .order_by(outcomes.c.seq.desc())
    .limit(1)
)

LAST_REBALANCE = (
    select(outcomes.c.session)
    .join(
        decisions,
        (decisions.c.book == outcomes.c.book) & (decisions.c.session == outcomes.c.session),
    )
    .where(outcomes.c.book == _book, outcomes.c.outcome == Outcome.COMPLETE.value)
    .where(decisions.c.following.is_not(None), _no_later_outcome)
    .order_by(outcomes.c.session.desc())
    .limit(1)
)

BASELINE = (
    select(outcomes.c.session, outcomes.c.portfolio)
    .where(outcomes.c.book == _book, outcomes.c.portfolio.is_not(None))
    .where(outcomes.c.outcome.in_([outcome.value for outcome in Outcome if outcome.final]))
    .order_by(outcomes.c.seq.desc())
    .limit(1)
)

OWED = select(owed).where(owed.c.book == _book).order_by(owed.c.outcome.desc()).limit(1)

FOLLOWS_OTHER = (
    select(decisions.c.session)
    .where(decisions.c.book == _book, decisions.c.session > _session)
    .where(decisions.c.following.is_not(None), decisions.c.since != bindparam("since"))
    .limit(1)
)

OWED_AT = select(owed).where(owed.c.outcome == bindparam("outcome"))

DECIDED_SESSIONS = (
    select(decisions.c.session)
    .where(decisions.c.book == _book)
    .order_by(decisions.c.session.desc())
    .limit(bindparam("limit"))
)

ENDED_SESSIONS = (
    select(outcomes.c.session)
    .where(outcomes.c.book == _book)
    .distinct()
    .order_by(outcomes.c.session.desc())
    .limit(bindparam("limit"))
)

SWITCH = select(switches).where(switches.c.book == _book).order_by(switches.c.seq.desc()).limit(1)

_newest_delivery = select(func.max(deliveries.c.seq)).scalar_subquery()
_told = func.coalesce(
    select(deliveries.c.told).where(deliveries.c.seq == _newest_delivery).scalar_subquery(), 0
)
_undelivered = ~select(deliveries.c.seq).where(deliveries.c.key == outbox.c.key).exists()

UNDELIVERED = select(outbox).where(outbox.c.seq > _told, _undelivered).order_by(outbox.c.seq)

FIRST_UNDELIVERED = select(func.min(outbox.c.seq)).where(outbox.c.seq > _told, _undelivered)

RUNS_BY_OUTCOME = (
    select(outcomes.c.outcome, func.count().label("times"))
    .where(outcomes.c.book == _book)
    .group_by(outcomes.c.outcome)
)

_said = reports.alias("said")
_newest_report = (
    select(func.max(_said.c.seq))
    .where(_said.c.id == intents.c.id)
    .correlate(intents)
    .scalar_subquery()
)
ORDERS_BY_STATUS = (
    select(intents.c.side, reports.c.status, func.count().label("times"))
    .join_from(intents, reports, reports.c.id == intents.c.id)
    .where(intents.c.book == _book, reports.c.seq == _newest_report)
    .group_by(intents.c.side, reports.c.status)
)

_later_ping = pings.alias("later_ping")
LAST_PING = select(pings).where(
    pings.c.session == select(func.max(_later_ping.c.session)).scalar_subquery()
)
