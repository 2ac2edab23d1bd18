"""The stores of small homes are packed while nobody uses them: whole after a kill at any point, and never under a reader."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from t3lens.diagnose import Options, ServerSetting
from t3lens.errors import StoreError
from t3lens.fleet import kept_store as kept_stores
from t3lens.fleet.kept_store import kept_store
from t3lens.ingest import discover
from t3lens.session.session import Session
from t3lens.store import Store, file_access
from tests.audited import SAMPLES

HOME = SAMPLES / "aborted-but-running"


class _Kill(BaseException):
    """What a process that is killed does not outlive."""


def _filled(file: Path) -> Store:
    store = Store.open(file, for_little=True)
    with Session(store, discover([HOME]), Options(server=ServerSetting.DEAD), progress=False) as session:
        assert session.diagnosis.counts == {"stuck": 1}
    return store


def _content(store: Store) -> dict[str, list[str]]:
    with store.read() as con:
        tables = [name for (name,) in con.execute("select table_name from duckdb_tables() order by all").fetchall()]
        assert len(tables) > 20
        rows = {name: sorted(map(repr, con.execute(f'from "{name}"').fetchall())) for name in tables}
        views = con.execute("select view_name from duckdb_views() where not internal order by all").fetchall()
    return {**rows, "views": sorted(map(repr, views))}


def test_of_a_small_home_only_a_packed_store_stays_and_says_the_same(tmp_path: Path) -> None:
    with kept_store(tmp_path, "one", is_small=True) as store:
        _filled(tmp_path / "one.duckdb")
        before = _content(store)
    packed = tmp_path / "one.duckdb.gz"
    assert [path for path in tmp_path.iterdir() if path.stat().st_size] == [packed]
    assert packed.stat().st_mode & 0o777 == 0o600
    assert packed.stat().st_size < 1.2 * sum(path.stat().st_size for path in HOME.rglob("*"))
    with kept_store(tmp_path, "one", is_small=False) as store:
        assert not packed.exists()
        assert _content(store) == before
    assert not packed.exists()  # the home has grown


def test_a_store_of_an_earlier_version_is_gone_on_with(tmp_path: Path) -> None:
    before = _content(_filled(tmp_path / "one.duckdb"))
    with kept_store(tmp_path, "one", is_small=True) as store:
        assert _content(store) == before
    unpacked = tmp_path / "unpacked.duckdb"
    unpacked.write_bytes(gzip.decompress((tmp_path / "one.duckdb.gz").read_bytes()))
    assert _content(Store.open(unpacked)) == before


def test_a_store_that_somebody_reads_is_not_packed_under_them(tmp_path: Path) -> None:
    with kept_store(tmp_path, "one", is_small=True):
        _filled(file := tmp_path / "one.duckdb")
        reader = Store.open(file).read()
        con = reader.__enter__()
    assert file.exists()
    assert con.execute("select count(*) from threads").fetchone() == (1,)
    reader.__exit__(None, None, None)
    with kept_store(tmp_path, "one", is_small=True) as store:
        assert len(_content(store)["_verdict"]) == 1
    assert not file.exists()


def test_a_kill_at_any_point_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with kept_store(tmp_path, "one", is_small=True) as store:
        _filled(tmp_path / "one.duckdb")
        before = _content(store)
    writes, removes, done = file_access.replace_file, Path.unlink, 0

    def last(limit: int) -> None:
        """Dies in place of whatever changes a file next, after some changes."""
        nonlocal done
        done += 1
        if done > limit:
            raise _Kill

    for limit in range(20):
        done = 0
        with monkeypatch.context() as patched:
            for module in (file_access, kept_stores):
                patched.setattr(module, "replace_file", lambda *a, limit=limit, **k: (last(limit), writes(*a, **k)))
            patched.setattr(Path, "unlink", lambda *a, limit=limit, **k: (last(limit), removes(*a, **k)))
            try:
                with kept_store(tmp_path, "one", is_small=True) as store:
                    assert _content(store) == before
            except _Kill:
                continue
            break
    assert 4 <= limit < 19
    with kept_store(tmp_path, "one", is_small=True) as store:
        assert _content(store) == before


def test_what_was_made_beside_a_packed_store_does_not_count(tmp_path: Path) -> None:
    """As who opens the file's name while it is packed away begins an empty one."""
    with kept_store(tmp_path, "one", is_small=True) as store:
        _filled(tmp_path / "one.duckdb")
        before = _content(store)
    Store.open(tmp_path / "one.duckdb")
    with kept_store(tmp_path, "one", is_small=True) as store:
        assert _content(store) == before


@pytest.mark.parametrize("content", [b"", b"no gzip at all", gzip.compress(b"1" * 100_000)[:-20]])
def test_a_damaged_packed_store_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "one.duckdb.gz").write_bytes(content)
    with kept_store(tmp_path, "one", is_small=True) as store:
        assert _content(store)["_verdict"] == []
    (aside,) = tmp_path.glob("one.duckdb.gz.damaged-*")
    assert aside.read_bytes() == content


def test_who_opens_a_packed_store_is_told_how(tmp_path: Path) -> None:
    with kept_store(tmp_path, "one", is_small=True):
        pass
    with pytest.raises(StoreError, match=r"gunzip --keep \S+one\.duckdb\.gz"):
        Store.open(tmp_path / "one.duckdb.gz")
