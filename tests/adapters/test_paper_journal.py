import asyncio
import json
import resource
import tempfile
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.journal import Journal
from adapters.paper import ENTRIES
from bot.domain.account import Opening
from bot.domain.blotter import Booked, Filled, Opened
from bot.domain.errors import LedgerError, OrderRefused
from bot.domain.fills import FillAtMost, FillRules
from bot.domain.model import Action, OrderIntent, OrderStatus
from tests.adapters.worlds import FIRST, PaperWorld
from tests.builders import a_run, an_intent


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state" / "paper.jsonl"


async def test_an_account_nobody_traded_leaves_no_file(path):
    world = PaperWorld(path)

    await world.broker.portfolio()

    assert not path.exists()


async def test_the_journal_wins_over_another_opening(path):
    world = PaperWorld(path, cash=1000)
    await world.broker.submit(an_intent("VOO", Action.BUY, 1, 101))

    richer = PaperWorld(path, cash=5000, BIL=7)

    assert (await richer.broker.portfolio()).cash == 900


async def test_the_journal_of_another_account_is_refused(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO"))
    world.opening = replace(world.opening, account="OTHER")

    with pytest.raises(LedgerError, match=r"journal_of_another_account.*found=PAPER"):
        world.restarted()


@pytest.mark.parametrize(
    ("line", "damaged"),
    [
        (1, '{"kind":"booked"}'),
        (2, ""),
        (2, "{"),
        (2, '{"kind":"filled","number":"paper-9","shares":1}'),
        (3, '{"kind":"opened"}'),
        (3, '{"kind":"gift"}'),
    ],
)
async def test_damage_before_the_end_names_file_and_line(path, line, damaged):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO", Action.BUY, 1, 101))
    lines = path.read_text().splitlines()
    lines[line - 1] = damaged
    path.write_text("\n".join(lines) + "\n")

    with pytest.raises(LedgerError, match=rf"journal_damaged.*paper.jsonl.*line={line}, remedy="):
        world.restarted()


async def test_a_journal_begins_with_its_opening(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO", Action.BUY, 1, 101))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[1:]))

    with pytest.raises(LedgerError, match="line=1"):
        world.restarted()


async def test_a_line_told_twice_is_damage(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO", Action.BUY, 1, 101))
    filled = path.read_text().splitlines()[-1]
    path.write_text(path.read_text() + filled + "\n")

    with pytest.raises(LedgerError, match="line=4"):
        world.restarted()


async def test_what_another_process_booked_is_seen(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO"))
    await world.restarted().submit(an_intent("VOO", attempt=2))

    await world.broker.submit(an_intent("VOO", attempt=3))

    assert len(await world.broker.orders_today()) == 3
    assert await standing(world.restarted()) == await standing(world.broker)


async def test_of_two_writers_at_the_same_time_one_is_stopped(path):
    world = PaperWorld(path)
    first, second = an_intent("VOO"), an_intent("VOO", attempt=2)

    booked, stopped = await asyncio.gather(
        world.broker.submit(first), world.restarted().submit(second), return_exceptions=True
    )

    assert booked.client_id == first.id
    assert stopped.code == "journal_changed"
    assert await world.restarted().orders_today() == [booked]


@pytest.mark.parametrize("left", [0, 1], ids=["gone", "cut short"])
async def test_a_journal_that_lost_lines_is_no_new_account(path, left):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO"))
    kept = path.read_text().splitlines(keepends=True)[:left]
    path.unlink()
    if kept:
        path.write_text("".join(kept))

    with pytest.raises(LedgerError, match="journal_changed"):
        await world.broker.portfolio()


async def test_a_torn_line_is_cut_off_by_the_next_entry_only(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO"))
    torn = path.read_bytes() + b'{"kind":"boo' + b"0" * 5000
    path.write_bytes(torn)

    broker = world.restarted()
    await broker.portfolio()
    read = path.read_bytes()
    await broker.submit(an_intent("VOO", attempt=2))

    assert read == torn
    assert path.read_bytes().endswith(b"}\n")
    assert len(await world.restarted().orders_today()) == 2


@contextmanager
def disk_full_at(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("lines", [0.0, 0.1, 1.1])
async def test_entries_that_did_not_fit_on_the_disk_have_not_happened(path, lines):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO"))
    before, journal = await standing(world.broker), path.read_bytes()
    room = int(lines * len(journal.splitlines()[1]))

    with disk_full_at(len(journal) + room), pytest.raises(OSError, match="File too large"):
        await world.broker.submit(an_intent("VOO", attempt=2))

    assert path.read_bytes() == journal
    assert await standing(world.broker) == before == await standing(world.restarted())


async def test_after_a_full_disk_the_next_order_is_booked_as_ever(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO"))
    with disk_full_at(path.stat().st_size + 10), pytest.raises(OSError, match="File too large"):
        await world.broker.submit(an_intent("VOO", attempt=2))

    await world.broker.submit(an_intent("VOO", attempt=3))

    assert await standing(world.restarted()) == await standing(world.broker)
    assert len(await world.broker.orders_today()) == 2


async def test_every_line_is_one_json_object_and_money_is_exact(path):
    world = PaperWorld(path, FillRules(commission_per_share=Decimal("0.0035")))
    await world.broker.submit(an_intent("VOO", Action.BUY, 3, "100.10"))

    opened, booked, filled = map(json.loads, path.read_text().splitlines())

    assert (opened["kind"], opened["opening"]["cash"]) == ("opened", "1000")
    assert (booked["kind"], booked["limit"]) == ("booked", "100.10")
    assert (filled["kind"], filled["commission"]) == ("filled", "0.0105")


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["VOO", "BIL"]),
        st.sampled_from([Action.BUY, Action.SELL]),
        st.integers(1, 6),
        st.sampled_from([None, 40, 60, 90, 110]),
        st.sampled_from(["stay", "cancel", "move", "tomorrow"]),
    ),
    min_size=1,
    max_size=8,
)


async def play(world, steps):
    for number, (symbol, action, shares, limit, then) in enumerate(steps):
        run = a_run(day=world.clock.now().date())
        price = None if limit is None else Decimal(limit)
        order = OrderIntent(run, symbol, action, shares, price, attempt=number)
        try:
            await world.broker.submit(order)
        except OrderRefused:
            continue
        if then == "cancel":
            await world.broker.cancel(order)
        if then == "move":
            world.quote("VOO", 85 + number * 5)
        if then == "tomorrow":
            world.tomorrow()


async def standing(broker):
    return await broker.portfolio(), await broker.orders_today()


def in_a_new_place(test):
    with tempfile.TemporaryDirectory() as folder:
        rules = FillRules(Decimal("0.001"), Decimal("0.35"), drills={"BIL": FillAtMost(3)})
        asyncio.run(test(PaperWorld(Path(folder) / "paper.jsonl", rules, VOO=4)))


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_a_restart_finds_the_same_account_and_orders(steps):
    async def restart(world):
        await play(world, steps)

        before = await standing(world.broker)
        assert await standing(world.restarted()) == before

    in_a_new_place(restart)


@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_cash_moves_by_the_reported_fills_and_is_never_borrowed(steps):
    async def balance(world):
        today = [(*step[:4], "stay") for step in steps]
        await play(world, today)

        portfolio, orders = await standing(world.broker)

        moved = sum(order.proceeds for order in orders)
        assert portfolio.cash == 1000 + round(moved, 10)
        assert 0 <= portfolio.spendable <= portfolio.cash

    in_a_new_place(balance)


async def test_cut_at_every_byte_of_its_last_line_a_journal_tells_the_state_before(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("BIL", Action.BUY, 2, 51))
    order = an_intent("VOO", Action.BUY, 2, 99)
    await world.broker.submit(order)
    before, whole = await standing(world.broker), path.read_bytes()
    await world.broker.cancel(order)
    after = path.read_bytes()

    for length in range(len(whole), len(after)):
        path.write_bytes(after[:length])
        assert await standing(world.restarted()) == before


async def test_an_order_whose_fill_was_torn_fills_after_the_restart(path):
    world = PaperWorld(path)
    await world.broker.submit(an_intent("VOO", Action.BUY, 2, 101))
    path.write_bytes(path.read_bytes()[:-5])

    [report] = await world.restarted().orders_today()
    assert report.status is OrderStatus.FILLED


def ten_years(path):
    entries = [Opened(Opening("PAPER", Decimal(10_000_000)), FIRST)]
    for number in range(3000):
        day = date(2016, 1, 4) + timedelta(days=number)
        at = datetime(day.year, day.month, day.day, 19, tzinfo=UTC)
        name, later = f"paper-{number + 1}", at + timedelta(hours=1)
        entries += [
            Booked(
                number=name,
                client_id=name,
                session=day,
                closes=later,
                settles=day + timedelta(days=1),
                symbol=f"S{number % 40}",
                action=Action.BUY if number // 40 % 2 == 0 else Action.SELL,
                shares=3,
                limit=Decimal(101),
                price=Decimal(0),
                at=at,
            ),
            Filled(name, 3, Decimal("100.25"), Decimal("0.35"), at),
        ]
    Journal(path, ENTRIES).append(entries)


async def test_ten_years_of_orders_are_read_in_well_under_a_second(path):
    ten_years(path)
    world = PaperWorld(path)

    began = time.process_time()
    broker = world.restarted()
    took = time.process_time() - began

    assert took < 0.8
    assert (await broker.portfolio()).cash == 10_000_000 - 40 * 3 * Decimal("100.25") - 1050


async def test_a_call_costs_what_today_costs_and_not_the_years(path):
    ten_years(path)
    world = PaperWorld(path)

    assert len(world.broker._blotter._orders) == 1
