"""The order ticket: what a client writes when it places an order, read to its last field."""

from dataclasses import dataclass, replace
from decimal import Decimal

from adapters.sims.tws_contracts import Query, read_query
from adapters.sims.tws_wire import Fields, WireError

BUY = "BUY"
MARKET = "MKT"
LIMIT = "LMT"
MARKET_ON_CLOSE = "MOC"
LIMIT_ON_CLOSE = "LOC"
STOP = "STP"
STOP_LIMIT = "STP LMT"
PEGGED_TO_BENCHMARK = frozenset({"PEG BENCH", "PEGBENCH"})
PEGGED_TO_BEST = frozenset({"PEG BEST", "PEGBEST"})
PEGGED_TO_MIDDLE = frozenset({"PEG MID", "PEGMID"})
DAY = "DAY"
AT_ONCE = "IOC"
ALL_AT_ONCE = "FOK"
COMBINATION = "BAG"
OWN_EXCHANGE = "IBKRATS"

# Versions since which a field is, or is no longer, there.
WITHOUT_PROFILES = 177
WITH_DURATION = 158
WITH_POST_TO_ATS = 160
WITH_PARENT_CANCEL = 162
WITH_ERROR_OVERRIDE = 166
WITH_MANUAL_TIME = 169
WITH_MIDDLE_OFFSETS = 170

# How many fields of each kind of condition follow its number.
CONDITION_FIELDS = {1: 6, 3: 3, 4: 3, 5: 4, 6: 5, 7: 5}


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order as its client wrote it; a limit of None is none."""

    order_id: int
    query: Query
    action: str
    shares: Decimal
    kind: str
    limit: Decimal | None = None
    stop: Decimal | None = None
    tif: str = ""
    group: str = ""
    account: str = ""
    reference: str = ""
    transmit: bool = True
    parent_id: int = 0
    outside_hours: bool = False
    good_after: str = ""
    good_till: str = ""
    all_or_none: bool = False
    algo: str = ""
    algo_parameters: tuple[tuple[str, str], ...] = ()
    what_if: bool = False
    value: Decimal | None = None

    @property
    def buys(self) -> bool:
        """Whether it adds shares."""
        return self.action == BUY

    @property
    def at_close(self) -> bool:
        """Whether it waits for the closing auction."""
        return self.kind in {MARKET_ON_CLOSE, LIMIT_ON_CLOSE}

    @property
    def signed(self) -> Decimal:
        """Shares as the position moves: below zero where it sells."""
        return self.shares if self.buys else -self.shares


def read_ticket(fields: Fields, version: int) -> Ticket:
    """Read an order placed. Raises WireError where a field is missing, odd or left over."""
    ticket = _contract_and_terms(fields)
    if ticket.query.kind == COMBINATION:
        _pass_combination(fields)
    ticket = _details(fields, ticket, version)
    _pass_pricing(fields)
    _pass_scale_and_hedge(fields)
    ticket = _algo(fields, ticket)
    ticket = _conduct(fields, ticket)
    _pass_conditions(fields, ticket.kind)
    ticket = _adjustments(fields, ticket)
    _pass_newer(fields, ticket, version)
    if fields.rest:
        raise WireError(f"{len(fields.rest)} fields of an order are left over: {fields.rest}")
    return ticket


def _contract_and_terms(fields: Fields) -> Ticket:
    order_id = fields.count()
    query = read_query(fields)
    fields.skip(2)  # the kind and text of another number for the security
    action = fields.text()
    shares = fields.number() or Decimal(0)
    kind, limit, stop = fields.text(), fields.number(), fields.number()
    tif, group, account = fields.text(), fields.text(), fields.text()
    fields.skip(2)  # open or close, origin
    reference, transmit, parent_id = fields.text(), fields.flag(), fields.count()
    fields.skip(4)  # block, sweep, display size, trigger method
    outside_hours = fields.flag()
    fields.skip(1)  # hidden
    return Ticket(
        order_id=order_id,
        query=query,
        action=action,
        shares=shares,
        kind=kind,
        limit=limit,
        stop=stop,
        tif=tif,
        group=group,
        account=account,
        reference=reference,
        transmit=transmit,
        parent_id=parent_id,
        outside_hours=outside_hours,
    )


def _pass_combination(fields: Fields) -> None:
    for each in (8, 1, 2):  # a leg, a leg's price, a routing parameter
        fields.skip(fields.count() * each)


def _details(fields: Fields, ticket: Ticket, version: int) -> Ticket:
    fields.skip(2)  # an old allocation, the discretionary amount
    good_after, good_till = fields.text(), fields.text()
    fields.skip(3 if version >= WITHOUT_PROFILES else 4)  # allocation among a family of accounts
    fields.skip(4)  # model, short sale slot, location, exemption
    fields.skip(3)  # group type, rule 80A, settling firm
    return replace(ticket, good_after=good_after, good_till=good_till, all_or_none=fields.flag())


def _pass_pricing(fields: Fields) -> None:
    fields.skip(5)  # least quantity, offset, two quote flags, price cap
    fields.skip(6)  # auction, starting and reference prices, delta, range
    fields.skip(3)  # override, volatility and its type
    neutral = fields.text()
    fields.skip(1)
    if neutral:
        fields.skip(8)
    fields.skip(4)  # continuous update, reference, trailing stop and percent


def _pass_scale_and_hedge(fields: Fields) -> None:
    fields.skip(2)
    if fields.number():
        fields.skip(7)
    fields.skip(3)  # scale table, active from and until
    if fields.text():
        fields.skip(1)
    fields.skip(4)  # smart routing, clearing account and intent, not held
    if fields.flag():
        fields.skip(3)


def _algo(fields: Fields, ticket: Ticket) -> Ticket:
    algo = fields.text()
    named = [(fields.text(), fields.text()) for _ in range(fields.count() if algo else 0)]
    fields.skip(1)
    return replace(ticket, algo=algo, algo_parameters=tuple(named))


def _conduct(fields: Fields, ticket: Ticket) -> Ticket:
    what_if = fields.flag()
    fields.skip(4)  # options, solicited, random size and price
    if ticket.kind in PEGGED_TO_BENCHMARK:
        fields.skip(5)
    return replace(ticket, what_if=what_if)


def _pass_conditions(fields: Fields, kind: str) -> None:
    how_many = fields.count()
    for _ in range(how_many):
        number = fields.count()
        if number not in CONDITION_FIELDS:
            raise WireError(f"condition {number} of a {kind} order: there is none of that number")
        fields.skip(CONDITION_FIELDS[number])
    if how_many:
        fields.skip(2)


def _adjustments(fields: Fields, ticket: Ticket) -> Ticket:
    fields.skip(7)  # the adjusted order
    fields.skip(3)  # operator, soft dollars
    value = fields.number()
    fields.skip(8)  # four of MiFID, then flags
    return replace(ticket, value=value)


def _pass_newer(fields: Fields, ticket: Ticket, version: int) -> None:
    for since in (
        WITH_DURATION,
        WITH_POST_TO_ATS,
        WITH_PARENT_CANCEL,
        WITH_ERROR_OVERRIDE,
        WITH_MANUAL_TIME,
    ):
        if version >= since:
            fields.skip(1)
    if version < WITH_MIDDLE_OFFSETS:
        return
    if ticket.query.exchange == OWN_EXCHANGE:
        fields.skip(1)
    if ticket.kind in PEGGED_TO_BEST:
        fields.skip(1)
        if fields.text() == "Infinite":
            fields.skip(2)
    elif ticket.kind in PEGGED_TO_MIDDLE:
        fields.skip(2)
