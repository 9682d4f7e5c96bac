"""A Dockerfile read, and its steps as commands that do the same without Docker."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

CONTINUED = re.compile(r"\\\n")
A_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
A_FLAG = re.compile(r"--([\w-]+)=(\S+)\s+")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction: its name, its flags, the rest of its line."""

    name: str
    flags: dict[str, str]
    rest: str

    @property
    def words(self) -> list[str]:
        """The rest as a list, in either of the two ways to write one."""
        return json.loads(self.rest) if self.rest.startswith("[") else shlex.split(self.rest)


@dataclass(slots=True)
class Stage:
    """An image in the making: what it begins from, its steps, what a container of it is told."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": PATH})
    folder: str = "/"
    user: str = "0"
    entrypoint: list[str] = field(default_factory=list)
    command: list[str] = field(default_factory=list)
    health: list[str] = field(default_factory=list)
    stop: str = ""
    volumes: list[str] = field(default_factory=list)


def steps(path: Path) -> Iterator[Step]:
    """The instructions of a file in order."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.startswith("#")]
    for line in CONTINUED.sub(" ", "\n".join(lines)).splitlines():
        if not line.strip():
            continue
        name, _, rest = line.strip().partition(" ")
        flags = {}
        while flag := A_FLAG.match(rest):
            flags[flag[1]] = flag[2]
            rest = rest[flag.end() :]
        yield Step(name, flags, rest.strip())


def stages(path: Path) -> list[Stage]:
    """The images a file makes, the last of which is the one it is there for."""
    made: list[Stage] = []
    arguments: dict[str, str] = {}
    for step in steps(path):
        match step.name:
            case "ARG" if not made:
                arguments |= dict([step.rest.split("=", 1)])
            case "FROM":
                base, *named = filled(step.rest, arguments).split(" AS ")
                made.append(Stage(base, named[0] if named else "image"))
            case _:
                _told(made[-1], step)
                made[-1].steps.append(step)
    return made


def filled(text: str, values: dict[str, str]) -> str:
    """A text with its variables filled in."""
    return A_VARIABLE.sub(lambda found: values[found[1] or found[2]], text)


def _told(stage: Stage, step: Step) -> None:
    """Keep what a step says of containers; what it does to files is for `commands`."""
    match step.name:
        case "ENTRYPOINT":
            stage.entrypoint = step.words
        case "CMD":
            stage.command = step.words
        case "HEALTHCHECK":
            stage.health = json.loads(step.rest.removeprefix("CMD"))
        case "STOPSIGNAL":
            stage.stop = step.rest
        case "VOLUME":
            stage.volumes += step.words
        case "LABEL" | "RUN" | "COPY" | "ENV" | "USER" | "WORKDIR":
            pass
        case _:
            raise NotImplementedError(step.name)


def commands(stage: Stage) -> Iterator[str]:
    """The steps of a stage as commands of a shell that has `run` and `copy` for them."""
    for step in stage.steps:
        match step.name:
            case "ENV":
                told = dict(word.split("=", 1) for word in step.words)
                stage.environment |= {k: filled(v, stage.environment) for k, v in told.items()}
            case "WORKDIR":
                stage.folder = step.rest
                yield f'mkdir -p "$root{stage.folder}"'
            case "USER":
                stage.user = step.rest
            case "RUN":
                yield shlex.join(["run", stage.folder, stage.user, *_set(stage), step.rest])
            case "COPY":
                *sources, target = step.words
                from_ = step.flags.get("from", "")
                yield shlex.join(["copy", from_, str(Path(stage.folder) / target), *sources])
        yield shlex.join(["echo", f"did {step.name}"])


def _set(stage: Stage) -> Sequence[str]:
    return [f"--setenv={name}={value}" for name, value in stage.environment.items()]
