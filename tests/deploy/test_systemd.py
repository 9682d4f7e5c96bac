"""A real systemd starts, restricts, watches and ends the daemon, by the commands of the runbook."""

import re

import pytest

from tests.deploy.machine import Machine, a_machine
from tests.deploy.runbook import blocks, without_pip

pytestmark = pytest.mark.slow

USER_AND_UNITS, SETTINGS, START = blocks("First start, as a service")
INSTALLED = f"{without_pip(USER_AND_UNITS)}\n{SETTINGS}"
PROCESS = "process=$(systemctl show --property=MainPID --value bellwether)"
CONFIG = "/etc/bellwether/bellwether.toml"


def shows(*properties: str, unit: str = "bellwether") -> str:
    """A command that says what systemd knows of the unit."""
    return f"systemctl show {unit} " + " ".join(f"--property={name}" for name in properties)


def briefly(**values: str) -> str:
    """A command that gives the unit shorter times."""
    lines = "\\n".join(f"{name}={value}" for name, value in values.items())
    folder = "/etc/systemd/system/bellwether.service.d"
    return f"mkdir -p {folder} && printf '[Service]\\n{lines}\\n' > {folder}/drill.conf"


@pytest.fixture
def machine(tmp_path) -> Machine:
    return a_machine(tmp_path)


def test_the_runbook_starts_a_daemon_under_the_restrictions_of_its_unit(machine):
    said = machine.run(
        INSTALLED,
        START,
        shows("ActiveState", "StatusText", "NRestarts"),
        PROCESS,
        "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$process/status",
        "echo uid=$(stat --format=%U /proc/$process)",
        'inside() { nsenter --target $process --mount "$@"; }',
        "! inside touch /etc/x /usr/x /opt/x /root/x",
        "inside touch /var/lib/bellwether/x && echo 'the state may be written'",
        "inside stat --format='%U %a' /run/credentials/bellwether.service/telegram_token",
        "systemctl stop bellwether",
        shows("Result", "ExecMainStatus"),
    )

    assert "ActiveState=active\n" in said
    assert "StatusText=[DRY] next: " in said
    assert "NRestarts=0\n" in said
    assert re.findall(r"^(\w+):\t(\w+)$", said, re.MULTILINE) == [
        ("CapEff", "0000000000000000"),
        ("CapBnd", "0000000000000000"),
        ("NoNewPrivs", "1"),
        ("Seccomp", "2"),
    ]
    assert "uid=bellwether\n" in said
    assert said.count("Read-only file system") == 4
    assert "the state may be written\nbellwether 400\n" in said
    assert {"Result=success", "ExecMainStatus=0"} <= set(said.splitlines())


def test_a_daemon_that_hangs_is_ended_and_started_again(machine):
    said = machine.run(
        INSTALLED,
        briefly(WatchdogSec="2s", RestartSec="100ms"),
        START,
        PROCESS,
        "kill -STOP $process",
        f"while [ $({shows('NRestarts')} --value) = 0 ]; do sleep 0.2; done",
        "systemctl start bellwether",
        shows("ActiveState", "StatusText"),
        "journalctl --unit=bellwether --no-pager",
    )

    assert "ActiveState=active\n" in said
    assert "StatusText=[DRY] next: " in said
    assert "Failed with result 'watchdog'" in said
    assert "Fatal Python error: Aborted" in said


def test_a_setting_that_is_wrong_is_not_started_again(machine):
    said = machine.run(
        INSTALLED,
        briefly(RestartSec="100ms"),
        f"sed -i 's/^mode = .*/mode = \"wet\"/' {CONFIG}",
        "systemctl start bellwether || true",
        "sleep 1",
        shows("ActiveState", "ExecMainStatus", "NRestarts"),
        "journalctl --unit=bellwether --no-pager",
    )

    assert {"ActiveState=failed", "ExecMainStatus=78", "NRestarts=0"} <= set(said.splitlines())
    assert "mode" in said


def test_each_broker_is_reached_under_the_restrictions_of_an_instance(machine):
    said = machine.run(
        INSTALLED, "/opt/bellwether/bin/python -m tests.deploy.instances ibkr schwab longport"
    )

    for name in ("ibkr", "schwab", "longport"):
        assert f"{name}: active, ended with 0, account read" in said


RUN = "bellwether pause --reason 'as it was'"
DATA = "bellwether data update --from /opt/bellwether/tree/adapters/synthetic_prices.csv.gz"


def test_the_runbook_restores_a_backup(machine):
    [restore] = blocks("Restore a backup")

    said = machine.run(
        INSTALLED,
        START,
        "systemctl start bellwether-backup@bellwether",
        "ls /var/lib/bellwether/backups",
        "bellwether pause --reason 'after the backup'",
        restore,
        "cd /var/lib/bellwether",
        "grep --text --count 'after the backup' ledger-dry.sqlite || echo gone",
        "grep --text --quiet 'after the backup' backups/*-replaced-*.sqlite && echo kept",
        "bellwether resume",
        "bellwether status",
    )

    assert len(re.findall(r"^ledger-dry-\d+T\d+Z\.sqlite$", said, re.MULTILINE)) == 1
    assert "0\ngone\nkept\n" in said
    before, _, after = said.rpartition("switch: ")
    assert "switch: PAUSED" in before
    assert after.startswith("active")


def test_the_runbook_moves_to_a_new_host(machine):
    leave, arrive = blocks("Move to a new host")

    said = machine.run(
        INSTALLED,
        START,
        RUN,
        "cd /tmp",
        leave,
        "rm -r /etc/bellwether /var/lib/bellwether",
        arrive,
        shows("ActiveState"),
        "bellwether status",
    )

    assert "ActiveState=active\n" in said
    assert "PAUSED" in said
    assert "as it was" in said


def test_the_runbook_upgrades_and_rolls_back(machine):
    upgrade, back = blocks("Upgrade and roll back")
    installed = re.compile(r"^.*(-m venv|/pip install).*$", re.MULTILINE)

    said = machine.run(
        INSTALLED,
        DATA,
        START,
        installed.sub("", upgrade).replace(
            "sudo bellwether check", "sudo bellwether check || true"
        ),
        "readlink /opt/bellwether",
        shows("ActiveState"),
        back,
        "readlink /opt/bellwether",
        shows("ActiveState"),
    )

    assert re.findall(r"^(?:/opt/bellwether-.*|ActiveState=.*)$", said, re.MULTILINE) == [
        "/opt/bellwether-0.2.0",
        "ActiveState=active",
        "/opt/bellwether-0.1.0",
        "ActiveState=active",
    ]
