"""The vendor's library in a process of its own: it stops every thread of a process as it waits.

Run as a program: standard input is the socket on which it is asked and answers, one
line each. It ends with whoever asks it, and by itself when an answer takes too long,
whatever the library holds at that moment.
"""

import importlib
import importlib.util
import signal
import socket
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from adapters.longport_wire import (
    Absent,
    Accepted,
    Answer,
    Asked,
    Balance,
    Bar,
    Bars,
    Book,
    Cancel,
    Candles,
    Cash,
    Depth,
    Describe,
    Fresh,
    FundNames,
    Funds,
    Half,
    Held,
    Holdings,
    Money,
    Open,
    Opened,
    Order,
    Orders,
    Past,
    Positions,
    Price,
    Prices,
    Question,
    Quote,
    Refresh,
    Refusal,
    Securities,
    Security,
    Submit,
    Today,
    answer_line,
    read_question,
)

# The library under its old name and under its new one.
NAMES = ("longport", "longbridge")
ORDERS = "/v1/trade/order"
STANDARD_INPUT = 0
NO_CODE = 0
NOTHING = Decimal(0)


class Library:
    """One half of the library, at work with one set of keys."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._api: Any = importlib.import_module(f"{name}.openapi")
        self._config: Any = None
        self._http: Any = None
        self._trade: Any = None
        self._quote: Any = None

    def answer(self, question: Question) -> Answer:
        """Carry a question out; what the broker says no to is an answer too."""
        try:
            match question:
                case Open():
                    return self._open(question)
                case Describe() | Quote() | Depth() | Candles():
                    return self._market(question)
                case _:
                    return self._account(question)
        except self._api.OpenApiException as error:
            return Refusal(error.code or NO_CODE, str(error.message))

    def _open(self, keys: Open) -> Opened:
        make = getattr(self._api.Config, "from_apikey", self._api.Config)
        self._config = make(
            keys.app_key,
            keys.app_secret,
            keys.token,
            http_url=keys.http_url,
            quote_ws_url=keys.quote_url,
            trade_ws_url=keys.trade_url,
            enable_print_quote_packages=False,
        )
        if keys.half is Half.QUOTE:
            self._quote = self._api.QuoteContext(self._config)
            return Opened(self._name, str(self._quote.quote_level()))
        self._trade = self._api.TradeContext(self._config)
        client = self._api.HttpClient
        if hasattr(client, "from_apikey"):
            self._http = client.from_apikey(
                keys.app_key, keys.app_secret, keys.token, keys.http_url
            )
        else:
            self._http = client(keys.http_url, keys.app_key, keys.app_secret, keys.token)
        return Opened(self._name)

    def _account(self, question: Question) -> Answer:
        trade = self._trade
        match question:
            case Refresh(until):
                answer: Answer = Fresh(self._config.refresh_access_token(_argument(until)))
            case Balance(currency):
                answer = _money(trade.account_balance(currency))
            case Holdings():
                answer = _positions(trade.stock_positions().channels)
            case Funds():
                channels = trade.fund_positions().channels
                answer = FundNames(tuple(f.symbol_name for c in channels for f in c.positions))
            case Today(order_id):
                answer = _orders(trade.today_orders(order_id=order_id or None))
            case Past(since):
                answer = _orders(trade.history_orders(start_at=_argument(since)))
            case Submit():
                answer = self._submit(question)
            case Cancel(order_id):
                trade.cancel_order(order_id)
                answer = Asked()
            case _:
                raise TypeError(question)
        return answer

    def _submit(self, order: Submit) -> Accepted:
        """Place an order by the library's plain client, which says what its method says and more.

        The library sends an order again when a gateway answers 429 in plain text,
        booked or not. The name of the request makes the broker take both for one;
        the method of the old library has no place for it.
        """
        body = {
            "symbol": order.symbol,
            "order_type": "MO" if order.limit is None else "LO",
            "side": order.side,
            "submitted_quantity": str(order.shares),
            "time_in_force": "Day",
            "outside_rth": "RTH_ONLY",
            "remark": order.name,
            "client_request_id": order.name,
        }
        if order.limit is not None:
            body["submitted_price"] = f"{order.limit.normalize():f}"
        return Accepted(str(self._http.request("post", ORDERS, body=body)["order_id"]))

    def _market(self, question: Question) -> Answer:
        api = self._api
        match question:
            case Describe(symbols):
                told = self._quote.static_info(list(symbols))
                return Securities(tuple(Security(each.symbol, each.lot_size) for each in told))
            case Quote(symbols):
                return Prices(tuple(_price(each) for each in self._quote.quote(list(symbols))))
            case Depth(symbol):
                book = self._quote.depth(symbol)
                return Book(_best(book.bids), _best(book.asks))
            case Candles(symbol, count, adjusted):
                kind = api.AdjustType.ForwardAdjust if adjusted else api.AdjustType.NoAdjust
                bars = self._quote.candlesticks(symbol, api.Period.Day, count, kind)
                return Bars(tuple(_bar(each) for each in bars))
        raise TypeError(question)


def _argument(moment: datetime) -> datetime:
    """A time as the library takes it: it forgets the zone and reads the digits as UTC."""
    return moment.astimezone(UTC)


def _utc(moment: datetime) -> datetime:
    """A time as the library gives it: without a zone, in that of the process."""
    return moment.astimezone(UTC)


def _name(value: Any) -> str:
    """The name of one of the library's enums."""
    return str(value).rpartition(".")[2]


def _money(accounts: list[Any]) -> Money:
    """The sums of the account; without any line of money where none is told."""
    if not accounts:
        return Money((), NOTHING, NOTHING, NOTHING)
    told = accounts[0]
    lines = (
        Cash(each.currency, each.available_cash, each.frozen_cash, each.settling_cash)
        for each in told.cash_infos
    )
    return Money(tuple(lines), told.total_cash, told.net_assets, told.max_finance_amount)


def _positions(channels: list[Any]) -> Positions:
    held = (
        Held(each.symbol, each.quantity, each.available_quantity, each.currency)
        for channel in channels
        for each in channel.positions
    )
    return Positions(tuple(held), len(channels))


def _orders(listed: Iterable[Any]) -> Orders:
    return Orders(
        tuple(
            Order(
                id=each.order_id,
                symbol=each.symbol,
                side=_name(each.side),
                status=_name(each.status),
                quantity=each.quantity,
                executed=each.executed_quantity,
                price=each.price,
                average=each.executed_price,
                at=_utc(each.submitted_at),
                remark=each.remark,
                message=each.msg,
            )
            for each in listed
        )
    )


def _price(told: Any) -> Price:
    return Price(told.symbol, told.last_done, _name(told.trade_status), _utc(told.timestamp))


def _best(levels: list[Any]) -> Any:
    return levels[0].price if levels else None


def _bar(told: Any) -> Bar:
    return Bar(_utc(told.timestamp), told.high, told.low, told.close)


def _library() -> Library | None:
    name = next((name for name in NAMES if importlib.util.find_spec(name)), None)
    return Library(name) if name else None


def serve(line: socket.socket) -> None:
    """Answer until nobody asks any more."""
    # The library holds the interpreter as it waits: only the system can end it then.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    library = _library()
    with line.makefile("rwb") as lines:
        for text in lines:
            seconds, question = read_question(text)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            answer = library.answer(question) if library else Absent()
            signal.setitimer(signal.ITIMER_REAL, 0)
            lines.write(answer_line(answer))
            lines.flush()


if __name__ == "__main__":
    # Whoever asked may be gone before he is answered.
    with suppress(BrokenPipeError), socket.socket(fileno=STANDARD_INPUT) as given:
        serve(given)
