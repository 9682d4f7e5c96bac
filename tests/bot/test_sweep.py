import pickle
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from bot.domain.errors import BellwetherError, DataError
from bot.domain.model import Note
from bot.sweep import Point, Row, cluster, play, points, processes, swept
from bot.trial import Wish
from config.settings import Settings
from tests.bot.trials import BUNDLED, TQQQ, tried

WEIGHT, LEVERED = "dual_drive_qqq_weight", "dual_drive_tqqq_weight"
WINDOW = "dual_drive_pullback_rebound_window"
WISH = Wish(TQQQ, prices=BUNDLED, first=date(2026, 6, 1), last=date(2026, 8, 31))
# Both funds in one symbol can not be told apart: wrong only as a whole, and only when it is made.
IMPOSSIBLE = {"dual_drive_unlevered_symbol": "TQQQ"}
GRID = [{WEIGHT: 0.1}, {WEIGHT: 0.3}, IMPOSSIBLE, {WEIGHT: 0.45}]


def asked(grid=GRID, wish=WISH) -> list[Point]:
    return points(wish, grid, Settings())


def one_by_one(given) -> Iterator[Row]:
    return map(play, given)


def test_a_point_is_played_as_a_trial_with_its_parameters():
    row = play(asked()[1])

    card = tried(replace(WISH, params={WEIGHT: 0.3})).scorecard
    assert (row.at, row.params, row.failed) == (1, {WEIGHT: 0.3}, None)
    assert (row.performance, row.orders) == (card.performance, card.orders)


def test_the_sample_of_a_row_is_its_sharpe_ratio_per_session():
    row = play(asked()[0])

    assert row.sample.sharpe * 252**0.5 == pytest.approx(row.performance.sharpe)
    assert row.sample.returns == row.performance.sessions - 1


def test_a_point_that_can_not_be_played_is_a_row_that_says_why():
    row = play(asked()[2])

    assert row.performance is None
    assert row.failed.code == "bad_parameter"
    assert row.failed.values["name"] == "dual_drive_unlevered_symbol"


def test_a_row_travels_between_processes_as_it_is():
    rows = [*one_by_one(asked())]

    assert pickle.loads(pickle.dumps(rows)) == rows  # noqa: S301 - it is our own


def test_all_points_begin_on_the_same_session_the_last_that_can_decides():
    given = asked([{WINDOW: 20}, {WINDOW: 400}], replace(WISH, first=None, last=None))

    assert len({point.wish.first for point in given}) == 1
    # 401 closes of history lie before it, where 252 would have been enough for the other.
    assert given[0].wish.first > date(2025, 6, 5)


def test_a_point_that_never_can_begin_decides_nothing():
    given = asked([{WINDOW: 20}, {WINDOW: 2000}], replace(WISH, first=None, last=None))

    assert given[0].wish.first == date(2025, 6, 5)
    assert play(given[1]).failed.code == "too_few_sessions"


def test_what_every_point_would_fail_of_is_an_error_before_any_is_played():
    with pytest.raises(DataError):
        asked(wish=replace(WISH, prices=BUNDLED.with_name("absent.csv")))


def test_paths_mean_the_same_wherever_a_point_is_played():
    with chdir(BUNDLED.parent):
        (point,) = asked([{}], replace(WISH, prices=Path(BUNDLED.name)))

    assert point.wish.prices == BUNDLED
    assert point.settings.state_dir.is_absolute()


def test_rows_are_put_in_the_order_of_the_grid():
    given = asked()

    came = swept(given, reversed([*one_by_one(given)]), TQQQ)

    assert [row.at for row in came.rows] == [0, 1, 2, 3]
    assert (came.profile, came.first, came.missing) == (TQQQ, WISH.first, 0)


def test_the_best_row_has_the_highest_sharpe_ratio_and_is_deflated_by_the_number_of_trials():
    given = asked()

    came = swept(given, one_by_one(given), TQQQ)

    ratios = {row.at: row.sample.sharpe for row in came.rows if row.sample}
    assert came.best.at == max(ratios, key=ratios.get)
    # What failed was no trial.
    assert came.deflated.trials == 3
    assert came.deflated.hurdle > 0
    assert 0 < came.deflated.probability < 1


def test_of_equals_the_first_is_the_best():
    (row,) = one_by_one(asked([{WEIGHT: 0.3}]))

    came = swept(asked(), [replace(row, at=3), replace(row, at=1)], TQQQ)

    assert came.best.at == 1


def test_where_nothing_worked_nothing_is_best():
    given = asked([IMPOSSIBLE])

    came = swept(given, one_by_one(given), TQQQ)

    assert (came.best, came.deflated) == (None, None)


def test_what_was_not_played_is_counted():
    given = asked()

    assert swept(given, [play(given[3])], TQQQ).missing == 3


@pytest.fixture(scope="module")
def alone() -> list[Row]:
    """What the grid comes to without any other process."""
    return [*one_by_one(asked())]


@pytest.mark.slow
@pytest.mark.parametrize("workers", [None, 1, 2, 9])
def test_processes_make_the_same_rows(alone, workers):
    rows = processes(workers)(asked())

    assert sorted(rows, key=lambda row: row.at) == alone


@pytest.fixture(scope="module")
def two_workers() -> Iterator[str]:
    """The address of a Dask cluster of this machine: a scheduler and two worker processes."""
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as there,
    ):
        yield there.scheduler_address


@pytest.mark.slow
def test_a_cluster_makes_the_same_rows(alone, two_workers):
    rows = cluster(two_workers)(asked())

    assert sorted(rows, key=lambda row: row.at) == alone


@pytest.mark.slow
def test_a_cluster_plays_again_what_it_has_played_before(alone, two_workers):
    run = cluster(two_workers)

    assert [sorted(run(asked()), key=lambda row: row.at) for _ in range(2)] == [alone, alone]


def a_broken_point() -> Point:
    """What no process can play: settings that are none."""
    return replace(asked()[0], settings=None)


@pytest.mark.slow
def test_what_nobody_foresaw_is_a_row_too():
    given = [a_broken_point(), asked()[1]]

    broken, whole = sorted(processes(2)(given), key=lambda row: row.at)

    assert broken.failed == Note("point_failed", "", broken.failed.values)
    assert "AttributeError" in broken.failed.values["error"]
    assert whole.failed is None


def test_an_address_where_nobody_listens_is_named():
    with pytest.raises(BellwetherError, match="cluster_unreached"):
        next(iter(cluster("tcp://127.0.0.1:9", patience=0.2)(asked())))


def test_an_address_that_is_none_is_named():
    with pytest.raises(BellwetherError, match="cluster_unreached"):
        next(iter(cluster("nowhere at all")(asked())))
