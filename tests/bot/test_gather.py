from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from bot.decide import decide
from bot.domain.errors import Blocked, Halted
from bot.domain.gates import Finding
from bot.domain.memory import Mark, Outcome, Owed, RunReport, Switch
from bot.domain.model import (
    AccountKind,
    Action,
    Note,
    OrderIntent,
    OrderReport,
    OrderStatus,
    Plan,
    Proceeds,
    Side,
    Symbol,
    TradingRules,
)
from bot.domain.strategy import Facts, Holding, Rebalance
from bot.execution import place
from bot.gather import (
    Survey,
    account,
    for_signals,
    history,
    holdings,
    managed,
    marks,
    survey,
)
from bot.ports import Adjustment
from tests.bot.floor import PRICES, Floor, days_before
from tests.builders import NOW, TODAY, Money, a_portfolio, a_quote, a_run
from tests.fakes import Wants

VOO = Wants({"VOO": 0.9}, vital=("VOO",))
BOTH = Wants({"VOO": 0.5, "QQQ": 0.4})
YESTERDAY = pd.Timestamp(days_before(TODAY, 1))
KNOWN = {symbol: Mark(close, 0.01) for symbol, close in PRICES.items()}


async def surveyed(floor: Floor, **known: Mark) -> Survey:
    return await survey(floor.book, floor.session, floor.desk, {**KNOWN, **known})


def baseline(floor: Floor, cash: Money = 0, **shares: Money) -> None:
    """Let the session before have left the account so."""
    left = a_portfolio(cash, **shares)
    day = days_before(floor.day, 1)
    floor.ledger.finish(
        RunReport(floor.run_key(day), Outcome.COMPLETE, floor.clock.now(), portfolio=left)
    )


def an_order(symbol: Symbol, status: OrderStatus = OrderStatus.WORKING) -> OrderReport:
    return OrderReport(symbol, Action.BUY, 1, None, status, broker_id="by hand", entered_at=NOW)


async def test_history_has_the_closes_up_to_yesterday():
    floor = Floor(VOO, 1000)

    facts = await history(floor.book, floor.session, floor.desk)

    assert facts.closes.index[-1] == YESTERDAY
    assert list(facts.closes.columns) == ["VOO"]


async def test_history_numbers_its_sessions_as_the_exchange_counts_them():
    floor = Floor(VOO, 1000)

    facts = await history(floor.book, floor.session, floor.desk)

    first = facts.sessions[0].date()
    assert facts.earlier == floor.desk.sessions.number(first) > 0


async def test_history_includes_what_the_book_still_holds():
    floor = Floor({"QQQ": 0.9}, 1000)
    await floor.run()
    floor.want(VOO)

    facts = await history(floor.book, floor.session, floor.desk)

    assert list(facts.closes.columns) == ["VOO", "QQQ"]


async def test_a_source_without_dividends_is_no_history_of_total_returns():
    floor = Floor(VOO, 1000)
    floor.market.adjustment = Adjustment.SPLITS

    with pytest.raises(Blocked, match="adjustment_mismatch"):
        await history(floor.book, floor.session, floor.desk)


@pytest.mark.parametrize("gone", ["nan", "row"])
async def test_a_vital_symbol_without_yesterdays_close_blocks(gone: str):
    floor = Floor(VOO, 1000)
    if gone == "nan":
        floor.market.closes.loc[YESTERDAY, "VOO"] = np.nan
    else:
        floor.market.closes = floor.market.closes.drop(YESTERDAY)

    with pytest.raises(Blocked, match="vital_history_stale"):
        await history(floor.book, floor.session, floor.desk)


async def test_a_vital_symbol_with_a_hole_in_its_history_blocks():
    floor = Floor(replace(VOO, history=5), 1000)
    floor.market.closes.loc[pd.Timestamp(days_before(TODAY, 5)), "VOO"] = np.nan

    with pytest.raises(Blocked, match="bars=4, needed=5") as blocked:
        await history(floor.book, floor.session, floor.desk)

    assert blocked.value.code == "vital_history_short"


async def test_a_hole_before_the_needed_rows_blocks_nothing():
    floor = Floor(replace(VOO, history=5), 1000)
    floor.market.closes.loc[pd.Timestamp(days_before(TODAY, 6)), "VOO"] = np.nan

    assert await history(floor.book, floor.session, floor.desk)


async def test_a_symbol_that_is_not_vital_may_have_no_history():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.market.closes["VOO"] = np.nan

    assert await history(floor.book, floor.session, floor.desk)


async def test_a_book_manages_its_pool_and_what_it_bought():
    floor = Floor({"QQQ": 0.9}, 1000)
    await floor.run()
    floor.want(VOO)

    assert managed(floor.book, floor.desk) == ("VOO", "QQQ")


async def test_what_a_preview_bought_is_in_no_account():
    floor = Floor({"QQQ": 0.9}, 1000)
    await floor.run()
    floor.want(VOO)
    floor.broker.capabilities = replace(floor.broker.capabilities, keeps_fills=False)

    assert managed(floor.book, floor.desk) == ("VOO",)


def test_a_mark_is_the_last_close_on_the_brokers_scale():
    days = pd.bdate_range("2026-03-02", periods=2)
    closes = pd.DataFrame({"VOO": [9.0, 10.0], "BIL": [5.0, np.nan], "QQQ": [np.nan] * 2}, days)
    facts = Facts(closes, days, raw_closes={"VOO": 11.0})

    assert marks(facts, days[-1].date()) == {
        "VOO": Mark(11.0, 0.0, fresh=True, change=10 / 9 - 1),
        "BIL": Mark(5.0, 0.0, fresh=False),
    }


def test_a_history_that_ends_before_yesterday_has_no_fresh_close():
    days = pd.bdate_range("2026-03-02", periods=3)
    closes = pd.DataFrame({"VOO": [9.0, 10.0], "BIL": [5.0, 5.0]}, days[:2])

    known = marks(Facts(closes, days), days[-1].date())

    assert not any(mark.fresh for mark in known.values())


async def test_the_account_must_be_the_books():
    floor = Floor(VOO, 1000)
    floor.broker.account = replace(a_portfolio(1000), account="U7")

    with pytest.raises(Halted, match="expected=PAPER, reported=U7") as halted:
        await account(floor.book, floor.desk, ["VOO"])

    assert halted.value.code == "account_identity"


@pytest.mark.parametrize(
    ("configured", "reported", "halts"),
    [
        (Proceeds.MARGIN, AccountKind.MARGIN, False),
        (Proceeds.MARGIN, AccountKind.CASH, True),
        (Proceeds.SETTLED, AccountKind.CASH, False),
        (Proceeds.SAME_DAY, AccountKind.MARGIN, True),
        (Proceeds.SAME_DAY, None, False),
    ],
)
async def test_the_account_must_be_of_the_kind_its_money_is_counted_by(configured, reported, halts):
    floor = Floor(VOO, 1000, rules=TradingRules(proceeds=configured))
    floor.broker.account = replace(a_portfolio(1000), kind=reported)

    if not halts:
        assert (await account(floor.book, floor.desk, ["VOO"])).kind is reported
        return
    with pytest.raises(Halted, match="account_kind"):
        await account(floor.book, floor.desk, ["VOO"])


async def test_shares_to_keep_and_other_holdings_are_hands_off():
    floor = Floor(VOO, 1000, VOO=25, BIL=3)
    floor.book = replace(floor.book, rules=replace(floor.book.rules, keep={"VOO": 20}))

    seen = await surveyed(floor)

    assert seen.portfolio.shares == {"VOO": 5}
    assert seen.portfolio.hands_off == {"VOO": 20, "BIL": 3}


async def test_an_ordinary_day_has_no_findings():
    floor = Floor(BOTH, 1000, VOO=3)

    seen = await surveyed(floor)

    assert (seen.findings, seen.book_findings, seen.notes) == ({}, (), ())
    assert seen.prices == {"VOO": Decimal("100.0"), "QQQ": Decimal("200.0")}


async def test_a_holding_without_a_quote_is_valued_carefully():
    floor = Floor(BOTH, 1000, VOO=3)
    floor.market.unquoted.add("VOO")

    seen = await surveyed(floor)

    assert seen.findings == {"VOO": (Finding.QUOTE_MISSING,)}
    assert seen.prices["VOO"] == 80
    assert [note.code for note in seen.notes] == ["valued_below_close"]
    assert "VOO" not in seen.quotes


async def test_a_stale_quote_is_no_price():
    floor = Floor(BOTH, 1000, VOO=3)
    floor.market.odd["VOO"] = a_quote("VOO", 104, NOW - timedelta(seconds=61))

    seen = await surveyed(floor)

    assert seen.findings == {"VOO": (Finding.QUOTE_STALE,)}
    assert (seen.prices["VOO"], "VOO" in seen.quotes) == (80, False)


async def test_a_holding_nobody_ever_priced_blocks():
    floor = Floor(BOTH, 1000, VOO=3)
    floor.market.unquoted.add("VOO")

    with pytest.raises(Blocked, match="no_prices"):
        await survey(floor.book, floor.session, floor.desk, {})


@pytest.mark.parametrize(("price", "value"), [("121", 120), ("0.01", 80)])
async def test_what_is_held_at_a_price_beyond_its_limit_counts_as_at_the_limit(price, value):
    floor = Floor(BOTH, 1000, VOO=3)
    floor.market.prices["VOO"] = Decimal(price)

    seen = await surveyed(floor)

    assert (seen.findings, seen.prices["VOO"]) == ({"VOO": (Finding.PRICE_LIMIT,)}, value)
    assert seen.notes == (Note("valued_at_limit", "VOO", {"price": Decimal(value)}),)


async def test_a_wild_symbol_may_leap_further():
    floor = Floor(BOTH, 1000)
    floor.market.prices["VOO"] = Decimal(121)

    assert (await surveyed(floor, VOO=Mark(100, 0.03))).findings == {}


async def test_an_old_close_measures_nothing():
    floor = Floor(BOTH, 1000)
    floor.market.prices["VOO"] = Decimal(150)

    seen = await surveyed(floor, VOO=Mark(100, 0.01, fresh=False))

    assert seen.findings == {"VOO": (Finding.HISTORY_STALE,)}


async def test_a_halted_symbol_is_found():
    floor = Floor(BOTH, 1000)
    floor.market.odd["VOO"] = replace(a_quote("VOO", 100), halted=True)

    assert (await surveyed(floor)).findings == {"VOO": (Finding.TRADING_HALTED,)}


async def test_a_price_like_a_split_is_no_price_while_the_shares_did_not_move():
    floor = Floor(BOTH, 0, VOO=10)
    baseline(floor, VOO=10)
    floor.market.prices["VOO"] = Decimal(50)

    seen = await surveyed(floor)

    assert seen.findings == {"VOO": (Finding.SPLIT_HINT,)}
    assert [note.code for note in seen.notes] == ["split_hint", "valued_below_close"]
    assert (seen.prices["VOO"], "VOO" in seen.quotes) == (80, False)


async def test_a_split_hint_of_a_symbol_not_held_alerts_nobody():
    floor = Floor(BOTH, 1000)
    floor.market.prices["VOO"] = Decimal(50)

    seen = await surveyed(floor)

    assert (seen.findings, seen.notes) == ({"VOO": (Finding.SPLIT_HINT,)}, ())


async def test_a_level_that_doubles_is_no_split_and_not_too_far():
    floor = Floor(Wants({"BIL": 1.0}, indices=("VOO",)), 1000)
    floor.market.prices["VOO"] = Decimal(205)

    seen = await surveyed(floor)

    assert seen.findings == {}
    assert seen.quotes["VOO"].last == 205


async def test_a_level_nobody_says_is_missing():
    floor = Floor(Wants({"BIL": 1.0}, indices=("VOO",)), 1000)
    floor.market.odd["VOO"] = replace(a_quote("VOO", 20), last=Decimal(0))

    assert (await surveyed(floor)).findings == {"VOO": (Finding.QUOTE_MISSING,)}


async def test_a_split_is_accepted_when_the_shares_moved_inversely():
    floor = Floor(BOTH, 0, VOO=20)
    baseline(floor, VOO=10)
    floor.market.prices["VOO"] = Decimal(50)

    seen = await surveyed(floor)

    assert (seen.findings, seen.book_findings) == ({}, ())
    assert [note.code for note in seen.notes] == ["split_accepted"]
    assert seen.prices["VOO"] == 50


async def test_equity_that_nobody_explains_is_found():
    floor = Floor(BOTH, 1021)
    baseline(floor, 1000)

    seen = await surveyed(floor)

    assert seen.book_findings == (Finding.UNEXPLAINED_EQUITY,)
    assert seen.notes == (Note("unexplained_equity", "", {"amount": Decimal(21)}),)


async def test_equity_that_prices_explain_is_not_found():
    floor = Floor(BOTH, 1000, VOO=10)
    baseline(floor, 1000, VOO=10)
    floor.market.prices["VOO"] = Decimal(110)

    assert (await surveyed(floor)).book_findings == ()


async def test_what_a_preview_left_is_no_account_to_compare_with():
    floor = Floor(BOTH, 2000)
    baseline(floor, 1000)
    floor.broker.capabilities = replace(floor.broker.capabilities, keeps_fills=False)

    assert (await surveyed(floor)).book_findings == ()


async def test_the_switch_is_a_finding():
    floor = Floor(BOTH, 1000)
    floor.switch(Switch.EXITS_ONLY)

    assert (await surveyed(floor)).book_findings == (Finding.EXITS_ONLY,)


async def test_an_order_of_another_hand_is_found():
    floor = Floor(BOTH, 1000)
    floor.broker.orders.append(an_order("VOO"))

    assert (await surveyed(floor)).findings == {"VOO": (Finding.FOREIGN_ORDER,)}


async def test_an_order_of_another_hand_comes_before_what_is_wrong_with_the_price():
    floor = Floor(BOTH, 1000)
    floor.broker.orders.append(an_order("VOO"))
    floor.market.unquoted.add("VOO")

    assert (await surveyed(floor)).findings == {
        "VOO": (Finding.FOREIGN_ORDER, Finding.QUOTE_MISSING)
    }


async def meaning(floor: Floor, symbol: Symbol) -> None:
    """Let the run have sent an order."""
    await decide(floor.book, floor.session, floor.desk)
    intent = OrderIntent(floor.run_key(), symbol, Action.BUY, 1, Decimal(101))
    floor.ledger.intend(floor.run_key(), Side.BUY, Plan((intent,)), {})
    await place(intent, floor.desk)


async def test_our_own_working_order_is_found():
    floor = Floor(BOTH, 1000)
    floor.broker.resting.add("VOO")
    await meaning(floor, "VOO")

    assert (await surveyed(floor)).findings == {"VOO": (Finding.OPEN_ORDER,)}


async def test_our_own_open_question_is_found_and_is_no_foreign_order():
    floor = Floor(BOTH, 1000)
    floor.broker.silent.add("VOO")
    await meaning(floor, "VOO")

    assert (await surveyed(floor)).findings == {"VOO": (Finding.OPEN_QUESTION,)}


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (Finding.QUOTE_MISSING, "vital_quote_missing"),
        (Finding.QUOTE_STALE, "vital_quote_stale"),
        (Finding.SPLIT_HINT, "vital_split_hint"),
        (Finding.PRICE_LIMIT, "vital_price_limit"),
    ],
)
async def test_a_vital_symbol_without_a_believable_price_blocks(wrong: Finding, code: str):
    floor = Floor(VOO, 1000)
    facts = await history(floor.book, floor.session, floor.desk)
    seen = replace(await surveyed(floor), findings={"VOO": (wrong,)})

    with pytest.raises(Blocked, match=rf"^{code} \(symbol=VOO\)$"):
        for_signals(facts, floor.session, seen, ["VOO"])


async def test_a_vital_symbol_may_have_a_foreign_order():
    floor = Floor(VOO, 1000)
    facts = await history(floor.book, floor.session, floor.desk)
    seen = replace(await surveyed(floor), findings={"VOO": (Finding.FOREIGN_ORDER,)})

    assert len(for_signals(facts, floor.session, seen, ["VOO"]).closes) == len(facts.closes) + 1


async def test_todays_bar_is_the_last_price():
    floor = Floor(BOTH, 1000)
    facts = await history(floor.book, floor.session, floor.desk)
    floor.market.prices["VOO"] = Decimal(105)

    today = for_signals(facts, floor.session, await surveyed(floor), ()).closes.iloc[-1]

    assert today.to_dict() == {"VOO": 105.0, "QQQ": 200.0}


async def test_an_unconfirmed_split_is_no_bar():
    floor = Floor(BOTH, 1000, VOO=10)
    baseline(floor, 1000, VOO=10)
    facts = await history(floor.book, floor.session, floor.desk)
    floor.market.prices["VOO"] = Decimal(50)

    today = for_signals(facts, floor.session, await surveyed(floor), ()).closes.iloc[-1]

    assert np.isnan(today["VOO"])


async def test_a_confirmed_split_is_a_bar_on_the_scale_of_the_history():
    floor = Floor(BOTH, 1000, VOO=20)
    baseline(floor, 1000, VOO=10)
    facts = await history(floor.book, floor.session, floor.desk)
    floor.market.prices["VOO"] = Decimal(51)

    today = for_signals(facts, floor.session, await surveyed(floor), ()).closes.iloc[-1]

    assert today["VOO"] == 102


def owed(*, targets: dict[Symbol, float], unfinished: dict[Symbol, int]) -> Owed:
    return Owed(a_run(), Rebalance(targets, "rotation"), TODAY, TODAY, unfinished)


async def shown(floor: Floor, debt: Owed | None) -> dict[Symbol, Holding]:
    seen = await surveyed(floor)
    return holdings(seen, debt, seen.portfolio.equity(seen.prices))


async def test_holdings_are_shown_with_their_value():
    floor = Floor(BOTH, 1000, VOO="2.5")

    assert await shown(floor, None) == {"VOO": Holding(Decimal("2.5"), 250.0)}


async def test_a_short_is_no_holding():
    assert await shown(Floor(BOTH, 1000, VOO=-2), None) == {}


async def test_an_unfinished_exit_is_shown_as_done():
    debt = owed(targets={"VOO": 0.0, "QQQ": 0.9}, unfinished={"VOO": -1})

    assert await shown(Floor(BOTH, 1000, VOO=1, QQQ=2), debt) == {"QQQ": Holding(Decimal(2), 400.0)}


async def test_an_unfinished_entry_is_shown_as_done():
    debt = owed(targets={"QQQ": 0.9}, unfinished={"QQQ": 5})

    assert await shown(Floor(BOTH, 1000), debt) == {"QQQ": Holding(Decimal(4), 900.0)}


async def test_an_unfinished_entry_below_a_share_is_shown_as_one():
    debt = owed(targets={"QQQ": 0.1}, unfinished={"QQQ": 1})

    assert await shown(Floor(BOTH, 1000), debt) == {"QQQ": Holding(Decimal(1), 100.0)}


async def test_a_part_of_an_unfinished_entry_is_shown_as_it_is():
    debt = owed(targets={"QQQ": 0.9}, unfinished={"QQQ": 3})

    assert await shown(Floor(BOTH, 1000, QQQ=2), debt) == {"QQQ": Holding(Decimal(2), 400.0)}


async def test_an_unfinished_entry_without_a_price_is_not_shown():
    floor = Floor(BOTH, 1000)
    floor.market.unquoted.add("QQQ")

    assert await shown(floor, owed(targets={"QQQ": 0.9}, unfinished={"QQQ": 5})) == {}


async def test_what_is_finished_of_a_debt_is_shown_as_it_is():
    debt = owed(targets={"VOO": 0.0, "QQQ": 0.9}, unfinished={"VOO": -1})

    assert "QQQ" not in await shown(Floor(BOTH, 1000, VOO=1), debt)
