"""What whole shares make of weights, as the lines people read."""

from collections.abc import Iterator

from bot.lines import notes
from bot.sizing import Fit, Sizing
from bot.words import Words

# The headings of a table of fits, as the catalogue names them.
FIT_HEADINGS = ("fit_symbol", "fit_shares", "fit_price", "fit_wanted", "fit_held", "fit_off")


def fit_title(sizing: Sizing, words: Words) -> str:
    """Whose targets, at which prices, in how large an account."""
    values = {
        "profile": sizing.profile,
        "equity": sizing.equity,
        "decided": sizing.decided,
        "priced": sizing.priced,
    }
    return words.phrase("fit_title", values)


def fit_rows(sizing: Sizing, words: Words) -> Iterator[tuple[str, ...]]:
    """A line for each symbol that is wanted or held, and one for the cash."""
    cash = Fit("", 1.0, 1.0, 0, None)
    for fit in sizing.fits:
        cash = Fit("", cash.wanted - fit.wanted, cash.held - fit.held, 0, None)
        if fit.wanted or fit.shares:
            price = "–" if fit.price is None else words.written(fit.price, "price")
            yield (fit.symbol, str(fit.shares), price, *_weights(fit, words))
    yield (words.phrase("fit_cash"), "", "", *_weights(cash, words))


def _weights(fit: Fit, words: Words) -> tuple[str, str, str]:
    wanted, held = words.written(fit.wanted, "percent"), words.written(fit.held, "percent")
    return wanted, held, words.written(fit.held - fit.wanted, "points")


def fit_lines(sizing: Sizing, words: Words) -> Iterator[str]:
    """How far off it is, what can not be traded, from which size on it fits, and why."""
    yield words.phrase("fit_error", {"error": sizing.weight_error})
    known = sizing.tracking_error is not None
    tracking = {"tracking": words.written(sizing.tracking_error, "percent")}
    yield words.phrase("fit_tracking", tracking) if known else words.phrase("fit_tracking_unknown")
    if sizing.untradable:
        yield words.phrase("fit_untradable", {"symbols": sizing.untradable})
    scan = sizing.scan
    span = {"most": scan.most_error, "first": scan.first, "last": scan.last, "count": scan.count}
    if scan.smallest is None:
        yield words.phrase("fit_never", span)
    else:
        yield words.phrase("fit_smallest", {**span, "smallest": scan.smallest})
    yield from notes(sizing.notes, words)
