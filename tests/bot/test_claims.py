"""What profiles tell of the claims of their sources is what a backtest on real prices gives."""

from datetime import date

import pytest

from bot.domain.performance import monthly_returns
from bot.profiles import prospectus
from bot.signals import statistics_of
from bot.trial import Wish, attempt
from bot.words import Language, Words
from config.settings import Settings
from tests.real import real_history

FIRST, LAST = date(2010, 1, 4), date(2024, 12, 31)


@pytest.mark.parametrize("language", Language)
def test_the_small_cap_rotation_did_what_its_prospectus_says(tmp_path, language):
    told = prospectus("iwm_small_cap_rotation", Words(language)).measured.replace(" %", "%")
    wish = Wish(
        profile="iwm_small_cap_rotation",
        prices=real_history(tmp_path),
        first=FIRST,
        last=LAST,
        splice={"SGOV": "BIL"},
    )

    trial = attempt(wish, Settings(), lambda _done, _of: None)

    fared = statistics_of(trial.equity, len(trial.record.trades))
    assert monthly_returns(trial.equity).count().sum() == 180
    held = trial.scorecard.held
    figures = (fared.win_rate, fared.cagr, fared.max_drawdown, held.annual_return)
    for figure in figures:
        assert f"{figure:.1%}" in told
    assert f"{-held.max_drawdown:.1%}" in told
    assert trial.record.blocked == {}
