"""Real prices, which lie beside a checkout of the maintainers and nowhere else."""

from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[2] / "shared" / "data"


def real_prices(name: str) -> Path:
    """A file of real prices; the test that asks for one that is not there is skipped."""
    path = FOLDER / name
    if not path.exists():
        pytest.skip(f"real prices are not beside this checkout: {name}")
    return path


def real_history(folder: Path) -> Path:
    """Real prices of funds, and the levels of VIX: one file, as a store would have it."""
    funds = pd.read_csv(real_prices("etf_adjclose.csv.gz"))
    vix = pd.read_csv(real_prices("vix_daily.csv")).rename(columns={"close": "adj_close"})
    tables = [table[["date", "symbol", "adj_close"]] for table in (funds, vix)]
    path = folder / "real.csv"
    pd.concat(tables).to_csv(path, index=False)
    return path
