"""What compose.yaml promises: its schema by docker-compose, its facts held against the program."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bot.ladder import PATIENCE
from tests.tools import tool

DEPLOY = Path(__file__).parents[2] / "deploy"
SYSTEM_PYTHON = "/usr/bin/python3"  # docker-compose brings the library that reads its files
AS_JSON = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"


@pytest.fixture
def services(tmp_path) -> dict[str, Any]:
    """The services as docker-compose understands them."""
    compose = tool("docker-compose")
    # The name of the whole is younger than the docker-compose of Debian, and a line of its own.
    text = re.sub(
        r"^name: .*$", "", (DEPLOY / "compose.yaml").read_text("utf-8"), flags=re.MULTILINE
    )
    (tmp_path / "compose.yaml").write_text(text)
    told = subprocess.check_output(
        [compose, "--file", tmp_path / "compose.yaml", "config"],
        env={**os.environ, "TWS_USERID": "somebody"},
    )
    return json.loads(subprocess.check_output([SYSTEM_PYTHON, "-c", AS_JSON], input=told))


def test_no_port_is_published_to_anybody(services):
    assert [name for name, each in services["services"].items() if "ports" in each] == []


def test_daemon_and_gateway_meet_in_a_network_that_leads_nowhere(services):
    daemon, gateway = (set(services["services"][n]["networks"]) for n in ("daemon", "gateway"))

    assert daemon & gateway == {"api"}
    assert services["networks"]["api"] == {"internal": True}


def test_the_daemon_may_do_nothing_but_its_work(services):
    daemon = services["services"]["daemon"]

    assert daemon["read_only"] is True
    assert daemon["cap_drop"] == ["ALL"]
    assert daemon["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in daemon


def test_a_stop_is_given_longer_than_an_order_rests(services):
    grace = services["services"]["daemon"]["stop_grace_period"]
    minutes, seconds = re.fullmatch(r"(?:(\d+)m)?(\d+)s", grace).groups(default="0")

    assert int(minutes) * 60 + int(seconds) > PATIENCE.total_seconds()


def test_logs_do_not_fill_the_disk(services):
    for each in services["services"].values():
        assert each["logging"]["options"] == {"max-size": "10m", "max-file": "5"}


def test_no_secret_is_a_variable(services):
    for each in services["services"].values():
        told = each.get("environment", {})
        assert {n for n in told if re.search("PASSWORD|TOKEN|SECRET|KEY", n)} <= {
            "TWS_PASSWORD_FILE"
        }
        assert "TWS_PASSWORD_FILE" not in told or told["TWS_PASSWORD_FILE"].startswith(
            "/run/secrets/"
        )


def test_until_somebody_says_otherwise_the_gateway_is_on_paper_and_refuses_orders(services):
    told = services["services"]["gateway"]["environment"]

    assert (told["TRADING_MODE"], told["READ_ONLY_API"]) == ("paper", "yes")
