"""An account as Schwab tells it: what money is by kind of account, what is held, what is free."""

from collections.abc import Iterable, Mapping
from decimal import Decimal

from adapters.schwab_json import Json, entries, entry, number, odd, text
from adapters.schwab_orders import STOCKS, Listed
from adapters.schwab_symbols import ours
from bot.domain.model import NOTHING, AccountKind, Portfolio, Symbol

KINDS: Mapping[str, AccountKind] = {"CASH": AccountKind.CASH, "MARGIN": AccountKind.MARGIN}


def portfolio(answer: Json, orders: Iterable[Listed]) -> Portfolio:
    """The account of an answer; what `orders` may still sell is not sellable.

    Raises BrokerUnavailable where a balance or a holding is missing or odd.
    """
    account = entry(answer, "securitiesAccount")
    kind = _kind(account)
    money = entry(account, "currentBalances")
    held, others = _positions(account)
    promised = _promised(orders)
    cash = _cash(kind, money)
    if kind is AccountKind.CASH:
        settled = cash - number(money, "unsettledCash")
        spendable = number(money, "cashAvailableForTrading")
    else:
        # It calls available what it would lend, too.
        settled = cash
        spendable = min(cash, number(money, "availableFundsNonMarginableTrade"))
    return Portfolio(
        account=text(account, "accountNumber"),
        cash=cash,
        settled=settled,
        spendable=spendable,
        shares=held,
        sellable={s: max(n - promised.get(s, NOTHING), NOTHING) for s, n in held.items()},
        others=others,
        kind=kind,
    )


def _kind(account: Json) -> AccountKind:
    kind = text(account, "type")
    if kind not in KINDS:
        raise odd("type", kind)
    return KINDS[kind]


def _cash(kind: AccountKind, money: Json) -> Decimal:
    """Trade-date cash. In a margin account a debt stands in a balance of its own."""
    if kind is AccountKind.CASH:
        return number(money, "totalCash" if "totalCash" in money else "cashBalance")
    return number(money, "cashBalance") + min(number(money, "marginBalance"), NOTHING)


def _positions(account: Json) -> tuple[dict[Symbol, Decimal], tuple[str, ...]]:
    """Stocks and funds by symbol, and the names of everything else.

    An account that holds nothing has no list at all; one that is no list is odd.
    """
    held: dict[Symbol, Decimal] = {}
    others = []
    for position in entries(account.get("positions", []), "positions"):
        instrument = entry(position, "instrument")
        name = text(instrument, "symbol")
        if text(instrument, "assetType") not in STOCKS:
            others.append(name)
            continue
        shares = number(position, "longQuantity") - number(position, "shortQuantity")
        held[ours(name)] = held.get(ours(name), NOTHING) + shares
    return {symbol: shares for symbol, shares in held.items() if shares}, tuple(sorted(others))


def _promised(orders: Iterable[Listed]) -> Mapping[Symbol, Decimal]:
    """Shares that open sales may still take."""
    promised: dict[Symbol, Decimal] = {}
    for report in (each.report for each in orders if each.open):
        if not report.action.takes_shares:
            rest = Decimal(report.shares - report.filled)
            promised[report.symbol] = promised.get(report.symbol, NOTHING) + rest
    return promised
