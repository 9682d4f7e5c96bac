"""Profiles side by side as a page."""

from collections.abc import Callable

import pandas as pd

from bot.charts import BESIDE, DASHES, HALF, WHOLE, Curve, Lines, told_apart
from bot.comparison import Comparison, headed
from bot.domain.model import Note
from bot.domain.performance import drawdowns, rolling_returns, yearly_returns
from bot.lines import notes
from bot.page import Html, element, items, page, picture, section, table, text
from bot.scores import TOLD, told
from bot.tearsheet import FEWEST_POINTS, tenths, unsaid
from bot.words import Words


def comparison_page(comparison: Comparison, words: Words) -> str:
    """The whole page, which loads nothing from anywhere."""
    standings = comparison.standings
    names = ", ".join(card.profile for card in standings.scorecards)
    title = words.phrase("standings_title")
    heading = (text("h1", title), *(text("p", s) for s in headed(standings, words).splitlines()))
    every = dict.fromkeys(note.code for trial in comparison.trials for note in unsaid(trial))
    known = [*standings.notes, *map(Note, every)]
    warned = (text("h2", words.phrase("page_warnings")), items(notes(known, words)))
    sections = (
        element("header", *heading),
        element("aside", *warned, kind="warnings"),
        _scores(comparison, words),
        _growth(comparison, words),
        element("div", _falls(comparison, words), _rolling(comparison, words), kind="pair"),
        _years(comparison, words),
        text("footer", words.phrase("page_no_advice")),
    )
    return page(f"{title}: {names}", words.language.value, sections)


def _curves(
    comparison: Comparison, words: Words, way: Callable[[pd.Series], pd.Series]
) -> list[Curve]:
    """A curve for each profile in colour, a grey one for each benchmark."""
    ours = [(name, way(equity)) for name, equity in comparison.profiles().items()]
    theirs = [
        Curve(words.phrase("score_held", {"symbol": s}), way(e), BESIDE, DASHES[n % len(DASHES)])
        for n, (s, e) in enumerate(comparison.benchmarks().items())
    ]
    return [*told_apart(ours), *theirs]


def _scores(comparison: Comparison, words: Words) -> Html:
    cards = comparison.standings.scorecards
    rows = [(card.profile, *told(card.performance, words)) for card in cards]
    for symbol, held in {card.benchmark: card.held for card in cards}.items():
        rows.append((words.phrase("score_held", {"symbol": symbol}), *told(held, words)))
    headings = ["", *(words.phrase(name) for name in TOLD)]
    return section(words.phrase("page_scores"), table(headings, rows, "numbers", desk=2))


def _growth(comparison: Comparison, words: Words) -> Html:
    curves = _curves(comparison, words, lambda equity: equity)
    title = words.phrase("page_growth")
    chart = picture(Lines(curves, logarithmic=True), title, WHOLE, curves)
    return section(title, chart, about=words.phrase("page_growth_about"))


def _falls(comparison: Comparison, words: Words) -> Html:
    title = words.phrase("page_falls")
    chart = _drawn(comparison, words, drawdowns, title)
    return section(title, chart, about=words.phrase("page_falls_about"))


def _rolling(comparison: Comparison, words: Words) -> Html:
    title = words.phrase("page_years")
    if len(rolling_returns(comparison.trials[0].equity)) < FEWEST_POINTS:
        return section(title, text("p", words.phrase("page_years_short")))
    chart = _drawn(comparison, words, rolling_returns, title)
    return section(title, chart, about=words.phrase("page_years_about"))


def _drawn(
    comparison: Comparison, words: Words, way: Callable[[pd.Series], pd.Series], title: str
) -> Html:
    curves = _curves(comparison, words, way)
    return picture(Lines(curves, "percent", thin=True), title, HALF, curves)


def _years(comparison: Comparison, words: Words) -> Html:
    """A line for each calendar year, the newest first."""
    held = {
        words.phrase("score_held", {"symbol": s}): e for s, e in comparison.benchmarks().items()
    }
    series = {**comparison.profiles(), **held}
    years = pd.DataFrame({name: yearly_returns(equity) for name, equity in series.items()})
    rows = [
        (str(year), *(tenths(value) for value in years.loc[year]))
        for year in sorted(years.index, reverse=True)
    ]
    shown = table(["", *series], rows, "numbers", desk=len(held))
    return section(words.phrase("page_yearly"), shown, about=words.phrase("page_yearly_about"))
