"""A store for little is written anew once it is filled: smaller, with the same in it, and never while somebody reads it."""

from __future__ import annotations

from pathlib import Path

import pytest

from t3lens.diagnose import Options, ServerSetting
from t3lens.ingest import discover
from t3lens.session.session import Session
from t3lens.store import Store
from tests.audited import SAMPLES


def _filled(tmp_path: Path) -> tuple[Store, Path]:
    file = tmp_path / "store.duckdb"
    store = Store.open(file, for_little=True)
    with Session(
        store, discover([SAMPLES / "aborted-but-running"]), Options(server=ServerSetting.DEAD), progress=False
    ) as session:
        assert session.diagnosis.counts == {"stuck": 1}
    return store, file


def _content(store: Store) -> dict[str, object]:
    with store.read() as con:
        tables = [name for (name,) in con.execute("select table_name from duckdb_tables() order by all").fetchall()]
        views = con.execute("select view_name, column_count from duckdb_views() where not internal order by all").fetchall()
        columns = con.execute(
            "select table_name, column_name, data_type, column_default, is_nullable, comment "
            "from duckdb_columns() where not internal order by all"
        ).fetchall()
        constraints = con.execute("select table_name, constraint_text from duckdb_constraints() order by all").fetchall()
        rows = {name: sorted(map(repr, con.execute(f'from "{name}"').fetchall())) for name in tables}
    assert len(tables) > 20
    return {"views": views, "columns": columns, "constraints": constraints, **rows}


def test_what_is_packed_is_smaller_and_says_the_same(tmp_path: Path) -> None:
    store, file = _filled(tmp_path)
    before, size = _content(store), file.stat().st_size
    store.pack()
    assert file.stat().st_size < 0.85 * size
    assert _content(store) == before
    assert file.stat().st_mode & 0o777 == 0o600
    with Session(
        Store.open(file), discover([SAMPLES / "aborted-but-running"]), Options(server=ServerSetting.DEAD)
    ) as session:
        assert session.diagnosis.counts == {"stuck": 1}


def test_a_store_that_is_read_is_left_alone(tmp_path: Path) -> None:
    store, file = _filled(tmp_path)
    inode = file.stat().st_ino
    with store.read() as con:
        store.pack()
        assert con.execute("select count(*) from threads").fetchone() == (1,)
    assert file.stat().st_ino == inode
    store.pack()
    assert file.stat().st_ino != inode


@pytest.mark.parametrize("content", [b"", b"no database at all"])
def test_what_cannot_be_packed_stays_as_it_is(tmp_path: Path, content: bytes) -> None:
    store, file = _filled(tmp_path)
    file.write_bytes(content)
    store.pack()
    assert file.read_bytes() == content
