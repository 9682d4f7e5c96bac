"""A broker in another process, reached by the unmodified library and moved from here."""

import asyncio
import inspect
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import replace
from datetime import UTC, date, datetime
from datetime import time as time_of_day
from decimal import Decimal
from pathlib import Path

import pytest

from adapters.sims.schwab import SchwabSim, main
from adapters.sims.schwab_accounts import AccountKind
from adapters.sims.schwab_control import VERBS, Control
from adapters.sims.schwab_fates import Fate, FateKind
from adapters.sims.schwab_faults import Fault, FaultKind, Operation, Outage
from adapters.sims.schwab_limits import Limits
from adapters.sims.schwab_market import Hours, Session
from adapters.sims.schwab_orders import Instruction, Ticket, Who
from adapters.sims.schwab_remote import RemoteControl, started
from adapters.sims.schwab_tokens import LoginError
from tests.adapters.sims.schwab_clients import VOO, a_bar, an_account, an_option

TREE = Path(__file__).parents[3]
BUY = Ticket("VOO", Instruction.BUY, Decimal(2))
# What users of the library write; only the environment knows of the simulator.
PROGRAM = """
import asyncio, json, sys, warnings
warnings.simplefilter("ignore")
from schwab import auth
from schwab.orders.equities import equity_buy_market

key, secret, file = sys.argv[1:4]

def write(token, *args, **more):
    json.dump(token, open(file, "w"))

async def trade(client):
    account = (await client.get_account_numbers()).json()[-1]["hashValue"]
    placed = await client.place_order(account, equity_buy_market("VOO", 1))
    await client.close_async_session()
    return placed.status_code

def log_in():
    context = auth.get_auth_context(key, "https://127.0.0.1:8182")
    print(context.authorization_url, flush=True)
    return auth.client_from_received_url(
        key, secret, context, sys.stdin.readline().strip(), write, asyncio=True)

def aged(client):
    client.session.token["expires_at"] -= 1800
    return client

first = log_in()
print(asyncio.run(trade(first)))
print(asyncio.run(trade(aged(auth.client_from_token_file(file, key, secret, asyncio=True)))))
try:
    asyncio.run(trade(aged(first)))
except Exception as error:
    print(type(error).__name__)
"""


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    ca_file = tmp_path_factory.mktemp("broker") / "ca.pem"
    with started(ca_file, "--quote", "VOO=500", "--cash", "9000") as it:
        yield it


@pytest.fixture
def control(broker):
    broker.control.restore()
    broker.control.set_account(an_account(9000))
    return broker.control


def test_the_unmodified_library_is_redirected_by_its_environment_alone(broker, control, tmp_path):
    before = len(control.calls())
    given = [broker.app.key, broker.app.secret, str(tmp_path / "token.json")]
    inherited = {k: v for k, v in os.environ.items() if "PROXY" not in k.upper()}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *given],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=inherited | broker.environment,
        text=True,
    ) as program:
        pasted = control.allow(program.stdout.readline())
        shown, _ = program.communicate(pasted + "\n", timeout=10)

    # Logged in and ordered; refreshed and ordered; a client of the login itself can not refresh.
    assert shown.split() == ["201", "201", "InvalidTokenError"]
    asked = [call.operation for call in control.calls(after=before)]
    trade = [Operation.ACCOUNT_NUMBERS, Operation.PLACE]
    assert asked == [Operation.TOKEN, *trade, Operation.TOKEN, *trade]
    assert control.account().held("VOO") == 2


def test_it_is_moved_from_another_process(control):
    control.set_time(datetime(2026, 3, 3, 17, tzinfo=UTC), running=False)
    control.move(30)
    control.quote(replace(VOO, quoted_at=control.now()))
    control.bars("VOO", [a_bar(date(2026, 3, 2), 498)])
    control.show_today()
    control.hours(Hours(date(2026, 11, 27), time_of_day(13)))
    control.lag(orders=1, accounts=1)
    control.limit(Limits(requests_a_minute=9))
    control.session(Session.OPEN)
    number = control.by_hand(BUY, fate=Fate(FateKind.REST)).order_id
    control.fill(number, Decimal(1), Decimal("499.5"))
    control.put_status(number, "WORKING", "Because.")
    control.end_session()

    (order,) = [each for each in control.orders() if each.order_id == number]
    assert (order.who, order.status, order.ticket) == (Who.HAND, "EXPIRED", BUY)
    assert order.fills[0].price == Decimal("499.5")
    assert order.entered_at == datetime(2026, 3, 3, 17, 0, 30, tzinfo=UTC)


def test_accounts_travel_whole(control):
    account = an_account(kind=AccountKind.MARGIN, positions=(an_option(-1),), VOO="4.5")
    control.set_account(account)
    control.settle()
    control.tell_balance("cashBalance", Decimal("1.5"))

    assert control.account() == account


def test_its_line_and_logins_are_broken_from_another_process(broker, control):
    control.fail(Fault(FaultKind.LOSE, Operation.PLACE, seconds=1.5))
    control.destine(Fate(FateKind.PARTIAL, "VOO", shares=Decimal(3)))
    control.show_order({"orderId": 7})
    control.expire_access()
    control.expire_login(LoginError.INVALID_CLIENT)
    control.unquote("VOO")
    control.quote(VOO)
    control.cut(Outage.REFUSED)

    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(broker.proxy_url, timeout=1)  # noqa: S310 - our own process
    control.restore()


def test_a_login_travels_as_the_library_keeps_it(control):
    assert set(control.log_in(age=60)) == {"creation_timestamp", "token"}


def test_waiting_for_orders(control):
    booked = len(control.orders())
    control.by_hand(BUY)

    assert len(control.wait(orders=booked + 1)) == booked + 1
    with pytest.raises(TimeoutError, match="in time"):
        control.wait(orders=booked + 2, seconds=0.01)


WRONG = [
    (lambda c: c.move(-1), "seconds is -1"),
    (lambda c: c.move("far"), "seconds is 'far': give float"),
    (lambda c: c.account("5"), "account is 5"),
    (lambda c: c.session("night"), "'night' is not a valid Session"),
    (lambda c: c.by_hand(BUY, fate=Fate(FateKind.REFUSE, reason="No.")), "No."),
    (lambda c: c._call("fly", {}), "there is no fly"),
    (lambda c: c._call("move", {"hours": 1}), "move: missing a required argument"),
    (lambda c: c._call("move", [1]), "the body is no JSON object"),
    (lambda c: c._call("fail", {"fault": {"kind": "lose", "times": 0}}), "times is 0"),
    (lambda c: c._call("fail", {"fault": {"kind": "lose", "status": 7}}), "7 is not a valid"),
    (lambda c: c._call("fail", {"fault": {"kind": "lose", "seconds": -1}}), "seconds is -1"),
    (lambda c: c._call("fill", {"order_id": 1, "shares": "x"}), "shares is 'x': give Decimal"),
    (lambda c: c.allow("https://x/?client_id=y"), "no app has this key"),
]


@pytest.mark.parametrize(("act", "remark"), WRONG)
def test_wrong_arguments_are_named(control, act, remark):
    with pytest.raises(ValueError, match=remark):
        act(control)


def test_both_hands_can_do_the_same():
    def public(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(act).parameters)
            for name, act in vars(kind).items()
            if inspect.isfunction(act) and name in VERBS
        }

    assert public(Control) == public(RemoteControl)
    assert set(public(Control)) == VERBS


def test_the_control_answers_a_browser(broker):
    with urllib.request.urlopen(broker.control._url + "/control/now", timeout=5) as answer:  # noqa: S310 - our own process
        assert "result" in json.load(answer)


def test_it_ends_with_who_started_it(tmp_path):
    token_file = tmp_path / "token.json"
    with started(tmp_path / "ca.pem", "--token-file", str(token_file)) as broker:
        process = broker.process
        assert process.poll() is None

    assert process.returncode == 0
    assert token_file.stat().st_mode & 0o777 == 0o600
    assert "refresh_token" in json.loads(token_file.read_text())["token"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_at_a_signal_in_under_a_second(tmp_path, number):
    with started(tmp_path / "ca.pem", "--at", "2026-03-03T17:00:00+00:00", "--frozen") as broker:
        assert broker.control.now() == datetime(2026, 3, 3, 17, tzinfo=UTC)
        begun = time.monotonic()
        broker.process.send_signal(number)
        code = broker.process.wait(3)

    assert code == 0
    assert time.monotonic() - begun < 1


def test_to_a_person_it_says_how_it_is_reached_and_shows_orders(tmp_path):
    with subprocess.Popen(
        [
            *[sys.executable, "-m", "adapters.sims.schwab", "--ca-file", tmp_path / "ca.pem"],
            *["--quote", "VOO=500", "--kind", "MARGIN", "--no-limits"],
        ],
        stdout=subprocess.PIPE,
        cwd=TREE,
        text=True,
    ) as process:
        lines = [process.stdout.readline() for _ in range(5)]
        control = RemoteControl(lines[4].split()[3].removesuffix("/control/VERB,"))
        control.by_hand(BUY)
        shown = [process.stdout.readline() for _ in range(3)]
        process.terminate()

    assert "export HTTPS_PROXY=http://127.0.0.1:" in lines[1]
    assert "hand: BUY 2 VOO MARKET: FILLED, 2 filled" in "".join(shown)


@pytest.mark.parametrize(
    "options", [("--kind", "IRA"), ("--quote", "VOO"), ("--at", "2026-03-03T17:00:00")]
)
def test_odd_options_are_told(tmp_path, capsys, options):
    with pytest.raises(SystemExit):
        main(["--ca-file", str(tmp_path / "ca.pem"), *options])

    assert "schwab: error:" in capsys.readouterr().err


def test_a_broker_that_does_not_begin_is_an_error(tmp_path, capfd):
    with (
        pytest.raises(ChildProcessError, match="options are --port x"),
        started(tmp_path / "ca.pem", "--port", "x"),
    ):
        pytest.fail("it began")

    assert "invalid int value" in capfd.readouterr().err


async def test_in_one_process_it_is_moved_without_a_detour(tmp_path):
    async with SchwabSim(tmp_path / "ca.pem") as broker:
        remote = RemoteControl(broker.control_url)
        moved = await asyncio.to_thread(remote.now)

    assert abs((moved - datetime.now(UTC)).total_seconds()) < 5
