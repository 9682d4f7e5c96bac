"""Trials on the bundled prices, each played once for all who look at it."""

from datetime import date
from functools import cache

from adapters.synthetic import BUNDLED
from bot.trial import Trial, Wish, attempt
from config.settings import Settings

TQQQ, ROTATION = "tqqq_growth_income", "global_etf_rotation"
SPAN = (date(2025, 8, 1), date(2026, 9, 30))


def tried(wish: Wish) -> Trial:
    return attempt(wish, Settings(), lambda _done, _of: None)


@cache
def a_trial(name: str = TQQQ, *, costs: bool = False) -> Trial:
    """More than a year of a profile, with or without costs."""
    account = {"slippage": "0.001", "commission_per_order": "0.35"} if costs else {}
    wish = Wish(name, prices=BUNDLED, first=SPAN[0], last=SPAN[1], account=account)
    return tried(wish)
