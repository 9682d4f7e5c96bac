"""A picture of a trial: what its signals said, and the equity that came of it."""

from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

from bot.charts import BESIDE, INK, OWN, SOFT, Curve, Lines, Room, canvas, draw, speakable
from bot.domain.errors import SettingsError
from bot.domain.features import Features
from bot.domain.received import VOCABULARY
from bot.domain.strategy import Remarked
from bot.page import save
from bot.trial import Trial
from bot.words import Language, Words

# The library takes half a second to import: who draws nothing does not wait for it.
if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS: Final = ("png", "svg", "pdf")
# In pixels; a signal is a strip below the equity.
WIDTH, HEIGHT, STRIP, PIXELS_PER_INCH = 1300, 560, 130, 110
LETTERS = 10.0  # points
ROOM = Room(WIDTH, HEIGHT, LETTERS, 9)
YES, NO, NOTHING_SAID = "#cfe3f5", "#f6dfc8", "#e3e3e3"
BESIDE_THE_LINE = 0.25  # of a strip's height, left free above and below


def draw_signals(trial: Trial, path: Path, words: Words) -> Path:
    """Draw a trial's equity above the history of its signals, and write the picture.

    Behind the equity stands the colour of the first signal: blue for its first word,
    orange for its second, grey where it said nothing. The suffix says what kind of
    picture it is; its words are English where this host has no letters for others.
    Raises SettingsError `picture_unknown` for any other suffix and `no_signals` for a
    profile that follows none.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in FORMATS:
        raise SettingsError("picture_unknown", path=path, known=", ".join(FORMATS))
    said = signals_of(trial)
    if not len(said.columns):
        raise SettingsError("no_signals", profile=trial.scorecard.profile)
    words = words if speakable(words.language.value) else Words(Language.EN)
    strips = len(said.columns)
    with canvas(WIDTH, HEIGHT + strips * STRIP, PIXELS_PER_INCH) as figure:
        figure.set_facecolor("white")
        figure.suptitle(_title(trial, words), x=0.01, ha="left", fontsize=LETTERS, color=INK)
        heights = [HEIGHT, *[STRIP] * strips]
        equity, *rows = figure.subplots(strips + 1, 1, height_ratios=heights)
        _equity(equity, trial, said.iloc[:, 0], words)
        for axes, name in zip(rows, said.columns, strict=True):
            _strip(axes, str(name), said[name], words)
        image = BytesIO()
        figure.savefig(image, format=kind)
    save(image.getvalue(), path)
    return path


def signals_of(trial: Trial) -> pd.DataFrame:
    """What each two-valued signal said on every session played: 1, 0, NaN for nothing."""
    frame = Features(trial.stage.book.strategy, trial.facts).frame
    names = [name for name in VOCABULARY if name in frame]
    return frame[names].reindex(trial.record.equity.index).astype(float)


def _title(trial: Trial, words: Words) -> str:
    """What it is a picture of, and below what its strategy wants everybody to know."""
    card, strategy = trial.scorecard, trial.stage.book.strategy
    remarks = strategy.remarks if isinstance(strategy, Remarked) else ()
    values = {"profile": card.profile, "first": card.first, "last": card.performance.last}
    return "\n".join([words.phrase("chart_signals", values), *map(words.say, remarks)])


def _equity(axes: "Axes", trial: Trial, signal: pd.Series, words: Words) -> None:
    card = trial.scorecard
    held = words.phrase("score_held", {"symbol": card.benchmark})
    labels = [
        words.phrase(
            "chart_fared",
            {"name": name, "cagr": fared.annual_return, "drawdown": fared.max_drawdown},
        )
        for name, fared in ((card.profile, card.performance), (held, card.held))
    ]
    ours = Curve(labels[0], trial.record.equity, OWN)
    theirs = Curve(labels[1], trial.held, BESIDE)
    draw(Lines((ours, theirs), logarithmic=True), axes, ROOM)
    _shade(axes, signal)
    axes.set_ylabel(words.phrase("chart_equity"), color=SOFT, fontsize=LETTERS)
    # What it is about is drawn last, on top.
    axes.legend(axes.get_lines()[::-1], labels, loc="upper left", fontsize=LETTERS)


def _strip(axes: "Axes", name: str, signal: pd.Series, words: Words) -> None:
    yes, no = VOCABULARY[name]
    _shade(axes, signal)
    axes.step(signal.index, signal.to_numpy(), where="post", color=OWN, linewidth=0.8)
    axes.set_xticks([])
    axes.set_yticks([0.0, 1.0], [no, yes])
    axes.set_ylim(-BESIDE_THE_LINE, 1.0 + BESIDE_THE_LINE)
    axes.tick_params(colors=SOFT, labelsize=LETTERS, length=0)
    axes.spines[:].set_visible(False)
    changes = int((signal.dropna().diff().fillna(0.0) != 0.0).sum())
    values = {"name": name, "word": yes, "share": float(signal.mean()), "changes": changes}
    told = words.phrase("chart_signal", values)
    axes.set_title(told, loc="left", fontsize=LETTERS, color=SOFT)


def _shade(axes: "Axes", signal: pd.Series) -> None:
    """A ground in the colour of what a signal said, from each session to the next."""
    days, said = signal.index.to_numpy(), signal.to_numpy()
    whole = axes.get_xaxis_transform()
    for here, colour in ((np.isnan(said), NOTHING_SAID), (said == 0.0, NO), (said == 1.0, YES)):
        until_next = here | np.append(False, here[:-1])
        axes.fill_between(
            days, 0, 1, where=until_next, step="post", color=colour, lw=0, transform=whole, zorder=0
        )
    axes.margins(x=0)
