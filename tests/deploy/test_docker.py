"""Every line of the Dockerfile is executed without Docker, and what comes of it serves.

The base is a Debian made here, with Debian's Python in the place of python:3.11-slim's; the
engine is systemd-nspawn. Not covered: the base image itself, layers, other architectures.
"""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from adapters.synthetic import BUNDLED
from tests.deploy.dockerfile import Stage, commands, stages
from tests.tools import MOUNTING, tool

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ENGINE = Path(__file__).with_name("engine.sh")
BUILT_WITHIN = 900.0  # seconds
SETTINGS = f"""mode = "paper"
state_dir = "/var/lib/bellwether"
[markets.prices]
kind = "tables"
path = "/var/lib/bellwether/{BUNDLED.name}"
[brokers.practice]
kind = "paper"
market = "prices"
cash = 25_000
[books.rotation]
profile = "global_etf_rotation"
broker = "practice"
"""


def pip_of_the_host() -> list[str]:
    """How this machine's pip finds packages, for that of the image to find them alike."""
    told = subprocess.check_output([tool("python3"), "-m", "pip", "config", "list"], text=True)
    values = dict(line.split("=", 1) for line in told.splitlines())
    named = {name.rpartition(".")[2]: value.strip("'") for name, value in values.items()}
    places = re.findall(r"(?:^|[ /])(/[^ ]+)", " ".join(named.values()))
    shown = {Path(place) for place in places} | {Path(place).parent for place in places}
    binds = [f"--bind-ro={place}" for place in sorted(shown) if len(place.parts) > 2]
    variables = {f"PIP_{name.upper().replace('-', '_')}": value for name, value in named.items()}
    return [*binds, *(f"--setenv={name}={value}" for name, value in variables.items())]


def context(folder: Path) -> Path:
    """What a build of this tree may see: what the list of what it may not leaves over."""
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    kept = [line.removeprefix("!") for line in lines if line.startswith("!")]
    assert lines[1] == "*"
    for name in kept:
        subprocess.run(["/usr/bin/cp", "-a", ROOT / name, folder], check=True)
    for cache in folder.rglob("__pycache__"):
        subprocess.run(["/usr/bin/rm", "-r", cache], check=True)
    return folder


def an_array(name: str, values: list[str]) -> str:
    return f"{name}=({shlex.join(values)})"


def told(made: list[Stage]) -> str:
    """The steps of all stages, and what a container of the last one is told, for engine.sh."""
    lines = [an_array("pip", pip_of_the_host())]
    for stage in made:
        lines += [f"begin {stage.name}", *commands(stage)]
    last = made[-1]
    [volume] = last.volumes
    values = {
        "user": last.user.partition(":")[0],
        "folder": last.folder,
        "stop": last.stop,
        "volume": volume,
        "settings": SETTINGS,
        "prices": BUNDLED.name,
    }
    lines += [f"{name}={shlex.quote(value)}" for name, value in values.items()]
    lines.append(an_array("environment", [f"{k}={v}" for k, v in last.environment.items()]))
    lines.append(an_array("command", [*last.entrypoint, *last.command]))
    lines.append(an_array("health", last.health))
    return "\n".join([*lines, ""])


@pytest.mark.slow
def test_every_line_of_the_dockerfile_runs_and_what_comes_of_it_serves_as_nobody(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("only root makes a root of its own")
    for name in ("debootstrap", "systemd-nspawn", "nsenter"):
        tool(name)
    place, seen = tmp_path / "place", tmp_path / "context"
    place.mkdir()
    seen.mkdir()
    made = stages(DEPLOY / "Dockerfile")
    steps = tmp_path / "steps"
    steps.write_text(told(made))

    built = subprocess.run(
        [*MOUNTING, tool("bash"), ENGINE, place, context(seen), steps],
        capture_output=True,
        text=True,
        check=False,
        timeout=BUILT_WITHIN,
    )

    said = built.stdout
    assert re.findall(r"^did (\w+)$", said, re.MULTILINE) == [s.name for m in made for s in m.steps]
    assert "[PAPER] rotation practice" in said
    assert re.search(r"^Uid:\t10001\t10001\t10001\t10001$", said, re.MULTILINE)
    assert re.search(r"^CapBnd:\t0{16}$", said, re.MULTILINE)
    assert "NoNewPrivs:\t1\ntini\n" in said
    assert built.stderr.count("Read-only file system") == 3
    assert "the volume may be written\nno compiler\n" in said
    assert "switch: active" in said
    # On prices of the past it is not well, and says so.
    assert re.search(r"^  ✓ scheduler .*", said, re.MULTILINE)
    assert "health=1\n" in said
    assert said.endswith("exit=0\n")
