"""What is kept of a backtest, session by session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd

from bot.bars import Bars, Floats
from bot.domain.distributions import Distribution
from bot.domain.errors import Blocked
from bot.domain.memory import Decided, Standing
from bot.domain.model import NOTHING, Action, Portfolio, Session, Symbol
from bot.domain.money import TargetValues
from bot.domain.tracking import active_share


@dataclass(frozen=True, slots=True)
class Traded:
    """An order that traded: when, for which decision, how much and at what price in USD.

    `cost` is what slippage took, in USD, negative where rounding gave something
    back; `commission` is not part of it.
    """

    session: date
    decided: date
    symbol: Symbol
    action: Action
    shares: int
    price: Decimal
    commission: Decimal
    cost: Decimal


@dataclass(frozen=True, slots=True, eq=False)
class TrackRecord:
    """What came of a backtest.

    `opened` is what the account was worth before its first trade, at the prices of
    the first session. `equity` and `cash` are USD at the close of each session, after its trades;
    `weights` are sessions × symbols, shares of equity; `traded` is what a session
    bought and sold, in USD. `blocked` are the sessions on which
    a live book would not have decided, and why; `owed` those that left something
    undone, `small` those below the profile's recommended equity. `pending` is the
    session of a last decision that had nothing to be traded at any more. `wanted`
    are the shares of equity a session traded towards, the reserve taken off,
    where one did: sessions × symbols. `received` is the USD that came in dividends and for
    fractions of shares, of `splits` too; nothing where prices are adjusted.
    """

    trades: Sequence[Traded]
    opened: float
    equity: pd.Series
    cash: pd.Series
    weights: pd.DataFrame
    traded: pd.Series
    blocked: Mapping[date, Blocked]
    owed: Sequence[date]
    small: Sequence[date]
    pending: date | None
    wanted: pd.DataFrame
    received: Decimal = NOTHING
    splits: int = 0

    @property
    def drift(self) -> pd.Series:
        """The part of equity that lay elsewhere than wanted at the close of each such session."""
        held = self.weights.loc[self.wanted.index].to_numpy()
        apart = active_share(held, self.wanted.to_numpy())
        return pd.Series(apart, self.wanted.index, name="drift")

    @property
    def turnover(self) -> pd.Series:
        """Half of what each session bought and sold, over its equity."""
        return (self.traded / 2 / self.equity).rename("turnover")


class Recorder:
    """Takes note of every session."""

    def __init__(self, opening: Portfolio, first: date, bars: Bars) -> None:
        self._bars = bars
        worth = (float(n) * bars.last_closes(s, [first]) for s, n in opening.shares.items())
        self._opened = float(opening.cash) + sum(float(each[0]) for each in worth)
        self.blocked: dict[date, Blocked] = {}
        self.owed: list[date] = []
        self.small: list[date] = []
        self._trades: list[Traded] = []
        self._days: list[date] = []
        self._cash: list[float] = []
        self._held: list[Mapping[Symbol, Decimal]] = []
        self._for: list[int] = []  # sessions on end, each of what was held
        self._wanted: dict[date, dict[Symbol, float]] = {}
        self._received = NOTHING
        self._splits = 0

    def received(self, money: Decimal, given: Distribution) -> None:
        """Money that came with a dividend or a split."""
        self._received += money
        self._splits += given.shares != 1

    def aim(self, day: date, targets: TargetValues) -> None:
        """What a session trades towards, of positive equity."""
        equity = targets.equity
        if equity > 0:
            self._wanted[day] = {s: float(v / equity) for s, v in targets.values.items() if v}  # noqa: PD011 - no table's

    def add(
        self,
        filled: Sequence[Standing],
        decided: Decided,
        session: Session,
        prices: Mapping[Symbol, Decimal],
    ) -> None:
        """Orders that traded, measured against the prices the run saw."""
        for report in (standing.report for standing in filled):
            assert report is not None and report.average_price is not None  # noqa: PT018 - it traded
            fair = prices.get(report.symbol, report.average_price)
            sign = 1 if report.action.takes_shares else -1
            self._trades.append(
                Traded(
                    session=session.date,
                    decided=decided.run.session,
                    symbol=report.symbol,
                    action=report.action,
                    shares=report.filled,
                    price=report.average_price,
                    commission=report.commission,
                    cost=(report.average_price - fair) * report.filled * sign,
                )
            )

    def keep(self, days: Sequence[date], portfolio: Portfolio) -> None:
        """The account at the closes of sessions on which it was the same."""
        self._held.append(portfolio.shares)
        self._for.append(len(days))
        self._days += days
        self._cash += [float(portfolio.cash)] * len(days)

    @property
    def wanted(self) -> set[Symbol]:
        """Every symbol that was ever traded towards."""
        return {symbol for weights in self._wanted.values() for symbol in weights}

    def ended(self, symbols: Sequence[Symbol], pending: date | None) -> TrackRecord:
        """Everything as tables, the weights in the order of `symbols`: all held or wanted."""
        days = pd.DatetimeIndex(self._days, name="session")
        cash = pd.Series(self._cash, days, name="cash")
        worth = pd.DataFrame(self._worth(symbols), days, list(symbols))
        equity = (cash + worth.sum(axis=1)).rename("equity")
        place = {day: at for at, day in enumerate(self._days)}
        traded = [0.0] * len(days)
        for trade in self._trades:
            traded[place[trade.session]] += float(trade.shares * trade.price)
        return TrackRecord(
            trades=tuple(self._trades),
            opened=self._opened,
            equity=equity,
            cash=cash,
            weights=worth.div(equity, axis=0),
            traded=pd.Series(traded, days, name="traded"),
            blocked=self.blocked,
            owed=tuple(self.owed),
            small=tuple(self.small),
            pending=pending,
            received=self._received,
            splits=self._splits,
            wanted=pd.DataFrame(
                _table([*self._wanted.values()], symbols),
                pd.DatetimeIndex([*self._wanted], name="session"),
                list(symbols),
            ),
        )

    def _worth(self, symbols: Sequence[Symbol]) -> Floats:
        """The USD in each symbol at the close of each session."""
        worth = np.repeat(_table(self._held, symbols), self._for, axis=0)
        for n in np.flatnonzero(worth.any(axis=0)).tolist():
            rows = np.flatnonzero(worth[:, n])
            closes = self._bars.last_closes(symbols[n], [self._days[row] for row in rows])
            worth[rows, n] *= closes
        return worth


def _table(rows: Sequence[Mapping[Symbol, float | Decimal]], symbols: Sequence[Symbol]) -> Floats:
    """Rows × symbols, zero where a row does not name one."""
    column = {symbol: n for n, symbol in enumerate(symbols)}
    table = np.zeros((len(rows), len(symbols)))
    for row, told in enumerate(rows):
        for symbol, number in told.items():
            table[row, column[symbol]] = number
    return table
