"""The simulated quote socket, asked by the bare library in another process."""

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from adapters.sims.bars import Bar
from adapters.sims.longport_calendar import Calendar
from adapters.sims.longport_faults import Fault, FaultKind
from adapters.sims.longport_orders import Side, Ticket
from adapters.sims.longport_rates import Rates
from adapters.sims.longport_remote import started
from adapters.sims.longport_rules import Fills, Rule
from adapters.sims.longport_securities import Level, Quote, Security, TradeStatus, quoted
from adapters.sims.longport_sockets import Channel
from adapters.sims.longport_world import Setup
from tests.adapters.sims.longport_library import a_library, eventually, utc

OPEN = utc(2026, 3, 2, 15)
SESSIONS = 1005
FIRST = date(2020, 1, 1)
DAY = "Period.Day"
RAW, FORWARD = "AdjustType.NoAdjust", "AdjustType.ForwardAdjust"
BOTH = ["SubType.Quote", "SubType.Depth"]
BID, ASK = Decimal(99), Decimal(100)


def a_bar(number: int, scale: int = 1) -> Bar:
    close = Decimal(100 + number) / scale
    return Bar(FIRST + timedelta(days=number), close, close, close, close, 1000)


SECURITIES = (
    Security(
        "QQQ.US",
        bars=tuple(a_bar(n) for n in range(SESSIONS)),
        adjusted=tuple(a_bar(n, scale=2) for n in range(SESSIONS)),
    ),
    Security("SPY.US", bars=(a_bar(0), a_bar(1))),
    Security("NEW.US"),
    Security("700.HK", "Tencent", lot=100, bars=(a_bar(0),)),
)
CALENDAR = Calendar(
    closed={"US": (date(2026, 11, 26),)},
    half={"US": (date(2026, 11, 27),)},
)


def a_setup(**changes) -> Setup:
    usual = {"start": OPEN, "rates": None, "securities": SECURITIES, "calendar": CALENDAR}
    return Setup(**(usual | changes))


@pytest.fixture(scope="module")
def process():
    with started() as it:
        yield it


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    with a_library(tmp_path_factory.mktemp("library")) as it:
        yield it


@pytest.fixture
def begin(process, worker):
    def anew(**changes):
        worker.ask("drop")
        process.control.begin(a_setup(**changes))
        process.control.restore()
        worker.use(process.control.access())
        return process.control

    return anew


@pytest.fixture
def control(process):
    return process.control


@pytest.fixture
def library(begin, worker):
    begin()
    return worker


def candles(library, count: int, adjusted: str = RAW) -> list:
    return library.ask("quote.candlesticks", "QQQ.US", DAY, count, adjusted)


def by_date(library, first: date | None, last: date | None) -> list:
    return library.ask("quote.history_candlesticks_by_date", "QQQ.US", DAY, RAW, first, last)


def days(bars: list) -> list[date]:
    return [bar.timestamp.date() for bar in bars]


def test_a_quote_has_a_last_price_and_neither_bid_nor_ask(library, control):
    control.quote(quoted("QQQ.US", BID, ASK, last=Decimal("99.5")))

    (quote,) = library.ask("quote.quote", ["QQQ.US"])

    assert quote.last_done == Decimal("99.5")
    assert not {"bid", "ask", "bid_price", "ask_price"} & {*vars(quote)}
    depth = library.ask("quote.depth", "QQQ.US")
    assert (depth.bids[0].price, depth.asks[0].price) == (BID, ASK)


def test_unknown_symbols_are_left_out_without_a_word(library):
    quotes = library.ask("quote.quote", ["NOPE.US", "SPY.US", "GONE.US"])

    assert [quote.symbol for quote in quotes] == ["SPY.US"]
    assert library.error("quote.depth", "NOPE.US").code == 301600


def test_a_missing_price_of_a_quote_is_told_as_zero(library):
    (quote,) = library.ask("quote.quote", ["NEW.US"])

    assert (quote.last_done, quote.prev_close) == (0, 0)


def test_a_missing_price_of_an_order_book_is_none_or_zero_as_it_is_sent(library, control):
    book = Quote("QQQ.US", Decimal(100), bids=(Level(None),), asks=(Level(Decimal(0)),))
    control.quote(book)

    depth = library.ask("quote.depth", "QQQ.US")

    assert (depth.bids[0].price, depth.asks[0].price) == (None, 0)
    empty = library.ask("quote.depth", "NEW.US")
    assert (empty.bids, empty.asks) == ([], [])


def test_a_halt_is_a_status_of_the_quote(library, control):
    halted = quoted("QQQ.US", BID, ASK)
    control.quote(replace(halted, status=TradeStatus.HALTED, at=utc(2026, 3, 2, 14, 31)))

    (quote,) = library.ask("quote.quote", ["QQQ.US"])

    assert quote.trade_status == "TradeStatus.Halted"
    assert quote.timestamp.hour == 14


def test_static_data_tells_the_lot(library):
    infos = library.ask("quote.static_info", ["QQQ.US", "700.HK"])

    assert [(info.lot_size, info.currency) for info in infos] == [(1, "USD"), (100, "HKD")]


def test_adjusted_bars_are_another_series_than_raw_ones(library):
    raw, forward = candles(library, 2), candles(library, 2, FORWARD)

    assert [bar.close for bar in raw] == [100 + SESSIONS - 2, 100 + SESSIONS - 1]
    assert [2 * bar.close for bar in forward] == [bar.close for bar in raw]


def test_a_daily_bar_is_stamped_with_midnight_where_it_is_traded(library):
    (us,) = library.ask("quote.candlesticks", "SPY.US", DAY, 1, RAW)
    (hk,) = library.ask("quote.candlesticks", "700.HK", DAY, 1, RAW)

    assert us.timestamp.isoformat() == "2020-01-02T05:00:00"
    assert hk.timestamp.isoformat() == "2019-12-31T16:00:00"


def test_at_most_a_thousand_bars_come_at_once(library):
    assert len(candles(library, 1000)) == 1000
    error = library.error("quote.candlesticks", "QQQ.US", DAY, 1001, RAW)
    assert error.code == 301600


def test_of_too_many_bars_between_dates_the_newest_come_and_from_a_date_on_the_oldest(library):
    last = FIRST + timedelta(days=SESSIONS - 1)
    both, begun, ended = (
        days(by_date(library, *dates)) for dates in ((FIRST, last), (FIRST, None), (None, last))
    )

    assert (len(both), both[-1]) == (1000, last)
    assert (len(begun), begun[0]) == (1000, FIRST)
    assert ended == both


def test_bars_are_counted_from_a_day_in_both_directions(library):
    noon = utc(2020, 1, 10, 12)
    asked = ["QQQ.US", DAY, RAW]

    after = library.ask("quote.history_candlesticks_by_offset", *asked, True, 2, noon)
    before = library.ask("quote.history_candlesticks_by_offset", *asked, False, 2, noon)

    assert [day.day for day in days(after)] == [10, 11]
    assert [day.day for day in days(before)] == [9, 10]


def test_a_months_symbols_of_history_are_limited(begin, worker):
    control = begin(history_symbols=1)
    asked = [DAY, RAW, FIRST, FIRST]
    worker.ask("quote.history_candlesticks_by_date", "QQQ.US", *asked)
    error = worker.error("quote.history_candlesticks_by_date", "SPY.US", *asked)
    control.move_clock(timedelta(days=31).total_seconds())

    assert error.code == 301607
    assert worker.ask("quote.history_candlesticks_by_date", "SPY.US", *asked)


def test_questions_are_limited_and_the_library_keeps_to_the_limit(begin, worker):
    control = begin()
    worker.ask("quote.trading_session")
    control.limit(Rates(quotes=1))
    for _ in range(2):
        worker.ask("quote.quote", ["QQQ.US"])

    assert worker.error("quote.quote", ["QQQ.US"]).code == 301606


def test_half_days_are_told_apart_from_whole_ones(begin, worker):
    begin(start=utc(2026, 11, 20, 15))

    told = worker.ask("quote.trading_days", "Market.US", date(2026, 11, 23), date(2026, 11, 30))

    assert [day.day for day in told.trading_days] == [23, 24, 25, 30]
    assert told.half_trading_days == [date(2026, 11, 27)]


@pytest.mark.parametrize(
    ("first", "last"),
    [(date(2026, 1, 1), date(2026, 2, 15)), (date(2024, 1, 1), date(2024, 1, 5))],
)
def test_days_are_told_for_a_month_of_the_last_year(library, first, last):
    assert library.error("quote.trading_days", "Market.US", first, last).code == 301600


def test_the_hours_of_every_market_are_told(library):
    hours = {each.market: each.trade_sessions for each in library.ask("quote.trading_session")}

    assert {*hours} == {"Market.US", "Market.HK", "Market.CN", "Market.SG"}
    assert len(hours["Market.HK"]) == 2


def test_what_is_subscribed_is_pushed(library, control):
    library.ask("hear")
    library.ask("quote.subscribe", ["QQQ.US"], BOTH)
    first = eventually(lambda: len(library.ask("heard")) >= 2)
    control.quote(quoted("SPY.US", BID, ASK))
    control.quote(quoted("QQQ.US", BID, ASK))

    eventually(lambda: len(library.ask("heard")) == 4)
    (one, quote), (other, depth) = library.ask("heard")[-2:]
    assert first
    assert (one, other, quote.last_done, depth.asks[0].price) == ("QQQ.US", "QQQ.US", BID, ASK)
    assert [each.symbol for each in library.ask("quote.subscriptions")] == ["QQQ.US"]


def test_what_is_subscribed_no_more_is_not_pushed(library, control):
    library.ask("hear")
    library.ask("quote.subscribe", ["QQQ.US"], BOTH)
    library.ask("quote.unsubscribe", ["QQQ.US"], BOTH)

    assert [each.subscribed for each in control.sockets() if each.channel is Channel.QUOTE] == [()]


def test_the_server_pings_and_the_library_answers(begin, worker):
    control = begin(ping_seconds=0.01)
    worker.ask("quote.trading_session")

    assert eventually(lambda: control.sockets()[0].pongs > 1)


def test_cut_sockets_come_back_and_what_happened_meanwhile_is_lost(library, control):
    control.rule(Rule(Fills.NEVER))
    library.ask("hear")
    library.ask("quote.subscribe", ["QQQ.US"], ["SubType.Quote"])
    library.ask("trade.subscribe", ["TopicType.Private"])
    eventually(lambda: len(library.ask("heard")) == 1)
    control.hang_up()
    eventually(lambda: not control.sockets())
    booked = control.book(Ticket("QQQ.US", Side.BUY, Decimal(1), Decimal(50)))
    control.quote(quoted("QQQ.US", Decimal(97), Decimal(98)))

    eventually(lambda: len([s for s in control.sockets() if s.subscribed]) == 2)
    control.quote(quoted("QQQ.US", BID, ASK))
    control.end(booked.id)
    eventually(lambda: len(library.ask("heard")) == 3)
    heard = library.ask("heard")[1:]
    assert {each[1].last_done for each in heard if isinstance(each, list)} == {BID}
    assert {o.status for o in heard if not isinstance(o, list)} == {"OrderStatus.Canceled"}
    assert len(control.calls("GET /v1/socket/token")) == 2


@pytest.mark.parametrize("answer", ["\x0a\x7f", "no protobuf"])
def test_what_is_no_answer_of_the_socket_has_no_code(library, control, answer):
    control.fail(Fault(FaultKind.ANSWER, "quote/quote", body=answer))

    assert library.error("quote.quote", ["QQQ.US"]).code is None


def test_a_refused_question_has_the_code_of_its_refusal(library, control):
    control.fail(Fault(FaultKind.REFUSE, "quote/depth", code=301602, message="server error"))

    error = library.error("quote.depth", "QQQ.US")

    assert (error.kind, error.code) == ("ErrorKind.OpenApi", 301602)
    assert library.ask("quote.depth", "SPY.US")


def test_every_thread_of_the_process_stands_still_while_a_quote_is_slow(library, control):
    library.ask("quote.trading_session")
    control.fail(Fault(FaultKind.SLOW, "quote/depth", seconds=0.1))

    assert library.ask("stalled", "quote.depth", "QQQ.US") > 0.08


def test_a_quote_that_hangs_for_good_ends_with_its_process(process, begin, tmp_path):
    control = begin()
    with a_library(tmp_path) as library:
        library.use(process.control.access())
        library.ask("quote.trading_session")
        control.fail(Fault(FaultKind.HANG, "quote/quote"))
        library.begin("quote.quote", ["QQQ.US"])
        with pytest.raises(TimeoutError):
            library.answer(patience=0.05)
        library.kill()

    assert eventually(lambda: not control.sockets())


def test_a_question_waits_without_end_while_the_line_is_cut_and_an_order_does_not(
    process, begin, tmp_path
):
    control = begin()
    with a_library(tmp_path) as library:
        library.use(process.control.access())
        library.ask("quote.trading_session")
        library.ask("trade.today_orders")
        control.cut()
        refused = library.error("trade.today_orders")
        library.begin("quote.quote", ["QQQ.US"])
        with pytest.raises(TimeoutError):
            library.answer(patience=0.3)
        library.kill()

    assert (refused.kind, refused.code) == ("ErrorKind.Other", None)
