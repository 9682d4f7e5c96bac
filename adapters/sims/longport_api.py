"""The calls over HTTP and what each answers with."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeAlias

from adapters.sims.longport_json import (
    balance_json,
    detail_json,
    execution_json,
    funds_json,
    order_json,
    positions_json,
    seconds,
)
from adapters.sims.longport_orders import Execution, Order, Origin, Side
from adapters.sims.longport_refusals import bad_parameter, not_found
from adapters.sims.longport_securities import local_day, market_of
from adapters.sims.longport_tickets import read_ticket
from adapters.sims.longport_values import Json
from adapters.sims.longport_world import World

WINDOW = timedelta(days=90)
MEMBER = 1


class Query:
    """The parameters of a request's address."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._pairs = list(pairs)

    def one(self, name: str) -> str:
        """The value of a name, empty where it is not given."""
        return next((value for key, value in self._pairs if key == name), "")

    def all(self, name: str) -> list[str]:
        """Every value of a name."""
        return [value for key, value in self._pairs if key == name]

    def needed(self, name: str) -> str:
        """The value of a name. Raises Refusal where it is not given."""
        value = self.one(name)
        if not value:
            raise bad_parameter(f"{name} is required")
        return value

    def moment(self, name: str) -> datetime | None:
        """A time given in seconds. Raises Refusal."""
        value = self.one(name)
        if not value:
            return None
        if not value.isdigit():
            raise bad_parameter(f"{name} is no time in seconds")
        return datetime.fromtimestamp(int(value), UTC)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was let in."""

    query: Query
    body: Json


Answer: TypeAlias = Callable[[Asked], Json]


class Api:
    """The calls by method and path."""

    def __init__(self, world: World, online: Callable[[], int]) -> None:
        self._world = world
        self._online = online
        self.calls: Mapping[str, Answer] = {
            "GET /v1/socket/token": self._socket_token,
            "GET /v1/token/refresh": self._refresh,
            "GET /v1/asset/account": self._account,
            "GET /v1/asset/stock": self._positions,
            "GET /v1/asset/fund": self._funds,
            "GET /v1/risk/margin-ratio": self._margin_ratio,
            "GET /v1/trade/estimate/buy_limit": self._estimate,
            "POST /v1/trade/order": self._book,
            "PUT /v1/trade/order": self._replace,
            "DELETE /v1/trade/order": self._cancel,
            "GET /v1/trade/order": self._detail,
            "GET /v1/trade/order/today": self._today,
            "GET /v1/trade/order/history": self._history,
            "GET /v1/trade/execution/today": self._executions_today,
            "GET /v1/trade/execution/history": self._executions_before,
        }

    def answer(self, call: str, asked: Asked) -> Json:
        """Carry a call out. Raises Refusal."""
        if call not in self.calls:
            raise not_found(call)
        if not call.endswith("/token") and "/token/" not in call:
            self._world.meter.count_call()
        return self.calls[call](asked)

    def _socket_token(self, _asked: Asked) -> Json:
        password = self._world.keys.one_time_password()
        limit = self._world.setup.connections
        return {"otp": password, "limit": limit, "online": self._online()}

    def _refresh(self, asked: Asked) -> Json:
        try:
            until = datetime.fromisoformat(asked.query.needed("expired_at"))
        except ValueError:
            raise bad_parameter("expired_at is no time of ISO 8601") from None
        token = self._world.keys.refresh(until if until.tzinfo else until.replace(tzinfo=UTC))
        return {
            "token": token,
            "expired_at": self._world.keys.expires(token).isoformat(),
            "issued_at": self._world.clock.now().isoformat(),
            "account_info": {
                "member_id": MEMBER,
                "aaid": self._world.setup.account,
                "account_channel": "lb",
            },
        }

    def _account(self, asked: Asked) -> Json:
        world, setup = self._world, self._world.setup
        currency = asked.query.one("currency") or setup.base
        if currency not in setup.worth:
            raise bad_parameter(f"currency {currency} is not supported")
        statement = world.exchange.statement()
        worth = dict(setup.worth)
        told = balance_json(statement, setup.funds, world.market, currency, worth, setup.margin)
        return {"list": [told]}

    def _positions(self, asked: Asked) -> Json:
        wanted = asked.query.all("symbol")
        held = self._world.exchange.statement().positions
        listed = [each for each in held if not wanted or each.symbol in wanted]
        return positions_json(listed, self._world.market)

    def _funds(self, _asked: Asked) -> Json:
        return funds_json(self._world.setup.funds, self._world.clock.now())

    def _margin_ratio(self, asked: Asked) -> Json:
        self._world.market.security(asked.query.needed("symbol"))
        initial = f"{1 / self._world.setup.margin:f}"
        return {"im_factor": initial, "mm_factor": initial, "fm_factor": initial}

    def _estimate(self, asked: Asked) -> Json:
        security = self._world.market.security(asked.query.needed("symbol"))
        price = _number(asked.query, "price") or self._world.market.quote(security.symbol).ask
        if not price:
            raise bad_parameter("price is required")
        statement = self._world.exchange.statement()
        if asked.query.one("side") == Side.SELL:
            held = statement.position(security.symbol).available
            return {"cash_max_qty": f"{held:f}", "margin_max_qty": f"{held:f}"}
        cash = max(statement.line(security.money).available, Decimal(0))
        by_cash, by_margin = (
            money // price // security.lot * security.lot
            for money in (cash, cash * self._world.setup.margin)
        )
        return {"cash_max_qty": f"{by_cash:f}", "margin_max_qty": f"{by_margin:f}"}

    def _book(self, asked: Asked) -> Json:
        order = self._world.exchange.book(read_ticket(asked.body), Origin.API)
        return {"order_id": order.id}

    def _replace(self, asked: Asked) -> Json:
        try:
            quantity = Decimal(asked.body["quantity"])
            price = asked.body.get("price")
            self._world.exchange.replace(
                str(asked.body["order_id"]), quantity, None if price is None else Decimal(price)
            )
        except (KeyError, TypeError, InvalidOperation) as wrong:
            raise bad_parameter(f"parameter error: {wrong}") from None
        return {}

    def _cancel(self, asked: Asked) -> Json:
        self._world.exchange.ask_to_cancel(asked.query.needed("order_id"))
        return {}

    def _detail(self, asked: Asked) -> Json:
        wanted = asked.query.needed("order_id")
        for order in self._world.exchange.listed():
            if order.id == wanted:
                security = self._world.market.security(order.ticket.symbol)
                return detail_json(order, security, self._world.setup.fee)
        raise bad_parameter("parameter error, please contact customer service")

    def _today(self, asked: Asked) -> Json:
        orders = [o for o in self._world.exchange.listed() if self._of_today(o)]
        return {"orders": self._told(asked.query, orders)}

    def _history(self, asked: Asked) -> Json:
        first, last = self._window(asked.query)
        with_today = self._world.setup.history_has_today
        orders = [
            order
            for order in self._world.exchange.listed()
            if first <= order.submitted_at <= last and (with_today or not self._of_today(order))
        ]
        told = self._told(asked.query, orders)
        most = self._world.setup.history_orders
        return {"orders": told[:most], "has_more": len(told) > most}

    def _executions_today(self, asked: Asked) -> Json:
        today = [e for e in self._executed(asked.query) if self._is_today(e.symbol, e.at)]
        return {"trades": [execution_json(each) for each in today]}

    def _executions_before(self, asked: Asked) -> Json:
        first, last = self._window(asked.query)
        with_today = self._world.setup.history_has_today
        told = [
            execution_json(each)
            for each in self._executed(asked.query)
            if first <= each.at <= last and (with_today or not self._is_today(each.symbol, each.at))
        ]
        most = self._world.setup.history_orders
        return {"trades": told[:most], "has_more": len(told) > most}

    def _executed(self, query: Query) -> list[Execution]:
        symbol, order_id = query.one("symbol"), query.one("order_id")
        return [
            each
            for each in reversed(self._world.exchange.executions)
            if each.order_id and symbol in ("", each.symbol) and order_id in ("", each.order_id)
        ]

    def _told(self, query: Query, orders: list[Order]) -> list[Json]:
        statuses = query.all("status")
        return [
            order_json(order, self._world.market.security(order.ticket.symbol))
            for order in orders
            if query.one("symbol") in ("", order.ticket.symbol)
            and query.one("side") in ("", order.ticket.side)
            and query.one("market") in ("", market_of(order.ticket.symbol))
            and query.one("order_id") in ("", order.id)
            and (not statuses or order.status in statuses)
        ]

    def _window(self, query: Query) -> tuple[datetime, datetime]:
        first, last = query.moment("start_at"), query.moment("end_at")
        if last is None:
            last = self._world.clock.now() if first is None else first + WINDOW
        first = first or last - WINDOW
        if last < first or last - first > WINDOW:
            raise bad_parameter(f"{seconds(first)} to {seconds(last)} is no window of 90 days")
        return first, last

    def _of_today(self, order: Order) -> bool:
        return self._is_today(order.ticket.symbol, order.submitted_at)

    def _is_today(self, symbol: str, at: datetime) -> bool:
        return local_day(symbol, at) == local_day(symbol, self._world.clock.now())


def _number(query: Query, name: str) -> Decimal | None:
    try:
        return Decimal(query.one(name)) if query.one(name) else None
    except InvalidOperation:
        raise bad_parameter(f"{name} is no number") from None


def envelope(data: Any) -> Json:
    """What a call that succeeded answers with."""
    return {"code": 0, "message": "success", "data": data}
