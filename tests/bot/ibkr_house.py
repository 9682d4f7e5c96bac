"""A user's folder with a book at a simulated gateway of Interactive Brokers in another process."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd

from adapters.sims import tws_remote
from adapters.sims.tws_codes import Request
from adapters.sims.tws_faults import Fault, FaultKind
from adapters.sims.tws_market import Bar, Quote
from adapters.sims.tws_record import Kind
from bot.domain.model import Symbol
from tests.bot.broker_houses import (
    BARS,
    CASH,
    DAY,
    PATIENCE,
    SHARES,
    Export,
    RealHouse,
    prices_of,
    span,
)
from tests.bot.scratch import closes

NUMBER = "U1234567"
ORDERED = ("BOXX", "TQQQ", "QQQ")  # as the day sends them
# What is not answered costs a drill so many seconds.
ANSWERS_WITHIN = 2


@dataclass
class IbkrHouse(RealHouse):
    """At a gateway, with its own history."""

    unreached = "reference: main/ibkr_gateway_down"

    sim: tws_remote.Started = field(kw_only=True)
    _asked: list[str] = field(default_factory=list)
    _read: int = 0

    @property
    def control(self) -> tws_remote.RemoteControl:
        return self.sim.control

    def open_on(self, day: date) -> None:
        self.control.travel(span(day)[0])
        past = closes().set_index("date").loc[: f"{day - timedelta(days=1)}"].tail(BARS)
        for symbol, price in prices_of(day).items():
            self.control.price(symbol, price)
            self.control.history(symbol, tuple(_bar(d, p) for d, p in past[symbol].items()))
            self.control.quote(symbol, Quote(price, price, price, price))

    def booked(self) -> Counter[tuple[Symbol, str]]:
        shares: Counter[tuple[Symbol, str]] = Counter()
        for order in self.control.orders():
            rest = order.shares - order.filled if order.works else 0
            shares[order.symbol, order.action.lower()] += int(order.filled + rest)
        return shares

    def asked(self) -> int:
        for entry in self.control.record(self._read):
            self._read = entry.number
            if entry.kind is Kind.ASKED:
                self._asked.append(entry.what)
        return self._asked.count(Request.PLACE_ORDER)

    def hang(self, spared: int, *, heard: bool) -> None:
        kind = FaultKind.UNANSWERED if heard else FaultKind.IGNORE
        self.control.fail(Fault(kind, symbol=ORDERED[spared]))

    def settle(self) -> None:
        self.control.settle()

    def now(self) -> datetime:
        return self.control.record()[-1].at

    def cut(self) -> None:
        self.control.close()

    def restore(self) -> None:
        self.control.open()


@contextmanager
def at_ibkr(folder: Path, _: Export, more: str = "") -> Iterator[IbkrHouse]:
    """An account at a gateway shortly before the wake of the day; a gateway asks for no secret."""
    options = ("--account", NUMBER, "--cash", str(CASH), "--proceeds", "same_day", "--no-rates")
    with tws_remote.started(*options, patience=PATIENCE) as sim:
        entry = f"""kind = "ibkr"
host = "{sim.host}"
port = {sim.port}
proceeds = "same_day"
answer_seconds = {ANSWERS_WITHIN}
{more}
"""
        house = IbkrHouse(folder, "ibkr", entry, sim.control._url, NUMBER, sim=sim)
        house.open_on(DAY)
        for symbol, shares in SHARES.items():
            house.control.hold(symbol, Decimal(shares), Decimal(90))
        house.write()
        yield house


def _bar(day: object, price: float) -> Bar:
    value = Decimal(repr(float(price)))
    return Bar(pd.Timestamp(str(day)).date(), value, value, value, value)
