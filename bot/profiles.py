"""What a person may know of a profile before it is given money."""

import re
from dataclasses import dataclass
from decimal import Decimal

from bot.domain.model import Symbol
from bot.domain.strategy import Needs
from bot.words import Words
from strategies import ALIASES, PROFILES, Profile, profile
from strategies.parameters import Parameter, parameters_of

_NO_NAME = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Explained:
    """A parameter of a profile with a sentence about it in the reader's language.

    `kind` says what its values are: number, integer, switch, symbol, symbols,
    integers or choice. `low` and `high` are bounds it may reach, None where there
    is none; `choices` are all its values where these are few.
    """

    name: str
    kind: str
    default: object
    low: float | None
    high: float | None
    choices: tuple[str, ...]
    about: str


@dataclass(frozen=True, slots=True)
class Prospectus:
    """A profile with everything it needs and may be told.

    `about`, the sentences on parameters and what was `measured` of the source's
    claims, empty where nobody claims anything, are in the reader's language;
    `cadence`, `role` and the kinds of parameters are words for programs, whose
    phrases `phrase_of` names. `needs` are those of the default parameters.
    """

    name: str
    aliases: tuple[str, ...]
    about: str
    cadence: str
    role: str
    benchmark: Symbol
    minimum_equity: Decimal
    needs: Needs
    parameters: tuple[Explained, ...]
    source: str
    measured: str = ""


def prospectuses(words: Words) -> list[Prospectus]:
    """All profiles there are."""
    return [prospectus(name, words) for name in PROFILES]


def prospectus(name: str, words: Words) -> Prospectus:
    """The profile of a name or alias; raises what `strategies.profile` raises."""
    chosen = profile(name)
    return Prospectus(
        name=chosen.name,
        aliases=tuple(alias for alias, meant in ALIASES.items() if meant == chosen.name),
        about=about(chosen, words),
        cadence=chosen.cadence,
        role=chosen.role,
        benchmark=chosen.benchmark,
        minimum_equity=chosen.minimum_equity,
        needs=chosen.strategy().needs,
        parameters=tuple(_explained(each, words) for each in parameters_of(chosen.strategy)),
        source=chosen.source,
        measured=words.phrase(phrase_of("measured", chosen.name)) if chosen.measured else "",
    )


def about(chosen: Profile, words: Words) -> str:
    """What a profile does, in one sentence."""
    return words.phrase(phrase_of("profile", chosen.name))


def phrase_of(family: str, member: str) -> str:
    """The name of the phrase about a word of `strategies`: a profile, parameter, cadence, …."""
    return f"{family}_{_NO_NAME.sub('_', member.lower())}"


def _explained(parameter: Parameter, words: Words) -> Explained:
    return Explained(
        name=parameter.name,
        kind=parameter.kind,
        default=parameter.default,
        low=parameter.low,
        high=parameter.high,
        choices=parameter.choices,
        about=words.phrase(phrase_of("parameter", parameter.name)),
    )
