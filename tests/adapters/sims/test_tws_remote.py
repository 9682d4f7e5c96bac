"""A gateway in another process, moved from here."""

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.sims.bars import Bar
from adapters.sims.tws import TwsSim, read_prices
from adapters.sims.tws_codes import Request
from adapters.sims.tws_contracts import Instrument
from adapters.sims.tws_control import VERBS, Control, ForeignOrder
from adapters.sims.tws_courses import Course, Rule
from adapters.sims.tws_faults import Fault, FaultKind, Lost
from adapters.sims.tws_market import DataRight, Dividend, around
from adapters.sims.tws_record import Kind
from adapters.sims.tws_remote import RemoteControl, started
from adapters.sims.tws_world import Setup
from tests.adapters.sims.tws_clients import (
    CLIENT,
    a_client,
    an_account,
    an_order,
    arrived,
    eventually,
    placed,
    stock,
)

TREE = Path(__file__).parents[3]
OPTIONS = ("--account", "DU1000001", "--account", "DU2", "--price", "VOO=500", "--cash", "100000")
ONE = Decimal(1)


@pytest.fixture(scope="module")
def gateway():
    with started(*OPTIONS) as it:
        yield it


async def test_it_is_traded_with_and_moved_from_another_process(gateway):
    async with a_client(gateway) as client:
        gateway.control.rule(Rule(Course.NEVER, "VOO", times=1))
        resting = await placed(client, an_order(shares=3))
        booked = gateway.control.orders()[-1]
        gateway.control.fill(booked.permanent_id, 3, Decimal("501.25"))
        await arrived(client)

    assert (resting.orderStatus.status, resting.orderStatus.avgFillPrice) == ("Filled", 501.25)
    assert (booked.client_id, booked.reference, booked.shares) == (CLIENT, "ref-1", 3)
    assert gateway.control.orders()[-1].trades[0].price == Decimal("501.25")


async def test_its_line_is_broken_from_another_process(gateway):
    async with a_client(gateway) as client:
        gateway.control.fail(Fault(FaultKind.DROP_AFTER))
        client.placeOrder(stock(), an_order(orderRef="lost"))
        await eventually(lambda: not client.isConnected())

    assert gateway.control.orders()[-1].reference == "lost"
    assert gateway.control.clients() == ()
    kinds = [entry.kind for entry in gateway.control.record()]
    assert {Kind.CONNECTED, Kind.ASKED, Kind.FAULT, Kind.BOOKED, Kind.DISCONNECTED} <= set(kinds)


EVERY_VERB = [
    lambda c: c.price("VOO", Decimal(500)),
    lambda c: c.quote("VOO", around(Decimal(500))),
    lambda c: c.halt("VOO", halted=False),
    lambda c: c.see("VOO", DataRight.LIVE, 0),
    lambda c: c.compete(competing=False),
    lambda c: c.history("VOO", (Bar(date(2026, 3, 5), *[Decimal(5)] * 4),)),
    lambda c: c.dividend("VOO", Dividend(date(2026, 3, 20), ONE)),
    lambda c: c.enlist(Instrument("NEW")),
    lambda c: c.close_market(),
    lambda c: c.open_market(),
    lambda c: c.clear_rules(),
    lambda c: c.enter(ForeignOrder("VOO", "BUY", 1, ONE, reference="foreign")),
    lambda c: c.cancel(c.orders()[-1].permanent_id, "by hand"),
    lambda c: c.enter(ForeignOrder("VOO", "BUY", 1, ONE)),
    lambda c: c.refuse(c.orders()[-1].permanent_id),
    lambda c: c.rule(Rule(Course.PARK, times=1)),
    lambda c: c.enter(ForeignOrder("VOO", "BUY", 1, ONE)),
    lambda c: c.release(c.orders()[-1].permanent_id),
    lambda c: c.trade("VOO", "BUY", 1, Decimal(500)),
    lambda c: c.correct(c.orders()[-1].trades[0].execution_id, Decimal(499)),
    lambda c: c.notice(2103, "Market data farm connection is broken:usfarm"),
    lambda c: c.pay_in(ONE),
    lambda c: c.hold("VOO", ONE, ONE, "DU2"),
    lambda c: c.settle("DU2"),
    lambda c: c.tell("CashBalance", None),
    lambda c: c.ready(ready=True),
    lambda c: c.travel(datetime.now().astimezone()),
    lambda c: c.clear_faults(),
    lambda c: c.cut(),
    lambda c: c.close(0.001),
    lambda c: c.open(),
    lambda c: c.restart(),
    lambda c: c.occupy(99, 2),
    lambda c: c.silence(),
    lambda c: c.speak(),
    lambda c: c.slow(0.0),
    lambda c: c.garbage(),
    lambda c: c.lose_link(Lost.SILENT),
    lambda c: c.restore_link(keeps_data=True, delivers=False),
    lambda c: c.read_only(read_only=False),
    lambda c: c.balance("DU2"),
    lambda c: c.clients(),
    lambda c: c.record(after=1),
]


async def test_every_verb_does_over_the_wire_what_it_does_here(gateway):
    here = TwsSim(Setup(accounts=(an_account(), an_account(name="DU2"))))
    async with here:
        here.control.price("VOO", Decimal(500))
        for act in EVERY_VERB:
            told, meant = act(gateway.control), act(here.control)
            assert type(told) is type(meant)

    assert gateway.control.balance("DU2") == here.control.balance("DU2")


def test_every_verb_is_tried():
    tried = {name for act in EVERY_VERB for name in act.__code__.co_names}

    assert tried - {"orders"} >= VERBS - {"orders", "fail", "fill"}


def test_both_hands_have_the_same_verbs():
    assert issubclass(RemoteControl, Control)
    assert {verb for verb in VERBS if verb in vars(RemoteControl)} == VERBS


WRONG = [
    (lambda c: c.fill(1, 1, ONE), "permanent_id is 1: the book has no such order"),
    (lambda c: c.price("VOO", "much"), "price is 'much': give Decimal"),
    (lambda c: c.balance("DU9"), "account is DU9"),
    (lambda c: c.travel(datetime(2026, 3, 6)), "give a time with its zone"),  # noqa: DTZ001 - it lacks one
    (lambda c: c.ask("fly", {}, None), "there is no fly"),
    (lambda c: c.ask("price", {"symbol": "VOO"}, None), "price: missing a required argument"),
    (lambda c: c.ask("fail", {"fault": {"kind": "drop", "times": 0}}, None), "at least 1"),
    (lambda c: c.ask("fail", {"fault": {"kind": "melt"}}, None), "'melt' is not a valid FaultKind"),
    (lambda c: c.ask("fail", {"fault": {}}, None), "missing 1 required positional argument"),
    (lambda c: c.ask("history", {"symbol": "VOO", "bars": 1}, None), "bars is 1"),
]


@pytest.mark.parametrize(("act", "remark"), WRONG)
def test_wrong_arguments_are_named(gateway, act, remark):
    with pytest.raises(ValueError, match=remark):
        act(gateway.control)


@pytest.mark.parametrize(
    ("sent", "remark"),
    [(b"GET / HTTP/1.1\r\n\r\n", "is not known here"), (b"[1]", "no JSON object")],
)
def test_what_is_no_call_is_told(gateway, sent, remark):
    host, port = gateway.control._url.removeprefix("http://").split(":")
    head = b"POST /control/orders HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(sent)
    with socket.create_connection((host, int(port)), 2) as line:
        line.sendall(sent if sent.startswith(b"GET") else head + sent)
        told = line.makefile("rb").read().decode()

    assert "400 Bad Request" in told
    assert remark in told


def test_the_control_answers_a_browser(gateway):
    told = gateway.control._url + "/control/clients"

    with urllib.request.urlopen(told, timeout=5) as answer:  # noqa: S310 - our own process
        assert json.load(answer) == {"result": []}


def test_it_ends_with_who_started_it():
    with started() as it:
        assert it.accounts == ("DU1000001",)
        assert it.process.poll() is None

    assert it.process.returncode == 0
    with pytest.raises(urllib.error.URLError):
        it.control.clients()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_ends_at_a_signal_in_under_a_second_with_clients_connected(number):
    with started() as it:
        async with a_client(it) as client:
            begun = time.monotonic()
            it.process.send_signal(number)
            code = it.process.wait(3)
            taken = time.monotonic() - begun
            await eventually(lambda: not client.isConnected())

    assert (code, taken < 1) == (0, True)


def test_on_a_terminal_it_says_where_it_is_and_what_happens():
    command = [sys.executable, "-m", "adapters.sims.tws", "--price", "VOO=500", "--port"]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with subprocess.Popen([*command, str(port)], stdout=subprocess.PIPE, cwd=TREE) as process:
        assert process.stdout
        lines = iter(process.stdout.readline, b"")
        welcome = b"".join(next(lines) for _ in range(11)).decode()
        process.send_signal(signal.SIGTERM)

    assert f"port         {port}" in welcome
    assert "control_url  http://127.0.0.1:" in welcome
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("options", "remark"),
    [
        (("--price", "VOO"), "VOO: give SYMBOL=PRICE"),
        (("--price", "VOO=-1"), "prices: give prices above 0"),
        (("--account", "A", "--account", "A"), "each with a name of its own"),
        (("--kind", "wealth"), "invalid AccountKind value"),
    ],
)
def test_an_odd_option_is_told(capfd, options, remark):
    with pytest.raises(ChildProcessError, match="options are"), started(*options):
        pytest.fail("it began")

    assert remark in capfd.readouterr().err


def test_prices_are_read_from_a_table(tmp_path):
    table = tmp_path / "prices.csv"
    table.write_text("symbol,price\nVOO,512.25\nBIL,91.5\n")

    assert read_prices(table) == {"VOO": Decimal("512.25"), "BIL": Decimal("91.5")}


def test_an_odd_table_is_named(tmp_path):
    table = tmp_path / "prices.csv"
    table.write_text("symbol,price\nVOO,dear\n")

    with pytest.raises(ValueError, match="give columns symbol and price"):
        read_prices(table)


async def test_a_port_that_is_taken_is_told():
    async with TwsSim() as first:
        with pytest.raises(OSError, match="in use"):
            async with TwsSim(port=first.port):
                pytest.fail("it began")
        with pytest.raises(OSError, match="in use"):
            async with TwsSim(control_port=int(first.control_url.rpartition(":")[2])):
                pytest.fail("it began")


async def test_waiting_for_what_never_happens_ends():
    async with TwsSim() as sim:
        with pytest.raises(TimeoutError):
            await sim.until(lambda control: bool(control.orders()), seconds=0.01)


def test_requests_have_the_names_faults_are_given_with():
    assert Fault(FaultKind.IGNORE, Request("positions")).request is Request.POSITIONS
