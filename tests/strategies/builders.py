from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from bot.domain.features import Features
from bot.domain.strategy import Facts, Holding, Strategy, View
from bot.sessions import nyse
from tests.strategies.factor_feeds import constituents, patterns, reports, with_holes

# Of the tables that are no snapshots: who invents one for some funds.
TABLES = {"constituents": constituents, "fundamentals": reports, "patterns": patterns}

Lives: TypeAlias = Callable[[Sequence[str], int, int], pd.DataFrame]

CALENDAR = nyse(date(1998, 1, 1), date(2032, 12, 31))
FIRST = date(2015, 1, 2)


def sessions(count: int, first: date = FIRST) -> pd.DatetimeIndex:
    return CALENDAR.index(first, CALENDAR.after(first, count).date, ahead=0)[:count]


def a_table(columns: Mapping[str, Sequence[float]], first: date = FIRST) -> pd.DataFrame:
    length = max(map(len, columns.values()))
    return pd.DataFrame(dict(columns), sessions(length, first), dtype=float)


def facts_of(closes: pd.DataFrame) -> Facts:
    days = pd.DatetimeIndex(closes.index)
    first = days[0].date()
    known = CALENDAR.index(first, days[-1].date())
    return Facts(closes, known, earlier=CALENDAR.number(first))


def random_closes(symbols: Sequence[str], count: int, seed: int) -> pd.DataFrame:
    """Ordinary lives: every symbol trades each session, some rise and some fall."""
    chance = np.random.default_rng(seed)
    drifts = chance.normal(0.0003, 0.0008, len(symbols))
    steps = chance.normal(drifts, 0.012, (count, len(symbols)))
    prices = np.round(80.0 * np.exp(np.cumsum(steps, axis=0)), 4)
    return pd.DataFrame(prices, sessions(count), list(symbols))


def gappy_closes(symbols: Sequence[str], count: int, seed: int) -> pd.DataFrame:
    """Lives with holes: lost bars, lost months, symbols young, dead or never born."""
    closes = random_closes(symbols, count, seed)
    chance = np.random.default_rng(seed + 1)
    fates = chance.permutation(len(symbols))
    values = closes.to_numpy(copy=True)
    values[:, fates[0::4]] = np.where(
        chance.random((count, len(fates[0::4]))) < 0.2, np.nan, values[:, fates[0::4]]
    )
    for column in fates[1::4]:
        born, silent = chance.integers(0, count, 2)
        values[:born, column] = np.nan
        values[silent : silent + 70, column] = np.nan
    values[int(chance.integers(0, count)) :, fates[2:3]] = np.nan
    values[:, fates[3:][-1:]] = np.nan
    return pd.DataFrame(values, closes.index, closes.columns)


STOCKS = tuple(f"S{number:02}" for number in range(30))
COMPANY = {stock: f"U{stock}" for stock in STOCKS}
REFERENCES = ("QQQ", "SPY", "BOXX")
SECTORS = ("Information Technology", "Communication", "Energy", "Utilities", "Health Care")
FACTORS = (
    *("mom_6_1", "mom_12_1", "mom_3m", "mom_6m"),
    *("rel_mom_6m_vs_benchmark", "rel_mom_6m_vs_broad_benchmark"),
    *("sma20_gap", "sma50_gap", "sma200_gap", "ma50_over_ma200", "rebound_20"),
)
BELOW = ("maxdd_126", "high_252_gap", "breakout_252", "dist_63_high", "dist_126_high")


def a_snapshot(symbols: Sequence[str], known_on: pd.Timestamp, seed: int) -> pd.DataFrame:
    """What every family reads of some stocks, in a market that is good or bad as a whole."""
    chance = np.random.default_rng(seed)
    count, market = len(symbols), chance.normal(0.03, 0.09)
    numbers = {name: chance.normal(market, 0.1, count) for name in FACTORS}
    below = {name: -np.abs(chance.normal(0.1, 0.05, count)) for name in BELOW}
    stock = [symbol not in REFERENCES for symbol in symbols]
    return pd.DataFrame(
        {
            "as_of": CALENDAR.before(known_on.date()).date,
            "known_on": known_on,
            "symbol": list(symbols),
            "sector": chance.choice(SECTORS, count),
            **numbers,
            **below,
            "vol_63": np.abs(chance.normal(0.3, 0.1, count)),
            "close": 100.0,
            "history_days": 1000,
            "adv20_usd": chance.uniform(4e7, 4e8, count),
            "eligible": stock,
            "underlying_symbol": [COMPANY.get(symbol, symbol) for symbol in symbols],
            "candidate_rank": chance.permutation(count) + 1.0,
            "product_available": stock,
        }
    ).astype({"as_of": "datetime64[us]", "known_on": "datetime64[us]"})


PLAIN = {
    **dict.fromkeys(FACTORS, 0.1),
    **dict.fromkeys(BELOW, -0.1),
    "sector": "Information Technology",
    "vol_63": 0.3,
    "close": 100.0,
    "history_days": 1000,
    "adv20_usd": 1e9,
    "eligible": True,
    "product_available": True,
    "candidate_rank": 1.0,
}
SNAPSHOT_KNOWN = date(2015, 2, 2)


def a_stock(symbol: str, **different: object) -> dict[str, object]:
    """A stock that qualifies for every family, as good as any other."""
    return {**PLAIN, "symbol": symbol, "underlying_symbol": symbol, **different}


def a_view(told: Strategy, stocks: Sequence[Mapping[str, object]], *held: str, **view: Any) -> View:
    """What a strategy sees of a snapshot of some stocks on the first session it is known."""
    known_on = pd.Timestamp(SNAPSHOT_KNOWN)
    table = pd.DataFrame(list(stocks)).assign(known_on=known_on, as_of=known_on)
    closes = pd.DataFrame(index=sessions(40))
    facts = replace(facts_of(closes), feeds={need.name: table for need in told.needs.feeds})
    rows = Features(told, facts).rows(SNAPSHOT_KNOWN)
    return View(SNAPSHOT_KNOWN, rows, holdings(**dict.fromkeys(held, 1.0)), **view)


def random_feed(days: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """A snapshot known from each month's first session on; stocks come and go."""
    chance = np.random.default_rng(seed)
    firsts = days[1:][days.month[1:] != days.month[:-1]]
    parts = [
        a_snapshot([*chance.choice(STOCKS, 26, replace=False), *REFERENCES], first, seed + number)
        for number, first in enumerate(firsts)
    ]
    return pd.concat(parts, ignore_index=True)


def gappy_feed(days: pd.DatetimeIndex, seed: int) -> pd.DataFrame:
    """Snapshots that are lost, late, small, on closed days, in pairs, with holes and odd cells."""
    chance = np.random.default_rng(seed)
    whole = random_feed(days, seed)
    issues = whole["known_on"].drop_duplicates()
    lost = issues[chance.random(len(issues)) < 0.2]
    feed = whole[~whole["known_on"].isin(lost) & (chance.random(len(whole)) < 0.8)]
    late = feed["known_on"].isin(issues[chance.random(len(issues)) < 0.4])
    known_on = feed["known_on"].mask(late, feed["known_on"] + pd.Timedelta(days=9))
    pairs = feed["known_on"].isin(issues[chance.random(len(issues)) < 0.3])
    again = feed[pairs].assign(as_of=feed["as_of"] - pd.Timedelta(days=2))
    feed = pd.concat([feed.assign(known_on=known_on), again], ignore_index=True)
    for column in ("sma200_gap", "mom_12_1", "vol_63", "adv20_usd", "candidate_rank"):
        feed[column] = feed[column].mask(chance.random(len(feed)) < 0.1)
    odd = chance.choice([True, False, None, "yes", "no", ""], len(feed)).astype(object)
    feed["eligible"] = feed["eligible"].astype(object).mask(chance.random(len(feed)) < 0.2, odd)
    feed["mom_6_1"] = feed["mom_6_1"].astype(object).mask(chance.random(len(feed)) < 0.1, "n/a")
    return feed.sample(frac=1.0, random_state=seed, ignore_index=True)


def facts_for(told: Strategy, lives: Lives, count: int, seed: int) -> Facts:
    """Everything a strategy needs over so many sessions: closes, ranges and snapshots."""
    needs = told.needs
    companies = [*STOCKS, *COMPANY.values()] if needs.universe else []
    facts = facts_of(lives([*needs.symbols, *companies], count, seed))
    chance = np.random.default_rng(seed + 2)
    ranged = facts.closes[list(needs.ranges)]
    spread = np.abs(chance.normal(0.0, 0.01, ranged.shape))
    whole = lives is random_closes

    def feed(name: str) -> pd.DataFrame:
        days = facts.sessions[:count]
        if name not in TABLES:
            return random_feed(days, seed) if whole else gappy_feed(days, seed)
        table = TABLES[name](needs.holds[:-1], days, seed)
        return table if whole else with_holes(table, seed)

    return replace(
        facts,
        highs=ranged * (1.0 + spread) if needs.ranges else None,
        lows=ranged * (1.0 - spread) if needs.ranges else None,
        feeds={need.name: feed(need.name) for need in needs.feeds},
    )


def between(facts: Facts, first: pd.Timestamp, last: pd.Timestamp) -> Facts:
    """The same facts through the window of two sessions; tables are as long as they were."""
    cut = [None if t is None else t.loc[first:last] for t in (facts.highs, facts.lows)]
    return replace(
        facts,
        closes=facts.closes.loc[first:last],
        highs=cut[0],
        lows=cut[1],
        sessions=facts.sessions[facts.sessions >= first],
        earlier=facts.earlier + int((facts.sessions < first).sum()),
    )


def holdings(**shares: float) -> dict[str, Holding]:
    return {name: Holding(Decimal(repr(held)), 100.0 * held) for name, held in shares.items()}
