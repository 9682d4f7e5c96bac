"""The gateway between clients and broker: who is let in, what is passed on, and what gets lost."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from adapters.sims import tws_messages as messages
from adapters.sims.tws_account import Account
from adapters.sims.tws_codes import (
    ID_AT,
    REQUESTS,
    SYMBOL_AT,
    Answer,
    Code,
    Request,
    text_of,
)
from adapters.sims.tws_courses import Course, Rule
from adapters.sims.tws_faults import Fault, FaultKind, Lost
from adapters.sims.tws_history import HistoryDesk
from adapters.sims.tws_news import Newsroom
from adapters.sims.tws_orders import News, Order, Status
from adapters.sims.tws_quotes import QuoteDesk
from adapters.sims.tws_record import Kind
from adapters.sims.tws_session import Answering, Session
from adapters.sims.tws_statements import Statements
from adapters.sims.tws_trading import LATE_SECONDS, OrderDesk
from adapters.sims.tws_wire import WireError
from adapters.sims.tws_world import World

MOST_CLIENTS = 32
# A frame whose message number is none, and one whose fields are too few.
GARBAGE = b"\0\0\0\x08\xff\xfe\0??\0\0\0" + b"\0\0\0\x04" + b"5\x001\0"
FARMS = ((Code.FARM_OK, "usfarm"), (Code.HISTORY_FARM_OK, "ushmds"))
DEFINITIONS = (Code.DEFINITIONS_OK, "secdefil")
EMPTY_LISTS = {
    Request.POSITIONS: (Answer.POSITION_END, 1),
    Request.OPEN_ORDERS: (Answer.OPEN_ORDER_END, 1),
    Request.ALL_OPEN_ORDERS: (Answer.OPEN_ORDER_END, 1),
    Request.COMPLETED_ORDERS: (Answer.COMPLETED_ORDER_END,),
}
EMPTY_LISTS_OF_REQUEST = {
    Request.EXECUTIONS: Answer.EXECUTION_END,
    Request.CONTRACT_DETAILS: Answer.CONTRACT_DETAILS_END,
    Request.ACCOUNT_SUMMARY: Answer.ACCOUNT_SUMMARY_END,
    Request.MARKET_DATA: Answer.TICK_SNAPSHOT_END,
}
NEEDS_LINK = frozenset({Request.CONTRACT_DETAILS, Request.HISTORICAL_DATA, Request.MARKET_DATA})


class Gateway:
    """Every connection there is, and the desks that answer them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.sessions: list[Session] = []
        self.speaking = asyncio.Event()
        self.speaking.set()
        self.latency = 0.0
        self.read_only = world.setup.read_only
        self.occupied: dict[int, int] = {}
        self.linked = True
        self._missed: list[News] = []
        self._newsroom = Newsroom()
        self._statements = Statements(world)
        self._quotes = QuoteDesk(world)
        self.orders = OrderDesk(world, self._quotes)
        self.orders.pays_late = self._newsroom.pays_late
        self._answers: Mapping[Request, Answering] = {
            **self._statements.answers,
            **self._quotes.answers,
            **HistoryDesk(world, self._quotes).answers,
            **self.orders.answers,
        }
        world.listeners.append(self._on_news)
        world.market.listeners.append(self._on_move)

    def now(self) -> datetime:
        """The time here."""
        return self.world.now()

    def came(self, session: Session) -> None:
        """Take note of a connection."""
        self.sessions.append(session)

    def left(self, session: Session) -> None:
        """Take note that a connection ended."""
        self.sessions.remove(session)
        self.world.record.add(Kind.DISCONNECTED, session.client_id)

    def unreadable(self, session: Session, remark: str) -> None:
        """Take note of what was no message; the connection ends."""
        self.world.record.add(Kind.UNREADABLE, session.client_id, text=remark)

    def asked(self, session: Session, number: str, fields: list[str]) -> None:
        """Answer a request, or let it meet its fault."""
        request = REQUESTS.get(int(number) if number.isdigit() else 0, Request.UNKNOWN)
        symbol = _field(fields, SYMBOL_AT.get(request))
        self.world.record.add(Kind.ASKED, session.client_id, request, ",".join(fields))
        if self._too_fast(session):
            return
        fault = self.world.faults.meet(request, symbol)
        if fault is None:
            self._answer(session, request, fields)
        else:
            self.world.record.add(Kind.FAULT, session.client_id, request, fault.kind)
            self._meet(fault, session, request, fields)

    def broadcast(self, code: int, text: str) -> None:
        """Tell a code to everybody."""
        for session in self._started():
            session.tell(messages.error(session.version, messages.NO_REQUEST, code, text))

    def lose_link(self, lost: Lost) -> None:
        """Lose the link to the broker; clients stay connected and are told."""
        self.linked = False
        self.orders.lost = lost
        self.broadcast(Code.LINK_LOST, "")

    def restore_link(self, *, keeps_data: bool, delivers: bool) -> None:
        """Have the link back; streams are gone unless they were kept."""
        self.linked = True
        if not keeps_data:
            for session in self.sessions:
                session.interests.streams.clear()
        self.broadcast(Code.LINK_BACK if keeps_data else Code.LINK_BACK_DATA_LOST, "")
        missed, self._missed = self._missed, []
        for news in missed if delivers else ():
            self._on_news(news)
        self.orders.relinked()

    def push(self, account: Account, con_ids: tuple[int, ...] = ()) -> None:
        """Tell everybody who subscribed how an account stands."""
        for session in self._started():
            self._statements.push(session, account, con_ids)

    def speak(self, *, aloud: bool) -> None:
        """Go silent on every connection, reading nothing and saying nothing, or speak again."""
        if aloud:
            self.speaking.set()
        else:
            self.speaking.clear()

    def drop(self) -> None:
        """End every connection at once."""
        for session in self.sessions:
            session.drop()

    def _started(self) -> list[Session]:
        return [session for session in self.sessions if session.started]

    def _answer(self, session: Session, request: Request, fields: list[str]) -> None:
        try:
            if request is Request.START:
                self._start(session, int(fields[1]))
            elif not session.started:
                session.say(messages.NO_REQUEST, Code.NOT_CONNECTED)
            elif request not in self._answers:
                session.say(messages.NO_REQUEST, Code.UNKNOWN_REQUEST)
            else:
                self._answer_started(session, request, fields)
        except (WireError, IndexError, ValueError, ArithmeticError) as odd:
            self.world.record.add(Kind.UNREADABLE, session.client_id, request, str(odd))
            session.say(_request_id(request, fields), Code.READING, odd)

    def _answer_started(self, session: Session, request: Request, fields: list[str]) -> None:
        request_id = _request_id(request, fields)
        if self.read_only and self.orders.refuse_writing(session, request, request_id):
            return
        if self.linked or request not in NEEDS_LINK:
            if request is Request.PLACE_ORDER:
                self._expect(session, fields)
            self._answers[request](session, fields)

    def _expect(self, session: Session, fields: list[str]) -> None:
        """Let the news of an order that is about to be taken in meet its faults."""
        kinds = self.world.faults.meet_news(_field(fields, SYMBOL_AT[Request.PLACE_ORDER]))
        if kinds:
            self.world.record.add(Kind.FAULT, session.client_id, "news", " ".join(sorted(kinds)))
            self._newsroom.faults[session.client_id, int(fields[0])] = kinds

    def _start(self, session: Session, client_id: int) -> None:
        in_use = any(other.client_id == client_id for other in self._started())
        left = self.occupied.get(client_id, 0)
        if left:
            self.occupied[client_id] = left - 1
        if in_use or left or len(self._started()) >= MOST_CLIENTS:
            self.world.record.add(Kind.TURNED_AWAY, client_id)
            session.say(messages.NO_REQUEST, Code.ID_IN_USE)
            session.drop()
            return
        session.client_id = client_id
        self.world.record.add(Kind.CONNECTED, client_id)
        session.tell(
            (Answer.MANAGED_ACCOUNTS, 1, ",".join(self.world.accounts)),
            (Answer.NEXT_VALID_ID, 1, self.orders.next_id(client_id)),
        )
        for code, farm in (*FARMS, DEFINITIONS):
            session.say(messages.NO_REQUEST, code, farm)
        if not self.linked:
            session.say(messages.NO_REQUEST, Code.LINK_LOST)

    def _too_fast(self, session: Session) -> bool:
        """Whether a client asks faster than it may; it is told and sent away then."""
        now = asyncio.get_running_loop().time()
        if not self.world.setup.rates or session.pace.allows(now):
            return False
        session.say(messages.NO_REQUEST, Code.TOO_FAST)
        session.drop()
        return True

    def _meet(self, fault: Fault, session: Session, request: Request, fields: list[str]) -> None:
        proceed: Callable[[], None] = partial(self._answer, session, request, fields)
        match fault.kind:
            case FaultKind.DROP:
                session.drop()
            case FaultKind.DROP_AFTER:
                self._unheard(session, proceed)
                session.drop()
            case FaultKind.DROP_PARTIAL:
                self.orders.next_rule = Rule(Course.PART, shares=fault.shares)
                proceed()
                self.orders.next_rule = None
                session.drop()
            case FaultKind.UNANSWERED:
                self._unheard(session, proceed)
            case FaultKind.IGNORE:
                self._ignore(session, request, fields)
            case FaultKind.EMPTY:
                self._end_list(session, request, fields)
            case FaultKind.REFUSE:
                text = fault.text or text_of(fault.code)
                request_id = _request_id(request, fields)
                session.tell(messages.error(session.version, request_id, fault.code, text))
            case FaultKind.DELAY:
                asyncio.get_running_loop().call_later(fault.seconds, proceed)
            case FaultKind.GARBAGE:
                session.tell_raw(GARBAGE)

    def _unheard(self, session: Session, proceed: Callable[[], None]) -> None:
        session.muted = True
        proceed()
        session.muted = False

    def _ignore(self, session: Session, request: Request, fields: list[str]) -> None:
        if request is Request.HISTORICAL_DATA:
            session.interests.histories.add(_request_id(request, fields))
        if request is Request.PLACE_ORDER:
            self.world.record.add(Kind.LOST, session.client_id, request, ",".join(fields))

    def _end_list(self, session: Session, request: Request, fields: list[str]) -> None:
        if request in EMPTY_LISTS:
            session.tell(EMPTY_LISTS[request])
        elif request in EMPTY_LISTS_OF_REQUEST:
            end = EMPTY_LISTS_OF_REQUEST[request]
            session.tell((end, 1, _request_id(request, fields)))

    def _on_move(self, con_id: int) -> None:
        for session in self._started() if self.linked else ():
            self._quotes.on_move(session, con_id)

    def _on_news(self, news: News) -> None:
        # What never left the gateway is the gateway's to tell.
        if not self.linked and news.order.status is not Status.API_CANCELLED:
            self._missed.append(news)
            return
        for session in self._started():
            if self._follows(session, news.order):
                session.tell(*self._newsroom.told(news, session.version))
                later = self._newsroom.told_later(news)
                if later:
                    asyncio.get_running_loop().call_later(LATE_SECONDS, session.tell, *later)
        if news.execution:
            self.push(news.order.account, (news.order.instrument.con_id,))

    def _follows(self, session: Session, order: Order) -> bool:
        return session.client_id in {order.client_id, self.world.setup.master_client_id}


def _field(fields: list[str], place: int | None) -> str:
    return fields[place] if place is not None and place < len(fields) else ""


def _request_id(request: Request, fields: list[str]) -> int:
    text = _field(fields, ID_AT.get(request))
    return int(text) if text.isdigit() else messages.NO_REQUEST
