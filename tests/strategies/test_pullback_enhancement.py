import pytest

from bot.domain.errors import BellwetherError
from strategies.pullback_enhancement import Limits, PullbackEnhancement
from tests.strategies.builders import a_stock, a_view

TOLD = PullbackEnhancement()
QQQ = a_stock("QQQ", eligible=False)


def ladder(count, **different):
    return [
        a_stock(f"S{place:02}", mom_12_1=1.0 - place / 100, **different) for place in range(count)
    ]


def chosen(stocks, *held, equity=None, **params):
    told = PullbackEnhancement(**params)
    return told.select(a_view(told, [*stocks, QQQ], *held, equity=equity)).chosen


@pytest.mark.parametrize(
    ("equity", "names", "single", "sector"),
    [
        (None, 8, 0.10, 0.40),
        (-5.0, 8, 0.10, 0.40),
        (0.0, 8, 0.10, 0.40),
        (500.0, 1, 0.40, 0.60),
        (10_000.0, 2, 0.40, 0.60),
        (15_000.0, 4, 0.20, 0.60),
        (22_500.0, 6, 0.8 / 6, 0.60),
        (29_999.0, 7, 0.8 / 7, 0.60),
        (30_000.0, 8, 0.10, 0.40),
    ],
)
def test_a_small_account_holds_fewer_and_larger_positions(equity, names, single, sector):
    assert TOLD.limits(0.8, equity) == Limits(names, single, sector)


def test_without_a_smallest_position_no_account_is_small():
    assert PullbackEnhancement(min_position_value_usd=0.0).limits(0.8, 500.0).names == 8


def test_without_exposure_there_is_nothing_to_limit():
    assert TOLD.limits(0.0, 500.0) == TOLD.limits(0.8, None)


def test_a_sector_has_as_many_names_as_its_cap_pays_for():
    assert chosen(ladder(9)) == ("S00", "S01", "S02", "S03")


def test_only_the_sectors_wanted_are_looked_at():
    stocks = [a_stock("A"), a_stock("B", sector="Communication Services")]

    assert chosen(stocks) == ("A",)
    assert set(chosen(stocks, sector_whitelist=())) == {"A", "B"}


@pytest.mark.parametrize("turnover", [4.9e7, None])
def test_a_stock_that_trades_too_little_is_no_candidate(turnover):
    assert chosen([a_stock("A"), a_stock("B", adv20_usd=turnover)]) == ("A",)


def test_an_unknown_factor_is_neither_good_nor_bad():
    assert chosen([*ladder(2), a_stock("T", mom_12_1=None)]) == ("S00", "T", "S01")


@pytest.mark.parametrize(("eligible", "names"), [(None, ()), ("no", ()), ("yes", ("A",))])
def test_only_what_is_said_to_be_eligible_is(eligible, names):
    assert chosen([a_stock("A", eligible=eligible)]) == names


def test_the_word_of_this_family_comes_before_the_common_one():
    stocks = [a_stock("A", base_eligible=False), a_stock("B", base_eligible=True, eligible=False)]

    assert chosen(stocks) == ("B",)


def test_within_their_sector_the_best_of_a_weak_one_may_win():
    weak = [a_stock("A", mom_12_1=0.5), a_stock("B", mom_12_1=0.1), a_stock("C", mom_12_1=0.1)]
    strong = [a_stock(f"T{place}", mom_12_1=2.0, sector="Communication") for place in range(2)]

    assert chosen([*weak, *strong])[0] == "T0"
    assert chosen([*weak, *strong], normalization="sector")[0] == "A"


def test_out_of_stocks_nobody_asks_for_the_market():
    falling = [a_stock("A", sma200_gap=-0.1)]

    decision = TOLD.decide(a_view(TOLD, falling))

    assert decision.reason == "hard_defense"
    assert decision.targets == {"BOXX": 1.0}


def test_momentum_without_a_market_to_measure_it_against_is_refused():
    with pytest.raises(BellwetherError, match="benchmark_row_needed"):
        TOLD.decide(a_view(TOLD, ladder(3)))


def test_momentum_is_measured_against_the_same_fund_whatever_the_benchmark():
    told = PullbackEnhancement(benchmark_symbol="xlk")
    stocks = [*ladder(3), QQQ, a_stock("XLK", eligible=False, sma200_gap=-0.1)]

    found = told.select(a_view(told, stocks))

    assert not found.outlook.trend
    assert found.ranked.loc["S00", "excess_mom_12_1"] == pytest.approx(0.9)


def test_the_reserve_of_the_profile_is_that_of_its_targets():
    told = PullbackEnhancement(execution_cash_reserve_ratio=0.02)

    assert told.decide(a_view(told, [*ladder(3), QQQ])).reserve == 0.02


def test_a_window_of_no_sessions_is_never_open():
    told = PullbackEnhancement(runtime_execution_window_trading_days=0)

    assert a_view(told, [*ladder(3), QQQ]).features.table.empty
