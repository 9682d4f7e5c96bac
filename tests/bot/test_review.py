from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from bot.domain.memory import Outcome, Standing
from bot.domain.model import Action, Mode, OrderIntent, OrderReport, OrderStatus, RunKey, Side
from bot.lines import Title, width
from bot.review import PastRun, render_orders, render_runs, render_wakes
from bot.words import Language

EN, ZH = Language.EN, Language.ZH
SESSION = date(2026, 10, 9)
AT = datetime(2026, 10, 9, 19, 46, tzinfo=UTC)
RUN = RunKey("rotation", SESSION)
TITLE = Title(Mode.PAPER, "rotation", "U7654321", "global_etf_rotation")
DRY = replace(TITLE, mode=Mode.DRY)
TABLE_WIDTH = 34
PHONE_WIDTH = 60


def an_order(symbol="VOO", shares=10, action=Action.BUY, *, sent=True, **report) -> Standing:
    """An order and what the broker said of it: nothing, where no status is given."""
    intent = OrderIntent(RUN, symbol, action, shares, Decimal("501.5"))
    side = Side.BUY if action.takes_shares else Side.SELL
    status = report.pop("status", None)
    said = replace(OrderReport.of(intent, OrderStatus(status)), **report) if status else None
    return Standing(intent, side, AT if sent else None, said)


SOLD = an_order(
    *("BIL", 100, Action.SELL),
    status="filled",
    filled=100,
    average_price=Decimal("90.01"),
    commission=Decimal("1.05"),
    broker_id="81234",
)
PARTLY = an_order(
    status="cancelled",
    filled=4,
    average_price=Decimal(500),
    commission=Decimal(1),
    reason="too far from the market",
)
UNHEARD = an_order("GLD", 3)


def a_past(ended: Outcome | None = Outcome.OWED, **changes) -> PastRun:
    orders = changes.pop("orders", (SOLD, PARTLY, UNHEARD))
    return PastRun(RUN, ended, AT, "rotation", orders, **changes)


def orders_of(past: PastRun, title: Title = TITLE, language: Language = EN) -> list[str]:
    return render_orders(past, title, language).splitlines()


def test_orders_are_told_with_prices_commission_and_what_the_broker_said():
    assert orders_of(a_past(unfinished={"VOO": 6, "GLD": 3})) == [
        "[PAPER] rotation …4321 · global_etf_rotation",
        "Fri 2026-10-09: not complete",
        "sells",
        "sell 100 BIL at 501.50: filled 100 of 100 @ 90.01",
        "· sent 15:46 New York, commission 1.05, broker's no. 81234",
        "buys",
        "buy 10 VOO at 501.50: cancelled, filled 4 of 10 @ 500.00: too far from the market",
        "· sent 15:46 New York, commission 1.00",
        "buy 3 GLD at 501.50: UNCONFIRMED, asked and not answered",
        f"· sent 15:46 New York, order {UNHEARD.intent.id}",
        "At the broker: 3 sent, 2 with fills, 1 unconfirmed.",
        "commission 2.05 in all",
        "still to do: buy 6 VOO, buy 3 GLD",
    ]


def test_what_was_never_sent_has_no_time_and_no_cost():
    assert orders_of(a_past(orders=(an_order(sent=False),)))[2:] == [
        "buys",
        "buy 10 VOO at 501.50: not sent",
        "Nothing was sent to the broker.",
    ]


def test_the_orders_of_a_dry_run_reached_nobody_and_cost_nothing():
    told = orders_of(a_past(orders=(SOLD,)), DRY)

    assert told == [
        "[DRY] rotation …4321 · global_etf_rotation",
        "Fri 2026-10-09: not complete",
        "sells",
        "sell 100 BIL at 501.50: preview, not sent",
        "Nothing was sent to the broker.",
    ]


def test_a_session_without_orders_says_so_and_why():
    held = PastRun(RUN, Outcome.HELD, AT, "not_due")

    assert orders_of(held)[1:] == [
        "Fri 2026-10-09: nothing to do – not a rebalance session of this profile",
        "no orders",
    ]


def test_a_run_under_way_shows_its_orders_so_far():
    assert orders_of(a_past(None))[1] == (
        "under way: the run of Fri 2026-10-09, decided at 15:46 New York"
    )


def test_orders_are_told_in_chinese():
    told = orders_of(a_past(), language=ZH)

    assert "· 纽约时间 15:46 发送，佣金 1.05，券商编号 81234" in told
    assert "佣金合计 2.05" in told


def test_runs_are_a_table():
    past = [
        a_past(None),
        replace(a_past(unfinished={"VOO": 6, "GLD": 3}), run=RunKey("rotation", date(2026, 10, 8))),
        PastRun(RunKey("rotation", date(2026, 10, 7)), Outcome.BLOCKED, AT),
    ]

    assert render_runs(past, TITLE, EN).splitlines()[1:] == [
        "session      outcome orders owes",
        "2026-10-09 under way      3    –",
        "2026-10-08      owes      3    2",
        "2026-10-07   BLOCKED      0    –",
    ]


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("outcome", [*Outcome, None])
def test_a_table_of_runs_fits_a_phone(outcome, language):
    past = a_past(outcome, orders=(SOLD,) * 60, unfinished={f"S{n}": 1 for n in range(60)})

    rows = render_runs([past], TITLE, language).splitlines()[1:]

    assert {width(row) for row in rows} == {width(rows[0])}
    assert width(rows[0]) <= TABLE_WIDTH
    assert "short_" not in rows[1]


@pytest.mark.parametrize("language", list(Language))
def test_the_lines_of_ordinary_orders_fit_a_phone(language):
    told = orders_of(a_past(orders=(SOLD, UNHEARD)), language=language)

    assert max(width(line) for line in told) <= PHONE_WIDTH


def test_a_book_without_runs_says_so():
    assert render_runs([], TITLE, EN).splitlines()[1:] == ["no runs yet"]


def test_wakes_are_lines_and_none_is_said():
    assert render_wakes([AT, AT], EN) == "\n".join(["Fri 2026-10-09, 15:46 New York"] * 2)
    assert render_wakes([], EN) == "next: not scheduled"
