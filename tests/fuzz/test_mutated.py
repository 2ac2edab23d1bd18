"""Whatever a file holds, an audit ends with an answer: no traceback, nothing lost in silence, the other homes judged.

``T3LENS_FUZZ=2000`` mutates so many of each kind (a quarter of the archives); without it a few are.
Mutations depend on their number alone: ``T3LENS_FUZZ_FROM`` says where to begin.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

import t3lens
from t3lens.export.bundle_manifest import seal
from t3lens.export.bundle_open import MANIFEST
from t3lens.sim.scenarios import build_home
from tests.cli.conftest import run as run
from tests.fuzz.mutate import bytes_of, cells_of

_COUNT: Final = int(os.environ.get("T3LENS_FUZZ", "10"))
_FROM: Final = int(os.environ.get("T3LENS_FUZZ_FROM", "0"))
_AT_ONCE: Final = 12
"""Homes in one audit: it is quicker, and one of them must not cost another its answer."""
_STORIES: Final = ("orphaned-turn", "short-and-healthy")

Audit = Callable[[list[Path]], dict[str, Any]]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sources")
    for name in _STORIES:
        build_home(folder / name, name)
    return [folder / name for name in _STORIES]


@pytest.fixture
def audit(run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Audit:
    """Audits paths; a defect shows itself with its traceback."""

    def call(paths: list[Path]) -> dict[str, Any]:
        monkeypatch.setenv("T3LENS_DEBUG", "1")
        said = run("audit", *paths, "--format", "json", "--records", "off")
        assert said.code in (0, 1, 2), said
        assert "Traceback" not in said.err
        document: dict[str, Any] = json.loads(said.out) if said.out else {}
        document["code"], document["err"] = said.code, said.err
        return document

    return call


def _batches(count: int) -> list[range]:
    return [range(start, min(start + _AT_ONCE, _FROM + count)) for start in range(_FROM, _FROM + count, _AT_ONCE)]


def _homes(sources: list[Path], folder: Path, numbers: range, change: Callable[[Path, random.Random], None]) -> list[Path]:
    """Copies with ids of their own, each changed by its number."""
    made = []
    for number in numbers:
        rng = random.Random(number)
        home = folder / f"{number}"
        shutil.copytree(rng.choice(sources), home)
        (home / "userdata" / "environment-id").write_text(f"home-{number}")
        change(home / "userdata", rng)
        made.append(home)
    return made


def _check_homes(document: dict[str, Any], numbers: range) -> None:
    """Every home is there, with a thread of its own or the reason why there is none."""
    by_path = {Path(home["path"]).parent.name: home for home in document["homes"]}
    assert set(by_path) == {str(number) for number in numbers}
    told = {thread["home_id"] for thread in document["threads"]}
    for number, home in by_path.items():
        if home["home_id"] not in told:
            assert home["missing"] or home["cannot_judge"] or home["findings"], (number, home)


def test_mutated_logs(sources: list[Path], tmp_path: Path, audit: Audit) -> None:
    def change(userdata: Path, rng: random.Random) -> None:
        files = sorted((userdata / "logs").rglob("*.log")) + sorted((userdata / "logs").rglob("*.ndjson"))
        file = rng.choice(files)
        file.write_bytes(bytes_of(file.read_bytes(), rng))

    for numbers in _batches(_COUNT):
        folder = tmp_path / f"{numbers.start}"
        document = audit(_homes(sources, folder, numbers, change))
        _check_homes(document, numbers)
        assert len(document["threads"]) >= len(numbers)  # the databases still tell of each
        shutil.rmtree(folder)


@pytest.mark.parametrize("what", ["bytes", "cells"])
def test_mutated_databases(sources: list[Path], tmp_path: Path, audit: Audit, what: str) -> None:
    def change(userdata: Path, rng: random.Random) -> None:
        database = userdata / "state.sqlite"
        if what == "bytes":
            database.write_bytes(bytes_of(database.read_bytes(), rng))
        else:
            cells_of(database, rng)

    for numbers in _batches(_COUNT // 2):
        folder = tmp_path / f"{numbers.start}"
        _check_homes(audit(_homes(sources, folder, numbers, change)), numbers)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def bundle(sources: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "b.zip"
    with t3lens.open(sources[0], server="dead") as lens:
        lens.bundle(path, [lens.thread_for(thread) for thread in lens.diagnosis.threads])
    return path


def test_mutated_bundles_are_refused_or_judged_alike(bundle: Path, tmp_path: Path, audit: Audit) -> None:
    whole = {(t["thread_id"], t["verdict"]) for t in audit([bundle])["threads"]}
    for number in range(_FROM, _FROM + _COUNT):
        path = tmp_path / "b.zip"
        path.write_bytes(bytes_of(bundle.read_bytes(), random.Random(number)))
        document = audit([path])
        if document["code"] != 2:
            assert {(t["thread_id"], t["verdict"]) for t in document["threads"]} == whole, number


def test_mutated_manifests_are_refused_or_judged(bundle: Path, tmp_path: Path, audit: Audit) -> None:
    """Also those whose digest was made to fit: no value of a manifest is taken for what it is not."""
    with zipfile.ZipFile(bundle) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    for number in range(_FROM, _FROM + _COUNT):
        rng = random.Random(number)
        said = json.loads(files[MANIFEST])
        if number % 2:
            data = bytes_of(files[MANIFEST], rng)
        else:
            _change_a_value(said, rng)
            data = json.dumps(seal(said)).encode()
        path = tmp_path / "b.zip"
        with zipfile.ZipFile(path, "w") as out:
            for name, content in files.items():
                out.writestr(name, data if name == MANIFEST else content)
        document = audit([path])
        assert number % 2 == 0 or document["code"] == 2 or json.loads(data) == json.loads(files[MANIFEST]), number


def _change_a_value(said: Any, rng: random.Random) -> None:
    """Somewhere in JSON, another value."""
    place = said
    while True:
        key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
        if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.2:
            place[key] = rng.choice((None, -1, 1 << 70, "", "\ud800", [], {}, 0.5, True, "dead", "x" * 1000, {"a": []}))
            return
        place = place[key]


def test_mutated_archives_are_refused_or_judged_alike(sources: list[Path], tmp_path: Path, audit: Audit) -> None:
    archive = tmp_path / "archive"
    with t3lens.open(sources[0], server="dead") as lens:
        lens.export_parquet(archive)
    files = sorted(path for path in archive.rglob("*") if path.is_file() and "views" not in path.parts)
    whole = {t["thread_id"] for t in audit([Path(f"{archive}/**/*.parquet")])["threads"]}
    for number in range(_FROM, _FROM + max(_COUNT // 4, 4)):
        rng = random.Random(number)
        file = rng.choice(files)
        before = file.read_bytes()
        if rng.random() < 0.2:
            file.unlink()
        elif rng.random() < 0.6:  # of the same size, so that only reading it tells
            data = bytearray(before)
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            file.write_bytes(data)
        else:
            file.write_bytes(bytes_of(before, rng))
        document = audit([Path(f"{archive}/**/*.parquet")])
        if document["code"] != 2:
            assert {t["thread_id"] for t in document["threads"]} == whole, (number, file)
        file.write_bytes(before)
