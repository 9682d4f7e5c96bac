"""Whether a house could trade: every part asked, none left out because another failed."""

from collections.abc import Awaitable, Callable, Sequence

from bot.daemon import Seat
from bot.domain.calendar import exchange_date
from bot.domain.errors import BellwetherError, Blocked, SettingsError
from bot.domain.model import Note, Proceeds
from bot.gather import account, history, managed
from bot.ports import Adjustment, BrokerLine, Capabilities, ChatLine
from bot.proofs import Examined, proven
from bot.words import Language, Words

INDEX = "VIX"

Look = Callable[[Seat, Words], Awaitable[str]]


async def examine(seats: Sequence[Seat]) -> list[Examined]:
    """Ask each book's calendar, account, prices and memory; nothing is sent."""
    parts: dict[str, Look] = {
        "calendar": _calendar,
        "account": see_account,
        "abilities": _abilities,
        "history": _history,
        "quotes": _quotes,
        "ledger": _ledger,
    }
    return [
        await proven(seat.book.name, part, look(seat, Words(seat.language)))
        for seat in seats
        for part, look in {**parts, **({"feed": see_feed} if seat.book.needs.feeds else {})}.items()
    ]


async def examine_broker(name: str, line: BrokerLine, seats: Sequence[Seat]) -> list[Examined]:
    """Ask the line of a [brokers] entry to prove itself, and when a sale's money may buy there.

    One that can be used is asked for an index, too. `seats` are those that trade on it.
    Nothing is sent.
    """
    words = Words(seats[0].language)
    proof = await proven(name, "line", line.prove())
    index = [] if proof.error else [await proven(name, "index", _index(line, words))]
    cash = {s.book.account: s for s in seats if s.book.rules.proceeds is not Proceeds.MARGIN}
    return [
        proof,
        *index,
        *[await proven(name, "proceeds", _proceeds(line, seat)) for seat in cash.values()],
    ]


def examine_keys(
    broker: str, keys: Sequence[Note], standing: Sequence[Note], words: Words
) -> list[Examined]:
    """What is known of a [brokers] entry before anybody is asked: its secrets, its login."""
    found = []
    if keys:
        said = "; ".join(words.say(note.code, note.values) for note in keys)
        found.append(Examined(broker, "keys", said))
    for note in standing:
        trouble = BellwetherError(note.code, **note.values) if words.advises(note.code) else None
        seen = "" if trouble else words.say(note.code, note.values)
        found.append(Examined(broker, "login", seen, trouble))
    return found


async def examine_line(line: ChatLine, language: Language) -> Examined:
    """Ask a chat whether it would be told; nothing is sent."""
    try:
        name = await line.prove()
        return Examined("telegram", "chat", Words(language).phrase("seen_chat", {"name": name}))
    except BellwetherError as error:
        return Examined("telegram", "chat", "", error)
    finally:
        await line.close()


async def _index(line: BrokerLine, words: Words) -> str:
    """Whether an index is quoted over a line: strategies may want one, nobody trades it."""
    quoted = await line.quotes([INDEX])
    if INDEX not in quoted:
        return words.phrase("seen_no_index", {"symbol": INDEX})
    return words.phrase("seen_index", {"symbol": INDEX, "last": quoted[INDEX].last})


async def _proceeds(line: BrokerLine, seat: Seat) -> str:
    """When the broker lets the money of a sale buy, beside what the settings say.

    Raises SettingsError `proceeds_disagree` where the settings spend it too early.
    """
    book, words = seat.book, Words(seat.language)
    asked_with = (*book.needs.holds, *book.needs.symbols)[0]
    told = await line.proceeds(book.account, asked_with)
    values: dict[str, object] = {"account": book.account, "configured": book.rules.proceeds.value}
    if told is None:
        return words.phrase("seen_no_proceeds", values)
    if told is Proceeds.SETTLED and book.rules.proceeds is Proceeds.SAME_DAY:
        raise SettingsError("proceeds_disagree", **values)
    return words.phrase("seen_proceeds", {**values, "told": told.value})


async def _calendar(seat: Seat, words: Words) -> str:
    now = seat.desk.clock.now()
    today = exchange_date(now)
    session = seat.desk.sessions.on(today)
    if session is None or session.closes <= now:
        session = seat.desk.sessions.after(today)
    values = {"session": session.date, "opens": session.opens, "closes": session.closes}
    return words.phrase("seen_calendar", values)


async def see_account(seat: Seat, words: Words) -> str:
    """The account the broker reports is the book's; its cash and holdings."""
    portfolio = await account(seat.book, seat.desk, managed(seat.book, seat.desk))
    return words.phrase("seen_account", {"cash": portfolio.cash, "held": portfolio.shares or None})


async def _abilities(seat: Seat, words: Words) -> str:
    able = seat.desk.broker.capabilities
    return ", ".join(_abilities_of(able, words)) or "–"


def _abilities_of(able: Capabilities, words: Words) -> list[str]:
    said = {
        words.phrase("able_shorting"): able.shorting,
        words.phrase("able_market_on_close"): able.market_on_close,
        words.phrase("able_echo"): able.echoes_client_id,
        words.phrase("able_live_quotes"): able.live_quotes,
        words.phrase("able_keeps_fills"): able.keeps_fills,
    }
    return [name for name, can in said.items() if can]


async def _history(seat: Seat, words: Words) -> str:
    today = exchange_date(seat.desk.clock.now())
    session = seat.desk.sessions.on(today) or seat.desk.sessions.after(today)
    facts = await history(seat.book, session, seat.desk)
    values = {
        "sessions": len(facts.closes),
        "symbols": facts.closes.shape[1],
        "first": facts.closes.index[0],
        "last": facts.closes.index[-1],
        "adjusted": _adjusted(seat.desk.market.adjustment, words),
    }
    return words.phrase("seen_history", values)


def _adjusted(adjustment: Adjustment, words: Words) -> str:
    whole = adjustment is Adjustment.TOTAL_RETURN
    return words.phrase("adjusted_dividends") if whole else words.phrase("adjusted_splits")


async def _quotes(seat: Seat, words: Words) -> str:
    needs = seat.book.needs
    quotes = await seat.desk.market.quotes(needs.symbols)
    absent = [symbol for symbol in needs.vital if symbol not in quotes]
    if absent:
        raise Blocked("vital_quote_missing", symbols=", ".join(absent))
    newest = max((quote.at for quote in quotes.values()), default=None)
    values = {"quoted": len(quotes), "symbols": len(needs.symbols), "at": newest}
    return words.phrase("seen_quotes", values)


async def _ledger(seat: Seat, words: Words) -> str:
    ledger = seat.desk.ledger
    runs = ledger.runs(seat.book.name, 1)
    values = {
        "last": runs[0].session if runs else None,
        "questions": len(ledger.questions(seat.book.name)),
    }
    return words.phrase("seen_ledger", values)


async def see_feed(seat: Seat, words: Words) -> str:
    """The snapshots a session of today would be decided on."""
    day = exchange_date(seat.desk.clock.now())
    told = []
    for need in seat.book.needs.feeds:
        if need.name not in seat.desk.feeds:
            raise Blocked("feed_missing", feed=need.name)
        issue = await seat.desk.feeds[need.name].prove(day)
        values = {"day": issue.as_of, "rows": issue.rows, "from": issue.known_on}
        told.append(words.phrase("seen_feed", values))
    return "; ".join(told)
