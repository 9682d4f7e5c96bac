"""Whether a snapshot's file may be acted on: what it is, how old, and what its manifest says."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import PurePath
from typing import Any

import pandas as pd

from bot.domain.cells import table_of
from bot.domain.errors import Blocked
from bot.domain.model import Symbol

# The columns a snapshot's date may stand in, and those of symbols.
DATES = ("as_of", "snapshot_date")
SYMBOLS = ("symbol", "trade_symbol", "underlying_symbol")
# Cells of these are taken as written: a stock may be called NA, and 20260331 is a day.
_LITERAL = frozenset({*DATES, *SYMBOLS})
_FIELDS = (
    *("contract_version", "strategy_profile", "config_name"),
    *("snapshot_as_of", "snapshot_sha256", "config_sha256"),
)
_NAME_CODES: Mapping[str, str] = {
    "strategy_profile": "feature_snapshot_manifest_strategy_profile_mismatch",
    "config_name": "feature_snapshot_manifest_config_name_mismatch",
    "contract_version": "feature_snapshot_manifest_contract_version_mismatch",
}
# A snapshot is good to the end of the month after its own.
_MONTHS_IN_FORCE = 1
_MONTHS_A_YEAR = 12
# `gs://bucket/file`, also as paths write it, with one slash.
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Document:
    """A file as somebody found it.

    It has no content where it does not exist, or could not be read for a `reason`.
    """

    path: str
    content: bytes | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Offered:
    """A snapshot with its manifest, and the configuration it should be made with, if any."""

    snapshot: Document
    manifest: Document
    config: Document | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What a book expects of a snapshot's file.

    `columns` must be there; cells of `numbers`, which are some of them, are numbers
    or absent. Each of the `references` must have a row with all its numbers.
    `nameless` says that a row may have no symbol: it is about something that can not
    be traded. `aliases` are former names of profiles that a manifest may still use.
    """

    profile: str
    contract: str
    config_name: str
    columns: tuple[str, ...]
    numbers: tuple[str, ...]
    references: tuple[Symbol, ...] = ()
    nameless: bool = False
    manifest: bool = True
    aliases: Mapping[str, str] = field(default_factory=dict)

    def current(self, name: str) -> str:
        """A name, or a contract that begins with one, as it is called today."""
        head, dot, rest = name.strip().partition(".")
        return self.aliases.get(head, head) + dot + rest


@dataclass(frozen=True, slots=True, eq=False)
class Admitted:
    """The rows of a file as it has them, its date, and what it was by its fingerprint.

    `config_sha256` is what the manifest says, empty where nobody asked it.
    """

    rows: pd.DataFrame
    as_of: date
    sha256: str
    config_sha256: str = ""


@dataclass(frozen=True, slots=True)
class Issue:
    """What an admitted file was, for people: its date and the first session that may act on it."""

    profile: str
    path: str
    as_of: date
    known_on: date
    rows: int
    sha256: str
    config_sha256: str


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """A file looked into once, whatever the day: its date, and what it is while it is in force."""

    path: str
    as_of: date
    found: Admitted | Blocked

    def on(self, day: date) -> Admitted:
        """What the file is on a day at the exchange. Raises Blocked with the reason not to act."""
        _refuse_age(self.path, self.as_of, day)
        if isinstance(self.found, Blocked):
            raise self.found
        return self.found


def examine(offered: Offered, expected: Expected) -> Examined:
    """What a file is. Raises Blocked where not even its date can be told."""
    content = _content(offered.snapshot)
    path = offered.snapshot.path
    rows = _rows(path, content)
    _refuse_columns(path, rows, expected)
    made = _made(path, rows)
    try:
        return Examined(
            path, made, _vouched(offered, expected, Admitted(rows, made, _sha(content)))
        )
    except Blocked as refused:
        return Examined(path, made, refused)


def admit(offered: Offered, expected: Expected, day: date) -> Admitted:
    """The rows of a file that may be acted on, on a day at the exchange.

    Raises Blocked with the first reason not to, in this order: the file, its rows,
    columns and date, its age, the manifest and what that says. All reasons begin
    with `feature_snapshot_`.
    """
    return examine(offered, expected).on(day)


def _vouched(offered: Offered, expected: Expected, found: Admitted) -> Admitted:
    """What the manifest vouches for. Raises Blocked where it does not."""
    if not expected.manifest:
        return found
    manifest = _manifest(offered.manifest)
    _refuse_claims(offered.manifest.path, manifest, expected, found.as_of)
    _refuse_digests(offered, manifest, found.sha256)
    return replace(found, config_sha256=_told(manifest, "config_sha256").lower())


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _content(snapshot: Document) -> bytes:
    path = snapshot.path
    if not path:
        raise Blocked("feature_snapshot_path_missing")
    if snapshot.content is not None:
        return snapshot.content
    if _ADDRESS.match(path):
        raise Blocked("feature_snapshot_download_failed", path=path)
    if snapshot.reason:
        raise Blocked("feature_snapshot_parse_failed", path=path, reason=snapshot.reason)
    raise Blocked("feature_snapshot_missing", path=path)


def _rows(path: str, content: bytes) -> pd.DataFrame:
    try:
        rows = table_of(content, PurePath(path).suffix.lower(), _LITERAL)
    except ValueError as error:
        raise Blocked("feature_snapshot_parse_failed", path=path, reason=str(error)) from error
    if rows.empty:
        raise Blocked("feature_snapshot_empty", path=path)
    return rows


def _refuse_columns(path: str, rows: pd.DataFrame, expected: Expected) -> None:
    lacking = sorted(set(expected.columns) - set(rows.columns))
    if lacking:
        raise Blocked(
            "feature_snapshot_missing_columns",
            path=path,
            columns=",".join(lacking),
            found=",".join(rows.columns),
        )


def _made(path: str, rows: pd.DataFrame) -> date:
    """The latest date of a snapshot."""
    column = next((name for name in DATES if name in rows), None)
    if column is None:
        raise Blocked("feature_snapshot_missing_date_column", path=path, columns=" / ".join(DATES))
    days = [day for day in map(day_of, rows[column]) if day is not None]
    if not days:
        value = str(rows[column].iloc[0])
        raise Blocked("feature_snapshot_invalid_date_column", path=path, column=column, value=value)
    return max(days)


def day_of(cell: object) -> date | None:
    """The day as it is written, whatever time of day and zone are written beside it."""
    try:
        return datetime.fromisoformat(str(cell).strip()).date()
    except ValueError:
        return None


def _refuse_age(path: str, made: date, day: date) -> None:
    if day < made:
        raise Blocked("feature_snapshot_future_as_of", path=path, snapshot=made, day=day)
    months = (day.year - made.year) * _MONTHS_A_YEAR + day.month - made.month
    if months > _MONTHS_IN_FORCE:
        raise Blocked("feature_snapshot_stale", path=path, snapshot=made, day=day)


def _manifest(manifest: Document) -> dict[str, Any]:
    path = manifest.path
    if manifest.content is None:
        if _ADDRESS.match(path):
            raise Blocked("feature_snapshot_manifest_download_failed", path=path)
        if not manifest.reason:
            raise Blocked("feature_snapshot_manifest_missing", path=path)
        raise Blocked("feature_snapshot_manifest_parse_failed", path=path, reason=manifest.reason)
    try:
        told = json.loads(manifest.content)
    except (ValueError, RecursionError) as error:
        reason = str(error)
        raise Blocked("feature_snapshot_manifest_parse_failed", path=path, reason=reason) from error
    if not isinstance(told, dict):
        kind = type(told).__name__
        raise Blocked("feature_snapshot_manifest_parse_failed", path=path, reason=kind)
    blank = [name for name in _FIELDS if not _told(told, name)]
    if blank:
        fields = ",".join(blank)
        raise Blocked("feature_snapshot_manifest_missing_fields", path=path, fields=fields)
    return told


def _told(manifest: Mapping[str, Any], name: str) -> str:
    value = manifest.get(name)
    return "" if value is None else str(value).strip()


def _refuse_claims(path: str, manifest: Mapping[str, Any], expected: Expected, made: date) -> None:
    """Refuse a manifest of another date, profile, configuration or contract."""
    as_of = _told(manifest, "snapshot_as_of")
    if day_of(as_of) != made:
        raise Blocked(
            "feature_snapshot_manifest_as_of_mismatch", path=path, expected=made, found=as_of
        )
    wanted = {
        "strategy_profile": expected.profile,
        "config_name": expected.config_name,
        "contract_version": expected.contract,
    }
    for name, code in _NAME_CODES.items():
        found = _told(manifest, name)
        if expected.current(found) != expected.current(wanted[name]):
            raise Blocked(code, path=path, expected=wanted[name], found=found)


def _refuse_digests(offered: Offered, manifest: Mapping[str, Any], digest: str) -> None:
    told = _told(manifest, "snapshot_sha256").lower()
    if told != digest:
        raise Blocked(
            "feature_snapshot_manifest_snapshot_checksum_mismatch",
            path=offered.snapshot.path,
            expected=told,
            found=digest,
        )
    if offered.config is None:
        return
    if offered.config.content is None:
        raise Blocked("feature_snapshot_expected_config_missing", path=offered.config.path)
    told = _told(manifest, "config_sha256").lower()
    found = _sha(offered.config.content)
    if told != found:
        raise Blocked(
            "feature_snapshot_manifest_config_checksum_mismatch",
            path=offered.config.path,
            expected=told,
            found=found,
        )
