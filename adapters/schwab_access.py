"""What a line to Schwab must be told: the app, where its tokens are kept, how long to wait."""

from dataclasses import dataclass, field
from pathlib import Path

CALLBACK = "https://127.0.0.1:8182"


@dataclass(frozen=True, slots=True)
class Pace:
    """How long things may take, in seconds, and how much is asked in a minute.

    `answer`: one request. `tries` of a read, with `wait` before the second one,
    doubled before each further one; `crowded` where Schwab said we ask too often.
    `sending`: from the wish to send an order until it leaves. `poll`: between two
    looks for it; it must be `accepted` or refused, and `listed`, within so long.
    `look` to `longest`: between two looks of the supervisor, the longer the longer
    there is trouble. `requests` and `orders` a minute, of which `kept` requests are
    for orders alone. `idle`: connections kept open.
    """

    answer: float = 15.0
    tries: int = 4
    wait: float = 1.0
    crowded: float = 20.0
    sending: float = 20.0
    poll: float = 2.0
    accepted: float = 10.0
    listed: float = 60.0
    look: float = 30.0
    longest: float = 600.0
    stop: float = 2.0
    requests: int = 110
    orders: int = 60
    kept: int = 20
    idle: int = 4


@dataclass(frozen=True, slots=True)
class Access:
    """The app as it is registered, and the file that holds its owner's login.

    `callback` must equal the registered one to the letter. `proxy` and `ca_file`
    lead to a simulator or through a company's network; without them it is the
    host's own way. `delayed_quotes` lets quotes pass that are not of the moment.
    """

    key: str = field(repr=False)
    secret: str = field(repr=False)
    token_file: Path
    callback: str = CALLBACK
    delayed_quotes: bool = False
    proxy: str = ""
    ca_file: Path | None = None
    pace: Pace = field(default_factory=Pace)
