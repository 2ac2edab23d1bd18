"""Nothing that leaves the machine shows a planted secret or a word that was said: documents, bundles, audits."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

import t3lens
from t3lens.cli import run
from t3lens.lens.lens import Lens
from t3lens.redact import PLACES
from tests.redact.corpus import planted
from tests.redact.planted_home import Seeds, plant

SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"
HOMES = ("orphaned-by-restart", "retry-loop", "approval-left-open")


@pytest.fixture(scope="module")
def planted_homes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Seeds]:
    """Homes with a secret in every text, and what was planted."""
    folder, seeds = tmp_path_factory.mktemp("planted"), Seeds()
    for name in HOMES:
        shutil.copytree(SAMPLES / name, folder / name)
        seeds = plant(folder / name, seeds)
    return folder, seeds


@pytest.fixture(scope="module")
def lens(planted_homes: tuple[Path, Seeds]) -> Iterator[Lens]:
    with t3lens.open(planted_homes[0], server="dead") as opened:
        yield opened


def leaks(text: str, seeds: Seeds, *, content: bool = False) -> list[str]:
    undone = text.replace("\\\\", "\\").replace("\\/", "/").replace('\\"', '"')
    found = [secret for secret in seeds.secrets if secret in text or secret in undone]
    return found if content else found + [word for word in seeds.spoken if word in text]


def test_enough_was_planted(lens: Lens, planted_homes: tuple[Path, Seeds]) -> None:
    seeds = planted_homes[1]
    assert len(seeds.secrets) > 150
    assert len(seeds.spoken) > 150
    raw = "".join(payload for (payload,) in lens.rows("select payload::varchar from log_events"))
    assert len(leaks(raw, seeds)) > 150


@pytest.mark.parametrize("content", [False, True])
def test_a_report_shows_none(lens: Lens, planted_homes: tuple[Path, Seeds], tmp_path: Path, content: bool) -> None:
    lens.report(tmp_path / "r.html", content=content)
    written = sorted(tmp_path.iterdir())
    assert {path.suffix for path in written} == {".html", ".md", ".svg"}
    for path in written:
        assert leaks(path.read_text("utf-8"), planted_homes[1], content=content) == []


@pytest.mark.parametrize("content", [False, True])
def test_a_bundle_holds_none(lens: Lens, planted_homes: tuple[Path, Seeds], tmp_path: Path, content: bool) -> None:
    everything = [lens.thread_for(one) for one in lens.diagnosis.threads]
    lens.bundle(tmp_path / "b.zip", everything, content=content)
    with zipfile.ZipFile(tmp_path / "b.zip") as packed:
        for name in packed.namelist():
            text = packed.read(name).decode("utf-8", "replace")
            assert leaks(text, planted_homes[1], content=content) == [], name


def test_parquet_holds_none_and_judges_alike(lens: Lens, planted_homes: tuple[Path, Seeds], tmp_path: Path) -> None:
    """None that opens something; paths, hosts and addresses stay, for programs join by them."""
    lens.export_parquet(tmp_path / "tables")
    seeds = Seeds({one.secret for one in planted() if one.kind not in PLACES} & planted_homes[1].secrets)
    assert len(seeds.secrets) > 100
    found = set()
    with duckdb.connect() as con:
        for table in sorted({path.parent for path in (tmp_path / "tables").rglob("*.parquet")}):
            rows = con.execute("from read_parquet(?)", [f"{table}/*.parquet"]).fetchall()
            found |= {(table.relative_to(tmp_path).parts[1], leak) for leak in leaks(repr(rows), seeds)}
    assert found == set()
    with t3lens.open(f"{tmp_path}/tables/**/*.parquet", server="dead") as again:
        told = [{(t.thread_id, t.verdict, t.primary) for t in one.diagnosis.threads} for one in (lens, again)]
    assert told[0] == told[1]


def test_an_audit_shows_none(planted_homes: tuple[Path, Seeds], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_CONFIG", "")
    names = ("a.json", "a.ndjson", "a.xml", "a.sarif", "a.md", "a.html")
    outputs = [word for name in names for word in ("-o", str(tmp_path / name))]
    assert run(["audit", str(planted_homes[0]), "--server", "dead", *outputs]) == 1
    for name in names:
        assert leaks((tmp_path / name).read_text("utf-8"), planted_homes[1]) == [], name
