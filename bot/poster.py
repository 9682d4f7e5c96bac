"""A trial in one picture, tall and in large type, as a phone shows it."""

from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Final

from bot.charts import (
    BESIDE,
    INK,
    OWN,
    SOFT,
    Chart,
    Curve,
    Falls,
    Lines,
    Room,
    canvas,
    draw,
    speakable,
)
from bot.domain.performance import drawdowns
from bot.profiles import phrase_of
from bot.scores import SCORES, scores
from bot.trial import Trial
from bot.words import Language, Words

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, HEIGHT, PIXELS_PER_INCH = 1080, 1920, 144
# In points, of which such an inch has 72: the smallest letter is 26 pixels high.
SMALL, LARGE, HUGE = 13.0, 22.0, 25.0
MARGINS, WIDEST_LETTER, POINTS_PER_INCH = 200, 0.72, 72
ROOM = Room(WIDTH, HEIGHT // 3, SMALL, 5)
# How high the title, the figures, the two charts and the last line are, in parts.
HEIGHTS: Final = (1.5, 2.1, 3.9, 2.6, 0.35)
FIGURES: Final = ("score_annual", "score_drawdown", "score_volatility", "score_sharpe")


def poster(trial: Trial, words: Words) -> bytes:
    """The picture as PNG, in English where this host has no letters for the language."""
    words = words if speakable(words.language.value) else Words(Language.EN)
    with canvas(WIDTH, HEIGHT, PIXELS_PER_INCH) as figure:
        figure.set_facecolor("white")
        layout = figure.get_layout_engine()
        assert layout is not None, "a canvas has a layout"
        layout.set(w_pad=0.3, h_pad=0.14)  # type: ignore[call-arg]
        title, told, growth, falls, foot = figure.subplots(len(HEIGHTS), 1, height_ratios=HEIGHTS)
        _title(title, trial, words)
        _figures(told, trial, words)
        ours = Curve(trial.scorecard.profile, trial.equity, OWN)
        theirs = Curve(trial.scorecard.benchmark, trial.benchmark, BESIDE)
        _chart(growth, Lines((ours, theirs), logarithmic=True), words.phrase("page_growth"))
        under = [Curve(c.label, drawdowns(c.series), c.color) for c in (ours, theirs)]
        _chart(falls, Falls(under), words.phrase("page_falls"))
        _line(foot, (0, 0.5), words.phrase("poster_foot"), SMALL)
        image = BytesIO()
        figure.savefig(image, format="png", metadata={"Software": None})
    return image.getvalue()


def _title(axes: "Axes", trial: Trial, words: Words) -> None:
    card = trial.scorecard
    # A long name is made to fit; no letter is wider than so much of its height.
    room = (WIDTH - MARGINS) / PIXELS_PER_INCH * POINTS_PER_INCH
    size = min(HUGE, room / (WIDEST_LETTER * len(card.profile)))
    _line(axes, (0, 0.72), card.profile, size, bold=True)
    span = {"first": card.first, "last": card.performance.last, "cash": card.performance.start}
    _line(axes, (0, 0.42), words.phrase("poster_span", span), SMALL)
    held = words.phrase("score_held", {"symbol": card.benchmark})
    _line(axes, (0, 0.21), words.phrase(phrase_of("fill", card.fill)), SMALL)
    _line(axes, (0, 0.0), words.phrase("poster_beside", {"benchmark": held}), SMALL)


def _figures(axes: "Axes", trial: Trial, words: Words) -> None:
    for at, (label, ours, theirs) in enumerate(_told(trial, words)):
        x, y = 0.52 * (at % 2), 0.93 - 0.52 * (at // 2)
        _line(axes, (x, y), label, SMALL)
        _line(axes, (x, y - 0.17), ours, LARGE, bold=True)
        _line(axes, (x, y - 0.33), theirs, SMALL)


def _told(trial: Trial, words: Words) -> Iterator[tuple[str, str, str]]:
    card = trial.scorecard
    ours = dict(zip(SCORES, scores(card.performance, words), strict=True))
    theirs = dict(zip(SCORES, scores(card.held, words), strict=True))
    for name in FIGURES:
        yield words.phrase(name), ours[name], f"{card.benchmark} {theirs[name]}"


def _chart(axes: "Axes", chart: Chart, title: str) -> None:
    draw(chart, axes, ROOM)
    axes.set_title(title, loc="left", fontsize=SMALL + 2, color=INK, fontweight="bold", pad=12)


def _line(
    axes: "Axes", at: tuple[float, float], told: str, size: float, *, bold: bool = False
) -> None:
    axes.set_axis_off()
    weight, color = ("bold", INK) if bold else ("normal", SOFT)
    axes.text(*at, told, fontsize=size, color=color, fontweight=weight)
