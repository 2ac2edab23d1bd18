"""Databases and logs of the second data model are read whole, once, and for the right thread."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from t3lens.ingest import discover, ingest
from t3lens.ingest.databases import choose, databases_in
from t3lens.ingest.server import ServerState
from t3lens.store import Store
from t3lens.t3code.v2.schema import TABLES
from tests.recordings import RECORDED_V2, needs_recordings_v2, recordings_v2

pytestmark = needs_recordings_v2

BOTH = "0.0.46-layout/upgraded-v1-stuck-v2-idle/1-state"
SHARED = "0.0.31-20260807/20-frozen-a-blocks-b-codex/2-after-cont"
EVENT = (
    "insert into orchestration_events (event_id, aggregate_kind, stream_id, stream_version, event_type, occurred_at, "
    "actor_kind, payload_json, metadata_json) values ('later', 'thread', 't', 1, 'thread.settled', "
    "'2027-01-01T00:00:00.000Z', 'server', '{}', '{}')"
)


def _copy(name: str, folder: Path) -> Path:
    shutil.copytree(RECORDED_V2 / name / "userdata", folder / "userdata")
    for path in [folder / "userdata", *(folder / "userdata").rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    return folder / "userdata"


def _sql(database: Path, statement: str) -> None:
    with closing(sqlite3.connect(database)) as con, con:
        con.execute(statement)


@pytest.mark.parametrize("recording", recordings_v2(), ids=lambda recording: recording.name)
def test_every_row_of_every_table_is_kept_with_its_payload(recording) -> None:  # type: ignore[no-untyped-def]
    with closing(Store.open()) as store:
        ingest(store, discover([recording.path]))
        kept = {
            row["table_name"]: row["n"]
            for row in store.table(
                "from _entities select table_name, count(*) as n where until is null group by all"
            ).to_pylist()
        }
        for table in TABLES:
            assert kept.get(table.name, 0) == len(recording.rows_v2(table.source)), table.name
        bare = "from runs select count(*) as n where payload is null or payload ->> 'id' <> run_id"
        assert store.table(bare).to_pylist() == [{"n": 0}]


def test_a_row_that_changes_stands_once_before_and_once_after(tmp_path: Path) -> None:
    home = _copy(SHARED, tmp_path)
    versions = (
        "from _entities select key, content ->> 'status' as status, until is null as now "
        "where table_name = 'runs' order by key, since"
    )
    with closing(Store.open()) as store:
        homes = discover([home])
        ingest(store, homes)
        once = store.table(versions).to_pylist()
        ingest(store, homes)
        assert store.table(versions).to_pylist() == once
        _sql(
            home / "state.sqlite",
            "update orchestration_v2_projection_runs set status = 'rolled_back' where status = 'completed'",
        )
        ingest(store, homes)
        after = store.table(versions).to_pylist()
        assert [(r["status"], r["now"]) for r in after if r["status"] != "interrupted"] == [
            ("completed", False),
            ("rolled_back", True),
        ]


def test_events_that_compaction_took_away_stay_and_none_is_read_twice(tmp_path: Path) -> None:
    home = _copy(SHARED, tmp_path)
    count = "from orchestration_events select count(*) as n, count(distinct sequence) as different"
    with closing(Store.open()) as store:
        homes = discover([home])
        ingest(store, homes)
        before = store.table(count).to_pylist()
        newest = "(select max(sequence) from orchestration_events)"
        _sql(home / "state.sqlite", f"delete from orchestration_events where sequence = {newest}")
        ingest(store, homes)
        assert store.table(count).to_pylist() == before


def test_records_of_a_shared_process_are_divided_among_its_threads() -> None:
    with closing(Store.open()) as store:
        ingest(store, discover([RECORDED_V2 / SHARED]))
        lines = store.table(
            "from log_events select thread_id, count(*) as n where type like 'turn/%' group by all"
        ).to_pylist()
        threads = {row["thread_id"] for row in store.table("from threads").to_pylist()}
        assert {row["thread_id"] for row in lines} == threads
        assert store.table("from homes select log_generation as g").to_pylist() == [{"g": 3}]


@pytest.mark.parametrize(("protocol", "name"), [(2, "statev2.sqlite"), (None, "state.sqlite")])
def test_a_server_that_runs_says_which_database_is_in_use(protocol: int | None, name: str) -> None:
    (home,) = discover([RECORDED_V2 / BOTH])
    server = ServerState("alive", None, "0.0.46", 1, "http://127.0.0.1:1", "asked", protocol)
    chosen = choose(databases_in(home), server=server, alive=True, busy_s=1)
    assert chosen is not None
    assert (chosen.path.name, chosen.sure) == (name, True)


@pytest.mark.parametrize(("protocol", "name"), [(2, "statev2.sqlite"), (None, "state.sqlite")])
def test_of_two_databases_of_the_second_model_the_branch_of_august_uses_the_old_name(
    protocol: int | None, name: str, tmp_path: Path
) -> None:
    home = _copy(BOTH, tmp_path)
    shutil.copyfile(home / "statev2.sqlite", home / "state.sqlite")
    (found,) = discover([home])
    server = ServerState("alive", None, "0.0.46", 1, "http://127.0.0.1:1", "asked", protocol)
    chosen = choose(databases_in(found), server=server, alive=True, busy_s=1)
    assert chosen is not None
    assert (chosen.path.name, chosen.model, chosen.sure) == (name, "v2", True)


@pytest.mark.parametrize("name", ["state.sqlite", "statev2.sqlite"])
def test_without_a_server_it_is_the_one_written_last_and_not_sure(name: str, tmp_path: Path) -> None:
    home = _copy(BOTH, tmp_path)
    _sql(home / name, EVENT)
    with closing(Store.open()) as store:
        ingest(store, discover([home]))
        used = store.table("from databases select name, sure where in_use").to_pylist()
        assert used == [{"name": name, "sure": False}]
        threads = store.table("from threads select thread_id").to_pylist()
        assert len(threads) == len({row["thread_id"] for row in threads}) == 1


def test_the_other_database_taking_over_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    home = _copy(BOTH, tmp_path)
    with closing(Store.open()) as store:
        homes = discover([home])
        ingest(store, homes)
        assert store.table("from _entities select count(*) as n").to_pylist() != [{"n": 0}]
        _sql(home / "state.sqlite", EVENT)
        ingest(store, homes)
        assert store.table("from _entities select count(*) as n").to_pylist() == [{"n": 0}]
        assert len(store.table("from turns").to_pylist()) > 0
