import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from adapters.signal_feeds import SignalFeed, Unreachable
from adapters.signal_file import SignalFile
from bot.domain.admission import Issue
from bot.domain.errors import Blocked
from bot.domain.received import Received
from bot.domain.strategy import FeedNeed
from bot.ports import Feed
from tests.fakes import EventfulClock
from tests.strategies.builders import CALENDAR

MONDAY, TUESDAY, WEDNESDAY = date(2026, 3, 30), date(2026, 3, 31), date(2026, 4, 1)
THURSDAY, FRIDAY, NEXT_MONDAY = date(2026, 4, 2), date(2026, 4, 3), date(2026, 4, 6)
LOOK = 30.0


def at(day: date, hour: int = 14) -> datetime:
    """A time of the day in New York's summer, told in UTC: from 13:30 to 20:00 there is trade."""
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


class Oracle:
    """A source that says what it was told to say, or why it can not."""

    place = "oracle"

    def __init__(self, *says: Received) -> None:
        self.says: list[Received] = list(says)
        self.trouble: Blocked | None = None

    async def told(self, session: date):
        if self.trouble:
            raise self.trouble
        return [Received(each.as_of, min(each.known_on, session), each.word) for each in self.says]


def said(of: date, word: str = "LONG", known_on: date | None = None) -> Received:
    return Received(of, known_on or of, word)


def a_feed(folder: Path, source=None, day: date = MONDAY, hour: int = 14, clock=None) -> SignalFeed:
    clock = clock or EventfulClock(at(day, hour))
    need = FeedNeed("rotation", 3)
    return SignalFeed(source or Oracle(), need, folder / "kept.jsonl", CALENDAR, clock, LOOK)


def rows(table) -> list[tuple[date, date, str]]:
    days = zip(table["as_of"].dt.date, table["known_on"].dt.date, table["signal"], strict=True)
    return list(days)


async def test_what_a_source_says_is_a_dated_table(tmp_path):
    feed: Feed = a_feed(tmp_path, Oracle(said(MONDAY)))

    assert rows(await feed.table(MONDAY)) == [(MONDAY, MONDAY, "LONG")]


async def test_what_was_said_is_kept_across_restarts(tmp_path):
    await a_feed(tmp_path, Oracle(said(MONDAY))).table(MONDAY)
    silent = Oracle()
    silent.trouble = Unreachable("signal_unreachable")

    table = await a_feed(tmp_path, silent, TUESDAY).table(TUESDAY)

    assert rows(table) == [(MONDAY, MONDAY, "LONG")]


async def test_history_is_not_written_anew(tmp_path):
    oracle = Oracle(said(MONDAY))
    await a_feed(tmp_path, oracle).table(MONDAY)
    oracle.says = [said(MONDAY, "SHORT")]

    table = await a_feed(tmp_path, oracle, WEDNESDAY).table(WEDNESDAY)

    assert rows(table) == [(MONDAY, MONDAY, "LONG"), (MONDAY, WEDNESDAY, "SHORT")]
    assert rows(await a_feed(tmp_path, oracle, WEDNESDAY).table(TUESDAY)) == rows(table)[:1]


@pytest.mark.parametrize(("hour", "known"), [(12, TUESDAY), (19, TUESDAY), (21, WEDNESDAY)])
async def test_a_signal_is_known_from_the_session_it_came_before_the_close_of(
    tmp_path, hour, known
):
    oracle = Oracle(said(MONDAY))
    await a_feed(tmp_path, oracle).table(MONDAY)
    oracle.says.append(said(TUESDAY, "SHORT"))

    table = await a_feed(tmp_path, oracle, TUESDAY, hour).table(WEDNESDAY)

    assert rows(table)[-1] == (TUESDAY, known, "SHORT")


async def test_a_signal_of_a_closed_day_is_known_on_the_next_session(tmp_path):
    oracle = Oracle(said(WEDNESDAY))
    await a_feed(tmp_path, oracle, WEDNESDAY).table(WEDNESDAY)
    oracle.says.append(said(THURSDAY, "SHORT", FRIDAY))

    table = await a_feed(tmp_path, oracle, FRIDAY).table(NEXT_MONDAY)

    assert rows(table)[-1] == (THURSDAY, NEXT_MONDAY, "SHORT")


async def test_what_nobody_said_yet_blocks(tmp_path):
    with pytest.raises(Blocked, match=r"signal_missing .*rotation"):
        await a_feed(tmp_path).table(MONDAY)


async def test_what_is_only_known_later_blocks_now(tmp_path):
    with pytest.raises(Blocked, match="signal_missing"):
        await a_feed(tmp_path, Oracle(said(TUESDAY)), TUESDAY).table(MONDAY)


async def test_a_signal_of_three_sessions_stands_and_an_older_one_blocks(tmp_path):
    feed = a_feed(tmp_path, Oracle(said(MONDAY)))

    assert len(await feed.table(THURSDAY)) == 1
    with pytest.raises(Blocked, match=r"signal_stale .*age=4, max_age=3"):
        await feed.table(NEXT_MONDAY)  # Good Friday is no session


async def test_a_signal_that_is_confirmed_is_as_young_as_its_confirmation(tmp_path):
    oracle = Oracle(said(MONDAY))
    await a_feed(tmp_path, oracle).table(MONDAY)
    oracle.says = [said(THURSDAY)]

    table = await a_feed(tmp_path, oracle, THURSDAY).table(NEXT_MONDAY)

    assert rows(table)[-1] == (THURSDAY, THURSDAY, "LONG")


async def test_what_can_not_be_understood_blocks_though_something_is_kept(tmp_path):
    oracle = Oracle(said(MONDAY))
    feed = a_feed(tmp_path, oracle)
    await feed.table(MONDAY)
    oracle.trouble = Blocked("signal_unknown", feed="rotation", word="LNOG")

    with pytest.raises(Blocked, match=r"signal_unknown .*LNOG"):
        await feed.table(TUESDAY)


async def test_a_source_that_was_never_reached_says_why(tmp_path):
    oracle = Oracle()
    oracle.trouble = Unreachable("signal_unreachable", reason="refused")

    with pytest.raises(Blocked, match=r"signal_unreachable .*refused"):
        await a_feed(tmp_path, oracle).table(MONDAY)


async def test_a_question_tells_what_would_be_decided_on(tmp_path):
    issue = await a_feed(tmp_path, Oracle(said(MONDAY), said(TUESDAY, "SHORT")), TUESDAY).prove(
        TUESDAY
    )

    assert (issue.profile, issue.path, issue.rows) == ("rotation", "oracle", 2)
    assert (issue.as_of, issue.known_on) == (TUESDAY, TUESDAY)


async def test_a_write_that_was_cut_off_is_no_signal(tmp_path):
    oracle = Oracle(said(MONDAY), said(TUESDAY, "SHORT"))
    await a_feed(tmp_path, oracle, TUESDAY).table(TUESDAY)
    kept = tmp_path / "kept.jsonl"
    kept.write_bytes(kept.read_bytes()[:-9])

    table = await a_feed(tmp_path, oracle, WEDNESDAY).table(WEDNESDAY)

    assert rows(table) == [(MONDAY, MONDAY, "LONG"), (TUESDAY, WEDNESDAY, "SHORT")]


async def test_a_kept_line_that_is_nonsense_blocks_with_its_number(tmp_path):
    (tmp_path / "kept.jsonl").write_text('{"as_of": "2026-03-30"}\n')

    with pytest.raises(Blocked, match=r"signals_lost .*line=1"):
        await a_feed(tmp_path, Oracle(said(MONDAY))).table(MONDAY)


async def test_what_can_not_be_kept_is_not_decided_on(tmp_path):
    (tmp_path / "folder").write_text("no folder")

    with pytest.raises(Blocked, match="signals_not_kept"):
        await a_feed(tmp_path / "folder", Oracle(said(MONDAY))).table(MONDAY)


async def test_two_who_ask_at_once_keep_a_signal_once(tmp_path):
    oracle = Oracle(said(MONDAY))
    feeds = [a_feed(tmp_path, oracle) for _ in range(3)]
    await feeds[0].table(MONDAY)
    oracle.says.append(said(TUESDAY, "SHORT"))

    told = await asyncio.gather(*(feed.table(TUESDAY) for feed in feeds))

    assert [len(table) for table in told] == [2, 2, 2]
    assert len((tmp_path / "kept.jsonl").read_text().splitlines()) == 2


async def arrivals(feed: SignalFeed, clock: EventfulClock, seconds: float) -> list[str]:
    """What comes within so many seconds: the day it is about, or the code of the trouble."""
    came: list[Issue | Blocked] = []
    over = asyncio.Event()
    clock.at(clock.now() + timedelta(seconds=seconds), over.set)

    async def listen() -> None:
        async for each in feed.arrivals():
            came.append(each)  # noqa: PERF401 - what came until now is looked at in between

    listening = asyncio.create_task(listen())
    await over.wait()
    listening.cancel()
    return [str(each.as_of) if isinstance(each, Issue) else each.code for each in came]


async def test_a_signal_that_comes_is_told_once(tmp_path):
    clock, oracle = EventfulClock(at(MONDAY)), Oracle(said(MONDAY))
    feed = a_feed(tmp_path, oracle, clock=clock)
    await feed.table(MONDAY)
    clock.at(at(MONDAY, 15), lambda: oracle.says.append(said(TUESDAY, "SHORT", MONDAY)))

    assert await arrivals(feed, clock, 7200) == [str(TUESDAY)]


async def test_a_trouble_is_told_when_it_begins_and_what_stands_is_no_news_after_it(tmp_path):
    clock, oracle = EventfulClock(at(MONDAY)), Oracle(said(MONDAY))
    feed = a_feed(tmp_path, oracle, clock=clock)
    await feed.table(MONDAY)

    def trouble(code: str | None):
        oracle.trouble = Unreachable(code) if code else None

    clock.at(at(MONDAY, 15), lambda: trouble("signal_unreachable"))
    clock.at(at(MONDAY, 16), lambda: trouble(None))
    clock.at(at(MONDAY, 17), lambda: trouble("signal_unknown"))

    assert await arrivals(feed, clock, 5 * 3600) == ["signal_unreachable", "signal_unknown"]


async def test_a_journal_nobody_may_read_blocks_and_ends_nothing(tmp_path):
    (tmp_path / "kept.jsonl").mkdir()
    clock = EventfulClock(at(MONDAY))
    feed = a_feed(tmp_path, Oracle(said(MONDAY)), clock=clock)

    with pytest.raises(Blocked, match=r"signals_lost .*directory"):
        await feed.table(MONDAY)
    assert await arrivals(feed, clock, 300) == []


async def test_what_is_kept_and_can_not_be_read_is_told_and_ends_nothing(tmp_path):
    (tmp_path / "kept.jsonl").write_text("nonsense\n")
    clock = EventfulClock(at(MONDAY))
    feed = a_feed(tmp_path, Oracle(said(MONDAY)), clock=clock)

    assert await arrivals(feed, clock, 300) == []  # it was so from the beginning: a run says it


CSV = "known_on,signal\n2026-03-30,LONG\n2026-03-31,SHORT\n"
LINES = (
    '{"known_on": "2026-03-30", "signal": "LONG"}\n{"known_on": "2026-03-31", "signal": "SHORT"}\n'
)


@pytest.mark.parametrize(("suffix", "text"), [(".csv", CSV), (".jsonl", LINES)])
async def test_a_file_of_signals_is_read(tmp_path, suffix, text):
    path = tmp_path / f"signals{suffix}"
    path.write_text(text)

    told = await SignalFile(path, "rotation").told(WEDNESDAY)

    assert told == [said(MONDAY), said(TUESDAY, "SHORT")]


async def test_a_row_may_say_what_day_it_is_about(tmp_path):
    path = tmp_path / "signals.csv"
    path.write_text(
        "known_on,updated,signal,note\n2026-03-31,2026-03-30,LONG,\n2026-03-31,,SHORT,x\n"
    )

    told = await SignalFile(path, "rotation").told(WEDNESDAY)

    assert told == [said(MONDAY, known_on=TUESDAY), said(TUESDAY, "SHORT")]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("known_on,signal\n2026-03-30,LONG\n2026-03-31,WAIT\n", "signal_unknown", "WAIT"),
        ("known_on,signal\n2026-03-30,\n", "signal_unknown", "word=None"),
        ("known_on,signal\nMonday,LONG\n", "signal_unreadable", "row 1"),
        ("day,signal\n2026-03-30,LONG\n", "signal_unreadable", "known_on and signal"),
        ("known_on,signal,signal\n2026-03-30,LONG,LONG\n", "signal_unreadable", "more than one"),
        ("", "signal_unreadable", "signals.csv"),
    ],
)
async def test_a_file_is_believed_or_refused_as_a_whole(tmp_path, text, code, place):
    path = tmp_path / "signals.csv"
    path.write_text(text)

    with pytest.raises(Blocked, match=code) as refused:
        await SignalFile(path, "rotation").told(WEDNESDAY)

    assert place in str(refused.value)


async def test_a_file_that_is_not_there_can_not_be_reached(tmp_path):
    with pytest.raises(Unreachable, match="No such file"):
        await SignalFile(tmp_path / "none.csv", "rotation").told(WEDNESDAY)


async def test_a_file_that_grows_adds_what_was_not_known(tmp_path):
    path = tmp_path / "signals.csv"
    path.write_text(CSV)
    source = SignalFile(path, "rotation")
    await a_feed(tmp_path, source, TUESDAY).table(TUESDAY)
    path.write_text(CSV + "2026-03-27,LONG\n2026-04-01,LONG\n")

    table = await a_feed(tmp_path, source, WEDNESDAY).table(WEDNESDAY)

    assert rows(table)[2:] == [
        (date(2026, 3, 27), WEDNESDAY, "LONG"),
        (WEDNESDAY, WEDNESDAY, "LONG"),
    ]


async def test_a_proof_fails_where_nobody_answers_though_something_stands(tmp_path):
    oracle = Oracle(said(MONDAY))
    feed = a_feed(tmp_path, oracle)
    await feed.table(MONDAY)
    oracle.trouble = Unreachable("signal_unreachable")

    assert len(await feed.table(MONDAY)) == 1
    with pytest.raises(Unreachable):
        await feed.prove(MONDAY)
