"""Frames, fields and tickets, without a line."""

import asyncio
from decimal import Decimal

import pytest

from adapters.sims.tws_contracts import Directory, Instrument, Query
from adapters.sims.tws_json import from_json, to_json
from adapters.sims.tws_ticket import read_ticket
from adapters.sims.tws_wire import Fields, WireError, frame, negotiated, read_frame, written
from tests.adapters.sims.tws_clients import an_order, either, ib, stock

WRITTEN = [
    (None, ""),
    (True, "1"),
    (False, "0"),
    (7, "7"),
    ("x", "x"),
    (Decimal("1.50"), "1.5"),
    (Decimal(100), "100"),
    (Decimal("0.00"), "0"),
    (Decimal("1E-7"), "0.0000001"),
]


@pytest.mark.parametrize(("field", "text"), WRITTEN)
def test_a_field_is_written_as_the_wire_has_it(field, text):
    assert written(field) == text


def test_a_frame_has_its_length_before_it():
    assert frame((9, 1, 42)) == b"\0\0\0\x07" + b"9\x001\x0042\0"


async def test_a_frame_larger_than_any_is_no_frame():
    reader = asyncio.StreamReader()
    reader.feed_data(b"\xff\xff\xff\xff")

    with pytest.raises(WireError, match="the largest has"):
        await read_frame(reader)


@pytest.mark.parametrize(
    ("offer", "version"), [("v157..176", 176), ("v157..178 +PACEAPI", 178), ("v100..203", 178)]
)
def test_the_newest_version_in_common_is_chosen(offer, version):
    assert negotiated(offer) == version


def test_a_number_that_is_unset_is_none():
    fields = Fields(["", "1.7976931348623157E308", "Infinite", "1.5"])

    assert [fields.number() for _ in range(4)] == [None, None, None, Decimal("1.5")]


@pytest.mark.parametrize(("read", "odd"), [("count", "1.5"), ("number", "much")])
def test_an_odd_number_is_named(read, odd):
    with pytest.raises(WireError, match=f"field 0 is '{odd}'"):
        getattr(Fields([odd]), read)()


class Sent:
    """What the library would write of an order: its fields, by its own client."""

    def __init__(self, version: int = 176) -> None:
        self.version = version
        self.fields: list[str] = []

    def of(self, contract, order) -> list[str]:
        client = ib.IB().client
        client._serverVersion = self.version
        client.connState = client.CONNECTED
        client.sendMsg = lambda text: self.fields.extend(text.split("\0")[:-1])
        client.placeOrder(5, contract, order)
        # It would say goodbye to a gateway it never met.
        client.connState = client.DISCONNECTED
        return self.fields[1:]


def conditions():
    kinds = (1, 3, 4, 5, 6, 7)
    made = [ib.OrderCondition.createClass(kind)() for kind in kinds]
    return [*made]


TICKETS = [
    an_order(),
    an_order(limit=490.5),
    an_order(algoStrategy="Adaptive", algoParams=[ib.TagValue("adaptivePriority", "Normal")]),
    an_order(hedgeType="D", hedgeParam="1"),
    an_order(scalePriceIncrement=0.5),
    an_order(deltaNeutralOrderType="MKT"),
    an_order(conditions=conditions()),
    an_order(softDollarTier=ib.SoftDollarTier("a", "b", "c")),
]


@pytest.mark.parametrize("version", [157, 159, 163, 169, 176, either(176, 178)])
@pytest.mark.parametrize("order", TICKETS, ids=range(len(TICKETS)))
def test_a_ticket_is_read_to_its_last_field(order, version):
    ticket = read_ticket(Fields(Sent(version).of(stock(), order)), version)

    assert (ticket.order_id, ticket.action, ticket.shares) == (5, "BUY", 10)
    assert (ticket.tif, ticket.reference, ticket.query.symbol) == ("DAY", "ref-1", "VOO")
    assert ticket.limit == (Decimal("490.5") if order.orderType == "LMT" else None)


def test_other_kinds_of_orders_are_read_too():
    legs = [ib.ComboLeg(conId=1, ratio=1, action="BUY", exchange="SMART")]
    bag = ib.Contract(secType="BAG", symbol="VOO", exchange="SMART", comboLegs=legs)
    kinds = ["PEG BENCH", "PEG BEST", "PEG MID"]

    for kind in kinds:
        order = an_order()
        order.orderType = kind
        assert read_ticket(Fields(Sent().of(bag, order)), 176).kind == kind


def test_a_field_left_over_is_named():
    fields = [*Sent().of(stock(), an_order()), "more"]

    with pytest.raises(WireError, match="1 fields of an order are left over"):
        read_ticket(Fields(fields), 176)


def test_a_field_too_few_is_named():
    with pytest.raises(WireError, match="is missing"):
        read_ticket(Fields(Sent().of(stock(), an_order())[:-1]), 176)


def test_a_condition_nobody_knows_is_named():
    fields = Sent().of(stock(), an_order(conditions=conditions()))
    fields[fields.index("6", fields.index("DAY") + 60)] = "1"

    with pytest.raises(WireError):
        read_ticket(Fields(fields), 176)


def test_an_instrument_has_the_same_number_in_every_run():
    first, second = Directory(), Directory()
    first.enter([Instrument("VOO"), Instrument("BIL")])
    second.enter([Instrument("BIL"), Instrument("VOO")])

    assert first.named("VOO").con_id == second.named("VOO").con_id


def test_two_instruments_never_share_a_number():
    directory = Directory()
    directory.enter([Instrument("VOO", con_id=1)])

    with pytest.raises(ValueError, match="con_id is 1"):
        directory.enter([Instrument("BIL", con_id=1)])


@pytest.mark.parametrize(
    ("query", "fits"),
    [
        (Query(symbol="VOO"), True),
        (Query(symbol="VOO", exchange="SMART", currency="USD"), True),
        (Query(symbol="VOO", exchange="NYSE"), False),
        (Query(symbol="VOO", primary="NYSE"), False),
        (Query(symbol="VOO", currency="EUR"), False),
        (Query(symbol="VOO", kind="OPT"), False),
        (Query(con_id=9, symbol="BIL"), True),
    ],
)
def test_a_query_fits_what_it_leaves_open(query, fits):
    assert query.fits(Instrument("VOO", con_id=9)) is fits


VALUES = [
    (Decimal("1.50"), Decimal),
    (Instrument("VOO", strike=Decimal(5)), Instrument),
    ((Decimal(1), Decimal(2)), tuple[Decimal, ...]),
    ({"USD": Decimal(1)}, dict[str, Decimal]),
    (None, Decimal | None),
    (Decimal(2), Decimal | None),
]


@pytest.mark.parametrize(("value", "kind"), VALUES)
def test_a_value_comes_back_from_json(value, kind):
    assert from_json("it", kind, to_json(value)) == value


@pytest.mark.parametrize(
    ("kind", "odd"), [(int, "1"), (bool, 1), (Decimal, "much"), (Decimal, "NaN"), (str, None)]
)
def test_odd_json_is_named(kind, odd):
    with pytest.raises(ValueError, match="it is"):
        from_json("it", kind, odd)


def test_a_field_no_dataclass_has_is_named():
    with pytest.raises(ValueError, match="there is no colour in Instrument"):
        from_json("it", Instrument, {"symbol": "VOO", "colour": "red"})
