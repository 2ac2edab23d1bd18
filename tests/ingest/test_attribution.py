"""Whose a native record is that names no thread: the file it stands in says it, not an id somewhere in its content."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from t3lens.sim.logs import segment
from t3lens.store import Store
from tests.ingest.disk import THREAD, read, stamp

OTHER = "66666666-7777-8888-9999-000000000000"


def record(number: int, label: str, body: dict[str, Any], blank: str = "") -> bytes:
    return f"[{stamp(number)}] {label}: {blank}{json.dumps(body, separators=(',', ':'))}\n".encode()


def canonical(number: int, thread: str = THREAD, turn: str = "u1") -> bytes:
    body = {"eventId": f"c{number}", "provider": "claudeAgent", "threadId": thread, "turnId": turn}
    return record(number, "CANON", body | {"type": "turn.started", "payload": {}})


def native(number: int, blank: str = "", conversation: str = "s1", **more: Any) -> bytes:
    """What Claude's adapter writes: no thread of its own, and a tool's input that has one."""
    event = {"id": f"n{number}", "kind": "notification", "provider": "claudeAgent", "createdAt": stamp(number)}
    tool = {"type": "tool_use", "name": "mcp__mail__read", "input": {"threadId": "18f3c2a9"}}
    event |= {"method": "claude/assistant", "providerThreadId": conversation} | more
    event["payload"] = {"type": "assistant", "message": {"content": [tool]}}
    return record(number, "NTIVE", {"observedAt": stamp(number), "event": event}, blank)


def threads(store: Store) -> dict[str, str | None]:
    rows = store.table("SELECT event_id, thread_id FROM log_events ORDER BY event_id").to_pylist()
    return {row["event_id"]: row["thread_id"] for row in rows}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "userdata" / "logs" / "provider"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def store() -> Store:
    return Store.open()


# A blank before the brace sends a line to the slow reader; a malformed line sends all to the careful statement.
@pytest.mark.parametrize("blank", ["", " "])
@pytest.mark.parametrize(
    "broken", [b"", b"[2026-07-01T00:00:00.000Z] NTIVE: {broken json that looks whole enough to be read}\n"]
)
@pytest.mark.parametrize("name", ["{}.log", "events.{}.log"])
@pytest.mark.parametrize("thread", [THREAD, "Thread.With Space/Slash"])
def test_a_tool_input_names_no_thread(logs: Path, store: Store, name: str, thread: str, broken: bytes, blank: str) -> None:
    data = native(1, blank) + broken + canonical(2, thread) + native(3, blank)
    (logs / name.format(segment(thread))).write_bytes(data)
    read(store, logs.parent.parent)
    assert threads(store) == {"n1": thread, "c2": thread, "n3": thread}


def test_a_rotated_file_of_native_records_alone_has_the_thread_of_its_family(logs: Path, store: Store) -> None:
    thread = "Some.Thread"
    (logs / "events.some-thread.log.1").write_bytes(native(1) + canonical(2, thread))
    (logs / "events.some-thread.log").write_bytes(native(3))
    read(store, logs.parent.parent)
    assert threads(store) == {"n1": thread, "c2": thread, "n3": thread}


def test_what_was_read_before_its_thread_was_known_gets_it_later(logs: Path, store: Store) -> None:
    path = logs / "events.some-thread.log"
    path.write_bytes(native(1))
    read(store, logs.parent.parent, server="alive")
    assert threads(store) == {"n1": None}
    with path.open("ab") as file:
        file.write(canonical(2, "Some.Thread") + native(3))
    read(store, logs.parent.parent, server="alive")
    assert threads(store) == dict.fromkeys(("n1", "c2", "n3"), "Some.Thread")


def test_a_reading_that_was_cut_off_is_made_up_for(logs: Path, store: Store) -> None:
    (logs / "from-my-colleague.log").write_bytes(native(1) + canonical(2))
    read(store, logs.parent.parent)
    with store.write() as con:
        con.execute("UPDATE _log_events SET thread_id = NULL WHERE event_id = 'n1'")
    read(store, logs.parent.parent)
    assert threads(store) == {"n1": THREAD, "c2": THREAD}


def test_a_file_named_after_its_thread_is_proof_enough(logs: Path, store: Store) -> None:
    (logs / f"events.{THREAD}.log").write_bytes(native(1))
    (logs / "_global.log").write_bytes(native(2))
    read(store, logs.parent.parent)
    assert threads(store) == {"n1": THREAD, "n2": None}


def test_in_a_renamed_file_the_canonical_records_say_it(logs: Path, store: Store) -> None:
    (logs / "from-my-colleague.log").write_bytes(native(1) + canonical(2))
    read(store, logs.parent.parent)
    assert threads(store) == {"n1": THREAD, "c2": THREAD}


def test_of_several_threads_in_one_file_turn_and_conversation_decide(logs: Path, store: Store) -> None:
    data = canonical(1, THREAD, "u1") + native(2, turnId="u1") + canonical(3, OTHER, "u2")
    data += native(4, turnId="u2", conversation="s2") + native(5, conversation="s2") + native(6, conversation="s3")
    (logs / "all.log").write_bytes(data)
    read(store, logs.parent.parent)
    assert threads(store) == {"c1": THREAD, "n2": THREAD, "c3": OTHER, "n4": OTHER, "n5": OTHER, "n6": None}


def test_so_they_do_for_threads_that_share_a_name(logs: Path, store: Store) -> None:
    data = canonical(1, "A.b", "u1") + native(2, turnId="u1") + canonical(3, "a-B", "u2")
    data += native(4, turnId="u2", conversation="s2") + native(5, conversation="s2")
    (logs / "a-b.log").write_bytes(data)
    read(store, logs.parent.parent)
    assert threads(store) == {"c1": "A.b", "n2": "A.b", "c3": "a-B", "n4": "a-B", "n5": "a-B"}


def test_a_native_record_alone_makes_no_thread(logs: Path, store: Store) -> None:
    (logs / f"{THREAD}.log").write_bytes(
        canonical(1) + native(2, threadId="ses_of_the_provider") + native(3, threadId=OTHER)
    )
    (logs / f"{OTHER}.log").write_bytes(canonical(4, OTHER))
    read(store, logs.parent.parent)
    assert threads(store) == {"c1": THREAD, "n2": THREAD, "n3": OTHER, "c4": OTHER}
    kept = store.table("SELECT extra ->> 'threadId' AS said FROM log_events WHERE event_id = 'n2'").to_pylist()
    assert kept == [{"said": "ses_of_the_provider"}]


def test_a_protocol_record_of_an_earlier_build_stays_what_it_is(logs: Path, store: Store) -> None:
    event = {"id": "n1", "kind": "protocol", "provider": "grok", "createdAt": stamp(1), "threadId": THREAD}
    event["payload"] = {"direction": "incoming", "stage": "decoded", "payload": {"method": "session/update"}}
    body = {"observedAt": stamp(1), "event": event}
    (logs / f"events.{THREAD}.log").write_bytes(record(1, "NTIVE", body) + canonical(2))
    read(store, logs.parent.parent)
    assert threads(store) == {"n1": THREAD, "c2": THREAD}
    assert store.table("SELECT DISTINCT generation FROM source_files").to_pylist() == [{"generation": 2}]
