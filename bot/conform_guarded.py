"""Cases of conformance vectors about the admission of a snapshot's file."""

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.conform_snapshot import snapshot_case
from bot.domain.admission import Admitted, Document, Offered, admit
from bot.domain.errors import BellwetherError, Blocked, DataError
from bot.domain.strategy import Decision
from bot.vectors import Question, day, mapping
from strategies import ALIASES
from strategies.expectations import expected_of

# The original did not read this profile's manifest at all.
_WITHOUT_MANIFEST = "russell_1000_multi_factor_defensive"
# The only profile with a configuration of its own, and what that has to say of itself.
_CONFIGURED = "tech_communication_pullback_enhancement"
_LABELS: Mapping[str, str] = {
    "name": _CONFIGURED,
    "family": "tech_heavy_pullback",
    "branch_role": "cash-buffered parallel branch",
}
# Parameters that stand in groups, and what follows their names elsewhere.
_GROUPS: Mapping[str, str] = {"exposures": "exposure", "breadth_thresholds": "breadth_threshold"}


class _Guarded(Question):
    """A question about an admitted file: what the rule makes of it fails as closed as the file."""

    __slots__ = ()

    def decide(self) -> Decision:
        """What the strategy says of the day. Raises Blocked where it can not say anything."""
        try:
            return super().decide()
        except BellwetherError as error:
            raise Blocked("feature_snapshot_compute_failed", reason=str(error)) from error


def guarded_case(name: str, frames: Mapping[str, str], case: Mapping[str, Any]) -> Question:
    """Read a case of kind `guarded`: the file's own text, its manifest, its configuration.

    Raises Blocked where the file is refused, DataError `bad_case` naming the field that
    can not be believed, and SettingsError for parameters.
    """
    given = mapping("input", case.get("input"))
    params = {**_configured(name, given), **mapping("params", case.get("params"))}
    expected = replace(expected_of(name), manifest=name != _WITHOUT_MANIFEST)
    admitted = admit(_offered(given), expected, day("as_of", case.get("as_of")))
    told = {**given, "snapshot": _snapshot(admitted)}
    asked = snapshot_case(name, frames, {**case, "input": told, "params": params})
    return _Guarded(asked.strategy, asked.as_of, asked.facts, asked.holdings, asked.equity)


def _offered(given: Mapping[str, Any]) -> Offered:
    told = given.get("manifest")
    manifest = json.dumps(told) if isinstance(told, dict) else told
    path = f"snapshot{given.get('file_suffix', '')}" if given.get("snapshot_path_given") else ""
    config = _document("config.json", given.get("config_json"))
    return Offered(
        snapshot=_document(path, given.get("snapshot_text")),
        manifest=_document(f"{path}.manifest.json", manifest),
        config=None if config.content is None else config,
    )


def _document(path: str, text: Any) -> Document:
    if text is not None and not isinstance(text, str):
        raise DataError("bad_case", field=path, value=text)
    return Document(path, None if text is None else text.encode())


def _snapshot(admitted: Admitted) -> Mapping[str, object]:
    """The rows as cases of kind `signal` have them: null is missing."""
    rows = admitted.rows
    cells = (rows[column].tolist() for column in rows)
    known = ([None if _missing(cell) else cell for cell in column] for column in cells)
    return {
        "columns": rows.columns.tolist(),
        "rows": [list(row) for row in zip(*known, strict=True)],
    }


def _missing(cell: object) -> bool:
    return isinstance(cell, float) and math.isnan(cell)


def _configured(name: str, given: Mapping[str, Any]) -> dict[str, object]:
    """The parameters a configuration file sets, where the profile reads one."""
    text = given.get("config_json")
    if name != _CONFIGURED or text is None:
        return {}
    try:
        told = mapping("config_json", json.loads(text))
    except (TypeError, ValueError) as error:
        raise DataError("bad_case", field="config_json", value=text) from error
    for field, wanted in _LABELS.items():
        said = told.get(field)
        if ALIASES.get(str(said), said) != wanted:
            raise DataError("bad_case", field=f"config_json.{field}", value=said)
    params = {key: told[key] for key in told if key not in _LABELS.keys() | _GROUPS.keys()}
    for group, suffix in _GROUPS.items():
        inside = mapping(f"config_json.{group}", told.get(group))
        params |= {f"{key}_{suffix}": value for key, value in inside.items()}
    return params
