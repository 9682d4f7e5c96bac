"""Pictures of a factor: its coefficient period by period, and what its fifths became."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bot.domain.factor_evaluation import FIFTHS, FactorEvaluation
from bot.words import Language, Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# What a picture is drawn with can not be counted on to write Chinese.
LANGUAGE = Language.EN
WIDE, HIGH, DOTS = 11.0, 6.2, 120
# From the fifth of the lowest scores to that of the highest.
COLOURS = ("#b2182b", "#ef8a62", "#999999", "#67a9cf", "#2166ac")
AGREES, DISAGREES, INK, GREY = COLOURS[-1], COLOURS[0], "#222222", "#888888"
# Of the time between two periods a bar takes.
BAR = 0.8


def draw(evaluation: FactorEvaluation, profile: str, folder: Path) -> list[Path]:
    """Draw both pictures as PNG, each whole or not at all; files of these names are replaced."""
    words = Words(LANGUAGE)
    pictures = {
        "ic.png": correlation_bars(evaluation, profile, words),
        "fifths.png": fifth_curves(evaluation, profile, words),
    }
    return [_kept(figure, folder / name) for name, figure in pictures.items()]


def correlation_bars(evaluation: FactorEvaluation, profile: str, words: Words) -> "Figure":
    """A bar for each period's coefficient, their mean, and beside it what they add up to."""
    figure, axes = _figure(rows=1)
    told, figures = evaluation.periods["ic"].dropna(), evaluation.correlations
    days = told.index.to_numpy()
    between = np.diff(days).min() if len(days) > 1 else np.timedelta64(1, "D")
    colours = np.where(told.to_numpy() >= 0.0, AGREES, DISAGREES)
    [bars] = axes
    bars.bar(days, told.to_numpy(), width=between * BAR, color=colours)
    bars.axhline(0.0, color=INK, linewidth=0.8)
    mean = words.phrase("chart_ic_mean", {"mean": f"{figures.mean:.2%}"})
    bars.axhline(figures.mean, color=INK, linewidth=1.2, linestyle="--", label=mean)
    beside = bars.twinx()
    label = words.phrase("chart_ic_sum")
    beside.plot(days, told.cumsum().to_numpy(), color=GREY, linewidth=1.4, label=label)
    beside.set_ylabel(label, color=GREY)
    bars.set_ylabel(words.phrase("chart_ic"))
    bars.set_title(words.phrase("chart_ic_title", _values(evaluation, profile)), loc="left")
    lines = [*bars.get_legend_handles_labels()[0], *beside.get_legend_handles_labels()[0]]
    bars.legend(handles=lines, loc="upper left", frameon=False)
    return figure


def fifth_curves(evaluation: FactorEvaluation, profile: str, words: Words) -> "Figure":
    """The worth of each fifth, of the strategy and of the pool; below it strategy by pool."""
    figure, axes = _figure(rows=2)
    worth, excess = axes
    curves = evaluation.curves
    for name, colour in zip(FIFTHS, COLOURS, strict=True):
        if curves[name].nunique() > 1:
            number = {"number": FIFTHS.index(name) + 1}
            label = words.phrase("chart_fifth", number)
            worth.plot(curves.index, curves[name], color=colour, linewidth=1.1, label=label)
    for name, style in {"strategy": "-", "pool": "--"}.items():
        label = words.phrase(f"chart_{name}")
        worth.plot(curves.index, curves[name], INK, linestyle=style, linewidth=1.4, label=label)
    worth.set_yscale("log")
    _plain_numbers(worth)
    worth.set_ylabel(words.phrase("chart_worth"))
    worth.set_title(words.phrase("chart_fifths_title", _values(evaluation, profile)), loc="left")
    worth.legend(loc="upper left", frameon=False, ncols=4)
    excess.plot(curves.index, curves["excess"], color=INK, linewidth=1.2)
    excess.axhline(1.0, color=GREY, linewidth=0.8)
    excess.set_ylabel(words.phrase("chart_excess"))
    return figure


def _values(evaluation: FactorEvaluation, profile: str) -> Mapping[str, object]:
    told = evaluation.following
    periods = evaluation.correlations.periods
    return {"profile": profile, "first": told.first, "last": told.last, "periods": periods}


def _figure(rows: int) -> tuple["Figure", list["Axes"]]:
    """An empty picture with one row of axes, or a high and a low one that share their days."""
    # The library takes a second to import: who looks at a table only does not wait for it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDE, HIGH), dpi=DOTS, layout="constrained")
    FigureCanvasAgg(figure)
    ratios = [3, 1][:rows]
    axes = figure.subplots(rows, 1, sharex=True, squeeze=False, height_ratios=ratios)[:, 0]
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.grid(axis="y", color="#dddddd", linewidth=0.6)
        each.set_axisbelow(True)
    return figure, list(axes)


def _plain_numbers(axes: "Axes") -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter

    axes.yaxis.set_major_locator(LogLocator(base=10, subs=(1.0, 1.5, 2.0, 3.0, 5.0, 7.0)))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())


def _kept(figure: "Figure", path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.part")
    figure.savefig(beside, format="png", metadata={"Software": None})
    beside.replace(path)
    return path
