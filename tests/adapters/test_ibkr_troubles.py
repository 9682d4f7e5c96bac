"""What an owner hears of a line, and when: the clock of the test is the only thing that passes."""

from datetime import UTC, datetime, time, timedelta
from math import nan

import pytest

from adapters.ibkr_gateway import Gateway, Window
from adapters.ibkr_troubles import Troubles
from adapters.ibkr_values import Ticks, Told
from bot.domain.errors import BrokerUnavailable
from bot.schedule import JumpingClock
from bot.words import Language, Words
from tests.builders import NOW

DOWN = BrokerUnavailable("ibkr_gateway_down", host="127.0.0.1", port=4002, reason="refused")
SILENT = BrokerUnavailable("ibkr_gateway_silent", host="127.0.0.1", port=4002, seconds=20)
UNLINKED = BrokerUnavailable("ibkr_link_lost")
READ_ONLY = BrokerUnavailable("ibkr_read_only")
TAKEN = BrokerUnavailable("ibkr_client_id_taken", client_id=17)
ALERT = timedelta(minutes=5)
NIGHT = datetime(2026, 3, 31, 4, tzinfo=UTC)  # midnight in New York
MORNING = datetime(2026, 3, 31, 6, tzinfo=UTC)
SUNDAY = datetime(2026, 3, 1, 12, tzinfo=UTC)  # after one in the morning in New York


class Line:
    """Troubles by a clock that stands."""

    def __init__(self, now: datetime = NOW) -> None:
        self.clock = JumpingClock(now)
        self.troubles = Troubles(Gateway(), self.clock)

    def meet(self, error: BrokerUnavailable, after: timedelta = timedelta()) -> "Line":
        self.clock.jump(self.clock.now() + after)
        self.troubles.meet(error)
        return self

    @property
    def codes(self) -> list[str]:
        return [note.code for note in self.troubles.notes()]


@pytest.mark.parametrize("error", [DOWN, SILENT, UNLINKED, TAKEN])
def test_what_may_pass_is_told_when_it_has_not_for_a_while(error):
    line = Line().meet(error).meet(error, ALERT - timedelta(seconds=1))
    before = line.codes

    line.meet(error, timedelta(seconds=1))

    assert (before, line.codes) == ([], [error.code])


def test_what_only_a_person_can_mend_is_told_at_once():
    assert Line().meet(READ_ONLY).codes == ["ibkr_read_only"]


def test_a_trouble_that_changes_its_face_stays_one_note():
    line = Line().meet(SILENT).meet(DOWN, ALERT)
    told = line.troubles.notes()

    line.meet(SILENT, ALERT)

    assert line.troubles.notes() == told
    assert told[0].values["since"] == NOW


def test_another_trouble_begins_anew():
    line = Line().meet(DOWN).meet(DOWN, ALERT).meet(UNLINKED, ALERT)
    waiting = line.codes

    line.meet(UNLINKED, ALERT)

    assert (waiting, line.codes) == ([], ["ibkr_link_lost"])


def test_what_is_overcome_is_told_no_more():
    line = Line().meet(DOWN).meet(DOWN, ALERT)

    line.troubles.overcome()

    assert line.codes == []


def test_a_restart_at_night_is_no_news_as_long_as_it_ends_with_its_window():
    line = Line(NIGHT).meet(DOWN).meet(DOWN, timedelta(minutes=100))
    within = line.codes

    line.meet(DOWN, timedelta(minutes=10))

    assert (within, line.codes) == ([], ["ibkr_gateway_down"])


def test_a_window_may_be_set_otherwise():
    troubles = Troubles(Gateway(restart=Window(time(2), time(3))), JumpingClock(NIGHT))

    troubles.meet(READ_ONLY)

    assert [note.code for note in troubles.notes()] == ["ibkr_read_only"]


@pytest.mark.parametrize(
    ("well_before", "code"),
    [
        (timedelta(days=1), "ibkr_login_due"),
        (timedelta(days=8), "ibkr_login_due"),
        (timedelta(hours=1), "ibkr_gateway_down"),
    ],
)
@pytest.mark.parametrize("weekday", range(7))
def test_who_is_gone_since_the_weekly_login_ended_waits_for_a_person(well_before, code, weekday):
    line = Line(SUNDAY - well_before)
    line.troubles.overcome()
    line.meet(DOWN, well_before)
    assert line.codes == []

    line.meet(DOWN, max(timedelta(days=weekday), ALERT))

    (note,) = line.troubles.notes()
    assert (note.code, note.values["since"]) == (code, SUNDAY)
    assert line.meet(DOWN, ALERT).troubles.notes() == [note]


def test_a_gateway_that_never_was_well_is_not_said_to_wait_for_its_login():
    assert Line(SUNDAY).meet(DOWN).meet(DOWN, ALERT).codes == ["ibkr_gateway_down"]


def ticks(number: int = 0, *, delayed: bool = False) -> Ticks:
    return Ticks(nan, nan, nan, nan, delayed, denied=Told(number, "no") if number else None)


@pytest.mark.parametrize(
    ("told", "codes"),
    [
        ({"VOO": ticks()}, []),
        ({"VOO": ticks(), "BIL": ticks(10197)}, ["ibkr_competing_session"]),
        ({"VOO": ticks(10089), "BIL": ticks(354)}, ["ibkr_no_live_quotes"]),
        ({"VOO": ticks(delayed=True), "BIL": ticks()}, ["ibkr_delayed_quotes"]),
        ({"VOO": ticks(200)}, []),
    ],
)
def test_what_is_wrong_with_quotes_is_told_until_they_are_right(told, codes):
    line = Line()

    line.troubles.look_at(told)
    found = line.codes
    line.troubles.look_at({"VOO": ticks()})

    assert (found, line.codes) == (codes, [])


def test_symbols_without_a_right_to_their_quotes_are_named():
    line = Line()

    line.troubles.look_at({"VOO": ticks(10168), "QQQ": ticks(), "BIL": ticks(354)})

    (note,) = line.troubles.notes()
    assert note.values == {"symbols": ["BIL", "VOO"]}


def test_a_line_and_its_quotes_are_two_troubles():
    line = Line().meet(READ_ONLY)

    line.troubles.look_at({"VOO": ticks(10197)})

    assert line.codes == ["ibkr_read_only", "ibkr_competing_session"]


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (Language.EN, "the gateway lets programs only read, since Tue 2026-03-31 15:45 New York"),
        (Language.ZH, "网关只允许程序读取，自 周二 2026-03-31 纽约时间 15:45 起"),
    ],
)
def test_a_trouble_is_told_with_its_beginning(language, said):
    (note,) = Line().meet(READ_ONLY).troubles.notes()

    assert Words(language).say(note.code, note.values) == said
