"""A broker in another process, moved from here."""

import inspect
import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.sims.longport import a_little_world
from adapters.sims.longport_account import Holding
from adapters.sims.longport_control import VERBS, Control
from adapters.sims.longport_faults import Fault, FaultKind
from adapters.sims.longport_orders import OrderStatus, Side, Ticket
from adapters.sims.longport_rates import Rates
from adapters.sims.longport_remote import RemoteControl, started
from adapters.sims.longport_rules import Delays, Fills, Rule
from adapters.sims.longport_securities import Quote, Security, quoted
from adapters.sims.longport_sockets import Channel
from adapters.sims.longport_values import read, told
from adapters.sims.longport_world import Setup
from tests.adapters.sims.longport_library import utc

TREE = Path(__file__).parents[3]
OPEN = utc(2026, 3, 2, 15)
QQQ = Security("QQQ.US", "Invesco QQQ")
BID, ASK = Decimal(99), Decimal(100)


@pytest.fixture(scope="module")
def process():
    with started() as it:
        yield it


@pytest.fixture
def control(process):
    process.control.begin(Setup(start=OPEN, securities=(QQQ,), rates=None))
    process.control.restore()
    process.control.quote(quoted("QQQ.US", BID, ASK))
    return process.control


def a_ticket(**changes) -> Ticket:
    asked = {"symbol": "QQQ.US", "side": Side.BUY, "quantity": Decimal(3), "price": Decimal(100)}
    return Ticket(**(asked | changes))


def plain(method) -> list[tuple[str, object]]:
    return [(p.name, p.default) for p in inspect.signature(method).parameters.values()]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_there_from_afar_with_the_same_arguments(verb):
    assert plain(getattr(RemoteControl, verb)) == plain(getattr(Control, verb))


def test_a_world_and_what_happens_in_it_come_over_unchanged(control):
    world = a_little_world()

    assert read("setup", Setup, json.loads(json.dumps(told(world)))) == world
    assert control.quote(quoted("QQQ.US", BID, ASK)).at.tzinfo
    booked = control.book(a_ticket())
    assert control.orders() == (booked,)
    assert control.executions() == booked.executions
    assert control.statement().position("QQQ.US").quantity == 3


def test_an_order_is_played_step_by_step(control):
    control.rule(Rule(Fills.NEVER), "QQQ.US")
    first, second = control.book(a_ticket()), control.book(a_ticket())

    control.show(first.id, OrderStatus.WAIT_TO_NEW)
    partial = control.fill(first.id, Decimal(1), Decimal(98))
    ended = control.end(first.id)
    rejected = control.end(second.id, OrderStatus.REJECTED, "Halted")

    assert (partial.status, partial.average_price) == (OrderStatus.PARTIAL_FILLED, 98)
    assert ended.status is OrderStatus.PARTIAL_WITHDRAWAL
    assert [step.status for step in ended.steps] == [
        OrderStatus.NEW,
        OrderStatus.WAIT_TO_NEW,
        OrderStatus.PARTIAL_FILLED,
        OrderStatus.PARTIAL_WITHDRAWAL,
    ]
    assert (rejected.status, rejected.message) == (OrderStatus.REJECTED, "Halted")


WRONG = [
    (lambda c: c.quote(Quote("NOPE.US", None)), "list it first"),
    (lambda c: c.fill("5"), "no such order"),
    (lambda c: c.end(c.book(a_ticket()).id), "it is filled"),
    (lambda c: c.book(a_ticket(quantity=Decimal("0.5"))), "fractional"),
    (lambda c: c.hold(Holding("NOPE.US", Decimal(1))), "invalid symbol"),
    (lambda c: c.deposit("XXX", Decimal(1)), "no worth of it"),
]


@pytest.mark.parametrize(("act", "remark"), WRONG)
def test_what_can_not_be_done_is_told(control, act, remark):
    with pytest.raises(ValueError, match=remark):
        act(control)


@pytest.mark.parametrize(
    ("verb", "body", "remark"),
    [
        ("jump", "{}", "there is no jump"),
        ("fill", "[]", "no JSON object"),
        ("fill", "{}", "missing"),
        ("fill", '{"order_id": 5}', "order_id is 5"),
        ("fail", '{"fault": {"kind": "odd"}}', "kind is 'odd'"),
        ("fail", '{"fault": {"kind": "hang", "times": 0}}', "times is 0"),
        ("limit", '{"rates": {"calls": "many"}}', "calls is 'many'"),
        ("limit", '{"rates": {"calls": 0}}', "calls and quotes are at least 1"),
        ("rule", '{"rule": {"resting": "FilledStatus"}}', "not final"),
        ("rule", '{"rule": {"shares": "0"}}', "above 0"),
        ("begin", '{"setup": {"securities": 5}}', "give a list"),
        ("begin", '{"setup": {"cash": []}}', "give an object"),
        ("now", '{"hour": 5}', "has no hour"),
    ],
)
def test_what_is_odd_over_http_is_named(process, verb, body, remark):
    url = f"{process.control._url}/control/{verb}"
    request = urllib.request.Request(url, body.encode(), method="POST")  # noqa: S310 - loopback

    with pytest.raises(urllib.error.HTTPError) as refused, urllib.request.urlopen(request):  # noqa: S310
        pass

    with refused.value as answer:
        assert remark in json.load(answer)["error"]


def test_the_line_is_cut_and_joined_while_the_control_stays(control):
    url = control.access().http_url
    control.cut()

    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(url)  # noqa: S310 - loopback
    control.restore()
    with pytest.raises(urllib.error.HTTPError) as answered:
        urllib.request.urlopen(url)  # noqa: S310 - loopback
    answered.value.close()


def test_the_clock_the_rest_and_the_limits_are_set_from_afar(control):
    control.move_clock(60)
    control.delay(Delays(listing=1))
    control.limit(Rates())
    control.fail(Fault(FaultKind.HANG))
    control.restore()
    control.hang_up(Channel.QUOTE)
    control.list_security(Security("SPY.US"))

    assert timedelta(0) <= control.now() - OPEN - timedelta(seconds=60) < timedelta(seconds=5)
    assert control.sockets() == ()


WORLDS = [
    ({"start": OPEN.replace(tzinfo=None)}, "no time zone"),
    ({"ping_seconds": 0}, "ping_seconds"),
    ({"margin": Decimal("0.5")}, "margin"),
    ({"cash": {"XXX": Decimal(1)}}, "worth lacks XXX"),
    ({"holdings": (Holding("QQQ.US", Decimal(1)),)}, "securities lack QQQ.US"),
]


@pytest.mark.parametrize(("wrong", "remark"), WORLDS)
def test_a_world_that_can_not_be_is_named(wrong, remark):
    with pytest.raises(ValueError, match=remark):
        Setup(**wrong)


@pytest.mark.parametrize("symbol", ["QQQ", ".US", "QQQ.XX"])
def test_a_symbol_names_its_market(symbol):
    with pytest.raises(ValueError, match="give it an ending"):
        Security(symbol)


def run(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "adapters.sims.longport", *options]
    return subprocess.Popen(command, cwd=TREE, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_as_a_program_it_tells_where_it_is_and_ends_when_told(tmp_path, number):
    file = tmp_path / "world.json"
    file.write_text(json.dumps(told(Setup(securities=(QQQ,)))))
    with run("--setup", str(file), "--no-rates") as process:
        access = json.loads(process.stdout.readline())
        process.send_signal(number)

        assert process.wait(5) == 0
    assert {"http_url", "quote_ws_url", "trade_ws_url", "access_token", "control_url"} <= {*access}


def test_it_ends_with_the_program_that_started_it():
    with started() as broker:
        broker.process.stdin.close()

        assert broker.process.wait(5) == 0
