import asyncio
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from adapters.dry_run import DryRun
from adapters.paper import PaperBroker
from bot import app, sources
from bot.app import House, Time
from bot.domain.errors import BellwetherError, LedgerError, SettingsError
from bot.domain.memory import Message, Outcome, Switch
from bot.domain.model import Action, Mode, OrderIntent, Proceeds, RunKey
from bot.ledger import SqlLedger
from bot.ports import Adjustment
from bot.run import run_session
from bot.schedule import JumpingClock, JumpingWakes
from bot.sources import BUNDLED_PRICES
from bot.words import Language
from config.settings import Settings
from strategies.global_etf_rotation import GlobalEtfRotation
from tests.fakes import Phone

QUARTER_END = date(2026, 9, 30)
CLOSES = sources.closes_of(BUNDLED_PRICES, "global_etf_rotation")
BOOK = {"profile": "global_etf_rotation", "broker": "practice"}


def settings(
    state: Path,
    *,
    mode: str = "paper",
    broker: dict[str, object] | None = None,
    **book: object,
) -> Settings:
    """A house of one book on the bundled prices, and what differs."""
    practice = {"kind": "paper", "market": "prices", "cash": 25_000, **(broker or {})}
    return Settings.model_validate({
        "mode": mode,
        "state_dir": state,
        "markets": {"prices": {"kind": "tables", "path": BUNDLED_PRICES}},
        "brokers": {"practice": practice},
        "books": {"main": {**BOOK, **book}},
    })  # fmt: skip


def near_close(day: date = QUARTER_END) -> datetime:
    session = sources.exchange(Settings()).on(day)
    assert session is not None
    return session.decides_at(timedelta(minutes=15))


def a_house(chosen: Settings, ledger: SqlLedger | None = None) -> House:
    clock = JumpingClock(near_close())
    times = Time(clock, JumpingWakes(clock), QUARTER_END)
    return app.house(chosen, ledger or SqlLedger.open(None), lambda _: times, Phone())


@pytest.mark.parametrize("mode", ["dry", "paper"])
def test_each_mode_has_its_own_ledger_and_its_own_door(tmp_path, mode):
    chosen = settings(tmp_path, mode=mode)

    assert app.ledger_path(chosen) == tmp_path / f"ledger-{mode}.sqlite"
    assert app.socket_path(chosen) == tmp_path / f"control-{mode}.sock"


def test_a_ledger_is_kept_by_one_process(tmp_path):
    chosen = settings(tmp_path / "new")

    with (
        app.keeping(chosen),
        pytest.raises(LedgerError, match="ledger_locked"),
        app.keeping(chosen),
    ):
        pass


def test_a_ledger_is_free_again_after_its_process(tmp_path):
    chosen = settings(tmp_path)
    with app.keeping(chosen) as ledger:
        ledger.set_switch("main", Switch.PAUSED, "", near_close())

    with app.keeping(chosen) as ledger:
        assert ledger.switch("main").switch is Switch.PAUSED


def test_a_state_folder_that_can_not_be_made_is_named(tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()

    with pytest.raises(SettingsError, match="state_dir_unusable"), app.keeping(settings(blocked)):
        pass


def test_a_ledger_is_read_beside_the_process_that_keeps_it(tmp_path):
    chosen = settings(tmp_path)

    with app.keeping(chosen) as ledger, app.reading(chosen) as read:
        ledger.set_switch("main", Switch.PAUSED, "", near_close())

        assert read.switch("main").switch is Switch.PAUSED


def test_reading_before_the_first_run_makes_nothing(tmp_path):
    chosen = settings(tmp_path / "new")

    with app.reading(chosen) as ledger:
        assert ledger.runs("main") == ()
    assert not (tmp_path / "new").exists()


def test_a_house_without_books_is_no_house(tmp_path):
    with pytest.raises(SettingsError, match="no_books"):
        a_house(settings(tmp_path, enabled=False))


def test_a_seat_is_what_the_settings_say(tmp_path):
    (seat,) = a_house(settings(tmp_path, lead_minutes=20)).seats

    assert (seat.mode, seat.language, seat.last) == (Mode.PAPER, Language.EN, QUARTER_END)
    assert (seat.book.name, seat.book.profile, seat.book.account) == (
        "main",
        "global_etf_rotation",
        "practice",
    )
    assert seat.book.lead == timedelta(minutes=20)
    assert seat.book.minimum_equity == 3000


def test_a_book_that_is_not_enabled_has_no_seat(tmp_path):
    both = settings(tmp_path).model_dump(exclude_unset=True)
    both["books"] = {"main": BOOK, "other": {**BOOK, "account": "other", "enabled": False}}

    house = a_house(Settings.model_validate(both))

    assert [seat.book.name for seat in house.seats] == ["main"]


def test_an_alias_is_a_profile_by_another_name(tmp_path):
    book = app.book("main", settings(tmp_path, profile="global_macro_etf_rotation"))

    assert book.profile == "global_etf_rotation"


def test_parameters_reach_the_strategy(tmp_path):
    book = app.book("main", settings(tmp_path, params={"top_n": 3}))

    assert isinstance(book.strategy, GlobalEtfRotation)
    assert book.strategy.top_n == 3


def test_a_parameter_nobody_reads_is_refused(tmp_path):
    with pytest.raises(SettingsError, match="unknown_parameter"):
        app.book("main", settings(tmp_path, params={"colour": 3}))


@pytest.mark.parametrize(
    ("broker", "proceeds"),
    [
        ({}, Proceeds.SAME_DAY),
        ({"proceeds": "settled"}, Proceeds.SETTLED),
        ({"account_kind": "margin", "proceeds": "settled"}, Proceeds.MARGIN),
    ],
)
def test_what_proceeds_may_buy_is_a_matter_of_the_account(tmp_path, broker, proceeds):
    assert app.book("main", settings(tmp_path, broker=broker)).rules.proceeds is proceeds


def test_rules_are_the_settings(tmp_path):
    book = app.book("main", settings(tmp_path, rules={"band": "0.02", "keep": {"EFA": 3}}))

    assert book.rules.band == Decimal("0.02")
    assert book.rules.keep == {"EFA": 3}


def test_on_paper_the_broker_plays(tmp_path):
    (seat,) = a_house(settings(tmp_path)).seats

    assert isinstance(seat.desk.broker, PaperBroker)
    assert seat.desk.broker.capabilities.keeps_fills


def test_dry_the_broker_can_not_be_reached(tmp_path):
    (seat,) = a_house(settings(tmp_path, mode="dry")).seats

    assert isinstance(seat.desk.broker, DryRun)
    assert not seat.desk.broker.capabilities.keeps_fills


async def traded(chosen: Settings) -> House:
    house = a_house(chosen)
    (seat,) = house.seats
    session = seat.desk.sessions.on(QUARTER_END)
    assert session is not None
    report = await run_session(seat.book, session, seat.desk)
    assert report.outcome is Outcome.COMPLETE
    return house


async def test_what_is_traded_dry_leaves_the_account_as_it_was(tmp_path):
    house = await traded(settings(tmp_path, mode="dry"))

    assert house.ledger.standings(RunKey("main", QUARTER_END))
    assert sorted(path.name for path in (tmp_path / "dry").iterdir()) == [
        f"practice-{QUARTER_END}.jsonl"
    ]


async def test_what_is_traded_on_paper_is_still_there_after_a_restart(tmp_path):
    first = await traded(settings(tmp_path))
    held = (await first.seats[0].desk.broker.portfolio()).shares

    second = a_house(settings(tmp_path))

    assert held
    assert (await second.seats[0].desk.broker.portfolio()).shares == held


async def test_drills_and_fees_reach_the_paper_broker(tmp_path):
    broker = {
        "shares": {"EFA": 10, "EEM": 10},
        "drills": {"EFA": "refuse", "EEM": 4},
        "commission_per_order": 1,
    }
    (seat,) = a_house(settings(tmp_path, broker=broker)).seats
    run = RunKey("main", QUARTER_END)

    with pytest.raises(BellwetherError, match="drill"):
        await seat.desk.broker.submit(OrderIntent(run, "EFA", Action.SELL, 10, None))
    partly = await seat.desk.broker.submit(OrderIntent(run, "EEM", Action.SELL, 10, None))

    assert (partly.filled, partly.commission) == (4, 1)


def test_a_message_goes_to_the_screen_where_nobody_else_listens(tmp_path, capsys):
    clock = JumpingClock(near_close())
    times = Time(clock, JumpingWakes(clock))
    house = app.house(settings(tmp_path), SqlLedger.open(None), lambda _: times)
    house.outbox.post(Message("key", "run", "main", near_close(), "all is well"))

    asyncio.run(house.outbox.flush())

    assert "all is well" in capsys.readouterr().out


def test_the_operators_corrections_are_in_the_calendar():
    corrected = Settings.model_validate({
        "calendar": {
            "extra_closures": [date(2026, 9, 29)],
            "early_closes": {QUARTER_END: time(13)},
        }
    })  # fmt: skip

    calendar = sources.exchange(corrected)

    assert calendar.on(date(2026, 9, 29)) is None
    session = calendar.on(QUARTER_END)
    assert session is not None
    assert session.closes.hour == 17


def test_a_market_says_what_its_prices_are_adjusted_for(tmp_path):
    chosen = settings(tmp_path).model_dump(exclude_unset=True)
    chosen["markets"]["prices"]["adjustment"] = "splits"
    valid = Settings.model_validate(chosen)

    source = sources.market("prices", valid, JumpingClock(near_close()), sources.exchange(valid))

    assert source.adjustment is Adjustment.SPLITS


async def test_a_market_without_a_file_is_the_price_store(tmp_path):
    chosen = settings(tmp_path).model_dump(exclude_unset=True)
    del chosen["markets"]["prices"]["path"]
    valid = Settings.model_validate(chosen)
    sources.update_prices(valid, BUNDLED_PRICES)

    source = sources.market("prices", valid, JumpingClock(near_close()), sources.exchange(valid))

    assert "EFA" in await source.quotes(["EFA"])


def test_a_signal_is_of_the_last_session_where_none_is_named():
    told = sources.signal("global_etf_rotation", Settings(), BUNDLED_PRICES, None)

    assert told.updated == CLOSES.index[-1].date()


def test_a_signal_of_a_quarter_end_is_a_rebalance():
    told = sources.signal("global_etf_rotation", Settings(), BUNDLED_PRICES, QUARTER_END)

    assert (told.signal, told.updated) == ("rebalance", QUARTER_END)
    assert sum(told.allocation.values()) == pytest.approx(1)


def test_a_signal_of_a_sunday_does_not_exist():
    with pytest.raises(BellwetherError, match="no_session"):
        sources.signal("global_etf_rotation", Settings(), BUNDLED_PRICES, date(2026, 10, 4))


def test_a_signal_of_prices_of_the_store(tmp_path):
    chosen = settings(tmp_path)
    sources.update_prices(chosen, BUNDLED_PRICES)

    stored = sources.signal("global_etf_rotation", chosen, None, QUARTER_END)

    assert stored == sources.signal("global_etf_rotation", chosen, BUNDLED_PRICES, QUARTER_END)


def test_at_a_quarter_end_a_profile_wants_something():
    wanted = sources.wanted_at_the_end(
        "global_etf_rotation", CLOSES.loc[: pd.Timestamp(QUARTER_END)]
    )

    assert sum(wanted.values()) == pytest.approx(1)


def test_between_quarter_ends_a_profile_may_want_nothing_new():
    quiet = CLOSES.loc[: pd.Timestamp(QUARTER_END)].iloc[:-1]

    assert sources.wanted_at_the_end("global_etf_rotation", quiet) == {}


def test_a_profile_says_how_much_history_it_needs():
    assert 0 < sources.needed_sessions("global_etf_rotation") < len(CLOSES)
