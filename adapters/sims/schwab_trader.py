"""The trading side: accounts and orders, as JSON."""

from datetime import datetime, timedelta
from http import HTTPStatus

from adapters.sims.schwab_accounts import (
    AccountKind,
    account_hash,
    cash_balances,
    margin_balances,
    position_json,
)
from adapters.sims.schwab_answers import Answer, Json, refused, told
from adapters.sims.schwab_book import Entry
from adapters.sims.schwab_certificates import HOST
from adapters.sims.schwab_fates import Address
from adapters.sims.schwab_faults import Operation
from adapters.sims.schwab_orders import Order, Who, read_ticket
from adapters.sims.schwab_requests import Request
from adapters.sims.schwab_world import World

FARTHEST_BACK = timedelta(days=60)
MOST_ORDERS = 3000
NO_ACCOUNT = "Invalid account number"
NO_ORDER = "Order not found"


class Trader:
    """Answers what is asked of accounts and orders. Refuses with Refused."""

    def __init__(self, world: World) -> None:
        self._world = world

    def answer(self, request: Request) -> Answer:  # noqa: PLR0911 - one for each thing asked
        """Return the answer to one request."""
        match request.operation:
            case Operation.ACCOUNT_NUMBERS:
                return told([_named(number) for number in self._world.accounts.numbers])
            case Operation.ACCOUNTS:
                numbers = self._world.accounts.numbers
                return told([self._account(number, request) for number in numbers])
            case Operation.ACCOUNT:
                return told(self._account(self._number(request), request))
            case Operation.ORDERS:
                return told(self._orders([self._number(request)], request))
            case Operation.ALL_ORDERS:
                return told(self._orders(self._world.accounts.numbers, request))
            case Operation.ORDER:
                return told(self._order(request).as_told())
            case Operation.PLACE:
                ticket = read_ticket(request.json())
                account = self._number(request)
                return self._created(self._world.book.enter(ticket, account, Who.API))
            case Operation.REPLACE:
                old = self._order(request).order_id
                ticket = read_ticket(request.json())
                return self._created(self._world.book.supersede(old, ticket))
            case Operation.CANCEL:
                self._world.book.cancel(self._order(request).order_id)
                return Answer()
        raise refused(HTTPStatus.NOT_FOUND)

    def _number(self, request: Request) -> str:
        for number in self._world.accounts.numbers:
            if account_hash(number) == request.path["account"]:
                return number
        raise refused(HTTPStatus.BAD_REQUEST, NO_ACCOUNT)

    def _account(self, number: str, request: Request) -> Json:
        accounts, marks = self._world.accounts, self._world.market.mark
        account = accounts.shown(number)
        reserved = self._world.book.reserved(number)
        cash = account.kind is AccountKind.CASH
        balances = cash_balances if cash else margin_balances
        current = balances(account, marks, reserved) | accounts.told[number]
        shown: Json = {
            "type": account.kind,
            "accountNumber": number,
            "roundTrips": 0,
            "isDayTrader": False,
            "isClosingOnlyRestricted": False,
            "pfcbFlag": False,
        }
        if account.positions and "positions" in request.names("fields"):
            shown["positions"] = [position_json(each, marks) for each in account.positions]
        shown["currentBalances"] = {k: v for k, v in current.items() if v is not None}
        shown["initialBalances"] = balances(accounts.first(number), marks, reserved - reserved)
        shown["projectedBalances"] = shown["currentBalances"]
        worth = current["liquidationValue"]
        total = {"currentLiquidationValue": worth, "liquidationValue": worth}
        return {"securitiesAccount": shown, "aggregatedBalance": total}

    def _orders(self, numbers: list[str], request: Request) -> list[Json]:
        since, until = request.moment("fromEnteredTime"), request.moment("toEnteredTime")
        now = self._world.clock.now()
        if since.date() < (now - FARTHEST_BACK).date() or until < since:
            raise refused(HTTPStatus.BAD_REQUEST, "Orders of the last 60 days only can be listed.")
        lag = timedelta(seconds=self._world.list_lag)
        orders = [o for number in numbers for o in self._world.book.orders(number)]
        newest = sorted(orders, key=lambda order: order.order_id, reverse=True)
        listed = [
            order.as_told()
            for order in newest
            if now - order.entered_at >= lag and since <= _to_the_second(order) <= until
        ]
        strange = [each for number in numbers for each in self._world.strange[number]]
        wanted = request.query.get("status")
        found = [each for each in [*strange, *listed] if wanted in {None, each.get("status")}]
        return found[: request.number("maxResults", MOST_ORDERS)]

    def _order(self, request: Request) -> Order:
        number, order_id = self._number(request), request.path["order"]
        for order in self._world.book.orders(number):
            if str(order.order_id) == order_id:
                return order
        raise refused(HTTPStatus.NOT_FOUND, NO_ORDER)

    def _created(self, entry: Entry) -> Answer:
        order = entry.order
        place = {
            Address.OWN: order.order_id,
            Address.FOREIGN: self._other_than(order),
            Address.MISSING: 0,
        }[entry.fate.address]
        path = f"/trader/v1/accounts/{account_hash(order.account)}/orders/{place}"
        headers = {"Location": f"https://{HOST}{path}"} if place else {}
        return Answer(HTTPStatus.CREATED, headers=headers)

    def _other_than(self, order: Order) -> int:
        """Return the number of the latest other order, or one nobody has."""
        others = [o.order_id for o in self._world.book.orders() if o.order_id != order.order_id]
        return max(others, default=order.order_id + 1)


def _named(number: str) -> Json:
    return {"accountNumber": number, "hashValue": account_hash(number)}


def _to_the_second(order: Order) -> datetime:
    return order.entered_at.replace(microsecond=0)
