"""The login of an owner: an address to open, and the address pasted back, exchanged for tokens."""

import asyncio
import json
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx

from adapters.schwab_access import Access
from adapters.schwab_json import remark
from adapters.schwab_library import OAuthTrouble, authorization, new_session, transport
from adapters.schwab_tokens import Login, TokenFile, beside, replace_file, whole
from bot.domain.errors import BellwetherError, BrokerUnavailable

# What the token endpoint calls a code that is used, unknown or older than half a minute.
SPENT = frozenset({"invalid_grant", "invalid_request"})
WRONG_APP = frozenset({"invalid_client", "unauthorized_client"})


@dataclass(frozen=True, slots=True)
class Begun:
    """A login under way: the address to open, and the state its answer must carry."""

    address: str
    state: str = field(repr=False)


def begin(access: Access) -> str:
    """Return the address at which the owner allows the app; opening it changes nothing yet.

    That it was begun is kept beside the token file, so that another process may
    finish it: `bellwether auth schwab` asks in one step or in two.
    """
    address, state = authorization(access.key, access.callback)
    replace_file(_pending(access), json.dumps({"address": address, "state": state}))
    return address


async def finish(access: Access, pasted: str, now: datetime) -> Login:
    """Exchange the address a browser ended at for tokens, and store them.

    The address holds a code that is good once and for half a minute: it is a
    secret, and no error repeats it. Raises BellwetherError `schwab_login_not_begun`,
    `schwab_paste_wrong`, `schwab_code_spent`, `schwab_app_refused`, and
    BrokerUnavailable where Schwab does not answer as it should.
    """
    begun = _begun(access)
    clean = "".join(pasted.split())
    asked = parse_qs(urlsplit(clean).query)
    if "code" not in asked or asked.get("state") != [begun.state]:
        raise BellwetherError("schwab_paste_wrong", callback=access.callback)
    login = Login(now, await _exchanged(access, clean, begun.state))
    TokenFile(access.token_file).write(login)
    _pending(access).unlink(missing_ok=True)
    return login


async def _exchanged(access: Access, address: str, state: str) -> dict[str, object]:
    made = transport(access.proxy, access.ca_file, idle=0)
    session = new_session(access.key, access.secret, access.callback, made)
    session.register_compliance_hook("access_token_response", _checked)
    async with aclosing(session):
        try:
            async with asyncio.timeout(access.pace.answer):
                return dict(
                    await session.fetch_token(
                        authorization_response=address, state=state, client_id=access.key
                    )
                )
        except (TimeoutError, httpx.RequestError) as error:
            raise BrokerUnavailable("schwab_unreachable", reason=type(error).__name__) from None
        except (OAuthTrouble, ValueError) as error:
            # Its text may hold the address.
            raise BrokerUnavailable("schwab_refresh_failed", reason=type(error).__name__) from None


def _checked(response: httpx.Response) -> httpx.Response:
    """Let an answer pass that is a token; whatever else comes must not become one."""
    error = oauth_error(response)
    if error in SPENT:
        raise BellwetherError("schwab_code_spent")
    if error in WRONG_APP:
        raise BellwetherError("schwab_app_refused", told=error)
    if not is_token(response):
        raise BrokerUnavailable("schwab_refresh_failed", reason=failure(response))
    return response


def is_token(response: httpx.Response) -> bool:
    """Whether the token endpoint answered with an access token; it may leave the other as it is."""
    try:
        token = response.json()
    except ValueError:
        return False
    refresh = {"refresh_token": "as before"}
    return response.is_success and isinstance(token, dict) and whole(refresh | token)


def oauth_error(response: httpx.Response) -> str:
    """The error by which the token endpoint itself refuses; nothing for anybody else's answer."""
    if response.status_code not in {httpx.codes.BAD_REQUEST, httpx.codes.UNAUTHORIZED}:
        return ""
    try:
        body = response.json()
    except ValueError:
        return ""
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, str) else ""


def failure(response: httpx.Response) -> str:
    """An answer that is no use, in few words."""
    return f"{response.status_code} {oauth_error(response) or remark(response)}".strip()


def _pending(access: Access) -> Path:
    return beside(access.token_file, "begun")


def _begun(access: Access) -> Begun:
    try:
        kept = json.loads(_pending(access).read_text("utf-8"))
        return Begun(str(kept["address"]), str(kept["state"]))
    except (OSError, ValueError, LookupError, TypeError):
        raise BellwetherError("schwab_login_not_begun") from None
