"""What a backtest of many stocks by the first authors' accounting costs, against reading its file.

`python -m tests.benchmarks.backtests` prints it as a table.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bot.original_trial import Members, Reckoned, attempt_original
from bot.track_files import put
from bot.trial import Wish
from config.settings import Settings
from tests.benchmarks.cost import cpu, peak
from tests.benchmarks.snapshots import CALENDAR, LAST, RUSSELL, STOCKS, furnish
from tests.benchmarks.table import Measured, tell

ROWS = 2520
MONTHS = 100  # of ten years: on so many the targets changed, or it was no backtest of them


@dataclass(frozen=True, slots=True)
class Decade:
    """A folder with a long file of ten years of prices, and a universe."""

    folder: Path

    @classmethod
    def at(cls, folder: Path) -> "Decade":
        """A thousand stocks and three references, a row a day and symbol."""
        days = CALENDAR.index(CALENDAR.before(LAST, ROWS - 1).date, LAST, 0)
        furnish(folder, days)
        return cls(folder)

    @property
    def csv(self) -> Path:
        return self.folder / "prices.csv"

    def play(self) -> Reckoned:
        """The whole backtest: from the file of prices to the last file of results."""
        wish = Wish(profile=RUSSELL, prices=self.csv)
        told = attempt_original(wish, Settings(), Members(self.folder / "universe.csv", 5.0))
        put(told.tables.items(), self.folder / "out")
        return told


def measure() -> list[Measured]:
    """Measure everything once."""
    with tempfile.TemporaryDirectory() as folder:
        decade = Decade.at(Path(folder))
        chosen = decade.play().tables["turnover_history"]["turnover"]
        assert (chosen > 0.0).sum() >= MONTHS
        parse, played = cpu(lambda: pd.read_csv(decade.csv), decade.play)
        plain = "import sys, pandas; pandas.read_csv(sys.argv[1])"
        whole = (
            "import sys; from pathlib import Path; from tests.benchmarks.backtests import Decade; "
            "Decade(Path(sys.argv[1])).play()"
        )
        most, ours = peak(plain, str(decade.csv)), peak(whole, folder)
    size = f"backtest of {STOCKS + 3} symbols × {ROWS} rows, their accounting"
    return [
        Measured(size, played, "CPU s", 4, "pandas.read_csv alone", parse),
        Measured(size, ours, "peak MiB", 2, "pandas.read_csv alone", most),
    ]


if __name__ == "__main__":
    tell(measure(), sys.argv)
