"""What a connection is asked at once is answered to each who asked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

import pytest

from adapters.ibkr_session import Session
from adapters.ibkr_values import Ticket
from adapters.sims.tws_codes import Request
from adapters.sims.tws_faults import Fault, FaultKind
from adapters.sims.tws_record import Kind
from bot.domain.errors import BrokerUnavailable
from tests.adapters.ibkr_world import a_gateway
from tests.adapters.sims.tws_clients import ACCOUNT, a_sim, an_account, eventually, holding

TIMES = 5


@asynccontextmanager
async def a_session(*accounts) -> AsyncIterator:
    async with a_sim(*accounts, rates=False) as sim:
        session = Session(a_gateway(sim))
        await session.open()
        try:
            yield sim, session
        finally:
            session.wire.close()
            await asyncio.sleep(0)


async def test_statements_of_several_accounts_are_each_of_its_own():
    accounts = [an_account(1000 * n, name=f"DU{n}") for n in range(1, TIMES)]

    async with a_session(*accounts) as (_, session):
        told = await asyncio.gather(*(session.statement(a.name) for a in accounts))

    assert [s.account for s in told] == [a.name for a in accounts]
    cash = [s.values["TotalCashBalance", "USD"] for s in told]
    assert cash == ["1000.00", "2000.00", "3000.00", "4000.00"]


async def test_lists_keyed_by_their_name_are_asked_for_in_turns():
    async with a_session(an_account(holdings={"VOO": holding(5)})) as (_, session):
        asking = (session.positions, session.lists, session.time)
        told = await asyncio.gather(*(ask() for ask in asking * TIMES))

    assert [[p.shares for p in held] for held in told[::3]] == [[5]] * TIMES


async def test_an_answer_nobody_waits_for_any_more_is_not_taken_for_the_next():
    async with a_session() as (sim, session):
        sim.control.fail(Fault(FaultKind.IGNORE, Request.POSITIONS))

        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.positions()

        with pytest.raises(BrokerUnavailable, match="ibkr_line_lost"):
            await session.positions()


async def test_quotes_of_one_symbol_asked_for_at_once_are_whole_and_given_back():
    async with a_session() as (sim, session):
        told = await asyncio.gather(*(session.tape.ticks(["VOO"]) for _ in range(TIMES)))
        await session.time()

        asked = [e.what for e in sim.control.record() if e.kind is Kind.ASKED]
        assert all(ticks["VOO"].whole for ticks in told)
        assert asked.count(Request.CANCEL_MARKET_DATA) == TIMES


async def test_a_commission_that_comes_after_its_list_is_waited_for():
    async with a_session() as (sim, session):
        await session.tape.ticks(["VOO"])
        sim.control.fail(Fault(FaultKind.LATE_COMMISSION))
        placed = await session.place("VOO", Ticket(ACCOUNT, "ref", "BUY", 10, Decimal(510)))

        lists = await session.lists()

    assert [done.commission for done in placed.executed] == [0]
    assert [done.commission for done in lists.executed] == [Decimal("0.35")]


async def test_what_is_closed_is_gone_from_the_gateway_though_it_reads_nothing():
    async with a_session() as (sim, session):
        sim.control.silence()
        session.wire.close()
        sim.control.speak()

        await eventually(lambda: sim.control.clients() == ())
