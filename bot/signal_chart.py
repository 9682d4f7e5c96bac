"""A picture of a trial: what its signals said, and the equity that came of it."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from bot.domain.errors import SettingsError
from bot.domain.received import VOCABULARY
from bot.domain.strategy import Features, Remarked
from bot.trial import Trial
from bot.words import Language, Words

# The library takes half a second to import: who draws nothing does not wait for it.
if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("png", "svg", "pdf")
WIDTH, HEIGHT, SIGNAL_HEIGHT, DOTS = 11.0, 4.6, 1.1, 110
OWN, BESIDE, YES, NO = "#1f4e79", "#8a8a8a", "#cfe3f5", "#f6dfc8"
NO_ANSWER = "#e3e3e3"
# Fonts with Chinese letters are on few hosts: pictures speak English.
WORDS = Words(Language.EN)


def draw_signals(trial: Trial, path: Path) -> Path:
    """Draw a trial's signal history above each other and its equity, and write the picture.

    Behind the equity the colour is the first signal's: the lighter blue its first
    word, orange its second, grey where it said nothing. The suffix says what kind of
    picture it is. Raises SettingsError `picture_unknown` for any other suffix and
    `no_signals` for a profile that follows none.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise SettingsError("picture_unknown", path=path, known=", ".join(FORMATS))
    said = signals_of(trial)
    if not len(said.columns):
        raise SettingsError("no_signals", profile=trial.scorecard.profile)
    from matplotlib.figure import Figure

    rows = len(said.columns)
    size = (WIDTH, HEIGHT + rows * SIGNAL_HEIGHT)
    figure = Figure(figsize=size, dpi=DOTS, layout="constrained")
    heights = [HEIGHT, *[SIGNAL_HEIGHT] * rows]
    panels = figure.subplots(rows + 1, 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    figure.suptitle(_title(trial), x=0.01, ha="left", fontsize=10)
    _equity(panels[0], trial, said.iloc[:, 0])
    for axes, name in zip(panels[1:], said.columns, strict=True):
        _signal(axes, str(name), said[name])
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.part")
    figure.savefig(beside, format=kind)
    beside.replace(path)
    return path


def signals_of(trial: Trial) -> pd.DataFrame:
    """What each two-valued signal said on every session played: 1, 0, NaN for nothing."""
    frame = Features(trial.stage.book.strategy, trial.facts).frame
    names = [name for name in VOCABULARY if name in frame]
    return frame[names].reindex(trial.record.equity.index).astype(float)


def _title(trial: Trial) -> str:
    """What it is a picture of, and below what its strategy wants everybody to know."""
    card, strategy = trial.scorecard, trial.stage.book.strategy
    remarks = strategy.remarks if isinstance(strategy, Remarked) else ()
    values = {"profile": card.profile, "first": card.first, "last": card.performance.last}
    return "\n".join([WORDS.phrase("chart_signals", values), *map(WORDS.say, remarks)])


def _equity(axes: "Axes", trial: Trial, signal: pd.Series) -> None:
    from matplotlib.ticker import LogLocator, NullLocator

    equity, card = trial.record.equity, trial.scorecard
    _shade(axes, signal)
    held = WORDS.phrase("score_held", {"symbol": card.benchmark})
    lines = (
        (equity, card.profile, card.performance, OWN, 1.4),
        (trial.held, held, card.held, BESIDE, 1.0),
    )
    for money, name, fared, colour, width in lines:
        label = WORDS.phrase(
            "chart_fared",
            {"name": name, "cagr": fared.annual_return, "drawdown": fared.max_drawdown},
        )
        axes.plot(money.index, money.to_numpy(), color=colour, linewidth=width, label=label)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel(WORDS.phrase("chart_equity"))
    axes.grid(visible=True, axis="y", color="#ffffff", linewidth=0.8)
    axes.legend(loc="upper left", frameon=True, framealpha=0.9)


def _signal(axes: "Axes", name: str, signal: pd.Series) -> None:
    yes, no = VOCABULARY[name]
    _shade(axes, signal)
    axes.step(signal.index, signal.to_numpy(), where="post", color=OWN, linewidth=0.8)
    share = float(signal.mean())
    axes.set_yticks([0.0, 1.0], [no, yes])
    axes.set_ylim(-0.25, 1.25)
    changes = int((signal.dropna().diff().fillna(0.0) != 0.0).sum())
    values = {"name": name, "word": yes, "share": share, "changes": changes}
    axes.set_title(WORDS.phrase("chart_signal", values), loc="left", fontsize=9)


def _shade(axes: "Axes", signal: pd.Series) -> None:
    """A ground in the colour of what a signal said, from each session to the next."""
    days, said = signal.index.to_numpy(), signal.to_numpy()
    whole = axes.get_xaxis_transform()
    for here, colour in ((np.isnan(said), NO_ANSWER), (said == 0.0, NO), (said == 1.0, YES)):
        until_next = here | np.append(False, here[:-1])
        axes.fill_between(
            days, 0, 1, where=until_next, step="post", color=colour, linewidth=0, transform=whole
        )
    axes.margins(x=0)
