"""Runs over markets, accounts and wishes nobody would believe, killed anywhere."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.errors import BellwetherError
from bot.domain.memory import Switch
from bot.domain.model import Action, OrderIntent, OrderReport, Proceeds, Quote, Symbol, TradingRules
from bot.run import run_session
from tests.bot.floor import PRICES, Floor
from tests.builders import a_quote
from tests.fakes import Died, FakeBroker, Fuse, TimedMarket, When

SYMBOLS = tuple(PRICES)
# A bad print on one side of a quote, as a part of the price.
PRINTS = tuple(map(Decimal, ("1.4", "0.7", "NaN", "0", "-1", "1e9")))
AGES = (timedelta(minutes=-1), timedelta(hours=-1))  # the first is believed until the buys
# An order that has passed the switch: nothing calls it back any more.
LEAVING = ("mark_sent", "submit")

hostile = settings(derandomize=True, max_examples=25, deadline=None, database=None)


class Witness(FakeBroker):
    """A broker at true prices that looks into the ledger whenever it is asked for an order."""

    def __init__(self, floor: Floor, true: TimedMarket) -> None:
        super().__init__(floor.broker.account, true, floor.clock)
        self.floor = floor

    async def submit(self, order: OrderIntent) -> OrderReport:
        meant = {s.intent.id: s for s in self.floor.ledger.standings(order.run)}
        assert meant[order.id].intent == order
        assert meant[order.id].sent_at is not None
        return await super().submit(order)


@st.composite
def bad_quotes(draw) -> Mapping[Symbol, Quote]:
    found = {}
    for symbol in draw(st.sets(st.sampled_from(SYMBOLS))):
        true = Decimal(repr(PRICES[symbol]))
        side = draw(st.sampled_from(["ask", "bid", "last"]))
        printed = {side: true * draw(st.sampled_from(PRINTS))}
        found[symbol] = replace(a_quote(symbol, true), **printed)
    return found


@st.composite
def floors(draw) -> Floor:
    """A book with cash and parts of shares, before a market of which anything may be wrong."""
    rules = TradingRules(
        proceeds=draw(st.sampled_from(list(Proceeds))),
        max_notional=draw(st.sampled_from([None, Decimal(900)])),
    )
    held = {s: draw(st.decimals(0, 60, places=1)) for s in draw(st.sets(st.sampled_from(SYMBOLS)))}
    wanted = {s: draw(st.sampled_from([0.25, 0.1, 0.0])) for s in SYMBOLS}
    cash = draw(st.decimals(5_000, 20_000, places=2))
    floor = Floor(wanted, cash, rules=rules, **{s: n for s, n in held.items() if n})
    floor.market.odd = {
        symbol: replace(quote, at=floor.clock.now() - draw(st.sampled_from(AGES)))
        for symbol, quote in draw(bad_quotes()).items()
    }
    true = TimedMarket(floor.market.closes, floor.desk.sessions, floor.clock)
    floor.broker = Witness(floor, true)
    floor.broker.resting = draw(st.sets(st.sampled_from(SYMBOLS), max_size=1))
    floor.broker.silent = draw(st.sets(st.sampled_from(SYMBOLS), max_size=1))
    floor.broker.lost = draw(st.sets(st.sampled_from(SYMBOLS), max_size=1))
    floor.desk = replace(floor.desk, broker=floor.broker)
    return floor


def lived(floor: Floor, fuse: Fuse) -> None:
    """One life of the run, up to its end, its refusal or its death."""
    with suppress(BellwetherError, Died):
        asyncio.run(run_session(floor.book, floor.session, fuse.wire(floor.desk)))


def assert_harmless(floor: Floor, before: FakeBroker) -> None:
    """Nothing twice, nothing borrowed, nothing sold that was not held, nothing at a wild price."""
    names = Counter(order.id for order in floor.broker.asked)
    assert max(names.values(), default=0) <= 1
    assert floor.broker.account.cash >= 0
    assert all(shares >= 0 for shares in floor.broker.account.shares.values())
    for order in floor.broker.asked:
        assert order.shares <= 10_000
        assert order.action in {Action.BUY, Action.SELL}
        if order.action is Action.SELL:
            assert order.shares <= before.account.held(order.symbol)
        elif order.limit is not None:
            assert order.limit <= Decimal(repr(PRICES[order.symbol])) * Decimal("1.3")


@hostile
@given(floors(), st.integers(1, 60), st.sampled_from(list(When)))
def test_no_world_and_no_death_makes_a_run_do_harm(floor: Floor, number: int, when: When):
    before = FakeBroker(floor.broker.account, floor.market, floor.clock)

    lived(floor, Fuse(lambda count, _: count == number, when))
    lived(floor, Fuse())
    lived(floor, Fuse())

    assert_harmless(floor, before)


@hostile
@given(floors(), st.integers(1, 60))
def test_a_halt_at_any_call_lets_no_further_order_out(floor: Floor, number: int):
    asked: list[int] = []

    def halts(count: int, call: str) -> bool:
        if count >= number and not asked and not call.startswith(LEAVING):
            floor.switch(Switch.HALTED)
            asked.append(len(floor.broker.asked))
        return False

    lived(floor, Fuse(halts))
    lived(floor, Fuse())

    assert not asked or len(floor.broker.asked) == asked[0]
