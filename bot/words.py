"""The one catalogue of words, and how a value is written in them."""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import MappingProxyType

from bot.domain.calendar import EXCHANGE

NO_VALUES: Mapping[str, object] = MappingProxyType({})
UNKNOWN = "?"
ALIAS_LENGTH = 4
LONGEST_VALUE = 200

_CATALOGUE = Path(__file__).with_name("words.toml")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_PLACE = re.compile(r"\{(\w+)(?::(\w+))?\}")
_KEPT_ERROR = re.compile(r"(?P<code>[a-z_]+)(?: \((?P<values>.*)\))?", re.DOTALL)
_KEPT_VALUE = re.compile(r"(\w+)=(.*?)(?=, \w+=|$)", re.DOTALL)
_CENT, _FINEST = Decimal("0.01"), Decimal("0.0001")


class Language(StrEnum):
    """In what a person is told."""

    EN = "en"
    ZH = "zh"


@dataclass(frozen=True, slots=True)
class Sentence:
    """A template in both languages; both name the same values."""

    en: str
    zh: str

    def text(self, language: Language) -> str:
        """The template of one language."""
        return self.zh if language is Language.ZH else self.en


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What codes mean, what to do about them, and the words between."""

    codes: Mapping[str, Sentence]
    remedies: Mapping[str, Sentence]
    phrases: Mapping[str, Sentence]


@cache
def catalogue() -> Catalogue:
    """The sentences of words.toml, read once."""
    tables = tomllib.loads(_CATALOGUE.read_text(encoding="utf-8"))
    codes = tables["codes"]
    return Catalogue(
        codes={code: Sentence(entry["en"], entry["zh"]) for code, entry in codes.items()},
        remedies={c: Sentence(**e["remedy"]) for c, e in codes.items() if "remedy" in e},
        phrases={name: Sentence(**entry) for name, entry in tables["phrases"].items()},
    )


def places(template: str) -> set[tuple[str, str]]:
    """The values a template names, each with the way it is written."""
    return set(_PLACE.findall(template))


class Words:
    """The catalogue in one language. It never fails: what it has no words for it spells out."""

    def __init__(self, language: Language, words: Catalogue | None = None) -> None:
        self.language = language
        self._words = words or catalogue()

    def say(self, code: str, values: Mapping[str, object] = NO_VALUES) -> str:
        """What a code says; a code without words says itself and its values."""
        return self._filled(self._words.codes, code, values)

    def phrase(self, name: str, values: Mapping[str, object] = NO_VALUES) -> str:
        """The words between, by their name."""
        return self._filled(self._words.phrases, name, values)

    def advises(self, code: str) -> bool:
        """Whether the catalogue says what to do about a code."""
        return code in self._words.remedies

    def remedy(self, code: str, values: Mapping[str, object] = NO_VALUES) -> str:
        """What to do about a code: the catalogue's advice, the error's own, or the general one."""
        if code in self._words.remedies:
            return self._filled(self._words.remedies, code, values)
        return str(values.get("remedy") or self.phrase("remedy_fallback"))

    def advice(self, reason: str) -> str:
        """What to do about a reason that is an error of ours as it was kept; empty otherwise."""
        code, values = kept(reason)
        return self.remedy(code, values) if self.advises(code) else ""

    def untold(self, code: str, values: Mapping[str, object]) -> Mapping[str, object]:
        """The values a code's sentence does not mention."""
        if code not in self._words.codes:
            return NO_VALUES
        told = {name for name, _ in places(self._words.codes[code].en)}
        return {name: value for name, value in values.items() if name not in {*told, "remedy"}}

    def _filled(
        self, sentences: Mapping[str, Sentence], name: str, values: Mapping[str, object]
    ) -> str:
        if name in sentences:
            return self._fill(sentences[name].text(self.language), values)
        return spelled(name, values)

    def _fill(self, template: str, values: Mapping[str, object]) -> str:
        there = {name: value for name, value in values.items() if value is not None and value != ""}

        def optional(part: re.Match[str]) -> str:
            names = [name for name, _ in places(part[1])]
            kept = part[1] if all(name in there for name in names) else ""
            return kept if names else part[0]

        def value(place: re.Match[str]) -> str:
            given = there.get(place[1], UNKNOWN)
            if place[1] == "reason" and isinstance(given, str):
                given = self._reason(given)
            return self.written(given, place[2] or "")

        return _PLACE.sub(value, _OPTIONAL.sub(optional, template))

    def _reason(self, text: str) -> str:
        """A reason that is an error of ours as it was kept, in words; any other as it is.

        Whatever gives a reason has named its symbol; where it may, the reason does not.
        """
        code, values = kept(text)
        if code not in self._words.codes:
            return text
        needed = {name for name, _ in places(_OPTIONAL.sub("", self._words.codes[code].en))}
        values = {name: v for name, v in values.items() if name in needed or name != "symbol"}
        return f"{self.say(code, values)}{spelled('', self.untold(code, values))}"

    def written(self, value: object, way: str = "") -> str:
        """A value as people read it; one that can not be written in this way stays as it is."""
        try:
            match way:
                case "day":
                    return self._day(value)
                case "clock":
                    return self.phrase("clock", {"time": f"{_at(value):%H:%M}"})
                case "":
                    return plain(value)
                case _:
                    return _number(Decimal(str(value)), way)
        except (InvalidOperation, ValueError, TypeError):
            return alias(str(value)) if way == "account" else plain(value)

    def _day(self, value: object) -> str:
        day = value if isinstance(value, date) else datetime.fromisoformat(str(value))
        day = _at(day).date() if isinstance(day, datetime) else day
        return f"{self.phrase('weekdays').split()[day.weekday()]} {day.isoformat()}"


def spelled(name: str, values: Mapping[str, object]) -> str:
    """A code in place of its words: itself and its values."""
    told = ", ".join(f"{key}={plain(value)}" for key, value in values.items())
    return f"{name} ({told})" if told else name


def kept(reason: str) -> tuple[str, Mapping[str, object]]:
    """The code and the values of an error as its text kept them; no code where it is none."""
    error = _KEPT_ERROR.fullmatch(reason)
    if error is None:
        return "", NO_VALUES
    return error["code"], dict(_KEPT_VALUE.findall(error["values"] or ""))


def alias(account: str) -> str:
    """The last four characters of an account id: enough to tell one's own accounts apart.

    A name without a digit was given by its owner, not by a broker, and stays whole.
    """
    secret = len(account) > ALIAS_LENGTH and any(map(str.isdigit, account))
    return f"…{account[-ALIAS_LENGTH:]}" if secret else account


def plain(value: object) -> str:
    """A value without a prescribed way of writing, in one line."""
    match value:
        case Decimal():
            text = f"{value.normalize():f}"
        case float():
            text = f"{value:.6g}"
        case datetime():
            text = f"{_at(value):%Y-%m-%d %H:%M}"
        case timedelta():
            text = f"{value.total_seconds():.0f}"
        case Mapping():
            text = ", ".join(f"{key} {plain(held)}" for key, held in value.items())
        case Collection() if not isinstance(value, str):
            text = ", ".join(plain(part) for part in value)
        case _:
            text = " ".join(str(value).split())
    return text[:LONGEST_VALUE]


def _at(value: object) -> datetime:
    """A moment in New York; a table's midnight without a zone is a day and stays where it is."""
    at = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return at.astimezone(EXCHANGE) if at.tzinfo else at


def _number(value: Decimal, way: str) -> str:
    match way:
        case "money":
            return f"{value:,.2f}"
        case "price":
            exact = value.quantize(_FINEST).normalize()
            return f"{max(exact, exact.quantize(_CENT), key=_decimals):,f}"
        case "percent":
            return f"{value * 100:.1f} %"
        case "points":
            return f"{value * 100:+.1f}"
        case "shares":
            return f"{value.normalize():,f}"
        case _:
            raise ValueError(way)


def _decimals(value: Decimal) -> int:
    return -int(value.as_tuple().exponent)
