"""Charts of numbers over time, drawn as SVG that stands inside a page."""

import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO
from itertools import cycle, islice
from math import ceil, log10
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, assert_never

import numpy as np
import pandas as pd

# The library takes half a second to import: who draws nothing does not wait for it.
if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Scale: TypeAlias = Literal["money", "percent"]
Dashes: TypeAlias = str | tuple[int, tuple[float, ...]]

INK, SOFT, GRID = "#1b1f24", "#57606a", "#d8dee4"
OWN, BESIDE, REST = "#0072b2", "#767676", "#b8bfc6"
# Told apart by those who see colours differently, after M. Okabe and K. Ito, "Color Universal
# Design", 2008; without its yellow, which is too light for a line on white.
COLORS: Final = (OWN, "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#332288")
DASHES: Final[tuple[Dashes, ...]] = ("-", (0, (5, 2)), (0, (1, 1.5)))

# Fonts with Chinese letters, where one of them is installed.
CHINESE_LETTERS: Final = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "WenQuanYi Micro Hei"),
    *("WenQuanYi Zen Hei", "PingFang SC", "Microsoft YaHei", "SimHei"),
)

PIXELS_PER_INCH = 72  # of what SVG calls points
MONTH_WIDTH = 22  # days of the bar of a month
FEWEST_TICKS = 2
ROUND: Final = [1, 2, 2.5, 5, 10]  # what ticks are multiples of
# Below so many decades their ones, twos and fives are too few ticks, beyond so many too many.
FEW_DECADES, MANY_DECADES = 1.0, 3.0


@dataclass(frozen=True, slots=True)
class Room:
    """How much a chart may take, in CSS pixels where it is shown as it is drawn."""

    width: int
    height: int
    letters: float
    ticks: int


WHOLE, HALF, PHONE = Room(1120, 340, 15, 9), Room(544, 260, 13, 6), Room(350, 240, 12.5, 4)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """A named series by session and how it is drawn."""

    label: str
    series: pd.Series
    color: str = OWN
    dashes: Dashes = "-"


@dataclass(frozen=True, slots=True)
class Lines:
    """Curves in money or as fractions; what comes first is what it is about.

    What swings from session to session is better read `thin`.
    """

    curves: Sequence[Curve]
    scale: Scale = "money"
    logarithmic: bool = False
    thin: bool = False


@dataclass(frozen=True, slots=True)
class Falls:
    """Drawdowns: the first filled, the others as lines."""

    curves: Sequence[Curve]


@dataclass(frozen=True, slots=True)
class Bars:
    """A bar for each month, stamped with a day of it."""

    months: Curve
    scale: Scale = "percent"


@dataclass(frozen=True, slots=True)
class Layers:
    """Weights on top of each other, negative ones below the line; what is left stays blank."""

    parts: Sequence[Curve]


Chart: TypeAlias = Lines | Falls | Bars | Layers


def told_apart(series: Sequence[tuple[str, pd.Series]]) -> list[Curve]:
    """Named series, no two drawn alike."""
    looks = islice(((c, d) for d in cycle(DASHES) for c in COLORS), len(series))
    return [Curve(*named, *look) for named, look in zip(series, looks, strict=True)]


def svg(chart: Chart, room: Room) -> str:
    """A chart as an SVG element that refers to nothing outside and sets no style but its own."""
    with canvas(room.width, room.height, PIXELS_PER_INCH) as figure:
        draw(chart, figure.subplots(), room)
        text = StringIO()
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        figure.savefig(text, format="svg", metadata=nothing)
    return _inlined(text.getvalue())


@contextmanager
def canvas(width: int, height: int, pixels_per_inch: int) -> Iterator["Figure"]:
    """An empty figure of so many pixels, with our manners: small files, text that stays text."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    families = ["DejaVu Sans", *_installed(CHINESE_LETTERS)]
    manners: dict[Any, object] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "bellwether",
        "path.simplify_threshold": 0.5,
        "font.family": families,
    }
    size = (width / pixels_per_inch, height / pixels_per_inch)
    with mpl.rc_context(manners):
        yield Figure(figsize=size, dpi=pixels_per_inch, layout="constrained", facecolor="none")


def speakable(language: str) -> bool:
    """Whether this host has the letters of a language, for a picture that takes its own along."""
    return language != "zh" or bool(_installed(CHINESE_LETTERS))


def _installed(families: Collection[str]) -> list[str]:
    from matplotlib.font_manager import fontManager

    known = {font.name for font in fontManager.ttflist}
    return [family for family in families if family in known]


def draw(chart: Chart, axes: "Axes", room: Room) -> None:
    """Draw a chart into axes."""
    match chart:
        case Lines(drawn, scale, logarithmic, thin):
            _dress(axes, _days(drawn), room, scale)
            _draw_curves(axes, drawn, room, thin=thin)
            if logarithmic:
                _grow(axes, drawn, room, scale)
        case Falls(drawn):
            _dress(axes, _days(drawn), room, "percent")
            first = drawn[0]
            axes.fill_between(_days([first]), first.series, color=first.color, alpha=0.3, lw=0)
            _draw_curves(axes, drawn, room, thin=True)
            axes.set_ylim(top=0)
        case Bars(months, scale):
            _dress(axes, _days([months]), room, scale)
            axes.bar(_days([months]), months.series, width=MONTH_WIDTH, color=months.color)
            axes.set_ylim(bottom=0)
        case Layers(parts):
            _dress(axes, _days(parts), room, "percent")
            _pile(axes, parts)
        case _:
            assert_never(chart)


def _days(drawn: Sequence[Curve]) -> pd.DatetimeIndex:
    days = max((curve.series.index for curve in drawn), key=len)
    assert isinstance(days, pd.DatetimeIndex), "a curve is drawn over sessions"
    return days


def _dress(axes: "Axes", days: pd.DatetimeIndex, room: Room, scale: Scale) -> None:
    """Thin lines for what serves the reading, none for what does not."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    ticks, way = _ticks(days, room.ticks)
    axes.set_xticks(ticks.to_numpy(), [f"{day:{way}}" for day in ticks])
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=ROUND))
    axes.yaxis.set_major_formatter(FuncFormatter(money if scale == "money" else percent))
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0)
    axes.spines[:].set_visible(False)
    axes.spines["bottom"].set(visible=True, color=SOFT, linewidth=0.8)
    axes.tick_params(colors=SOFT, labelsize=room.letters, length=0, pad=6)
    axes.tick_params(axis="x", pad=9)
    axes.set_facecolor("none")


def _ticks(days: pd.DatetimeIndex, most: int) -> tuple[pd.DatetimeIndex, str]:
    """The days an axis names, years where there are some, and how they are written."""
    for starts, way in (("YS", "%Y"), ("MS", "%Y-%m")):
        named = pd.date_range(days[0], days[-1], freq=starts, normalize=True)
        if len(named) > FEWEST_TICKS:
            return named[:: ceil(len(named) / most)], way
    return days[:: ceil(len(days) / most)], "%m-%d"


def _draw_curves(axes: "Axes", drawn: Sequence[Curve], room: Room, *, thin: bool = False) -> None:
    heavy = room.letters / (14 if thin else 7)
    for place, curve in reversed([*enumerate(drawn)]):
        width = heavy if place == 0 else heavy * 0.75
        values, days = curve.series.to_numpy(dtype=float), _days([curve])
        axes.plot(days, values, color=curve.color, ls=curve.dashes, lw=width)


def _grow(axes: "Axes", drawn: Sequence[Curve], room: Room, scale: Scale) -> None:
    """Equal growth is equal height."""
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    axes.set_yscale("log")
    low = min(float(curve.series.min()) for curve in drawn)
    high = max(float(curve.series.max()) for curve in drawn)
    decades = log10(high / low)
    if decades < FEW_DECADES:
        axes.yaxis.set_major_locator(MaxNLocator(5, steps=ROUND))
    else:
        many = decades > MANY_DECADES or room.ticks <= PHONE.ticks
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3) if many else (1, 2, 5)))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(money if scale == "money" else percent))


def _pile(axes: "Axes", parts: Sequence[Curve]) -> None:
    days = _days(parts)
    tops = {sign: np.zeros(len(days)) for sign in (1, -1)}
    for part in parts:
        for sign, top in tops.items():
            more = np.where(np.sign(part.series) == sign, part.series, 0.0)
            if more.any():
                # A hairline of the same colour closes what would shine through between two areas.
                axes.fill_between(days, top, top + more, color=part.color, lw=0.3, step="post")
            tops[sign] = top + more
    axes.set_ylim(min(0.0, tops[-1].min()), max(1.0, tops[1].max()))


def money(value: float, _place: int | None = None) -> str:
    """A sum of money as short as an axis has it: 25k, 1.2M."""
    for unit, sign in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= unit:
            return f"{value / unit:.4g}{sign}"
    return f"{value:.4g}"


def percent(value: float, _place: int | None = None) -> str:
    """A fraction as an axis has it: 25%."""
    return f"{value * 100:.3g}%".replace("-", "−")


_PREAMBLE = re.compile(
    r"^.*?(?=<svg)|<metadata>.*?</metadata>|<style.*?</style>|<!--.*?-->", re.DOTALL
)
_ROOT = re.compile(r'<svg\b[^>]*?viewBox="([^"]*)"[^>]*>')
_NAME = re.compile(r'\s+id="([^"]*)"')
_POINTED_AT = re.compile(r'(?:url\(#|href="#)([^")]*)')
_FINE_NUMBER = re.compile(r"(\d\.\d)\d+")
_FAMILY = re.compile(r"font-family: [^;\"]*;? ?")
_SPACE = re.compile(r"\s+")


def _inlined(text: str) -> str:
    """The drawing alone: what the page says of it, and what points outside, is taken off."""
    drawing = _ROOT.sub(r'<svg viewBox="\1" aria-hidden="true">', _PREAMBLE.sub("", text))
    pointed_at = {*_POINTED_AT.findall(drawing)}
    drawing = _NAME.sub(lambda name: name[0] if name[1] in pointed_at else "", drawing)
    drawing = _FINE_NUMBER.sub(r"\1", _FAMILY.sub("", drawing))
    return _SPACE.sub(" ", drawing).replace("> <", "><")
