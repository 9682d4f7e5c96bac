"""What the API says no with: a code, a sentence, and how each transport wraps them."""

from http import HTTPStatus

from adapters.sims.longport_frames import Status

TOKEN_EXPIRED = 401003
TOKEN_INVALID = 401004
SIGNATURE_INVALID = 403201
DUPLICATE_REQUEST = 403202
APP_KEY_ILLEGAL = 403203
TOO_OFTEN = 429002
INTERNAL_ERROR = 500000
BAD_QUOTE_REQUEST = 301600
QUOTES_TOO_OFTEN = 301606
TOO_MANY_SYMBOLS = 301607
BAD_PARAMETER = 602001


class Refusal(Exception):  # noqa: N818 - an answer, not a fault of ours
    """The API says no."""

    def __init__(
        self,
        code: int,
        message: str,
        http: int = HTTPStatus.BAD_REQUEST,
        frame: Status = Status.SERVER_ERROR,
    ) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.http = http
        self.frame = frame


def token_expired() -> Refusal:
    """The access token has ended."""
    return _unauthorized(TOKEN_EXPIRED, "token expired")


def token_invalid() -> Refusal:
    """The access token is not known, or no longer."""
    return _unauthorized(TOKEN_INVALID, "token invalid")


def signature_invalid() -> Refusal:
    """The request was not signed as it says."""
    return Refusal(SIGNATURE_INVALID, "signature invalid", HTTPStatus.FORBIDDEN)


def duplicate_request() -> Refusal:
    """The same request with the same stamp came before."""
    return Refusal(DUPLICATE_REQUEST, "duplicate request", HTTPStatus.FORBIDDEN)


def app_key_illegal() -> Refusal:
    """The app key is not known."""
    return Refusal(APP_KEY_ILLEGAL, "apikey illegal", HTTPStatus.FORBIDDEN)


def too_often() -> Refusal:
    """More calls than an account may make."""
    return Refusal(TOO_OFTEN, "api request is limited", HTTPStatus.TOO_MANY_REQUESTS)


def not_found(call: str) -> Refusal:
    """There is no such call."""
    return Refusal(INTERNAL_ERROR, f"{call} is not simulated", HTTPStatus.NOT_FOUND)


def bad_parameter(message: str) -> Refusal:
    """Something of an order or a query does not fit."""
    return Refusal(BAD_PARAMETER, message)


def bad_quote_request(message: str) -> Refusal:
    """Something of a question about market data does not fit."""
    return Refusal(BAD_QUOTE_REQUEST, message, frame=Status.BAD_REQUEST)


def quotes_too_often() -> Refusal:
    """More questions about market data than a connection may ask."""
    return Refusal(QUOTES_TOO_OFTEN, "request rate limit", frame=Status.BAD_REQUEST)


def too_many_symbols() -> Refusal:
    """History of more symbols than an account may ask for in a month."""
    return Refusal(TOO_MANY_SYMBOLS, "the number of symbols of this month is used up")


def _unauthorized(code: int, message: str) -> Refusal:
    return Refusal(code, message, HTTPStatus.UNAUTHORIZED, Status.UNAUTHENTICATED)
