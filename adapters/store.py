"""The price store: one Parquet file in the state directory, written by updates only."""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from adapters.price_files import load
from adapters.prices import PriceTable, Suspicion, suspicions
from bot.domain.errors import DataError
from bot.domain.model import Symbol
from bot.ports import EARLIER_ROWS

# How many rows of each symbol lie apart: a year and a month of them, and a month to look back.
_APART: Final = 296
# Two prints of one close differ by less, a history re-based by the smallest dividend by more.
_SAME: Final = 1e-6


@dataclass(frozen=True, slots=True)
class SymbolUpdate:
    """What an update did to a symbol: its stored span afterwards, and what is suspicious in it.

    `replaced` says that its history was a different one before, `dropped` how
    many of the days known before are known no longer. A symbol with a defect is
    left as it was: its suspicions then name the defect and `added` is zero.
    """

    symbol: Symbol
    added: int
    replaced: bool
    dropped: int
    first: date | None
    last: date | None
    suspicions: tuple[Suspicion, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What an update did, symbol by symbol of the file it read."""

    source: Path
    symbols: tuple[SymbolUpdate, ...]


class PriceStore:
    """The prices a bot keeps. Readers see the store before or after an update, never between."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.path = folder / "prices.parquet"

    def table(self) -> PriceTable:
        """Everything stored. Raises DataError `store_empty` before the first update."""
        if not self.path.exists():
            raise DataError(
                "store_empty", path=self.path, remedy="bellwether data update --from FILE"
            )
        return load(self.path)

    def update(self, path: Path, sessions: pd.DatetimeIndex | None = None) -> UpdateReport:
        """Take in a file of prices: all of it that can be believed, or, raising, nothing.

        New days are added. A symbol whose closes differ from the stored ones on
        a common day was adjusted anew: its whole history is replaced. `sessions`
        is the exchange calendar, for the suspicions of the report.

        Raises DataError for a refused file, `no_overlap` where a symbol shares no
        day with its stored history (nothing then proves that both are adjusted
        alike), and `store_locked` while another update is at work.
        """
        with self._alone():
            new = load(path)
            old = self._believed() if self.path.exists() else None
            merged = {symbol: _merge(symbol, new, old) for symbol in new.closes.columns}
            others = [] if old is None else old.closes.columns.difference(list(merged)).tolist()
            untouched = [] if old is None else [_bars(old, symbol) for symbol in others]
            self._write([*untouched, *(change.bars for change in merged.values())])
            stored = self.table()
        return UpdateReport(path, tuple(_told(new, stored, merged, sessions)))

    def _believed(self) -> PriceTable:
        """What is stored, refused where a symbol of it would be lost by writing it anew."""
        stored = self.table()
        for symbol in stored.defects:
            stored.refuse_defect(symbol)
        return stored

    @contextmanager
    def _alone(self) -> Iterator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        lock = self._folder / "prices.lock"
        with lock.open("w") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DataError(
                    "store_locked", path=lock, remedy="wait until the other update has ended"
                ) from error
            yield

    def _write(self, bars: list[pd.DataFrame]) -> None:
        """Write all bars anew, the newest of each symbol in a last row group of their own."""
        rows = pd.concat(bars).reset_index().dropna(axis=1, how="all")
        earlier = rows.groupby("symbol", sort=False).cumcount(ascending=False) >= _APART
        counts = rows["symbol"][earlier].value_counts().to_dict()
        from pyarrow import Table, parquet

        table = Table.from_pandas(rows, preserve_index=False)
        table = table.replace_schema_metadata({EARLIER_ROWS: json.dumps(counts)})
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".part", delete=False) as part:
            try:
                # Read in less than two thirds of the time of zstd, for a quarter more bytes.
                with parquet.ParquetWriter(
                    part, table.schema, compression="lz4", use_dictionary=["symbol", "date"]
                ) as file:
                    for chosen in (earlier, ~earlier):
                        file.write_table(table.filter(chosen.to_numpy()), table.num_rows)
                part.flush()
                os.fsync(part.fileno())
                Path(part.name).replace(self.path)
            finally:
                Path(part.name).unlink(missing_ok=True)
        _sync_folder(self._folder)


def _sync_folder(folder: Path) -> None:
    """Make a rename last: it is an entry of the folder, not of the file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass(frozen=True, slots=True, eq=False)
class _Change:
    """The bars a symbol has from now on, by date, and how they differ from before."""

    bars: pd.DataFrame
    added: int
    replaced: bool = False
    dropped: int = 0


def _bars(table: PriceTable, symbol: Symbol) -> pd.DataFrame:
    """The bars of one symbol as rows of a long file, indexed by date."""
    closes = table.closes[symbol].dropna()
    beside = {
        "open": table.opens,
        "unadj_close": table.raw,
        "dividend": table.dividends,
        "volume": table.volumes,
    }
    bars = pd.DataFrame({"symbol": symbol, "close": closes}, index=closes.index.rename("date"))
    for name, frame in beside.items():
        bars[name] = np.nan if frame is None else frame[symbol].loc[closes.index]
    return bars


def _merge(symbol: Symbol, new: PriceTable, old: PriceTable | None) -> _Change:
    fresh = _bars(new, symbol)
    if old is None or symbol not in old.closes.columns:
        return _Change(fresh, len(fresh))
    kept = _bars(old, symbol)
    common = fresh.index.intersection(kept.index)
    if not len(common):
        raise DataError(
            "no_overlap",
            path=new.source,
            symbol=symbol,
            date=fresh.index[0].date(),
            remedy="give a file that also has the last stored day of the symbol",
        )
    added = len(fresh.index.difference(kept.index))
    prices = ["close", "unadj_close"]
    before, after = kept.loc[common, prices], fresh.loc[common, prices]
    if np.allclose(after, before, rtol=_SAME, atol=0, equal_nan=True):
        return _Change(fresh.combine_first(kept)[list(fresh.columns)], added)
    return _Change(fresh, added, replaced=True, dropped=len(kept.index.difference(fresh.index)))


def _told(
    new: PriceTable,
    stored: PriceTable,
    merged: Mapping[Symbol, _Change],
    sessions: pd.DatetimeIndex | None,
) -> Iterator[SymbolUpdate]:
    found = suspicions(stored.of(list(merged)), sessions)
    for symbol, change in merged.items():
        mine = tuple(each for each in found if each.symbol == symbol)
        yield _update(stored, symbol, change, mine)
    for symbol, defect in new.defects.items():
        yield _update(stored, symbol, _Change(pd.DataFrame(), 0), (defect,))


def _update(
    stored: PriceTable, symbol: Symbol, change: _Change, found: tuple[Suspicion, ...]
) -> SymbolUpdate:
    known = symbol in stored.closes.columns
    days = stored.closes[symbol].dropna().index if known else pd.DatetimeIndex([])
    first, last = (days[0].date(), days[-1].date()) if len(days) else (None, None)
    return SymbolUpdate(symbol, change.added, change.replaced, change.dropped, first, last, found)
