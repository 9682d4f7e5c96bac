"""What a gateway says of accounts, contracts and prices, field by field."""

from collections.abc import Sequence
from decimal import Decimal

from adapters.sims.bars import Bar
from adapters.sims.tws_account import Account, Holding, Value
from adapters.sims.tws_codes import Answer, text_of
from adapters.sims.tws_contracts import NO_RIGHT_OF_PORTFOLIO, STOCK, Instrument
from adapters.sims.tws_market import Dividend, Quote
from adapters.sims.tws_wire import UNSET_NUMBER, Message

NO_REQUEST = -1
WITH_REJECT_DETAILS = 166
WITH_SIZES_ONLY = 164
NOBODY = Decimal(-1)
ORDER_TYPES = "ADJUST,ALERT,ALGO,DAY,IOC,LIT,LMT,LOC,MIT,MKT,MOC,STP,STPLMT,TRAIL,WHATIF"
TRADING_ZONE = "US/Eastern"
SMART_COMPONENTS = "9c0001"
EVERY_SNAPSHOT = 3

BID, ASK, LAST, HIGH, LOW, CLOSE = 1, 2, 4, 6, 7, 9
BID_SIZE, ASK_SIZE, LAST_SIZE, VOLUME = 0, 3, 5, 8
HALTED = 49
DIVIDENDS = 59
# What delayed ticks are called instead.
DELAYED = {BID: 66, ASK: 67, LAST: 68, HIGH: 72, LOW: 73, CLOSE: 75}
DELAYED |= {BID_SIZE: 69, ASK_SIZE: 70, LAST_SIZE: 71, VOLUME: 74}


def error(version: int, request_id: int, code: int, text: str = "") -> Message:
    """Tell a code, of a request or an order, or of nothing in particular."""
    said = (Answer.ERROR, 2, request_id, int(code), text or text_of(code))
    return (*said, "") if version >= WITH_REJECT_DETAILS else said


def account_value(account: str, value: Value) -> Message:
    """Tell one line of an account."""
    return (Answer.ACCOUNT_VALUE, 2, value.tag, value.text, value.currency, account)


def account_value_multi(request_id: int, account: str, value: Value) -> Message:
    """Tell the same line where several accounts were asked for."""
    line = (account, "", value.tag, value.text, value.currency)
    return (Answer.ACCOUNT_UPDATE_MULTI, 1, request_id, *line)


def account_summary(request_id: int, account: str, value: Value) -> Message:
    """Tell the same line in a summary."""
    line = (account, value.tag, value.text, value.currency)
    return (Answer.ACCOUNT_SUMMARY, 1, request_id, *line)


def position(account: Account, instrument: Instrument, held: Holding) -> Message:
    """Tell a position; its exchange is where the instrument is listed."""
    return (
        Answer.POSITION,
        3,
        account.name,
        *instrument.received(instrument.primary),
        held.shares,
        _cost_told(instrument, held),
    )


def position_multi(
    request_id: int, account: Account, instrument: Instrument, held: Holding
) -> Message:
    """Tell a position where several accounts were asked for."""
    return (
        Answer.POSITION_MULTI,
        1,
        request_id,
        account.name,
        *instrument.received(instrument.primary),
        held.shares,
        _cost_told(instrument, held),
        "",
    )


def portfolio(account: Account, instrument: Instrument, held: Holding) -> Message:
    """Tell a position with what it is worth."""
    price = account.price(instrument.con_id)
    worth = held.shares * price * instrument.shares_each
    paid = held.shares * held.cost * instrument.shares_each
    return (
        Answer.PORTFOLIO,
        8,
        *instrument.received(instrument.primary, NO_RIGHT_OF_PORTFOLIO),
        held.shares,
        price,
        worth,
        _cost_told(instrument, held),
        worth - paid,
        Decimal(0),
        account.name,
    )


def contract_details(
    version: int, request_id: int, instrument: Instrument, exchange: str
) -> Message:
    """Tell all there is to know of an instrument at one exchange."""
    head = (Answer.CONTRACT_DETAILS, *(() if version >= WITH_SIZES_ONLY else (8,)))
    traded = (instrument.min_tick, *(() if version >= WITH_SIZES_ONLY else ("100",)))
    sizes = ("0.0001", "0.0001", "100") if version >= WITH_SIZES_ONLY else ()
    return (
        *head,
        request_id,
        instrument.symbol,
        instrument.kind,
        instrument.expiry,
        instrument.strike,
        instrument.right,
        exchange,
        instrument.currency,
        instrument.local_symbol,
        instrument.trading_class,  # the name of its market is the same
        instrument.trading_class,
        instrument.con_id,
        *traded,
        instrument.multiplier,
        ORDER_TYPES,
        ",".join(instrument.exchanges),
        *(1, 0, instrument.name, instrument.primary, instrument.expiry[:6]),
        *("", "", "", TRADING_ZONE, "", "", "", 0, 0),
        *(1, "", "", "26", instrument.expiry, "ETF" if instrument.kind == STOCK else ""),
        *sizes,
    )


def historical_data(request_id: int, bars: Sequence[Bar]) -> Message:
    """Tell daily bars, all in one message."""
    told: list[str | int | Decimal | None] = []
    for bar in bars:
        mean = (bar.high + bar.low + bar.close) / 3
        told += [f"{bar.day:%Y%m%d}", bar.open, bar.high, bar.low, bar.close]
        told += [bar.volume, round(mean, 4), bar.volume // 100]
    first, last = (f"{bars[place].day:%Y%m%d}  00:00:00" for place in (0, -1))
    return (Answer.HISTORICAL_DATA, request_id, first, last, len(bars), *told)


def ticks(request_id: int, quote: Quote, *, delayed: bool) -> tuple[Message, ...]:
    """Tell a quote; where nobody bids or asks the price is -1 and the size 0."""
    told: list[Message] = []
    for tick, size_tick, price, size in (
        (BID, BID_SIZE, quote.bid, quote.bid_size),
        (ASK, ASK_SIZE, quote.ask, quote.ask_size),
    ):
        there = price is not None
        told += _priced(
            request_id, _called(tick, delayed), price if there else NOBODY, size * there
        )
        told.append(_size(request_id, _called(size_tick, delayed), size * there))
    if quote.last is not None:
        told += _priced(request_id, _called(LAST, delayed), quote.last, quote.last_size)
        told.append(_size(request_id, _called(LAST_SIZE, delayed), quote.last_size))
    told.append(_size(request_id, _called(VOLUME, delayed), quote.volume))
    if quote.close is not None:
        told += _priced(request_id, _called(CLOSE, delayed), quote.close, 0)
    told.append((Answer.TICK_GENERIC, 6, request_id, HALTED, int(quote.halted)))
    return tuple(told)


def dividends(request_id: int, coming: Dividend | None) -> Message:
    """Tell the dividends of a year past and one to come, and the next one: all empty for none."""
    told = f",,{coming.ex_date:%Y%m%d},{coming.amount}" if coming else ",,,"
    return (Answer.TICK_STRING, 6, request_id, DIVIDENDS, told)


def tick_parameters(request_id: int, instrument: Instrument) -> Message:
    """Tell the price step before the first price."""
    step = instrument.min_tick
    return (Answer.TICK_PARAMETERS, request_id, step, SMART_COMPONENTS, EVERY_SNAPSHOT)


def profit(answer: Answer, request_id: int, account: Account) -> Message:
    """Tell what an account made."""
    return (answer, request_id, UNSET_NUMBER, account.unrealized, account.realized)


def _called(tick: int, delayed: bool) -> int:  # noqa: FBT001 - of the table above, next to its tick
    return DELAYED[tick] if delayed else tick


def _priced(request_id: int, tick: int, price: Decimal | None, size: int) -> tuple[Message, ...]:
    return ((Answer.TICK_PRICE, 6, request_id, tick, price, size, 0),)


def _size(request_id: int, tick: int, size: int) -> Message:
    return (Answer.TICK_SIZE, 6, request_id, tick, size)


def _cost_told(instrument: Instrument, held: Holding) -> Decimal:
    """The cost of one contract, which for an option is that of all its shares."""
    return held.cost * instrument.shares_each
