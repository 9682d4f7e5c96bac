"""Debian's Chromium without a window and without a network, driven over its own wire."""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

TOOLS = ("chromium", "chromedriver")
STARTED = re.compile(r"started successfully on port (\d+)")
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--host-resolver-rules=MAP * ~NOTFOUND"),
)
PATIENCE = 60  # seconds for a browser to start on a host that does much else


@dataclass(frozen=True)
class Window:
    """A page as a browser of some width shows it."""

    client: httpx.Client

    def asked(self, script: str) -> object:
        """What a script returns that runs beside the page."""
        answer = self.client.post("/execute/sync", json={"script": script, "args": []})
        return answer.raise_for_status().json()["value"]

    def complaints(self) -> list[object]:
        """What the browser has to say of the page: refused loads, broken styles."""
        answer = self.client.post("/se/log", json={"type": "browser"})
        return answer.raise_for_status().json()["value"]


@contextmanager
def window(page: Path, width: int, profile: Path) -> Iterator[Window]:
    """The page in a window so wide, in a browser with an empty profile of its own."""
    _, driven = (_found(tool) for tool in TOOLS)
    driver = subprocess.Popen(
        [driven, "--port=0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    try:
        with httpx.Client(base_url=_address(driver), timeout=PATIENCE) as client:
            told = client.post("/session", json={"capabilities": _wanted(width, profile)})
            session = told.raise_for_status().json()["value"]["sessionId"]
            client.base_url = client.base_url.join(f"/session/{session}")
            client.post("/url", json={"url": page.as_uri()}).raise_for_status()
            yield Window(client)
    finally:
        # The browser is of the driver's group and would outlive it.
        os.killpg(driver.pid, signal.SIGKILL)
        driver.wait()
        driver.stdout.close()


def _found(tool: str) -> str:
    path = shutil.which(tool)
    if path is None:
        pytest.skip(f"needs the tool {tool}")
    return path


def _address(driver: subprocess.Popen[str]) -> str:
    assert driver.stdout is not None
    for line in driver.stdout:
        if found := STARTED.search(line):
            return f"http://127.0.0.1:{found[1]}"
    raise AssertionError("chromedriver ended before it listened")


def _wanted(width: int, profile: Path) -> dict[str, object]:
    metrics = {"width": width, "height": 900, "pixelRatio": 1.0, "touch": False}
    options = {
        "args": [*QUIET, f"--user-data-dir={profile}"],
        "mobileEmulation": {"deviceMetrics": metrics},
    }
    return {"alwaysMatch": {"goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}}
