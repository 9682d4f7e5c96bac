"""From files of prices and stocks to published files: a month's snapshot in one call."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from bot.domain.calendar import Calendar
from bot.domain.errors import DataError, SettingsError
from bot.domain.model import Symbol
from bot.snapshots import Built, Maker, build, build_products, month_end
from bot.snapshots_artifacts import Imprint, artifacts, product_artifacts
from bot.snapshots_config import Configuration, default_configuration, written_configuration
from bot.snapshots_panel import Priced, newest_priced, priced
from bot.snapshots_publication import publish, skip
from bot.snapshots_tables import table_of
from strategies import profile, strategy
from strategies.products import products_of
from strategies.universe import Universe


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a snapshot is made of, and where it goes.

    `day` is by default that of the newest price. `held` are symbols that score a
    bonus in the ranking. `forced` publishes a snapshot of another day than a month's
    last session, or of prices that end before it; its status then says so. `params`
    are the rule's, those of the configuration file count first.
    """

    profile: str
    prices: Path
    universe: Path
    out: Path
    product_map: Path | None = None
    day: date | None = None
    held: tuple[Symbol, ...] = ()
    forced: bool = False
    config_file: Path | None = None
    params: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Published:
    """A snapshot that was published, and its files."""

    built: Built
    written: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """Nothing was published: the day is not `month_end`, its month's last session."""

    profile: str
    day: date
    month_end: date
    written: Path


def build_and_publish(recipe: Recipe, calendar: Calendar, at: datetime) -> Published | Skipped:
    """Build a profile's snapshot and publish it, unless the day is none to publish on.

    `at` is written into the files. Raises DataError for prices and tables that can
    not be believed, `snapshot_prices_stale` where the benchmark's end before the day's
    session, `snapshot_too_early` while that session is not over; SettingsError for the
    profile, its parameters and a table it does not take; Blocked `publication_locked`.
    """
    name = profile(recipe.profile).name
    configuration = _configuration(name, recipe)
    maker = Maker(name, strategy(name, {**recipe.params, **configuration.params}), recipe.held)
    _refuse_tables(maker, recipe)
    prices = _priced(recipe, maker)
    _refuse_early(prices.day, calendar, at)
    last = month_end(prices.day, calendar)
    if prices.day != last and not recipe.forced:
        return Skipped(name, prices.day, last, _skipped(name, recipe.out, prices.day, last))
    _refuse_stale(maker, prices, recipe, calendar)
    universe = Universe.of(table_of(recipe.universe))
    imprint = Imprint(recipe.out, at, configuration)
    if recipe.product_map is None:
        built = build(maker, prices, universe, calendar)
        files = artifacts(built, imprint)
    else:
        products = products_of(table_of(recipe.product_map))
        built = build_products(maker, prices, universe, products, calendar)
        files = product_artifacts(built, imprint, recipe.product_map)
    release = f"{built.day.isoformat()}-{at:%Y%m%dT%H%M%S%fZ}"
    written = publish(recipe.out, release, {file.name: file.content for file in files})
    return Published(built, tuple(written))


def _priced(recipe: Recipe, maker: Maker) -> Priced:
    """The prices of the recipe: the newest of each symbol where they tell it, else all."""
    # Loaded when a month has ended: what reads prices takes a third of an idle daemon's memory.
    from bot.snapshots_prices import newest_of, rows_of

    newest = newest_of(recipe.prices)
    told = newest and newest_priced(newest.rows, newest.earlier, recipe.day)
    return told or priced(rows_of(recipe.prices), maker.reading, recipe.day)


def _configuration(name: str, recipe: Recipe) -> Configuration:
    if recipe.config_file is None:
        return default_configuration(name)
    return written_configuration(name, recipe.config_file)


def _refuse_tables(maker: Maker, recipe: Recipe) -> None:
    """Refuse what the profile lacks, or would not read though somebody gave it."""
    pool = maker.family is None
    if pool and recipe.product_map is None:
        raise SettingsError("product_map_needed", profile=maker.profile)
    if pool and recipe.config_file is not None:
        raise SettingsError("table_unused", profile=maker.profile, path=recipe.config_file)
    if not pool and recipe.product_map is not None:
        raise SettingsError("table_unused", profile=maker.profile, path=recipe.product_map)


def _refuse_early(day: date, calendar: Calendar, at: datetime) -> None:
    """Refuse a session that is not over: its prices are no closes yet."""
    session = calendar.on(day)
    if session is not None and at < session.closes:
        raise DataError("snapshot_too_early", day=day, closes=session.closes)


def _refuse_stale(maker: Maker, prices: Priced, recipe: Recipe, calendar: Calendar) -> None:
    lag = prices.lags(maker.benchmark, calendar)
    if lag and not recipe.forced:
        newest, wanted = lag
        raise DataError(
            "snapshot_prices_stale",
            path=recipe.prices,
            symbol=maker.benchmark,
            newest=newest,
            wanted=wanted,
        )


def _skipped(name: str, out: Path, day: date, last: date) -> Path:
    told = {"strategy_profile": name, "snapshot_as_of": day, "month_end_session": last}
    return skip(out, [f"{key}={value}" for key, value in told.items()])
