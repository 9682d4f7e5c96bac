"""Small-cap rotation: the small or the large companies each month, half of it when it storms."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.errors import BellwetherError, SettingsError
from bot.domain.model import Role, Symbol
from bot.domain.strategy import Decision, Facts, Hold, Needs, View, rotate
from strategies.indicators import (
    LONGEST_WINDOW,
    latest_close,
    month_starts,
    own_bars,
    trailing_return,
)
from strategies.parameters import Allowed, Portion, check

Floats: TypeAlias = npt.NDArray[np.float64]
Marks: TypeAlias = npt.NDArray[np.bool_]

# The most sessions a month of the exchange has had.
_LONGEST_MONTH = 23
_MONTHS_A_YEAR = 12
_HIGHEST_LEVEL = 1000.0
_NEVER = -1
_SYMBOLS = ("small_cap", "large_cap", "safe_haven", "volatility_index")
_NEXT_REBALANCE, _NEXT_SESSION = "next_rebalance", "next_session"
# The three it may choose from, as its features name them.
SMALL, LARGE, SAFE = "small", "large", "safe"
REASON_CODES: Mapping[str, str] = {
    SMALL: "small_caps_lead",
    LARGE: "large_caps_lead",
    SAFE: "both_falling",
}


@dataclass(frozen=True, slots=True)
class IwmSmallCapRotation:
    """Holds the fund of small or of large companies, whichever gained more in a quarter.

    Decided on each month's first session on total returns of `momentum_sessions`;
    where both are below zero the safe haven is held. Two overlays are looked at every
    session and halve the position together, not twice: a loss of more than
    `drawdown_limit` since the month's rebalance, and a volatility index above
    `vix_limit`. The loss is that of a model which holds what was decided, so that a
    deposit trips nothing.

    Of the source: 63 sessions, 10 %, 30, one half, the month's first session. Our
    own choice where the source is silent: the signal is of that session's own close;
    an exact tie keeps what is held, else the large companies; the loss is measured
    from the rebalance's close at the weights in force; a position that was reduced is
    restored by the next rebalance with a calm index, or where `restore` says so by
    the next calm session; one reduced on a level that the close took back waits for
    the next rebalance, too; while the index is not known nothing is bought; and
    `allocation` is all of the book, of which the source advises a quarter to a half.
    """

    small_cap: Symbol = "IWM"
    large_cap: Symbol = "SPY"
    safe_haven: Symbol = "SGOV"
    volatility_index: Symbol = "VIX"
    momentum_sessions: Annotated[int, Allowed(1, LONGEST_WINDOW)] = 63
    drawdown_limit: Portion = 0.10
    vix_limit: Annotated[float, Allowed(0.0, _HIGHEST_LEVEL)] = 30.0
    reduced_to: Portion = 0.5
    restore: Annotated[str, Allowed(choices=(_NEXT_REBALANCE, _NEXT_SESSION))] = _NEXT_REBALANCE
    allocation: Portion = 1.0

    def __post_init__(self) -> None:
        check(self)
        symbols = [getattr(self, name) for name in _SYMBOLS]
        for name, symbol in zip(_SYMBOLS, symbols, strict=True):
            if symbols.count(symbol) > 1:
                bounds = "a symbol the others are not"
                raise SettingsError("bad_parameter", name=name, value=symbol, bounds=bounds)

    @property
    def needs(self) -> Needs:
        """The returns at a month's first session, as seen from its last; the index is only read."""
        holds = (self.small_cap, self.large_cap, self.safe_haven)
        return Needs(
            symbols=(*holds, self.volatility_index),
            holds=holds,
            vital=(self.small_cap, self.large_cap),
            sessions=self.momentum_sessions + _LONGEST_MONTH,
            indices=(self.volatility_index,),
        )

    def due(self, facts: Facts) -> pd.DatetimeIndex:
        """Each month's first session."""
        return month_starts(facts.sessions)

    def features(self, facts: Facts) -> pd.DataFrame:
        """A row per session: the returns, the month's own, the overlays, and since when.

        `return_` is the trailing total return of each fund, `ratio` small over large:
        it is shown only, for it means nothing where one is negative. `chosen_` are
        the returns of the month's first session, `since_` the model's since then.
        `stormy` is 1 while the index keeps the position reduced, `fell_` while the
        loss does; `changed_` is the day of the month since which what is wanted is as it
        is, if it is that fund, and `opens` is 1 on the month's first session.
        `vix` is unknown where the index has no level of the session.
        """
        funds = [self.small_cap, self.large_cap, self.safe_haven]
        closes = facts.closes.reindex(columns=[*funds, self.volatility_index])
        lookback = self.momentum_sessions + 1
        bars = own_bars(closes[funds], lookback)
        gained = trailing_return(bars, self.momentum_sessions).to_numpy()[:, :2]
        prices = latest_close(bars).to_numpy()
        level = closes[self.volatility_index].to_numpy()
        month = _Months(pd.DatetimeIndex(closes.index))
        stormy = self._stormy(level, month)
        since = self._since(prices, stormy, month)
        fell = month.ever(since < -self.drawdown_limit)
        whole = np.zeros(len(closes), dtype=np.bool_)
        reduced = (stormy | fell[:, 0], stormy | fell[:, 1], whole)
        changed = [month.dated(month.opens | month.changed(state)) for state in reduced]
        chosen = month.first(gained)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = gained[:, 0] / gained[:, 1]
        columns = {
            f"return_{SMALL}": gained[:, 0],
            f"return_{LARGE}": gained[:, 1],
            "ratio": np.where(np.isfinite(ratio), ratio, np.nan),
            "vix": level,
            f"chosen_{SMALL}": chosen[:, 0],
            f"chosen_{LARGE}": chosen[:, 1],
            f"since_{SMALL}": since[:, 0],
            f"since_{LARGE}": since[:, 1],
            "stormy": stormy,
            f"fell_{SMALL}": fell[:, 0],
            f"fell_{LARGE}": fell[:, 1],
            f"changed_{SMALL}": changed[0],
            f"changed_{LARGE}": changed[1],
            f"changed_{SAFE}": changed[2],
            "opens": month.opens,
        }
        numbers = np.column_stack(list(columns.values())).astype(float)
        return pd.DataFrame(numbers, closes.index, list(columns))

    def decide(self, view: View) -> Decision:
        """The month's fund, all or reduced, until a rebalance to it is complete.

        A book that never rebalanced begins with a month. Raises BellwetherError
        `too_few_bars` where the returns of the month are not known.
        """
        numbers = view.features.numbers
        if not any(_is_new(numbers, fund, view) for fund in REASON_CODES):
            return Hold("not_due")
        fund = self._fund(numbers, view)
        if not _is_new(numbers, fund, view):
            return Hold("not_due")
        stormy = fund != SAFE and bool(numbers["stormy"])
        fell = fund != SAFE and bool(numbers[f"fell_{fund}"])
        blind = bool(np.isnan(numbers["vix"]))
        flags = {"volatility_filter": stormy, "drawdown_breaker": fell, "index_unknown": blind}
        move = rotate(
            out_of=view.holdings,
            into=self._targets(fund, reduced=stormy or fell),
            reason=REASON_CODES[fund],
            flags=tuple(flag for flag, raised in flags.items() if raised),
            roles={self.safe_haven: Role.SAFE_HAVEN},
        )
        return replace(move, blind=blind)

    def _fund(self, numbers: Mapping[str, float], view: View) -> str:
        """What the month's first session chose; both falling is asked first."""
        small, large = numbers[f"chosen_{SMALL}"], numbers[f"chosen_{LARGE}"]
        if np.isnan(small) or np.isnan(large):
            symbol = self.small_cap if np.isnan(small) else self.large_cap
            raise BellwetherError("too_few_bars", symbol=symbol, needed=self.momentum_sessions + 1)
        if small < 0.0 and large < 0.0:
            return SAFE
        if small == large:
            held = view.holdings
            worth = [held[s].value if s in held else 0.0 for s in (self.small_cap, self.large_cap)]
            return SMALL if worth[0] > worth[1] else LARGE
        return SMALL if small > large else LARGE

    def _targets(self, fund: str, *, reduced: bool) -> dict[Symbol, float]:
        if fund == SAFE:
            return {self.safe_haven: self.allocation}
        risk = self.small_cap if fund == SMALL else self.large_cap
        share = self.reduced_to if reduced else 1.0
        wanted = {risk: share, self.safe_haven: 1.0 - share}
        return {symbol: weight * self.allocation for symbol, weight in wanted.items() if weight}

    def _stormy(self, level: Floats, month: "_Months") -> Marks:
        """Whether the index has a position reduced; what is not known changes nothing."""
        above = level > self.vix_limit
        if self.restore == _NEXT_REBALANCE:
            return month.ever(above[:, np.newaxis])[:, 0]
        newest = month.latest(~np.isnan(level))
        return np.where(newest == _NEVER, False, above[newest])

    def _since(self, prices: Floats, stormy: Marks, month: "_Months") -> Floats:
        """The model's return since the month's first close at the weights it went in with.

        T-bills without a price have not moved: that the haven is unknown must not
        keep the breaker from tripping.
        """
        grown = prices / month.first(prices) - 1.0
        bills = np.where(np.isnan(grown[:, 2]), 0.0, grown[:, 2])
        share = np.where(month.before(stormy), self.reduced_to, 1.0)
        return share[:, np.newaxis] * grown[:, :2] + ((1.0 - share) * bills)[:, np.newaxis]


def _is_new(numbers: Mapping[str, float], fund: str, view: View) -> bool:
    """Whether what is wanted of a fund is newer than the last complete rebalance.

    It is asked of the present state, not of a change: the close of yesterday may have
    crossed a line that its quote of a quarter of an hour before had not.
    """
    last, changed = view.last_rebalance, numbers[f"changed_{fund}"]
    if last is None:
        return bool(numbers["opens"])
    in_this_month = (last.year, last.month) == (view.session.year, view.session.month)
    return last.day < changed if in_this_month else not np.isnan(changed)


class _Months:
    """The rows of a table by month: what a row may know of those before it in its own.

    A month begins with its first row; of the month the table begins in nobody knows
    when it did, and nothing is said.
    """

    def __init__(self, days: pd.DatetimeIndex) -> None:
        number = np.asarray(days.year * _MONTHS_A_YEAR + days.month)
        self.opens: Marks = np.append(
            np.zeros(min(len(days), 1), dtype=np.bool_), number[1:] != number[:-1]
        )
        self._rows = np.arange(len(days))
        self._start = np.maximum.accumulate(np.where(self.opens, self._rows, _NEVER))
        self._day = np.asarray(days.day, dtype=np.float64)

    def first(self, table: Floats) -> Floats:
        """Each row as the month's first; NaN in the month that is not whole."""
        return np.where((self._start == _NEVER)[:, np.newaxis], np.nan, table[self._start])

    def latest(self, marks: Marks) -> npt.NDArray[np.intp]:
        """The newest marked row of the month so far, -1 where there is none."""
        newest = np.maximum.accumulate(np.where(marks, self._rows, _NEVER))
        return np.where((newest >= self._start) & (self._start != _NEVER), newest, _NEVER)

    def dated(self, marks: Marks) -> Floats:
        """The day of the month of its newest marked row so far, NaN where there is none."""
        newest = self.latest(marks)
        return np.where(newest == _NEVER, np.nan, self._day[newest])

    def ever(self, marks: Marks) -> Marks:
        """Whether a row of the month so far is marked, column by column."""
        return np.column_stack([self.latest(column) != _NEVER for column in marks.T])

    def before(self, marks: Marks) -> Marks:
        """What the row before said, within the month; false on its first."""
        earlier: Marks = np.roll(marks, 1) & ~self.opens
        earlier[:1] = False
        return earlier

    def changed(self, marks: Marks) -> Marks:
        """Whether a row says another thing than the one before, within the month."""
        changed: Marks = (marks != self.before(marks)) & ~self.opens & (self._start != _NEVER)
        return changed
