"""What the unit files promise: looked at by systemd's own tools, and held against the program."""

import re
import subprocess
from pathlib import Path

import pytest

from bot import exits
from bot.ladder import PATIENCE
from config.secrets import PREFIX
from tests.tools import tool

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service")) + sorted(DEPLOY.glob("*.timer"))
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
EXPOSURE = 1.5
SECONDS = {"s": 1, "min": 60}
A_SECRET = re.compile(rf"^#{PREFIX}(\w+)=$", re.MULTILINE)


def directives(unit: Path) -> list[tuple[str, str]]:
    lines = [line for line in unit.read_text("utf-8").splitlines() if re.match(r"\w+=", line)]
    return [(name, value) for name, _, value in (line.partition("=") for line in lines)]


def told(name: str) -> list[str]:
    """The values of a directive of the daemon's unit."""
    return [value for key, value in directives(DEPLOY / "bellwether.service") if key == name]


def seconds(time: str) -> float:
    number, unit = re.fullmatch(r"(\d+)(s|min)", time).groups()
    return int(number) * SECONDS[unit]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_to_remark(unit, tmp_path):
    for each in UNITS:
        # What it starts is not installed here: the place of it is.
        text = each.read_text("utf-8").replace("/opt/bellwether/bin/bellwether", "/bin/true")
        (tmp_path / each.name).write_text(text)

    found = subprocess.run(
        [tool("systemd-analyze"), "verify", "--man=no", tmp_path / unit.name],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (found.returncode, found.stdout + found.stderr) == (0, "")


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_is_hardly_exposed(unit):

    rated = subprocess.check_output(
        [tool("systemd-analyze"), "security", "--offline=true", "--no-pager", unit], text=True
    )

    assert float(re.search(r"Overall exposure level for \S+: ([\d.]+)", rated)[1]) <= EXPOSURE


def test_the_template_is_the_unit_to_the_letter():
    unit, template = DEPLOY / "bellwether.service", DEPLOY / "bellwether@.service"

    assert template.read_bytes() == unit.read_bytes()


def test_what_no_restart_mends_is_not_started_again():
    codes = {int(code) for code in told("RestartPreventExitStatus")[0].split()}

    assert codes == {exits.USAGE, exits.FORBIDDEN, exits.CONFIGURATION}


def test_a_stop_is_given_longer_than_an_order_rests():
    assert seconds(*told("TimeoutStopSec")) > PATIENCE.total_seconds()


def test_each_secret_there_is_is_a_credential_that_may_be_missing():
    named = A_SECRET.findall((ROOT / "config" / "secrets.example.env").read_text("utf-8"))
    ours = [name for name in named if not name.endswith("_FILE") and name != "CONFIG"]
    # A feed has a secret of its own name: the unit tells how such a one is added.
    secrets = [name.lower() for name in ours if not name.startswith("SIGNAL_TOKEN_")]

    assert told("LoadCredential") == [f"{name}:/etc/bellwether/%N/{name}" for name in secrets]
    assert told("SetCredential") == [f"{name}:\\n" for name in secrets]


def test_the_backup_is_restricted_as_the_daemon_is():
    restricted = dict(directives(DEPLOY / "bellwether-backup@.service"))
    daemon = directives(DEPLOY / "bellwether.service")
    own = {"ProtectSystem", "ProtectHome", "MemoryDenyWriteExecute", "UMask", "LimitCORE"}
    alike = {name: value for name, value in daemon if name.startswith(("Protect", "Restrict"))}
    alike |= {name: value for name, value in daemon if name in own}

    differing = {name for name, value in alike.items() if restricted.get(name) != value}

    assert differing == {"RestrictAddressFamilies"}  # it gets no network at all
