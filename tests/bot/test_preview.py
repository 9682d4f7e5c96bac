from dataclasses import replace
from datetime import date, timedelta

import pytest

from bot.domain.errors import Blocked
from bot.domain.memory import Outcome, RunReport, Switch
from bot.domain.model import Proceeds
from bot.preview import preview
from tests.bot.floor import MARGIN, Floor, noted
from tests.fakes import Wants

INTO_VOO = Wants({"VOO": 0.9}, others=("QQQ",))
BEFORE_COLUMBUS_DAY = date(2026, 10, 9)
BEFORE_GOOD_FRIDAY = date(2026, 4, 2)
SAME_DAY = replace(MARGIN, proceeds=Proceeds.SAME_DAY)
SETTLED = replace(MARGIN, proceeds=Proceeds.SETTLED)


async def previewed(floor: Floor) -> RunReport:
    return await preview(floor.book, replace(floor.desk, ledger=floor.ledger.copy()))


def meant(report: RunReport) -> dict[str, int]:
    return {standing.intent.symbol: standing.intent.shares for standing in report.orders}


async def test_a_preview_shows_both_sides_and_sends_nothing():
    floor = Floor(INTO_VOO, 0, QQQ=50)

    report = await previewed(floor)

    assert meant(report) == {"QQQ": 50, "VOO": 90}
    assert all(standing.sent_at is None for standing in report.orders)
    assert floor.broker.asked == []


async def test_a_preview_keeps_nothing():
    floor = Floor(INTO_VOO, 0, QQQ=50)

    await previewed(floor)

    assert floor.ledger.decision(floor.run_key()) is None
    assert floor.ledger.runs("main") == ()


async def test_a_preview_may_be_asked_for_in_the_morning():
    floor = Floor(INTO_VOO, 10_000)
    floor.clock.jump(floor.session.closes + timedelta(hours=18))

    report = await previewed(floor)

    assert report.run.session == floor.next_day()
    assert meant(report) == {"VOO": 90}


async def test_on_a_day_without_a_session_the_next_one_is_previewed():
    floor = Floor(INTO_VOO, 10_000, day=BEFORE_GOOD_FRIDAY)
    floor.clock.jump(floor.session.closes + timedelta(days=1))

    report = await previewed(floor)

    assert report.run.session == BEFORE_GOOD_FRIDAY + timedelta(days=4)


async def test_after_todays_decision_the_next_session_is_previewed():
    floor = Floor(INTO_VOO, 0, QQQ=50)
    await floor.run()

    report = await previewed(floor)

    assert (report.run.session, meant(report)) == (floor.next_day(), {})


async def test_a_session_that_is_not_due_is_held():
    floor = Floor(Wants({"VOO": 0.9}, ()), 10_000)

    report = await previewed(floor)

    assert (report.outcome, report.orders) == (Outcome.HELD, ())


@pytest.mark.parametrize(
    ("rules", "orders"),
    [
        (MARGIN, {"QQQ": 50, "VOO": 90}),
        (SAME_DAY, {"QQQ": 50, "VOO": 90}),
        (SETTLED, {"QQQ": 50}),
    ],
)
async def test_the_buys_of_a_preview_use_the_proceeds_that_may_be_used(rules, orders):
    floor = Floor(INTO_VOO, 0, rules=rules, QQQ=50)

    assert meant(await previewed(floor)) == orders


async def test_proceeds_that_settle_too_late_buy_nothing_in_a_preview():
    floor = Floor(INTO_VOO, 0, rules=SAME_DAY, day=BEFORE_COLUMBUS_DAY, QQQ=50)

    assert meant(await previewed(floor)) == {"QQQ": 50}


async def test_an_exit_without_a_quote_is_counted_carefully():
    floor = Floor(INTO_VOO, 0, QQQ=50)
    floor.market.unquoted.add("QQQ")

    report = await previewed(floor)

    assert meant(report) == {"QQQ": 50, "VOO": 72}


@pytest.mark.parametrize(
    ("switch", "code"), [(Switch.PAUSED, "paused"), (Switch.HALTED, "halt_switch")]
)
async def test_a_stopped_book_is_previewed_with_a_note(switch: Switch, code: str):
    floor = Floor(INTO_VOO, 10_000)
    floor.switch(switch)

    report = await previewed(floor)

    assert meant(report) == {"VOO": 90}
    assert (code, "") in noted(report)
    assert floor.ledger.switch("main").switch is switch


async def test_an_account_nobody_handed_over_is_previewed_with_a_note():
    floor = Floor(INTO_VOO, 0, handed_over=False, QQQ=50)

    report = await previewed(floor)

    assert meant(report) == {"QQQ": 50, "VOO": 90}
    assert ("needs_confirmation", "") in noted(report)


async def test_a_held_preview_says_what_it_would_take_all_the_same():
    floor = Floor(Wants({"VOO": 0.9}, ()), 10_000)
    floor.switch(Switch.PAUSED)

    report = await previewed(floor)

    assert (report.outcome, noted(report)) == (Outcome.HELD, {("paused", "")})


async def test_what_else_blocks_a_run_blocks_its_preview():
    floor = Floor(INTO_VOO, 0)

    with pytest.raises(Blocked, match="no_equity"):
        await previewed(floor)
