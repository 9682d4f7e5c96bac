"""Orders, trades and the account in the JSON of the API: numbers as texts, times in seconds."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from adapters.sims.longport_account import Fund, Position, Statement
from adapters.sims.longport_market import Market
from adapters.sims.longport_orders import NOTHING, Execution, Order, Step
from adapters.sims.longport_securities import Security
from adapters.sims.longport_values import Json

CENT = Decimal("0.01")
NOT_FILLED = "0"
CHANNEL = "lb"
ACCOUNT_NUMBER = "LBPT10000001"


def seconds(at: datetime) -> str:
    """A moment as the API writes it."""
    return str(int(at.timestamp()))


def price_text(price: Decimal | None) -> str:
    """A price, or nothing where there is none."""
    return "" if price is None else f"{price:f}"


def order_json(order: Order, security: Security) -> Json:
    """An order as a list has it."""
    ticket = order.ticket
    return {
        "order_id": order.id,
        "status": order.status.value,
        "stock_name": security.name,
        "quantity": f"{ticket.quantity:f}",
        "executed_quantity": f"{order.executed:f}",
        "price": price_text(ticket.price),
        "executed_price": _average(order),
        "submitted_at": seconds(order.submitted_at),
        "side": ticket.side.value,
        "symbol": ticket.symbol,
        "order_type": ticket.order_type,
        "last_done": price_text(order.executions[-1].price) if order.executions else "",
        "trigger_price": "",
        "msg": order.message if order.status.final else "",
        "tag": "Normal",
        "time_in_force": ticket.time_in_force,
        "expire_date": ticket.expire_date,
        "updated_at": seconds(order.updated_at),
        "trigger_at": "0",
        "trailing_amount": "",
        "trailing_percent": "",
        "limit_offset": "",
        "trigger_status": "NOT_USED",
        "currency": security.money,
        "outside_rth": ticket.outside_rth or "UnknownOutsideRth",
        "limit_depth_level": 0,
        "trigger_count": 0,
        "monitor_price": "",
        "remark": ticket.remark,
    }


def detail_json(order: Order, security: Security, fee: Decimal) -> Json:
    """An order with its history, the newest step first, and its charges."""
    charged = f"{fee if order.executions else NOTHING:f}"
    charge = {"code": "FEE", "name": "Fee", "amount": charged, "currency": security.money}
    broker = {"code": "BROKER_FEES", "name": "Broker Fees", "fees": [charge]}
    third = {"code": "THIRD_FEES", "name": "Third-party Fees", "fees": []}
    return order_json(order, security) | {
        "free_status": "None",
        "free_amount": "",
        "free_currency": "",
        "deductions_status": "NONE",
        "deductions_amount": "",
        "deductions_currency": "",
        "platform_deducted_status": "NONE",
        "platform_deducted_amount": "",
        "platform_deducted_currency": "",
        "history": [_step_json(step) for step in reversed(order.steps)],
        "charge_detail": {
            "items": [broker, third],
            "total_amount": charged,
            "currency": security.money,
        },
    }


def push_json(order: Order, security: Security) -> Json:
    """What the trade socket says of a changed order."""
    last = order.executions[-1] if order.executions else None
    data = order_json(order, security) | {
        "submitted_quantity": f"{order.ticket.quantity:f}",
        "submitted_price": price_text(order.ticket.price) or "0",
        "account_no": ACCOUNT_NUMBER,
        "last_share": f"{last.quantity:f}" if last else "",
        "last_price": price_text(last.price) if last else "",
    }
    return {"event": "order_changed_lb", "data": data}


def execution_json(execution: Execution) -> Json:
    """A trade as a list has it."""
    return {
        "order_id": execution.order_id,
        "trade_id": execution.id,
        "symbol": execution.symbol,
        "side": execution.side.value,
        "trade_done_at": seconds(execution.at),
        "quantity": f"{execution.quantity:f}",
        "price": f"{execution.price:f}",
    }


def balance_json(
    account: Statement,
    funds: Iterable[Fund],
    market: Market,
    currency: str,
    worth: dict[str, Decimal],
    margin: Decimal,
) -> Json:
    """The account's money: sums in one currency, by what a unit of each is `worth`."""

    def converted(amount: Decimal, money: str) -> Decimal:
        return (amount * worth[money] / worth[currency]).quantize(CENT)

    total = sum((converted(line.cash, money) for money, line in account.cash.items()), NOTHING)
    free = sum((converted(line.available, money) for money, line in account.cash.items()), NOTHING)
    stocks = sum(
        (
            converted(each.quantity * _value(each, market), market.security(each.symbol).money)
            for each in account.positions
        ),
        NOTHING,
    )
    shares = sum((converted(each.units * each.value, each.currency) for each in funds), NOTHING)
    return {
        "total_cash": f"{total:f}",
        "max_finance_amount": f"{(total * (margin - 1)).quantize(CENT):f}",
        "remaining_finance_amount": f"{(free * (margin - 1)).quantize(CENT):f}",
        "risk_level": "1",
        "margin_call": "0",
        "currency": currency,
        "cash_infos": [
            {
                "withdraw_cash": f"{line.withdrawable:f}",
                "available_cash": f"{line.available:f}",
                "frozen_cash": f"{line.frozen:f}",
                "settling_cash": f"{line.settling:f}",
                "currency": money,
            }
            for money, line in account.cash.items()
        ],
        "net_assets": f"{total + stocks + shares:f}",
        "init_margin": "0",
        "maintenance_margin": "0",
        "buy_power": f"{(free * margin).quantize(CENT):f}",
        "frozen_transaction_fees": [],
    }


def positions_json(positions: Iterable[Position], market: Market) -> Json:
    """The holdings of the account's one channel."""
    listed = [_position_json(each, market.security(each.symbol)) for each in positions]
    return {"list": [{"account_channel": CHANNEL, "stock_info": listed}]}


def _position_json(position: Position, security: Security) -> Json:
    return {
        "symbol": position.symbol,
        "symbol_name": security.name,
        "quantity": f"{position.quantity:f}",
        "available_quantity": f"{position.available:f}",
        "currency": security.money,
        "cost_price": f"{position.cost:f}",
        "market": security.market,
        "init_quantity": f"{position.opened_with:f}",
    }


def funds_json(funds: Iterable[Fund], at: datetime) -> Json:
    """The mutual funds of the account's one channel."""
    listed = [
        {
            "symbol": each.isin,
            "symbol_name": each.name,
            "currency": each.currency,
            "holding_units": f"{each.units:f}",
            "current_net_asset_value": f"{each.value:f}",
            "cost_net_asset_value": f"{each.value:f}",
            "net_asset_value_day": seconds(at),
        }
        for each in funds
    ]
    return {"list": [{"account_channel": CHANNEL, "fund_info": listed}]}


def _step_json(step: Step) -> Json:
    return {
        "price": f"{step.price:f}",
        "quantity": f"{step.quantity:f}",
        "status": step.status.value,
        "msg": step.message,
        "time": seconds(step.at),
    }


def _average(order: Order) -> str:
    average = order.average_price
    return NOT_FILLED if average is None else f"{average.quantize(Decimal('0.0001')):f}"


def _value(position: Position, market: Market) -> Decimal:
    return market.quote(position.symbol).last or position.cost
