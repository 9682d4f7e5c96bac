"""What the feeds of a book would have told it on each session, and what it so might own."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from bot.domain.errors import Blocked
from bot.domain.model import Symbol
from bot.domain.strategy import Needs
from bot.ports import FeedHistory


@dataclass(slots=True, eq=False)
class Reach:
    """The needs of a strategy through the past; `priced` are the symbols there are prices of.

    Without feeds they are the same on every session.
    """

    needs: Needs
    feeds: Mapping[str, FeedHistory] = field(default_factory=dict)
    priced: Collection[Symbol] = ()
    _tables: dict[str, pd.DataFrame] = field(init=False)
    _known: dict[pd.Timestamp, Needs] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Read the feeds. Raises Blocked `feed_missing` where one that is needed is not there."""
        wanted = [need.name for need in self.needs.feeds]
        lacking = [name for name in wanted if name not in self.feeds]
        if lacking:
            raise Blocked("feed_missing", feed=", ".join(lacking))
        self._tables = {name: self.feeds[name].rows for name in wanted}

    @property
    def tables(self) -> Mapping[str, pd.DataFrame]:
        """Every row the feeds ever had, by feed."""
        return self._tables

    def known(self, session: date) -> dict[str, pd.DataFrame]:
        """The rows the feeds had told by a session, by feed."""
        day = pd.Timestamp(session)
        return {name: rows[rows["known_on"] <= day] for name, rows in self._tables.items()}

    @property
    def every(self) -> Needs:
        """What might ever be read and owned."""
        rows = self._tables.get(self.needs.universe)
        if rows is None or rows.empty:
            return self.needs
        # As of no day but one all rows are of.
        at_once = rows.assign(as_of=rows["as_of"].max())
        return self.needs.widened({self.needs.universe: at_once}, rows["known_on"].max().date())

    @property
    def begins(self) -> date | None:
        """The first session on which every feed has told something, None of none that ever did."""
        firsts = [rows["known_on"].min() for rows in self._tables.values() if len(rows)]
        if not firsts or len(firsts) < len(self._tables):
            return None
        first: date = max(firsts).date()
        return first

    def on(self, session: date) -> Needs:
        """What may be read and owned on a session.

        Raises Blocked where a feed would have been refused, and `symbols_missing`
        where it names what there are no prices of.
        """
        for name in self._tables:
            self.feeds[name].refuse(session)
        if not self.needs.universe:
            return self.needs
        needs = self._widened(session)
        unpriced = sorted(set(needs.symbols).difference(self.priced))
        if unpriced:
            raise Blocked("symbols_missing", symbols=", ".join(unpriced))
        return needs

    def _widened(self, session: date) -> Needs:
        universe = self.needs.universe
        rows = self._tables[universe]
        known = rows.loc[rows["known_on"] <= pd.Timestamp(session), "as_of"].max()
        if known not in self._known:
            self._known[known] = self.needs.widened({universe: rows}, session)
        return self._known[known]
