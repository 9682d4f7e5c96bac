"""Whether a published snapshot is what its manifest says: every promise looked at."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bot.domain.admission import DATES, Document, Offered, admit, day_of
from bot.domain.cells import table_of
from bot.domain.errors import Blocked, DataError
from bot.domain.snapshot_rows import believe
from bot.snapshots_artifacts import MANIFEST_SUFFIX, snapshot_name
from bot.snapshots_config import UNWRITTEN, default_configuration
from strategies import PROFILES
from strategies.expectations import expected_of


@dataclass(frozen=True, slots=True)
class Proof:
    """What a snapshot was proven to be.

    `config_path` is the configuration its manifest names; `config_proven` whether
    that is known here, so that its hash could be compared.
    """

    profile: str
    snapshot: Path
    manifest: Path
    as_of: date
    rows: int
    sha256: str
    generated_at: str
    config_path: str
    config_proven: bool


def verify(snapshot: Path, manifest: Path | None = None) -> Proof:
    """Look at a snapshot as a book does before it trades on it, but for its age.

    Beyond that its rows are counted, and its configuration is hashed where the
    manifest names a file that is here, or none. Raises DataError with the first thing
    that is not as promised: the codes of `admit` and `believe`, and
    `feature_snapshot_manifest_row_count_mismatch`; SettingsError where the profile the
    manifest names does not exist or reads no snapshots.
    """
    try:
        return _proven(snapshot, manifest)
    except Blocked as refused:
        # Waiting, which helps a book whose snapshot is to come, mends no file.
        values = refused.values
        raise DataError(refused.code, **values) from refused


def _proven(snapshot: Path, manifest: Path | None) -> Proof:
    beside = manifest or Path(f"{snapshot}{MANIFEST_SUFFIX}")
    found, claims = _document(snapshot), _document(beside)
    told = _claims(claims)
    expected = expected_of(_profile(snapshot, told, beside), config_name=_text(told, "config_name"))
    config = _configuration(told, beside)
    admitted = admit(Offered(found, claims, config), expected, _own_day(found))
    believe(admitted, expected, str(snapshot))
    count = len(admitted.rows)
    if told.get("row_count", count) != count:
        raise Blocked(
            "feature_snapshot_manifest_row_count_mismatch",
            path=str(beside),
            expected=told["row_count"],
            found=count,
        )
    unwritten = _text(told, "config_path") == UNWRITTEN
    if unwritten:
        _refuse_default(expected.profile, told, beside)
    return Proof(
        profile=expected.profile,
        snapshot=snapshot,
        manifest=beside,
        as_of=admitted.as_of,
        rows=count,
        sha256=admitted.sha256,
        generated_at=_text(told, "generated_at"),
        config_path=_text(told, "config_path"),
        config_proven=unwritten or config is not None,
    )


def _document(path: Path) -> Document:
    try:
        return Document(str(path), path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return Document(str(path))
    except OSError as error:
        return Document(str(path), reason=error.strerror or type(error).__name__)


def _claims(manifest: Document) -> Mapping[str, Any]:
    """What a manifest says; nothing where it can not be read, which `admit` tells."""
    try:
        told = json.loads(manifest.content or b"")
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _text(told: Mapping[str, Any], field: str) -> str:
    return str(told.get(field) or "").strip()


def _profile(snapshot: Path, told: Mapping[str, Any], manifest: Path) -> str:
    """Whose snapshot a file is: by its name, else by its manifest's word."""
    for name in PROFILES:
        if snapshot.name == snapshot_name(name):
            return name
    said = _text(told, "strategy_profile")
    if not said and manifest.exists():
        fields = "strategy_profile"
        raise Blocked("feature_snapshot_manifest_missing_fields", path=manifest, fields=fields)
    if not said:
        raise Blocked("feature_snapshot_manifest_missing", path=manifest)
    return said


def _configuration(told: Mapping[str, Any], manifest: Path) -> Document | None:
    """The configuration the manifest names, there or beside it; None where there is none here."""
    named = _text(told, "config_path")
    if named in {"", UNWRITTEN}:
        return None
    for path in (Path(named), manifest.with_name(Path(named).name)):
        if path.is_file():
            return _document(path)
    return None


def _own_day(snapshot: Document) -> date:
    """The date of a snapshot, so that its age is none; any where it has no date."""
    try:
        rows = table_of(snapshot.content or b"", Path(snapshot.path).suffix.lower(), DATES)
    except ValueError:
        return date.max
    column = next((name for name in DATES if name in rows), None)
    days = [day for cell in rows.get(column, ()) if (day := day_of(cell)) is not None]
    return max(days, default=date.max)


def _refuse_default(profile: str, told: Mapping[str, Any], manifest: Path) -> None:
    wanted = default_configuration(profile).sha256
    found = _text(told, "config_sha256").lower()
    if found != wanted:
        raise Blocked(
            "feature_snapshot_manifest_config_checksum_mismatch",
            path=str(manifest),
            expected=found,
            found=wanted,
        )
