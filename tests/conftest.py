"""What holds for every test: deterministic examples, and no skip for want of a tool in CI."""

import os

import pytest
from hypothesis import settings

WANTS_A_TOOL = "needs the tool"

settings.register_profile("same-every-time", derandomize=True, deadline=None)
settings.load_profile("same-every-time")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):  # noqa: ARG001 - the names are pytest's
    report = yield
    if report.skipped and os.environ.get("REQUIRE_ALL") and WANTS_A_TOOL in str(report.longrepr):
        report.outcome = "failed"
    return report
