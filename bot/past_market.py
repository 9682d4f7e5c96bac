"""The market of a past session, looked at as a live run looks at its own."""

from collections.abc import Collection
from datetime import datetime

from bot.bars import Bars
from bot.domain.gates import Finding
from bot.domain.memory import Mark
from bot.domain.model import Portfolio, Quote, Quotes, Session, Symbol
from bot.domain.strategy import Needs
from bot.gather import Survey, look_at, usable, value


class PastMarket:
    """What a run would have found about the prices of a session, at its opening or close.

    A symbol is looked at once a moment: a run asks about the same ones again and again.
    """

    def __init__(self, bars: Bars, needs: Needs) -> None:
        self._bars, self._needs = bars, needs
        self._moment: datetime | None = None
        self._seen: dict[Symbol, tuple[Quote | None, Mark | None, tuple[Finding, ...]]] = {}
        self._last: tuple[tuple[Symbol, ...], datetime, Survey] | None = None

    def survey(
        self, portfolio: Portfolio, symbols: Collection[Symbol], session: Session, *, opening: bool
    ) -> Survey:
        """The account at a session's prices, those that can not be traded at told apart."""
        asked = tuple(dict.fromkeys(symbols)), session.opens if opening else session.closes
        last = self._last
        if last is not None and last[:2] == asked and last[2].portfolio is portfolio:
            return last[2]
        market = self.quotes(symbols, session, opening=opening)
        findings = {s: found for s in symbols if (found := self._seen[s][2])}
        known = {s: mark for s in symbols if (mark := self._seen[s][1]) is not None}
        prices, notes = value(portfolio, market, findings, known)
        seen = Survey(portfolio, usable(market, findings), prices, findings, (), tuple(notes))
        self._last = *asked, seen
        return seen

    def quotes(self, symbols: Collection[Symbol], session: Session, *, opening: bool) -> Quotes:
        """What a broker would fill at, the stale prices too; without symbols never priced."""
        self._look(symbols, session, opening=opening)
        return {s: quote for s in symbols if (quote := self._seen[s][0]) is not None}

    def split_hints(self, session: Session) -> list[Symbol]:
        """Symbols whose close looks like that of a split nobody confirmed."""
        suspects = [s for s in self._bars.suspects(session.date) if s not in self._needs.indices]
        self._look(suspects, session, opening=False)
        return [symbol for symbol in suspects if Finding.SPLIT_HINT in self._seen[symbol][2]]

    def _look(self, symbols: Collection[Symbol], session: Session, *, opening: bool) -> None:
        """Keep quote, mark and findings of symbols at a moment."""
        moment = session.opens if opening else session.closes
        if moment != self._moment:
            self._moment, self._seen = moment, {}
        new = [symbol for symbol in symbols if symbol not in self._seen]
        market = self._bars.quotes(new, session, opening=opening) if new else {}
        for symbol in new:
            quote = market.get(symbol)
            mark = self._bars.mark(symbol, session.date, quote.last) if quote else None
            found = look_at(quote, moment, mark, shorts=symbol in self._needs.shorts)
            self._seen[symbol] = quote, mark, found
