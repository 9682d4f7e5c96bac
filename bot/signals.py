"""A profile's latest decision as a signal for others: what it wants, from prices alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from bot import lines, profiles
from bot.domain.errors import Blocked
from bot.domain.model import Symbol
from bot.domain.strategy import Facts, Features, Hold, Rebalance
from bot.words import Language, Words
from strategies import Profile

# USD of equity, where a rule asks what an account can afford and there is none.
ENOUGH = 100_000.0


@dataclass(frozen=True, slots=True)
class Signal:
    """What a profile says of a session: shares of equity by symbol, and the numbers behind it.

    `methodology` is what the profile does, in English whoever asks: it is for programs.
    """

    profile: str
    signal: str
    updated: date
    reason: str
    allocation: Mapping[Symbol, float]
    indicators: Mapping[str, float]
    methodology: str

    def text(self, language: Language) -> str:
        """The signal in words, numbers and all."""
        words = Words(language)
        values = {
            "profile": self.profile,
            "session": self.updated,
            "reason": words.say(self.reason),
        }
        wanted = [
            words.phrase("signal_weight", {"symbol": symbol, "weight": weight})
            for symbol, weight in self.allocation.items()
        ]
        numbers = lines.numbers(self.indicators, self.allocation, words)
        rebalances = self.signal == "rebalance"
        heading = words.phrase("signal_rebalance" if rebalances else "signal_hold", values)
        return "\n".join([heading, *wanted, *numbers, words.phrase("no_advice")])


def signal_of(profile: Profile, facts: Facts, session: date) -> Signal:
    """Ask a profile with its default parameters, as a book that holds nothing.

    Raises Blocked `vital_history_stale` where a symbol it can not do without has
    no close of the session, and `vital_history_short` where too few lie before it.
    """
    strategy = profile.strategy()
    needs = strategy.needs
    for symbol in needs.vital:
        bars = facts.closes[symbol].iloc[-needs.sessions :].dropna()
        newest = bars.index[-1].date() if len(bars) else None
        if newest != session:
            raise Blocked("vital_history_stale", symbol=symbol, newest=newest, wanted=session)
        if len(bars) < needs.sessions:
            found = len(bars)
            raise Blocked("vital_history_short", symbol=symbol, bars=found, needed=needs.sessions)
    features = Features(strategy, facts)
    decision = features.decide(session, {}, ENOUGH if needs.feeds else None)
    return Signal(
        profile=profile.name,
        signal="hold" if isinstance(decision, Hold) else "rebalance",
        updated=session,
        reason=decision.reason,
        allocation=decision.targets if isinstance(decision, Rebalance) else {},
        indicators=features.numbers(session),
        methodology=profiles.about(profile, Words(Language.EN)),
    )
