"""One store, several processes: readers are let in, writers take turns, nothing is lost to a kill."""

from __future__ import annotations

import os
import signal
import stat
import struct
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import duckdb
import pytest

from t3lens.errors import StoreError
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store, empty_store, file_access
from tests.ingest.disk import lines, stored_ids


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.duckdb"


def python(code: str, *args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *args],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


def put(store: Store, key: str, value: str) -> None:
    with store.write() as con:
        con.execute("INSERT OR REPLACE INTO _meta VALUES (?, ?)", [key, value])


def get(store: Store, key: str) -> str | None:
    rows = store.table("SELECT value FROM _meta WHERE key = ?", [key]).column(0).to_pylist()
    return rows[0] if rows else None


def test_a_store_keeps_what_was_written(path: Path) -> None:
    put(Store.open(path), "a", "1")
    assert get(Store.open(path), "a") == "1"


def test_a_store_in_memory_leaves_nothing_behind(tmp_path: Path) -> None:
    store = Store.open()
    put(store, "a", "1")
    store.close()
    assert list(tmp_path.iterdir()) == []


def test_a_failed_transaction_leaves_nothing(path: Path) -> None:
    store = Store.open(path)
    with pytest.raises(RuntimeError), store.write() as con:
        con.execute("INSERT INTO _meta VALUES ('a', '1')")
        raise RuntimeError
    assert get(store, "a") is None


def test_reads_nest_and_a_write_inside_a_read_is_refused(path: Path) -> None:
    store = Store.open(path)
    with store.read(), store.read() as con:
        assert con.execute("SELECT 1").fetchall() == [(1,)]
        with pytest.raises(StoreError, match="inside a read"), store.write():
            pass
    put(store, "a", "1")


def test_threads_share_a_store(path: Path) -> None:
    store = Store.open(path)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for i in range(5):
                put(store, f"k{number}", str(i))
                assert get(store, f"k{number}") == str(i)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []


_READER = """
import sys
from pathlib import Path
from t3lens.store import Store, file_access
store = Store.open(Path(sys.argv[1]))
print("ready", flush=True)
seen = 0
for _ in range(40):
    value = int(store.table("SELECT value FROM _meta WHERE key = 'n'").column(0).to_pylist()[0])
    assert value >= seen
    seen = value
print("done", seen, flush=True)
"""


def test_readers_of_other_processes_are_let_in_between_transactions(path: Path) -> None:
    store = Store.open(path)
    put(store, "n", "0")
    readers = [python(_READER, str(path)) for _ in range(2)]
    number = 0
    with store.writing() as session:
        # The writer never lets go on its own: only readers at the door make it.
        while any(reader.poll() is None for reader in readers):
            number += 1
            assert number < 1_000_000
            with session.transaction() as con:
                con.execute("INSERT OR REPLACE INTO _meta VALUES ('n', ?)", [str(number)])
    for reader in readers:
        out, _ = reader.communicate(timeout=60)
        assert reader.returncode == 0
        assert out.splitlines()[-1].startswith("done")


_HOLDER = """
import sys
from pathlib import Path
from t3lens.store import Store, file_access
store = Store.open(Path(sys.argv[1]))
with store.ingesting(), store.writing() as session:
    with session.transaction() as con:
        con.execute("INSERT INTO _meta VALUES ('kept', 'yes')")
    with session.transaction() as con:
        con.execute("INSERT INTO _meta VALUES ('lost', 'yes')")
        print("holding", flush=True)
        sys.stdin.readline()
"""


def test_a_killed_writers_lock_is_taken_over_and_its_commits_stay(path: Path) -> None:
    holder = python(_HOLDER, str(path))
    assert holder.stdout is not None
    assert holder.stdout.readline() == "holding\n"
    holder.send_signal(signal.SIGKILL)
    holder.communicate(timeout=30)
    store = Store.open(path)
    with store.ingesting():
        put(store, "next", "1")
    assert (get(store, "kept"), get(store, "lost")) == ("yes", None)


def test_a_newer_store_is_refused_by_name(path: Path) -> None:
    put(Store.open(path), "schema_version", "999")
    with pytest.raises(StoreError, match="newer t3lens") as caught:
        Store.open(path)
    assert caught.value.code == "store-newer"


def test_a_store_of_another_duckdb_is_refused_by_name_and_left_alone(path: Path) -> None:
    Store.open(path)
    data = bytearray(path.read_bytes())
    # The head of a DuckDB file: checksum of the rest of the block, "DUCK", version of the storage.
    assert data[8:12] == b"DUCK"
    data[12:20] = struct.pack("<Q", struct.unpack("<Q", data[12:20])[0] + 1)
    checksum = 5381
    for (word,) in struct.iter_unpack("<Q", data[8:4096]):
        checksum ^= word * 0xBF58476D1CE4E5B9 & (1 << 64) - 1
    data[:8] = struct.pack("<Q", checksum)
    path.write_bytes(data)
    with pytest.raises(StoreError, match=r"incompatible DuckDB .* name another store") as caught:
        Store.open(path)
    assert caught.value.code == "store-incompatible"
    assert str(path) in str(caught.value)
    assert path.read_bytes() == data


def test_a_store_that_another_connection_of_this_process_has_open_is_busy(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store.open(path)
    monkeypatch.setattr(file_access, "_READ_WAIT_S", 0.1)
    with (
        duckdb.connect(str(path)),
        pytest.raises(StoreError, match="try again") as caught,
        store.read(),
    ):
        pass
    assert caught.value.code == "store-busy"
    assert get(store, "schema_version") is not None


def test_other_peoples_files_are_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("my notes")
    with pytest.raises(StoreError, match="left alone"):
        Store.open(text)
    assert text.read_text() == "my notes"
    other = tmp_path / "other.duckdb"
    con = duckdb.connect(str(other))
    con.execute("CREATE TABLE mine (a INTEGER)")
    con.close()
    with pytest.raises(StoreError, match="no t3lens store"):
        Store.open(other)


@pytest.mark.parametrize("damage", ["head", "all", "rows"])
def test_a_damaged_store_is_set_aside_and_rebuilt(path: Path, tmp_path: Path, damage: str) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.log").write_bytes(lines(1, 4000))
    store = Store.open(path)
    options = IngestOptions(server="dead")
    ingest(store, discover([logs]), options=options)
    data = bytearray(path.read_bytes())
    start, stop = {"head": (0, 8192), "all": (0, len(data)), "rows": (3 * 4096, len(data))}[damage]
    data[start:stop] = b"\x5a" * (stop - start)
    path.write_bytes(data)
    again = Store.open(path)
    (logs / "a.log").write_bytes(lines(1, 4001))
    report = ingest(again, discover([logs]), options=options)
    assert report.set_aside is not None
    assert Path(report.set_aside).read_bytes() == bytes(data)
    assert "set aside" in repr(report)
    assert len(stored_ids(again)) == 4001


def test_an_older_schema_is_brought_forward(path: Path) -> None:
    store = Store.open(path)
    with store.write() as con:
        con.execute("UPDATE _meta SET value = 'old' WHERE key = 'schema_fingerprint'")
        con.execute("DROP VIEW log_events")
    assert Store.open(path).table("SELECT count(*) AS n FROM log_events").to_pylist() == [{"n": 0}]


def test_a_store_and_its_log_are_for_this_user_alone_from_the_first_byte(tmp_path: Path) -> None:
    path, seen = tmp_path / "s.duckdb", set()

    def look() -> None:
        seen.update((one.name, stat.S_IMODE(one.stat().st_mode)) for one in tmp_path.iterdir())

    before = os.umask(0o022)
    try:
        store = Store.open(path)
        with store.writing() as session:
            for number in range(3):
                with session.transaction() as con:
                    con.execute("INSERT OR REPLACE INTO _meta VALUES ('x', ?)", [str(number)])
                look()
                session.connection().execute("CHECKPOINT")
    finally:
        os.umask(before)
    assert ("s.duckdb.wal", 0o600) in seen
    assert {mode for _, mode in seen} == {0o600}


def test_a_store_that_others_could_read_is_private_once_it_is_written(tmp_path: Path) -> None:
    path = tmp_path / "s.duckdb"
    Store.open(path).close()
    path.chmod(0o644)
    store = Store.open(path)
    with store.read() as con:
        con.execute("from homes").fetchall()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644  # reading changes nothing
    with store.write() as con:
        con.execute("INSERT INTO _meta VALUES ('a', 'b')")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_somebodys_own_database_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "own.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute("CREATE TABLE t (a INTEGER)")
    path.chmod(0o644)
    with pytest.raises(StoreError, match="no t3lens store"):
        Store.open(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_a_store_for_little_is_less_than_half_of_one_for_much(tmp_path: Path) -> None:
    sizes = []
    for name, for_little in (("much", False), ("little", True)):
        store = Store.open(tmp_path / name, for_little=for_little)
        put(store, "a", "1")
        assert get(Store.open(tmp_path / name), "a") == "1", "opened like any other"
        sizes.append((tmp_path / name).stat().st_size)
    assert sizes[1] < sizes[0] / 2


def test_stores_that_are_copied_are_as_one_that_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first of a machine is made, later ones are copied."""
    monkeypatch.setattr(empty_store, "user_folder", lambda: tmp_path)
    assert empty_store.empty_store() is None
    with closing(Store.open(tmp_path / "made.duckdb")) as made:
        right = _everything_in_the_catalog(made)
    for number in range(3):
        with closing(Store.open()) as store:
            assert _everything_in_the_catalog(store) == right
            for _ in range(2):
                with store.write() as con:
                    assert con.execute("SELECT nextval('_snapshot_ids')").fetchall() == [(1,)]
                store.empty()
        with closing(Store.open(tmp_path / f"{number}.duckdb", for_little=True)) as store:
            assert _everything_in_the_catalog(store) == right
    left = empty_store.empty_store()
    assert left is not None
    assert left.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"no database at all"])
def test_a_damaged_pattern_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(empty_store, "user_folder", lambda: tmp_path)
    Store.open().close()
    left = empty_store.empty_store()
    assert left is not None
    left.write_bytes(content)
    with closing(Store.open()) as store, store.read() as con:
        assert con.execute("select count(*) from threads").fetchall() == [(0,)]
    assert left.stat().st_size > 100_000


def _everything_in_the_catalog(store: Store) -> list[list[object]]:
    asked = (
        "SELECT view_name FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
        "SELECT table_name, sql FROM duckdb_tables() WHERE NOT internal",
        "SELECT table_name, column_name, data_type, is_nullable, column_default FROM duckdb_columns()"
        " WHERE NOT internal ORDER BY ALL",
        "SELECT table_name, constraint_text FROM duckdb_constraints() ORDER BY ALL",
        "SELECT sequence_name, start_value FROM duckdb_sequences()",
        "FROM _meta ORDER BY ALL",
    )
    with store.read() as con:
        return [con.execute(query).fetchall() for query in asked]
