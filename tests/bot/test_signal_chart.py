from datetime import date
from pathlib import Path

import numpy as np
import pytest

from adapters.synthetic import BUNDLED
from bot.domain.errors import SettingsError
from bot.signal_chart import draw_signals, signals_of
from bot.trial import Trial, Wish, attempt
from bot.words import Language, Words
from config.settings import Settings, checked
from tests.bot.scratch import Scratch

NOBODY = lambda _done, _of: None  # noqa: E731 - who watches nothing
EN = Words(Language.EN)
MAGIC = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}


def tried(name: str = "qqq_iwm_rotation", settings: Settings | None = None) -> Trial:
    first = date(2026, 6, 1)
    wish = Wish(profile=name, prices=BUNDLED, first=first)
    if settings:
        wish = Wish(book="main", prices=BUNDLED, first=first)
    return attempt(wish, settings or Settings(), NOBODY)


def forecasting() -> Settings:
    paper = {"kind": "paper", "market": "m", "account_kind": "margin", "shorting": True}
    book = {
        "profile": "qqq_iwm_rotation",
        "broker": "p",
        "rules": {"shorting": True},
        "params": {"mode": "forecast"},
    }
    return checked(
        {
            "mode": "paper",
            "markets": {"m": {"kind": "tables"}},
            "brokers": {"p": paper},
            "books": {"main": book},
        }
    )


@pytest.fixture(scope="module")
def trial() -> Trial:
    return tried()


def test_the_signals_of_a_trial_are_those_of_its_sessions(trial):
    said = signals_of(trial)

    assert said.columns.tolist() == ["rotation"]
    assert said.index.equals(trial.record.equity.index)
    held = trial.record.weights["QQQ"] > 0.5
    assert (said["rotation"] == 1.0).equals(held)


def test_a_book_that_forecasts_has_two():
    assert signals_of(tried(settings=forecasting())).columns.tolist() == ["rotation", "forecast"]


@pytest.mark.parametrize("kind", MAGIC)
def test_a_picture_is_of_the_kind_its_name_says(trial, tmp_path, kind):
    path = draw_signals(trial, tmp_path / "deep" / f"signals.{kind}", EN)

    assert path.read_bytes().startswith(MAGIC[kind])
    assert list(path.parent.iterdir()) == [path]


def test_a_picture_shows_the_signals_and_the_money(trial, tmp_path):
    text = draw_signals(trial, tmp_path / "signals.svg", EN).read_text("utf-8")

    assert text.count('<g id="axes_') == 2
    for told in ("builtin: the signals", "QQQ held: ", "rotation: LONG ", "equity, USD", "SHORT"):
        assert told in text


def test_a_session_without_an_answer_is_drawn_too(trial, tmp_path):
    trial.facts.closes.iloc[-3:, 0] = np.nan

    assert draw_signals(trial, tmp_path / "gaps.png", EN).exists()


def test_another_kind_of_picture_is_refused(trial, tmp_path):
    with pytest.raises(SettingsError, match=r"picture_unknown .*png, svg, pdf"):
        draw_signals(trial, tmp_path / "signals.gif", EN)

    assert list(tmp_path.iterdir()) == []


def test_a_profile_without_signals_has_no_picture_of_them(tmp_path):
    with pytest.raises(SettingsError, match=r"no_signals .*tqqq_growth_income"):
        draw_signals(tried("tqqq_growth_income"), tmp_path / "signals.png", EN)


def test_a_picture_is_drawn_from_the_command_line(tmp_path):
    here, path = Scratch(tmp_path), Path(tmp_path, "signals.png")

    told = here.call(
        *("backtest", "qqq_iwm_rotation", "--prices", str(BUNDLED), "--first", "2026-06-01"),
        *("--signals", str(path)),
    )

    assert told.exit_code == 0
    assert "signals.png" in told.stdout
    assert path.exists()


def test_the_sheet_says_whose_signals_these_are(tmp_path):
    told = Scratch(tmp_path).call(
        *("backtest", "qqq_iwm_rotation", "--prices", str(BUNDLED), "--first", "2026-06-01")
    )

    assert "builtin: the signals are of bellwether's own models" in told.stdout
