"""A daemon's folder with one broker or a chat, and what plays it in a process of its own."""

import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from adapters.sims import longport_remote, schwab_remote, telegram_remote, tws_remote
from adapters.synthetic import BUNDLED

ACCOUNT_OF_LONGPORT = "10000001"


@dataclass(frozen=True, slots=True)
class Played:
    """What the settings say of somebody, the secrets that go with it, and who plays it."""

    settings: str
    secrets: Mapping[str, str] = field(default_factory=dict)
    player: "subprocess.Popen[bytes] | None" = None
    mode: str = "dry"

    def fall_silent(self) -> None:
        """Accept what comes and never answer."""
        assert self.player
        self.player.send_signal(signal.SIGSTOP)

    def be_gone(self) -> None:
        """Refuse what comes."""
        assert self.player
        self.player.kill()
        self.player.wait()

    def written(self, path: Path, state: str = "state") -> Path:
        """The settings of a book with it, in a file."""
        path.write_text(
            f"""mode = "{self.mode}"
state_dir = "{state}"
[markets.prices]
kind = "tables"
path = "{BUNDLED}"
[books.rotation]
profile = "global_etf_rotation"
broker = "there"
{self.settings}""",
            encoding="utf-8",
        )
        return path


Play: TypeAlias = Callable[[Path], AbstractContextManager[Played]]
PAPER = '[brokers.there]\nkind = "paper"\nmarket = "prices"\ncash = 25_000\n'


def _broker(**told: object) -> str:
    lines = [f"{key} = {value!r}" for key, value in told.items()]
    return "\n".join(["[brokers.there]", *lines, ""])


@contextmanager
def paper(folder: Path) -> Iterator[Played]:
    """The built-in broker."""
    del folder
    yield Played(PAPER, mode="paper")


@contextmanager
def resting(folder: Path) -> Iterator[Played]:
    """The built-in broker, whose orders of the bundled prices' quarter end rest after a share."""
    del folder
    yield Played(f"{PAPER}drills = {{ SMH = 1 }}\n", mode="paper")


@contextmanager
def ibkr(folder: Path) -> Iterator[Played]:
    """A gateway."""
    del folder
    with tws_remote.started() as there:
        settings = _broker(kind="ibkr", account=there.accounts[0], port=there.port)
        yield Played(settings, player=there.process)


@contextmanager
def schwab(folder: Path) -> Iterator[Played]:
    """A Schwab behind its proxy, and a login that is valid."""
    login = folder / "login.json"
    with schwab_remote.started(folder / "ca.pem", "--token-file", str(login)) as there:
        settings = _broker(
            kind="schwab",
            account=there.account,
            token_file=str(login),
            proxy=there.proxy_url,
            ca_file=str(there.ca_file),
        )
        secrets = {
            "BELLWETHER_SCHWAB_APP_KEY": there.app.key,
            "BELLWETHER_SCHWAB_APP_SECRET": there.app.secret,
        }
        yield Played(settings, secrets, there.process)


@contextmanager
def longport(folder: Path) -> Iterator[Played]:
    """A LongBridge at its three addresses, and a token that is valid."""
    with longport_remote.started() as there:
        access = there.access
        token = folder / "token"
        token.touch(0o600)
        token.write_text(access.access_token)
        settings = _broker(
            kind="longport",
            account=ACCOUNT_OF_LONGPORT,
            token_file=str(token),
            http=access.http_url,
            quotes=access.quote_ws_url,
            trades=access.trade_ws_url,
        )
        secrets = {
            "BELLWETHER_LONGPORT_APP_KEY": access.app_key,
            "BELLWETHER_LONGPORT_APP_SECRET": access.app_secret,
        }
        yield Played(settings, secrets, there.process)


@contextmanager
def telegram(folder: Path) -> Iterator[Played]:
    """The built-in broker, and a chat."""
    del folder
    with telegram_remote.started() as there:
        chat = f'[telegram]\nchat = {there.owner_id}\napi = "{there.base_url}"\n'
        secrets = {"BELLWETHER_TELEGRAM_TOKEN": there.token}
        yield Played(PAPER + chat, secrets, there.process, mode="paper")


BROKERS: dict[str, Play] = {"paper": paper, "ibkr": ibkr, "schwab": schwab, "longport": longport}


def processes(number: int) -> Iterator[int]:
    """A process and every process it started."""
    yield number
    for thread in Path(f"/proc/{number}/task").iterdir():
        for child in (thread / "children").read_text("ascii").split():
            yield from processes(int(child))
