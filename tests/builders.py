"""Small worlds for tests: each builder takes only what differs from the ordinary."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from bot.domain.gates import Finding
from bot.domain.model import (
    Action,
    OrderIntent,
    Plan,
    Portfolio,
    Proceeds,
    Quote,
    Quotes,
    Role,
    RunKey,
    Session,
    Symbol,
    TradingRules,
)
from bot.domain.money import TargetValues, value_targets
from bot.domain.situation import Situation
from bot.domain.strategy import Rebalance

NOW = datetime(2026, 3, 31, 19, 45, tzinfo=UTC)
TODAY = NOW.date()
RULES = TradingRules()
AT_QUOTE = TradingRules(buy_premium=Decimal(0), sell_discount=Decimal(0), proceeds=Proceeds.MARGIN)
Money = Decimal | int | str


def a_session(day: date = TODAY) -> Session:
    opens = datetime(day.year, day.month, day.day, 13, 30, tzinfo=UTC)
    return Session(day, opens, opens + timedelta(hours=6, minutes=30))


def a_run(book: str = "main", day: date = TODAY) -> RunKey:
    return RunKey(book, day)


def a_portfolio(
    cash: Money = 0, *, settled: Money | None = None, account: str = "PAPER", **shares: Money
) -> Portfolio:
    held = {symbol: Decimal(n) for symbol, n in shares.items()}
    money = Decimal(cash)
    return Portfolio(
        account=account,
        cash=money,
        settled=money if settled is None else Decimal(settled),
        spendable=money,
        shares=held,
        sellable=held,
    )


def a_quote(symbol: Symbol, price: Money, at: datetime = NOW) -> Quote:
    value = Decimal(price)
    return Quote(symbol, bid=value, ask=value, last=value, at=at)


def quotes(**prices: Money) -> Quotes:
    return {symbol: a_quote(symbol, price) for symbol, price in prices.items()}


def an_intent(
    symbol: Symbol = "VOO",
    action: Action = Action.BUY,
    shares: int = 1,
    limit: Money | None = 100,
    attempt: int = 1,
) -> OrderIntent:
    price = None if limit is None else Decimal(limit)
    return OrderIntent(a_run(), symbol, action, shares, price, attempt)


def a_situation(
    portfolio: Portfolio,
    market: Quotes,
    findings: Mapping[Symbol, tuple[Finding, ...]] | None = None,
    **differing: object,
) -> Situation:
    prices = {symbol: quote.last for symbol, quote in market.items()}
    return Situation(portfolio, market, prices, findings or {}, **differing)


def targets(
    weights: Mapping[Symbol, float],
    situation: Situation,
    rules: TradingRules = RULES,
    roles: Mapping[Symbol, Role] | None = None,
    reserve: float = 0.0,
) -> TargetValues:
    wanted = Rebalance(weights, "test", roles=roles or {}, reserve=reserve)
    return value_targets(wanted, situation.portfolio.equity(situation.prices), rules)


def usd_targets(
    equity: Money,
    roles: Mapping[Symbol, Role] | None = None,
    *,
    reserve: Money = 0,
    **values: Money,
) -> TargetValues:
    wanted = {symbol: Decimal(value) for symbol, value in values.items()}
    return TargetValues(Decimal(equity), Decimal(reserve), wanted, roles or {})


def traded(portfolio: Portfolio, *fills: tuple[OrderIntent, Money]) -> Portfolio:
    """The account after orders filled whole at a price each; their money is not settled yet."""
    cash, held = portfolio.cash, dict(portfolio.shares)
    for order, price in fills:
        shares = order.shares if order.action.takes_shares else -order.shares
        held[order.symbol] = held.get(order.symbol, Decimal(0)) + shares
        cash -= shares * Decimal(price)
    spendable = portfolio.spendable + cash - portfolio.cash
    left = {symbol: n for symbol, n in held.items() if n}
    return replace(portfolio, cash=cash, spendable=spendable, shares=left, sellable=left)


def traded_shares(plan: Plan) -> dict[Symbol, int]:
    return {order.symbol: order.shares for order in plan.orders}


def codes(plan: Plan) -> dict[Symbol, str]:
    return {note.symbol: note.code for note in plan.notes}
