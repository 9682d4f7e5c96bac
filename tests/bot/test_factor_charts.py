import struct

import pandas as pd
import pytest

from bot.domain.factor_evaluation import FIFTHS, FactorEvaluation, evaluate
from bot.factor_charts import LANGUAGE, correlation_bars, draw, fifth_curves
from bot.words import Words
from tests.strategies.planted import a_panel

WORDS = Words(LANGUAGE)


@pytest.fixture(scope="module")
def evaluation() -> FactorEvaluation:
    scores, closes = a_panel(0.2, months=30, funds=10, seed=1)
    weights = (scores.rank(axis=1, ascending=False) <= 3) / 3.0
    return evaluate(scores, weights, closes)


def test_both_pictures_are_png_files_and_nothing_is_left_beside_them(evaluation, tmp_path):
    written = draw(evaluation, "a_profile", tmp_path / "new")

    assert [path.name for path in written] == ["ic.png", "fifths.png"]
    assert sorted((tmp_path / "new").iterdir()) == sorted(written)
    for path in written:
        head = path.read_bytes()[:24]
        assert head[1:4] == b"PNG"
        assert struct.unpack(">II", head[16:]) == (1320, 744)


def test_the_same_evaluation_is_the_same_picture(evaluation, tmp_path):
    one, other = (draw(evaluation, "a", tmp_path / name) for name in ("one", "other"))

    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]


def test_every_period_has_a_bar_of_its_coefficient(evaluation):
    figure = correlation_bars(evaluation, "a_profile", WORDS)

    bars = figure.axes[0].containers[0]
    assert [bar.get_height() for bar in bars] == evaluation.periods["ic"].tolist()
    assert "a_profile" in figure.axes[0].get_title("left")
    beside = figure.axes[1].lines[0].get_ydata()
    assert beside[-1] == pytest.approx(evaluation.periods["ic"].sum())


def test_the_fifths_the_strategy_and_the_pool_are_drawn_and_their_quotient_below(evaluation):
    above, below = fifth_curves(evaluation, "a_profile", WORDS).axes

    drawn = {line.get_label(): list(line.get_ydata()) for line in above.lines}
    curves = evaluation.curves
    assert drawn["strategy"] == curves["strategy"].tolist()
    assert drawn["equal-weight pool"] == curves["pool"].tolist()
    for number, name in enumerate(FIFTHS, start=1):
        assert drawn[f"fifth {number}"] == curves[name].tolist()
    assert list(below.lines[0].get_ydata()) == curves["excess"].tolist()


def test_fifths_there_are_none_of_are_not_drawn():
    scores, closes = a_panel(0.2, months=8, funds=4, seed=1)
    weights = (scores.rank(axis=1, ascending=False) <= 1).astype(float)

    above = fifth_curves(evaluate(scores, weights, closes), "a_profile", WORDS).axes[0]

    assert [line.get_label() for line in above.lines] == ["strategy", "equal-weight pool"]


def test_a_period_without_a_coefficient_has_no_bar(evaluation):
    periods = evaluation.periods.copy()
    periods.loc[periods.index[3], "ic"] = float("nan")
    holed = FactorEvaluation(
        evaluation.correlations, evaluation.following, periods, evaluation.curves
    )

    bars = correlation_bars(holed, "a_profile", WORDS).axes[0].containers[0]

    assert len(bars) == len(periods) - 1
    assert isinstance(periods.index, pd.DatetimeIndex)
