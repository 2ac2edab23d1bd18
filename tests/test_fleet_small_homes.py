"""Small homes that are read, asked about and audited together: each as if it were alone, and none at another's cost."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

from t3lens.diagnose import Options, ServerSetting, queries
from t3lens.diagnose.home_queries import small_together
from t3lens.errors import T3LensError
from t3lens.fleet import processes
from t3lens.fleet.many_homes import audit_fleet
from t3lens.fleet.one_home import AuditRequest, audit_one
from t3lens.fleet.outcome import HomeOutcome
from t3lens.fleet.processes import _audit
from t3lens.fleet.small_homes import audit_together, groups
from t3lens.ingest import Home, IngestOptions, discover, ingest, small_homes
from t3lens.sim.home import SimHome
from t3lens.sim.script import Ask, Say, Silence, Tool
from t3lens.store import Store

SAMPLES = Path(__file__).resolve().parents[1] / "sample_logs"
NAMES = ("healthy", "healthy-gen2", "orphaned-by-restart", "approval-left-open", "v2-interrupt-held")
DEAD = Options(server=ServerSetting.DEAD)
ASKED = AuditRequest(DEAD, None, None)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    folder = tmp_path / "archive"
    for name in NAMES:
        shutil.copytree(SAMPLES / name, folder / name)
    return folder


def homes_in(folder: Path) -> list[Home]:
    return sorted(discover([folder]), key=lambda home: str(home.path))


def alone(home: Home) -> object:
    try:
        return audit_one(home, ASKED)[1]
    except T3LensError as error:
        return str(error)


def rows_of(store: Store, home_id: str, table: str) -> list[str]:
    """Rows of a home but for what counts rows of the whole store, and when it was read."""
    numbers = (
        "'file_key', 'snapshot_id', 'last_ingested_at', 'taken_at', 'last_seen_at', 'read_at', 'read_us', 'since', 'until'"
    )
    columns = store.table(
        "select column_name from duckdb_columns() where table_name = ? and column_name not in "
        f"({numbers}) order by column_index",
        [table],
    )
    names = ", ".join(f'"{name}"' for name in columns.column(0).to_pylist())
    source = {
        "_snapshot_rows": "_snapshot_rows join _snapshots using (snapshot_id)",
        "_quarantine": "_quarantine join (select file_key, home_id from _files) using (file_key)",
    }.get(table, table)
    return sorted(map(str, store.table(f"select {names} from {source} where home_id = ?", [home_id]).to_pylist()))


def hurt(folder: Path) -> None:
    """Make one home of each kind that is otherwise than most: each has to be told of as if it were alone."""
    for name in ("damaged", "cut", "without", "odd", "malformed", "littered"):
        told = SimHome(folder / name, build="0.0.33", seed=name)
        told.project("project")
        told.turn(told.thread("A thread", provider="codex"), "Go on.", Say("words", 0.05))
        told.close()
    (folder / "damaged" / "userdata" / "state.sqlite").write_bytes(b"no database" * 99)
    database = folder / "cut" / "userdata" / "state.sqlite"
    database.write_bytes(database.read_bytes()[: database.stat().st_size // 2])
    (folder / "without" / "userdata" / "state.sqlite").unlink()
    with sqlite3.connect(folder / "odd" / "userdata" / "state.sqlite") as con:
        con.execute("drop table projection_turns")
    con.close()
    for name in ("malformed", "littered"):
        (log,) = (folder / name / "userdata" / "logs" / "provider").glob("*.log")
        lines = log.read_bytes().splitlines(keepends=True)
        third = lines[2][:-9] + b"}\n" if name == "malformed" else b"no record\n"
        log.write_bytes(b"".join([*lines[:2], third, *lines[2:], b"[2026-"]))
    for path in folder.rglob("*"):  # a database that was just written has no stamp, and a busy machine decides how just
        os.utime(path, (1_700_000_000, 1_700_000_000))


def test_audited_together_each_is_as_if_it_were_alone(archive: Path) -> None:
    hurt(archive)
    for number, build in enumerate(("0.0.23", "0.0.28", "0.0.33")):
        told = SimHome(archive / f"made-{number}", build=build, seed=f"made/{number}")
        told.project("project")
        told.turn(told.thread("A", provider="opencode"), "Go on.", Say("words", 0.05), Tool("make", 0.5, output="line\n"))
        left = told.thread("Left behind", provider="codex")
        told.send(left, "Begin.", Say("I begin"), *([Ask()] if number else [Silence(3600)]))
        told.wait_request(left) if number else told.wait_running(left)
        told.kill_server()
        told.close()
    homes = homes_in(archive)
    assert groups(homes, ASKED, 1) == [list(range(len(homes)))]
    found = audit_together(homes, ASKED)
    audited = [one for one in found if one is not None]
    assert len(audited) > len(homes) // 2
    assert {thread.verdict.value for one in audited for thread in one.document.threads} == {"idle", "stuck"}
    assert audited == [alone(home) for home, one in zip(homes, found, strict=True) if one is not None]


def test_groups_change_no_document(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(archive / "healthy-gen2")
    shutil.copytree(archive / "healthy", archive / "healthy-copy")
    (archive / "approval-left-open" / "userdata" / "state.sqlite").write_bytes(b"no database" * 99)
    many = audit_fleet([archive], jobs=1, options=DEAD)
    monkeypatch.setattr(processes, "groups", lambda homes, *_: [[number] for number in range(len(homes))])
    each = audit_fleet([archive], jobs=1, options=DEAD)
    assert many.document == each.document
    assert many.failed == each.failed
    assert many.homes == len(homes_in(archive)) == len(many.document.homes) + len(many.failed)


def test_read_together_the_store_holds_what_it_would_of_each(archive: Path) -> None:
    hurt(archive)
    homes = homes_in(archive)
    options = IngestOptions(server="dead")
    many = Store.open()
    report = ingest(many, homes, progress=lambda *_: None, options=options)
    tables = many.table("select table_name from duckdb_columns() where column_name = 'home_id' and not internal")
    tables = {name for name in tables.column(0).to_pylist() if name.startswith("_")} & {
        row[0] for row in many.table("select table_name from duckdb_tables()").to_pandas().to_numpy().tolist()
    }
    assert {"_log_events", "_orchestration_events", "_files", "_provider_records"} <= tables
    for home, said in zip(homes, report.homes, strict=True):
        single = Store.open()
        (wanted,) = ingest(single, [home], progress=lambda *_: None, options=options).homes
        assert said == wanted
        for table in sorted(tables | {"_snapshot_rows", "_quarantine"}):
            assert rows_of(many, home.home_id, table) == rows_of(single, home.home_id, table), (home.path, table)
        single.close()
    many.close()


def test_most_homes_are_read_together(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hurt(archive)
    shutil.rmtree(archive / "malformed")
    homes = homes_in(archive)
    read: list[dict[str, object]] = []
    original = small_homes.read_together
    monkeypatch.setattr(small_homes, "read_together", lambda *given: read.append(original(*given)) or read[-1])
    with_one = Store.open()
    ingest(with_one, homes, progress=lambda *_: None, options=IngestOptions(server="dead"))
    (found,) = read
    names = {home.path.parent.name for home in homes if home.home_id in found}
    assert {"healthy", "orphaned-by-restart", "littered"} <= names
    assert not names & {"damaged", "cut", "without", "odd", "v2-interrupt-held"}
    again = ingest(with_one, homes, progress=lambda *_: None, options=IngestOptions(server="dead"))
    assert len(read) == 1
    assert again.records == again.events == 0
    with_one.close()


def test_a_question_of_several_homes_gives_each_the_rows_it_gives_of_one(archive: Path) -> None:
    homes = homes_in(archive)
    ids = [home.home_id for home in homes]
    store = Store.open()
    ingest(store, homes, progress=lambda *_: None, options=IngestOptions(server="dead"))
    given = {"clock": 1, "types": ["turn.started", "turn.completed"]}
    asked = [getattr(queries, name) for name in queries.__all__ if isinstance(getattr(queries, name), str)]
    shared = [sql for sql in asked if queries.of_many(sql) is not None]
    assert len(shared) > 20
    (group,) = set(small_together(store, ids))
    assert group is not None
    with store.read() as con:
        newest = dict(con.execute("select home_id, max(snapshot_id) from _snapshots group by home_id").fetchall())
        for sql in shared:
            restricted, _ = queries.only(sql, None)
            params = {name: value for name, value in given.items() if f"${name}" in sql}
            for home_id in ids:
                own = {"snapshot": newest[home_id]} if "$snapshot" in restricted else {"home": home_id}
                wanted = con.execute(restricted, params | own).fetchall()
                rows = group.rows(con, sql, newest[home_id] if "$snapshot" in restricted else home_id, params)
                counts = len(wanted) == 1 and not any(wanted[0])
                ordered = "order by" in sql
                same = rows == wanted if ordered else sorted(map(str, rows)) == sorted(map(str, wanted))
                assert same or (rows == [] and counts), sql
    store.close()


def _ends_with_several(homes: list[Home], asked: AuditRequest) -> list[HomeOutcome | None]:
    """A process that does not survive homes that are audited together."""
    if len(homes) > 1:
        os._exit(7)
    return _audit(homes, asked)


def test_what_ends_a_process_costs_no_home_that_was_read_with_others(archive: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t3lens.fleet.processes._audit", _ends_with_several)
    found = audit_fleet([archive], jobs=1, options=DEAD)
    assert not found.failed
    assert [home.path for home in found.document.homes] == [str(home.path) for home in homes_in(archive)]
    assert found.document.threads
