"""The order desk: orders placed, changed, cancelled and listed."""

import asyncio
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from adapters.sims import tws_order_messages as messages
from adapters.sims.tws_acceptance import (
    Objection,
    margin_of,
    objection_to_cover,
    objection_to_form,
    objection_to_price,
)
from adapters.sims.tws_codes import Answer, Code, Request, text_of
from adapters.sims.tws_contracts import Instrument
from adapters.sims.tws_courses import Cancelling, Rule
from adapters.sims.tws_faults import Lost
from adapters.sims.tws_orders import Order, Status
from adapters.sims.tws_quotes import QuoteDesk
from adapters.sims.tws_record import Kind
from adapters.sims.tws_session import Answering, Session
from adapters.sims.tws_ticket import DAY, Ticket, read_ticket
from adapters.sims.tws_wire import Fields, Message
from adapters.sims.tws_world import World

LATE_SECONDS = 0.03
NEEDS_WRITE_ACCESS = "The API interface is currently in Read-Only mode."
SINCE = re.compile(r"(\d{8})[- ](\d\d:\d\d:\d\d)( \S+)?")
SIDES = {"BUY": True, "BOT": True, "SELL": False, "SLD": False}
WRITES = frozenset(
    {
        Request.PLACE_ORDER,
        Request.CANCEL_ORDER,
        Request.GLOBAL_CANCEL,
        Request.OPEN_ORDERS,
        Request.ALL_OPEN_ORDERS,
        Request.COMPLETED_ORDERS,
        Request.AUTO_OPEN_ORDERS,
    }
)


class OrderDesk:
    """Answers what is asked of orders, by the words of the book."""

    def __init__(self, world: World, quotes: QuoteDesk) -> None:
        self._world = world
        self._quotes = quotes
        self._forgotten_until: datetime | None = None
        # What the next order is to do, whatever the rules say.
        self.next_rule: Rule | None = None
        # Whose commissions come some moments after the executions they are for.
        self.pays_late: Callable[[Order], bool] = lambda _: False
        # What becomes of orders while there is no link to the broker; None while there is one.
        self.lost: Lost | None = None
        self._queue: list[Order] = []

    @property
    def answers(self) -> Mapping[Request, Answering]:
        """What it can be asked."""
        return {
            Request.PLACE_ORDER: self._place,
            Request.CANCEL_ORDER: self._cancel,
            Request.GLOBAL_CANCEL: self._cancel_all,
            Request.OPEN_ORDERS: self._own,
            Request.ALL_OPEN_ORDERS: self._all,
            Request.AUTO_OPEN_ORDERS: _nothing,
            Request.COMPLETED_ORDERS: self._completed,
            Request.EXECUTIONS: self._executions,
            Request.IDS: self._ids,
            Request.CURRENT_TIME: self._time,
            Request.SERVER_LOG_LEVEL: _nothing,
        }

    def refuse_writing(self, session: Session, request: Request, request_id: int) -> bool:
        """Whether a request was refused because clients may only read."""
        if request not in WRITES:
            return False
        session.say(request_id, Code.VALIDATING, NEEDS_WRITE_ACCESS)
        return True

    def next_id(self, client_id: int) -> int:
        """The number a client's next order may have."""
        return self._world.book.highest(client_id) + 1

    def restarted(self) -> None:
        """Lose what only a running gateway knows."""
        for order in self._world.book:
            if not order.ticket.transmit or order in self._queue:
                self._world.book.forget(order)
                self._world.record.add(Kind.LOST, order.client_id, _named(order), "restart")
        self._queue.clear()
        if not self._world.setup.keeps_completed:
            self._forgotten_until = self._world.now()

    def relinked(self) -> None:
        """Take in what was queued while there was no link."""
        self.lost = None
        queue, self._queue = self._queue, []
        for order in queue:
            if order.works:
                self._begin(order)

    def take(self, ticket: Ticket, client_id: int, instrument: Instrument) -> Order:
        """Take an order in and let it go its way, unless the account does not cover it."""
        account = self._world.account(ticket.account)
        order = self._world.book.enter(ticket, client_id, instrument, account)
        if self.lost is Lost.QUEUE and ticket.order_id:
            self._queue.append(order)
        else:
            self._begin(order)
        return order

    def _begin(self, order: Order) -> None:
        ticket = order.ticket
        rule, self.next_rule = self.next_rule, None
        self._world.record.add(Kind.BOOKED, order.client_id, _named(order), ticket.reference)
        objection = objection_to_cover(self._world, order)
        if objection:
            reason = text_of(objection.code, *objection.details)
            self._world.book.refuse(order, objection.code, reason)
        elif ticket.transmit:
            self._world.courses.begin(order, rule)

    def _place(self, session: Session, fields: list[str]) -> None:
        ticket = read_ticket(Fields(fields), session.version)
        known = self._world.book.of_client(session.client_id, ticket.order_id)
        used = max(self._world.book.highest(session.client_id), session.highest_seen)
        if known and not ticket.what_if:
            self._change(session, known, ticket)
            return
        if ticket.order_id <= used and not ticket.what_if:
            session.say(ticket.order_id, Code.DUPLICATE_ORDER_ID)
            return
        objection = objection_to_form(self._world, ticket)
        if objection:
            self._object(session, ticket, objection)
            return
        instrument = self._quotes.only(session, ticket.order_id, ticket.query)
        if instrument is None:
            return
        objection = objection_to_price(ticket, instrument)
        if objection:
            self._object(session, ticket, objection)
        elif ticket.what_if:
            self._what_if(session, ticket, instrument)
        elif self.lost in {Lost.SILENT, Lost.REFUSE}:
            self._lose(session, ticket)
        else:
            self.take(self._timed(session, ticket), session.client_id, instrument)

    def _lose(self, session: Session, ticket: Ticket) -> None:
        what = f"{ticket.action} {ticket.shares} {ticket.query.symbol}"
        self._world.record.add(Kind.LOST, session.client_id, what, ticket.reference)
        if self.lost is Lost.REFUSE:
            session.say(ticket.order_id, Code.NOT_CONNECTED)

    def _timed(self, session: Session, ticket: Ticket) -> Ticket:
        """Give an order the time in force of the preset if it has none, and say so."""
        if ticket.tif:
            return ticket
        preset = self._world.setup.preset_tif
        if preset:
            session.say(ticket.order_id, Code.PRESET, preset)
        return replace(ticket, tif=preset or DAY)

    def _what_if(self, session: Session, ticket: Ticket, instrument: Instrument) -> None:
        ticket = self._timed(session, ticket)
        account = self._world.account(ticket.account)
        asked = Order(
            0, session.client_id, ticket, instrument, account, self._world.now(), ticket.order_id
        )
        objection = objection_to_cover(self._world, asked)
        if objection:
            self._object(session, ticket, objection)
            return
        session.tell(messages.what_if(session.version, asked, margin_of(self._world, asked)))

    def _object(self, session: Session, ticket: Ticket, objection: Objection) -> None:
        self._world.record.add(
            Kind.REFUSED,
            session.client_id,
            f"{ticket.action} {ticket.query.symbol}",
            text_of(objection.code, *objection.details),
        )
        session.say(ticket.order_id, objection.code, *objection.details)

    def _change(self, session: Session, order: Order, ticket: Ticket) -> None:
        old = order.ticket
        if order.status is Status.FILLED:
            session.say(ticket.order_id, Code.MODIFY_FILLED)
        elif not order.works:
            session.say(ticket.order_id, Code.DUPLICATE_ORDER_ID)
        elif (old.action, old.query.symbol) != (ticket.action, ticket.query.symbol):
            session.say(ticket.order_id, Code.MODIFY_OTHER)
        else:
            self._world.book.change(order, ticket)
            if ticket.transmit and not old.transmit:
                self._world.courses.begin(order)
            else:
                self._world.courses.on_move(order.instrument.con_id)

    def _cancel(self, session: Session, fields: list[str]) -> None:
        order_id = Fields(fields[1:]).count()
        order = self._world.book.of_client(session.client_id, order_id)
        if order is None:
            session.say(order_id, Code.CANCEL_UNKNOWN, order_id)
        elif not order.works:
            session.say(order_id, Code.CANCEL_ENDED, order_id, order.status.value)
        else:
            self._cancel_one(session, order)

    def _cancel_one(self, session: Session, order: Order) -> None:
        if order in self._queue:
            self._world.book.cancel(order, status=Status.API_CANCELLED)
            return
        if self.lost:
            return
        how = self._world.courses.cancel(order)
        if how is Cancelling.REFUSE:
            session.say(order.order_id, Code.NOT_CANCELLABLE, order.permanent_id)
        elif how is Cancelling.LOSE:
            session.say(order.order_id, Code.CANCEL_ENDED, order.order_id, order.status.value)

    def _cancel_all(self, session: Session, _fields: list[str]) -> None:
        for order in self._world.book:
            if order.works:
                self._cancel_one(session, order)

    def _own(self, session: Session, _fields: list[str]) -> None:
        self._tell_open(session, (o for o in self._open() if o.client_id == session.client_id))

    def _all(self, session: Session, _fields: list[str]) -> None:
        self._tell_open(session, self._open())

    def _open(self) -> Iterable[Order]:
        return (o for o in self._world.book if o.works and o.ticket.transmit)

    def _tell_open(self, session: Session, orders: Iterable[Order]) -> None:
        for order in orders:
            session.highest_seen = max(session.highest_seen, order.order_id)
            session.tell(messages.open_order(session.version, order), messages.order_status(order))
        session.tell((Answer.OPEN_ORDER_END, 1))

    def _completed(self, session: Session, fields: list[str]) -> None:
        of_clients_only = Fields(fields).flag()
        for order in self._of_today():
            by_hand = not order.order_id
            if not order.works and not (of_clients_only and by_hand):
                session.tell(messages.completed_order(session.version, order))
        session.tell((Answer.COMPLETED_ORDER_END,))

    def _of_today(self) -> Iterable[Order]:
        for order in self._world.book:
            ended = order.ended_at
            forgotten = self._forgotten_until and ended and ended <= self._forgotten_until
            if not forgotten and (ended is None or self._is_today(ended)):
                yield order

    def _is_today(self, at: datetime) -> bool:
        return at.astimezone(messages.NEW_YORK).date() == self._world.today

    def _executions(self, session: Session, fields: list[str]) -> None:
        read = Fields(fields)
        read.skip(1)
        request_id, client_id, account = read.count(), read.count(), read.text()
        since_text, symbol, kind = read.text(), read.text(), read.text()
        exchange, side = read.text(), read.text()
        since = _since(since_text)
        if since_text and since is None:
            session.say(request_id, Code.VALIDATING, f"Invalid time {since_text!r}.")
            return
        paid: list[Message] = []
        late: list[Message] = []
        for order in self._world.book:
            told = (
                client_id in {0, order.client_id}
                and account in {"", order.account.name}
                and symbol in {"", order.instrument.symbol}
                and kind in {"", order.instrument.kind}
                and exchange in {"", order.instrument.primary}
                and SIDES.get(side, order.ticket.buys) is order.ticket.buys
            )
            for done in order.final_executions() if told else ():
                if self._is_today(done.at) and (since is None or done.at >= since):
                    session.tell(messages.execution(session.version, request_id, order, done))
                    (late if self.pays_late(order) else paid).append(
                        messages.commission(order, done)
                    )
        session.tell(*paid, (Answer.EXECUTION_END, 1, request_id))
        if late:
            asyncio.get_running_loop().call_later(LATE_SECONDS, session.tell, *late)

    def _ids(self, session: Session, _fields: list[str]) -> None:
        session.tell((Answer.NEXT_VALID_ID, 1, self.next_id(session.client_id)))

    def _time(self, session: Session, _fields: list[str]) -> None:
        session.tell((Answer.CURRENT_TIME, 1, int(self._world.now().timestamp())))


def _named(order: Order) -> str:
    ticket = order.ticket
    limit = f" at {ticket.limit}" if ticket.limit else ""
    return f"{ticket.action} {ticket.shares} {order.instrument.symbol}{limit} {order.permanent_id}"


def _nothing(_session: Session, _fields: list[str]) -> None:
    """Taken note of, and no more."""


def _since(text: str) -> datetime | None:
    """Return the time of a filter: UTC with a dash, else of its zone, else of the exchange."""
    written = SINCE.fullmatch(text)
    if not written:
        return None
    day, clock, named = written.groups()
    zone: tzinfo = UTC if text[8] == "-" else messages.NEW_YORK
    try:
        if named:
            zone = ZoneInfo(named.strip())
        return datetime.strptime(day + clock, "%Y%m%d%H:%M:%S").replace(tzinfo=zone)
    except (ValueError, ZoneInfoNotFoundError):
        return None
