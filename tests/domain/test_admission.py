import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

from bot.domain.admission import Document, Offered, admit
from bot.domain.errors import Blocked
from strategies.expectations import expected_of
from tests.published import MADE, NEXT, RUSSELL, SIX, TECH, TOP20, csv_of, manifest_of, row, rows

PATH = "feeds/snapshot.csv"


@dataclass(frozen=True)
class Draft:
    """A publication of which a test says what is wrong."""

    path: str = PATH
    absent: bool = False
    locked: bool = False
    empty: bool = False
    drop: str = ""
    column: str = "as_of"
    dates: str = MADE.isoformat()
    day: date = NEXT
    manifest: Any = None
    claims: dict[str, Any] = field(default_factory=dict)
    config: Document | None = None

    def content(self) -> bytes:
        table = [{self.column: self.dates, **row("A"), "as_of": self.dates}, row("B")]
        if self.column != "as_of":
            table = [{k: v for k, v in each.items() if k != "as_of"} for each in table]
        table = [{k: v for k, v in each.items() if k != self.drop} for each in table[:1]]
        text = csv_of(table)
        return text.splitlines()[0] if self.empty else text

    def offered(self, name: str = TOP20) -> Offered:
        content = self.content()
        told = {**manifest_of(expected_of(name), content), **self.claims}
        text = json.dumps(told) if self.manifest is None else self.manifest
        reason = "Permission denied" if self.locked else ""
        return Offered(
            Document(self.path, None if self.absent or self.locked else content, reason),
            Document(f"{PATH}.manifest.json", text.encode() if isinstance(text, str) else None),
            self.config,
        )


def asked(name=TOP20, **wrong):
    draft = Draft(**wrong)
    return admit(draft.offered(name), expected_of(name), draft.day)


def refusal(name=TOP20, **wrong):
    with pytest.raises(Blocked) as refused:
        asked(name, **wrong)
    return refused.value


MISSING = object()
# What can be wrong, in the order in which it is looked at.
WRONG = [
    ("feature_snapshot_path_missing", {"path": ""}),
    ("feature_snapshot_missing", {"absent": True}),
    ("feature_snapshot_parse_failed", {"path": "feeds/snapshot.txt"}),
    ("feature_snapshot_empty", {"empty": True}),
    ("feature_snapshot_missing_columns", {"drop": "vol_63"}),
    ("feature_snapshot_missing_date_column", {"column": "day"}),
    ("feature_snapshot_invalid_date_column", {"dates": "soon"}),
    ("feature_snapshot_future_as_of", {"day": date(2026, 3, 30)}),
    ("feature_snapshot_stale", {"day": date(2026, 5, 1)}),
    ("feature_snapshot_manifest_missing", {"manifest": MISSING}),
    ("feature_snapshot_manifest_parse_failed", {"manifest": "{oops"}),
    ("feature_snapshot_manifest_missing_fields", {"claims": {"config_sha256": " "}}),
    ("feature_snapshot_manifest_as_of_mismatch", {"claims": {"snapshot_as_of": "2026-03-30"}}),
    ("feature_snapshot_manifest_strategy_profile_mismatch", {"claims": {"strategy_profile": "x"}}),
    ("feature_snapshot_manifest_config_name_mismatch", {"claims": {"config_name": "x"}}),
    ("feature_snapshot_manifest_contract_version_mismatch", {"claims": {"contract_version": "x"}}),
    (
        "feature_snapshot_manifest_snapshot_checksum_mismatch",
        {"claims": {"snapshot_sha256": "f" * 64}},
    ),
    ("feature_snapshot_expected_config_missing", {"config": Document("config.json")}),
    (
        "feature_snapshot_manifest_config_checksum_mismatch",
        {"config": Document("config.json", b"{}")},
    ),
]


@pytest.mark.parametrize(("code", "wrong"), WRONG, ids=[code for code, _ in WRONG])
def test_each_reason_is_told_by_its_own_name(code, wrong):
    assert refusal(**wrong).code == code


@pytest.mark.parametrize("first", range(len(WRONG)))
def test_of_many_reasons_the_first_in_order_is_told(first):
    wrong, claims = {}, {}
    for _, defect in reversed(WRONG[first:]):
        claims |= defect.get("claims", {})
        wrong |= defect

    assert refusal(**wrong | {"claims": claims}).code == WRONG[first][0]


@pytest.mark.parametrize("name", SIX)
def test_the_file_of_each_profile_is_admitted(name):
    admitted = asked(name)

    assert admitted.as_of == MADE
    assert admitted.sha256 == hashlib.sha256(Draft().content()).hexdigest()
    assert admitted.config_sha256 == "0" * 64
    assert admitted.rows["symbol"].tolist() == ["A"]


@pytest.mark.parametrize("name", SIX)
def test_every_profile_needs_a_manifest(name):
    assert refusal(name, manifest=MISSING).code == "feature_snapshot_manifest_missing"


def test_a_manifest_nobody_expects_is_not_even_read():
    expected = replace(expected_of(RUSSELL), manifest=False)

    admitted = admit(Draft(manifest="{oops").offered(RUSSELL), expected, NEXT)

    assert admitted.config_sha256 == ""


@pytest.mark.parametrize(
    ("day", "good"),
    [
        (date(2026, 3, 30), False),
        (date(2026, 3, 31), True),
        (date(2026, 4, 30), True),
        (date(2026, 5, 1), False),
        (date(2027, 3, 31), False),
        (date(2027, 4, 1), False),
    ],
)
def test_a_snapshot_is_good_to_the_end_of_the_next_month(day, good):
    if good:
        assert asked(day=day).as_of == MADE
    else:
        assert refusal(day=day).values["snapshot"] == MADE


def test_the_month_after_december_is_january():
    dates = {"dates": "2025-12-01", "claims": {"snapshot_as_of": "2025-12-01"}}

    assert asked(**dates, day=date(2026, 1, 31)).as_of == date(2025, 12, 1)
    assert refusal(**dates, day=date(2026, 2, 1)).code == "feature_snapshot_stale"


@pytest.mark.parametrize(
    "text",
    [
        *("2026-03-31", "20260331", "2026-03-31 00:00:00", " 2026-03-31T23:59:59.999 "),
        *("2026-03-31T00:00:00Z", "2026-03-31 00:30:00+09:00", "2026-03-31T23:30:00-04:00"),
    ],
)
def test_a_date_is_the_one_that_is_written_whatever_zone_stands_beside_it(text):
    assert asked(dates=text, claims={"snapshot_as_of": text}).as_of == MADE


def test_the_newest_date_is_that_of_the_snapshot():
    content = csv_of([row("A", as_of="soon"), row("B"), row("C", as_of="2026-03-01")])
    expected = replace(expected_of(TOP20), manifest=False)

    admitted = admit(Offered(Document(PATH, content), Document("")), expected, NEXT)

    assert admitted.as_of == MADE


def test_a_snapshot_date_will_do_for_an_as_of():
    content = csv_of([{**row("A"), "snapshot_date": "2026-03-30"}])
    other = content.replace(b"as_of,", b"made,", 1)
    expected = replace(expected_of(TOP20), manifest=False)

    made = [
        admit(Offered(Document(PATH, text), Document("")), expected, NEXT).as_of
        for text in (content, other)
    ]

    assert made == [MADE, date(2026, 3, 30)]


@pytest.mark.parametrize(
    "claims",
    [
        {"strategy_profile": "qqq_tech_enhancement"},
        {"config_name": "qqq_tech_enhancement"},
        {"contract_version": "qqq_tech_enhancement.feature_snapshot.v1"},
        {"snapshot_sha256": hashlib.sha256(Draft().content()).hexdigest().upper()},
        {"row_count": 2, "somebody": "else"},
    ],
)
def test_a_manifest_may_use_a_former_name(claims):
    assert asked(TECH, claims=claims).as_of == MADE


def test_a_former_name_in_the_settings_is_the_same_profile():
    draft = Draft()
    expected = expected_of("qqq_tech_enhancement", config_name="qqq_tech_enhancement")

    assert admit(draft.offered(TECH), expected, NEXT).as_of == MADE


@pytest.mark.parametrize(
    "manifest", ["[]", '"text"', "", "null", pytest.param("[" * 100_000, id="deep")]
)
def test_a_manifest_that_is_no_object_can_not_be_read(manifest):
    assert refusal(manifest=manifest).code == "feature_snapshot_manifest_parse_failed"


def test_every_field_that_is_blank_is_named():
    told = refusal(claims={"config_name": None, "contract_version": "", "snapshot_as_of": " "})

    assert told.values["fields"] == "contract_version,config_name,snapshot_as_of"


def test_the_columns_that_are_missing_are_named_in_order():
    expected = replace(expected_of(TOP20), columns=("symbol", "zebra", "apple"))

    with pytest.raises(Blocked) as refused:
        admit(Draft().offered(), expected, NEXT)

    assert refused.value.values["columns"] == "apple,zebra"
    assert "vol_63" in refused.value.values["found"]


def test_a_file_nobody_may_read_says_so():
    told = refusal(locked=True)

    assert told.code == "feature_snapshot_parse_failed"
    assert told.values["reason"] == "Permission denied"


def test_a_manifest_nobody_may_read_says_so():
    offered = replace(Draft().offered(), manifest=Document("m", reason="Permission denied"))

    with pytest.raises(Blocked) as refused:
        admit(offered, expected_of(TOP20), NEXT)

    assert refused.value.code == "feature_snapshot_manifest_parse_failed"


@pytest.mark.parametrize("path", ["gs://bucket/snapshot.csv", "s3:/bucket/snapshot.csv"])
def test_a_file_elsewhere_is_not_fetched(path):
    assert refusal(path=path, absent=True).code == "feature_snapshot_download_failed"

    offered = replace(Draft().offered(), manifest=Document(path))
    with pytest.raises(Blocked) as refused:
        admit(offered, expected_of(TOP20), NEXT)
    assert refused.value.code == "feature_snapshot_manifest_download_failed"


def test_a_configuration_is_the_one_of_the_manifest():
    config = Document("config.json", b"{}")
    digest = hashlib.sha256(b"{}").hexdigest()

    assert asked(config=config, claims={"config_sha256": digest}).config_sha256 == digest


def test_both_sums_are_told_where_they_differ():
    told = refusal(claims={"snapshot_sha256": "AB"})

    assert told.values["expected"] == "ab"
    assert told.values["found"] == hashlib.sha256(Draft().content()).hexdigest()


def test_every_row_is_admitted():
    content = csv_of(rows())
    offered = Offered(
        Document(PATH, content),
        Document("m", json.dumps(manifest_of(expected_of(TOP20), content)).encode()),
    )

    assert len(admit(offered, expected_of(TOP20), NEXT).rows) == len(rows())
