"""Snapshots as somebody publishes them: text, manifest, and the files of both."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import pandas as pd

from bot.domain.admission import Expected
from strategies.expectations import expected_of
from tests.strategies.builders import a_stock

RUSSELL = "russell_1000_multi_factor_defensive"
TECH = "tech_communication_pullback_enhancement"
TOP20 = "mega_cap_leader_rotation_dynamic_top20"
DYNAMIC = "dynamic_mega_leveraged_pullback"
SIX = (
    *(RUSSELL, TECH, TOP20, "mega_cap_leader_rotation_aggressive"),
    *("mega_cap_leader_rotation_top50_balanced", DYNAMIC),
)
# A month's last session, and the next session.
MADE, NEXT = date(2026, 3, 31), date(2026, 4, 1)
NAMES = ("AAPL", "NA", "QQQ", "SPY")

Row = Mapping[str, object]


def row(symbol: str, **different: object) -> Row:
    return {"as_of": MADE.isoformat(), "product_leverage": 2.0, **a_stock(symbol), **different}


def rows(*symbols: str, **different: object) -> list[Row]:
    return [row(symbol, **different) for symbol in symbols or NAMES]


def csv_of(table: Sequence[Row]) -> bytes:
    return pd.DataFrame(list(table)).to_csv(index=False).encode()


def manifest_of(expected: Expected, content: bytes, **different: object) -> dict[str, object]:
    return {
        "contract_version": expected.contract,
        "strategy_profile": expected.profile,
        "config_name": expected.config_name,
        "config_sha256": "0" * 64,
        "snapshot_as_of": MADE.isoformat(),
        "snapshot_sha256": hashlib.sha256(content).hexdigest(),
        **different,
    }


def publish(path: Path, content: bytes, name: str = TOP20, **claims: object) -> None:
    """Snapshot first, manifest last, each replaced whole."""
    replaced(path, content)
    sign(path, content, name, **claims)


def sign(path: Path, content: bytes, name: str = TOP20, **claims: object) -> None:
    told = manifest_of(expected_of(name), content, **claims)
    replaced(Path(f"{path}.manifest.json"), json.dumps(told).encode())


def replaced(path: Path, content: bytes) -> None:
    beside = path.with_name(path.name + ".new")
    beside.write_bytes(content)
    beside.replace(path)
