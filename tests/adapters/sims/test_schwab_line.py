"""How the real library reaches a simulated broker, and how the way to it breaks."""

import asyncio
import json
import ssl
import time
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from http import HTTPStatus

import httpx
import pytest
from cryptography import x509

from adapters.sims.schwab import SchwabSim
from adapters.sims.schwab_answers import Form
from adapters.sims.schwab_certificates import HOST
from adapters.sims.schwab_faults import Ending, Fault, FaultKind, Operation, Outage
from adapters.sims.schwab_limits import Limits
from adapters.sims.schwab_line import LONGEST_HEAD
from tests.adapters.sims.schwab_clients import (
    PATIENCE,
    SHORT,
    a_client,
    a_setup,
    equity_buy_limit,
    listed,
    placed,
)

ORDER = equity_buy_limit("VOO", 3, "499.00")
HTML_WITH_200 = Fault(FaultKind.MASK, Operation.QUOTES, status=200, form=Form.HTML, message="Soon")


@pytest.fixture
async def broker(tmp_path):
    async with SchwabSim(tmp_path / "ca.pem", a_setup()) as it:
        yield it


@pytest.fixture
async def client(broker):
    async with a_client(broker) as it:
        yield it


def booked(broker: SchwabSim) -> int:
    return len(broker.control.orders())


async def test_the_library_calls_its_hard_coded_host_and_is_answered_here(broker, client):
    answer = await client.get_account_numbers()

    assert answer.request.url.host == HOST
    assert [call.path for call in broker.control.calls()] == [answer.request.url.path]


async def test_a_client_that_does_not_trust_the_authority_sends_nothing(broker):
    async with httpx.AsyncClient(proxy=broker.proxy_url, trust_env=False) as stranger:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await stranger.get(f"https://{HOST}/trader/v1/accounts")

    assert broker.control.calls() == []


async def test_the_authority_stands_the_strictest_check(broker):
    context = ssl.create_default_context(cafile=broker.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT

    async with httpx.AsyncClient(proxy=broker.proxy_url, verify=context) as careful:
        answer = await careful.get(f"https://{HOST}/marketdata/v1/quotes")

    assert answer.status_code == HTTPStatus.UNAUTHORIZED


async def test_the_proxy_goes_nowhere_else(broker):
    async with httpx.AsyncClient(proxy=broker.proxy_url, trust_env=False) as stranger:
        with pytest.raises(httpx.ProxyError, match="403"):
            await stranger.get("https://example.com/")
        plain = await stranger.get("http://example.com/")

    assert plain.status_code == HTTPStatus.METHOD_NOT_ALLOWED


async def test_every_start_has_an_authority_of_its_own(broker, tmp_path):
    async with SchwabSim(tmp_path / "other.pem") as other:
        pems = [each.ca_file.read_bytes() for each in (broker, other)]

    first, second = (x509.load_pem_x509_certificate(pem) for pem in pems)
    assert first.public_key() != second.public_key()


async def test_a_taken_port_is_an_error(broker, tmp_path):
    port = int(broker.proxy_url.rpartition(":")[2])

    with pytest.raises(OSError, match="in use"):
        async with SchwabSim(tmp_path / "second.pem", port=port):
            pytest.fail("it began")


LOST = [
    pytest.param(FaultKind.RESET, Ending.RESET, httpx.ReadError, 0, id="reset, never arrived"),
    pytest.param(FaultKind.LOSE, Ending.RESET, httpx.ReadError, 1, id="reset, arrived"),
    pytest.param(FaultKind.RESET, Ending.CLOSE, httpx.RemoteProtocolError, 0, id="closed, never"),
    pytest.param(FaultKind.LOSE, Ending.CLOSE, httpx.RemoteProtocolError, 1, id="closed, arrived"),
]


@pytest.mark.parametrize(("kind", "ending", "error", "orders"), LOST)
async def test_a_lost_answer_does_not_say_whether_the_order_arrived(
    broker, client, kind, ending, error, orders
):
    broker.control.fail(Fault(kind, Operation.PLACE, ending=ending))

    with pytest.raises(error):
        await client.place_order(broker.account_hash, ORDER)

    assert booked(broker) == orders
    assert len(broker.control.calls(Operation.PLACE)) == 1


SLOW = [
    pytest.param(FaultKind.HANG, 0, 0, id="never arrived"),
    pytest.param(FaultKind.DELAY, 1, 1, id="arrived at once"),
    pytest.param(FaultKind.LATE, 0, 1, id="arrives when nobody waits any more"),
]


@pytest.mark.parametrize(("kind", "at_first", "at_last"), SLOW)
async def test_a_slow_answer_does_not_say_whether_the_order_arrived(
    broker, client, kind, at_first, at_last
):
    broker.control.fail(Fault(kind, Operation.PLACE, seconds=2 * SHORT))

    # The connection is made in peace; only the answer is late.
    await client.get_quotes(["VOO"])
    client.set_timeout(SHORT)
    with pytest.raises(httpx.ReadTimeout):
        await client.place_order(broker.account_hash, ORDER)

    assert booked(broker) == at_first
    with suppress(TimeoutError):
        await broker.control.wait(seconds=4 * SHORT)
    assert booked(broker) == at_last


@pytest.mark.parametrize(("kind", "orders"), [(FaultKind.REFUSE, 0), (FaultKind.MASK, 1)])
@pytest.mark.parametrize("status", [500, 502, 503])
async def test_a_server_error_does_not_say_whether_the_order_arrived(
    broker, client, kind, orders, status
):
    broker.control.fail(Fault(kind, Operation.PLACE, status=status))

    answer = await client.place_order(broker.account_hash, ORDER)

    assert (answer.status_code, booked(broker)) == (status, orders)
    assert "Location" not in answer.headers


async def test_a_refused_connection_means_that_nothing_was_sent(broker, client):
    await broker.control.cut(Outage.REFUSED)

    with pytest.raises(httpx.ConnectError):
        await client.place_order(broker.account_hash, ORDER)

    await broker.control.restore()
    assert await listed(client, broker) == []


async def test_a_proxy_that_reaches_nobody_means_that_nothing_was_sent(broker, client):
    await broker.control.cut(Outage.NO_TUNNEL)

    with pytest.raises(httpx.ProxyError, match="502"):
        await client.place_order(broker.account_hash, ORDER)

    assert broker.control.calls() == []


async def test_a_silent_broker_is_noticed_by_the_client_alone(broker, client):
    await broker.control.cut(Outage.SILENT)

    client.set_timeout(httpx.Timeout(PATIENCE, read=4 * SHORT))
    with pytest.raises(httpx.ReadTimeout):
        await client.get_quotes(["VOO"])

    assert [call.status for call in broker.control.calls()] == [0]


async def test_an_outage_answers_in_html_and_ends(broker, client):
    await broker.control.cut(Outage.BAD_GATEWAY)
    during = await client.get_quotes(["VOO"])
    await broker.control.restore()
    after = await client.get_quotes(["VOO"])

    assert (during.status_code, after.status_code) == (502, 200)
    assert during.headers["content-type"].startswith("text/html")
    with pytest.raises(json.JSONDecodeError):
        during.json()


@pytest.mark.parametrize(
    "fault", [HTML_WITH_200, Fault(FaultKind.TRUNCATE, Operation.QUOTES)], ids=["html", "half"]
)
async def test_an_answer_of_200_may_be_no_json(broker, client, fault):
    broker.control.fail(fault)

    answer = await client.get_quotes(["VOO"])

    assert answer.status_code == HTTPStatus.OK
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_an_answer_may_end_before_what_was_announced(broker, client):
    broker.control.fail(Fault(FaultKind.CUT_OFF, Operation.QUOTES, ending=Ending.CLOSE))

    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await client.get_quotes(["VOO"])


FORMS = [
    (Form.TRADER, lambda told: told["message"]),
    (Form.MARKET_DATA, lambda told: told["errors"][0]["title"]),
    (Form.GATEWAY, lambda told: told["fault"]["faultstring"]),
]


@pytest.mark.parametrize(("form", "words"), FORMS)
async def test_errors_come_in_several_forms(broker, client, form, words):
    broker.control.fail(Fault(FaultKind.REFUSE, Operation.ACCOUNT, status=503, form=form))

    answer = await client.get_account(broker.account_hash)

    assert words(answer.json()) == "Service Unavailable"


async def test_the_library_raises_nothing_and_retries_nothing(broker, client):
    broker.control.fail(Fault(FaultKind.REFUSE, status=500, form=Form.EMPTY))

    answer = await client.get_quotes(["VOO"])

    assert (answer.status_code, answer.content) == (500, b"")
    assert len(broker.control.calls()) == 1


async def test_a_fault_meets_the_call_that_was_meant(broker, client):
    broker.control.fail(Fault(FaultKind.REFUSE, Operation.QUOTES, spared=1, times=2, status=500))

    statuses = [(await client.get_quotes(["VOO"])).status_code for _ in range(4)]

    assert statuses == [200, 500, 500, 200]


async def test_over_the_limit_nobody_says_when_to_come_back(broker, client):
    broker.control.limit(Limits(requests_a_minute=2))

    statuses = [(await client.get_quotes(["VOO"])).status_code for _ in range(2)]
    refused = await client.get_quotes(["VOO"])
    broker.control.move(61)
    later = await client.get_quotes(["VOO"])

    assert [*statuses, refused.status_code, later.status_code] == [200, 200, 429, 200]
    assert "retry-after" not in refused.headers


async def test_an_order_over_the_limit_is_not_booked(broker, client):
    broker.control.limit(Limits(orders_a_minute=1))
    number = await placed(client, broker, ORDER)

    cancel = await client.cancel_order(number, broker.account_hash)
    order = await client.place_order(broker.account_hash, ORDER)

    assert (cancel.status_code, order.status_code) == (429, 429)
    assert [order.status for order in broker.control.orders()] == ["WORKING"]


async def test_the_documented_limits_hold_without_being_asked_for(client):
    answers = [await client.get_quotes(["VOO"]) for _ in range(121)]

    assert [answer.status_code for answer in answers[-2:]] == [200, 429]


async def test_it_stops_in_under_a_second_with_calls_under_way(tmp_path):
    async with SchwabSim(tmp_path / "ca.pem", a_setup()) as broker:
        broker.control.fail(Fault(FaultKind.HANG, Operation.QUOTES, seconds=60))
        broker.control.fail(Fault(FaultKind.LATE, Operation.ACCOUNT, seconds=60))
        async with a_client(broker) as client:
            calls = [client.get_quotes(["VOO"]), client.get_account(broker.account_hash)]
            waiting = asyncio.gather(*calls, return_exceptions=True)
            while len(broker.control.calls()) < len(calls):  # noqa: ASYNC110 - a call has no event
                await asyncio.sleep(SHORT / 10)
            begun = time.monotonic()
            await broker.__aexit__(None, None, None)
            elapsed = time.monotonic() - begun
            ended = await waiting

    assert elapsed < 1
    assert all(isinstance(error, httpx.TransportError) for error in ended)


async def test_time_only_goes_on(broker):
    before = broker.control.now()
    broker.control.move(90)

    assert (broker.control.now() - before).total_seconds() == 90
    with pytest.raises(ValueError, match="seconds is -1"):
        broker.control.move(-1)
    with pytest.raises(ValueError, match="give a time with its zone"):
        broker.control.set_time(datetime(2026, 3, 3))  # noqa: DTZ001 - the wrong one


async def test_time_runs_where_it_was_not_stopped(broker):
    broker.control.set_time(broker.control.now(), running=True)
    before = broker.control.now()
    await asyncio.sleep(0.001)

    assert broker.control.now() > before


async def test_answers_are_dated_by_its_own_clock(broker, client):
    broker.control.move(90)

    answer = await client.get_quotes(["VOO"])

    assert answer.headers["Date"] == "Tue, 03 Mar 2026 17:01:30 GMT"


async def test_one_outage_follows_another(broker, client):
    await broker.control.cut(Outage.REFUSED)
    await broker.control.cut(Outage.SILENT)
    asked = asyncio.create_task(client.get_quotes(["VOO"]))
    while not broker.control.calls():  # noqa: ASYNC110 - a call has no event
        await asyncio.sleep(SHORT / 10)
    await broker.control.restore()

    with pytest.raises(httpx.ReadError):
        await asked
    assert (await client.get_quotes(["VOO"])).status_code == HTTPStatus.OK


@asynccontextmanager
async def knocking(broker):
    host, _, port = broker.proxy_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    yield reader, writer
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def test_a_request_to_the_proxy_may_come_in_pieces(broker):
    async with knocking(broker) as (reader, writer):
        writer.write(b"GET http://example.com/ HTTP/1.1\r\n")
        await asyncio.sleep(SHORT / 10)
        writer.write(b"\r\n")

        assert await reader.readline() == b"HTTP/1.1 405 Method Not Allowed\r\n"


async def test_a_request_to_the_proxy_that_does_not_end_is_cut(broker):
    async with knocking(broker) as (reader, writer):
        writer.write(b"x" * (LONGEST_HEAD + 1))

        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)


async def test_what_the_simulator_does_not_play_is_not_found(broker, client):
    answer = await client.get_user_preferences()

    assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})
    assert broker.control.calls()[0].operation is Operation.UNKNOWN


ODD_FAULTS = [
    ({"times": 0}, "times is 0"),
    ({"seconds": -1}, "seconds is -1"),
    ({"status": 7}, "7"),
]


@pytest.mark.parametrize(("given", "remark"), ODD_FAULTS)
def test_an_odd_fault_is_named(given, remark):
    with pytest.raises(ValueError, match=remark):
        Fault(FaultKind.REFUSE, **given)
