"""The news of an order: which messages tell it, in which order, and which get lost."""

from adapters.sims import tws_order_messages as messages
from adapters.sims.tws_codes import Code, text_of
from adapters.sims.tws_faults import FaultKind
from adapters.sims.tws_messages import error
from adapters.sims.tws_orders import News, Order, Turn
from adapters.sims.tws_wire import Message

NO_FAULTS: frozenset[FaultKind] = frozenset()


class Newsroom:
    """Writes what a client is told of each turn of an order, faults of that order included."""

    def __init__(self) -> None:
        self.faults: dict[tuple[int, int], frozenset[FaultKind]] = {}

    def pays_late(self, order: Order) -> bool:
        """Whether the commissions of an order are told after everything else."""
        return FaultKind.LATE_COMMISSION in self._of(order)

    def told_later(self, news: News) -> tuple[Message, ...]:
        """Return what of a turn is told some moments after the rest."""
        if not self.pays_late(news.order) or not news.execution:
            return ()
        return (messages.commission(news.order, news.execution),)

    def _of(self, order: Order) -> frozenset[FaultKind]:
        return self.faults.get((order.client_id, order.order_id), NO_FAULTS)

    def told(self, news: News, version: int) -> tuple[Message, ...]:
        """Return the messages of one turn, for a client of a version."""
        order, faults = news.order, self._of(news.order)
        match news.turn:
            case Turn.STANDS:
                return _standing(version, order, faults)
            case Turn.EXECUTED | Turn.CORRECTED:
                return _executed(version, news, faults)
            case Turn.CANCELLED:
                text = text_of(Code.CANCELLED, news.text)
                code = error(version, order.order_id, Code.CANCELLED, text)
                return (*_status(order, faults), code)
            case Turn.REFUSED:
                return _refused(version, news, faults)
            case Turn.NOTICED:
                return (error(version, order.order_id, news.code, news.text),)


def _standing(version: int, order: Order, faults: frozenset[FaultKind]) -> tuple[Message, ...]:
    if FaultKind.LOSE_STATUSES in faults:
        return ()
    return (messages.open_order(version, order), *_status(order, faults))


def _status(order: Order, faults: frozenset[FaultKind]) -> tuple[Message, ...]:
    if FaultKind.LOSE_STATUSES in faults:
        return ()
    told = messages.order_status(order)
    return (told, told) if FaultKind.REPEAT in faults else (told,)


def _executed(version: int, news: News, faults: frozenset[FaultKind]) -> tuple[Message, ...]:
    order, done = news.order, news.execution
    assert done
    lost = FaultKind.LOSE_EXECUTIONS in faults
    late = FaultKind.LATE_COMMISSION in faults
    execution = () if lost else (messages.live_execution(version, order, done),)
    commission = () if lost or late else (messages.commission(order, done),)
    if news.turn is Turn.CORRECTED:
        return (*execution, *commission)
    standing = () if FaultKind.LOSE_FILLED in faults else _standing(version, order, faults)
    if FaultKind.REVERSE in faults:
        return (*standing, *execution, *commission)
    return (*execution, *standing, *commission)


def _refused(version: int, news: News, faults: frozenset[FaultKind]) -> tuple[Message, ...]:
    order = news.order
    standing = _standing(version, order, faults)
    if not news.code:
        return standing
    return (error(version, order.order_id, news.code, news.text), *standing)
