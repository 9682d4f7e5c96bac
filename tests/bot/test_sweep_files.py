import csv
from dataclasses import replace

import pytest

from bot.domain.model import Note
from bot.sweep import Row, play
from bot.sweep_files import keeping, put_in_order
from bot.words import Language, Words
from tests.bot.test_sweep import WEIGHT, asked

EN = Words(Language.EN)


@pytest.fixture(scope="module")
def row() -> Row:
    return play(asked([{WEIGHT: 0.3}])[0])


def lines(path):
    return [*csv.DictReader(path.read_text("utf-8").splitlines())]


def test_a_row_is_on_disk_as_soon_as_it_is_kept(row, tmp_path):
    path = tmp_path / "deep" / "sweep.csv"

    with keeping(path, [WEIGHT], EN) as keep:
        keep(row)
        known = lines(path)

    assert known == lines(path)
    assert known[0][WEIGHT] == "0.3"
    assert float(known[0]["sharpe"]) == row.performance.sharpe
    assert (known[0]["orders"], known[0]["error"]) == (str(row.orders), "")


def test_a_row_that_failed_has_its_error_and_no_figures(tmp_path):
    path = tmp_path / "sweep.csv"
    failed = Row(0, {WEIGHT: 0.3}, failed=Note("point_failed", "", {"error": "a, b"}))

    with keeping(path, [WEIGHT], EN) as keep:
        keep(failed)

    (known,) = lines(path)
    assert known["error"] == "could not be played: a, b"
    assert known["sharpe"] == known["final"] == ""


def test_a_file_of_that_name_is_begun_anew(tmp_path):
    path = tmp_path / "sweep.csv"
    path.write_text("old\n")

    with keeping(path, [WEIGHT], EN):
        assert "old" not in path.read_text()


def test_in_the_end_the_order_is_that_of_the_grid(row, tmp_path):
    path = tmp_path / "sweep.csv"
    rows = [row, replace(row, at=1, params={WEIGHT: 0.4})]
    with keeping(path, [WEIGHT], EN) as keep:
        for each in reversed(rows):
            keep(each)

    put_in_order(path, [WEIGHT], rows, EN)

    assert [known[WEIGHT] for known in lines(path)] == ["0.3", "0.4"]
    assert [*tmp_path.iterdir()] == [path]
