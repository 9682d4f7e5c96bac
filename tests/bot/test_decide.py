from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from bot.decide import LATE_BY, decide
from bot.domain.errors import BellwetherError, Blocked, Halted, LedgerError, UnnamedHoldings
from bot.domain.memory import Decided, Outcome, RunReport, Switch
from bot.domain.strategy import FeedNeed, Hold, Rebalance, View
from tests.bot.floor import Floor, days_after, days_before
from tests.builders import TODAY, a_portfolio
from tests.fakes import Pool, Wants

NEVER: tuple[date, ...] = ()


async def decided(floor: Floor) -> Decided:
    return await decide(floor.book, floor.session, floor.desk)


def codes(answer: Decided) -> set[str]:
    return {note.code for note in answer.notes}


def quiet(floor: Floor, day: date) -> None:
    """Let the book have had a session before, on which nothing was due."""
    floor.ledger.finish(RunReport(floor.run_key(day), Outcome.HELD, floor.clock.now()))


@dataclass(frozen=True, slots=True)
class Silent(Wants):
    """A strategy that forgets what it holds."""

    def decide(self, view: View) -> Rebalance:  # noqa: ARG002 - the contract's
        return Rebalance(self.weights, "forgetful")


async def test_a_decision_is_kept_with_the_numbers_it_was_made_from():
    floor = Floor({"VOO": 0.9}, 1000, BIL=10)

    answer = await decided(floor)

    assert answer.following == Rebalance({"VOO": 0.9}, "rotation")
    assert (answer.equity, answer.since, answer.late) == (Decimal(1000), TODAY, False)
    assert answer.prices == {"VOO": Decimal("100.0")}
    assert answer.numbers == {"VOO": 100.0}
    assert answer.marks["VOO"].close == 100
    assert floor.ledger.decision(floor.run_key()) == answer


async def test_a_session_is_decided_once():
    floor = Floor({"VOO": 0.9}, 1000)
    await decided(floor)

    with pytest.raises(LedgerError, match="already_decided"):
        await decided(floor)


async def test_a_book_that_is_not_due_follows_nothing():
    floor = Floor(Wants({"VOO": 0.9}, NEVER), 1000)

    answer = await decided(floor)

    assert (answer.decision, answer.following) == (Hold("not_due"), None)


@pytest.mark.parametrize(
    ("ago", "code"),
    [
        (timedelta(minutes=15, seconds=1), "window_ahead"),
        (timedelta(minutes=2), "window_over"),
        (timedelta(minutes=-1), "window_over"),
    ],
)
async def test_outside_its_window_nothing_is_decided(ago: timedelta, code: str):
    floor = Floor({"VOO": 0.9}, 1000, day=days_before(TODAY, 1))
    floor.day = TODAY
    floor.clock.jump(floor.session.closes - ago)

    with pytest.raises(Blocked) as blocked:
        await decided(floor)

    assert blocked.value.code == code
    assert floor.ledger.decision(floor.run_key()) is None


async def test_the_last_second_of_the_window_is_in_it():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.clock.jump(floor.before_close(minutes=2, seconds=1))

    assert await decided(floor)


async def test_a_paused_book_is_blocked():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.switch(Switch.PAUSED)

    with pytest.raises(Blocked, match="paused"):
        await decided(floor)


async def test_a_halted_book_needs_a_person():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.switch(Switch.HALTED)

    with pytest.raises(Halted, match="halt_switch"):
        await decided(floor)


async def test_holdings_nobody_handed_over_need_a_word():
    floor = Floor({"VOO": 0.9}, 1000, handed_over=False, VOO=3)

    with pytest.raises(Blocked, match="symbols=VOO") as blocked:
        await decided(floor)

    assert blocked.value.code == "needs_confirmation"


async def test_a_word_hands_the_account_over():
    floor = Floor({"VOO": 0.9}, 1000, handed_over=False, VOO=3)
    floor.switch(Switch.ACTIVE)

    assert await decided(floor)


async def test_an_account_without_managed_shares_needs_no_word():
    floor = Floor({"VOO": 0.9}, 1000, handed_over=False, BIL=3)

    assert await decided(floor)


async def test_a_preview_needs_no_word():
    floor = Floor({"VOO": 0.9}, 1000, handed_over=False, VOO=3)
    floor.broker.capabilities = replace(floor.broker.capabilities, keeps_fills=False)

    assert await decided(floor)


async def test_a_book_that_traded_before_needs_no_word():
    floor = Floor({"VOO": 0.9}, 1000, handed_over=False)
    await floor.run()
    floor.wake(floor.next_day())

    assert await decided(floor)


async def test_an_empty_account_can_not_be_planned():
    floor = Floor({"VOO": 0.9}, 0)

    with pytest.raises(Blocked, match="no_equity"):
        await decided(floor)


async def test_holdings_that_only_cover_a_debt_may_still_be_sold():
    floor = Floor({"VOO": 0.9}, -100, VOO=1)

    answer = await decided(floor)

    assert answer.equity == 0


async def test_shorts_need_a_rule_that_allows_them():
    floor = Floor({"VOO": -0.5}, 1000)

    with pytest.raises(Halted, match="shorting_not_allowed"):
        await decided(floor)


async def test_shorts_that_are_allowed_are_followed():
    floor = Floor({"VOO": -0.5}, 1000)
    floor.book = replace(floor.book, rules=replace(floor.book.rules, shorting=True))

    answer = await decided(floor)

    assert answer.following is not None
    assert answer.following.targets == {"VOO": -0.5}


async def test_an_account_that_can_not_short_halts_a_profile_that_would():
    floor = Floor({"VOO": -0.5}, 1000)
    floor.book = replace(floor.book, rules=replace(floor.book.rules, shorting=True))
    floor.broker.capabilities = replace(floor.broker.capabilities, shorting=False)

    with pytest.raises(Halted, match="broker_shorts_nothing"):
        await decided(floor)


async def test_a_decision_that_forgets_a_holding_is_refused():
    floor = Floor(Silent({"VOO": 0.9}, others=("QQQ",)), 1000, QQQ=1)

    with pytest.raises(UnnamedHoldings):
        await decided(floor)

    assert floor.ledger.decision(floor.run_key()) is None


async def test_an_account_below_what_its_profile_recommends_is_told_so():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.book = replace(floor.book, minimum_equity=Decimal("1000.01"))

    assert "small_account" in codes(await decided(floor))


async def test_an_account_as_large_as_recommended_is_not_small():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.book = replace(floor.book, minimum_equity=Decimal(1000))

    assert codes(await decided(floor)) == set()


async def test_a_symbol_that_left_the_pool_gets_a_written_zero():
    floor = Floor({"VOO": 0.9}, 1000)
    await floor.run()
    floor.want({"QQQ": 0.9})
    floor.wake(floor.next_day())

    answer = await decided(floor)

    assert answer.following is not None
    assert answer.following.targets == {"QQQ": 0.9, "VOO": 0.0}


@pytest.mark.parametrize("late", range(1, LATE_BY + 1))
async def test_a_missed_session_is_made_up_for(late: int):
    floor = Floor(Wants({"VOO": 0.9}, [days_before(TODAY, late)]), 1000)
    quiet(floor, days_before(TODAY, late + 1))

    answer = await decided(floor)

    assert answer.decision == Hold("not_due")
    assert answer.following == Rebalance({"VOO": 0.9}, "rotation")
    assert (answer.since, answer.late) == (days_before(TODAY, late), True)
    assert "late" in codes(answer)


async def test_a_session_missed_long_ago_is_not_made_up_for():
    missed = days_before(TODAY, LATE_BY + 1)
    floor = Floor(Wants({"VOO": 0.9}, [missed]), 1000)
    quiet(floor, days_before(missed, 1))

    answer = await decided(floor)

    assert (answer.following, answer.late) == (None, False)


async def test_a_target_that_lapses_is_not_made_up_for():
    missed = days_before(TODAY, 1)
    floor = Floor(Wants({"VOO": 0.9}, [missed], lapses=True), 1000)
    quiet(floor, days_before(missed, 1))

    assert (await decided(floor)).following is None


async def test_a_new_book_has_missed_nothing():
    floor = Floor(Wants({"VOO": 0.9}, [days_before(TODAY, 1)]), 1000)

    assert (await decided(floor)).following is None


async def test_a_book_whose_first_session_was_the_due_one_has_missed_nothing_before_it():
    floor = Floor(Wants({"VOO": 0.9}, [days_before(TODAY, 2)]), 1000)
    quiet(floor, days_before(TODAY, 2))

    assert (await decided(floor)).following is None


async def test_a_session_that_was_decided_was_not_missed():
    due = days_before(TODAY, 1)
    floor = Floor(Wants({"VOO": 0.9}, [due]), 1000, day=days_before(due, 1))
    await floor.run()
    await floor.run(due)
    floor.wake(TODAY)

    assert (await decided(floor)).following is None


async def test_a_session_before_a_decided_one_was_not_missed():
    floor = Floor(Wants({"VOO": 0.9}, NEVER), 1000, day=days_before(TODAY, 3))
    await floor.run()
    await floor.run(days_before(TODAY, 1))
    floor.want(Wants({"VOO": 0.9}, [days_before(TODAY, 2)]))
    floor.wake(TODAY)

    assert (await decided(floor)).following is None


async def test_the_newest_of_several_missed_sessions_counts():
    missed = [days_before(TODAY, 3), days_before(TODAY, 2)]
    floor = Floor(Wants({"VOO": 0.9}, missed), 1000)
    quiet(floor, days_before(TODAY, 4))

    assert (await decided(floor)).since == days_before(TODAY, 2)


async def test_a_decision_of_today_comes_before_a_missed_one():
    missed = days_before(TODAY, 1)
    floor = Floor(Wants({"VOO": 0.9}, [missed, TODAY]), 1000)
    quiet(floor, days_before(missed, 1))

    answer = await decided(floor)

    assert (answer.since, answer.late, codes(answer)) == (TODAY, False, set())


async def owing_floor() -> Floor:
    """A book that owes 90 of VOO since TODAY, which is the only session it is due on."""
    floor = Floor(Wants({"VOO": 0.9}, [TODAY]), 10_000)
    floor.broker.resting.add("VOO")
    await floor.run()
    return floor


async def test_what_is_owed_is_carried_while_nothing_new_is_wanted():
    floor = await owing_floor()
    floor.wake(floor.next_day())

    answer = await decided(floor)

    assert answer.decision == Hold("not_due")
    assert answer.following == Rebalance({"VOO": 0.9}, "rotation")
    assert (answer.since, codes(answer)) == (TODAY, {"owed_carried"})


async def test_what_is_owed_is_superseded_by_a_new_decision():
    floor = await owing_floor()
    floor.wake(floor.next_day())
    floor.want(Wants({"QQQ": 0.9}, others=("VOO",)))

    answer = await decided(floor)

    assert answer.following is not None
    assert answer.following.targets == {"QQQ": 0.9, "VOO": 0.0}
    assert (answer.since, codes(answer)) == (floor.day, {"owed_superseded"})


async def test_what_is_owed_is_carried_for_three_sessions_and_then_given_up_aloud():
    floor = await owing_floor()
    for _ in range(3):
        carried = await floor.run(floor.next_day())
        assert ("owed_carried", "") in {(n.code, n.symbol) for n in carried.notes}
    floor.wake(floor.next_day())

    answer = await decided(floor)

    assert (answer.following, codes(answer)) == (None, {"owed_expired"})
    assert days_after(TODAY, 4) == floor.day


async def test_what_was_given_up_is_given_up_once():
    floor = await owing_floor()
    await floor.run(days_after(TODAY, 4))
    floor.wake(floor.next_day())

    assert codes(await decided(floor)) == set()


async def test_an_unfinished_exit_the_strategy_was_not_shown_gets_a_written_zero():
    floor = Floor(Wants({"VOO": 0.9}, others=("QQQ",)), 0, QQQ=50)
    floor.broker.resting.add("QQQ")
    await floor.run()
    floor.wake(floor.next_day())

    answer = await decided(floor)

    assert answer.following is not None
    assert answer.following.targets == {"VOO": 0.9, "QQQ": 0.0}


async def test_a_missed_session_comes_before_what_is_owed():
    floor = await owing_floor()
    missed = floor.next_day()
    floor.want(Wants({"QQQ": 0.9}, [missed], others=("VOO",)))
    floor.wake(days_after(missed, 1))

    answer = await decided(floor)

    assert answer.since == missed
    assert answer.following is not None
    assert answer.following.targets["QQQ"] == 0.9


async def test_a_foreign_account_halts_before_anything_is_decided():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.broker.account = replace(a_portfolio(1000), account="OTHER")

    with pytest.raises(Halted, match="account_identity"):
        await decided(floor)


def left_with(floor: Floor, cash: int = 1000, **shares: int) -> None:
    """Let the session before have ended with this in the account."""
    day = days_before(TODAY, 1)
    account = a_portfolio(cash, **shares)
    report = RunReport(floor.run_key(day), Outcome.HELD, floor.clock.now(), portfolio=account)
    floor.ledger.finish(report)


def moved(answer: Decided) -> dict[str, tuple[object, object]]:
    return {
        note.symbol: (note.values["before"], note.values["after"])
        for note in answer.notes
        if note.code == "position_moved"
    }


async def test_a_holding_somebody_else_changed_is_noted():
    floor = Floor({"VOO": 0.9}, 1000, VOO=12)
    left_with(floor, 1200, VOO=10)

    answer = await decided(floor)

    assert moved(answer) == {"VOO": (10, 12)}


async def test_a_holding_as_it_was_left_is_no_news():
    floor = Floor({"VOO": 0.9}, 1000, VOO=10)
    left_with(floor, VOO=10)

    assert moved(await decided(floor)) == {}


async def test_a_split_is_not_told_a_second_time_as_a_change():
    floor = Floor({"VOO": 0.9}, 0, VOO=20)
    left_with(floor, 0, VOO=10)
    floor.market.prices["VOO"] = Decimal(50)

    answer = await decided(floor)

    assert (codes(answer), moved(answer)) == ({"split_accepted"}, {})


async def test_what_an_unfinished_run_traded_explains_a_change():
    floor = Floor({"VOO": 0.9}, 1000)
    await floor.run()
    floor.ledger.finish(
        RunReport(
            floor.run_key(days_before(TODAY, 1)),
            Outcome.HELD,
            floor.clock.now(),
            portfolio=a_portfolio(1000),
        )
    )
    floor.wake(floor.next_day())

    assert moved(await decided(floor)) == {}


class OnceAtMost(Wants):
    """A strategy that has nothing to say once it was followed."""

    def decide(self, view):
        return Hold("already_traded") if view.last_rebalance else super().decide(view)


async def test_a_missed_session_knows_what_was_traded_before_it():
    floor = Floor(OnceAtMost({"VOO": 0.9}), 1000)
    await floor.run()
    missed = floor.next_day()

    report = await floor.run(floor.next_day(2))

    assert floor.ledger.decision(floor.run_key(missed)) is None
    assert report.outcome is Outcome.HELD


class Confused(Wants):
    """A strategy that can not make sense of what somebody published."""

    @property
    def needs(self):
        return replace(super().needs, feeds=(FeedNeed("pool", 5),))

    def features(self, facts):
        raise BellwetherError("too_few_bars", symbol="VOO", needed=len(facts.closes))


async def test_a_snapshot_a_strategy_can_not_make_sense_of_blocks():
    floor = Floor(Confused({"VOO": 0.9}), 1000)
    floor.desk = replace(floor.desk, feeds={"pool": Pool("VOO", known=TODAY)})

    with pytest.raises(Blocked, match=r"feature_snapshot_compute_failed.*too_few_bars"):
        await decided(floor)


class Lost(Wants):
    """A strategy that fails without having read a feed."""

    def features(self, facts):
        raise BellwetherError("too_few_bars", symbol="VOO", needed=len(facts.closes))


@pytest.mark.parametrize("kind", [Blocked, Halted])
async def test_a_strategy_that_stops_for_a_reason_is_believed(kind):
    class Stopping(Confused):
        def features(self, facts):
            raise kind("feature_snapshot_empty", rows=len(facts.closes))

    floor = Floor(Stopping({"VOO": 0.9}), 1000)
    floor.desk = replace(floor.desk, feeds={"pool": Pool("VOO", known=TODAY)})

    with pytest.raises(kind, match="feature_snapshot_empty"):
        await decided(floor)


async def test_without_a_feed_a_strategy_that_fails_is_an_error_of_its_own():
    floor = Floor(Lost({"VOO": 0.9}), 1000)

    with pytest.raises(BellwetherError, match="too_few_bars") as failed:
        await decided(floor)

    assert not isinstance(failed.value, Blocked)
