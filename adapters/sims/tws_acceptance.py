"""The acceptance of an order: why a gateway does not take one, and what it would change."""

from dataclasses import dataclass
from decimal import Decimal

from adapters.sims.tws_account import (
    INITIAL_MARGIN,
    MAINTENANCE_MARGIN,
    AccountKind,
)
from adapters.sims.tws_codes import Code
from adapters.sims.tws_contracts import Instrument
from adapters.sims.tws_order_messages import Margin
from adapters.sims.tws_orders import Order, fee_for
from adapters.sims.tws_ticket import (
    ALL_AT_ONCE,
    AT_ONCE,
    BUY,
    DAY,
    LIMIT,
    LIMIT_ON_CLOSE,
    MARKET,
    MARKET_ON_CLOSE,
    STOP,
    STOP_LIMIT,
    Ticket,
)
from adapters.sims.tws_world import World

ACTIONS = frozenset({BUY, "SELL"})
KINDS = frozenset({MARKET, LIMIT, MARKET_ON_CLOSE, LIMIT_ON_CLOSE, STOP, STOP_LIMIT})
LIMITED = frozenset({LIMIT, LIMIT_ON_CLOSE, STOP_LIMIT})
TIMES_IN_FORCE = frozenset({"", DAY, "GTC", "GTD", AT_ONCE, ALL_AT_ONCE, "OPG"})
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why an order is not taken: a code and its details."""

    code: Code
    details: tuple[object, ...] = ()


def objection_to_form(world: World, ticket: Ticket) -> Objection | None:
    """Return what is wrong with an order as written, before its contract is looked at."""
    validating = Code.VALIDATING
    known = not ticket.account or ticket.account in world.accounts
    found = (
        (ticket.action not in ACTIONS, validating, f"Invalid side {ticket.action!r}."),
        (ticket.kind not in KINDS, validating, "Invalid order type was entered."),
        (ticket.tif not in TIMES_IN_FORCE, validating, f"Invalid time in force {ticket.tif!r}."),
        (not ticket.account and len(world.accounts) > 1, Code.ACCOUNT_NEEDED, ""),
        (not known, validating, f"Invalid account code '{ticket.account}'."),
        (bool(ticket.value), Code.BY_VALUE, ""),
        (ticket.shares <= 0, Code.SIZE_ZERO, ""),
        (ticket.shares != int(ticket.shares), Code.FRACTIONAL, ""),
        (ticket.at_close and ticket.tif != DAY, Code.TIME_IN_FORCE, ""),
    )
    return next((Objection(code, (text,)) for wrong, code, text in found if wrong), None)


def objection_to_price(ticket: Ticket, instrument: Instrument) -> Objection | None:
    """Return what is wrong with a limit."""
    if ticket.kind not in LIMITED:
        return None
    if not ticket.limit or ticket.limit < 0 or ticket.limit % instrument.min_tick:
        return Objection(Code.PRICE_STEP)
    return None


def objection_to_cover(world: World, order: Order) -> Objection | None:
    """Return why an account may not trade so much, what it has on the way counted."""
    account, ticket = order.account, order.ticket
    if not account.setup.checks:
        return None
    on_the_way = [
        other
        for other in world.book
        if other.works and other is not order and other.account is account
    ]
    if ticket.buys:
        return _too_dear(world, order, on_the_way)
    if account.setup.kind is AccountKind.MARGIN:
        return None
    held = account.holdings.get(order.instrument.con_id)
    selling = sum(
        other.remaining
        for other in on_the_way
        if other.instrument.con_id == order.instrument.con_id and not other.ticket.buys
    )
    if ticket.shares + selling > (held.shares if held else NOTHING):
        reason = "the account holds too few shares and may not sell short"
        return Objection(Code.REFUSED, (reason,))
    return None


def margin_of(world: World, order: Order) -> Margin:
    """Return what an order would change if it traded now."""
    account, instrument = order.account, order.instrument
    price = _price(world, order)
    worth = abs(order.ticket.shares) * price * instrument.shares_each
    worth *= account.rate(instrument.currency)
    opens = worth if order.ticket.buys else -worth
    margin = account.setup.kind is AccountKind.MARGIN
    initial = opens * (INITIAL_MARGIN if margin else 1)
    maintenance = opens * (MAINTENANCE_MARGIN if margin else 1)
    fee = fee_for(order.ticket.shares, price) if world.market.open else None
    before, after = account.equity, account.equity - (fee or NOTHING)
    return Margin(
        (account.initial_margin, initial, account.initial_margin + initial),
        (account.maintenance_margin, maintenance, account.maintenance_margin + maintenance),
        (before, after - before, after),
        fee,
        instrument.currency,
    )


def _too_dear(world: World, order: Order, on_the_way: list[Order]) -> Objection | None:
    owned = order.account.holdings.get(order.instrument.con_id)
    covers = owned is not None and owned.shares < 0
    spoken_for = sum((_cost(world, o) for o in on_the_way if o.ticket.buys), NOTHING)
    power = order.account.buying_power
    if covers or spoken_for + _cost(world, order) <= power:
        return None
    reason = f"available funds {power:.2f}, needed {spoken_for + _cost(world, order):.2f}"
    return Objection(Code.REFUSED, (reason,))


def _cost(world: World, order: Order) -> Decimal:
    rate = order.account.rate(order.instrument.currency)
    return order.remaining * _price(world, order) * order.instrument.shares_each * rate


def _price(world: World, order: Order) -> Decimal:
    con_id = order.instrument.con_id
    now = world.market.price_for(con_id, buys=order.ticket.buys)
    if order.ticket.limit and order.ticket.kind in LIMITED:
        return order.ticket.limit
    return now or world.market.mark(con_id) or NOTHING
