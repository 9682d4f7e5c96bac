"""The book of two sells and three buys on an account at a simulated Schwab, and its lives there."""

import asyncio
import sys
from asyncio import CancelledError
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from adapters.schwab import Pace, Schwab
from adapters.sims.schwab_accounts import Account, AccountKind, Position
from adapters.sims.schwab_faults import Operation
from adapters.sims.schwab_orders import Instruction, Order
from adapters.sims.schwab_remote import RemoteControl
from adapters.sims.schwab_tokens import App
from adapters.sims.schwab_world import OTHER, Setup
from bot.domain.memory import Outcome
from bot.domain.model import Action
from bot.ledger import SqlLedger
from bot.ports import Desk
from tests.adapters.schwab_world import NUMBER, SharedClock, a_quote, an_access, log_in
from tests.bot.five_symbols import (
    BOOK,
    CALENDAR,
    HELD,
    MORNING,
    OPENING,
    ORDERED,
    PRICES,
    RESTART,
    RUN,
    RUN_NEXT,
    a_desk,
    a_ledger_file,
    life,
)
from tests.fakes import Died, Fuse, Phone

# Waits are by the clock that jumps; only an answer that does not come takes real time.
PACE = Pace(answer=0.5, tries=2, poll=10)
ACCOUNT = Account(
    NUMBER,
    AccountKind.MARGIN,
    OPENING.cash,
    positions=tuple(Position(symbol, n, Decimal(1)) for symbol, n in OPENING.shares.items()),
)
QUOTES = tuple(a_quote(symbol, str(price)) for symbol, price in PRICES.items())
SETUP = Setup(accounts=(OTHER, ACCOUNT), quotes=QUOTES, at=MORNING, running=False)
ACTIONS = {Action.BUY: Instruction.BUY, Action.SELL: Instruction.SELL}


class MortalClock(SharedClock):
    """A clock whose leaps the world outside does not hear of any more, once its process is dead."""

    def __init__(self, start: datetime, control: RemoteControl, fuse: Fuse) -> None:
        super().__init__(start, control)
        self._fuse = fuse

    def jump(self, to: datetime) -> None:
        if not self._fuse.dead:
            super().jump(to)


class Lodging:
    """A ledger file, a token file and a phone: what outlives a process that trades at Schwab."""

    def __init__(self, folder: Path, proxy_url: str, ca_file: Path, control: RemoteControl) -> None:
        self.folder, self.control = folder, control
        self.path = folder / "ledger.sqlite"
        self.phone = Phone()
        self.access = an_access(folder, proxy_url, ca_file, App(), PACE)
        if not self.path.exists():
            self.path.write_bytes(a_ledger_file())
            log_in(self.access.token_file, control, MORNING)

    async def live(
        self,
        fuse: Fuse | None = None,
        at: datetime = MORNING,
        build: Callable[[Desk], Desk] = lambda desk: desk,
    ) -> None:
        """One process from its start until its fuse burns or nothing more comes.

        `build` is another build of the house than ours.
        """
        fuse = fuse or Fuse()
        clock = MortalClock(max(at, self.control.now() + RESTART), self.control, fuse)
        line = Schwab(self.access, CALENDAR, clock)
        with closing(SqlLedger.open(self.path)) as ledger:
            desk = build(a_desk(line.account(NUMBER), ledger, clock))
            try:
                await life(fuse.wire(desk), self.phone, replace(BOOK, account=NUMBER))
            except* (Died, CancelledError):
                assert fuse.dead  # nobody dies of himself
            finally:
                await line.close()

    @property
    def booked(self) -> list[Order]:
        """The verdict: every order Schwab ever booked in the account."""
        return self.control.orders(NUMBER)

    @property
    def asked(self) -> int:
        """How many orders were ever sent, heard or not."""
        return len(self.control.calls(Operation.PLACE))

    def outcomes(self) -> tuple[Outcome | None, Outcome | None]:
        with closing(SqlLedger.open(self.path, read_only=True)) as ledger:
            return ledger.outcome(RUN), ledger.outcome(RUN_NEXT)


def traded(booked: Sequence[Order]) -> Counter[tuple[str, str]]:
    """Shares that traded or still may, by symbol and what was done."""
    shares: Counter[tuple[str, str]] = Counter()
    for order in booked:
        open_shares = 0 if order.final else order.rest
        shares[order.ticket.symbol, order.ticket.instruction] += int(order.filled + open_shares)
    return shares


WANTED = Counter({(symbol, ACTIONS[action]): n for (symbol, action), n in ORDERED.items()})


def assert_nothing_twice(lodging: Lodging) -> None:
    """In no symbol more than was wanted, and nothing left open."""
    assert traded(lodging.booked) <= WANTED


def assert_ended_well(lodging: Lodging) -> None:
    """Nothing twice, all that was wanted, and no question left."""
    assert traded(lodging.booked) == WANTED
    assert {p.symbol: p.shares for p in lodging.control.account().positions} == HELD
    with closing(SqlLedger.open(lodging.path, read_only=True)) as ledger:
        told = [s for run in (RUN, RUN_NEXT) for s in ledger.standings(run) if s.filled]
        assert sum(s.filled for s in told) == sum(WANTED.values())
        assert ledger.questions("main") == ()


def main(folder: str, proxy_url: str, ca_file: str, control_url: str) -> None:
    """One life in a process of its own, for a parent that ends it."""
    lodging = Lodging(Path(folder), proxy_url, Path(ca_file), RemoteControl(control_url))
    lodging.access = replace(lodging.access, pace=replace(PACE, answer=30.0))
    asyncio.run(lodging.live())


if __name__ == "__main__":
    main(*sys.argv[1:])
