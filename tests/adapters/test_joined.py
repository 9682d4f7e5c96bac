from decimal import Decimal

import pandas as pd

from adapters.joined import Joined
from bot.domain.strategy import Facts, Needs
from bot.ports import Adjustment
from tests.builders import TODAY, quotes
from tests.fakes import FixedMarket


class Past:
    """A market that knows what was, adjusted for splits."""

    adjustment = Adjustment.SPLITS

    async def facts(self, needs, session):
        days = pd.DatetimeIndex([pd.Timestamp(session)])
        return Facts(pd.DataFrame({symbol: [99.0] for symbol in needs.symbols}, days), days)


JOINED = Joined(Past(), FixedMarket(quotes(VOO=100)))


async def test_the_past_comes_from_one_source_and_the_present_from_another():
    facts = await JOINED.facts(Needs(("VOO",), ("VOO",), (), 1), TODAY)
    present = await JOINED.quotes(["VOO", "QQQ"])

    assert facts.closes["VOO"].tolist() == [99.0]
    assert {symbol: quote.last for symbol, quote in present.items()} == {"VOO": Decimal(100)}


def test_the_history_says_what_it_is_adjusted_for():
    assert JOINED.adjustment is Adjustment.SPLITS
