"""The quote socket's desk: static data, quotes, order books, bars, days, subscriptions."""

from collections.abc import Iterable
from datetime import date, datetime
from functools import partial

from adapters.sims.bars import Bar
from adapters.sims.longport_calendar import HOURS
from adapters.sims.longport_frames import QuoteCommand, push
from adapters.sims.longport_json import price_text
from adapters.sims.longport_messages import (
    Candlestick,
    CandlestickRequest,
    CandlestickResponse,
    CommandRate,
    DateQuery,
    Depth,
    DepthResponse,
    HistoryRequest,
    MarketTradePeriod,
    OffsetQuery,
    ProfileRequest,
    ProfileResponse,
    PushDepth,
    PushQuote,
    QuoteResponse,
    SecuritiesRequest,
    SecurityQuote,
    SecurityRequest,
    StaticInfo,
    StaticInfoResponse,
    SubscribeRequest,
    Subscription,
    SubscriptionResponse,
    TradeDayRequest,
    TradeDayResponse,
    TradePeriod,
    TradePeriodResponse,
    UnsubscribeRequest,
)
from adapters.sims.longport_protobuf import decode, encode
from adapters.sims.longport_refusals import bad_quote_request, too_many_symbols
from adapters.sims.longport_securities import Level, Quote, Security, midnight
from adapters.sims.longport_sockets import Answer, Channel, Connection, Desk, Sockets
from adapters.sims.longport_world import World

DAY = 1000
ADJUSTED = 1
BY_OFFSET = 1
FORWARD = 1
QUOTES, DEPTHS = 1, 2
MOST_SYMBOLS = 500
WIRE_DATE = "%Y%m%d"
BOARDS = {"US": "USMain", "HK": "HKEquity", "CN": "SHMainConnect", "SG": "SGMain"}


class QuoteDesk:
    """Answers on the quote sockets of one world and pushes what is subscribed there."""

    def __init__(self, world: World, sockets: Sockets) -> None:
        self._world = world
        self._sockets = sockets
        self._sequence = 0
        self._history_of: set[tuple[int, int, str]] = set()
        world.market.watch(self._push)
        answers: dict[int, Answer] = {
            QuoteCommand.SUBSCRIPTIONS: self._subscriptions,
            QuoteCommand.SUBSCRIBE: self._subscribe,
            QuoteCommand.UNSUBSCRIBE: self._unsubscribe,
            QuoteCommand.TRADING_SESSION: self._hours,
            QuoteCommand.TRADING_DAYS: self._days,
            QuoteCommand.STATIC_INFO: self._static_info,
            QuoteCommand.QUOTE: self._quotes,
            QuoteCommand.DEPTH: self._depth,
            QuoteCommand.CANDLESTICKS: self._candlesticks,
            QuoteCommand.HISTORY: self._history,
        }
        counted: dict[int, Answer] = {QuoteCommand.PROFILE: self._profile}
        counted |= {c: partial(self._counted, c, each) for c, each in answers.items()}
        sockets.desks[Channel.QUOTE] = Desk(QuoteCommand, counted)

    def _counted(self, command: int, answer: Answer, connection: Connection, body: bytes) -> object:
        self._world.meter.count_quote(command)
        return answer(connection, body)

    def _profile(self, _connection: Connection, body: bytes) -> ProfileResponse:
        decode(ProfileRequest, body)
        rates = self._world.meter.rates
        limits = [CommandRate(c, rates.quotes, rates.quotes) for c in QuoteCommand] if rates else []
        return ProfileResponse(
            member_id=1,
            quote_level="Simulated",
            subscribe_limit=MOST_SYMBOLS,
            history_candlestick_limit=self._world.setup.history_symbols,
            rate_limit=tuple(limits),
        )

    def _static_info(self, _connection: Connection, body: bytes) -> StaticInfoResponse:
        asked = _few(decode(SecuritiesRequest, body).symbol)
        known = self._world.market.known(asked)
        return StaticInfoResponse(tuple(_static_info(each) for each in known))

    def _quotes(self, _connection: Connection, body: bytes) -> QuoteResponse:
        asked = _few(decode(SecuritiesRequest, body).symbol)
        known = self._world.market.known(asked)
        return QuoteResponse(tuple(_quote(self._world.market.quote(s.symbol)) for s in known))

    def _depth(self, _connection: Connection, body: bytes) -> DepthResponse:
        symbol = decode(SecurityRequest, body).symbol
        quote = self._world.market.quote(self._world.market.security(symbol).symbol)
        return DepthResponse(symbol, _side(quote.asks), _side(quote.bids))

    def _candlesticks(self, _connection: Connection, body: bytes) -> CandlestickResponse:
        asked = decode(CandlestickRequest, body)
        _daily(asked.period)
        adjusted = asked.adjust_type == ADJUSTED
        bars = self._world.market.newest(asked.symbol, asked.count, adjusted=adjusted)
        return _bars(asked.symbol, bars)

    def _history(self, _connection: Connection, body: bytes) -> CandlestickResponse:
        asked = decode(HistoryRequest, body)
        _daily(asked.period)
        self._world.market.security(asked.symbol)
        self._use_up(asked.symbol)
        market, adjusted = self._world.market, asked.adjust_type == ADJUSTED
        if asked.query_type == BY_OFFSET:
            offset = asked.offset_request or OffsetQuery()
            bars = market.beside(
                asked.symbol,
                _date(offset.date),
                offset.count,
                forward=offset.direction == FORWARD,
                adjusted=adjusted,
            )
        else:
            dates = asked.date_request or DateQuery()
            first, last = _date(dates.start_date), _date(dates.end_date)
            bars = market.between(asked.symbol, first, last, adjusted=adjusted)
        return _bars(asked.symbol, bars)

    def _use_up(self, symbol: str) -> None:
        now = self._world.clock.now()
        this_month = {each for each in self._history_of if each[:2] == (now.year, now.month)}
        entry = (now.year, now.month, symbol)
        if entry not in this_month and len(this_month) >= self._world.setup.history_symbols:
            raise too_many_symbols()
        self._history_of = this_month | {entry}

    def _days(self, _connection: Connection, body: bytes) -> TradeDayResponse:
        asked = decode(TradeDayRequest, body)
        first, last = _date(asked.beg_day), _date(asked.end_day)
        if first is None or last is None:
            raise bad_quote_request("beg_day and end_day are required")
        today = self._world.clock.now().date()
        whole, half = self._world.setup.calendar.days(asked.market, first, last, today)
        return TradeDayResponse(*(tuple(f"{d:%Y%m%d}" for d in days) for days in (whole, half)))

    def _hours(self, _connection: Connection, _body: bytes) -> TradePeriodResponse:
        return TradePeriodResponse(
            tuple(
                MarketTradePeriod(
                    market, tuple(TradePeriod(h.begins, h.ends, h.session) for h in hours)
                )
                for market, hours in HOURS.items()
            )
        )

    def _subscribe(self, connection: Connection, body: bytes) -> SubscriptionResponse:
        asked = decode(SubscribeRequest, body)
        if len({*connection.wants, *asked.symbol}) > MOST_SYMBOLS:
            raise bad_quote_request("the subscriptions are used up")
        for security in self._world.market.known(_few(asked.symbol)):
            connection.wants.setdefault(security.symbol, set()).update(asked.sub_type)
            if asked.is_first_push:
                quote = self._world.market.quote(security.symbol)
                self._push_to(connection, quote, set(asked.sub_type))
        return self._subscriptions(connection, b"")

    def _unsubscribe(self, connection: Connection, body: bytes) -> SubscriptionResponse:
        asked = decode(UnsubscribeRequest, body)
        for symbol in list(connection.wants) if asked.unsub_all else asked.symbol:
            left = connection.wants.get(symbol, set()) - set(asked.sub_type)
            if left and not asked.unsub_all:
                connection.wants[symbol] = left
            else:
                connection.wants.pop(symbol, None)
        return self._subscriptions(connection, b"")

    def _subscriptions(self, connection: Connection, _body: bytes) -> SubscriptionResponse:
        wants = connection.wants.items()
        return SubscriptionResponse(tuple(Subscription(s, tuple(sorted(t))) for s, t in wants))

    def _push(self, quote: Quote) -> None:
        for connection in self._sockets.on(Channel.QUOTE):
            self._push_to(connection, quote, connection.wants.get(quote.symbol, set()))

    def _push_to(self, connection: Connection, quote: Quote, wanted: set[int]) -> None:
        self._sequence += 1
        if QUOTES in wanted:
            body = encode(_pushed(quote, self._sequence))
            connection.out.put_nowait(push(QuoteCommand.PUSH_QUOTE, body))
        if DEPTHS in wanted:
            depth = PushDepth(quote.symbol, self._sequence, _side(quote.asks), _side(quote.bids))
            connection.out.put_nowait(push(QuoteCommand.PUSH_DEPTH, encode(depth)))


def _few(symbols: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(symbols) <= MOST_SYMBOLS:
        raise bad_quote_request(f"1 to {MOST_SYMBOLS} symbols")
    return symbols


def _daily(period: int) -> None:
    if period != DAY:
        raise bad_quote_request(f"period {period} is not simulated")


def _date(text: str) -> date | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, WIRE_DATE).date()  # noqa: DTZ007 - a date has no zone
    except ValueError:
        raise bad_quote_request(f"{text} is no date") from None


def _static_info(security: Security) -> StaticInfo:
    return StaticInfo(
        symbol=security.symbol,
        name_en=security.name,
        exchange=security.exchange,
        currency=security.money,
        lot_size=security.lot,
        board=security.board or BOARDS[security.market],
    )


def _stamp(at: datetime | None) -> int:
    return int(at.timestamp()) if at else 0


def _quote(quote: Quote) -> SecurityQuote:
    return SecurityQuote(
        symbol=quote.symbol,
        last_done=price_text(quote.last),
        prev_close=price_text(quote.prev_close),
        open=price_text(quote.open),
        high=price_text(quote.high),
        low=price_text(quote.low),
        timestamp=_stamp(quote.at),
        volume=quote.volume,
        trade_status=quote.status,
    )


def _pushed(quote: Quote, sequence: int) -> PushQuote:
    return PushQuote(
        symbol=quote.symbol,
        sequence=sequence,
        last_done=price_text(quote.last),
        open=price_text(quote.open),
        high=price_text(quote.high),
        low=price_text(quote.low),
        timestamp=_stamp(quote.at),
        volume=quote.volume,
        trade_status=quote.status,
        trade_session=quote.session,
    )


def _side(levels: tuple[Level, ...]) -> tuple[Depth, ...]:
    return tuple(
        Depth(place, price_text(level.price), level.size, level.orders)
        for place, level in enumerate(levels, start=1)
    )


def _bars(symbol: str, bars: Iterable[Bar]) -> CandlestickResponse:
    return CandlestickResponse(
        symbol,
        tuple(
            Candlestick(
                close=price_text(bar.close),
                open=price_text(bar.open),
                low=price_text(bar.low),
                high=price_text(bar.high),
                volume=bar.volume,
                turnover=price_text(bar.close * bar.volume),
                timestamp=_stamp(midnight(symbol, bar.day)),
            )
            for bar in bars
        ),
    )
