"""A snapshot as files: their names, their columns, every byte of them."""

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from bot.domain.model import Note
from bot.snapshots import Built
from bot.snapshots_config import Configuration, sha256
from bot.snapshots_preview import diagnostics
from bot.words import Language, Words
from strategies.expectations import expected_of

SOURCE_PROJECT = "UsEquitySnapshotPipelines"
SUMMARY = "release_status_summary.json"
MANIFEST_SUFFIX = ".manifest.json"

# What the readers of release summaries call the profiles.
_DISPLAY: Mapping[str, str] = {
    "russell_1000_multi_factor_defensive": "Russell 1000 Multi-Factor Defensive",
    "tech_communication_pullback_enhancement": "Tech/Communication Pullback Enhancement",
    "mega_cap_leader_rotation_dynamic_top20": "Mega Cap Leader Rotation Dynamic Top20",
    "mega_cap_leader_rotation_aggressive": "Mega Cap Leader Rotation Aggressive",
    "mega_cap_leader_rotation_top50_balanced": "Mega Cap Leader Rotation Top50 Balanced",
    "dynamic_mega_leveraged_pullback": "Dynamic Mega Leveraged Pullback",
}


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file to be published."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Imprint:
    """When files are made, where they will be read, and with which configuration."""

    out: Path
    at: datetime
    configuration: Configuration


def snapshot_name(profile: str) -> str:
    """What the newest snapshot of a profile is called."""
    return f"{profile}_feature_snapshot_latest.csv"


def ranking_name(profile: str) -> str:
    """What the newest ranking of a profile is called."""
    return f"{profile}_ranking_latest.csv"


def config_name(profile: str) -> str:
    """What the configuration is called that is published with a snapshot, where one is."""
    return f"{profile}_snapshot_config.json"


def artifacts(built: Built, imprint: Imprint) -> tuple[Artifact, ...]:
    """The snapshot, its manifest, the ranking and the summary of a release."""
    name = snapshot_name(built.profile)
    snapshot = csv_of(built.rows)
    return (
        Artifact(name, snapshot),
        Artifact(name + MANIFEST_SUFFIX, json_of(_manifest(built, imprint, sha256(snapshot)))),
        Artifact(ranking_name(built.profile), csv_of(built.ranking)),
        Artifact(SUMMARY, json_of(_summary(built, imprint))),
    )


def product_artifacts(built: Built, imprint: Imprint, product_map: Path) -> tuple[Artifact, ...]:
    """The files of a snapshot of products: nobody writes a configuration for it, so it does."""
    told = {
        "profile": built.profile,
        "candidate_universe_size": len(built.rows),
        "benchmark_symbol": "QQQ",
        "safe_haven": "BOXX",
        "product_map_path": str(product_map),
        "product_mapped_count": built.eligible,
    }
    file = Artifact(config_name(built.profile), json_of(told))
    path = str(imprint.out / file.name)
    own = Configuration(built.profile, path, sha256(file.content))
    return (*artifacts(built, replace(imprint, configuration=own)), file)


def csv_of(table: pd.DataFrame) -> bytes:
    """A table as it is published: dates in ISO, the shortest floats that are read again alike.

    A missing value is an empty cell.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(zip(*(_cells(table[column]) for column in table), strict=True))
    return text.getvalue().encode()


def _cells(column: pd.Series) -> list[object]:
    if pd.api.types.is_datetime64_dtype(column.dtype):
        days = np.datetime_as_string(column.to_numpy(), unit="D").tolist()
        return ["" if day == "NaT" else day for day in days]
    cells = column.tolist()
    if pd.api.types.is_float_dtype(column.dtype):
        return ["" if number != number else number for number in cells]  # noqa: PLR0124 - NaN
    return cells


def json_of(told: Mapping[str, object]) -> bytes:
    """A value as it is published: keys sorted, two blanks a level, no line end at the end."""
    plain = _plain(told)
    return json.dumps(plain, ensure_ascii=False, indent=2, sort_keys=True).encode()


def _plain(value: Any) -> Any:
    match value:
        case np.generic():
            return _plain(value.item())
        case float() if not math.isfinite(value):
            return str(value)
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): _plain(held) for key, held in value.items()}
        case list() | tuple():
            return [_plain(held) for held in value]
    return value


def _manifest(built: Built, imprint: Imprint, snapshot_sha256: str) -> dict[str, object]:
    configuration = imprint.configuration
    return {
        "manifest_type": "feature_snapshot",
        "contract_version": expected_of(built.profile).contract,
        "strategy_profile": built.profile,
        "config_name": configuration.name,
        "config_path": configuration.path,
        "config_sha256": configuration.sha256,
        "snapshot_path": str(imprint.out / snapshot_name(built.profile)),
        "snapshot_sha256": snapshot_sha256,
        "snapshot_as_of": built.day,
        "row_count": len(built.rows),
        "generated_at": imprint.at,
        "source_project": SOURCE_PROJECT,
    }


def _summary(built: Built, imprint: Imprint) -> dict[str, object]:
    name = snapshot_name(built.profile)
    ranking = str(imprint.out / ranking_name(built.profile))
    signal, status = _descriptions(built)
    return {
        "source_project": SOURCE_PROJECT,
        "strategy_profile": built.profile,
        "display_name": _DISPLAY[built.profile],
        "contract_version": expected_of(built.profile).contract,
        "release_status": built.status.value,
        "snapshot_path": str(imprint.out / name),
        "manifest_path": str(imprint.out / (name + MANIFEST_SUFFIX)),
        "ranking_path": ranking,
        "snapshot_as_of": built.day,
        "row_count": len(built.rows),
        "signal_description": signal,
        "status_description": status,
        "diagnostics": {**_diagnostics(built), "ranking_path": ranking},
        "generated_at": imprint.at,
    }


def _diagnostics(built: Built) -> dict[str, object]:
    notes = [*_coded(built.notes)]
    symbols = built.rows["symbol"].tolist()
    if built.preview is not None:
        return {**diagnostics(built.preview, symbols, built.day), "notes": notes}
    return {
        "candidate_universe_size": len(built.rows),
        "product_mapped_count": built.eligible,
        "candidate_underlyings": built.rows["underlying_symbol"].tolist(),
        "trade_symbols": [symbol for symbol in symbols if symbol],
        "notes": notes,
    }


def _coded(notes: Iterable[Note]) -> Iterator[dict[str, object]]:
    for note in notes:
        values = note.values  # noqa: PD011 - a note's, no table's
        yield {"code": note.code, "symbol": note.symbol, "values": values}


def _descriptions(built: Built) -> tuple[str, str]:
    """What the snapshot says and how it came to it, in English whoever asks: for programs."""
    words = Words(Language.EN)
    told = built.preview
    if told is None:
        values = {"count": len(built.rows), "mapped": built.eligible}
        return words.phrase("snapshot_pool", values), words.phrase("snapshot_decides_daily")
    outlook = told.selections[0].outlook
    targets = {symbol: f"{weight:.1%}" for symbol, weight in told.targets.items()}
    signal = {"reason": words.say(told.decision.reason), "targets": targets}
    status = {
        "regime": outlook.regime.value,
        "breadth": outlook.breadth,
        "candidates": told.selections[0].candidates,
    }
    return words.phrase("snapshot_signal", signal), words.phrase("snapshot_state", status)
