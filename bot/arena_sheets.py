"""What a person is shown of profiles side by side, of a sweep, and of whole shares."""

from collections.abc import Iterator, Sequence
from math import sqrt

from rich.console import Group
from rich.table import Table
from rich.text import Text

from bot.comparison import Standings, headed
from bot.domain.performance import SESSIONS_PER_YEAR
from bot.fits import FIT_HEADINGS, fit_lines, fit_rows, fit_title
from bot.grid import written
from bot.lines import notes
from bot.scores import TOLD, told
from bot.sizing import Sizing
from bot.sweep import Row, Sweep
from bot.terminal import Sheet
from bot.words import Words

# Of a row of a sweep all but the final equity, which its annual return says.
SHOWN = TOLD[:-1]
BEST, OTHER = "→", " "
HEADING = 12  # columns a name of a parameter may be wide


def standings_sheet(standings: Standings, words: Words) -> Sheet:
    """A line for each profile, then one for each benchmark held."""
    cards = standings.scorecards
    table = _table(("", *(words.phrase(name) for name in TOLD)))
    for card in cards:
        table.add_row(card.profile, *told(card.performance, words))
    for symbol, held in {card.benchmark: card.held for card in cards}.items():
        table.add_row(words.phrase("score_held", {"symbol": symbol}), *told(held, words))
    lines = [*notes(standings.notes, words), words.phrase("score_past")]
    return Group(Text(headed(standings, words) + "\n"), table, Text("\n" + "\n".join(lines)))


def sweep_sheet(sweep: Sweep, words: Words) -> Sheet:
    """A line for each point of the grid, and what the best of so many is worth."""
    names = [*sweep.rows[0].params] if sweep.rows else []
    table = _table(("", *map(_folded, names), *(words.phrase(name) for name in SHOWN)))
    for row in sweep.rows:
        table.add_row(BEST if row is sweep.best else OTHER, *_cells(row, words))
    values = {"profile": sweep.profile, "first": sweep.first, "count": len(sweep.rows)}
    lines = [*_luck(sweep, words)]
    if sweep.missing:
        lines.append(words.phrase("sweep_stopped", {"count": sweep.missing}))
    heading = words.phrase("sweep_title", values)
    return Group(Text(heading + "\n"), table, Text("\n" + "\n".join(lines)))


def _cells(row: Row, words: Words) -> Iterator[str]:
    yield from written(row.params).values()
    if row.performance is not None:
        yield from [*told(row.performance, words)][: len(SHOWN)]
    elif row.failed is not None:
        yield words.say(row.failed.code, row.failed.values)


def _luck(sweep: Sweep, words: Words) -> Iterator[str]:
    """The warning: what a best row is worth that was chosen for being the best."""
    if sweep.best is None or sweep.deflated is None or sweep.best.sample is None:
        yield words.phrase("sweep_no_best")
        return
    luck, yearly = sweep.deflated, sqrt(SESSIONS_PER_YEAR)
    values = {
        "sign": BEST,
        "point": [f"{name}={value}" for name, value in written(sweep.best.params).items()],
        "sharpe": f"{sweep.best.sample.sharpe * yearly:.2f}",
        "hurdle": f"{luck.hurdle * yearly:.2f}",
        "trials": luck.trials,
        "probability": luck.probability,
    }
    yield words.phrase("sweep_best", values)
    yield words.phrase("sweep_deflated", values)
    yield words.phrase("sweep_overfitting", values)


def sizing_sheet(sizing: Sizing, words: Words) -> Sheet:
    """What whole shares make of the weights of an account."""
    table = _table([words.phrase(name) for name in FIT_HEADINGS])
    for row in fit_rows(sizing, words):
        table.add_row(*row)
    lines = [*fit_lines(sizing, words), words.phrase("no_advice")]
    title = Text(fit_title(sizing, words) + "\n")
    return Group(title, table, Text("\n" + "\n".join(lines)))


def _folded(name: str) -> str:
    """A name of several words on as many lines as it needs."""
    lines = [""]
    for word in name.split("_"):
        longer = f"{lines[-1]}_{word}" if lines[-1] else word
        lines[-1:] = [longer] if len(longer) <= HEADING or not lines[-1] else [lines[-1], word]
    return "_\n".join(lines)


def _table(headings: Sequence[str]) -> Table:
    """Numbers to the right, what they are of to the left."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 1))
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", no_wrap=not place)
    return table
