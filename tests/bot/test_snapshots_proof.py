import json
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.domain.errors import BellwetherError, DataError
from bot.snapshots_config import sha256
from bot.snapshots_proof import verify
from tests.bot.months import LAST, POOL, RUSSELL, TECH, leaders, made, universe, written

NAME = f"{RUSSELL}_feature_snapshot_latest.csv"


@pytest.fixture
def out(tmp_path):
    """A published snapshot."""
    made(tmp_path)
    return tmp_path / "out"


def rewritten(path: Path, content: bytes) -> None:
    """As somebody does who does not know that it is a link."""
    path.unlink()
    path.write_bytes(content)


def claiming(out, **different):
    path = out / f"{NAME}.manifest.json"
    told = {**json.loads(path.read_bytes()), **different}
    rewritten(path, json.dumps(told).encode())


def text(out, old, new):
    """Another snapshot, its manifest made to fit."""
    content = (out / NAME).read_bytes().replace(old.encode(), new.encode())
    rewritten(out / NAME, content)
    claiming(out, snapshot_sha256=sha256(content))


def test_a_snapshot_is_proven_to_be_what_its_manifest_says(out):
    proof = verify(out / NAME)

    assert (proof.profile, proof.as_of, proof.rows) == (RUSSELL, LAST, 6)
    assert proof.sha256 == sha256((out / NAME).read_bytes())
    assert proof.config_proven


def test_a_snapshot_is_proven_wherever_it_lies_and_whatever_it_is_called(out, tmp_path):
    content, claims = ((out / name).read_bytes() for name in (NAME, f"{NAME}.manifest.json"))
    (tmp_path / "july.csv").write_bytes(content)
    (tmp_path / "july.json").write_bytes(claims)

    assert verify(tmp_path / "july.csv", tmp_path / "july.json").profile == RUSSELL


def test_the_configuration_of_a_pool_is_compared_where_it_was_carried_with_it(tmp_path):
    ranked = written(universe(mega_rank=[1, 2, 3, 4, 5]), tmp_path / "u.csv")
    products = tmp_path / "map.csv"
    products.write_text("stock,etf_symbol\nALFA,ALFX\n")
    made(tmp_path, profile=POOL, universe=ranked, product_map=products)
    elsewhere = (tmp_path / "out").rename(tmp_path / "carried")
    snapshot = elsewhere / f"{POOL}_feature_snapshot_latest.csv"

    assert verify(snapshot).config_proven
    rewritten(elsewhere / f"{POOL}_snapshot_config.json", b"{}")
    with pytest.raises(DataError, match="config_checksum_mismatch"):
        verify(snapshot)


def test_a_configuration_that_is_not_here_is_said_to_be_elsewhere(tmp_path):
    rows, stocks = leaders()
    config = tmp_path / "tech.json"
    config.write_text('{"holdings_count": 6}')
    made(
        tmp_path,
        profile=TECH,
        prices=written(rows, tmp_path / "p.csv"),
        universe=written(stocks, tmp_path / "u.csv"),
        config_file=config,
    )
    snapshot = tmp_path / "out" / f"{TECH}_feature_snapshot_latest.csv"
    assert verify(snapshot).config_proven

    config.unlink()

    assert not verify(snapshot).config_proven
    config.write_text('{"holdings_count": 7}')
    with pytest.raises(DataError, match="config_checksum_mismatch"):
        verify(snapshot)


HEAD = "feature_snapshot"
DAMAGE: list[tuple[str, Callable[[Path], object]]] = [
    (f"{HEAD}_missing", lambda out: (out / NAME).unlink()),
    (f"{HEAD}_manifest_missing", lambda out: (out / f"{NAME}.manifest.json").unlink()),
    (
        f"{HEAD}_manifest_snapshot_checksum_mismatch",
        lambda out: rewritten(out / NAME, (out / NAME).read_bytes().replace(b"0.25", b"0.26")),
    ),
    (
        f"{HEAD}_manifest_snapshot_checksum_mismatch",
        lambda out: rewritten(out / NAME, (out / NAME).read_bytes()[:-40].rsplit(b"\n", 1)[0]),
    ),
    (f"{HEAD}_parse_failed", lambda out: rewritten(out / NAME, (out / NAME).read_bytes()[:-40])),
    (f"{HEAD}_parse_failed", lambda out: rewritten(out / NAME, b"\xff\xfe\x00")),
    (f"{HEAD}_parse_failed", lambda out: rewritten(out / NAME, b"")),
    (
        f"{HEAD}_empty",
        lambda out: rewritten(out / NAME, (out / NAME).read_bytes().partition(b"\n")[0]),
    ),
    (f"{HEAD}_missing_columns", lambda out: text(out, "vol_63", "vol_64")),
    (f"{HEAD}_missing_date_column", lambda out: text(out, "as_of", "asof")),
    (f"{HEAD}_invalid_date_column", lambda out: text(out, "2024-07-31", "soon")),
    (
        f"{HEAD}_manifest_parse_failed",
        lambda out: rewritten(out / f"{NAME}.manifest.json", b"{"),
    ),
    (
        f"{HEAD}_manifest_parse_failed",
        lambda out: rewritten(out / f"{NAME}.manifest.json", b"[]"),
    ),
    (f"{HEAD}_manifest_missing_fields", lambda out: claiming(out, config_sha256="")),
    (f"{HEAD}_manifest_as_of_mismatch", lambda out: claiming(out, snapshot_as_of="2024-06-28")),
    (
        f"{HEAD}_manifest_strategy_profile_mismatch",
        lambda out: claiming(out, strategy_profile=TECH),
    ),
    (
        f"{HEAD}_manifest_contract_version_mismatch",
        lambda out: claiming(out, contract_version="v2"),
    ),
    (f"{HEAD}_manifest_row_count_mismatch", lambda out: claiming(out, row_count=5)),
    (
        f"{HEAD}_manifest_config_checksum_mismatch",
        lambda out: claiming(out, config_sha256="0" * 64),
    ),
    ("snapshot_symbol_twice", lambda out: text(out, ",BETA,", ",alfa,")),
    ("snapshot_symbol_blank", lambda out: text(out, ",BETA,", ",,")),
    ("snapshot_dates_differ", lambda out: text(out, "2024-07-31,BETA", "2024-07-30,BETA")),
    ("snapshot_number_bad", lambda out: text(out, "0.25", "much")),
]


@pytest.mark.parametrize(("code", "damage"), DAMAGE)
def test_each_kind_of_damage_is_noticed(out, code, damage):
    damage(out)

    with pytest.raises(BellwetherError) as refused:
        verify(out / NAME)

    assert refused.value.code == code


def test_a_manifest_without_a_profile_beside_a_file_of_any_name_says_what_is_missing(tmp_path):
    snapshot, claims = tmp_path / "s.csv", tmp_path / "s.csv.manifest.json"
    snapshot.write_text("symbol\nA\n")

    with pytest.raises(DataError, match="feature_snapshot_manifest_missing "):
        verify(snapshot)
    claims.write_text("{}")
    with pytest.raises(DataError, match="strategy_profile"):
        verify(snapshot)


def test_a_snapshot_that_may_not_be_read_is_named(tmp_path):
    (tmp_path / NAME).mkdir()

    with pytest.raises(DataError, match="feature_snapshot_parse_failed"):
        verify(tmp_path / NAME)
