"""A watcher at an address of the kind healthchecks.io made: a request is a sign of life."""

from types import MappingProxyType
from urllib.parse import urlsplit

import httpx

from bot.domain.errors import SettingsError
from bot.ports import NotDelivered, Sign

ANSWER_SECONDS = 10.0
LONGEST_TEXT = 10_000  # bytes that are kept there
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_ENDS = MappingProxyType({Sign.BEGUN: "/start", Sign.WELL: "", Sign.ILL: "/fail"})


class Healthchecks:
    """Whoever knows the address may tell, so it is a secret and stands in no error.

    Raises SettingsError `deadman_address` for what is no address.
    """

    def __init__(self, address: str, answer: float = ANSWER_SECONDS) -> None:
        parts = urlsplit(address)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise SettingsError("deadman_address")
        self._address = address.rstrip("/")
        # Loopback is behind no proxy, whatever the environment says of other addresses.
        direct = parts.hostname in LOOPBACK
        self._client = httpx.AsyncClient(timeout=answer, trust_env=not direct)

    async def tell(self, sign: Sign, text: str) -> None:
        """Give a sign. Raises NotDelivered where nobody received it."""
        content = text.encode()[:LONGEST_TEXT]
        try:
            answer = await self._client.post(f"{self._address}{_ENDS[sign]}", content=content)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            raise NotDelivered(type(error).__name__) from None
        if not answer.is_success:
            raise NotDelivered(f"HTTP {answer.status_code}")

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()
