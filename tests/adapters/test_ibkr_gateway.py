"""When a gateway restarts."""

from datetime import UTC, datetime, time

import pytest

from adapters.ibkr import Gateway, Window

MIDNIGHT = Window(time(23, 40), time(1, 45))
NOON = Window(time(12), time(13))


@pytest.mark.parametrize(
    ("window", "moment", "inside"),
    [
        (MIDNIGHT, datetime(2026, 3, 31, 3, 39, tzinfo=UTC), False),
        (MIDNIGHT, datetime(2026, 3, 31, 3, 40, tzinfo=UTC), True),
        (MIDNIGHT, datetime(2026, 3, 31, 5, 44, tzinfo=UTC), True),
        (MIDNIGHT, datetime(2026, 3, 31, 5, 45, tzinfo=UTC), False),
        (MIDNIGHT, datetime(2026, 1, 30, 4, 40, tzinfo=UTC), True),
        (NOON, datetime(2026, 3, 31, 16, 30, tzinfo=UTC), True),
        (NOON, datetime(2026, 3, 31, 17, tzinfo=UTC), False),
    ],
)
def test_a_window_is_that_of_new_york_in_summer_and_winter(window, moment, inside):
    assert window.covers(moment) is inside


def test_unless_told_otherwise_it_is_quiet_at_night_and_nothing_is_delayed():
    gateway = Gateway()

    assert gateway.restart == MIDNIGHT
    assert not gateway.allow_delayed
