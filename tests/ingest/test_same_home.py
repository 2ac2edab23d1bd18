"""Two copies of one environment are two homes in a store, in whatever order; one that moved is one."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest

import t3lens
from t3lens.sim.scenarios import build_home
from t3lens.store import Store
from tests.ingest.disk import read


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("source") / "home"
    build_home(home, "orphaned-turn")
    return home


def _homes(store: Path) -> dict[str, str]:
    with t3lens.open(store=store, server="dead") as lens:
        return dict(lens.rows("select path, home_id from homes"))


def _threads(store: Path) -> int:
    with t3lens.open(store=store, server="dead") as lens:
        return len(lens.diagnosis.threads)


@pytest.mark.parametrize("order", [*itertools.permutations("ab"), ("ab", "b", "a"), ("b", "ab", "a"), ("a", "ba")])
def test_copies_keep_apart_whatever_the_order(source: Path, tmp_path: Path, order: tuple[str, ...]) -> None:
    for name in "ab":
        shutil.copytree(source, tmp_path / name)
    store = tmp_path / "store.duckdb"
    seen: dict[str, str] = {}
    for names in (*order, *order):
        with t3lens.open([tmp_path / name for name in names], store=store, server="dead") as lens:
            assert len(lens.diagnosis.threads) == len(names)
            for home in lens.homes:
                assert seen.setdefault(str(home.path), home.home_id) == home.home_id
    assert _homes(store) == seen
    assert len(set(seen.values())) == 2
    assert _threads(store) == 2


def test_a_home_that_moved_is_the_same(source: Path, tmp_path: Path) -> None:
    shutil.copytree(source, tmp_path / "old")
    store = tmp_path / "store.duckdb"
    with t3lens.open(tmp_path / "old", store=store, server="dead") as lens:
        before = lens.home_ids
    (tmp_path / "old").rename(tmp_path / "new")
    with t3lens.open(tmp_path / "new", store=store, server="dead") as lens:
        assert lens.home_ids == before
    assert list(_homes(store)) == [str(tmp_path / "new" / "userdata")]
    assert _threads(store) == 1


def test_a_copy_whose_original_is_gone_stays_a_copy(source: Path, tmp_path: Path) -> None:
    for name in "ab":
        shutil.copytree(source, tmp_path / name)
    store = tmp_path / "store.duckdb"
    for name in "ab":
        t3lens.open(tmp_path / name, store=store, server="dead").close()
    before = _homes(store)
    shutil.rmtree(tmp_path / "a")
    t3lens.open(tmp_path / "b", store=store, server="dead").close()
    assert _homes(store) == before


def test_a_renamed_folder_of_logs_is_not_counted_twice(source: Path, tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    shutil.copytree(source / "userdata" / "logs" / "provider", logs)
    store = Store.open(tmp_path / "store.duckdb")
    read(store, logs)
    ((before,),) = (store.table("SELECT count(*) FROM log_events").to_pandas().to_numpy().tolist(),)
    logs.rename(tmp_path / "renamed")
    read(store, tmp_path / "renamed")
    assert store.table("SELECT count(*) AS n FROM log_events").to_pylist() == [{"n": before[0]}]
    assert [row["path"] for row in store.table("SELECT path FROM homes").to_pylist()] == [str(tmp_path / "renamed")]


def test_another_folder_of_logs_is_another(source: Path, tmp_path: Path) -> None:
    """Also where the one before it is gone."""
    first, second = tmp_path / "first", tmp_path / "second"
    shutil.copytree(source / "userdata" / "logs" / "provider", first)
    store = Store.open(tmp_path / "store.duckdb")
    read(store, first)
    shutil.rmtree(first)
    other = tmp_path / "other"
    build_home(other, "short-and-healthy")
    shutil.copytree(other / "userdata" / "logs" / "provider", second)
    read(store, second)
    assert len(store.table("SELECT path FROM homes").to_pylist()) == 2
