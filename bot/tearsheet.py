"""A trial as a page: how it fared, what it held and traded, what to know before believing it."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from math import isnan
from pathlib import Path

import pandas as pd

from bot.backtest import FillAt
from bot.charts import (
    BESIDE,
    COLORS,
    DASHES,
    HALF,
    OWN,
    REST,
    WHOLE,
    Bars,
    Curve,
    Falls,
    Layers,
    Lines,
)
from bot.domain.errors import BellwetherError
from bot.domain.fills import FillRules
from bot.domain.model import NOTHING, Note
from bot.domain.performance import drawdowns, monthly_returns, rolling_returns, yearly_returns
from bot.fits import FIT_HEADINGS, fit_lines, fit_rows, fit_title
from bot.lines import notes
from bot.page import (
    Html,
    element,
    framed,
    items,
    page,
    picture,
    save,
    section,
    table,
    text,
    tile,
    twice,
)
from bot.poster import poster
from bot.profiles import about, phrase_of
from bot.scores import SCORES, scores
from bot.sizing import size_up
from bot.track_record import Traded
from bot.trial import Trial
from bot.words import Words
from strategies import profile

# A page of more rows than that is a file; `--out` writes all of them.
MOST_TRADES = 2500
# What lies side by side differs in brightness, too.
LAYERS = (*(COLORS[at] for at in (0, 4, 2, 5, 3, 1)),)
# Symbols with a colour of their own; how many moments a chart of weights has room for.
SHOWN_SYMBOLS, SHOWN_WEIGHTS = len(LAYERS), 280
FEWEST_POINTS = 2  # of a line
# From which return of a month on its colour is one shade deeper.
SHADES = (0.005, 0.02, 0.05, 0.10)

SYMBOL_HEADINGS = ("fit_symbol", "page_order_count", "page_bought", "page_sold", "page_cost")
TRADE_HEADINGS = (
    "page_session",
    "page_action",
    "fit_symbol",
    "fit_shares",
    "fit_price",
    "page_worth",
    "page_cost",
)


def show(trial: Trial, html: Path | None, png: Path | None, words: Words) -> list[Path]:
    """Write the page and the picture where either is wanted; files of that name are replaced."""
    if html is not None:
        save(tearsheet(trial, words).encode(), html)
    if png is not None:
        save(poster(trial, words), png)
    return [path for path in (html, png) if path is not None]


def tearsheet(trial: Trial, words: Words) -> str:
    """The whole page, which loads nothing from anywhere."""
    sections = (
        _heading(trial, words),
        _warnings(trial, words),
        _tiles(trial, words),
        _growth(trial, words),
        element("div", _falls(trial, words), _years(trial, words), kind="pair"),
        _months(trial, words),
        _scorecard(trial, words),
        _weights(trial, words),
        element("div", _turnover(trial, words), _costs(trial, words), kind="pair"),
        element("div", _drift(trial, words), _small_account(trial, words), kind="pair"),
        _trades(trial, words),
        text("footer", words.phrase("page_no_advice")),
    )
    return page(trial.scorecard.profile, words.language.value, sections)


def cautions(trial: Trial) -> list[Note]:
    """What whoever believes the figures has to know: the scorecard's notes and what is unsaid."""
    return [*trial.scorecard.notes, *unsaid(trial)]


def unsaid(trial: Trial) -> Iterator[Note]:
    """What the way a trial was played leaves out."""
    if _costless(trial.stage.costs):
        yield Note("costs_absent")
    if trial.scorecard.fill is FillAt.CLOSE:
        yield Note("filled_at_decision")
    yield Note("adjusted_shares")
    yield Note("survivors")


def _costless(costs: FillRules) -> bool:
    fees = (costs.slippage, costs.commission_per_order, costs.commission_per_share)
    return not any((*fees, costs.minimum_commission))


def _heading(trial: Trial, words: Words) -> Html:
    card = trial.scorecard
    span = {"first": card.first, "last": card.performance.last, "sessions": card.sessions}
    told = {
        "span": words.phrase("standings_span", {**span, "cash": card.performance.start}),
        "fill": words.phrase(phrase_of("fill", card.fill)),
        "source": words.phrase("score_source", {"path": card.source.name}),
    }
    what = about(profile(card.profile), words)
    played = words.phrase("page_span", told)
    return element("header", text("h1", card.profile), text("p", what), text("p", played))


def _warnings(trial: Trial, words: Words) -> Html:
    said = items(notes(cautions(trial), words))
    title = text("h2", words.phrase("page_warnings"))
    return element("aside", title, said, kind="warnings")


def _tiles(trial: Trial, words: Words) -> Html:
    card = trial.scorecard
    ours = dict(zip(SCORES, scores(card.performance, words), strict=True))
    theirs = dict(zip(SCORES, scores(card.held, words), strict=True))
    shown = ("score_annual", "score_drawdown", "score_volatility", "score_sharpe")
    tiles = [
        tile(words.phrase(name), ours[name], f"{card.benchmark} {theirs[name]}") for name in shown
    ]
    ends = words.written(card.performance.final.quantize(Decimal(1)), "shares")
    held = words.written(card.held.final.quantize(Decimal(1)), "shares")
    final = tile(words.phrase("score_final"), ends, f"{card.benchmark} {held}")
    orders = words.phrase("page_orders", {"orders": card.orders})
    yearly = tile(words.phrase("score_turnover"), ours["score_turnover"], orders)
    return element("div", final, *tiles, yearly, kind="tiles")


def _beside(trial: Trial, ours: pd.Series, theirs: pd.Series, words: Words) -> list[Curve]:
    held = words.phrase("score_held", {"symbol": trial.scorecard.benchmark})
    return [Curve(trial.scorecard.profile, ours, OWN), Curve(held, theirs, BESIDE)]


def _growth(trial: Trial, words: Words) -> Html:
    curves = _beside(trial, trial.equity, trial.benchmark, words)
    title = words.phrase("page_growth")
    chart = picture(Lines(curves, logarithmic=True), title, WHOLE, curves)
    return section(title, chart, about=words.phrase("page_growth_about"))


def _falls(trial: Trial, words: Words) -> Html:
    curves = _beside(trial, drawdowns(trial.equity), drawdowns(trial.benchmark), words)
    title = words.phrase("page_falls")
    about_it = words.phrase("page_falls_about")
    return section(title, picture(Falls(curves), title, HALF), about=about_it)


def _years(trial: Trial, words: Words) -> Html:
    title = words.phrase("page_years")
    ours, theirs = rolling_returns(trial.equity), rolling_returns(trial.benchmark)
    if len(ours) < FEWEST_POINTS:
        return section(title, text("p", words.phrase("page_years_short")))
    curves = _beside(trial, ours, theirs, words)
    chart = picture(Lines(curves, "percent"), title, HALF)
    return section(title, chart, about=words.phrase("page_years_about"))


def _months(trial: Trial, words: Words) -> Html:
    months, years = monthly_returns(trial.equity), yearly_returns(trial.equity)
    names, whole = words.phrase("months").split(), words.phrase("page_year")
    rows = []
    for year in sorted(years.index, reverse=True):
        cells = [_month(value) for value in (*months.loc[year], years[year])]
        rows.append(element("tr", text("td", str(year)), *cells))
    named = [twice("th", name, str(at)) for at, name in enumerate(names, start=1)]
    heading = element("tr", text("th", ""), *named, text("th", whole))
    shown = framed(heading, rows, "months")
    return section(words.phrase("page_months"), shown, about=words.phrase("page_months_about"))


def _month(value: float) -> Html:
    """A return in percent, to a tenth on a desk and whole on a phone; deeper where it is more."""
    if isnan(value):
        return text("td", "")
    shade = sum(abs(value) >= least for least in SHADES)
    kind = f"{'up' if value > 0 else 'down'}{shade}" if shade else ""
    return twice("td", tenths(value), tenths(value, 0), kind)


def tenths(value: float, digits: int = 1) -> str:
    """A fraction in percent, as a table of many has it."""
    # Adding nothing makes a zero of what was rounded to minus zero.
    return f"{round(value * 100, digits) + 0:.{digits}f}".replace("-", "−")


def _scorecard(trial: Trial, words: Words) -> Html:
    card = trial.scorecard
    held = words.phrase("score_held", {"symbol": card.benchmark})
    lines = zip(SCORES, scores(card.performance, words), scores(card.held, words), strict=True)
    rows = [(words.phrase(name), ours, theirs) for name, ours, theirs in lines]
    return section(words.phrase("page_scores"), table(["", card.profile, held], rows, "scores"))


def _weights(trial: Trial, words: Words) -> Html:
    weights = trial.record.weights
    every = -(-len(weights) // SHOWN_WEIGHTS)
    shown = weights.iloc[::-1].iloc[::every].iloc[::-1]
    order = weights.abs().mean().sort_values(ascending=False)
    order = order[order > 0]
    named, others = order.index[:SHOWN_SYMBOLS], order.index[SHOWN_SYMBOLS:]
    parts = [Curve(str(s), shown[s], color) for s, color in zip(named, LAYERS, strict=False)]
    if len(others):
        label = words.phrase("page_others", {"count": len(others)})
        parts.append(Curve(label, shown[others].sum(axis=1), REST))
    title = words.phrase("page_weights")
    said = words.phrase("page_weights_about", {"every": every if every > 1 else None})
    if not parts or len(shown) < FEWEST_POINTS:
        return section(title, text("p", words.phrase("page_never_held")))
    return section(title, picture(Layers(parts), title, WHOLE, parts), about=said)


def _turnover(trial: Trial, words: Words) -> Html:
    title = words.phrase("page_turnover")
    turnover = trial.record.turnover
    months = turnover.resample("MS").sum()
    chart = picture(Bars(Curve(title, months)), title, HALF)
    return section(title, chart, about=words.phrase("page_turnover_about"))


def _costs(trial: Trial, words: Words) -> Html:
    card, title = trial.scorecard, words.phrase("page_costs")
    values = {"orders": card.orders, "commission": card.commission, "slippage": card.slippage}
    said = words.phrase("score_spent", values)
    if _costless(trial.stage.costs):
        return section(title, text("p", words.say("costs_absent")), about=said)
    commission = _summed(trial, lambda trade: trade.commission)
    slippage = _summed(trial, lambda trade: trade.cost)
    curves = [
        Curve(words.phrase("page_commission"), commission, COLORS[0]),
        Curve(words.phrase("page_slippage"), slippage, COLORS[1], DASHES[1]),
    ]
    return section(title, picture(Lines(curves), title, HALF, curves), about=said)


def _summed(trial: Trial, spent: Callable[[Traded], Decimal]) -> pd.Series:
    """What trading has cost so far, by session."""
    by_day: defaultdict[date, float] = defaultdict(float)
    for trade in trial.record.trades:
        by_day[trade.session] += float(spent(trade))
    days = trial.record.equity.index
    return pd.Series([by_day[day.date()] for day in days], days, dtype=float).cumsum()


def _drift(trial: Trial, words: Words) -> Html:
    title, record = words.phrase("page_drift"), trial.record
    unfinished = pd.DatetimeIndex([*record.owed])
    # What a session left undone is no matter of whole shares: there is a gap in the line.
    drift = record.drift.mask(record.drift.index.isin(unfinished))
    if drift.count() < FEWEST_POINTS:
        return section(title, text("p", words.phrase("page_drift_none")))
    values = {
        "median": drift.median(),
        "most": drift.max(),
        "day": drift.idxmax(),
        "count": len(record.owed) or None,
    }
    said = words.phrase("page_drift_about", values)
    drawn = Lines([Curve(title, drift)], "percent", thin=len(drift) > HALF.width)
    chart = picture(drawn, title, HALF)
    return section(title, chart, about=said)


def _small_account(trial: Trial, words: Words) -> Html:
    title = words.phrase("page_small")
    try:
        sizing = size_up(trial.stage, trial.scorecard.performance.start)
    except BellwetherError as error:
        return section(title, text("p", words.say(error.code, error.values)))
    rows = [*fit_rows(sizing, words)]
    shown = table([words.phrase(name) for name in FIT_HEADINGS], rows)
    return section(title, shown, items(fit_lines(sizing, words)), about=fit_title(sizing, words))


def _trades(trial: Trial, words: Words) -> Html:
    trades = trial.record.trades
    title = words.phrase("page_trades")
    if not trades:
        return section(title, text("p", words.phrase("page_trades_none")))
    by_symbol = table([words.phrase(name) for name in SYMBOL_HEADINGS], _by_symbol(trades, words))
    shown = trades[: -MOST_TRADES - 1 : -1]
    told = {"count": len(shown), "of": len(trades) if len(trades) > len(shown) else None}
    every = element(
        "details",
        text("summary", words.phrase("page_all_trades", told)),
        table(
            [words.phrase(name) for name in TRADE_HEADINGS],
            (_trade_row(trade, words) for trade in shown),
            "left",
            desk=2,
        ),
    )
    return section(title, by_symbol, every, about=words.phrase("page_trades_about"))


def _by_symbol(trades: Sequence[Traded], words: Words) -> Iterator[tuple[str, ...]]:
    for symbol in sorted({trade.symbol for trade in trades}):
        own = [trade for trade in trades if trade.symbol == symbol]
        sides = [[t for t in own if t.action.takes_shares is bought] for bought in (True, False)]
        worth = [sum((t.shares * t.price for t in side), NOTHING) for side in sides]
        spent = sum((t.commission + t.cost for t in own), NOTHING)
        sums = (words.written(each.quantize(Decimal(1)), "shares") for each in worth)
        yield (symbol, str(len(own)), *sums, words.written(spent, "money"))


def _trade_row(trade: Traded, words: Words) -> tuple[str, ...]:
    return (
        trade.session.isoformat(),
        words.phrase(trade.action.value),
        trade.symbol,
        words.written(trade.shares, "shares"),
        words.written(trade.price, "price"),
        words.written(trade.shares * trade.price, "money"),
        words.written(trade.commission + trade.cost, "money"),
    )
