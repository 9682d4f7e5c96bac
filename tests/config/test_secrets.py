import re
from pathlib import Path

import pytest

from config.problems import SettingsProblem
from config.secrets import CREDENTIALS, NAMES, known, of_feed, secret, strangers

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


def test_a_stale_variable_beside_a_fresh_file_is_named(tmp_path):
    path = a_file(tmp_path, "fresh")

    told = secret(NAME, {VARIABLE: "stale", f"{VARIABLE}_FILE": str(path)}, tmp_path / "docker")

    assert (told.value, told.source, told.ignored) == ("stale", VARIABLE, (str(path),))


def test_the_same_secret_in_two_places_is_no_matter(tmp_path):
    path = a_file(tmp_path, "same\n")

    told = secret(NAME, {VARIABLE: "same", f"{VARIABLE}_FILE": str(path)}, tmp_path / "docker")

    assert told.ignored == ()


def test_an_ignored_place_that_can_not_be_read_disturbs_nobody(tmp_path):
    environ = {VARIABLE: "there", f"{VARIABLE}_FILE": str(tmp_path / "nowhere")}

    assert secret(NAME, environ, tmp_path / "docker").ignored == ()


@pytest.mark.parametrize("guarded", ["docker", "unit"])
def test_a_file_a_service_keeps_has_the_modes_of_the_service(tmp_path, guarded):
    path = a_file(tmp_path / guarded, "kept", 0o444)
    environ = {f"{VARIABLE}_FILE": str(path), CREDENTIALS: str(tmp_path / "unit")}

    assert secret(NAME, environ, tmp_path / "docker").value == "kept"


def test_every_value_anywhere_is_known_used_or_not(tmp_path):
    environ = {VARIABLE: "stale", f"{VARIABLE}_FILE": str(a_file(tmp_path, "fresh"))}
    environ["BELLWETHER_SCHWAB_APP_KEY"] = "key"
    environ["BELLWETHER_SCHWAB_APP_SECRET"] = ""

    assert set(known(environ, tmp_path / "docker")) == {"stale", "fresh", "key"}


def test_the_list_for_owners_has_every_secret():
    listed = (Path(__file__).parents[2] / "config" / "secrets.example.env").read_text("utf-8")

    known = {*NAMES, of_feed("fetched")}
    assert set(re.findall(r"BELLWETHER_([A-Z_]+?)(?:_FILE)?=", listed)) - {"CONFIG"} == {
        name.upper() for name in known
    }


def test_the_secrets_of_feeds_are_known_by_their_first_word(tmp_path):
    unit = tmp_path / "unit"
    unit.mkdir()
    (unit / of_feed("other-feed")).write_text("kept")
    environ = {"BELLWETHER_SIGNAL_TOKEN_FETCHED": "said", CREDENTIALS: str(unit)}

    assert set(known(environ, tmp_path / "docker")) == {"said", "kept"}
