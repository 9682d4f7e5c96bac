"""Cases that production platforms taught, one row each: the account, the wish, what is traded.

Orders read `SYMBOL shares @ limit`, notes `SYMBOL code`. Sells fill whole at the
last price unless `fills` says otherwise; then the buys are planned. BOXX is the
safe haven; limits lie half a percent from the market and confirmed proceeds may
buy the same day unless `rules` say otherwise.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from bot.domain.gates import Finding
from bot.domain.model import Plan, Portfolio, Proceeds, Role, TradingRules
from bot.domain.money import TargetValues
from bot.domain.planning import plan_buys, plan_sells
from bot.domain.strategy import Facts
from tests.builders import (
    Money,
    a_portfolio,
    a_quote,
    a_run,
    a_situation,
    quotes,
    targets,
    traded,
    usd_targets,
)

HAVEN = {"BOXX": Role.SAFE_HAVEN}
HALF_PERCENT = {"buy_premium": "0.005", "sell_discount": "0.005"}


def ruled(**differing: Any) -> TradingRules:
    told = {"proceeds": Proceeds.SAME_DAY} | HALF_PERCENT | differing
    return TradingRules(**{k: Decimal(v) if k not in AS_THEY_ARE else v for k, v in told.items()})


AS_THEY_ARE = {"proceeds", "premiums", "max_orders"}


@dataclass(frozen=True, kw_only=True)
class Case:
    cash: Money
    prices: Mapping[str, Money]
    held: Mapping[str, Money] = field(default_factory=dict)
    usd: Mapping[str, Money] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    equity: Money | None = None
    reserve: Money = 0
    spendable: Money | None = None
    rules: TradingRules = field(default_factory=ruled)
    findings: Mapping[str, tuple[Finding, ...]] = field(default_factory=dict)
    fills: Mapping[str, tuple[int, Money]] | None = None
    sells: str = ""
    buys: str = ""
    notes: str = ""


KEPT: Mapping[str, Case] = {
    # Sizes, bands, gates.
    "A01 one limit buy": Case(
        cash=1000, prices={"VOO": 100}, weights={"VOO": 1},
        rules=ruled(reserve="0.03", band="0.02"),
        buys="VOO 9 @ 100.50",
    ),
    "A02 a wide premium costs a share": Case(
        cash=1000, prices={"SOXL": 100}, usd={"SOXL": 1000}, rules=ruled(buy_premium="0.015"),
        buys="SOXL 9 @ 101.50", notes="SOXL cash_below_one_share",
    ),
    "A03 only whole shares": Case(
        cash="726.38", held={"SOXL": 1}, prices={"SOXL": "152.93"}, usd={"SOXL": 900},
        buys="SOXL 4 @ 153.69",
    ),
    "A04 what the broker calls available bounds the buy": Case(
        cash="726.38", held={"SOXL": 1}, prices={"SOXL": "152.93"}, usd={"SOXL": 900},
        spendable="537.92", rules=ruled(proceeds=Proceeds.MARGIN),
        buys="SOXL 3 @ 153.69", notes="SOXL awaiting_settlement",
    ),
    "A05 no quote, no order": Case(
        cash=1000, prices={}, weights={"VOO": 1},
        notes="VOO quote_missing",
    ),
    "A06 no equity, no order": Case(
        cash=0, prices={"VOO": 100, "QQQ": 100}, weights={"VOO": 0.5, "QQQ": 0.5},
    ),
    "A07 no cash, no buy": Case(
        cash=0, prices={"VOO": 100}, usd={"VOO": 1000},
        notes="VOO cash_below_one_share",
    ),
    "A08 below the minimum": Case(
        cash=90, prices={"VOO": 10}, usd={"VOO": 90}, rules=ruled(min_notional="100"),
        notes="VOO below_minimum",
    ),
    "A09 the minimum never blocks an exit": Case(
        cash=0, held={"SOXL": 1}, prices={"SOXL": 80}, usd={"SOXL": 0},
        rules=ruled(min_notional="100"),
        sells="SOXL 1 @ 79.60",
    ),
    "A10 an exit": Case(
        cash="-3.82", equity="327.88", held={"VOO": 2}, prices={"VOO": "165.85"}, usd={"VOO": 0},
        sells="VOO 2 @ 165.02",
    ),
    "A11 an exit counts shares, not money": Case(
        cash=0, equity="524.10", held={"SOXL": 3}, prices={"SOXL": "175.42"}, usd={"SOXL": 0},
        sells="SOXL 3 @ 174.54",
    ),
    "A12 an exit of less money than its shares are worth": Case(
        cash=0, equity="327.88", held={"SOXL": 2}, prices={"SOXL": "165.85"}, usd={"SOXL": 0},
        sells="SOXL 2 @ 165.02",
    ),
    "A13 a fraction stays": Case(
        cash=0, held={"BOXX": "1.5"}, prices={"BOXX": 100}, usd={"BOXX": 0},
        sells="BOXX 1 @ 99.50",
    ),
    "A14 on target": Case(
        cash=0, held={"TQQQ": 100, "BOXX": 100}, prices={"TQQQ": 100, "BOXX": 100},
        usd={"TQQQ": 10000, "BOXX": 10000}, rules=ruled(band="0.025"),
    ),
    "A21 the gap is too small, not the cash": Case(
        cash=2000, prices={"SPY": "1167.40"}, usd={"SPY": "1005.08"},
        notes="SPY target_below_one_share",
    ),
    # Sell, then buy.
    "A22 the proceeds buy": Case(
        cash="101.95", held={"SOXL": 695}, prices={"SOXL": "45.94", "SOXX": "322.74"},
        usd={"SOXL": 0, "SOXX": "34718.05"}, equity=40000, fills={"SOXL": (695, "57.41")},
        sells="SOXL 695 @ 45.71", buys="SOXX 108 @ 324.35",
    ),
    "A23 no proceeds, no buy": Case(
        cash="101.95", held={"SOXL": 695}, prices={"SOXL": "45.94", "SOXX": "322.74"},
        usd={"SOXL": 0, "SOXX": "34718.05"}, fills={},
        sells="SOXL 695 @ 45.71", notes="SOXX cash_below_one_share",
    ),
    "A24 the safe haven pays for the risk": Case(
        cash=24, held={"BOXX": 10}, prices={"TQQQ": 50, "BOXX": 100},
        usd={"TQQQ": 900, "BOXX": 100}, rules=ruled(buy_premium="0"),
        sells="BOXX 9 @ 99.50", buys="TQQQ 18 @ 50.00",
    ),
    "A25 a part of the safe haven sold": Case(
        cash=24, held={"BOXX": 10}, prices={"TQQQ": 50, "BOXX": 100},
        usd={"TQQQ": 900, "BOXX": 100}, rules=ruled(buy_premium="0"), fills={"BOXX": (8, 100)},
        sells="BOXX 9 @ 99.50", buys="TQQQ 16 @ 50.00", notes="TQQQ cash_below_one_share",
    ),
    "A26 the proceeds top up": Case(
        cash="112.38", held={"SOXL": 3, "SOXX": 2}, prices={"SOXL": "192.50", "SOXX": "582.25"},
        equity="1920.36", reserve="57.61", usd={"SOXL": 0, "SOXX": "1676.47"},
        sells="SOXL 3 @ 191.54", buys="SOXX 1 @ 585.16",
    ),
    "A27 a sale that only rests pays nothing": Case(
        cash="112.38", held={"SOXL": 3}, prices={"SOXL": "192.50", "SOXX": "582.25"},
        equity=700, reserve=21, usd={"SOXL": 0, "SOXX": 630}, fills={},
        sells="SOXL 3 @ 191.54", notes="SOXX cash_below_one_share",
    ),
    "A28 a part of a sale pays its part": Case(
        cash=100, held={"SOXL": 3}, prices={"SOXL": 200, "SOXX": 300},
        usd={"SOXL": 0, "SOXX": 600}, fills={"SOXL": (1, 190)},
        sells="SOXL 3 @ 199.00", notes="SOXX cash_below_one_share",
    ),
    "A29 more than half a share is bought": Case(
        cash=10, held={"SOXL": 3, "SOXX": 2}, prices={"SOXL": 40, "SOXX": 100},
        usd={"SOXL": 0, "SOXX": 260},
        sells="SOXL 3 @ 39.80", buys="SOXX 1 @ 100.50",
    ),
    "A30 available is not cash": Case(
        cash=400, spendable=2000, held={"SOXX": 4}, prices={"SOXX": 611, "SOXL": "219.80"},
        equity=4032, usd={"SOXX": "2217.60", "SOXL": "1411.20"},
        rules=ruled(proceeds=Proceeds.MARGIN),
        buys="SOXL 1 @ 220.90",
        notes="SOXX gap_below_one_share, SOXL cash_below_one_share",
    ),
    "A31 the reserve floor stays": Case(
        cash="1412.12", held={"SOXL": 3, "SOXX": 2}, prices={"SOXL": "225.19", "SOXX": "600.71"},
        weights={"SOXL": 0, "SOXX": 0.9}, rules=ruled(reserve_floor="150"),
        sells="SOXL 3 @ 224.06", buys="SOXX 3 @ 603.71",
    ),
    "A32 a debt buys nothing and is repaid": Case(
        cash=-284, spendable="1588.89", held={"VOO": 10}, prices={"VOO": 100, "QQQ": 50},
        weights={"VOO": 0.5, "QQQ": 0.5}, rules=ruled(proceeds=Proceeds.MARGIN), fills={},
        sells="VOO 3 @ 99.50", notes="VOO negative_cash, QQQ negative_cash",
    ),
    "A33 money borrowed or foreign is not spent": Case(
        cash="477.10", spendable="885.99", prices={"VOO": 100}, weights={"VOO": 1},
        rules=ruled(proceeds=Proceeds.MARGIN),
        buys="VOO 4 @ 100.50",
    ),
    "A36 foreign cash alone trades nothing": Case(
        cash=0, prices={"VOO": 100}, weights={"VOO": 1},
    ),
    # Small accounts.
    "A42 a large safe haven is bought beside a risk target that can not be": Case(
        cash=50000, prices={"SOXX": 525, "BOXX": "116.83"}, usd={"SOXX": "194.10", "BOXX": 49500},
        buys="BOXX 424 @ 117.41", notes="SOXX target_below_one_share",
    ),
    "A44 one share near its target is kept": Case(
        cash="519.54", held={"SOXX": 1}, prices={"SOXX": "605.17", "SOXL": "232.99"}, reserve=150,
        usd={"SOXX": "561.33", "SOXL": "357.21"},
        buys="SOXL 1 @ 234.15", notes="SOXX kept_one_share",
    ),
    "A45 one share near its target is taken": Case(
        cash="623.39", prices={"SOXL": "229.73", "SOXX": 603},
        usd={"SOXL": "218.19", "SOXX": "342.86"}, rules=ruled(buy_premium="0.015"),
        buys="SOXL 1 @ 233.18", notes="SOXL took_one_share, SOXX target_below_one_share",
    ),
    "A46 a second share": Case(
        cash=700, held={"SOXX": 1}, prices={"SOXX": 605}, weights={"SOXX": 0.883},
        buys="SOXX 1 @ 608.02",
    ),
    "A47 a share dearer than its target": Case(
        cash="564.30", prices={"QQQ": "715.86"}, usd={"QQQ": "507.87"},
        notes="QQQ target_below_one_share",
    ),
    "A48 a cheaper share of the same": Case(
        cash="564.30", prices={"QQQM": 320}, usd={"QQQM": "507.87"},
        buys="QQQM 1 @ 321.60",
    ),
    # The safe haven.
    "A50 sold for what it makes possible": Case(
        cash=0, held={"BOXX": 10}, prices={"SOXL": 100, "BOXX": 100},
        usd={"SOXL": 500, "BOXX": 500},
        sells="BOXX 5 @ 99.50", buys="SOXL 4 @ 100.50", notes="SOXL cash_below_one_share",
    ),
    "A52 not sold where even its money buys no share": Case(
        cash="14.46", held={"BOXX": 1}, prices={"SOXL": "167.79", "BOXX": 100},
        usd={"SOXL": 170, "BOXX": 1},
        notes="BOXX safe_haven_kept, SOXL cash_below_one_share",
    ),
    "A54 no more sold than one share needs": Case(
        cash=80, held={"BOXX": 5}, prices={"QQQM": 264, "BOXX": 100},
        usd={"QQQM": 527, "BOXX": 53},
        sells="BOXX 2 @ 99.50", buys="QQQM 1 @ 265.32", notes="BOXX safe_haven_kept",
    ),
    "A55 never bought back": Case(
        cash=0, held={"BOXX": 10}, prices={"QQQM": 50, "BOXX": 100},
        usd={"QQQM": 550, "BOXX": 0}, rules=ruled(buy_premium="0"),
        sells="BOXX 10 @ 99.50", buys="QQQM 11 @ 50.00",
    ),
    "A57 a preview spends what its sales would bring": Case(
        cash=0, held={"VOO": 4}, prices={"VOO": 500, "QQQ": 100}, weights={"VOO": 0.5, "QQQ": 0.5},
        sells="VOO 2 @ 497.50", buys="QQQ 9 @ 100.50", notes="QQQ cash_below_one_share",
    ),
    "A59 sells the safe haven, then buys": Case(
        cash=24, held={"BOXX": 2}, prices={"VOO": 100, "BOXX": 100}, equity=1000,
        usd={"VOO": 800, "BOXX": 0},
        sells="BOXX 2 @ 99.50", buys="VOO 2 @ 100.50", notes="VOO cash_below_one_share",
    ),
    "A84 whole shares only": Case(
        cash=200000, prices={"2800": 12, "3033": 18}, weights={"2800": 0.45, "3033": 0.35},
        buys="2800 7500 @ 12.06, 3033 3889 @ 18.09",
    ),
}  # fmt: skip

# Cases that are not kept literally: the reason, and what is done instead.
DIFFERENT: Mapping[str, tuple[str, Case]] = {
    "A15 an own order works in the symbol": (
        "a working order stops its symbol, not the run",
        Case(
            cash=1000, prices={"VOO": 100, "QQQ": 100}, weights={"VOO": 0.5, "QQQ": 0.5},
            findings={"VOO": (Finding.OPEN_ORDER,)},
            buys="QQQ 5 @ 100.50", notes="VOO open_order",
        ),
    ),
    "A24 with proceeds that must settle": (
        "where proceeds buy only once they settle, the buys are owed",
        Case(
            cash=24, held={"BOXX": 10}, prices={"TQQQ": 50, "BOXX": 100},
            usd={"TQQQ": 900, "BOXX": 100}, rules=ruled(proceeds=Proceeds.SETTLED),
            sells="BOXX 9 @ 99.50", notes="TQQQ awaiting_settlement",
        ),
    ),
    "A35 more debt than holdings": (
        "no base of gross holdings is invented: without equity every target is zero",
        Case(
            cash=-3000, held={"SOXL": 20, "BOXX": 5}, prices={"SOXL": 100, "BOXX": 100},
            weights={"SOXL": 0.8, "BOXX": 0.2},
            sells="SOXL 20 @ 99.50, BOXX 5 @ 99.50",
        ),
    ),
    "A40 three shares where the case buys two": (
        "left-over cash rounds a gap of at least half a share up: 2.83 shares become 3",
        Case(
            cash="236.81", held={"SOXX": 1},
            prices={"SOXX": "536.88", "SOXL": "191.15", "BOXX": 116},
            usd={"SOXX": "154.74", "SOXL": "541.58", "BOXX": "77.37"},
            sells="SOXX 1 @ 534.20", buys="SOXL 3 @ 192.11",
            notes="SOXX not_bought_back, BOXX target_below_one_share",
        ),
    ),
    "A41 a safe haven above the minimum": (
        "its target of 1,067 is above 1,000, so it is bought",
        Case(
            cash=1294, prices={"SOXX": 525, "BOXX": "116.83"},
            weights={"SOXX": 0.15, "BOXX": 0.85}, rules=ruled(reserve="0.03"),
            buys="BOXX 9 @ 117.41", notes="SOXX target_below_one_share",
        ),
    ),
    "A43 a leveraged share is kept like any other": (
        "one rule for all symbols: 0.79 of a share is below 0.85, so all are sold",
        Case(
            cash=0, held={"TQQQ": 7}, prices={"TQQQ": "77.33", "QQQM": "297.19"},
            usd={"TQQQ": "60.94", "QQQM": 320},
            sells="TQQQ 7 @ 76.94", buys="QQQM 1 @ 298.68", notes="TQQQ not_bought_back",
        ),
    ),
    "A49 a small safe haven beside risk that is bought": (
        "it stays cash only where a risk target could not be bought",
        Case(
            cash=1500, prices={"VOO": 100, "BOXX": 100}, weights={"VOO": 0.5, "BOXX": 0.5},
            buys="VOO 7 @ 100.50, BOXX 7 @ 100.50",
        ),
    ),
    "A49 a small safe haven beside risk that is not": (
        "the same rule, from the other side",
        Case(
            cash=1500, prices={"VOO": 1000, "BOXX": 100}, weights={"VOO": 0.5, "BOXX": 0.5},
            notes="VOO target_below_one_share, BOXX safe_haven_as_cash",
        ),
    ),
    "A51 a safe haven at its target is not sold": (
        "the case leaves its target open; above it the missing shares would be funded",
        Case(
            cash=200, held={"BOXX": 10}, prices={"SOXL": 100, "BOXX": 100},
            usd={"SOXL": 500, "BOXX": 1000},
            buys="SOXL 1 @ 100.50", notes="SOXL cash_below_one_share",
        ),
    ),
    "A53 no churn, but half a share is a share": (
        "a gap of 0.73 shares takes left-over cash; the safe haven is left alone, as asked",
        Case(
            cash=80, held={"TQQQ": "9.090909", "QQQ": "0.78125", "BOXX": 5},
            prices={"TQQQ": 55, "QQQ": 640, "BOXX": 100},
            usd={"TQQQ": 540, "QQQ": 500, "BOXX": 100},
            buys="TQQQ 1 @ 55.28", notes="BOXX safe_haven_kept",
        ),
    ),
    "A56 cash and gap decide, no estimate": (
        "no broker is asked how many shares it thinks possible",
        Case(
            cash=1200, prices={"BOXX": 100}, usd={"BOXX": 1150},
            buys="BOXX 11 @ 100.50",
        ),
    ),
    "A71 a close is no quote": (
        "never an order at a historical close",
        Case(
            cash=1000, prices={"VOO": 100}, weights={"VOO": 1},
            findings={"VOO": (Finding.QUOTE_STALE,)},
            notes="VOO quote_stale",
        ),
    ),
}  # fmt: skip

CASES = {**KEPT, **{name: case for name, (_, case) in DIFFERENT.items()}}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_run_trades_what_its_row_says(case: Case):
    account = account_of(case)
    wanted = targets_of(case, account)

    sells, buys = both_sides(case, account, wanted)

    assert orders(sells) == case.sells
    assert orders(buys) == case.buys
    codes = {note.symbol: note.code for note in (*sells.notes, *buys.notes)}
    assert codes == dict(note.split() for note in case.notes.split(", ") if note)


def account_of(case: Case) -> Portfolio:
    account = a_portfolio(case.cash, **case.held)
    if case.spendable is None:
        return account
    return replace(account, spendable=Decimal(case.spendable))


def targets_of(case: Case, account: Portfolio) -> TargetValues:
    here = a_situation(account, quotes(**case.prices))
    if case.weights:
        return targets(case.weights, here, case.rules, HAVEN)
    equity = account.equity(here.prices) if case.equity is None else case.equity
    return usd_targets(equity, HAVEN, reserve=case.reserve, **case.usd)


def both_sides(case: Case, account: Portfolio, wanted: TargetValues) -> tuple[Plan, Plan]:
    market = quotes(**case.prices)
    sells = plan_sells(a_run(), wanted, a_situation(account, market, case.findings), case.rules)
    fills = [
        (replace(order, shares=shares), Decimal(price))
        for order in sells.orders
        for shares, price in [filled(case, order.symbol, order.shares)]
    ]
    after = a_situation(
        traded(account, *fills),
        market,
        case.findings,
        proceeds=sum(order.shares * price for order, price in fills),
        sold={order.symbol for order in sells.orders},
    )
    return sells, plan_buys(a_run(), wanted, after, case.rules)


def filled(case: Case, symbol: str, shares: int) -> tuple[int, Money]:
    if case.fills is None:
        return shares, case.prices[symbol]
    return case.fills.get(symbol, (0, 0))


def orders(plan: Plan) -> str:
    return ", ".join(f"{o.symbol} {o.shares} @ {o.limit or 'market'}" for o in plan.orders)


RESERVES = {
    "A37 the floor is the largest": (1000, "0.03", "250", 0.0, 250),
    "A38 the rule is the largest": (120000, "0.03", "150", 0.01, 3600),
    "A38 the strategy's is the largest": (10000, "0.03", "150", 0.12, 1200),
    "A39 a floor on 20,000": (20000, "0.03", "1500", 0.0, 1500),
    "A39 a floor on 1,000": (1000, "0.03", "150", 0.0, 150),
    # The case lets one profile keep less than the rule; here the largest counts for all.
    "A39 the strategy's own is below the rule": (1000, "0.03", "0", 0.01, 30),
}


@pytest.mark.parametrize("row", RESERVES.values(), ids=RESERVES.keys())
def test_the_reserve_is_the_largest_of_three_taken_once(row):
    equity, rule, floor, asked, reserve = row
    here = a_situation(a_portfolio(equity), quotes(VOO=100))
    rules = ruled(reserve=rule, reserve_floor=floor)

    wanted = targets({"VOO": 1.0}, here, rules, reserve=asked)

    assert wanted == usd_targets(equity, reserve=reserve, VOO=equity - reserve)


PROVISIONAL = {
    "A60 the quote is today's close": (["2026-05-25", "2026-05-26"], 112, [100, 105, 112]),
    # The case replaces the bar; here the source's own unfinished bar of today stands.
    "A61 a bar of today is there already": (["2026-05-26", "2026-05-27"], 112, [100, 105]),
    # The case decides without today; here the row is empty, and an empty vital row blocks.
    "A62 no quote": (["2026-05-25", "2026-05-26"], None, [100, 105, None]),
}


@pytest.mark.parametrize("row", PROVISIONAL.values(), ids=PROVISIONAL.keys())
def test_today_joins_the_history_once(row):
    days, price, expected = row
    index = pd.DatetimeIndex(days)
    facts = Facts(pd.DataFrame({"VOO": [100.0, 105.0]}, index), index)
    market = {} if price is None else {"VOO": a_quote("VOO", price)}

    closes = facts.with_today(date(2026, 5, 27), market).closes["VOO"]

    assert closes.index[-1] == pd.Timestamp("2026-05-27")
    assert [None if pd.isna(close) else close for close in closes] == expected
