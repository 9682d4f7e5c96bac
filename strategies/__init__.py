"""The profiles: canonical names, what each is, and the names nobody may use any more."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from bot.domain.errors import SettingsError
from bot.domain.model import Symbol
from bot.domain.strategy import Strategy
from strategies.global_etf_rotation import GlobalEtfRotation
from strategies.parameters import fitted


@dataclass(frozen=True, slots=True)
class Profile:
    """A strategy as a person selects it.

    `benchmark` is what its returns are compared with. Below `minimum_equity` in
    USD whole shares may not follow the weights; that is advice, never a change of
    the targets. `source` says where the rule comes from.
    """

    name: str
    strategy: type[Strategy]
    cadence: str
    benchmark: Symbol
    minimum_equity: Decimal
    role: str
    about: str
    source: str


_ALL = (
    Profile(
        name="global_etf_rotation",
        strategy=GlobalEtfRotation,
        cadence="quarterly + daily canary",
        benchmark="VOO",
        minimum_equity=Decimal(3000),
        role="defensive_rotation",
        about="Holds the two strongest of 22 global ETFs each quarter, and T-bills in emergencies.",
        source="QuantStrategyLab/UsEquityStrategies, after Keller and Keuning (2017)",
    ),
)

PROFILES: Mapping[str, Profile] = MappingProxyType({profile.name: profile for profile in _ALL})

ALIASES: Mapping[str, str] = MappingProxyType({"global_macro_etf_rotation": "global_etf_rotation"})

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
