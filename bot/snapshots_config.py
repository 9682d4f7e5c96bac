"""The configuration a monthly snapshot is built with, as its manifest names it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.domain.errors import BellwetherError, SettingsError
from bot.snapshots_tables import content_of
from strategies import profile
from strategies.expectations import expected_of

UNWRITTEN = "strategy_manifest_default"
# What a configuration file says of itself, and what it has to be where it is said.
_LABELS: Mapping[str, str | None] = {
    "family": "tech_heavy_pullback",
    "branch_role": "cash-buffered parallel branch",
    "residual_proxy": None,
}
# Parameters that a file may group, and what each is called then.
_GROUPS: Mapping[str, Mapping[str, str]] = {
    "exposures": {
        "risk_on": "risk_on_exposure",
        "soft_defense": "soft_defense_exposure",
        "hard_defense": "hard_defense_exposure",
    },
    "breadth_thresholds": {
        "soft": "soft_breadth_threshold",
        "hard": "hard_breadth_threshold",
    },
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """A name, a file and the hash of its bytes; `params` are the parameters it sets."""

    name: str
    path: str
    sha256: str
    params: Mapping[str, object] = field(default_factory=dict)


def default_configuration(name: str) -> Configuration:
    """The configuration of a profile nobody wrote one for: its hash is that of its own name."""
    told = {
        "config_name": name,
        "config_source": UNWRITTEN,
        "contract_version": expected_of(name).contract,
        "strategy_profile": name,
    }
    compact = json.dumps(told, sort_keys=True, separators=(",", ":"))
    return Configuration(name, UNWRITTEN, sha256(compact.encode()))


def written_configuration(name: str, path: Path) -> Configuration:
    """The configuration of a JSON file: parameters by name, or in groups as they were once written.

    Raises DataError `unreadable_file`, BellwetherError `config_unreadable`,
    `config_of_another` where it names another profile, and SettingsError
    `bad_parameter` or `unknown_parameter`.
    """
    content = content_of(path)
    try:
        told = json.loads(content)
    except ValueError as error:
        raise BellwetherError("config_unreadable", path=path, reason=error) from error
    if not isinstance(told, dict):
        raise BellwetherError("config_unreadable", path=path, reason=type(told).__name__)
    said = told.pop("name", name)
    if profile(str(said)).name != name:
        raise BellwetherError("config_of_another", path=path, said=said, wanted=name)
    return Configuration(name, str(path), sha256(content), dict(_params(name, told)))


def _params(name: str, told: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for key, value in told.items():
        if key in _GROUPS:
            yield from _grouped(name, key, value)
        elif key not in _LABELS:
            yield key, value
        elif _LABELS[key] not in {None, value}:
            raise SettingsError("bad_parameter", name=key, value=value, bounds=_LABELS[key])


def _grouped(name: str, group: str, told: Any) -> Iterator[tuple[str, object]]:
    names = _GROUPS[group]
    if not isinstance(told, dict):
        raise SettingsError("bad_parameter", name=group, value=told, bounds=", ".join(names))
    for key, value in told.items():
        if key not in names:
            known = ", ".join(names)
            raise SettingsError(
                "unknown_parameter", profile=name, name=f"{group}.{key}", known=known
            )
        yield names[key], value


def sha256(content: bytes) -> str:
    """The hash of some bytes, as a manifest writes it."""
    return hashlib.sha256(content).hexdigest()
