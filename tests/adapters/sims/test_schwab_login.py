"""The real library logs in at a simulated broker, refreshes, and is turned away."""

import asyncio
import json
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from authlib.integrations.base_client import OAuthError

from adapters.sims.schwab import SchwabSim
from adapters.sims.schwab_answers import Form
from adapters.sims.schwab_faults import Fault, FaultKind, Operation
from adapters.sims.schwab_tokens import LoginError
from tests.adapters.sims.schwab_clients import (
    TOKEN_ENDPOINT,
    TokenFile,
    a_client,
    a_setup,
)

HALF_HOUR, DAY = 1800, 86_400
AUTHORIZE = "https://api.schwabapi.com/v1/oauth/authorize"
STATE = "state-of-this-test"


@pytest.fixture
async def broker(tmp_path):
    async with SchwabSim(tmp_path / "ca.pem", a_setup()) as it:
        yield it


@pytest.fixture
async def client(broker):
    async with a_client(broker) as it:
        yield it


@pytest.fixture
def file(broker):
    return TokenFile(broker.control.log_in())


@pytest.fixture
async def stale(broker, file):
    """A client whose access token is over by the library's own clock."""
    file.age(HALF_HOUR)
    async with a_client(broker, file) as it:
        yield it


def link(broker: SchwabSim, **changes: str) -> str:
    asked = {
        "response_type": "code",
        "client_id": broker.app.key,
        "redirect_uri": broker.app.callback,
        "state": STATE,
    }
    return f"{AUTHORIZE}?{httpx.QueryParams(asked | changes)}"


def code_of(address: str) -> str:
    return parse_qs(urlsplit(address).query)["code"][0]


async def granted(client, broker: SchwabSim, **asked: str) -> httpx.Response:
    return await client.session.post(
        TOKEN_ENDPOINT,
        data={"grant_type": "authorization_code", "redirect_uri": broker.app.callback} | asked,
        auth=httpx.BasicAuth(broker.app.key, broker.app.secret),
    )


async def test_twenty_calls_at_once_refresh_once(broker, stale, file):
    answers = await asyncio.gather(*(stale.get_quotes(["VOO"]) for _ in range(20)))

    assert {answer.status_code for answer in answers} == {200}
    assert len(broker.control.calls(Operation.TOKEN)) == 1
    assert len(file.writes) == 1


async def test_a_refresh_keeps_the_login_and_its_date(stale, file):
    await stale.get_quotes(["VOO"])

    written, before = file.writes[0], file.kept
    assert written["creation_timestamp"] == before["creation_timestamp"]
    assert written["token"]["refresh_token"] == before["token"]["refresh_token"]
    assert written["token"]["access_token"] != before["token"]["access_token"]


@pytest.mark.parametrize(("age", "refreshes"), [(HALF_HOUR - 360, 0), (HALF_HOUR - 240, 1)])
async def test_the_library_refreshes_five_minutes_early(broker, file, age, refreshes):
    file.age(age)

    async with a_client(broker, file) as client:
        await client.get_quotes(["VOO"])

    assert len(broker.control.calls(Operation.TOKEN)) == refreshes


async def test_refreshing_does_not_make_a_login_last_longer(broker, stale):
    broker.control.move(6 * DAY)
    await stale.get_quotes(["VOO"])
    broker.control.move(DAY)

    with pytest.raises(OAuthError):
        await stale.session.refresh_token(TOKEN_ENDPOINT)


async def test_an_old_login_begins_old(broker):
    file = TokenFile(broker.control.log_in(age=8 * DAY))

    async with a_client(broker, file) as client:
        assert client.token_age() >= 8 * DAY
        with pytest.raises(OAuthError):
            await client.get_quotes(["VOO"])


@pytest.mark.parametrize("error", LoginError)
async def test_an_expired_login_surfaces_from_any_call_and_leaves_the_file(
    broker, stale, file, error
):
    broker.control.expire_login(error)

    with pytest.raises(OAuthError) as caught:
        await stale.get_quotes(["VOO"])

    assert caught.value.error == error
    assert file.writes == []
    assert broker.control.calls(Operation.QUOTES) == []


async def test_the_text_of_an_expired_login_has_another_error_inside(broker, stale):
    broker.control.expire_login()

    with pytest.raises(OAuthError, match="refresh_token_authentication_error"):
        await stale.get_quotes(["VOO"])


async def test_an_expired_login_is_noticed_only_when_the_access_token_ends(broker, client):
    broker.control.expire_login()

    assert (await client.get_quotes(["VOO"])).status_code == HTTPStatus.OK


async def test_an_early_401_is_not_refreshed_by_the_library(broker, client):
    broker.control.expire_access()

    refused = await client.get_quotes(["VOO"])
    before = len(broker.control.calls(Operation.TOKEN))
    await client.session.refresh_token(TOKEN_ENDPOINT)
    after = await client.get_quotes(["VOO"])

    assert (refused.status_code, before, after.status_code) == (401, 0, 200)
    assert refused.json()["errors"][0]["detail"] == "Client not authorized"


async def test_an_access_token_lasts_half_an_hour_at_the_broker(broker, client):
    broker.control.move(HALF_HOUR - 1)
    before = await client.get_quotes(["VOO"])
    broker.control.move(1)
    after = await client.get_quotes(["VOO"])

    assert (before.status_code, after.status_code) == (200, 401)


NOT_EXPIRED = [
    pytest.param(Fault(FaultKind.REFUSE, Operation.TOKEN, status=503), httpx.HTTPStatusError),
    pytest.param(Fault(FaultKind.REFUSE, Operation.TOKEN, status=429), httpx.HTTPStatusError),
    pytest.param(Fault(FaultKind.MASK, Operation.TOKEN, status=200), ValueError),
    pytest.param(Fault(FaultKind.LOSE, Operation.TOKEN), httpx.ReadError),
]


@pytest.mark.parametrize(("fault", "error"), NOT_EXPIRED)
async def test_a_refresh_that_fails_otherwise_is_tried_again_by_the_next_call(
    broker, stale, file, fault, error
):
    broker.control.fail(fault)
    with pytest.raises(error):
        await stale.get_quotes(["VOO"])
    failed = list(file.writes)

    answer = await stale.get_quotes(["VOO"])

    assert (failed, answer.status_code) == ([], 200)


async def test_a_refusal_without_an_error_in_it_is_kept_as_a_token(broker, stale, file):
    gateway = Fault(FaultKind.REFUSE, Operation.TOKEN, status=429, form=Form.GATEWAY)
    broker.control.fail(gateway)

    with pytest.raises(OAuthError):
        await stale.get_quotes(["VOO"])

    assert "fault" in file.writes[0]["token"]
    assert "access_token" not in file.writes[0]["token"]


async def test_a_link_ends_at_the_callback_with_a_code_and_the_state(broker):
    address = broker.control.allow(link(broker))

    assert address.startswith(broker.app.callback + "/?")
    assert parse_qs(urlsplit(address).query)["state"] == [STATE]
    # Its last character is escaped in the address, which a careless paste loses.
    assert code_of(address).endswith("@")
    assert "%40" in address


async def test_a_page_asks_before_it_redirects(broker, client):
    shown = await client.session.get(link(broker), auth=None)
    form = {"client_id": broker.app.key, "redirect_uri": broker.app.callback}
    allowed = await client.session.post(AUTHORIZE, data=form | {"response_type": "code"}, auth=None)

    assert (shown.status_code, allowed.status_code) == (200, 302)
    assert 'name="client_id"' in shown.text
    assert allowed.headers["Location"].startswith(broker.app.callback)


async def test_a_page_refuses_a_foreign_callback(broker, client):
    form = {"client_id": broker.app.key, "redirect_uri": "https://localhost:8182"}
    refused = await client.session.post(AUTHORIZE, data=form, auth=None)

    assert refused.status_code == HTTPStatus.BAD_REQUEST
    assert "give the registered https://127.0.0.1:8182" in refused.text


WRONG_LINKS = [
    ({"client_id": "another"}, "no app has this key"),
    ({"redirect_uri": "https://127.0.0.1:8182/"}, "to the letter"),
    ({"response_type": "token"}, "give code"),
]


@pytest.mark.parametrize(("change", "remark"), WRONG_LINKS)
def test_a_wrong_link_is_named(broker, change, remark):
    with pytest.raises(ValueError, match=remark):
        broker.control.allow(link(broker, **change))


async def test_a_code_is_good_once(broker, client):
    code = code_of(broker.control.allow(link(broker)))

    first = await granted(client, broker, code=code)
    second = await granted(client, broker, code=code)

    assert first.json()["expires_in"] == HALF_HOUR
    assert (second.status_code, second.json()["error"]) == (400, "invalid_grant")


async def test_a_code_is_good_for_half_a_minute(broker, client):
    code = code_of(broker.control.allow(link(broker)))
    broker.control.move(31)

    assert (await granted(client, broker, code=code)).json()["error"] == "invalid_grant"


async def test_a_code_is_good_for_its_callback(broker, client):
    code = code_of(broker.control.allow(link(broker)))
    refused = await granted(client, broker, code=code, redirect_uri="https://127.0.0.1")

    assert refused.json()["error"] == "invalid_grant"


async def test_only_two_grants_are_known(broker, client):
    refused = await granted(client, broker, grant_type="client_credentials")

    assert refused.json()["error"] == "unsupported_grant_type"


async def test_a_wrong_secret_is_told(client):
    client.session.client_secret = "wrong"  # noqa: S105 - it is meant to open nothing

    with pytest.raises(OAuthError, match="invalid_client"):
        await client.session.refresh_token(TOKEN_ENDPOINT)


async def test_no_call_passes_without_a_token(client):
    bare = await client.session.get("https://api.schwabapi.com/trader/v1/accounts", auth=None)

    assert bare.status_code == HTTPStatus.UNAUTHORIZED


def test_a_token_file_has_the_form_the_library_writes(file):
    told = json.loads(json.dumps(file.kept))

    assert set(told) == {"creation_timestamp", "token"}
    assert set(told["token"]) == {
        "access_token",
        "expires_at",
        "expires_in",
        "id_token",
        "refresh_token",
        "scope",
        "token_type",
    }
