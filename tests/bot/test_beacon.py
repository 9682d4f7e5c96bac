"""What a program of this host gets, over a real socket."""

import socket

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.synthetic import BUNDLED
from bot import sources
from bot.beacon import LOOPBACK, Signals, shining
from bot.domain.errors import BrokerUnavailable, LedgerError, SettingsError
from bot.domain.memory import Ping
from bot.ledger import SqlLedger
from tests.bot.scratch import BOOK, QUARTER_END, Scratch, near_close
from tests.bot.test_health import DAY, MORNING, Line, healthy
from tests.bot.test_ledger_migration import of_version

UNITS = ("_seconds", "_bytes", "_total", "_info", "_usd")
WITHOUT_UNIT = {"healthy", "proven", "broker_up", "paused", "open_questions", "outbox_depth"}


@pytest.fixture
def here(tmp_path):
    return Scratch(tmp_path).write()


def a_port():
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        return taken.getsockname()[1]


async def asked(health, path, port=0, signals=None, **headers):
    port = port or a_port()
    async with shining(port, health, signals), httpx.AsyncClient(trust_env=False) as client:
        return await client.get(f"http://{LOOPBACK}:{port}{path}", headers=headers)


async def measured(health):
    """Every sample by its name and labels."""
    text = (await asked(health, "/metrics")).text
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_all_is_well_is_200_and_each_proof(here):
    with healthy(here) as health:
        answer = await asked(health, "/healthz")

    told = answer.json()
    assert (answer.status_code, told["well"]) == (200, True)
    assert {part["part"] for part in told["parts"]} >= {"loop", "ledger", "clock", "data"}
    assert answer.headers["content-type"].startswith("application/json")


async def test_what_is_not_proven_is_503_and_says_what(here):
    with healthy(here, least=10**18) as health:
        answer = await asked(health, "/healthz")

    (part,) = [part for part in answer.json()["parts"] if not part["ok"]]
    assert (answer.status_code, part["part"], part["code"]) == (503, "disk", "disk_low")
    assert part["remedy"].startswith("Make room")


@pytest.mark.parametrize("path", ["/", "/state", "/healthz/x"])
async def test_nothing_else_is_there(here, path):
    with healthy(here) as health:
        assert (await asked(health, path)).status_code == 404


async def test_it_listens_on_loopback_only(here):
    port = a_port()
    with healthy(here) as health:
        async with shining(port, health):
            with socket.socket() as other:
                # Were every address of the host listened on, this one would be taken.
                other.bind(("127.0.0.2", port))

                assert other.getsockname() == ("127.0.0.2", port)


async def test_a_port_that_is_taken_is_a_setting_to_change(here):
    with healthy(here) as health, socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()

        with pytest.raises(SettingsError, match="port_taken"):
            await asked(health, "/healthz", taken.getsockname()[1])


async def test_every_measure_has_a_name_and_a_unit_as_prometheus_wants_them(here):
    with healthy(here, lines={"real": Line()}) as health:
        text = (await asked(health, "/metrics")).text

    for family in text_string_to_metric_families(text):
        if family.name.startswith("process_"):
            continue
        name = family.name + ("_total" if family.type == "counter" else "")
        name += "_info" if family.type == "info" else ""
        assert family.documentation.endswith(".")
        assert name.startswith("bellwether_")
        assert name.endswith(UNITS) or name.removeprefix("bellwether_") in WITHOUT_UNIT


async def test_what_a_book_did_and_will_do_is_measured(here, tmp_path):
    ledger = SqlLedger.open(of_version(1, tmp_path / "ledger.sqlite"))
    ledger.ping(Ping(QUARTER_END, near_close(QUARTER_END), well=True))
    with healthy(here, ledger=ledger) as health:
        found = await measured(health)

    assert found["bellwether_runs_total", BOOK, "complete"] == 1
    assert found["bellwether_orders_total", BOOK, "buy", "filled"] == 2
    assert found["bellwether_paused", BOOK] == 1
    assert found["bellwether_equity_usd", BOOK] == pytest.approx(25_000, rel=0.05)
    assert found["bellwether_open_questions", BOOK] == 0
    assert found["bellwether_run_duration_seconds", BOOK] == 0  # it held, at once
    assert found["bellwether_next_run_timestamp_seconds", BOOK] == pytest.approx(
        near_close(DAY).timestamp() - 300
    )
    assert found["bellwether_last_ping_timestamp_seconds",] == near_close(QUARTER_END).timestamp()
    assert found["bellwether_outbox_depth",] >= 0
    assert "process_resident_memory_bytes" in {name for name, *_ in found}


async def test_a_broker_and_the_host_are_measured(here):
    with healthy(here, lines={"real": Line()}) as health:
        found = await measured(health)

    assert found["bellwether_broker_up", "real"] == 1
    assert found["bellwether_login_expiry_timestamp_seconds", "real"] == Line().ends().timestamp()
    assert found["bellwether_clock_offset_seconds", "real"] == pytest.approx(0.2)
    assert found["bellwether_disk_free_bytes",] > 0
    assert found["bellwether_data_timestamp_seconds", BOOK] > MORNING.timestamp() - 4 * 86_400
    assert found["bellwether_healthy",] == 1
    assert found["bellwether_proven", BOOK, "data"] == 1


class Expired(Line):
    def ends(self):
        raise BrokerUnavailable("schwab_login_missing", path="token.json")


async def test_a_login_that_is_not_there_ends_at_no_time(here):
    with healthy(here, lines={"real": Expired()}) as health:
        found = await measured(health)

    assert ("bellwether_login_expiry_timestamp_seconds", "real") not in found


async def test_a_ledger_that_can_not_be_read_is_not_measured_and_not_well(here, tmp_path):
    path = tmp_path / "ledger.sqlite"
    with healthy(here, ledger=SqlLedger.open(path)) as health:
        ledger = health.seats[0].desk.ledger
        ledger.close()
        path.write_text("a letter to a friend\n" * 100)
        found = await measured(health)
        with pytest.raises(LedgerError):
            ledger.tally(BOOK)

    assert found["bellwether_healthy",] == 0
    assert "bellwether_outbox_depth" not in {name for name, *_ in found}


TOKEN, PROFILE = "canary-of-signals", "global_etf_rotation"
PATH = f"/api/signals/{PROFILE}"
ADMITTED = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def signals(here):
    """Signals of the bundled prices, and how often they were computed."""
    found = []

    def find(name):
        found.append(name)
        return sources.signal(name, here.settings(), BUNDLED, None)

    return Signals(TOKEN, find), found


async def test_a_signal_is_served_to_whoever_has_the_token(here, signals):
    with healthy(here) as health:
        answer = await asked(health, PATH, signals=signals[0], **ADMITTED)

    told = answer.json()
    assert (answer.status_code, told["profile"]) == (200, PROFILE)
    assert {"signal", "updated", "allocation", "reason", "indicators", "methodology"} <= set(told)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": TOKEN},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": f"Basic {TOKEN}"},
    ],
)
async def test_nobody_else_gets_one_and_nothing_is_computed(here, signals, headers):
    with healthy(here) as health:
        answer = await asked(health, PATH, signals=signals[0], **headers)

    assert (answer.status_code, answer.text, signals[1]) == (401, "", [])
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_where_nobody_may_read_signals_there_are_none(here):
    with healthy(here) as health:
        assert (await asked(health, PATH, **ADMITTED)).status_code == 404


async def test_a_profile_there_is_not_is_not_found(here, signals):
    with healthy(here) as health:
        answer = await asked(health, "/api/signals/nonsense", signals=signals[0], **ADMITTED)

    assert (answer.status_code, answer.text) == (404, "unknown_profile")


async def test_without_prices_there_is_no_signal_and_the_reason(here):
    store = Signals(TOKEN, lambda name: sources.latest_signal(name, here.settings()))
    with healthy(here) as health:
        answer = await asked(health, PATH, signals=store, **ADMITTED)

    assert (answer.status_code, answer.text) == (503, "store_empty")


async def test_a_signal_is_computed_once_a_minute_however_often_it_is_asked_for(signals):
    told = [await signals[0].of(PROFILE) for _ in range(3)]
    signals[0]._known[PROFILE] = signals[0]._known[PROFILE][0] - 60, told[0]
    await signals[0].of(PROFILE)

    assert signals[1] == [PROFILE, PROFILE]


def test_the_token_is_not_printed(signals):
    assert TOKEN not in repr(signals[0])
