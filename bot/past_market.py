"""The market of a past session, looked at as a live run looks at its own."""

from collections.abc import Collection

from bot.bars import Bars
from bot.domain.gates import Finding
from bot.domain.model import Portfolio, Quotes, Session, Symbol
from bot.domain.strategy import Needs
from bot.gather import Survey, look_at, usable, value


class PastMarket:
    """What a run would have found about the prices of a session, at its opening or close."""

    def __init__(self, bars: Bars, needs: Needs) -> None:
        self._bars, self._needs = bars, needs

    def survey(
        self, portfolio: Portfolio, symbols: Collection[Symbol], session: Session, *, opening: bool
    ) -> Survey:
        """The account at a session's prices, those that can not be traded at told apart."""
        market = self._bars.quotes(dict.fromkeys(symbols), session, opening=opening)
        findings = self._findings(symbols, market, session, opening=opening)
        known = {
            symbol: mark
            for symbol in portfolio.shares
            if symbol in findings
            and symbol in market
            and (mark := self._bars.mark(symbol, session.date, market[symbol].last))
        }
        prices, notes = value(portfolio, market, findings, known)
        return Survey(portfolio, usable(market, findings), prices, findings, (), tuple(notes))

    def split_hints(self, session: Session) -> list[Symbol]:
        """Symbols whose close looks like that of a split nobody confirmed."""
        moved = self._bars.suspects(session.date)
        suspects = [symbol for symbol in moved if symbol not in self._needs.indices]
        if not suspects:
            return []
        quotes = self._bars.quotes(suspects, session, opening=False)
        found = self._findings(suspects, quotes, session, opening=False)
        return [symbol for symbol in suspects if Finding.SPLIT_HINT in found.get(symbol, ())]

    def _findings(
        self, symbols: Collection[Symbol], market: Quotes, session: Session, *, opening: bool
    ) -> dict[Symbol, tuple[Finding, ...]]:
        moment = session.opens if opening else session.closes
        found: dict[Symbol, tuple[Finding, ...]] = {}
        for symbol in dict.fromkeys(symbols):
            quote = market.get(symbol)
            mark = self._bars.mark(symbol, session.date, quote.last) if quote else None
            reasons = look_at(quote, moment, mark, shorts=symbol in self._needs.shorts)
            if reasons:
                found[symbol] = reasons
        return found
