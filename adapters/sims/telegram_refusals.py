"""What the Bot API answers when it will not."""

from http import HTTPStatus

TOO_OLD = "query is too old and response timeout expired or query ID is invalid"
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly "
    "the same as a current content and reply markup of the message"
)
OTHER_POLLER = (
    "terminated by other getUpdates request; make sure that only one bot instance is running"
)
WEBHOOK_ACTIVE = (
    "can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)
BLOCKED = "bot was blocked by the user"

# The phrase a description begins with; the other statuses say nothing but their phrase.
_PHRASES = {
    HTTPStatus.BAD_REQUEST: "Bad Request",
    HTTPStatus.FORBIDDEN: "Forbidden",
    HTTPStatus.CONFLICT: "Conflict",
    HTTPStatus.TOO_MANY_REQUESTS: "Too Many Requests",
}
_REMARKS = {
    HTTPStatus.BAD_REQUEST: "refused on demand",
    HTTPStatus.FORBIDDEN: BLOCKED,
    HTTPStatus.CONFLICT: OTHER_POLLER,
}


class ApiError(Exception):
    """An answer with `ok` false: HTTP status, description, and seconds to wait if it says so."""

    def __init__(self, status: int, description: str, retry_after: int | None = None) -> None:
        super().__init__(description)
        self.status = status
        self.description = description
        self.retry_after = retry_after

    def as_json(self) -> dict[str, object]:
        """The body of the answer."""
        body: dict[str, object] = {
            "ok": False,
            "error_code": self.status,
            "description": self.description,
        }
        if self.retry_after is not None:
            body["parameters"] = {"retry_after": self.retry_after}
        return body


def bad_request(remark: str) -> ApiError:
    """The request is wrong and will stay wrong."""
    return ApiError(HTTPStatus.BAD_REQUEST, f"Bad Request: {remark}")


def forbidden(remark: str = BLOCKED) -> ApiError:
    """The person does not want to hear from the bot."""
    return ApiError(HTTPStatus.FORBIDDEN, f"Forbidden: {remark}")


def conflict(remark: str = OTHER_POLLER) -> ApiError:
    """Somebody else receives this bot's updates."""
    return ApiError(HTTPStatus.CONFLICT, f"Conflict: {remark}")


def too_many_requests(seconds: int) -> ApiError:
    """The bot is to wait `seconds`."""
    remark = f"Too Many Requests: retry after {seconds}"
    return ApiError(HTTPStatus.TOO_MANY_REQUESTS, remark, seconds)


def unauthorized() -> ApiError:
    """The token has the right form and belongs to no bot."""
    return ApiError(HTTPStatus.UNAUTHORIZED, "Unauthorized")


def not_found() -> ApiError:
    """The path is no token and method."""
    return ApiError(HTTPStatus.NOT_FOUND, "Not Found")


def too_large() -> ApiError:
    """The request brings more bytes than the API takes."""
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "Request Entity Too Large")


def on_demand(status: int, description: str, retry_after: int) -> ApiError:
    """The answer with this status as the API words it, or in the words given."""
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return too_many_requests(retry_after)
    known = HTTPStatus(status)
    phrase = _PHRASES.get(known, known.phrase)
    remark = description or _REMARKS.get(known, "")
    return ApiError(status, f"{phrase}: {remark}" if remark else phrase)
