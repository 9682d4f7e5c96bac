"""A Telegram with one bot in it: everything but its wires."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from adapters.sims.telegram_chats import Chats, Itself, Person
from adapters.sims.telegram_faults import Faults
from adapters.sims.telegram_methods import Bounds, Methods
from adapters.sims.telegram_people import People
from adapters.sims.telegram_rates import Meter, Rates
from adapters.sims.telegram_record import Clock
from adapters.sims.telegram_updates import Updates

TOKEN = "123456789:simulated-token-of-the-drill-bot-00"  # noqa: S105 - it opens nothing
OWNER = Person(1001, "Owner", "owner")
BOT_NAME = "Drill"
BOT_USERNAME = "drill_bot"


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Setup:
    """Which bot and which owner there are, and what holds for them; no rates, no limits."""

    token: str = TOKEN
    owner: Person = OWNER
    bounds: Bounds = field(default_factory=Bounds)
    rates: Rates | None = field(default_factory=Rates)
    clock: Clock = _utc

    def __post_init__(self) -> None:
        bot_id, _, secret = self.token.partition(":")
        if not bot_id.isdigit() or not secret:
            raise ValueError("token: give it the form 123456789:letters-and-digits")


class World:
    """The parts of a simulated Telegram, put together."""

    def __init__(self, setup: Setup) -> None:
        itself = Itself(int(setup.token.partition(":")[0]), BOT_NAME, BOT_USERNAME)
        self.token = setup.token
        self.clock = setup.clock
        self.faults = Faults()
        self.meter = Meter(setup.rates)
        self.updates = Updates(setup.clock)
        self.chats = Chats(itself, setup.owner, setup.clock)
        self.people = People(self.chats, self.updates)
        self.methods = Methods(self.chats, self.updates, self.meter, setup.bounds)
