import pytest

from config.problems import SettingsProblem
from config.supervision import SELDOM_SECONDS, Supervision, supervision

SOCKET = "/run/systemd/notify"
OURS = 4711


def told(**environ: str) -> Supervision | None:
    return supervision({"NOTIFY_SOCKET": SOCKET, **environ}, OURS)


def test_nobody_listens_where_nothing_says_so():
    assert supervision({}) is None
    assert supervision({"NOTIFY_SOCKET": ""}) is None


def test_who_waits_two_seconds_hears_every_second():
    assert told(WATCHDOG_USEC="2000000") == Supervision(SOCKET, 1.0)


def test_who_does_not_count_hears_now_and_then():
    assert told() == Supervision(SOCKET, SELDOM_SECONDS)


def test_who_waits_for_hours_sees_the_next_wake_all_the_same():
    assert told(WATCHDOG_USEC="7200000000") == Supervision(SOCKET, SELDOM_SECONDS)


def test_a_time_meant_for_another_process_is_not_ours():
    assert told(WATCHDOG_USEC="2000000", WATCHDOG_PID=str(OURS)) == Supervision(SOCKET, 1.0)
    assert told(WATCHDOG_USEC="2000000", WATCHDOG_PID="1") == Supervision(SOCKET, SELDOM_SECONDS)


@pytest.mark.parametrize("nonsense", ["soon", "", "-1", "0", "1.5", "²"])
def test_a_time_that_is_none_is_refused_by_name(nonsense):
    with pytest.raises(SettingsProblem, match="WATCHDOG_USEC: watchdog_unreadable"):
        told(WATCHDOG_USEC=nonsense)
