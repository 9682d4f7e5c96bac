"""What a broker refuses an order for is told from the ledger: its cause, its words, a remedy."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from adapters import longport_refusals, schwab_refusals
from bot.domain.errors import OrderRefused
from bot.domain.model import OrderIntent
from bot.ports import Broker
from bot.report import render_why
from bot.words import Language, Words
from tests.bot.floor import Floor
from tests.fakes import Otherwise

EVERY = [
    *((schwab_refusals.refusal, part) for part in schwab_refusals.REFUSAL_CODES),
    *((longport_refusals.refusal, part) for part in longport_refusals.REFUSAL_CODES),
    (schwab_refusals.refusal, "nobody has seen this before"),
    (longport_refusals.refusal, "nobody has seen this before"),
]


class Refusing(Otherwise):
    """A broker that refuses every order in its own words."""

    def __init__(self, broker: Broker, refusal: Callable[[str], OrderRefused]) -> None:
        super().__init__(broker)
        self._refusal = refusal

    async def submit(self, order: OrderIntent) -> None:
        raise self._refusal(order.symbol)


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize(("refusal", "part"), EVERY)
async def test_why_cites_cause_words_and_remedy_of_a_refusal(refusal, part, language):
    floor, told = Floor({"VOO": 0.9}, 1000), f"Order 7: {part}, see (1)."
    floor.desk = replace(
        floor.desk, broker=Refusing(floor.broker, lambda symbol: refusal(symbol, told))
    )

    await floor.run()
    text = render_why(floor.ledger.report(floor.run_key()), "VOO", language)

    words, code = Words(language), refusal("VOO", told).code
    assert words.say(code, {"told": told}) in text
    assert words.remedy(code) in text
    assert told in text or code == "schwab_account_missing"
    assert code not in text
