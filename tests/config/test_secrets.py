from pathlib import Path

import pytest

from config.problems import SettingsProblem
from config.secrets import CREDENTIALS, secret, strangers

NAME, VARIABLE = "telegram_token", "BELLWETHER_TELEGRAM_TOKEN"


def a_file(folder: Path, text: str = "file", mode: int = 0o600) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / NAME
    path.write_text(text)
    path.chmod(mode)
    return path


def refused(folder: Path, **environ: str) -> str:
    with pytest.raises(SettingsProblem) as problem:
        secret(NAME, environ, folder / "docker")
    return problem.value.problems[0].code


def test_the_variable_comes_first_then_the_file_it_names_then_systemd_then_docker(tmp_path):
    named, unit = a_file(tmp_path / "named"), tmp_path / "unit"
    a_file(unit, "systemd")
    docker = tmp_path / "docker"
    a_file(docker, "docker", 0o444)
    environ = {VARIABLE: " variable\n", f"{VARIABLE}_FILE": str(named), CREDENTIALS: str(unit)}
    found = []

    for gone in (VARIABLE, f"{VARIABLE}_FILE", CREDENTIALS, ""):
        found.append(secret(NAME, environ, docker).value)
        environ.pop(gone, None)

    assert found == ["variable", "file", "systemd", "docker"]


def test_a_secret_says_where_it_came_from_and_never_what_it_is(tmp_path):
    path = a_file(tmp_path, "hush")

    told = secret(NAME, {f"{VARIABLE}_FILE": str(path)})

    assert told.source == str(path)
    assert "hush" not in f"{told} {told!r}"


def test_what_a_variable_hides_is_named_and_never_shown(tmp_path):
    named = a_file(tmp_path / "named", "fresh")
    unit = tmp_path / "unit"
    a_file(unit, "older")
    environ = {VARIABLE: "stale", f"{VARIABLE}_FILE": str(named), CREDENTIALS: str(unit)}

    told = secret(NAME, environ, tmp_path / "docker")

    assert (told.value, told.source) == ("stale", VARIABLE)
    assert told.unread == (str(named), str(unit / NAME))
    assert not any(word in f"{told!r}" for word in ("stale", "fresh", "older"))


def test_secrets_of_other_programs_are_named_by_their_variables_alone():
    environ = {"LONGPORT_ACCESS_TOKEN": "hush", "LONGBRIDGE_APP_KEY": "hush", "HOME": "/"}

    assert strangers(["LONGPORT_", "LONGBRIDGE_"], environ) == [
        "LONGBRIDGE_APP_KEY",
        "LONGPORT_ACCESS_TOKEN",
    ]
    assert strangers([], environ) == []


def test_a_secret_that_is_nowhere_is_missing(tmp_path):
    assert refused(tmp_path) == "secret_missing"


def test_an_empty_secret_is_none(tmp_path):
    assert refused(tmp_path, **{VARIABLE: " "}) == "secret_empty"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_no_secret(tmp_path, mode):
    path = a_file(tmp_path, mode=mode)

    assert refused(tmp_path, **{f"{VARIABLE}_FILE": str(path)}) == "secret_open"


def test_a_file_that_is_not_there_or_no_text_is_refused(tmp_path):
    garbage = tmp_path / "garbage"
    garbage.write_bytes(b"\xff\xfe")
    garbage.chmod(0o600)

    for path in (tmp_path / "nowhere", garbage):
        assert refused(tmp_path, **{f"{VARIABLE}_FILE": str(path)}) == "secret_unreadable"
