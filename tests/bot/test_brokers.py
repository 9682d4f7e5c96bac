import pytest

from bot import app, brokers, sources
from bot.brokers import broker_line
from bot.commands import status_of
from bot.domain.errors import BrokerUnavailable
from bot.ledger import SqlLedger
from bot.schedule import ScheduledWakes, SystemClock
from config.problems import SettingsProblem
from config.settings import checked

SECRETS = {
    "ibkr": (),
    "schwab": ("SCHWAB_APP_KEY", "SCHWAB_APP_SECRET"),
    "longport": ("LONGPORT_APP_KEY", "LONGPORT_APP_SECRET"),
}
every_kind = pytest.mark.parametrize("kind", SECRETS)


def settings_of(kind, tmp_path, **more):
    broker = {"kind": kind, "account": "A1", **more}
    return checked(
        {
            "state_dir": tmp_path,
            "markets": {"prices": {"kind": "tables", "path": tmp_path / "prices.csv"}},
            "brokers": {"real": broker},
            "books": {"main": {"profile": "tqqq_growth_income", "broker": "real"}},
        }
    )


def with_secrets(kind, monkeypatch):
    for name in SECRETS[kind]:
        monkeypatch.setenv(f"BELLWETHER_{name}", "0123456789abcdef0123456789abcdef")


@every_kind
async def test_a_line_is_built_from_its_settings_and_connects_to_nothing_yet(
    kind, tmp_path, monkeypatch
):
    with_secrets(kind, monkeypatch)
    settings = settings_of(kind, tmp_path, token_file=tmp_path / "t") if SECRETS[kind] else None

    there = broker_line(
        "real",
        settings or settings_of(kind, tmp_path),
        SystemClock(),
        sources.exchange(settings_of(kind, tmp_path)),
    )

    assert there.account("A1").capabilities
    await there.close()


@pytest.mark.parametrize("kind", [kind for kind, names in SECRETS.items() if names])
def test_a_secret_that_is_missing_is_named(kind, tmp_path, monkeypatch):
    for name in SECRETS[kind]:
        monkeypatch.delenv(f"BELLWETHER_{name}", raising=False)

    with pytest.raises(SettingsProblem) as refused:
        broker_line(
            "real",
            settings_of(kind, tmp_path),
            SystemClock(),
            sources.exchange(settings_of(kind, tmp_path)),
        )

    assert refused.value.problems[0].where == SECRETS[kind][0].lower()


@every_kind
async def test_who_only_looks_needs_no_secret_and_reaches_nobody(kind, tmp_path):
    time = app.Time(SystemClock(), ScheduledWakes())
    ledger = SqlLedger.open(None)

    house = app.house(settings_of(kind, tmp_path), ledger, lambda _: time, looking=True)

    with pytest.raises(BrokerUnavailable, match="not_connected"):
        await house.seats[0].desk.broker.portfolio()
    ledger.close()


@every_kind
async def test_history_may_come_from_a_file_and_quotes_from_the_broker(kind, tmp_path):
    time = app.Time(SystemClock(), ScheduledWakes())
    ledger = SqlLedger.open(None)
    settings = settings_of(kind, tmp_path, market="prices")

    house = app.house(settings, ledger, lambda _: time, looking=True)

    assert house.seats[0].desk.market.adjustment.value == "total_return"
    with pytest.raises(BrokerUnavailable, match="not_connected"):
        await house.seats[0].desk.market.quotes(["QQQ"])
    ledger.close()


@every_kind
def test_what_another_program_keeps_in_the_environment_is_named_and_never_shown(
    kind, tmp_path, monkeypatch
):
    monkeypatch.setenv("LONGPORT_ACCESS_TOKEN", "of another program")

    told = f"{brokers.keys('real', settings_of(kind, tmp_path))}"

    assert ("LONGPORT_ACCESS_TOKEN" in told) is (kind == "longport")
    assert "of another program" not in told


@every_kind
def test_how_a_login_stands_needs_neither_a_secret_nor_the_broker(kind, tmp_path):
    more = {"token_file": tmp_path / "t"} if SECRETS[kind] else {}

    told = brokers.standing("real", settings_of(kind, tmp_path, **more), SystemClock())

    missing = {"schwab": ["schwab_login_missing"], "longport": ["longport_token_missing"]}
    assert [note.code for note in told] == missing.get(kind, [])


@every_kind
def test_a_status_beside_the_daemon_shows_how_the_login_stands(kind, tmp_path):
    more = {"token_file": tmp_path / "t"} if SECRETS[kind] else {}
    time = app.Time(SystemClock(), ScheduledWakes())
    ledger = SqlLedger.open(None)

    house = app.house(settings_of(kind, tmp_path, **more), ledger, lambda _: time, looking=True)

    assert [note.code for note in status_of(house.seats[0]).line] == [
        note.code
        for note in brokers.standing("real", settings_of(kind, tmp_path, **more), SystemClock())
    ]
    ledger.close()
