"""The command line of logins, at a simulated Schwab."""

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from bot.__main__ import cli
from tests.adapters.schwab_world import NUMBER, drilling


@pytest.fixture
def here(tmp_path, monkeypatch):
    with drilling(tmp_path) as drill:
        monkeypatch.setenv("BELLWETHER_SCHWAB_APP_KEY", drill.app.key)
        monkeypatch.setenv("BELLWETHER_SCHWAB_APP_SECRET", drill.app.secret)
        yield Here(tmp_path, drill)


class Here:
    def __init__(self, folder, drill):
        self.folder, self.control = folder, drill.control
        self.token_file = folder / "login.json"
        self.entry = (
            f'kind = "schwab"\naccount = "{NUMBER}"\ntoken_file = "{self.token_file}"\n'
            f'callback = "{drill.app.callback}"\n'
            f'proxy = "{drill.proxy_url}"\nca_file = "{drill.ca_file}"\n'
        )
        self.write("real")

    def write(self, *names):
        entries = "".join(f"[brokers.{name}]\n{self.entry}" for name in names)
        (self.folder / "bot.toml").write_text(f'state_dir = "{self.folder}"\n{entries}', "utf-8")

    def arguments(self, *more):
        return ["auth", "schwab", *more, "--config", str(self.folder / "bot.toml")]

    def auth(self, *more, told=""):
        return CliRunner().invoke(cli, self.arguments(*more), input=told)


def address_in(printed):
    [address] = [line for line in printed.splitlines() if line.startswith("https://")]
    return address


def test_a_login_in_two_commands(here):
    begun = here.auth("--begin")
    ended = here.control.allow(address_in(begun.output))

    done = here.auth("--finish", told=ended + "\n")

    assert done.exit_code == 0, done.output
    assert "holds until" in done.output
    assert ended not in done.output
    assert json.loads(here.token_file.read_text("utf-8"))["token"]["access_token"]


def test_a_login_in_one_command(here):
    command = [sys.executable, "-m", "bot", *here.arguments()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        address = next(line for line in process.stdout if line.startswith("https://")).strip()
        out, _ = process.communicate(here.control.allow(address) + "\n", timeout=60)

    assert process.returncode == 0
    assert "holds until" in out
    assert here.token_file.stat().st_mode & 0o777 == 0o600


def test_what_is_no_answer_is_refused_with_the_way_out(here):
    here.auth("--begin")

    refused = here.auth("--finish", told="nonsense\n")

    assert refused.exit_code != 0
    assert "→" in refused.output
    assert not here.token_file.exists()


@pytest.mark.parametrize(("entries", "named"), [((), ()), (("a", "b"), ()), (("a",), ("b",))])
def test_the_entry_must_be_clear(here, entries, named):
    here.write(*entries)

    refused = here.auth(*named)

    assert refused.exit_code == 78
    assert ", ".join(entries) in refused.output
