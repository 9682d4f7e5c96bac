"""On a machine with a systemd: an instance of the service for each broker named, one by one."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.benchmarks.brokers import BROKERS, Played

# An idle daemon may have nothing to ask a broker: in its place the unit runs what asks everything.
CHECK = """[Service]
Type=oneshot
Restart=no
ExecStart=
ExecStart=-/opt/bellwether/bin/bellwether check
"""
SECRETS_ARE = "BELLWETHER_"  # before the name of each, as a variable


def systemd(*arguments: str) -> str:
    """What systemctl answers."""
    command = ["/usr/bin/systemctl", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def lay_out(name: str, played: Played, state: Path) -> None:
    """Write settings and secrets where the unit of an instance looks for them."""
    folder = Path("/etc/bellwether") / f"bellwether@{name}"
    folder.mkdir(mode=0o700)
    for variable, value in played.secrets.items():
        secret = folder / variable.removeprefix(SECRETS_ARE).lower()
        secret.write_text(value)
        secret.chmod(0o600)
    played.written(folder.with_suffix(".toml"), str(state))
    for file in (state, *state.iterdir()):
        shutil.chown(file, "bellwether", "bellwether")


def drop_in(unit: str, text: str) -> None:
    """Change a unit of this machine."""
    folder = Path("/etc/systemd/system") / f"{unit}.service.d"
    folder.mkdir()
    (folder / "drill.conf").write_text(text)
    systemd("daemon-reload")


def drill(name: str) -> str:
    """Start an instance and end it; then have it ask its broker everything."""
    unit, state = f"bellwether@{name}", Path("/var/lib") / f"bellwether@{name}"
    state.mkdir(mode=0o700)
    with BROKERS[name](state) as played:
        lay_out(name, played, state)
        systemd("start", unit)
        active = systemd("is-active", unit)
        systemd("stop", unit)
        code = systemd("show", "--value", "--property=ExecMainStatus", unit)
        drop_in(unit, CHECK)
        systemd("start", unit)
        said = subprocess.check_output(["/usr/bin/journalctl", "--unit", unit], text=True)
    account = "account read" if "✓ account" in said else "account not read"
    return f"{name}: {active}, ended with {code}, {account}"


if __name__ == "__main__":
    for each in sys.argv[1:]:
        sys.stdout.write(f"{drill(each)}\n")
