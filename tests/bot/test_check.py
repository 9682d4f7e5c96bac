from collections.abc import Collection
from dataclasses import replace
from datetime import date, timedelta

import pytest

from adapters.unreached import Unreached
from bot.check import examine, examine_broker, examine_keys
from bot.daemon import Seat
from bot.domain.model import Mode, Note, Proceeds, Quotes, TradingRules
from bot.outbox import Outbox
from bot.ports import Adjustment, Capabilities
from bot.proofs import Examined, render_check
from bot.schedule import JumpingWakes
from bot.sessions import nyse
from bot.words import Language, Words
from tests.bot.floor import CALENDAR, Floor
from tests.builders import NOW, TODAY, a_portfolio, quotes
from tests.fakes import Phone, Wants

BEFORE_GOOD_FRIDAY = date(2026, 4, 2)
PARTS = ["calendar", "account", "abilities", "history", "quotes", "ledger"]


def seats_of(*floors: Floor) -> list[Seat]:
    return [
        Seat(
            floor.book,
            floor.desk,
            JumpingWakes(floor.clock),
            Outbox(floor.ledger, Phone(), floor.clock),
            Mode.PAPER,
            Language.EN,
        )
        for floor in floors
    ]


async def examined(*floors: Floor) -> list[Examined]:
    return await examine(seats_of(*floors))


async def seen(floor: Floor) -> dict[str, str]:
    return {each.part: each.seen for each in await examined(floor)}


async def errors(floor: Floor) -> dict[str, str]:
    return {each.part: each.error.code for each in await examined(floor) if each.error}


async def test_every_part_of_every_book_is_asked():
    found = await examined(Floor({"VOO": 0.9}, 1000), Floor({"QQQ": 0.9}, 1000))

    assert [each.part for each in found] == PARTS * 2
    assert all(each.error is None for each in found)


async def test_each_part_says_what_was_seen():
    floor = Floor({"VOO": 0.9}, 1000, VOO=3)

    found = await seen(floor)

    assert "Tue 2026-03-31" in found["calendar"]
    assert "1,000.00" in found["account"]
    assert "VOO" in found["account"]
    assert found["abilities"]
    assert "2026-03-30" in found["history"]
    assert "1 of 1" in found["quotes"]
    assert "0" in found["ledger"]


async def test_after_the_close_the_next_session_is_shown():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.clock.jump(floor.session.closes)

    assert "Wed 2026-04-01" in (await seen(floor))["calendar"]


async def test_a_broker_that_can_do_nothing_is_shown_as_one():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.broker.capabilities = Capabilities(
        echoes_client_id=False, live_quotes=False, keeps_fills=False
    )

    assert (await seen(floor))["abilities"] == "–"


async def test_a_market_without_quotes_is_shown_as_one():
    floor = Floor({"VOO": 0.9}, 0)
    floor.market.unquoted.add("VOO")

    assert (await seen(floor))["quotes"].startswith("0 of 1")


async def test_a_vital_symbol_without_a_quote_is_an_error_of_the_quotes():
    floor = Floor(Wants({"VOO": 0.9}, vital=("VOO",)), 0)
    floor.market.unquoted.add("VOO")

    assert await errors(floor) == {"quotes": "vital_quote_missing"}


async def test_a_broker_that_is_down_hides_no_other_part():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.broker.outage = (floor.session.opens, floor.session.closes)

    assert await errors(floor) == {"account": "broker_unavailable"}


async def test_another_account_is_an_error_of_the_account():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.broker.account = replace(a_portfolio(1000), account="U7")

    assert await errors(floor) == {"account": "account_identity"}


async def test_a_stale_history_is_an_error_of_the_history():
    floor = Floor(Wants({"VOO": 0.9}, vital=("VOO",)), 1000)
    floor.market.closes = floor.market.closes[:"2026-03-20"]

    assert await errors(floor) == {"history": "vital_history_stale"}


async def test_a_calendar_at_its_end_is_an_error_of_the_calendar():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.desk = replace(floor.desk, sessions=nyse(CALENDAR.first, TODAY))
    floor.clock.jump(floor.session.closes)

    assert await errors(floor) == {"calendar": "calendar_unknown"}


async def test_on_a_day_without_a_session_the_history_of_the_next_one_is_asked():
    floor = Floor(Wants({"VOO": 0.9}, vital=("VOO",)), 1000, day=BEFORE_GOOD_FRIDAY)
    floor.clock.jump(floor.session.closes + timedelta(days=1))

    assert (await seen(floor))["history"].endswith("2026-04-02")


async def test_open_questions_are_counted():
    floor = Floor({"VOO": 0.9}, 10_000)
    floor.broker.lost.add("VOO")
    floor.broker.outage = (floor.before_close(minutes=13), floor.session.closes + timedelta(days=1))
    await floor.run()

    found = (await seen(floor))["ledger"]
    assert "2026-03-31" in found
    assert found.endswith("1")


async def test_a_history_says_what_it_is_adjusted_for():
    floor = Floor({"VOO": 0.9}, 1000)
    whole = (await seen(floor))["history"]
    floor.market.adjustment = Adjustment.SPLITS
    floor.book = replace(floor.book, strategy=PriceOnly({"VOO": 0.9}))

    assert "with dividends" in whole
    assert "without dividends" in (await seen(floor))["history"]


class PriceOnly(Wants):
    """A strategy whose numbers need no dividends."""

    @property
    def needs(self):
        return replace(super().needs, total_return=False)


def test_tokens_and_logins_are_known_before_anybody_is_asked():
    source = Note("variables_unread", "", {"names": "LONGPORT_APP_KEY"})
    ended = Note("schwab_login_expired", "", {"ended": NOW})
    holds = Note("longport_token_holds", "", {"days": 60, "ends": NOW})

    keys, login = examine_keys("real", [source], [ended], Words(Language.EN))
    [token] = examine_keys("real", [], [holds], Words(Language.EN))

    assert (keys.part, keys.seen) == ("keys", "of the environment nobody reads LONGPORT_APP_KEY")
    assert (login.part, login.error.code) == ("login", "schwab_login_expired")
    assert (token.error, token.seen.startswith("access token of LongPort: 60 d left")) == (None, 1)


async def test_what_was_seen_and_what_to_do_are_told_in_words():
    floor = Floor({"VOO": 0.9}, 1000)
    floor.broker.outage = (floor.session.opens, floor.session.closes)

    told = render_check(await examined(floor, Floor({"QQQ": 0.9}, 1000)), Words(Language.EN))

    assert told.splitlines()[0] == "main"
    assert [line.strip()[0] for line in told.splitlines()[1:]].count("✗") == 1
    assert told.count("main") == 1


class Proven(Unreached):
    """A line that answers, and says when the money of a sale may buy."""

    def __init__(self, says: Proceeds | None = None) -> None:
        super().__init__("real")
        self.says = says
        self.quoted = quotes(VIX=18.42)

    async def quotes(self, symbols: Collection[str]) -> Quotes:
        return {symbol: self.quoted[symbol] for symbol in symbols if symbol in self.quoted}

    async def prove(self) -> str:
        return "up since the morning"

    async def proceeds(self, account: str, symbol: str) -> Proceeds | None:
        assert (account, symbol) == ("PAPER", "VOO")
        return self.says


def spending(proceeds: Proceeds) -> Floor:
    floor = Floor({"VOO": 0.9}, 1000)
    floor.book = replace(floor.book, rules=TradingRules(proceeds=proceeds))
    return floor


async def of_broker(line: Unreached, *floors: Floor) -> list[tuple[str, str]]:
    """What each part of a broker came to: its words, or the code of its error."""
    found = await examine_broker("real", line, seats_of(*floors))
    assert {each.book for each in found} == {"real"}
    return [(each.part, each.error.code if each.error else each.seen) for each in found]


async def test_a_brokers_line_proves_itself_and_says_when_proceeds_may_buy():
    cash = spending(Proceeds.SETTLED)

    line, index, proceeds = await of_broker(Proven(Proceeds.SETTLED), cash, cash)

    assert line == ("line", "up since the morning")
    assert index == ("index", "VIX at 18.42")
    assert proceeds[1].endswith("says settled, the settings say settled")


async def test_an_index_that_is_not_quoted_is_no_error():
    line = Proven()
    line.quoted = {}

    assert ("index", "VIX is not quoted here") in await of_broker(line, spending(Proceeds.MARGIN))


async def test_a_margin_account_is_not_asked_for_proceeds():
    found = await of_broker(Proven(), spending(Proceeds.MARGIN))

    assert [part for part, _ in found] == ["line", "index"]


@pytest.mark.parametrize(
    ("says", "configured", "seen"),
    [
        (Proceeds.SETTLED, Proceeds.SAME_DAY, "proceeds_disagree"),
        (Proceeds.SAME_DAY, Proceeds.SETTLED, "says same_day, the settings say settled"),
        (None, Proceeds.SAME_DAY, "nothing to be learnt now, the settings say same_day"),
    ],
)
async def test_what_a_broker_says_of_proceeds_is_held_against_the_settings(says, configured, seen):
    *_, proceeds = await of_broker(Proven(says), spending(configured))

    assert proceeds[1].endswith(seen)


async def test_a_line_that_is_down_hides_no_other_part():
    found = await of_broker(Unreached("real"), spending(Proceeds.SETTLED))

    assert found == [("line", "not_connected"), ("proceeds", "not_connected")]
