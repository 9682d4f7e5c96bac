"""Secrets that can be told from everything else, and everything the daemon ever wrote or said.

The daemon, its commands and a run are processes of their own, with simulated brokers and a
simulated Telegram that fail in every way secrets have leaked by: refusals, outages, ended
logins, wrong tokens.
"""

import base64
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from adapters.sims import longport_remote, schwab_remote, telegram_remote
from adapters.sims.longport_faults import Fault as LongPortFault
from adapters.sims.longport_faults import FaultKind as LongPortFaultKind
from adapters.sims.longport_world import ACCOUNT, Setup
from adapters.sims.schwab_faults import Fault, FaultKind, Outage
from adapters.sims.telegram_faults import Fault as TelegramFault
from adapters.sims.telegram_faults import FaultKind as TelegramFaultKind
from adapters.sims.telegram_faults import OutageKind
from adapters.sims.telegram_record import Entry
from bot import app, sources
from bot.domain.calendar import exchange_date
from bot.domain.memory import Outcome, RunReport
from bot.domain.model import Note, RunKey
from bot.schedule import SystemClock, last_over
from bot.sessions import EARLIEST, LATEST, nyse
from config.settings import load
from tests.adapters.schwab_world import NUMBER
from tests.bot.scratch import QUARTER_END, closes, near_close, written
from tests.bot.test_beacon import a_port
from tests.bot.test_process import ROOT, closed_today

SIGNALS, DEADMAN = "canary-signals-bearer-8c1f", "canary-deadman-uuid-77aa"
WRONG = "987654:canary-wrong-telegram-token-of-nobody"
LONGPORT_KEY, LONGPORT_SECRET = "canary-longport-key-31d0", "canary-longport-secret-aa02"
STARTS, ENDS = 60.0, 60.0

RUN = """
import sys
from datetime import datetime
from pathlib import Path
from bot import process
from bot.asking import speaking
from bot.commands import RunNow
from bot.schedule import JumpingClock

with speaking(Path(sys.argv[1])) as settings:
    clock = JumpingClock(datetime.fromisoformat(sys.argv[3]))
    print(process.run_today(settings, RunNow(sys.argv[2]), clock).text)
"""
# What a day of it is asked, by a person and by programs.
QUESTIONS = (("health",), ("plan", "--book", "one"), ("plan", "--book", "two"), ("backup",))
HISTORY = 560  # sessions


class Deaf(BaseHTTPRequestHandler):
    """A watcher that says that it is out of order, and repeats the address in saying so."""

    def do_POST(self):
        self.server.heard.append(self.path)
        self.send_response(500, f"no such check {self.path}")
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


@contextmanager
def deaf() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Deaf)
    server.heard = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class Nest:
    """A folder with real brokers' books, all their secrets, and whom the daemon talks to."""

    folder: Path
    telegram: telegram_remote.Started
    schwab: schwab_remote.Started
    longport: longport_remote.Started
    watcher: ThreadingHTTPServer
    port: int = field(default_factory=a_port)
    said: dict[str, str] = field(default_factory=dict)

    def __post_init__(self):
        self.config.write_text(self._settings(), "utf-8")
        login = self.schwab.control.log_in()
        self.private("schwab-token.json", json.dumps(login))
        self.private("longport-token", self.longport.access.access_token)
        self.tokens = [v for v in login["token"].values() if isinstance(v, str) and len(v) > 15]

    @property
    def config(self) -> Path:
        return self.folder / "bot.toml"

    def private(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.touch(0o600)
        path.write_text(text, "utf-8")
        return path

    @property
    def pages(self) -> list[str]:
        """What makes a report and a picture of a backtest."""
        made = {"--html": "report.html", "--png": "report.png", "--out": "tables"}
        return [word for option, name in made.items() for word in (option, f"{self.folder / name}")]

    @property
    def environment(self) -> Mapping[str, str]:
        """One secret by a variable, one by a file, the others among a unit's credentials."""
        credentials = self.folder / "credentials"
        credentials.mkdir(exist_ok=True)
        for name, value in {
            "schwab_app_key": self.schwab.app.key,
            "schwab_app_secret": self.schwab.app.secret,
            "longport_app_key": LONGPORT_KEY,
            "signals_token": SIGNALS,
            "deadman_address": f"http://127.0.0.1:{self.watcher.server_port}/{DEADMAN}",
        }.items():
            (credentials / name).write_text(value)
        secret = self.private("longport-secret", LONGPORT_SECRET)
        return {
            **os.environ,
            "BELLWETHER_TELEGRAM_TOKEN": self.telegram.token,
            "BELLWETHER_LONGPORT_APP_SECRET_FILE": str(secret),
            "CREDENTIALS_DIRECTORY": str(credentials),
        }

    def secrets(self) -> Mapping[str, str]:
        key, secret = self.schwab.app.key, self.schwab.app.secret
        basic = base64.b64encode(f"{key}:{secret}".encode()).decode()
        told = {
            "telegram": self.telegram.token.partition(":")[2],
            "wrong telegram": WRONG.partition(":")[2],
            "schwab key": key,
            "schwab secret": secret,
            "schwab basic": basic,
            "longport key": LONGPORT_KEY,
            "longport secret": LONGPORT_SECRET,
            "longport token": self.longport.access.access_token,
            "signals": SIGNALS,
            "deadman": DEADMAN,
        }
        return told | {f"schwab token {n}": token for n, token in enumerate(self.tokens)}

    def call(self, *arguments: str, **environment: str) -> str:
        """What a command says, with its settings named."""
        return self._run(["-m", "bot", *arguments, "--config", str(self.config)], environment)

    def run(self, book: str, **environment: str) -> str:
        """What a run in its window says, by a clock that jumps."""
        moment = near_close(QUARTER_END).isoformat()
        return self._run(["-c", RUN, str(self.config), book, moment], environment)

    def _run(self, arguments: list[str], environment: Mapping[str, str]) -> str:
        told = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            check=False,
            timeout=ENDS,
        )
        name = f"{len(self.said)} {' '.join(arguments[1:3])}"
        self.said[name] = told.stdout.decode() + told.stderr.decode()
        return self.said[name]

    def ask(self, path: str, **headers: str) -> str:
        url = f"http://127.0.0.1:{self.port}{path}"
        answer = httpx.get(url, headers=headers, trust_env=False, timeout=30.0)
        self.said[f"{len(self.said)} {path}"] = answer.text + str(answer.headers)
        return answer.text

    def everything(self) -> Iterator[tuple[str, bytes]]:
        """All that was said, written, kept and told, but the files that hold the secrets."""
        for name, text in self.said.items():
            yield name, text.encode()
        for entry in self.telegram.control.record():
            yield f"telegram {entry.number}", _text(entry)
        guarded = {"schwab-token.json", "longport-token", "longport-secret", "credentials"}
        for path in self.folder.rglob("*"):
            top = path.relative_to(self.folder).parts[0]
            if path.is_file() and not top.startswith(tuple(guarded)):
                yield str(path.relative_to(self.folder)), path.read_bytes()

    def leaks(self) -> list[str]:
        return [
            f"{name} has the secret {what}"
            for name, content in self.everything()
            for what, secret in self.secrets().items()
            if secret.encode() in content
        ]

    def _prices(self) -> Path:
        """Closes up to the last session, so that nothing is refused before a broker is asked."""
        today = exchange_date(SystemClock().now())
        days = [s.date for s in nyse(EARLIEST, LATEST).between(EARLIEST, today) if s.date < today]
        table = closes().tail(HISTORY).assign(date=days[-HISTORY:])
        return written(table, self.folder / "prices.csv")

    def _settings(self) -> str:
        lines = self.longport.access
        return f"""
mode = "dry"
{closed_today()}
[log]
level = "debug"
format = "json"
[health]
port = {self.port}
deadman = true
signals = true
[telegram]
chat = {self.telegram.owner_id}
users = [{self.telegram.owner_id}]
api = "{self.telegram.base_url}"
[markets.prices]
kind = "tables"
path = "{self._prices()}"
[brokers.us]
kind = "schwab"
account = "{NUMBER}"
market = "prices"
proxy = "{self.schwab.proxy_url}"
ca_file = "{self.schwab.ca_file}"
answer_seconds = 5
[brokers.hk]
kind = "longport"
account = "{ACCOUNT}"
market = "prices"
http = "{lines.http_url}"
quotes = "{lines.quote_ws_url}"
trades = "{lines.trade_ws_url}"
[books.one]
broker = "us"
profile = "global_etf_rotation"
[books.two]
broker = "hk"
profile = "global_etf_rotation"
"""


def _text(entry: Entry) -> bytes:
    return repr(entry).encode() if entry.by_bot else b""


@pytest.fixture
def nest(tmp_path) -> Iterator[Nest]:
    setup = Setup(app_key=LONGPORT_KEY, app_secret=LONGPORT_SECRET)
    with ExitStack() as stack:
        nest = Nest(
            tmp_path,
            stack.enter_context(telegram_remote.started("--no-rates", patience=STARTS)),
            stack.enter_context(schwab_remote.started(tmp_path / "ca.pem", patience=STARTS)),
            stack.enter_context(longport_remote.started(setup, patience=STARTS)),
            stack.enter_context(deaf()),
        )
        yield nest


def break_everything(nest: Nest) -> None:
    """Let every other side refuse what it is asked next, each in the ways it has."""
    for kind in (FaultKind.REFUSE, FaultKind.RESET, FaultKind.TRUNCATE):
        nest.schwab.control.fail(Fault(kind, times=2))
    nest.schwab.control.expire_access()
    nest.longport.control.fail(LongPortFault(LongPortFaultKind.REFUSE, code=401004, times=2))
    nest.longport.control.fail(LongPortFault(LongPortFaultKind.RESET, times=2))
    nest.telegram.control.fail(TelegramFault(TelegramFaultKind.REFUSE, status=401, times=2))
    nest.telegram.control.fail(TelegramFault(TelegramFaultKind.RESET, times=2))


def cut_everything(nest: Nest) -> None:
    nest.schwab.control.cut(Outage.BAD_GATEWAY)
    nest.longport.control.cut()
    nest.telegram.control.cut(OutageKind.BAD_GATEWAY)


def restore_everything(nest: Nest) -> None:
    nest.schwab.control.restore()
    nest.longport.control.restore()
    nest.telegram.control.restore()


@contextmanager
def serving(nest: Nest) -> Iterator["subprocess.Popen[bytes]"]:
    """The daemon, from when it can be asked until it is told to stop."""
    command = [sys.executable, "-m", "bot", "serve", "--config", str(nest.config)]
    before = len(nest.telegram.control.record())
    with (nest.folder / "log.txt").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=nest.environment, stdout=log, stderr=log)
        try:
            nest.telegram.control.wait("started, version", before, STARTS)
            yield process
            process.terminate()
            process.wait(ENDS)
        finally:
            process.kill()
            process.wait()


def live_through_a_day(nest: Nest) -> None:
    """A daemon is asked in every way, while its world breaks and while it is cut off."""
    missed(nest)
    for happens in (break_everything, cut_everything):
        restore_everything(nest)
        with serving(nest) as daemon:
            happens(nest)
            for question in QUESTIONS:
                nest.call(*question)
            nest.ask("/healthz")
            nest.ask("/metrics")
            nest.ask("/api/signals/global_etf_rotation")
            nest.ask("/api/signals/global_etf_rotation", Authorization=f"Bearer {SIGNALS}")
            assert daemon.poll() is None


def missed(nest: Nest) -> None:
    """Let the last session have come to nothing, so that the watcher is to be told."""
    settings = load(nest.config)
    day = last_over(sources.exchange(settings), SystemClock().now()).date
    with app.keeping(settings) as ledger:
        for book in settings.books:
            now = SystemClock().now()
            ledger.finish(
                RunReport(RunKey(book, day), Outcome.MISSED, now, notes=(Note("missed"),))
            )


def run_the_books(nest: Nest, **environment: str) -> None:
    for book in ("one", "two"):
        nest.run(book, **environment)


@pytest.mark.slow
def test_no_secret_is_in_anything_that_was_ever_said_or_written(nest):
    nest.call("check")
    assert "report.html" in nest.call("backtest", "--book", "one", *nest.pages)
    live_through_a_day(nest)
    restore_everything(nest)
    run_the_books(nest)
    break_everything(nest)
    nest.schwab.control.expire_login()
    nest.longport.control.revoke_token()
    nest.call("check", BELLWETHER_TELEGRAM_TOKEN=WRONG)
    run_the_books(nest, BELLWETHER_TELEGRAM_TOKEN=WRONG)

    assert nest.leaks() == []
    assert_the_secrets_were_used(nest)
    log = (nest.folder / "log.txt").read_text("utf-8")
    assert [number for number in (NUMBER, str(ACCOUNT)) if number in log] == []


def assert_the_secrets_were_used(nest: Nest) -> None:
    """Else nothing could have leaked."""
    assert nest.schwab.control.calls()
    assert nest.longport.control.calls()
    assert nest.telegram.control.record()
    assert nest.watcher.heard == [f"/{DEADMAN}/fail"] * len(nest.watcher.heard) != []
    assert list(nest.folder.glob("state/backups/*.sqlite"))
    assert {path.name for path in nest.folder.glob("report.*")} == {"report.html", "report.png"}


@pytest.mark.slow
def test_a_secret_that_is_said_anywhere_is_found(nest):
    nest.said["a message"] = f"the token is {nest.telegram.token}"
    (nest.folder / "report.png").write_bytes(b"\x89PNG" + SIGNALS.encode())

    assert nest.leaks() == [
        "a message has the secret telegram",
        "report.png has the secret signals",
    ]
