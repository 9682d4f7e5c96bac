"""QQQ/IWM rotation: the stronger of two funds by a signal, held alone or against the weaker."""

from dataclasses import dataclass
from datetime import date
from typing import Annotated, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd

from bot.domain.errors import BellwetherError, SettingsError
from bot.domain.model import Symbol
from bot.domain.strategy import Decision, Facts, FeedNeed, Needs, View, rotate
from strategies.heard import heard, signals_of
from strategies.indicators import LONGEST_WINDOW, moving_average, own_bars
from strategies.parameters import Allowed, Portion, check

Floats: TypeAlias = npt.NDArray[np.float64]
Window: TypeAlias = Annotated[int, Allowed(1, LONGEST_WINDOW)]

_LONG_ONLY, _HEDGED, _FORECAST = "long_only", "hedged", "forecast"
_BUILTIN, _EXTERNAL = "builtin", "external"
ROTATION, FORECAST = "rotation", "forecast"
# A quarter of prices is what a surprising quote is judged by where no signal needs any.
_PRICED_BY = 63
_WIDEST_BAND = 0.5
_OLDEST = 20
_NEVER = -1


@dataclass(frozen=True, slots=True)
class QqqIwmRotation:
    """Holds `first` while it is the stronger of two funds, `second` otherwise.

    Of the source: the two funds, the signal LONG for the first and SHORT for the
    second, and three modes. `long_only` is always in the stronger; `hedged` is long the
    stronger and as much short the weaker; `forecast` is long the stronger on a daily
    Buy and short the weaker on a Sell. Our own choice, since the source is silent: `leg`
    of equity for each side of a hedge (all of it would take the whole of a margin
    account's initial requirement), `long_exposure` and `short_exposure` of the one
    position of a forecast, and that a signal older than `max_age` sessions blocks.

    The source keeps its models to itself. Those built in are our own choice and called
    `builtin` in every report: the first fund is the stronger while the ratio of total
    return closes is above its mean of `ratio_sessions`, and the state changes only more
    than `ratio_band` away from it; the forecast is Buy while the first fund is above its
    mean of `forecast_sessions`. So that a decision depends on a known span of history
    and never on where that began, the band remembers `memory` sessions: after as many
    within the band the plain comparison decides.
    """

    mode: Annotated[str, Allowed(choices=(_LONG_ONLY, _HEDGED, _FORECAST))] = _LONG_ONLY
    signals: Annotated[str, Allowed(choices=(_BUILTIN, _EXTERNAL))] = _BUILTIN
    first: Symbol = "QQQ"
    second: Symbol = "IWM"
    leg: Portion = 0.5
    long_exposure: Portion = 1.0
    short_exposure: Portion = 0.5
    max_age: Annotated[int, Allowed(0, _OLDEST)] = 3
    ratio_sessions: Window = 63
    ratio_band: Annotated[float, Allowed(0.0, _WIDEST_BAND)] = 0.01
    memory: Window = 252
    forecast_sessions: Window = 20

    def __post_init__(self) -> None:
        check(self)
        if self.first == self.second:
            bounds = f"a symbol other than {self.first}"
            raise SettingsError("bad_parameter", name="second", value=self.second, bounds=bounds)

    @property
    def needs(self) -> Needs:
        """Both funds; their history where the models are ours, else the signals received."""
        funds = (self.first, self.second)
        builtin = self.signals == _BUILTIN
        return Needs(
            symbols=funds,
            holds=funds,
            vital=funds if builtin else (),
            sessions=self._history if builtin else _PRICED_BY,
            feeds=() if builtin else tuple(FeedNeed(name, self.max_age) for name in self._heard),
            total_return=builtin,
            gross=self._gross,
            shorts=() if self.mode == _LONG_ONLY else funds,
        )

    @property
    def _heard(self) -> tuple[str, ...]:
        return (ROTATION, FORECAST) if self.mode == _FORECAST else (ROTATION,)

    @property
    def _history(self) -> int:
        return max(self.memory + self.ratio_sessions - 1, self.forecast_sessions)

    @property
    def _gross(self) -> float:
        match self.mode:
            case "hedged":
                return 2.0 * self.leg
            case "forecast":
                return max(self.long_exposure, self.short_exposure)
        return 1.0

    def features(self, facts: Facts) -> pd.DataFrame:
        """A row per session: each signal as 1 (LONG, Buy) or 0, and what it comes from.

        Built in: `ratio`, its `mean` and `distance` from it; where the mode asks for a
        forecast the `price` of the first fund and its `average`. Received: the `_age` in
        sessions of each signal and its `_word`. What is unknown is NaN.
        """
        return self._modelled(facts) if self.signals == _BUILTIN else self._received(facts)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Whose signals these are: it stands in every report."""
        return (f"{self.signals}_signals",)

    def decide(self, view: View) -> Decision:
        """The mode's targets under the session's signals, every session.

        Raises Blocked `signal_missing`, `signal_stale` and `signal_unknown`, and
        BellwetherError `too_few_bars` where the models lack closes.
        """
        row = view.features.table.iloc[0]
        leads = self._says(row, ROTATION, view.session)
        stronger, weaker = (self.first, self.second) if leads else (self.second, self.first)
        flags = self.remarks
        match self.mode:
            case "hedged":
                targets = {weaker: -self.leg, stronger: self.leg}
            case "forecast" if self._says(row, FORECAST, view.session):
                targets, flags = {stronger: self.long_exposure}, ("forecast_buy", *flags)
            case "forecast":
                targets, flags = {weaker: -self.short_exposure}, ("forecast_sell", *flags)
            case _:
                targets = {stronger: 1.0}
        # Every session decides by itself, so a missed one leaves nothing to make up for.
        return rotate(
            out_of=view.holdings,
            into=targets,
            reason="first_leads" if leads else "second_leads",
            flags=flags,
            lapses=True,
        )

    def _says(self, row: pd.Series, feed: str, session: date) -> bool:
        """What a signal says of a session; raises where it says nothing that counts."""
        if self.signals == _EXTERNAL:
            return heard(row, feed, session, self.max_age)
        said = row[feed]
        if np.isnan(said):
            raise BellwetherError("too_few_bars", symbol=self.first, needed=self.needs.sessions)
        return bool(said)

    def _modelled(self, facts: Facts) -> pd.DataFrame:
        closes = facts.closes.reindex(columns=[self.first, self.second])
        columns = self._rotation(closes)
        if FORECAST in self._heard:
            columns |= self._forecast(closes)
        return pd.DataFrame(columns, closes.index)

    def _rotation(self, closes: pd.DataFrame) -> dict[str, Floats]:
        ratio = (closes[self.first] / closes[self.second]).to_frame()
        bars = own_bars(ratio, self.ratio_sessions)
        mean = moving_average(bars, self.ratio_sessions).to_numpy()[:, 0]
        share = ratio.to_numpy()[:, 0]
        distance = share / mean - 1.0
        return {
            ROTATION: self._state(distance),
            "ratio": share,
            "mean": mean,
            "distance": distance,
        }

    def _forecast(self, closes: pd.DataFrame) -> dict[str, Floats]:
        price = closes[[self.first]]
        bars = own_bars(price, self.forecast_sessions)
        average = moving_average(bars, self.forecast_sessions)
        last, mean = price.to_numpy()[:, 0], average.to_numpy()[:, 0]
        return {FORECAST: _where_known(last > mean, last - mean), "price": last, "average": mean}

    def _state(self, distance: Floats) -> Floats:
        """1 where the newest distance beyond the band was above it, within the memory."""
        rows = np.arange(len(distance))
        beyond = np.maximum.accumulate(np.where(np.abs(distance) > self.ratio_band, rows, _NEVER))
        remembered = (beyond != _NEVER) & (rows - beyond < self.memory)
        decides = np.where(remembered, beyond, rows)
        return _where_known(distance[decides] > 0.0, distance)

    def _received(self, facts: Facts) -> pd.DataFrame:
        days = pd.DatetimeIndex(facts.closes.index)
        columns = [signals_of(facts, feed, days) for feed in self._heard]
        return pd.concat(columns, axis=1)


def _where_known(said: npt.NDArray[np.bool_], basis: Floats) -> Floats:
    return np.where(np.isnan(basis), np.nan, said.astype(float))
