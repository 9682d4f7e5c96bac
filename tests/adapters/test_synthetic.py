import gzip
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from adapters.prices import suspicions
from adapters.synthetic import (
    BUNDLED,
    SEED,
    SESSIONS,
    SYMBOLS,
    as_csv,
    bundled,
    main,
    synthetic_prices,
    write,
)
from bot.sessions import nyse

POOL, CANARIES = list(SYMBOLS[:22]), ["SPY", "EFA", "EEM", "AGG"]
DECADE = pd.bdate_range("2016-01-04", periods=2520)


def momentum(closes: pd.DataFrame) -> pd.Series:
    """13612W over month ends, the last month as far as it has come."""
    months = closes.groupby([closes.index.year, closes.index.month]).last()
    returns = [months.iloc[-1] / months.iloc[-1 - back] - 1 for back in (1, 3, 6, 12)]
    return sum(w * r for w, r in zip((12, 4, 2, 1), returns, strict=True)) / 19


def bad_canaries(closes: pd.DataFrame) -> int:
    return int((momentum(closes[CANARIES]) < 0).sum())


def picks(closes: pd.DataFrame) -> set[str]:
    rising = closes[POOL].columns[closes[POOL].iloc[-1] > closes[POOL].tail(200).mean()]
    return set(momentum(closes[rising]).nlargest(2).index)


def test_the_bundled_file_is_what_the_generator_makes():
    made = as_csv(synthetic_prices(SYMBOLS, SESSIONS, SEED))

    assert gzip.decompress(BUNDLED.read_bytes()) == made


def test_writing_the_file_anew_gives_the_same_text(tmp_path):
    main([str(tmp_path / "out.csv.gz")])

    again = gzip.decompress((tmp_path / "out.csv.gz").read_bytes())

    assert again == gzip.decompress(BUNDLED.read_bytes())


def test_a_file_has_the_same_bytes_whenever_it_is_written(tmp_path):
    prices = synthetic_prices(["VOO"], DECADE[:5], 1)

    write(tmp_path / "out.gz", prices)

    content = (tmp_path / "out.gz").read_bytes()
    assert content[4:8] == bytes(4)
    assert gzip.decompress(content) == as_csv(prices)


def test_the_bundled_prices_cover_every_session_and_look_ordinary():
    calendar = nyse(date(2024, 6, 1), date(2026, 12, 31))
    table = bundled()

    assert table.closes.columns.tolist() == list(SYMBOLS)
    assert table.closes.index.tolist() == SESSIONS.tolist()
    assert len(table.closes) == 595
    assert suspicions(table, calendar.index(calendar.first, date(2026, 10, 15))) == []


def test_the_last_quarter_end_is_an_ordinary_rotation():
    closes = bundled().closes
    june, september = closes.loc[:"2026-06-30"], closes.loc[:"2026-09-30"]

    assert len(picks(june) & picks(september)) == 1
    for until in ("2026-06-30", "2026-09-30", "2026-10-07", "2026-10-15"):
        assert bad_canaries(closes.loc[:until]) < 4


def test_ten_years_have_rotations_and_emergencies():
    closes = synthetic_prices(SYMBOLS, DECADE, SEED)
    quarters = [closes.iloc[:at] for at in range(280, len(closes), 63)]

    emergencies = sum(bad_canaries(closes.iloc[:at]) == 4 for at in range(280, len(closes), 10))
    chosen = [picks(quarter) for quarter in quarters]
    assert 3 <= emergencies <= 60
    assert sum(a != b for a, b in pairwise(chosen)) > len(chosen) / 2


def test_prices_are_cents_above_one():
    closes = synthetic_prices(["TQQQ", "SOXL", "KRE"], DECADE, 3)

    assert (closes > 1).all().all()
    assert np.array_equal(closes, closes.round(2))


def test_a_price_depends_on_neither_other_symbols_nor_later_sessions():
    alone = synthetic_prices(["KRE"], DECADE[:300], 7)["KRE"]

    among = synthetic_prices(["SPY", "KRE"], DECADE, 7)["KRE"]

    pd.testing.assert_series_equal(alone, among.iloc[:300])


def test_another_seed_is_another_history():
    first, second = (synthetic_prices(["SPY"], DECADE[:50], seed) for seed in (1, 2))

    assert not np.allclose(first, second, rtol=1e-3)


@pytest.mark.parametrize(("fund", "underlying"), [("TQQQ", "QQQ"), ("SOXL", "SOXX")])
def test_a_leveraged_fund_returns_three_times_the_day(fund, underlying):
    day = synthetic_prices([fund, underlying], DECADE[:250], 5).pct_change().iloc[1:]

    assert np.allclose(day[fund], 3 * day[underlying], atol=2e-3)


def test_bills_hardly_move_and_bonds_move_little():
    day = synthetic_prices(["BIL", "BOXX", "SGOV", "AGG", "SPY"], DECADE, 5).pct_change().std()

    assert (day[["BIL", "BOXX", "SGOV"]] < 2e-4).all()
    assert day["AGG"] < day["SPY"] / 2
