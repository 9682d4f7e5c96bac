import pytest

from adapters.unreached import Unreached
from bot.domain.errors import BrokerUnavailable
from bot.domain.strategy import Needs
from tests.builders import TODAY, an_intent

CALLS = {
    "prove": lambda there: there.prove(),
    "proceeds": lambda there: there.proceeds("U1", "VOO"),
    "clock": lambda there: there.clock(),
    "portfolio": lambda there: there.portfolio(),
    "submit": lambda there: there.submit(an_intent()),  # nothing can come of it
    "orders_today": lambda there: there.orders_today(),
    "cancel": lambda there: there.cancel(an_intent()),
    "facts": lambda there: there.facts(Needs(("VOO",), ("VOO",), (), 1), TODAY),
    "quotes": lambda there: there.quotes(["VOO"]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_nothing_is_known_and_nothing_is_sent(call):
    with pytest.raises(BrokerUnavailable, match=r"not_connected.*broker=ibkr"):
        await call(Unreached("ibkr").account("U1"))


async def test_there_is_nothing_to_keep_or_to_close():
    there = Unreached("ibkr")

    assert await there.keep() is await there.close() is there.ends() is None
