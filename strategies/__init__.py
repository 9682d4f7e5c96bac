"""The profiles: canonical names, what each is, and the names nobody may use any more."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from bot.domain.errors import SettingsError
from bot.domain.model import Symbol
from bot.domain.strategy import Strategy
from strategies.fuguo_etf_rotation import FuguoEtfRotation
from strategies.global_etf_rotation import GlobalEtfRotation
from strategies.iwm_small_cap_rotation import IwmSmallCapRotation
from strategies.leveraged_pullback import LeveragedPullback
from strategies.mega_cap_leaders import AggressiveLeaders, BalancedLeaders, MegaCapLeaders
from strategies.multi_factor_defensive import MultiFactorDefensive
from strategies.parameters import clamped, fitted
from strategies.pattern_etf_rotation import PatternEtfRotation
from strategies.pullback_enhancement import PullbackEnhancement
from strategies.qqq_iwm_rotation import QqqIwmRotation
from strategies.soxl_soxx_trend_income import SoxlSoxxTrendIncome
from strategies.tqqq_growth_income import TqqqGrowthIncome


@dataclass(frozen=True, slots=True)
class Profile:
    """A strategy as a person selects it.

    `benchmark` is what its returns are compared with. Below `minimum_equity` in
    USD whole shares may not follow the weights; that is advice, never a change of
    the targets. `source` says where the rule comes from. What is `measured` has words on
    what its source claims and what we found.
    """

    name: str
    strategy: type[Strategy]
    cadence: str
    benchmark: Symbol
    minimum_equity: Decimal
    role: str
    source: str
    measured: bool = False


_SNAPSHOTS = "QuantStrategyLab/UsEquityStrategies and UsEquitySnapshotPipelines"
_DESCRIBED = "published description, no code"

_ALL = (
    Profile(
        name="global_etf_rotation",
        strategy=GlobalEtfRotation,
        cadence="quarterly + daily canary",
        benchmark="VOO",
        minimum_equity=Decimal(3000),
        role="defensive_rotation",
        source="QuantStrategyLab/UsEquityStrategies, after Keller and Keuning (2017)",
    ),
    Profile(
        name="tqqq_growth_income",
        strategy=TqqqGrowthIncome,
        cadence="daily",
        benchmark="QQQ",
        minimum_equity=Decimal(500),
        role="offensive_dual_drive",
        source="QuantStrategyLab/UsEquityStrategies",
    ),
    Profile(
        name="soxl_soxx_trend_income",
        strategy=SoxlSoxxTrendIncome,
        cadence="daily",
        benchmark="SOXX",
        minimum_equity=Decimal(1000),
        role="sector_offensive_income",
        source="QuantStrategyLab/UsEquityStrategies",
    ),
    Profile(
        name="russell_1000_multi_factor_defensive",
        strategy=MultiFactorDefensive,
        cadence="monthly",
        benchmark="SPY",
        minimum_equity=Decimal(30_000),
        role="defensive_stocks",
        source=_SNAPSHOTS,
    ),
    Profile(
        name="tech_communication_pullback_enhancement",
        strategy=PullbackEnhancement,
        cadence="monthly",
        benchmark="QQQ",
        minimum_equity=Decimal(10_000),
        role="sector_stocks",
        source=_SNAPSHOTS,
    ),
    Profile(
        name="mega_cap_leader_rotation_dynamic_top20",
        strategy=MegaCapLeaders,
        cadence="monthly",
        benchmark="QQQ",
        minimum_equity=Decimal(10_000),
        role="leading_stocks",
        source=_SNAPSHOTS,
    ),
    Profile(
        name="mega_cap_leader_rotation_aggressive",
        strategy=AggressiveLeaders,
        cadence="monthly",
        benchmark="QQQ",
        minimum_equity=Decimal(10_000),
        role="offensive_leading_stocks",
        source=_SNAPSHOTS,
    ),
    Profile(
        name="mega_cap_leader_rotation_top50_balanced",
        strategy=BalancedLeaders,
        cadence="monthly",
        benchmark="QQQ",
        minimum_equity=Decimal(10_000),
        role="leading_stocks",
        source=_SNAPSHOTS,
    ),
    Profile(
        name="dynamic_mega_leveraged_pullback",
        strategy=LeveragedPullback,
        cadence="daily, monthly snapshot",
        benchmark="QQQ",
        minimum_equity=Decimal(10_000),
        role="leveraged_stocks",
        source=_SNAPSHOTS,
    ),
    Profile(
        name="fuguo_etf_rotation",
        strategy=FuguoEtfRotation,
        cadence="month end",
        benchmark="SPY",
        minimum_equity=Decimal(5000),
        role="factor_rotation",
        source="a description of six fundamental factors of an ETF's constituents",
    ),
    Profile(
        name="pattern_etf_rotation",
        strategy=PatternEtfRotation,
        cadence="every 21 sessions or daily",
        benchmark="SPY",
        minimum_equity=Decimal(3000),
        role="factor_rotation",
        source="a description of candlestick patterns of an ETF's constituents",
    ),
    Profile(
        name="qqq_iwm_rotation",
        strategy=QqqIwmRotation,
        cadence="daily",
        benchmark="QQQ",
        minimum_equity=Decimal(2000),
        role="strength_rotation",
        source=_DESCRIBED,
    ),
    Profile(
        name="iwm_small_cap_rotation",
        strategy=IwmSmallCapRotation,
        cadence="monthly + daily overlays",
        benchmark="SPY",
        minimum_equity=Decimal(2000),
        role="small_cap_rotation",
        source=_DESCRIBED,
        measured=True,
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in _ALL})

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "global_macro_etf_rotation": "global_etf_rotation",
        "r1000_multifactor_defensive": "russell_1000_multi_factor_defensive",
        "qqq_tech_enhancement": "tech_communication_pullback_enhancement",
    }
)

RETIRED = frozenset(
    {
        "hybrid_growth_income",
        "qqq_tqqq_growth_income",
        "semiconductor_rotation_income",
        "semiconductor_trend_income",
        "tech_pullback_cash_buffer",
        "cash_buffer_branch_default",
    }
)


def profile(name: str) -> Profile:
    """The profile of a name or alias; case and blanks around it do not matter.

    Raises SettingsError `blank_profile`, `retired_profile` or `unknown_profile`.
    """
    wanted = name.strip().lower()
    known = ", ".join(PROFILES)
    if not wanted:
        raise SettingsError("blank_profile", known=known)
    if wanted in RETIRED:
        raise SettingsError("retired_profile", name=wanted, known=known)
    canonical = ALIASES.get(wanted, wanted)
    if canonical not in PROFILES:
        raise SettingsError("unknown_profile", name=name, known=known)
    return PROFILES[canonical]


def strategy(name: str, params: Mapping[str, object]) -> Strategy:
    """The strategy of a profile with its parameters, those left out being the defaults.

    Raises what `profile` raises, and SettingsError `unknown_parameter` or
    `bad_parameter` naming the parameter and what it may be.
    """
    chosen = profile(name)
    return fitted(chosen.name, chosen.strategy, params)


def as_specified(name: str, params: Mapping[str, object]) -> Strategy:
    """The strategy of a profile as its first authors read parameters.

    Numbers beyond bounds that clamp become the bound instead of being refused;
    otherwise as `strategy`.
    """
    chosen = profile(name)
    return fitted(chosen.name, chosen.strategy, clamped(chosen.strategy, params))
