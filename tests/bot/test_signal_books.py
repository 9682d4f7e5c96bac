"""Books that follow the two rotations, run by the daemon on paper."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bot import app, sources
from bot.app import Time
from bot.daemon import serve
from bot.domain.errors import Blocked, SettingsError
from bot.domain.memory import Outcome, Switch
from bot.domain.model import RunKey
from bot.ledger import SqlLedger
from bot.schedule import UTC, JumpingWakes
from bot.signal_sources import signal_feeds
from bot.trial import Trial, Wish, attempt
from config.problems import SettingsProblem
from config.settings import Settings, checked
from tests.adapters.test_signal_address import TOKEN, House
from tests.bot.parity import CALENDAR, written
from tests.fakes import EventfulClock, Phone

FIRST, LAST = date(2026, 6, 1), date(2026, 6, 5)
TUESDAY, WEDNESDAY = date(2026, 6, 2), date(2026, 6, 3)
SESSIONS = 420
ROTATION = {"kind": "signal_file", "path": "rotation.csv", "look_every": 1}


@dataclass(frozen=True)
class Lived:
    """What a daemon left behind: its ledger, and what its owner was told."""

    ledger: SqlLedger
    told: list[str]

    def trades(self) -> list[tuple[str, str, str]]:
        return [
            (run.session.isoformat(), standing.intent.action.value, standing.intent.symbol)
            for run in reversed(self.ledger.runs("main", 100))
            for standing in self.ledger.standings(run)
            if standing.filled
        ]

    def outcome(self, day: date) -> Outcome | None:
        return self.ledger.outcome(RunKey("main", day))


def prices(folder: Path, **moves: float) -> Path:
    """Funds at 100 that gain so much each session, VIX at what is said."""
    days = CALENDAR.index(CALENDAR.before(LAST, SESSIONS - 1).date, LAST, 0)
    steps = np.arange(len(days))
    closes = {symbol: 100.0 * (1.0 + moves.get(symbol, 0.0)) ** steps for symbol in FUNDS}
    table = pd.DataFrame({**closes, "VIX": moves.get("VIX", 15.0)}, days)
    return written(table, folder / "prices.csv")


SHORTING = {"shorting": True}
FUNDS = ("QQQ", "IWM", "SPY", "SGOV")


def a_book(folder: Path, prices: Path, feeds: Mapping[str, object] | None = None, **book):
    paper = {"kind": "paper", "market": "prices", "cash": 25_000}
    if book.get("rules") == SHORTING:
        paper |= {"account_kind": "margin", "shorting": True}
    return checked(
        {
            "mode": "paper",
            "state_dir": folder / "state",
            "markets": {"prices": {"kind": "tables", "path": prices}},
            "feeds": feeds or {},
            "brokers": {"paper": paper},
            "books": {"main": {"broker": "paper", **book}},
        }
    )


def lived(
    settings: Settings, happens: Mapping[datetime, Callable[[], object]] | None = None
) -> Lived:
    """A week of the daemon; at its times something happens outside."""
    clock = EventfulClock(datetime(2026, 6, 1, 12, tzinfo=UTC))
    for moment, event in (happens or {}).items():
        clock.at(moment, lambda event=event: event() and None)
    wakes = JumpingWakes(clock)
    ledger = SqlLedger.open(None)
    house = app.house(settings, ledger, lambda _: Time(clock, wakes, LAST), Phone())
    ledger.set_switch("main", Switch.ACTIVE, "", clock.now())
    asyncio.run(serve(house.seats, asyncio.Event(), [wakes.run]))
    return Lived(ledger, [message.text for message in ledger.undelivered()])


def test_a_book_follows_the_models_of_the_house_and_says_so(tmp_path):
    settings = a_book(tmp_path, prices(tmp_path, QQQ=0.001), profile="qqq_iwm_rotation")

    with closing((life := lived(settings)).ledger):
        assert life.trades() == [("2026-06-01", "buy", "QQQ")]
        assert "builtin" in life.told[0]


def test_a_book_holds_the_small_companies_and_steps_back_in_a_storm(tmp_path):
    settings = a_book(
        tmp_path, prices(tmp_path, IWM=0.001, VIX=35.0), profile="iwm_small_cap_rotation"
    )

    with closing((life := lived(settings)).ledger):
        assert life.trades() == [
            ("2026-06-01", "buy", "IWM"),
            ("2026-06-01", "buy", "SGOV"),
        ]
        assert "the volatility index is high" in life.told[0]


def test_a_book_without_the_index_buys_nothing_and_says_why(tmp_path):
    file = prices(tmp_path, IWM=0.001)
    table = pd.read_csv(file, index_col=0)
    table.loc["2026-05-20":, "VIX"] = np.nan
    settings = a_book(tmp_path, written(table, file), profile="iwm_small_cap_rotation")

    with closing((life := lived(settings)).ledger):
        assert life.trades() == []
        assert life.outcome(FIRST) is Outcome.OWED
        assert "the volatility index is not known" in life.told[0]


HEDGED = {"profile": "qqq_iwm_rotation", "params": {"mode": "hedged"}}


def test_a_hedged_book_that_may_not_short_does_not_start(tmp_path):
    settings = a_book(tmp_path, prices(tmp_path), **HEDGED)

    with pytest.raises(SettingsError, match="shorting_not_allowed"):
        lived(settings)


def test_a_hedged_book_is_short_the_weaker_and_long_the_stronger(tmp_path):
    file = prices(tmp_path, QQQ=0.001)

    with closing((life := lived(a_book(tmp_path, file, **HEDGED, rules=SHORTING))).ledger):
        assert life.trades() == [
            ("2026-06-01", "sell_short", "IWM"),
            ("2026-06-01", "buy", "QQQ"),
        ]


EXTERNAL = {"profile": "qqq_iwm_rotation", "params": {"signals": "external"}}


def a_follower(folder: Path, signals: str, **entry) -> Settings:
    """A book that follows a file of signals."""
    (folder / "rotation.csv").write_text(signals)
    feed = {**ROTATION, "path": folder / "rotation.csv", **entry}
    return a_book(
        folder,
        prices(folder),
        {"heard": feed},
        signals={"rotation": "heard"},
        **EXTERNAL,
    )


def test_a_book_follows_what_it_hears(tmp_path):
    settings = a_follower(tmp_path, "known_on,signal\n2026-06-01,LONG\n2026-06-03,SHORT\n")

    with closing((life := lived(settings)).ledger):
        assert life.trades() == [
            ("2026-06-01", "buy", "QQQ"),
            ("2026-06-03", "sell", "QQQ"),
            ("2026-06-03", "buy", "IWM"),
        ]
        assert "external" in life.told[0]


def test_an_old_signal_blocks_the_run_until_a_new_one_comes_in_time(tmp_path):
    settings = a_follower(tmp_path, "known_on,signal\n2026-05-26,LONG\n")
    late = CALENDAR.on(TUESDAY).closes - timedelta(minutes=8)
    text = "known_on,signal\n2026-05-26,LONG\n2026-06-02,SHORT\n"

    life = lived(settings, {late: lambda: (tmp_path / "rotation.csv").write_text(text)})

    with closing(life.ledger):
        assert life.outcome(FIRST) is Outcome.BLOCKED
        assert "the rotation signal is 4 sessions old" in life.told[0]
        assert life.trades()[0] == ("2026-06-02", "buy", "IWM")


def test_a_word_nobody_knows_blocks_and_is_named(tmp_path):
    settings = a_follower(tmp_path, "known_on,signal\n2026-06-01,LNOG\n")

    with closing((life := lived(settings)).ledger):
        assert life.trades() == []
        assert life.outcome(FIRST) is Outcome.BLOCKED
        assert "says LNOG; it may say LONG, SHORT" in life.told[0]


def test_a_signal_that_went_away_is_followed_from_what_was_kept(tmp_path):
    settings = a_follower(tmp_path, "known_on,signal\n2026-06-01,LONG\n")
    gone = CALENDAR.on(TUESDAY).opens

    life = lived(settings, {gone: (tmp_path / "rotation.csv").unlink})

    with closing(life.ledger):
        assert life.outcome(WEDNESDAY) is Outcome.COMPLETE


CLOCK = EventfulClock(datetime(2026, 6, 1, 15, tzinfo=UTC))


def feeds_of(settings: Settings):
    return signal_feeds("main", settings, CLOCK, CALENDAR)


async def test_a_signal_is_fetched_with_the_secret_of_its_feed(tmp_path, monkeypatch):
    house = House('{"signal": "SHORT", "updated": "2026-06-01"}')
    monkeypatch.setenv("BELLWETHER_SIGNAL_TOKEN_MY_ORACLE", TOKEN)

    async with house.open() as address:
        feed = {"kind": "signal_address", "address": address}
        settings = a_book(
            tmp_path,
            prices(tmp_path),
            {"my-oracle": feed},
            signals={"rotation": "my-oracle"},
            **EXTERNAL,
        )
        table = await feeds_of(settings)["rotation"].table(FIRST)

    assert table["signal"].tolist() == ["SHORT"]


async def test_without_its_secret_nothing_is_fetched_and_the_secret_is_named(tmp_path):
    feed = {"kind": "signal_address", "address": "https://signals.example"}
    settings = a_book(
        tmp_path, prices(tmp_path), {"oracle": feed}, signals={"rotation": "oracle"}, **EXTERNAL
    )

    with pytest.raises(Blocked, match=r"signal_token .*signal_token_oracle"):
        await feeds_of(settings)["rotation"].table(FIRST)


@pytest.mark.parametrize("token", ["t0k€n", "one\ntwo"])
async def test_a_token_that_no_header_can_carry_is_named_and_not_told(tmp_path, monkeypatch, token):
    monkeypatch.setenv("BELLWETHER_SIGNAL_TOKEN_ORACLE", token)
    feed = {"kind": "signal_address", "address": "http://127.0.0.1:1/signal"}
    settings = a_book(
        tmp_path, prices(tmp_path), {"oracle": feed}, signals={"rotation": "oracle"}, **EXTERNAL
    )

    with pytest.raises(Blocked, match=r"signal_token .*signal_token_oracle") as refused:
        await feeds_of(settings)["rotation"].table(FIRST)

    assert token[-3:] not in str(refused.value)


async def test_an_address_that_wants_no_token_gets_none(tmp_path):
    house = House()

    async with house.open() as address:
        feed = {"kind": "signal_address", "address": address, "token": False}
        settings = a_book(
            tmp_path, prices(tmp_path), {"o": feed}, signals={"rotation": "o"}, **EXTERNAL
        )
        with pytest.raises(Blocked, match="HTTP 401"):
            await feeds_of(settings)["rotation"].table(FIRST)

    assert "Authorization" not in house.asked[0]


@pytest.mark.parametrize(
    ("book", "code"),
    [
        ({"signals": {"rotation": "heard"}}, "signal_not_read"),
        ({"signals": {"forecast": "heard"}, "params": {"signals": "external"}}, "signal_not_read"),
        ({"signals": {"rotation": "made"}, "params": {"signals": "external"}}, "feed_is_no_signal"),
        ({"feed": "heard"}, "feed_is_no_snapshot"),
    ],
)
def test_a_book_names_feeds_its_profile_reads(tmp_path, book, code):
    made = {
        "snapshot": "file",
        "profile": "russell_1000_multi_factor_defensive",
        "path": "snapshot.csv",
    }
    feeds = {"heard": ROTATION, "made": made}
    settings = a_book(tmp_path, prices(tmp_path), feeds, profile="qqq_iwm_rotation", **book)

    with pytest.raises(SettingsError, match=code):
        sources.feeds("main", settings, CLOCK, CALENDAR)


def test_a_feed_that_is_not_there_is_noticed_in_the_settings(tmp_path):
    with pytest.raises(SettingsProblem) as problem:
        a_book(tmp_path, tmp_path, signals={"rotation": "none"}, **EXTERNAL)

    (found,) = problem.value.problems
    assert (found.code, found.where) == ("unknown_feed", "books.main.signals.rotation")


SAID = "known_on,signal\n2026-06-01,LONG\n2026-06-03,SHORT\n"
TRADED = [
    ("2026-06-01", "buy", "QQQ"),
    ("2026-06-03", "sell", "QQQ"),
    ("2026-06-03", "buy", "IWM"),
]


def played(settings: Settings, **feeds: Path) -> Trial:
    wish = Wish(book="main", first=FIRST, last=LAST, feeds=feeds)
    return attempt(wish, settings, lambda _done, _of: None)


def trades_of(trial: Trial) -> list[tuple[str, str, str]]:
    return [(str(t.session), t.action.value, t.symbol) for t in trial.record.trades]


def test_a_backtest_follows_a_file_of_signals_as_the_daemon_would(tmp_path):
    assert trades_of(played(a_follower(tmp_path, SAID))) == TRADED


def test_a_backtest_follows_what_was_received_and_not_what_a_file_says_since(tmp_path):
    settings = a_follower(tmp_path, SAID)
    lived(settings).ledger.close()
    (tmp_path / "rotation.csv").write_text("known_on,signal\n2026-06-01,SHORT\n")

    assert trades_of(played(settings)) == TRADED


def test_a_backtest_may_be_given_another_file_of_signals(tmp_path):
    settings = a_follower(tmp_path, "known_on,signal\n2026-06-01,SHORT\n")
    (tmp_path / "other.csv").write_text(SAID)

    assert trades_of(played(settings, rotation=tmp_path / "other.csv")) == TRADED


def test_a_backtest_is_blocked_while_signals_are_old(tmp_path):
    record = played(a_follower(tmp_path, "known_on,signal\n2026-05-27,LONG\n")).record

    assert {reason.code for reason in record.blocked.values()} == {"signal_stale"}
    assert min(record.blocked) == TUESDAY


def test_a_profile_in_a_mode_that_shorts_is_tried_on_an_account_that_may(tmp_path):
    wish = Wish(
        profile="qqq_iwm_rotation",
        params={"mode": "hedged"},
        prices=prices(tmp_path, QQQ=0.001),
        first=FIRST,
        last=LAST,
    )

    trial = attempt(wish, Settings(), lambda _done, _of: None)

    assert trades_of(trial)[:2] == [
        ("2026-06-01", "sell_short", "IWM"),
        ("2026-06-01", "buy", "QQQ"),
    ]


def test_a_book_is_tried_beside_others_at_real_brokers(tmp_path):
    settings = a_book(tmp_path, prices(tmp_path, QQQ=0.001), profile="qqq_iwm_rotation")
    real = {"kind": "ibkr", "account": "U1234567", "market": "prices"}
    plain = settings.model_dump()
    plain["mode"] = "dry"
    plain["brokers"]["gateway"] = real
    plain["books"]["other"] = {"broker": "gateway", "profile": "qqq_iwm_rotation"}

    assert trades_of(played(checked(plain)))[0] == ("2026-06-01", "buy", "QQQ")
