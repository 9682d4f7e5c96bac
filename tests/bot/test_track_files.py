from datetime import date
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from adapters.synthetic import BUNDLED
from bot.domain.performance import Performance
from bot.track_files import write
from bot.trial import Trial, Wish, attempt
from config.settings import Settings

NAMES = ("summary", "trades", "equity", "weights", "turnover")
CENT = 0.005
COSTS = {"slippage": "0.001", "commission_per_order": "0.35"}


@pytest.fixture(scope="module")
def trial() -> Trial:
    wish = Wish("tqqq_growth_income", prices=BUNDLED, first=date(2026, 5, 1), account=COSTS)
    return attempt(wish, Settings(), lambda _done, _of: None)


@pytest.fixture(scope="module")
def folder(trial, tmp_path_factory) -> Path:
    """The files of the trial; only to be read."""
    where = tmp_path_factory.mktemp("there") / "two" / "deep"
    write(trial, where)
    return where


def table(folder: Path, name: str, **how: object) -> pd.DataFrame:
    return pd.read_csv(folder / f"{name}.csv", **how)


def series(folder: Path, name: str) -> pd.DataFrame:
    return table(folder, name, index_col="session", parse_dates=True)


def test_five_files_are_written_and_told_where(trial, tmp_path):
    paths = write(trial, tmp_path)

    assert paths == [tmp_path / f"{name}.csv" for name in NAMES]
    assert sorted(tmp_path.iterdir()) == sorted(paths)


COLUMNS = {
    "trades": "session decided symbol action shares price commission cost",
    "equity": "session equity cash benchmark",
    "weights": "session TQQQ QQQ BOXX SPYI QQQI",
    "turnover": "session traded turnover",
}


@pytest.mark.parametrize(("name", "columns"), COLUMNS.items())
def test_a_file_names_its_columns(folder, name, columns):
    header = (folder / f"{name}.csv").read_text("utf-8").partition("\n")[0]

    assert header == columns.replace(" ", ",")


def test_every_trade_is_written_to_its_last_decimal(trial, folder):
    written = table(folder, "trades", dtype=str)

    assert len(written) == len(trial.record.trades) > 0
    for row, trade in zip(written.itertuples(), trial.record.trades, strict=True):
        days = date.fromisoformat(row.session), date.fromisoformat(row.decided)
        money = tuple(map(Decimal, (row.price, row.commission, row.cost)))
        assert days == (trade.session, trade.decided)
        assert (row.symbol, row.action) == (trade.symbol, trade.action.value)
        assert int(row.shares) == trade.shares
        assert money == (trade.price, trade.commission, trade.cost)


def test_money_is_read_again_to_the_cent(trial, folder):
    written = series(folder, "equity")

    for name, told in {
        "equity": trial.record.equity,
        "cash": trial.record.cash,
        "benchmark": trial.held,
    }.items():
        assert written[name].index.equals(told.index)
        assert (written[name] - told).abs().max() < CENT


def test_a_fortune_is_read_again_to_the_cent(tmp_path):
    wish = Wish(
        "tqqq_growth_income",
        prices=BUNDLED,
        first=date(2026, 10, 1),
        account={"cash": "987_654_321.98"},
    )
    rich = attempt(wish, Settings(), lambda _done, _of: None)

    write(rich, tmp_path)

    assert (series(tmp_path, "equity")["equity"] - rich.record.equity).abs().max() < CENT


@pytest.mark.parametrize("name", ["weights", "turnover"])
def test_fractions_are_read_again(trial, folder, name):
    told = {"weights": trial.record.weights, "turnover": trial.record.turnover.to_frame()}[name]

    written = series(folder, name)[list(told.columns)]

    assert written.to_numpy() == pytest.approx(told.to_numpy(), abs=1e-9)


def test_weights_and_cash_make_the_whole(folder):
    equity, weights = series(folder, "equity"), series(folder, "weights")

    whole = weights.sum(axis=1) + equity["cash"] / equity["equity"]

    assert whole.to_numpy() == pytest.approx(1)


def test_the_summary_has_a_row_for_the_profile_and_one_for_its_benchmark(trial, folder):
    summary = table(folder, "summary").set_index("name")

    card = trial.scorecard
    assert list(summary.index) == ["tqqq_growth_income", "QQQ"]
    assert list(summary.columns[:3]) == ["first", "last", "sessions"]
    assert set(Performance.__dataclass_fields__) < set(summary.columns)
    for name, fared in ((card.profile, card.performance), (card.benchmark, card.held)):
        assert summary.loc[name, "total_return"] == pytest.approx(fared.total_return)
        assert summary.loc[name, "worst_session"] == str(fared.worst_session)
    told = summary.loc[card.profile, ["orders", "commission", "slippage"]].astype(float)
    assert told.tolist() == pytest.approx(
        [card.orders, float(card.commission), float(card.slippage)]
    )
    assert summary.loc["QQQ", ["orders", "commission", "slippage"]].isna().all()


def test_older_files_are_replaced_whole_and_nothing_else_is_touched(trial, folder, tmp_path):
    for name in NAMES:
        (tmp_path / f"{name}.csv").write_text("older\n" * 10_000)
    (tmp_path / "notes.txt").write_text("mine")

    write(trial, tmp_path)

    for name in NAMES:
        assert (tmp_path / f"{name}.csv").read_bytes() == (folder / f"{name}.csv").read_bytes()
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == len(NAMES) + 1


def test_what_another_reader_has_open_stays_what_it_was(trial, tmp_path):
    path = tmp_path / "equity.csv"
    path.write_text("older")
    with path.open() as reader:
        write(trial, tmp_path)

        assert reader.read() == "older"


def test_a_file_that_can_not_be_written_leaves_the_older_one(trial, tmp_path):
    (tmp_path / "trades.csv").write_text("older")
    (tmp_path / "trades.csv.part").mkdir()

    with pytest.raises(OSError, match="trades"):
        write(trial, tmp_path)

    assert (tmp_path / "trades.csv").read_text() == "older"


def test_a_trial_without_trades_has_a_file_of_trades_without_rows(tmp_path):
    wish = Wish("tqqq_growth_income", prices=BUNDLED, account={"cash": "1"})
    poor = attempt(wish, Settings(), lambda _done, _of: None)

    write(poor, tmp_path)

    assert poor.record.trades == ()
    assert table(tmp_path, "trades").empty
    assert table(tmp_path, "trades").columns.tolist() == COLUMNS["trades"].split()


def test_lines_end_alike_everywhere(folder):
    for name in NAMES:
        assert b"\r" not in (folder / f"{name}.csv").read_bytes()
