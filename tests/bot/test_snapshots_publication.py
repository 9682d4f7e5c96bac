import errno
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.domain.errors import Blocked
from bot.snapshots_publication import SKIPPED, publish, skip, write_whole

NAMES = ("a.csv", "a.csv.manifest.json", "ranking.csv", "summary.json")
OLD, NEW = ({name: f"{age} {name}".encode() for name in NAMES} for age in ("old", "new"))
STEPS = len(NAMES) + 1 + len(NAMES) + 1


class Death(BaseException):
    """The process ends here: nothing of it runs any more."""


def dying(at):
    left = [at]

    def step():
        left[0] -= 1
        if not left[0]:
            raise Death

    return step


def seen(out: Path):
    """What a reader finds under each name, nothing where there is none."""
    return {name: (out / name).read_bytes() for name in NAMES if (out / name).exists()}


def test_files_are_there_under_their_names(tmp_path):
    paths = publish(tmp_path / "deep" / "out", "one", NEW)

    assert paths == [tmp_path / "deep" / "out" / name for name in NAMES]
    assert seen(tmp_path / "deep" / "out") == NEW


def test_a_publication_has_so_many_steps_another_process_could_see(tmp_path):
    steps = []

    publish(tmp_path, "one", NEW, lambda: steps.append(1))

    assert len(steps) == STEPS


@pytest.mark.parametrize("at", range(1, STEPS + 1))
def test_whoever_reads_at_any_moment_sees_one_release_whole(tmp_path, at):
    publish(tmp_path, "one", OLD)
    moments = []

    publish(tmp_path, "two", NEW, lambda: moments.append(seen(tmp_path)))

    assert moments[at - 1] == (NEW if at == STEPS else OLD)


@pytest.mark.parametrize("at", range(1, STEPS + 1))
def test_a_process_that_dies_leaves_one_release_whole_and_the_next_succeeds(tmp_path, at):
    publish(tmp_path, "one", OLD)

    with pytest.raises(Death):
        publish(tmp_path, "two", NEW, dying(at))

    assert seen(tmp_path) == (NEW if at == STEPS else OLD)
    publish(tmp_path, "three", NEW)
    assert seen(tmp_path) == NEW
    assert not [*tmp_path.rglob("*.part")]


@pytest.mark.parametrize("at", range(1, STEPS))
def test_a_first_publication_that_dies_shows_nothing(tmp_path, at):
    with pytest.raises(Death):
        publish(tmp_path, "one", NEW, dying(at))

    assert seen(tmp_path) == {}


@pytest.mark.parametrize("at", range(1, STEPS))
def test_files_of_other_hands_are_withdrawn_snapshot_first(tmp_path, at):
    for name, content in OLD.items():
        (tmp_path / name).write_bytes(content)

    with pytest.raises(Death):
        publish(tmp_path, "one", NEW, dying(at))

    left = seen(tmp_path)
    assert left.items() <= OLD.items()
    assert ("a.csv" in left) <= ("a.csv.manifest.json" in left)


KILLED = """
import os, signal, sys
from pathlib import Path
from bot.snapshots_publication import publish
left = [int(sys.argv[2])]
def step():
    left[0] -= 1
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
publish(Path(sys.argv[1]), "two", {name: f"new {name}".encode() for name in sys.argv[3:]}, step)
"""


@pytest.mark.parametrize("at", [1, len(NAMES) + 1, STEPS - 1, STEPS])
def test_a_killed_process_leaves_one_release_whole_and_no_lock(tmp_path, at):
    publish(tmp_path, "one", OLD)

    ended = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(at), *NAMES], check=False
    )

    assert ended.returncode == -signal.SIGKILL
    assert seen(tmp_path) == (NEW if at == STEPS else OLD)
    publish(tmp_path, "three", NEW)
    assert seen(tmp_path) == NEW


def test_releases_are_kept_and_what_a_reader_has_open_stays_what_it_was(tmp_path):
    publish(tmp_path, "one", OLD)

    with (tmp_path / "a.csv").open("rb") as reader:
        publish(tmp_path, "two", NEW)

        assert reader.read() == OLD["a.csv"]
    kept = sorted(path.name for path in (tmp_path / "releases").iterdir())
    assert kept == ["one", "two"]


def test_a_release_is_made_once(tmp_path):
    publish(tmp_path, "one", OLD)

    with pytest.raises(OSError, match="one") as refused:
        publish(tmp_path, "one", NEW)

    assert refused.value.errno in {errno.ENOTEMPTY, errno.EEXIST}
    assert seen(tmp_path) == OLD


def test_two_do_not_publish_at_once(tmp_path):
    def meanwhile():
        with pytest.raises(Blocked, match="publication_locked"):
            publish(tmp_path, "two", OLD)

    publish(tmp_path, "one", NEW, meanwhile)

    assert seen(tmp_path) == NEW


def test_why_nothing_was_published_is_said_until_something_is(tmp_path):
    publish(tmp_path, "one", OLD)

    path = skip(tmp_path, ["a=1", "b=2"])

    assert path == tmp_path / SKIPPED
    assert path.read_text("utf-8") == "a=1\nb=2\n"
    assert seen(tmp_path) == OLD
    publish(tmp_path, "two", NEW)
    assert not path.exists()


def test_a_file_is_seen_whole_or_as_it_was(tmp_path):
    path = tmp_path / "u.csv"
    path.write_bytes(b"older")

    with path.open("rb") as reader:
        write_whole(path, b"newer")

        assert reader.read() == b"older"
    assert path.read_bytes() == b"newer"
    assert [*tmp_path.iterdir()] == [path]
