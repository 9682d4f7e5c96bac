"""A machine of its own for a unit: this one's files underneath, a real systemd as process 1."""

import os
import site
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tools import MOUNTING, tool

ROOT = Path(__file__).parents[2]
HOME = Path("/opt/bellwether-0.1.0")  # where the runbook installs the daemon
CALLED = Path("/opt/bellwether")  # and what it is called
LATER = Path("/opt/bellwether-0.2.0")  # a version that is the same
PYTHON = "/usr/bin/python3.11"
BOOTS_WITHIN = 240.0  # seconds
SAID = "said"

# What is written stays in memory: an overlay on files of this machine, gone with its namespace.
BOOT = """
set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/up" "$1/work" "$1/root"
cp -a "$2/." "$1/up/"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/up,workdir=$1/work" "$1/root"
root=$1 and=$3
shift 3
exec systemd-nspawn --quiet --register=no --keep-unit --private-network --link-journal=no \\
    --directory="$root/root" --bind="$and:/drill/out" --console=pipe "$@" \\
    --boot -- --unit=drill.service
"""

DRILL = """[Unit]
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
ExecStart=/bin/bash -e /drill/script
StandardOutput=file:/drill/out/said
StandardError=file:/drill/out/said
"""


# In the clone, as root, to whom sudo is nothing new, on a host with a bus as every ordinary one.
PRELUDE = f"""cd {HOME}/tree
systemctl start dbus
sudo() {{ "$@"; }}
export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin
"""


@dataclass(frozen=True, slots=True)
class Machine:
    """A folder with what lies over this machine's files, and what the other one leaves."""

    folder: Path

    @property
    def over(self) -> Path:
        return self.folder / "over"

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        """Have a file there."""
        file = self.over / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(mode)

    def link(self, path: str, target: str) -> None:
        """Have a link there."""
        (self.over / path.lstrip("/")).symlink_to(target)

    def run(self, *script: str) -> str:
        """Boot, run a script until it ends or fails, and return all it said."""
        self.put("/drill/script", "\n".join([PRELUDE, *script]))
        self.put("/etc/systemd/system/drill.service", DRILL)
        place, out = self.folder / "place", self.folder / "out"
        place.mkdir()
        out.mkdir()
        command = [*MOUNTING, "bash", "-c", BOOT, "boot", place, self.over, out, *self._binds()]
        booted = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=BOOTS_WITHIN
        )
        said = out / SAID
        if not said.exists():
            pytest.skip(f"no systemd may be booted here: {booted.stderr.strip()[-200:]}")
        return said.read_text("utf-8")

    def _binds(self) -> list[str]:
        """This tree and its libraries, where the unit lets files be executed."""
        shown = {ROOT: HOME / "tree"}
        shown |= {path: HOME / "libraries" / str(n) for n, path in enumerate(_libraries())}
        return [f"--bind-ro={path}:{there}" for path, there in shown.items()]


def _libraries() -> list[Path]:
    """Where the libraries of this interpreter lie, as its own paths say."""
    packages = set(map(Path, site.getsitepackages()))
    return [
        path for path in map(Path, sys.path) if path.name == "site-packages" or path in packages
    ]


def a_machine(folder: Path) -> Machine:
    """A machine with the program installed, as the runbook does but for how libraries get there."""
    for name in ("systemd-nspawn", "dbus-daemon", "unshare", PYTHON):
        tool(name)
    if os.geteuid() != 0:
        pytest.skip("no systemd may be booted here: only root boots one")
    machine = Machine(folder)
    libraries = [HOME / "tree", *(HOME / "libraries" / str(n) for n in range(len(_libraries())))]
    machine.put(f"{HOME}/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = false\n")
    machine.put(
        f"{HOME}/lib/python3.11/site-packages/drill.pth", "".join(f"{p}\n" for p in libraries)
    )
    main = "import sys\nfrom bot.__main__ import main\nsys.exit(main())\n"
    machine.put(f"{HOME}/bin/bellwether", f"#!{HOME}/bin/python\n{main}", 0o755)
    machine.link(f"{HOME}/bin/python", PYTHON)
    machine.link(str(CALLED), str(HOME))
    machine.link(str(LATER), str(HOME))
    return machine
