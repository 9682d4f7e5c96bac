"""How a request is signed: the headers and the body under the app's secret."""

import hashlib
import hmac
from dataclasses import dataclass

_SIGNED_HEADERS = "authorization;x-api-key;x-timestamp"
_METHOD = "HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Signed:
    """The parts of a request that a signature covers, as they came over the wire."""

    method: str
    path: str
    query: str
    authorization: str
    app_key: str
    timestamp: str
    body: bytes


def signature(request: Signed, secret: str) -> str:
    """The value its X-Api-Signature header must have."""
    values = (
        f"authorization:{request.authorization}\n"
        f"x-api-key:{request.app_key}\n"
        f"x-timestamp:{request.timestamp}\n"
    )
    plain = f"{request.method}|{request.path}|{request.query}|{values}|{_SIGNED_HEADERS}|"
    if request.body:
        plain += _sha1(request.body)
    sealed = hmac.digest(secret.encode(), f"{_METHOD}|{_sha1(plain.encode())}".encode(), "sha256")
    return f"{_METHOD} SignedHeaders={_SIGNED_HEADERS}, Signature={sealed.hex()}"


def _sha1(data: bytes) -> str:
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()
