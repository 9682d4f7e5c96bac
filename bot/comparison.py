"""Profiles side by side: each with the same money over the same sessions."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pandas as pd

from bot.domain.errors import SettingsError
from bot.domain.model import Note
from bot.profiles import phrase_of
from bot.trial import Scorecard, Trial, Wish, attempt, first_session, staged
from bot.words import Words
from config.settings import Settings
from strategies import profile, strategy

FEWEST = 2


@dataclass(frozen=True, slots=True)
class Standings:
    """How profiles fared over the same sessions, in the order they were named in.

    `decider` is the profile that can not begin before `first` where another could,
    None where all begin there.
    """

    first: date
    last: date
    decider: str | None
    scorecards: tuple[Scorecard, ...]

    @property
    def notes(self) -> list[Note]:
        """The notes of all, each once, with the profile where it is not about a symbol."""
        named = [
            note if note.symbol else replace(note, symbol=card.profile)
            for card in self.scorecards
            for note in card.notes
        ]
        return [note for place, note in enumerate(named) if note not in named[:place]]


def headed(standings: Standings, words: Words) -> str:
    """Over which sessions they are compared, who decides that, and how orders fill."""
    card = standings.scorecards[0]
    span = {"first": standings.first, "last": standings.last, "sessions": card.sessions}
    said = [words.phrase("standings_span", {**span, "cash": card.performance.start})]
    if standings.decider is not None:
        decided = {"profile": standings.decider, "first": standings.first}
        said.append(words.phrase("standings_decider", decided))
    said.append(words.phrase(phrase_of("fill", card.fill)))
    return "\n".join(said)


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Standings and the trials behind them."""

    standings: Standings
    trials: tuple[Trial, ...]

    def profiles(self) -> dict[str, pd.Series]:
        """The equity of each profile by its name."""
        return {trial.scorecard.profile: trial.equity for trial in self.trials}

    def benchmarks(self) -> dict[str, pd.Series]:
        """The equity of each benchmark, bought and held, by its symbol."""
        return {trial.scorecard.benchmark: trial.benchmark for trial in self.trials}


def compare(
    names: Sequence[str], wish: Wish, settings: Settings, watch: Callable[[int, int], None]
) -> Comparison:
    """Play several profiles over the same sessions: who begins last decides when all begin.

    `wish` says everything but the profile. Raises SettingsError `too_few_profiles`,
    and what a trial raises.
    """
    told = [*dict.fromkeys(profile(name).name for name in names)]
    if len(told) < FEWEST:
        raise SettingsError("too_few_profiles", names=", ".join(told))
    wishes = [replace(wish, profile=name, feeds=feeds) for name, feeds in _fed(told, wish)]
    stages = [staged(each, settings) for each in wishes]
    firsts = [first_session(*pair) for pair in zip(wishes, stages, strict=True)]
    last = min(stage.past.closes.index[-1].date() for stage in stages)
    first = max(firsts)
    trials = tuple(
        attempt(replace(each, first=first, last=last), settings, watch) for each in wishes
    )
    decider = told[firsts.index(first)] if min(firsts) < first else None
    cards = tuple(trial.scorecard for trial in trials)
    return Comparison(Standings(first, last, decider, cards), trials)


def _fed(names: Sequence[str], wish: Wish) -> Iterator[tuple[str, Mapping[str, Path]]]:
    """Each profile with the feeds it reads. Raises SettingsError `feed_unread` for another."""
    reads = {name: {need.name for need in strategy(name, {}).needs.feeds} for name in names}
    for feed in wish.feeds:
        if not any(feed in read for read in reads.values()):
            known = ", ".join(sorted(set().union(*reads.values()))) or "–"
            raise SettingsError("feed_unread", feed=feed, profile=", ".join(names), reads=known)
    for name, read in reads.items():
        yield name, {feed: path for feed, path in wish.feeds.items() if feed in read}
