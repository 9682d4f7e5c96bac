"""The trade socket's desk: who hears of changed orders."""

import json

from adapters.sims.longport_frames import TradeCommand, push
from adapters.sims.longport_json import push_json
from adapters.sims.longport_messages import (
    Notification,
    TopicFailure,
    TopicsRequest,
    TopicsResponse,
    UnsubscribedTopics,
)
from adapters.sims.longport_orders import Order
from adapters.sims.longport_protobuf import decode, encode
from adapters.sims.longport_sockets import Answer, Channel, Connection, Desk, Sockets
from adapters.sims.longport_world import World

PRIVATE = "private"
AS_JSON = 1
DIRECT = 1


class TradeDesk:
    """Answers on the trade sockets of one world and pushes orders there."""

    def __init__(self, world: World, sockets: Sockets) -> None:
        self._world = world
        self._sockets = sockets
        world.exchange.watch(self._push)
        answers: dict[int, Answer] = {
            TradeCommand.SUBSCRIBE: self._subscribe,
            TradeCommand.UNSUBSCRIBE: self._unsubscribe,
        }
        sockets.desks[Channel.TRADE] = Desk(TradeCommand, answers)

    def _subscribe(self, connection: Connection, body: bytes) -> TopicsResponse:
        asked = decode(TopicsRequest, body).topics
        known = tuple(topic for topic in asked if topic == PRIVATE)
        for topic in known:
            connection.wants[topic] = set()
        unknown = (TopicFailure(topic, "unknown topic") for topic in asked if topic not in known)
        return TopicsResponse(known, tuple(unknown), tuple(connection.wants))

    def _unsubscribe(self, connection: Connection, body: bytes) -> UnsubscribedTopics:
        for topic in decode(TopicsRequest, body).topics:
            connection.wants.pop(topic, None)
        return UnsubscribedTopics(tuple(connection.wants))

    def _push(self, order: Order) -> None:
        told = push_json(order, self._world.market.security(order.ticket.symbol))
        notice = encode(Notification(PRIVATE, AS_JSON, DIRECT, json.dumps(told).encode()))
        for connection in self._sockets.on(Channel.TRADE):
            if PRIVATE in connection.wants:
                connection.out.put_nowait(push(TradeCommand.NOTIFY, notice))
