from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from bot.conclude import OWED_FOR, READS, told
from bot.decide import decide
from bot.domain.memory import Outcome, RunReport
from bot.domain.model import Note, Side
from tests.bot.floor import Floor, days_after, noted
from tests.builders import TODAY
from tests.fakes import Wants

VOO = Wants({"VOO": 0.9}, [TODAY])
BOTH = Wants({"VOO": 0.5, "QQQ": 0.4})
CLOSED = timedelta(days=1)


async def test_targets_reached_within_the_band_are_complete():
    floor = Floor({"VOO": 0.995}, 10_000)

    report = await floor.run()

    assert floor.broker.account.shares == {"VOO": 99}
    assert (report.outcome, report.owed) == (Outcome.COMPLETE, None)
    assert floor.ledger.last_rebalance("main") == TODAY


async def test_whole_shares_that_do_not_fit_owe_nothing():
    report = await Floor({"VOO": 0.9}, 99).run()

    assert noted(report) == {("target_below_one_share", "VOO")}
    assert report.outcome is Outcome.COMPLETE


async def test_an_order_that_rested_is_owed_for_three_sessions():
    floor = Floor(VOO, 10_000)
    floor.broker.resting.add("VOO")

    report = await floor.run()

    assert report.outcome is Outcome.OWED
    assert report.owed is not None
    assert report.owed.unfinished == {"VOO": 90}
    assert report.owed.expires == days_after(TODAY, OWED_FOR)
    assert noted(report) == {("unfilled", "VOO")}
    assert floor.ledger.last_rebalance("main") is None


async def test_what_is_carried_over_expires_when_it_would_have():
    floor = Floor(VOO, 10_000)
    floor.broker.resting.add("VOO")
    await floor.run()

    report = await floor.run(floor.next_day())

    assert report.owed is not None
    assert (report.owed.since, report.owed.expires) == (TODAY, days_after(TODAY, OWED_FOR))


async def test_a_new_decision_is_owed_from_its_own_session():
    floor = Floor(replace(VOO, days=None), 10_000)
    floor.broker.resting.add("VOO")
    await floor.run()

    report = await floor.run(floor.next_day())

    assert report.owed is not None
    assert report.owed.expires == days_after(floor.day, OWED_FOR)


async def test_a_partly_filled_order_tells_how_far_it_came():
    floor = Floor(VOO, 10_000)
    floor.broker.partly["VOO"] = 30

    report = await floor.run()

    assert Note("partly_filled", "VOO", {"filled": 60, "shares": 90}) in report.notes
    assert report.owed is not None
    assert report.owed.unfinished == {"VOO": 30}


async def test_a_refusal_is_told_with_its_reason():
    floor = Floor(VOO, 10_000)
    floor.broker.refusing["VOO"] = "no_margin"

    report = await floor.run()

    assert Note("order_refused", "VOO", {"reason": "no_margin (symbol=VOO)"}) in report.notes
    assert report.outcome is Outcome.OWED


async def test_an_order_nobody_answered_is_found_in_the_list():
    floor = Floor(VOO, 10_000)
    floor.broker.silent.add("VOO")

    report = await floor.run()

    assert (report.outcome, noted(report)) == (Outcome.COMPLETE, set())


async def test_an_order_that_never_arrived_is_owed():
    floor = Floor(VOO, 10_000)
    floor.broker.lost.add("VOO")

    report = await floor.run()

    assert noted(report) == {("not_booked", "VOO")}
    assert report.owed is not None
    assert report.owed.unfinished == {"VOO": 90}


async def test_positions_are_asked_for_again_after_the_close():
    floor = Floor(VOO, 10_000)
    closes = floor.session.closes
    floor.broker.outage = (closes, closes + timedelta(minutes=10))

    report = await floor.run()

    assert report.outcome is Outcome.COMPLETE
    assert report.at == closes + timedelta(minutes=5)
    assert floor.clock.now() == closes + timedelta(minutes=10)


async def test_an_account_nobody_can_read_proves_nothing():
    floor = Floor(VOO, 10_000)
    floor.broker.outage = (floor.session.closes, floor.session.closes + CLOSED)

    report = await floor.run()

    assert report.outcome is Outcome.OWED
    assert ("final_read_failed", "") in noted(report)
    assert (report.portfolio, floor.ledger.baseline("main")) == (None, None)
    assert report.owed is not None
    assert report.owed.unfinished == {}
    assert floor.clock.now() == floor.session.closes + timedelta(minutes=5 + READS)


async def test_an_order_nobody_can_ask_about_stays_a_question():
    floor = Floor(VOO, 10_000)
    floor.broker.lost.add("VOO")
    floor.broker.outage = (floor.before_close(minutes=12), floor.session.closes + CLOSED)

    report = await floor.run()

    order = floor.broker.asked[0]
    assert Note("open_question", "VOO", {"order": order.id}) in report.notes
    assert report.owed is not None
    assert report.owed.unfinished == {"VOO": 90}


async def test_a_sale_nobody_can_ask_about_is_still_to_go():
    floor = Floor(Wants({"VOO": 0.9}, [TODAY], others=("QQQ",)), 0, QQQ=50)
    floor.broker.resting.add("QQQ")
    floor.broker.outage = (floor.before_close(minutes=3), floor.session.closes + CLOSED)

    report = await floor.run()

    assert ("final_read_failed", "") in noted(report)
    assert report.owed is not None
    assert report.owed.unfinished == {"QQQ": -50}


async def test_after_an_unread_account_the_targets_are_looked_at_again():
    floor = Floor(VOO, 10_000)
    floor.broker.outage = (floor.session.closes, floor.session.closes + timedelta(hours=1))
    await floor.run()

    report = await floor.run(floor.next_day())

    assert report.outcome is Outcome.COMPLETE
    assert len(floor.broker.asked) == 1


async def test_the_remarks_of_both_plans_are_told():
    floor = Floor(Wants({"VOO": 0.5, "QQQ": 0.01}, others=("BIL",)), 5000, VOO=1)
    floor.broker.account = replace(floor.broker.account, shares={"VOO": Decimal("50.5")})

    report = await floor.run()

    assert ("target_below_one_share", "QQQ") in noted(report)
    assert ("inside_band", "VOO") in noted(report)


@pytest.mark.parametrize("outcome", [Outcome.HELD, Outcome.OWED])
async def test_a_run_can_be_told_from_its_decision_alone(outcome: Outcome):
    floor = Floor(VOO, 10_000)
    decided = await decide(floor.book, floor.session, floor.desk)

    report = told(decided, outcome, floor.desk)

    assert report == RunReport(
        floor.run_key(),
        outcome,
        floor.clock.now(),
        decided,
        portfolio=decided.portfolio,
        prices=decided.prices,
    )


async def test_a_buy_that_follows_its_sell_is_told_once():
    floor = Floor(BOTH, 0, QQQ=50)

    report = await floor.run()

    assert len({(n.symbol, n.code) for n in report.notes}) == len(report.notes)
    assert [s.side for s in report.orders] == [Side.SELL, Side.BUY]
