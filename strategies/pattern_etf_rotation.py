"""Pattern ETF rotation: funds by the balance of bullish and bearish candles of their stocks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, ClassVar

import numpy as np
import pandas as pd

from bot.domain.dated_tables import AS_OF, KNOWN_ON, Layout
from bot.domain.errors import Blocked
from bot.domain.model import Role, Symbol
from bot.domain.strategy import Decision, Facts, FeedNeed, Hold, Needs, View, rotate
from strategies import constituents
from strategies.constituents import SECTORS, Age, refuse_in_pool, spells, table_of
from strategies.cross_section import ordered
from strategies.indicators import LONGEST_WINDOW, hull_average, hull_bars, own_bars
from strategies.monthly import Count, equal_shares
from strategies.parameters import Allowed, check
from strategies.tables import Floats

FEED = "patterns"
# What the patterns of a stock's candles of a day add up to.
LAYOUT = Layout(("symbol",), numbers=("patterns",))

FIXED, DAILY, SIGNAL_EXIT = "fixed", "daily", "signal_exit"
# Sessions on which a fund may lack a balance before its score is unknown.
_SPARE = 10
# Before a score lies the score before; before that a row nobody can say when it was known.
_EARLIER = 2
_LONGEST_EVERY = 252


@dataclass(frozen=True, slots=True)
class PatternEtfRotation:
    """Equal parts of the funds with the highest Hull average of their balance of patterns.

    The source states the balance, its average of `hull` sessions and three ways to
    trade it: `fixed` every `every` sessions by the exchange's own count, `daily`, and
    `signal_exit`, which enters a fund when its score crosses above zero among the
    best and leaves it when the score is zero or less. Our choice are the pool,
    `every`, `holdings`, the safe haven for parts that are not placed, and how old in
    sessions the patterns (`max_age`) and the lists (`list_age`) may be.
    """

    pool: Annotated[tuple[Symbol, ...], Allowed(low=1)] = SECTORS
    mode: Annotated[str, Allowed(choices=(FIXED, DAILY, SIGNAL_EXIT))] = FIXED
    every: Annotated[int, Allowed(1, _LONGEST_EVERY)] = 21
    holdings: Count = 3
    hull: Annotated[int, Allowed(1, LONGEST_WINDOW)] = 30
    max_age: Age = 3
    list_age: Age = 132
    safe_haven: Symbol = "BIL"

    # The feature the funds are ranked by.
    ranked_by = "score"
    # The source gives no figures.
    claims: ClassVar[Mapping[str, float]] = MappingProxyType({})

    def __post_init__(self) -> None:
        check(self)
        refuse_in_pool(self.safe_haven, self.pool)

    @property
    def needs(self) -> Needs:
        """Lists of constituents and the patterns of their candles; prices only to trade at."""
        symbols = tuple(dict.fromkeys((*self.pool, self.safe_haven)))
        return Needs(
            symbols=symbols,
            holds=symbols,
            vital=(),
            sessions=self._lookback + _EARLIER,
            feeds=(FeedNeed(constituents.FEED, self.list_age), FeedNeed(FEED, self.max_age)),
            total_return=False,
        )

    def features(self, facts: Facts) -> pd.DataFrame:
        """Each fund on each session it may be acted on: its balance, its score, the score before.

        Raises Blocked `feed_missing`.
        """
        days = pd.DatetimeIndex(facts.closes.index)
        days = days[days.isin(facts.sessions)]
        pool = sorted(set(self.pool))
        net = pd.DataFrame(balances(facts, days, pool), days, pool)
        score = hull_average(own_bars(net, self._lookback), self.hull)
        told = {"net": net, self.ranked_by: score, "before": score.shift(1)}
        due = np.asarray(days.isin(self.due(facts)))
        index = pd.MultiIndex.from_product([days[due], pool], names=["session", "symbol"])
        return pd.DataFrame(
            {name: table[due].to_numpy().ravel() for name, table in told.items()}, index
        )

    def due(self, facts: Facts) -> pd.DatetimeIndex:
        """Every session, in the fixed mode those whose number the exchange's count divides."""
        if self.mode != FIXED:
            return facts.sessions
        due = facts.numbers(facts.sessions) % self.every == 0
        return pd.DatetimeIndex(facts.sessions[due])

    def decide(self, view: View) -> Decision:
        """The best funds, or those the signal lets in and keeps; what is not placed is safe.

        Raises Blocked `nothing_ranked` where no fund has a score: data that is not
        there is no reason to sell.
        """
        scored = view.features.table.dropna(subset=[self.ranked_by])
        if scored.empty:
            raise Blocked("nothing_ranked", session=view.session)
        best = ordered(scored, [self.ranked_by])
        signalled = self.mode == SIGNAL_EXIT
        names = best.index.get_level_values("symbol")
        held = {symbol for symbol, holding in view.holdings.items() if holding.shares > 0}
        chosen = self._signalled(best, held) if signalled else names[: self.holdings].tolist()
        targets = equal_shares(chosen, 1.0, 1.0 / self.holdings, self.safe_haven)
        if signalled and held == set(targets):
            return Hold("signal_unchanged")
        return rotate(
            out_of=view.holdings,
            into=targets,
            reason="rotation" if len(chosen) == self.holdings else "slots_unfilled",
            roles={self.safe_haven: Role.SAFE_HAVEN},
            # What decides every session leaves nothing to make up for.
            lapses=self.mode != FIXED,
        )

    @property
    def _lookback(self) -> int:
        return hull_bars(self.hull) + _SPARE

    def _signalled(self, best: pd.DataFrame, held: Collection[Symbol]) -> list[Symbol]:
        """What is held and not at zero or below, then the best that cross above it now.

        A held fund whose score is unknown is kept: nothing says that it is to be left.
        """
        scores = dict(zip(best.index.get_level_values("symbol"), best[self.ranked_by], strict=True))
        mine = sorted(set(self.pool).intersection(held))
        kept = [symbol for symbol in mine if scores.get(symbol, np.inf) > 0.0]
        kept.sort(key=lambda symbol: scores.get(symbol, np.inf), reverse=True)
        top = best.iloc[: self.holdings]
        crossed = top[(top[self.ranked_by] > 0.0) & (top["before"] <= 0.0)]
        entered = [s for s in crossed.index.get_level_values("symbol") if s not in kept]
        return [*kept, *entered][: self.holdings]


def balances(facts: Facts, days: pd.DatetimeIndex, pool: Sequence[Symbol]) -> Floats:
    """Of each fund on each day (bullish − bearish) / constituents with data: days × funds.

    A stock is bullish when its patterns add up to more than zero, bearish when to
    less. NaN where a fund had no list, or none of its stocks data.
    """
    rows = table_of(facts, FEED).sort_values([KNOWN_ON, AS_OF])
    known_on = pd.DatetimeIndex(rows[KNOWN_ON])
    place = days.searchsorted(known_on)
    within = (place < len(days)) & (known_on >= days[:1].min())
    stocks, symbols = pd.factorize(rows["symbol"])
    table = np.full((len(days), len(symbols)), np.nan)
    table[place[within], stocks[within]] = np.sign(rows["patterns"].to_numpy()[within])
    column, listed = {etf: at for at, etf in enumerate(pool)}, pd.Index(symbols)
    found = np.full((len(days), len(pool)), np.nan)
    for spell in spells(facts, days, pool):
        places = listed.get_indexer(spell.symbols)
        block = table[spell.start : spell.end, places[places >= 0]]
        with_data = np.count_nonzero(~np.isnan(block), axis=1)
        net = np.nansum(block, axis=1) / np.where(with_data, with_data, np.nan)
        found[spell.start : spell.end, column[spell.etf]] = net
    return found
