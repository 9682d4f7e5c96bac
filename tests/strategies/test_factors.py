import math
import statistics
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from strategies.factors import LONGEST, volume
from strategies.families import MEGA, RUSSELL, TECH
from strategies.panel import Panel, features
from tests.strategies.builders import sessions


def fall_within(closes):
    return min(close / max(closes[: at + 1]) for at, close in enumerate(closes)) - 1


def gap_of_each(closes, length):
    ends = range(len(closes) - length + 1, len(closes) + 1)
    return min(closes[end - 1] / max(closes[end - length : end]) for end in ends) - 1


def deviation(closes):
    returns = [later / earlier - 1 for earlier, later in pairwise(closes)]
    return statistics.pstdev(returns) * math.sqrt(252)


def mean(closes, length):
    return math.fsum(closes[-length:]) / length


def traded(closes, volumes):
    pairs = zip(closes[-20:], volumes[-20:], strict=True)
    return math.fsum(close * shares for close, shares in pairs) / 20


# Column, rows needed, the formula said plainly of closes and volumes, oldest first.
COMMON = {
    "close": (1, lambda c, _: c[-1]),
    "volume": (1, lambda _, v: v[-1]),
    "history_days": (1, lambda c, _: len(c)),
    "adv20_usd": (20, traded),
    "mom_12_1": (274, lambda c, _: c[-22] / c[-274] - 1),
    "sma200_gap": (200, lambda c, _: c[-1] / mean(c, 200) - 1),
    "vol_63": (64, lambda c, _: deviation(c[-64:])),
}
OF_RUSSELL = {
    "mom_6_1": (148, lambda c, _: c[-22] / c[-148] - 1),
    "maxdd_126": (126, lambda c, _: fall_within(c[-126:])),
}
OF_TECH = {
    "mom_6_1": (148, lambda c, _: c[-22] / c[-148] - 1),
    "sma20_gap": (20, lambda c, _: c[-1] / mean(c, 20) - 1),
    "sma50_gap": (50, lambda c, _: c[-1] / mean(c, 50) - 1),
    "ma50_over_ma200": (200, lambda c, _: mean(c, 50) / mean(c, 200) - 1),
    "maxdd_126": (251, lambda c, _: gap_of_each(c[-251:], 126)),
    "breakout_252": (252, lambda c, _: c[-1] / max(c[-252:]) - 1),
    "dist_63_high": (63, lambda c, _: c[-1] / max(c[-63:]) - 1),
    "dist_126_high": (126, lambda c, _: c[-1] / max(c[-126:]) - 1),
    "rebound_20": (21, lambda c, _: c[-1] / c[-21] - 1),
}
OF_MEGA = {
    "mom_3m": (64, lambda c, _: c[-1] / c[-64] - 1),
    "mom_6m": (127, lambda c, _: c[-1] / c[-127] - 1),
    "high_252_gap": (252, lambda c, _: c[-1] / max(c[-252:]) - 1),
    "maxdd_126": (126, lambda c, _: fall_within(c[-126:])),
}
FAMILIES = {
    "russell": (RUSSELL, {**COMMON, **OF_RUSSELL}),
    "tech": (TECH, {**COMMON, **OF_TECH}),
    "mega": (MEGA, {**COMMON, **OF_MEGA}),
}
every_factor = pytest.mark.parametrize(
    ("family", "column"),
    [
        pytest.param(name, column, id=f"{name}-{column}")
        for name, (_, formulas) in FAMILIES.items()
        for column in formulas
    ],
)


def prices(rows, seed=5):
    chance = np.random.default_rng(seed)
    closes = np.round(60.0 * np.exp(np.cumsum(chance.normal(0.0, 0.02, rows))), 4)
    return closes.tolist(), chance.integers(1e5, 1e7, rows).astype(float).tolist()


def measured(factor, closes, volumes):
    days = sessions(len(closes))
    panel = Panel.of_frames(
        pd.DataFrame({"A": closes}, days), pd.DataFrame({"A": volumes}, days, dtype=float)
    )
    return features(panel, {"it": factor}, [panel.newest])["it"].item()


def formula(family, column):
    described, formulas = FAMILIES[family]
    return (described.measures[column], *formulas[column])


@every_factor
@pytest.mark.parametrize("more", [0, 1, 77])
def test_a_factor_is_its_formula(family, column, more):
    factor, needed, plain = formula(family, column)
    closes, volumes = prices(needed + more, seed=needed + more)

    told = measured(factor, closes, volumes)

    assert told == pytest.approx(plain(closes, volumes), rel=1e-11, abs=1e-13)


@every_factor
def test_a_factor_is_unknown_with_one_row_fewer(family, column):
    factor, needed, _ = formula(family, column)
    closes, volumes = prices(max(needed - 1, 1))

    assert math.isnan(measured(factor, closes, volumes)) == (needed > 1)


def test_every_measure_of_every_family_has_its_formula():
    for family, formulas in FAMILIES.values():
        assert set(family.measures) == set(formulas)


def test_nothing_looks_back_further_than_the_longest_window():
    closes, volumes = prices(LONGEST + 1)
    other = [2 * closes[0], *closes[1:]]

    for family in (RUSSELL, TECH, MEGA):
        for factor in family.measures.values():
            assert measured(factor, closes, volumes) == measured(factor, other, volumes)


def test_nobody_is_above_the_average_of_an_unmoved_price():
    closes = [77.1] * 300

    assert measured(TECH.measures["sma200_gap"], closes, closes) == 0.0
    assert measured(TECH.measures["ma50_over_ma200"], closes, closes) == 0.0


@pytest.mark.parametrize(("family", "known"), [(RUSSELL, True), (TECH, False), (MEGA, False)])
def test_an_unknown_volume_is_left_out_or_spoils_the_turnover(family, known):
    closes, volumes = prices(20)
    volumes[7] = math.nan

    told = measured(family.measures["adv20_usd"], closes, volumes)

    rest = [c * v for c, v in zip(closes, volumes, strict=True) if not math.isnan(v)]
    assert math.isnan(told) != known
    assert not known or told == pytest.approx(math.fsum(rest) / 19)


def test_a_turnover_of_no_known_volume_is_unknown():
    closes, volumes = prices(20)[0], [math.nan] * 20

    assert math.isnan(measured(RUSSELL.measures["adv20_usd"], closes, volumes))


def test_a_volume_older_than_the_window_does_not_matter():
    closes, volumes = prices(21)
    volumes[0] = math.nan

    assert measured(TECH.measures["adv20_usd"], closes, volumes) > 0.0


def test_a_stock_without_rows_knows_nothing_but_that():
    panel = Panel.of_frames(pd.DataFrame({"A": [1.0], "B": [math.nan]}, sessions(1)))

    windows = panel.windows(panel.places(["B", "C"]), date(2030, 1, 1))

    assert np.isnan(windows.closes).all()
    assert np.isnan(volume(windows)).all()
    assert windows.rows.tolist() == [0.0, 0.0]
    assert np.isnat(windows.newest).all()
