"""What profiles expect of the files they read: of snapshots, and of dated tables."""

from collections.abc import Mapping

from bot.domain.admission import Expected
from bot.domain.dated_tables import Layout
from bot.domain.errors import SettingsError
from bot.domain.model import Symbol
from strategies import (
    ALIASES,
    constituents,
    fundamentals,
    leveraged_pullback,
    mega_cap_leaders,
    multi_factor_defensive,
    pattern_etf_rotation,
    profile,
    pullback_enhancement,
)
from strategies.mega_cap_leaders import AggressiveLeaders, BalancedLeaders, MegaCapLeaders

_STOCKS = ("symbol", "sector")
_TRADED = ("close", "adv20_usd", "history_days")
_PRODUCTS = ("symbol", "underlying_symbol", "sector", "product_available")
_PRODUCT_NUMBERS = ("candidate_rank", "product_leverage")

_LEADERS = (MegaCapLeaders.feed, AggressiveLeaders.feed, BalancedLeaders.feed)
# The columns that are numbers; of the others only those of products are more than a stock's.
_NUMBERS: Mapping[str, tuple[str, ...]] = {
    multi_factor_defensive.FEED: multi_factor_defensive.FACTORS,
    pullback_enhancement.FEED: (*_TRADED, *pullback_enhancement.FACTORS),
    **dict.fromkeys(_LEADERS, (*_TRADED, *mega_cap_leaders.FACTORS)),
    leveraged_pullback.FEED: _PRODUCT_NUMBERS,
}

_LAYOUTS: Mapping[str, Layout] = {
    constituents.FEED: constituents.LAYOUT,
    fundamentals.FEED: fundamentals.LAYOUT,
    pattern_etf_rotation.FEED: pattern_etf_rotation.LAYOUT,
}


def layout_of(feed: str) -> Layout:
    """The columns of a dated table by the name strategies know it by.

    Raises SettingsError `feed_without_table` for a feed that is none.
    """
    if feed not in _LAYOUTS:
        raise SettingsError("feed_without_table", feed=feed, known=", ".join(_LAYOUTS))
    return _LAYOUTS[feed]


def expected_of(name: str, references: tuple[Symbol, ...] = (), config_name: str = "") -> Expected:
    """What a profile expects of its snapshots: contract, columns, and a manifest that says so.

    `references` are symbols its rule can not do without, the benchmarks of the book's
    parameters; `config_name` is the profile's name where nothing else is said. Raises
    what `profile` does, and SettingsError `profile_without_snapshot`.
    """
    canonical = profile(name).name
    if canonical not in _NUMBERS:
        raise SettingsError("profile_without_snapshot", profile=canonical)
    products = canonical == leveraged_pullback.FEED
    numbers = _NUMBERS[canonical]
    return Expected(
        profile=canonical,
        contract=f"{canonical}.feature_snapshot.v1",
        config_name=config_name or canonical,
        columns=(*(_PRODUCTS if products else _STOCKS), *numbers),
        numbers=numbers,
        references=references,
        # A company without a product keeps its rank with an empty symbol.
        nameless=products,
        aliases=ALIASES,
    )
