"""The login side: a page on which the owner allows an app, and the tokens it then gets."""

import base64
import html
from collections.abc import Mapping
from http import HTTPStatus

from adapters.sims.schwab_answers import HTML, Answer, page, told
from adapters.sims.schwab_faults import Operation
from adapters.sims.schwab_requests import Request
from adapters.sims.schwab_tokens import App, wrong_client
from adapters.sims.schwab_world import World

BASIC = "Basic "
ALLOW = (
    "<!DOCTYPE html><html><head><title>Simulated login</title></head><body>"
    "<h1>Simulated login</h1><p>Nobody asks for a password here. Allow the app to trade?</p>"
    '<form method="post">{fields}<button>Allow</button></form></body></html>'
)
FIELD = '<input type="hidden" name="{name}" value="{value}">'


class Login:
    """Answers what a browser and an app ask to begin. Refuses with Refused."""

    def __init__(self, world: World) -> None:
        self._tokens = world.tokens

    def answer(self, request: Request) -> Answer:
        """Return the answer to one request."""
        match request.operation:
            case Operation.AUTHORIZE:
                return self._page(request.query)
            case Operation.ALLOW:
                return self._allow(request.form or {})
        if not _is_app(request.authorization, self._tokens.app):
            raise wrong_client()
        return told(self._tokens.grant(request.form or {}))

    def _page(self, asked: Mapping[str, str]) -> Answer:
        shown = {name: html.escape(value) for name, value in asked.items()}
        fields = "".join(FIELD.format(name=html.escape(n), value=v) for n, v in shown.items())
        return Answer(body=ALLOW.format(fields=fields).encode(), media_type=HTML)

    def _allow(self, asked: Mapping[str, str]) -> Answer:
        try:
            address = self._tokens.allow(asked)
        except ValueError as wrong:
            return page(str(wrong), HTTPStatus.BAD_REQUEST)
        return Answer(HTTPStatus.FOUND, headers={"Location": address})


def _is_app(authorization: str, app: App) -> bool:
    known = base64.b64encode(f"{app.key}:{app.secret}".encode()).decode()
    return authorization == BASIC + known
