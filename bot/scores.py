"""A performance as the lines people read."""

from collections.abc import Iterator

from bot.domain.performance import Performance
from bot.words import Words

# The lines of a scorecard, as the catalogue names them.
SCORES = (
    "score_final",
    "score_total",
    "score_annual",
    "score_volatility",
    "score_sharpe",
    "score_drawdown",
    "score_fell",
    "score_recovered",
    "score_worst",
    "score_turnover",
)
# What is told of each where there are many.
TOLD = (
    *("score_annual", "score_drawdown", "score_sharpe", "score_volatility", "score_turnover"),
    "score_final",
)


def told(fared: Performance, words: Words) -> Iterator[str]:
    """A performance as the columns of a table of many, in the order of TOLD."""
    known = dict(zip(SCORES, scores(fared, words), strict=True))
    return (known[name] for name in TOLD)


def scores(fared: Performance, words: Words) -> Iterator[str]:
    """A performance as the lines of a table show it, in the order of SCORES."""
    yield words.written(fared.final, "money")
    yield words.written(fared.total_return, "percent")
    yield words.written(fared.annual_return, "percent")
    yield words.written(fared.volatility, "percent")
    yield "–" if fared.sharpe is None else f"{fared.sharpe:.2f}"
    yield words.written(fared.max_drawdown, "percent")
    yield f"{fared.peak} … {fared.trough}"
    yield str(fared.recovery or words.phrase("score_not_yet"))
    yield f"{words.written(fared.worst_return, 'percent')} ({fared.worst_session})"
    yearly = fared.turnover_per_year
    yield "–" if yearly is None else words.written(yearly, "percent")
