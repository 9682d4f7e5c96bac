"""Invented lists of constituents, their reports and their candlestick patterns, as dated tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from strategies import fundamentals

STOCKS_A_FUND = 12
READINGS = fundamentals.LAYOUT.readings


def stocks_of(fund: str) -> list[str]:
    return [f"{fund}{number}" for number in range(STOCKS_A_FUND)]


def constituents(pool: Sequence[str], days: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """Lists of the funds, of two at first, then of all, anew with some stocks changed."""
    chance = np.random.default_rng(seed)
    issues = days[:: len(days) // 8 or 1]
    rows = [
        {"known_on": issue, "as_of": issue, "etf": fund, "symbol": stock, "weight": weight}
        for number, issue in enumerate(issues)
        for fund in (pool if number else pool[:2])
        for stock, weight in zip(
            chance.choice(stocks_of(fund), STOCKS_A_FUND - 2, replace=False),
            chance.uniform(0.01, 0.2, STOCKS_A_FUND - 2).round(4),
            strict=True,
        )
    ]
    return pd.DataFrame(rows)


def reports(pool: Sequence[str], days: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """A report of every stock on each quarter since two years before, known weeks later.

    Some of them are said again differently, months later.
    """
    chance = np.random.default_rng(seed + 1)
    quarters = pd.date_range(days[0] - pd.DateOffset(years=2), days[-1], freq="QE")
    stocks = [stock for fund in pool for stock in stocks_of(fund)]
    about = np.repeat(quarters.to_numpy(), len(stocks))
    late = chance.integers(20, 45, len(about)).astype("timedelta64[D]")
    table = _reports(chance, np.tile(stocks, len(quarters)), about, about + late)
    again = table[chance.random(len(table)) < 0.1]
    later = again["known_on"] + pd.to_timedelta(chance.integers(30, 200, len(again)), "D")
    said = _reports(chance, again["symbol"], again["as_of"], later)
    return pd.concat([table, said], ignore_index=True)


def _reports(chance, stocks, about, known_on) -> pd.DataFrame:
    count = len(stocks)
    table = pd.DataFrame(
        {
            "known_on": pd.to_datetime(np.asarray(known_on)),
            "as_of": pd.to_datetime(np.asarray(about)),
            "symbol": np.asarray(stocks),
        }
    )
    numbers = {name: chance.normal(1.0, 1.0, count) for name in READINGS}
    for name in ("operating_revenue", "total_assets"):
        numbers[name] = chance.uniform(5.0, 10.0, count)
    return table.assign(**numbers)


def patterns(pool: Sequence[str], days: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """What the candles of every stock came to on each session, in waves that funds share."""
    chance = np.random.default_rng(seed + 2)
    stocks = [stock for fund in pool for stock in stocks_of(fund)]
    waves = chance.normal(0.0, 12.0, (len(days), len(pool))).cumsum(axis=0) / 10.0
    moods = np.repeat(np.sin(waves), STOCKS_A_FUND, axis=1)
    said = 100.0 * chance.integers(-1, 2, moods.shape) + 100.0 * np.round(moods)
    table = pd.DataFrame(said, days.rename("as_of"), stocks).rename_axis(columns="symbol")
    rows = table.stack().rename("patterns").reset_index()  # noqa: PD013 - it is one column
    after = dict(zip(days, [*days[1:], days[-1] + pd.Timedelta(days=1)], strict=True))
    return rows.assign(known_on=rows["as_of"].map(after))


def with_holes(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same with rows lost, known late or on closed days, cells empty, in any order."""
    chance = np.random.default_rng(seed + 3)
    kept = table[chance.random(len(table)) < 0.8]
    late = pd.to_timedelta(np.where(chance.random(len(kept)) < 0.1, 9, 0), "D")
    kept = kept.assign(known_on=kept["known_on"] + late)
    for name in set(READINGS) & set(kept.columns):
        kept[name] = kept[name].mask(chance.random(len(kept)) < 0.3)
    return kept.sample(frac=1.0, random_state=seed, ignore_index=True)
