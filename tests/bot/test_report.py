from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from bot.domain.errors import BellwetherError, Blocked, Halted
from bot.domain.memory import (
    Decided,
    Outcome,
    Owed,
    RunReport,
    Standing,
    Switch,
    SwitchState,
)
from bot.domain.model import (
    Action,
    Mode,
    Note,
    OrderIntent,
    OrderReport,
    OrderStatus,
    RunKey,
    Side,
)
from bot.domain.strategy import Hold, Rebalance
from bot.lines import width
from bot.report import (
    Language,
    Status,
    Title,
    render_error,
    render_note,
    render_positions,
    render_run,
    render_start,
    render_status,
    render_why,
)
from tests.builders import a_portfolio

EN, ZH = Language.EN, Language.ZH
SESSION = date(2026, 10, 9)
NOON = datetime(2026, 10, 9, 16, tzinfo=UTC)
NEXT = datetime(2026, 10, 12, 19, 45, tzinfo=UTC)
RUN = RunKey("rotation", SESSION)
TITLE = Title(Mode.PAPER, "rotation", "U7654321", "global_etf_rotation")
TABLE_WIDTH = 34
PHONE_WIDTH = 60


def prices(**known: str) -> dict[str, Decimal]:
    return {symbol: Decimal(price) for symbol, price in known.items()}


def decided(decision: Any = None, **changes: Any) -> Decided:
    decision = decision or Rebalance({"VOO": 0.5, "BIL": 0.0}, "rotation")
    following = decision if isinstance(decision, Rebalance) else None
    made = Decided(
        run=RUN,
        at=NOON,
        decision=decision,
        following=following,
        since=SESSION,
        late=False,
        equity=Decimal(10_000),
        prices=prices(VOO="500", BIL="90"),
        portfolio=a_portfolio("1000", BIL="100"),
        numbers={"VOO.momentum": 0.1234567, "BIL.momentum": 0.01, "breadth": 0.75},
    )
    return replace(made, **changes)


def an_order(
    action: str = "buy", symbol: str = "VOO", shares: int = 10, **changes: Any
) -> Standing:
    attempt, limit = changes.pop("attempt", 1), changes.pop("limit", "501.50")
    price = Decimal(limit) if limit else None
    intent = OrderIntent(RUN, symbol, Action(action), shares, price, attempt)
    side = Side.BUY if action == "buy" else Side.SELL
    sent = changes.pop("sent", True)
    status = changes.pop("status", None)
    report = replace(OrderReport.of(intent, OrderStatus(status)), **changes) if status else None
    return Standing(intent, side, NOON if sent else None, report)


def filled(symbol: str, shares: int, price: str, **changes: Any) -> Standing:
    return an_order(
        symbol=symbol,
        shares=shares,
        status="filled",
        filled=shares,
        average_price=Decimal(price),
        **changes,
    )


def a_run(outcome: Outcome = Outcome.COMPLETE, **changes: Any) -> RunReport:
    return RunReport(RUN, outcome, NOON, **{"decided": decided(), **changes})


def an_ordinary_run(**changes: Any) -> RunReport:
    return a_run(
        orders=(
            filled("BIL", 100, "90.01", action="sell", limit="89.73"),
            filled("VOO", 10, "500.125"),
        ),
        portfolio=a_portfolio("4999.75", VOO="10"),
        **changes,
    )


def lines_of(report: RunReport, language: Language = EN, title: Title = TITLE) -> list[str]:
    return render_run(report, title, language, NEXT).splitlines()


def test_a_message_begins_with_mode_book_account_alias_and_profile():
    assert lines_of(an_ordinary_run())[0] == "[PAPER] rotation …4321 · global_etf_rotation"


@pytest.mark.parametrize("mode", list(Mode))
def test_the_mode_is_the_first_word_of_every_message(mode):
    title = replace(TITLE, mode=mode)
    status = Status(title, "1.0", portfolio=a_portfolio())

    messages = [
        render_run(an_ordinary_run(), title, EN),
        render_error(Blocked("paused"), title, ZH),
        render_start(status, EN),
        render_status(status, ZH),
        render_positions(status, EN),
    ]

    assert {message.split()[0] for message in messages} == {f"[{mode.value.upper()}]"}


def test_a_run_says_what_was_done_and_why():
    assert lines_of(an_ordinary_run()) == [
        "[PAPER] rotation …4321 · global_etf_rotation",
        "Fri 2026-10-09: complete",
        "decision: rebalance – rotation into the strongest",
        "sells",
        "sell 100 BIL at 89.73: filled 100 of 100 @ 90.01",
        "buys",
        "buy 10 VOO at 501.50: filled 10 of 10 @ 500.125",
        "cash 4,999.75 of equity 9,999.75",
        "next: Mon 2026-10-12, 15:45 New York",
    ]


def test_a_run_says_it_in_chinese():
    assert lines_of(an_ordinary_run(), ZH) == [
        "[PAPER] rotation …4321 · global_etf_rotation",
        "周五 2026-10-09：已完成",
        "决定：调仓——轮动到最强标的",
        "卖出",
        "卖出 BIL 100 股，限价 89.73：成交 100 / 100 股 @ 90.01",
        "买入",
        "买入 VOO 10 股，限价 501.50：成交 10 / 10 股 @ 500.125",
        "现金 4,999.75，净值 9,999.75",
        "下次：周一 2026-10-12，纽约时间 15:45",
    ]


def test_a_day_without_a_decision_gets_a_short_message():
    report = a_run(Outcome.HELD, decided=decided(Hold("not_due")), portfolio=a_portfolio())

    assert lines_of(report) == [
        "[PAPER] rotation …4321 · global_etf_rotation",
        "Fri 2026-10-09: nothing to do – not a rebalance session of this profile",
        "next: Mon 2026-10-12, 15:45 New York",
    ]


STANDINGS = {
    "buy 10 VOO at 501.50: not sent": an_order(sent=False),
    "buy 10 VOO at 501.50: UNCONFIRMED, asked and not answered": an_order(),
    "buy 10 VOO at 501.50: sent, working": an_order(status="working"),
    "buy 10 VOO at 501.50: sent, working, filled 4 of 10 @ 500.00": an_order(
        status="working", filled=4, average_price=Decimal(500)
    ),
    "buy 10 VOO at 501.50: cancel asked, not confirmed": replace(
        an_order(status="working"), cancel_asked_at=NOON
    ),
    "buy 10 VOO at 501.50: cancelled, filled 0 of 10": an_order(status="cancelled"),
    "buy 10 VOO at 501.50 #2: expired, filled 3 of 10 @ 500.00": an_order(
        status="expired", filled=3, average_price=Decimal(500), attempt=2
    ),
    "buy 10 VOO at 501.50: cancelled, filled 0 of 10: too far away": an_order(
        status="cancelled", reason="too far away"
    ),
    "buy 10 VOO at 501.50: sent, working: held for review": an_order(
        status="working", reason="held for review"
    ),
    "buy 10 VOO at 501.50: REFUSED: no shares": an_order(status="refused", reason="no shares"),
    "buy 10 VOO: filled 10 of 10 @ 500.00": filled("VOO", 10, "500", limit=None),
    "buy 10 VOO at 501.50: never reached the account": an_order(status="not_booked"),
}


@pytest.mark.parametrize(("line", "order"), STANDINGS.items(), ids=STANDINGS)
def test_an_order_says_how_far_it_came(line, order):
    assert line in lines_of(a_run(orders=(order,)))


@pytest.mark.parametrize("order", [an_order(), an_order(sent=False), an_order(status="working")])
@pytest.mark.parametrize("language", list(Language))
def test_what_is_not_filled_is_never_called_so(order, language):
    text = render_run(a_run(orders=(order,)), TITLE, language)

    assert "filled" not in text
    assert "成交" not in text


def test_a_dry_run_sends_nothing_and_says_so():
    dry = replace(TITLE, mode=Mode.DRY)

    assert "buy 10 VOO at 501.50: preview, not sent" in lines_of(
        a_run(orders=(filled("VOO", 10, "500"),)), title=dry
    )


def test_equal_notes_stand_once_with_all_their_symbols():
    gap = {"gap": Decimal("12.5")}
    notes = (Note("inside_band", "VOO", gap), Note("inside_band", "BIL", gap))

    lines = lines_of(a_run(notes=(*notes, *notes)))

    assert [line for line in lines if "band" in line] == [
        "VOO, BIL: inside the rebalance band, not traded (gap 12.50)"
    ]


def test_a_note_of_the_decision_is_not_told_twice():
    note = Note("small_account", "", {"equity": Decimal(2999), "recommended": Decimal(3000)})

    text = render_run(a_run(decided=decided(notes=(note,)), notes=(note,)), TITLE, EN)

    assert text.count("2,999.00 is below the 3,000.00") == 1


def test_many_notes_of_one_kind_are_cut_and_counted():
    notes = [Note("inside_band", f"S{n}", {"gap": Decimal(n)}) for n in range(1, 9)]

    lines = lines_of(a_run(notes=notes))

    assert sum("inside the rebalance band" in line for line in lines) == 3
    assert "… 5 more like it: S4, S5, S6, S7, S8" in lines


def test_wanted_and_held_weights_are_shown_where_they_differ():
    report = an_ordinary_run(decided=decided(Rebalance({"VOO": 0.55, "BIL": 0.0}, "rotation")))

    lines = lines_of(report)

    assert lines[lines.index("wanted and held") + 1 :][:2] == [
        "symbol wanted  held  off",
        "VOO     55.0% 50.0% -5.0",
    ]


def test_the_table_of_weights_takes_the_place_of_drift_notes():
    note = Note("drift", "VOO", {"wanted": 0.55, "possible": 0.5})
    wanted = decided(Rebalance({"VOO": 0.55, "BIL": 0.0}, "rotation"))

    with_table = render_run(an_ordinary_run(decided=wanted, notes=(note,)), TITLE, EN)
    without = render_run(a_run(decided=wanted, notes=(note,)), TITLE, EN)

    assert "possible" not in with_table
    assert "VOO: wanted 55.0 %, possible 50.0 %" in without


def test_more_than_five_drifts_are_counted():
    targets = {f"S{n}": 0.1 for n in range(8)}
    report = a_run(decided=decided(Rebalance(targets, "rotation")), portfolio=a_portfolio(100))

    assert "+3 more" in lines_of(report)


def test_without_a_price_no_weight_and_no_equity_is_made_up():
    report = an_ordinary_run(decided=decided(prices=prices(BIL="90")))

    lines = lines_of(report)

    assert "cash 4,999.75" in lines
    assert "wanted and held" not in lines


def an_owed_run() -> RunReport:
    note = Note("awaiting_settlement", "VOO", {"amount": Decimal("4812.2"), "day": "2026-10-13"})
    targets = Rebalance({"VOO": 0.5, "BIL": 0.0}, "rotation")
    return a_run(
        Outcome.OWED,
        orders=(filled("BIL", 100, "90", action="sell"),),
        notes=(note,),
        portfolio=a_portfolio("5000", settled="187.80"),
        owed=Owed(RUN, targets, SESSION, date(2026, 10, 14), {"VOO": 10}),
    )


def test_an_unfinished_rebalance_says_how_much_is_done_and_what_it_waits_for():
    lines = lines_of(an_owed_run())

    assert lines[1] == "Fri 2026-10-09: not complete"
    assert lines[-5:-1] == [
        "settled 187.80",
        "rebalance 64 % done, expires Wed 2026-10-14",
        "buys due Tue 2026-10-13 when 4,812.20 of proceeds settle",
        "still to do: buy 10 VOO",
    ]


def test_a_rebalance_that_owes_is_never_called_wholly_done():
    crumb = Owed(RUN, Rebalance({"VOO": 0.5}, "rotation"), SESSION, SESSION, {"CENT": 1})
    report = replace(an_owed_run(), owed=crumb, prices=prices(CENT="0.01"))

    assert "rebalance 99 % done, expires Fri 2026-10-09" in lines_of(report)


def test_an_unfinished_sale_is_named_as_one():
    owed = Owed(RUN, Rebalance({"BIL": 0.0}, "rotation"), SESSION, SESSION, {"BIL": -40})

    assert "still to do: sell 40 BIL" in lines_of(replace(an_owed_run(), owed=owed))


def test_kept_targets_are_told_with_the_session_they_are_from():
    kept = decided(Hold("not_due"), following=Rebalance({"VOO": 0.5}, "rotation"))
    report = a_run(decided=replace(kept, since=date(2026, 10, 8)))

    lines = lines_of(report)

    assert "decision: hold – not a rebalance session of this profile" in lines
    assert "trading the targets kept from Thu 2026-10-08" in lines


def test_flags_of_a_decision_are_told():
    flagged = decided(Rebalance({"BIL": 1.0}, "emergency", flags=("emergency",)))

    assert any(line.startswith("flags: emergency") for line in lines_of(a_run(decided=flagged)))


def test_a_blocked_run_tells_cause_remedy_and_that_nothing_was_sent():
    note = Note("vital_quote_missing", "", {"symbols": ("EFA", "EEM")})

    lines = lines_of(a_run(Outcome.BLOCKED, decided=None, notes=(note,)))

    assert lines[1:4] == [
        "Fri 2026-10-09: BLOCKED",
        "there is no quote for EFA, EEM, without which nothing can be decided",
        "Nothing was sent to the broker.",
    ]
    assert lines[4].startswith("→ Check the connection")
    assert lines[5] == "reference: rotation/vital_quote_missing"


def test_a_run_that_died_is_told_with_the_mark_of_the_log():
    note = Note("unforeseen", "", {"error": "KeyError", "reference": "ab12cd34"})

    lines = lines_of(a_run(Outcome.BLOCKED, decided=None, notes=(note,)))

    assert lines[-2] == "reference: rotation/unforeseen/ab12cd34"


def test_a_halted_run_tells_what_reached_the_broker():
    report = a_run(Outcome.HALTED, orders=(an_order(), filled("BIL", 1, "90", action="sell")))

    assert "At the broker: 2 sent, 1 with fills, 1 unconfirmed." in lines_of(report)


def test_a_run_that_is_cut_off_says_what_it_had_decided():
    report = a_run(Outcome.HALTED, orders=(an_order(),), notes=(Note("halt_switch"),))

    assert lines_of(report)[2] == "decision: rebalance – rotation into the strongest"


@pytest.mark.parametrize("orders", [None, [an_order()], [filled("VOO", 10, "500")]])
def test_a_dry_run_never_says_that_something_reached_the_broker(orders):
    dry = replace(TITLE, mode=Mode.DRY)

    lines = render_error(Halted("halt_switch"), dry, EN, orders).splitlines()

    assert lines[2] == "Nothing was sent to the broker."


def test_a_run_without_orders_says_so():
    assert "no orders" in lines_of(a_run())


def test_a_book_that_does_not_wake_again_says_so():
    assert render_run(a_run(), TITLE, EN).endswith("next: not scheduled")


def big_status() -> Status:
    held = {"BRK.B": "1234567", "VOO": "98765.4321", "SOXL": "10"}
    known = prices(**{"BRK.B": "812.40", "VOO": "612.10", "SOXL": "34.12"})
    portfolio = replace(
        a_portfolio("1234567.89", **held),
        hands_off={"QQQ": Decimal(20)},
        others=("TQQQ 2027-01-15 C 90",),
        foreign_cash={"SGD": Decimal("350.5")},
    )
    return Status(TITLE, "1.0", portfolio=portfolio, prices=known)


@pytest.mark.parametrize("language", list(Language))
def test_tables_fit_a_phone(language):
    text = render_positions(big_status(), language).splitlines()

    assert {width(line) for line in text[1:5]} == {width(text[1])}
    assert width(text[1]) <= TABLE_WIDTH


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("report", [an_ordinary_run(), an_owed_run()])
def test_lines_of_an_ordinary_message_fit_a_phone(report, language):
    longest = max(width(line) for line in lines_of(report, language))

    assert longest <= PHONE_WIDTH


def test_positions_show_what_is_traded_and_what_is_not():
    assert render_positions(big_status(), EN).splitlines()[1:] == [
        "symbol   shares    value weight",
        "BRK.B   1234567 1,003.0M  94.2%",
        "SOXL         10      341   0.0%",
        "VOO    98765.43    60.5M   5.7%",
        "cash 1,234,567.89 of equity 1,064,651,460.88",
        "hands off: QQQ 20",
        "not stocks, not traded: TQQQ 2027-01-15 C 90",
        "other currencies, not spent: SGD 350.5",
    ]


def test_a_holding_without_a_price_has_no_value():
    status = Status(TITLE, "1.0", portfolio=a_portfolio(VOO="3"))

    assert render_positions(status, EN).splitlines()[2].split() == ["VOO", "3", "?", "?"]


def test_an_account_without_holdings_says_so():
    status = Status(TITLE, "1.0", portfolio=a_portfolio())

    assert "no managed holdings" in render_positions(status, EN)


def test_an_account_never_read_is_not_an_empty_one():
    status = Status(TITLE, "1.0")

    assert "has not been read" in render_positions(status, EN)
    assert "has not been read" in render_status(status, EN)


def test_an_error_says_cause_reach_remedy_and_reference():
    error = Blocked("broker_unavailable", reason="connection refused", port=7497)

    assert render_error(error, TITLE, EN).splitlines() == [
        "[PAPER] rotation …4321 · global_etf_rotation",
        "BLOCKED: the broker can not be reached: connection refused",
        "Nothing was sent to the broker.",
        "→ Check the network and the broker's gateway; it is tried again until the deadline.",
        "reference: rotation/broker_unavailable",
        "port: 7497",
    ]


def test_an_error_says_it_in_chinese():
    lines = render_error(Halted("halt_switch", reason="check"), TITLE, ZH).splitlines()

    assert lines[1] == "已停止：组合已被人工停止：check"
    assert lines[2].startswith("此前发送的订单依然有效")


def test_an_unforeseen_error_counts_what_reached_the_broker():
    error = BellwetherError("unforeseen", error="ZeroDivisionError")

    lines = render_error(error, TITLE, EN, [an_order(), an_order(sent=False)]).splitlines()

    assert lines[1] == "ERROR: something unforeseen went wrong: ZeroDivisionError"
    assert lines[2] == "At the broker: 1 sent, 0 with fills, 1 unconfirmed."


def test_the_mark_of_the_log_is_part_of_the_reference():
    error = BellwetherError("unforeseen", error="KeyError", reference="ab12cd34")

    assert render_error(error, TITLE, EN).endswith("reference: rotation/unforeseen/ab12cd34")


def test_news_between_runs_says_what_and_what_to_do():
    note = Note("open_question", "VOO", {"order": "ABC"})

    assert render_note(note, TITLE, EN).splitlines()[1:] == [
        "VOO: an order of ours is unanswered (ABC): nothing more in it until it is known",
        "→ It is asked again. If you know what became of it: bellwether resolve ORDER.",
    ]


def test_news_without_a_remedy_is_one_sentence():
    assert render_note(Note("exits_only"), TITLE, EN).splitlines()[1:] == [
        "the switch allows exits only"
    ]


def test_a_blocked_run_that_had_sent_orders_does_not_deny_them():
    text = render_error(Blocked("no_equity"), TITLE, EN, [an_order()])

    assert "Nothing was sent" not in text


def test_an_unknown_code_is_told_with_its_values():
    lines = render_error(BellwetherError("never_heard", depth=3), TITLE, EN).splitlines()

    assert lines[1] == "ERROR: never_heard (depth=3)"


def test_account_ids_are_never_told_whole():
    error = Halted("account_identity", reported="U7654321", expected="12345678")

    text = render_error(error, TITLE, EN)

    assert "account …4321, the book expects …5678" in text
    assert "U7654321" not in text


def test_a_start_says_what_orders_mean_and_when_the_book_wakes():
    status = Status(TITLE, "0.1.0", next_wake=NEXT, questions=(an_order(),))

    lines = render_start(status, EN).splitlines()

    assert lines[1:4] == [
        "started, version 0.1.0",
        "paper: orders go to a paper account, no money moves",
        "switch: active",
    ]
    assert lines[4].startswith("open question ")
    assert lines[5] == "next: Mon 2026-10-12, 15:45 New York"


def test_a_status_shows_switch_last_run_what_is_owed_and_money():
    status = Status(
        TITLE,
        "0.1.0",
        switch=SwitchState(Switch.PAUSED, "holiday"),
        last=an_owed_run(),
        portfolio=a_portfolio("5000"),
    )

    assert render_status(status, EN).splitlines()[2:] == [
        "switch: PAUSED, nothing trades – holiday",
        "last run: Fri 2026-10-09: not complete",
        "rebalance 64 % done, expires Wed 2026-10-14",
        "buys due Tue 2026-10-13 when 4,812.20 of proceeds settle",
        "still to do: buy 10 VOO",
        "cash 5,000.00 of equity 5,000.00",
        "next: not scheduled",
    ]


def test_a_status_shows_how_the_login_at_the_broker_stands():
    ends = datetime(2026, 10, 14, 15, 30, tzinfo=UTC)
    login = Note("schwab_login_holds", "", {"days": 2, "hours": 3, "ends": ends})

    text = render_status(Status(TITLE, "0.1.0", line=(login,)), EN)

    assert "login to Schwab: 2 d 3 h old, holds until Wed 2026-10-14 11:30 New York" in text


@pytest.mark.parametrize("switch", list(Switch))
@pytest.mark.parametrize("language", list(Language))
def test_every_switch_has_words(switch, language):
    status = Status(TITLE, "0.1.0", switch=SwitchState(switch))

    assert "switch_" not in render_status(status, language)


def test_why_leads_from_the_signal_to_the_fill():
    note = Note("gap_below_one_share", "VOO", {"gap": Decimal("0.25")})

    assert render_why(an_ordinary_run(notes=(note,)), "VOO", EN).splitlines() == [
        "why, rotation Fri 2026-10-09",
        "Fri 2026-10-09: complete",
        "decision: rebalance – rotation into the strongest",
        "signal VOO.momentum: 0.123457",
        "signal breadth: 0.75",
        "+1 more",
        "",
        "VOO",
        "target 50.0 % of 10,000.00 = 5,000.00, before the reserve",
        "held 0 × 500.00 = 0.00, 0.0 %",
        "drift -50.0 points",
        "gap 0.25 is less than one share",
        "buy 10 VOO at 501.50: filled 10 of 10 @ 500.125",
    ]


def test_why_without_a_symbol_explains_each_of_the_run():
    text = render_why(an_ordinary_run(), None, EN).splitlines()

    assert "VOO" in text
    assert "BIL" in text
    assert "signal breadth: 0.75" in text


def test_why_shows_all_signals_where_none_is_the_symbols_own():
    numbers = {f"indicator{n}": float(n) for n in range(15)}

    text = render_why(a_run(decided=decided(numbers=numbers)), "VOO", EN)

    assert text.count("signal ") == 12
    assert "+3 more" in text


def test_why_of_a_stranger_says_that_it_plays_no_part():
    assert render_why(a_run(), "XYZ", EN).endswith("XYZ plays no part in this run")


def test_why_of_hands_off_shares_says_whose_they_are():
    own = replace(a_portfolio(), hands_off={"QQQ": Decimal(20)})

    text = render_why(a_run(decided=decided(portfolio=own)), "QQQ", EN)

    assert "hands off: 20 shares are yours and not traded" in text


def test_why_of_a_kept_holding_without_price_or_target_says_both():
    kept = decided(Hold("not_due"), portfolio=a_portfolio(SOXL="7"))

    text = render_why(a_run(decided=kept), "SOXL", EN)

    assert "no target: the kept holding stays" in text
    assert "held 7, without a price" in text


def test_why_of_a_refused_order_says_what_to_do_about_its_reason_once():
    reason = "ibkr_precaution (symbol=VOO, number=109, told=The price exceeds 3 %)"
    order = an_order(status="refused", reason=reason)

    told = render_why(a_run(orders=(order, order)), "VOO", EN)

    assert "a precaution of the gateway stopped the order: The price exceeds 3 %" in told
    assert told.count("Bypass Order Precautions for API Orders") == 1


def test_why_of_an_order_that_waits_says_what_it_waits_for():
    order = an_order(status="working", reason="ibkr_held (symbol=VOO, told=until 09:30)")

    told = render_why(a_run(orders=(order,)), "VOO", Language.ZH)

    assert "until 09:30" in told
    assert "bellwether check" in told


def test_why_of_a_refused_order_gives_the_brokers_reason():
    order = an_order(status="refused", reason="price too far away")

    assert "REFUSED: price too far away" in render_why(a_run(orders=(order,)), "VOO", EN)


def test_why_of_a_run_that_never_decided_says_so():
    report = a_run(Outcome.BLOCKED, decided=None, notes=(Note("paused"),))

    text = render_why(report, None, EN)

    assert "the run ended before a decision" in text
    assert "the book is paused" in text
