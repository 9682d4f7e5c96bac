"""The quote desk: contracts looked up, quotes once or as they move, by what the account may see."""

from collections.abc import Mapping
from enum import IntEnum

from adapters.sims import tws_messages as messages
from adapters.sims.tws_codes import Answer, Code, Request, text_of
from adapters.sims.tws_contracts import SMART, STOCK, Instrument, Query, read_query
from adapters.sims.tws_market import DataRight
from adapters.sims.tws_session import Answering, Session
from adapters.sims.tws_wire import Fields
from adapters.sims.tws_world import World

DIVIDEND_TICKS = "456"
AMBIGUOUS = "The contract description specified for {} is ambiguous."


class DataType(IntEnum):
    """What kind of quotes a client asked for."""

    LIVE = 1
    FROZEN = 2
    DELAYED = 3
    DELAYED_FROZEN = 4


TAKES_DELAYED = frozenset({DataType.DELAYED, DataType.DELAYED_FROZEN})


class QuoteDesk:
    """Answers what is asked of contracts and quotes."""

    def __init__(self, world: World) -> None:
        self._world = world

    @property
    def answers(self) -> Mapping[Request, Answering]:
        """What it can be asked."""
        return {
            Request.CONTRACT_DETAILS: self._details,
            Request.MARKET_DATA: self._data,
            Request.CANCEL_MARKET_DATA: self._end_data,
            Request.MARKET_DATA_TYPE: self._type,
        }

    def on_move(self, session: Session, con_id: int) -> None:
        """Tell a client's streams of an instrument what its quote is now."""
        for request_id, instrument in session.interests.streams.items():
            if instrument.con_id == con_id:
                self._tell_ticks(session, request_id, instrument)

    def _details(self, session: Session, fields: list[str]) -> None:
        read = Fields(fields)
        read.skip(1)
        request_id, query = read.count(), read_query(read)
        found = self._world.find(query)
        if not found:
            session.say(request_id, Code.NO_DEFINITION)
            return
        for instrument in found:
            for exchange in _exchanges(query, instrument):
                told = messages.contract_details(session.version, request_id, instrument, exchange)
                session.tell(told)
        session.tell((Answer.CONTRACT_DETAILS_END, 1, request_id))

    def _type(self, session: Session, fields: list[str]) -> None:
        number = Fields(fields[1:]).count()
        if number in set(DataType):
            session.market_data_type = number

    def _data(self, session: Session, fields: list[str]) -> None:
        read = Fields(fields)
        read.skip(1)
        request_id, query = read.count(), read_query(read)
        if read.flag():
            read.skip(3)
        kinds, once = read.text().split(","), read.flag()
        instrument = self.only(session, request_id, query)
        if instrument is None or not self._may_see(session, request_id, instrument):
            return
        session.tell((Answer.MARKET_DATA_TYPE, 1, request_id, self._shown(session, instrument)))
        session.tell(messages.tick_parameters(request_id, instrument))
        self._tell_ticks(session, request_id, instrument)
        if DIVIDEND_TICKS in kinds:
            coming = self._world.market.dividends.get(instrument.con_id)
            session.tell(messages.dividends(request_id, coming))
        if once:
            session.tell((Answer.TICK_SNAPSHOT_END, 1, request_id))
        else:
            session.interests.streams[request_id] = instrument

    def _end_data(self, session: Session, fields: list[str]) -> None:
        session.interests.streams.pop(Fields(fields[1:]).count(), None)

    def only(self, session: Session, request_id: int, query: Query) -> Instrument | None:
        """Return the one instrument a client means; where there is not one, tell and give None."""
        found = self._world.find(query)
        if len(found) == 1:
            return found[0]
        if found:
            text = AMBIGUOUS.format(query.symbol)
            session.tell(messages.error(session.version, request_id, Code.NO_DEFINITION, text))
        else:
            session.say(request_id, Code.NO_DEFINITION)
        return None

    def _may_see(self, session: Session, request_id: int, instrument: Instrument) -> bool:
        """Whether quotes follow; if not, or if they are delayed ones, the client is told why."""
        permission = self._world.market.permission(instrument.con_id)
        if self._world.market.competing:
            session.say(request_id, Code.COMPETING)
            return False
        if permission.right is DataRight.LIVE:
            return True
        takes_delayed = session.market_data_type in TAKES_DELAYED
        if permission.right is DataRight.DELAYED and takes_delayed:
            session.say(request_id, Code.DELAYED_SHOWN)
            return True
        usual = Code.DELAYED_OFF if takes_delayed else Code.NOT_SUBSCRIBED
        if permission.right is DataRight.DELAYED:
            usual = Code.NEEDS_SUBSCRIPTION
        code = permission.code or usual
        session.tell(messages.error(session.version, request_id, code, text_of(code)))
        return False

    def _shown(self, session: Session, instrument: Instrument) -> int:
        live = self._world.market.permission(instrument.con_id).right is DataRight.LIVE
        frozen = not self._world.market.open
        asked = session.market_data_type
        if live:
            return DataType.FROZEN if frozen and asked == DataType.FROZEN else DataType.LIVE
        if frozen and asked == DataType.DELAYED_FROZEN:
            return DataType.DELAYED_FROZEN
        return DataType.DELAYED

    def _tell_ticks(self, session: Session, request_id: int, instrument: Instrument) -> None:
        delayed = self._shown(session, instrument) in TAKES_DELAYED
        quote = self._world.market.quote(instrument.con_id)
        session.tell(*messages.ticks(request_id, quote, delayed=delayed))


def _exchanges(query: Query, instrument: Instrument) -> tuple[str, ...]:
    """At which exchanges an instrument is described: every one, if a client left it open."""
    if query.exchange:
        return (query.exchange,)
    if query.con_id or instrument.kind != STOCK:
        return (instrument.routed,)
    return tuple(sorted(instrument.exchanges, key=lambda name: name != SMART))
