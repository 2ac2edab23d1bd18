"""One thread diagnosed again says what a whole diagnosis says, whatever of its home has changed since."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from t3lens.diagnose import Options, ServerSetting, diagnose, rediagnose
from t3lens.diagnose.results import save
from t3lens.ingest import discover, ingest
from t3lens.store import Store
from tests.recordings import RECORDED, needs_recordings

pytestmark = needs_recordings


def nothing(home: Path) -> None:
    pass


def a_line(home: Path) -> None:
    log = next((home / "userdata" / "logs" / "provider").glob("*.log"))
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join([*lines, *(line for line in lines if b'"type":"turn.started"' in line)]))


def an_unreadable_line(home: Path) -> None:
    log = next((home / "userdata" / "logs" / "provider").glob("*.log"))
    with log.open("ab") as stream:
        stream.write(b"no record at all\n")


def a_session(home: Path) -> None:
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as database, database:
        database.execute("update projection_thread_sessions set status = 'running'")


def an_event(home: Path) -> None:
    with closing(sqlite3.connect(home / "userdata" / "state.sqlite")) as database, database:
        database.row_factory = sqlite3.Row
        (last,) = database.execute(
            "select * from orchestration_events where event_type = 'thread.session-set' order by sequence desc limit 1"
        )
        sequence, version = database.execute(
            "select max(sequence) + 1, max(stream_version) + 1 from orchestration_events"
        ).fetchone()
        new = {**last, "sequence": sequence, "stream_version": version, "event_id": "another"}
        database.execute(
            f"insert into orchestration_events ({', '.join(new)}) values ({', '.join('?' * len(new))})",
            tuple(new.values()),
        )


@pytest.mark.parametrize("change", [nothing, a_line, an_unreadable_line, a_session, an_event])
def test_again_is_as_a_whole_diagnosis(change: Callable[[Path], None], tmp_path: Path) -> None:
    shutil.copytree(RECORDED / "0.0.28/02-multi-turn/1-live", tmp_path / "home")
    options = Options(server=ServerSetting.ALIVE, as_of=1_800_000_000_000_000)
    with closing(Store.open(tmp_path / "store.duckdb")) as store:
        homes = discover([tmp_path / "home"])
        ingest(store, homes)
        before = diagnose(store, [homes[0].home_id], options)
        change(tmp_path / "home")
        ingest(store, homes)
        whole = diagnose(store, [homes[0].home_id], options)
        again = rediagnose(store, before, [thread.thread_id for thread in before.threads])
    (old,), (one,), (other,) = (d.threads for d in (before, whole, again))
    assert other.case.facts == one.case.facts
    assert (other.verdict, other.primary, other.since) == (one.verdict, one.primary, one.since)
    assert other.findings == one.findings
    assert (one.case.facts == old.case.facts) == (change is nothing)


def test_written_again_the_store_is_as_after_a_whole_diagnosis(tmp_path: Path) -> None:
    shutil.copytree(RECORDED / "0.0.28/07-kill9-server/5-after-next-turn", tmp_path / "home")
    options = Options(server=ServerSetting.DEAD, as_of=1_800_000_000_000_000)
    with closing(Store.open()) as store:
        homes = discover([tmp_path / "home"])
        ingest(store, homes)
        before = diagnose(store, [homes[0].home_id], options)
        a_line(tmp_path / "home")
        a_session(tmp_path / "home")
        ingest(store, homes)
        changed = before.threads[0].thread_id
        save(store, before)
        save(store, rediagnose(store, before, [changed]), threads=[changed])
        again = _conclusions(store)
        save(store, diagnose(store, [homes[0].home_id], options))
        assert again["findings"]
        assert again == _conclusions(store)


def _conclusions(store: Store) -> dict[str, list[object]]:
    views = (
        "verdicts", "findings", "evidence", "transitions", "expected_sessions", "expected_turns",
    )  # fmt: skip
    return {view: store.table(f"from {view} select * order by all").to_pylist() for view in views}
