"""Accounts as the broker tells them: balances by kind of account, positions, and how late."""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

from adapters.sims.schwab_answers import Json
from adapters.sims.schwab_clock import Clock

NOTHING = Decimal(0)
# The initial requirement of Regulation T: half of what is held, long or short.
INITIAL_SHARE = Decimal("0.5")
MAINTENANCE_SHARE = Decimal("0.3")
CONTRACT_SHARES = 100
UNDERLYING_LETTERS = 6
PUT_CALL_PLACE = 12

Marks: TypeAlias = Callable[[str], Decimal | None]


class AccountKind(StrEnum):
    """What an account may do."""

    CASH = "CASH"
    MARGIN = "MARGIN"


class Asset(StrEnum):
    """What an instrument is. A fund is ordered as EQUITY and held as COLLECTIVE_INVESTMENT."""

    EQUITY = "EQUITY"
    FUND = "COLLECTIVE_INVESTMENT"
    OPTION = "OPTION"
    SWEEP = "CASH_EQUIVALENT"


@dataclass(frozen=True, slots=True)
class Position:
    """Shares held, negative if short; `settled` of them are paid for, all if not said."""

    symbol: str
    shares: Decimal
    price: Decimal = NOTHING
    asset: Asset = Asset.FUND
    settled: Decimal | None = None

    def value(self, marks: Marks) -> Decimal:
        """Return what it is worth, at the price paid where nothing is quoted."""
        mark = marks(self.symbol)
        size = CONTRACT_SHARES if self.asset is Asset.OPTION else 1
        return self.shares * (self.price if mark is None else mark) * size


@dataclass(frozen=True, slots=True)
class Account:
    """One account: trade-date cash, of which some is unsettled, and positions by symbol."""

    number: str
    kind: AccountKind = AccountKind.CASH
    cash: Decimal = NOTHING
    unsettled: Decimal = NOTHING
    positions: tuple[Position, ...] = ()

    def held(self, symbol: str) -> Decimal:
        """Return the shares of a symbol, negative if short."""
        return sum((p.shares for p in self.positions if p.symbol == symbol), NOTHING)

    def with_position(self, position: Position) -> "Account":
        """Return it with a position in place of that symbol's; no shares, no position."""
        others = tuple(p for p in self.positions if p.symbol != position.symbol)
        return replace(self, positions=(*others, position) if position.shares else others)

    def traded(self, symbol: str, shares: Decimal, price: Decimal, asset: Asset) -> "Account":
        """Return it after a trade of today; negative shares are sold."""
        old = next((p for p in self.positions if p.symbol == symbol), None)
        before = old or Position(symbol, NOTHING, price, asset, NOTHING)
        after = before.shares + shares
        settled = before.shares if before.settled is None else before.settled
        opened = _average(before, shares, price)
        now = replace(before, shares=after, price=opened, settled=_nearer(settled, after))
        money = -shares * price
        waits = money if money > 0 and self.kind is AccountKind.CASH else NOTHING
        paid = replace(self, cash=self.cash + money, unsettled=self.unsettled + waits)
        return paid.with_position(now)

    def after_settlement(self) -> "Account":
        """Return it when all trades are settled."""
        positions = tuple(replace(p, settled=None) for p in self.positions)
        return replace(self, unsettled=NOTHING, positions=positions)


def account_hash(number: str) -> str:
    """Return what stands for an account number in every path."""
    return hashlib.sha256(number.encode()).hexdigest().upper()


class Accounts:
    """The accounts of one login, and what each was at every earlier moment."""

    def __init__(self, accounts: Iterable[Account], clock: Clock) -> None:
        self._clock = clock
        self._past = {each.number: [(clock.now(), each)] for each in accounts}
        self.lag = 0.0
        self.told: dict[str, dict[str, Decimal | None]] = {number: {} for number in self._past}

    @property
    def numbers(self) -> list[str]:
        """Their numbers, in the order the broker lists them."""
        return list(self._past)

    def now(self, number: str) -> Account:
        """Return an account as it is. Raises LookupError for an unknown number."""
        if number not in self._past:
            known = ", ".join(self._past)
            raise LookupError(f"account is {number}: give one of {known}")
        return self._past[number][-1][1]

    def put(self, account: Account) -> None:
        """Let an account be this from now on."""
        self.now(account.number)
        self._past[account.number].append((self._clock.now(), account))

    def shown(self, number: str) -> Account:
        """Return an account as the broker shows it, which lags behind."""
        if not self.lag:
            return self.now(number)
        return self._at(number, self._clock.now() - timedelta(seconds=self.lag))

    def first(self, number: str) -> Account:
        """Return an account as it was at the start."""
        return self._past[number][0][1]

    def _at(self, number: str, moment: datetime) -> Account:
        past = self._past[number]
        return next((a for at, a in reversed(past) if at <= moment), past[0][1])


def position_json(position: Position, marks: Marks) -> Json:
    """Return a position as the broker lists it."""
    long, short = max(position.shares, NOTHING), max(-position.shares, NOTHING)
    settled = position.shares if position.settled is None else position.settled
    return {
        "shortQuantity": short,
        "averagePrice": position.price,
        "currentDayProfitLoss": NOTHING,
        "currentDayProfitLossPercentage": NOTHING,
        "longQuantity": long,
        "settledLongQuantity": max(settled, NOTHING),
        "settledShortQuantity": min(settled, NOTHING),
        "instrument": instrument_json(position.symbol, position.asset),
        "marketValue": position.value(marks),
        "maintenanceRequirement": NOTHING,
        "averageLongPrice" if long else "averageShortPrice": position.price,
        "currentDayCost": NOTHING,
    }


def instrument_json(symbol: str, asset: Asset) -> Json:
    """Return an instrument as positions carry it."""
    shown: Json = {"assetType": asset, "cusip": _cusip(symbol), "symbol": symbol, "netChange": 0}
    match asset:
        case Asset.OPTION:
            call = symbol[PUT_CALL_PLACE : PUT_CALL_PLACE + 1] == "C"
            underlying = symbol[:UNDERLYING_LETTERS].strip()
            kind = {"type": "VANILLA", "putCall": "CALL" if call else "PUT"}
            return shown | kind | {"underlyingSymbol": underlying}
        case Asset.FUND:
            return shown | {"type": "EXCHANGE_TRADED_FUND"}
        case Asset.SWEEP:
            return shown | {"type": "SWEEP_VEHICLE"}
        case Asset.EQUITY:
            return shown


def cash_balances(account: Account, marks: Marks, reserved: Decimal) -> Json:
    """Return the current balances of a cash account; `reserved` is for open buys."""
    values = _values(account, marks)
    return values | {
        "cashAvailableForTrading": account.cash - reserved,
        "cashAvailableForWithdrawal": max(account.cash - account.unsettled - reserved, NOTHING),
        "cashBalance": account.cash,
        "cashCall": NOTHING,
        "cashDebitCallValue": max(-account.cash, NOTHING),
        "longNonMarginableMarketValue": values["longMarketValue"],
        "totalCash": account.cash,
        "unsettledCash": account.unsettled,
    }


def margin_balances(account: Account, marks: Marks, reserved: Decimal) -> Json:
    """Return the current balances of a margin account.

    What it calls available includes what it would lend; a debit is not in the cash
    balance but in the margin balance.
    """
    values = _values(account, marks)
    long, short = values["longMarketValue"], values["shortMarketValue"]
    equity = account.cash + long + short
    gross = long - short
    free = equity - INITIAL_SHARE * gross - INITIAL_SHARE * reserved
    return values | {
        "availableFunds": free,
        "availableFundsNonMarginableTrade": free,
        "buyingPower": free / INITIAL_SHARE,
        "buyingPowerNonMarginableTrade": free,
        "cashBalance": max(account.cash, NOTHING),
        "dayTradingBuyingPower": free / INITIAL_SHARE,
        "equity": equity,
        "equityPercentage": equity / gross * 100 if gross else Decimal(100),
        "longMarginValue": long,
        "maintenanceCall": NOTHING,
        "maintenanceRequirement": MAINTENANCE_SHARE * gross,
        "marginBalance": min(account.cash, NOTHING),
        "regTCall": NOTHING,
        "shortBalance": -short,
        "shortMarginValue": short,
        "sma": free,
    }


def _values(account: Account, marks: Marks) -> dict[str, Decimal]:
    options = [p.value(marks) for p in account.positions if p.asset is Asset.OPTION]
    shares = [p.value(marks) for p in account.positions if p.asset is not Asset.OPTION]
    return {
        "accruedInterest": NOTHING,
        "bondValue": NOTHING,
        "cashReceipts": NOTHING,
        "liquidationValue": account.cash + sum(shares, NOTHING) + sum(options, NOTHING),
        "longMarketValue": sum((v for v in shares if v > 0), NOTHING),
        "longOptionMarketValue": sum((v for v in options if v > 0), NOTHING),
        "moneyMarketFund": NOTHING,
        "mutualFundValue": NOTHING,
        "pendingDeposits": NOTHING,
        "savings": NOTHING,
        "shortMarketValue": sum((v for v in shares if v < 0), NOTHING),
        "shortOptionMarketValue": sum((v for v in options if v < 0), NOTHING),
    }


def _average(before: Position, shares: Decimal, price: Decimal) -> Decimal:
    after = before.shares + shares
    if before.shares * shares > 0:
        return (before.shares * before.price + shares * price) / after
    return before.price if before.shares * after > 0 else price


def _nearer(settled: Decimal, shares: Decimal) -> Decimal:
    """Return what of the settled shares is still there."""
    if settled * shares <= 0:
        return NOTHING
    return min(settled, shares) if shares > 0 else max(settled, shares)


def _cusip(symbol: str) -> str:
    letters = 9
    return hashlib.sha256(symbol.encode()).hexdigest().upper()[:letters]
