"""The bodies of the two sockets' frames, as far as they are spoken here."""

from dataclasses import dataclass

from adapters.sims.longport_protobuf import numbered


@dataclass(frozen=True, slots=True)
class Entry:
    """One pair of a map of texts."""

    key: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """The body of an answer whose status is not 0."""

    code: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True)
class AuthRequest:
    """A one-time password for a session."""

    token: str = ""
    metadata: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class ReconnectRequest:
    """A session to go on with."""

    session_id: str = ""
    metadata: tuple[Entry, ...] = ()


@dataclass(frozen=True, slots=True)
class SessionResponse:
    """A session; `expires` in milliseconds since 1970, `online` of `limit` connections."""

    session_id: str = ""
    expires: int = 0
    limit: int = 0
    online: int = 0


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """A heartbeat of the protocol itself; sent back as it came."""

    timestamp: int = 0
    heartbeat_id: int = 0


@dataclass(frozen=True, slots=True)
class ProfileRequest:
    """Who asks for market data, and in what language."""

    language: str = ""


@dataclass(frozen=True, slots=True)
class CommandRate:
    """How often a command may be sent: `limit` a second, `burst` at once."""

    command: int = 0
    limit: int = 0
    burst: int = 0


@dataclass(frozen=True, slots=True)
class ProfileResponse:
    """What an account may ask of market data."""

    member_id: int = 0
    quote_level: str = ""
    subscribe_limit: int = 0
    history_candlestick_limit: int = 0
    rate_limit: tuple[CommandRate, ...] = ()


@dataclass(frozen=True, slots=True)
class SecurityRequest:
    """A question about one symbol."""

    symbol: str = ""


@dataclass(frozen=True, slots=True)
class SecuritiesRequest:
    """A question about several symbols."""

    symbol: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StaticInfo:
    """What hardly changes of a security."""

    symbol: str = ""
    name_cn: str = ""
    name_en: str = ""
    name_hk: str = ""
    listing_date: str = ""
    exchange: str = ""
    currency: str = ""
    lot_size: int = 0
    total_shares: int = 0
    circulating_shares: int = 0
    hk_shares: int = 0
    eps: str = ""
    eps_ttm: str = ""
    bps: str = ""
    dividend_yield: str = ""
    stock_derivatives: tuple[int, ...] = ()
    board: str = ""


@dataclass(frozen=True, slots=True)
class StaticInfoResponse:
    """One entry for each symbol that is known."""

    infos: tuple[StaticInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class SecurityQuote:
    """The last trade of a security; prices as texts, time in seconds."""

    symbol: str = ""
    last_done: str = ""
    prev_close: str = ""
    open: str = ""
    high: str = ""
    low: str = ""
    timestamp: int = 0
    volume: int = 0
    turnover: str = ""
    trade_status: int = 0


@dataclass(frozen=True, slots=True)
class QuoteResponse:
    """One entry for each symbol that is known."""

    quotes: tuple[SecurityQuote, ...] = ()


@dataclass(frozen=True, slots=True)
class Depth:
    """One price of one side, the best has position 1."""

    position: int = 0
    price: str = ""
    volume: int = 0
    order_num: int = 0


@dataclass(frozen=True, slots=True)
class DepthResponse:
    """Both sides of a symbol's order book."""

    symbol: str = ""
    ask: tuple[Depth, ...] = ()
    bid: tuple[Depth, ...] = ()


@dataclass(frozen=True, slots=True)
class CandlestickRequest:
    """The newest bars of a symbol."""

    symbol: str = ""
    period: int = 0
    count: int = 0
    adjust_type: int = 0
    trade_session: int = 0


@dataclass(frozen=True, slots=True)
class OffsetQuery:
    """Bars before (direction 0) or after (1) a date; dates as YYYYMMDD."""

    direction: int = 0
    date: str = ""
    minute: str = ""
    count: int = 0


@dataclass(frozen=True, slots=True)
class DateQuery:
    """Bars between two dates as YYYYMMDD, each may be missing."""

    start_date: str = ""
    end_date: str = ""


@dataclass(frozen=True, slots=True)
class HistoryRequest:
    """Bars of the past: by offset (query type 1) or by dates (2)."""

    symbol: str = ""
    period: int = 0
    adjust_type: int = 0
    query_type: int = 0
    offset_request: OffsetQuery | None = None
    date_request: DateQuery | None = None
    trade_session: int = 0


@dataclass(frozen=True, slots=True)
class Candlestick:
    """A bar; prices as texts, time in seconds."""

    close: str = ""
    open: str = ""
    low: str = ""
    high: str = ""
    volume: int = 0
    turnover: str = ""
    timestamp: int = 0
    trade_session: int = 0


@dataclass(frozen=True, slots=True)
class CandlestickResponse:
    """Bars of a symbol, the oldest first."""

    symbol: str = ""
    candlesticks: tuple[Candlestick, ...] = ()


@dataclass(frozen=True, slots=True)
class TradeDayRequest:
    """Days of a market between two dates as YYYYMMDD."""

    market: str = ""
    beg_day: str = ""
    end_day: str = ""


@dataclass(frozen=True, slots=True)
class TradeDayResponse:
    """Whole days, and half days apart from them."""

    trade_day: tuple[str, ...] = ()
    half_trade_day: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TradePeriod:
    """Hours of a day as HHMM, and which session they are."""

    beg_time: int = 0
    end_time: int = 0
    trade_session: int = 0


@dataclass(frozen=True, slots=True)
class MarketTradePeriod:
    """A market's hours."""

    market: str = ""
    trade_session: tuple[TradePeriod, ...] = ()


@dataclass(frozen=True, slots=True)
class TradePeriodResponse:
    """The hours of every market."""

    markets: tuple[MarketTradePeriod, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscribeRequest:
    """Symbols and what is wanted of them: 1 quotes, 2 depth."""

    symbol: tuple[str, ...] = ()
    sub_type: tuple[int, ...] = ()
    is_first_push: bool = False


@dataclass(frozen=True, slots=True)
class UnsubscribeRequest:
    """Symbols and what is no longer wanted of them."""

    symbol: tuple[str, ...] = ()
    sub_type: tuple[int, ...] = ()
    unsub_all: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """What is wanted of a symbol."""

    symbol: str = ""
    sub_type: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SubscriptionResponse:
    """Everything wanted on a connection."""

    sub_list: tuple[Subscription, ...] = ()


@dataclass(frozen=True, slots=True)
class PushQuote:
    """A changed quote."""

    symbol: str = ""
    sequence: int = 0
    last_done: str = ""
    open: str = ""
    high: str = ""
    low: str = ""
    timestamp: int = 0
    volume: int = 0
    turnover: str = ""
    trade_status: int = 0
    trade_session: int = 0
    current_volume: int = 0
    current_turnover: str = ""


@dataclass(frozen=True, slots=True)
class PushDepth:
    """A changed order book."""

    symbol: str = ""
    sequence: int = 0
    ask: tuple[Depth, ...] = ()
    bid: tuple[Depth, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicsRequest:
    """Topics of the trade socket to hear, or to hear no more."""

    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicFailure:
    """A topic that can not be heard."""

    topic: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TopicsResponse:
    """What came of it, and every topic now heard."""

    success: tuple[str, ...] = ()
    fail: tuple[TopicFailure, ...] = ()
    current: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnsubscribedTopics:
    """Every topic still heard."""

    current: tuple[str, ...] = numbered(3, ())


@dataclass(frozen=True, slots=True)
class Notification:
    """Something happened in a topic; `data` is JSON where `content_type` is 1."""

    topic: str = ""
    content_type: int = 0
    dispatch_type: int = 0
    data: bytes = b""
