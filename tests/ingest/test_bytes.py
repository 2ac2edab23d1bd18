"""Exactness on mangled bytes: each ends as a record, in quarantine with its reason, or waits to be finished."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from t3lens.ingest import IngestOptions, discover, few_lines, ingest
from t3lens.ingest import chunks as _chunks
from t3lens.ingest import load as _load
from t3lens.ingest.lines import redact
from t3lens.store import Store
from tests.ingest.disk import THREAD, assert_every_byte, line, lines, read, stamp, stored_ids


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "userdata" / "logs" / "provider"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def store() -> Store:
    return Store.open()


def reasons(store: Store) -> list[str]:
    return store.table("SELECT reason FROM quarantine ORDER BY line, byte_offset").column(0).to_pylist()


def test_lines_of_both_generations_are_one_history_in_order(logs: Path, store: Store) -> None:
    (logs / "a.log.1").write_bytes(lines(1, 3))
    (logs / "a.log").write_bytes(lines(4, 3))
    (logs / "events.a.log.2").write_bytes(lines(7, 2))
    (logs / "events.a.log").write_bytes(lines(9, 2))
    read(store, logs.parent.parent)
    assert stored_ids(store) == [f"e{n}" for n in range(1, 11)]
    assert store.table("SELECT DISTINCT log_generation FROM homes").column(0).to_pylist() == [2]
    gaps = store.table("SELECT DISTINCT rotation_gaps FROM coverage").column(0).to_pylist()
    assert gaps == [1]


@pytest.mark.parametrize(
    ("data", "ids", "why"),
    [
        pytest.param(line(1).replace(b"\n", b"\r\n") + line(2), ["e1", "e2"], [], id="crlf"),
        pytest.param(b"\xef\xbb\xbf" + line(1) + line(2), ["e1", "e2"], [], id="byte-order-mark"),
        pytest.param(
            line(1) + b"\0" * 300 + line(2), ["e1", "e2"], ["nul-bytes"], id="nul-run-before-a-record"
        ),
        pytest.param(
            line(1) + line(2).replace(b'"x"', b'"\xff\xfe"') + line(3), ["e1", "e3"],
            ["invalid-utf-8"], id="invalid-utf-8",
        ),
        pytest.param(line(1) + line(2).replace(b'"x"', b'"\\ud83d"'), ["e1", "e2"], [], id="lone-surrogate"),
        pytest.param(line(1)[:-1] + line(2), ["e1", "e2"], [], id="glued"),
        pytest.param(line(1)[:90] + line(2), ["e2"], ["torn"], id="half-line-then-record"),
        pytest.param(line(1) + b"hello\n" + line(2), ["e1", "e2"], ["no-prefix"], id="no-prefix"),
        pytest.param(line(1) + b"\n" + line(2), ["e1", "e2"], ["empty-line"], id="empty-line"),
        pytest.param(
            line(1).replace(b'"x"', b"[" * 100_000 + b"]" * 100_000) + line(2), ["e2"],
            ["nested-too-deep"], id="nested-100,000-deep",
        ),
        pytest.param(line(1).replace(b'"x"', b"NaN") + line(2), ["e1", "e2"], [], id="nan"),
        pytest.param(line(1).replace(b'"x"', b"9" * 400) + line(2), ["e1", "e2"], [], id="huge-integer"),
        pytest.param(
            line(1).replace(b'{"eventId"', b'{"eventId":"e1","eventId"') + line(2), ["e1", "e2"], [],
            id="duplicate-keys",
        ),
        pytest.param(line(1).replace(b"CANON", b"ORCH") + line(2, "WEIRD_ONE"), ["e1", "e2"], [], id="other-labels"),
        pytest.param(line(1) + f"[{stamp(2)}] CANON: [1,2]\n".encode(), ["e1"], ["not-an-object"], id="not-an-object"),
        pytest.param(line(1) + line(2).replace(b"2026-07-01", b"2026-06-31"), ["e1"], ["no-time"], id="31-june"),
        pytest.param(
            line(1) + line(2).replace(b'"x"', b'"x" "y"') + line(3), ["e1", "e3"], ["invalid-json"],
            id="malformed-but-whole-looking",
        ),
        pytest.param(line(1) + line(2).replace(b'"x"', b'"a\\u0000b"'), ["e1", "e2"], [], id="escaped-nul"),
    ],
)  # fmt: skip
def test_mangled_lines(logs: Path, store: Store, data: bytes, ids: list[str], why: list[str]) -> None:
    (logs / "a.log").write_bytes(data)
    read(store, logs.parent.parent)
    assert sorted(stored_ids(store)) == ids
    assert reasons(store) == why
    assert_every_byte(store)


def test_a_record_is_stored_the_same_by_the_bulk_and_the_careful_reader(logs: Path) -> None:
    bodies = [
        {"eventId": "1", "threadId": THREAD, "type": "turn.started", "payload": {"a": 1}, "new": [1]},
        {"eventId": "2", "type": "x.unknown", "raw": {"source": "codex.app", "method": "m", "payload": {}}},
        {"observedAt": stamp(3), "event": {"provider": "opencode", "threadId": "t2", "type": "idle",
            "payload": {"id": "evt_1", "type": "idle"}, "extra": True}},
        {"id": "n", "provider": "codex", "threadId": "t3", "method": "turn/completed", "textDelta": "q"},
        {"eventId": "5", "threadId": THREAD, "type": "content.delta", "createdAt": stamp(9), "turnId": "u",
            "raw": {"source": "opencode.sdk.event", "payload": {"id": "evt_2", "x": "é"}}, "payload": {"d": "é"}},
        {"eventId": "6", "threadId": 7, "type": None, "turnId": {"a": 1}, "payload": None},
        # What Codex' records also have, and the same with something nobody knows.
        {"id": "7", "provider": "codex", "kind": "session", "method": "m", "message": "Starting \"é\"\n"},
        {"id": "8", "kind": "notification", "method": "m", "requestKind": "r", "textDelta": "\u0007", "payload": {}},
        {"id": "9", "kind": "request", "method": "m", "textDelta": "x", "payload": {"a": 1}, "other": 0},
        {"eventId": "10", "threadId": "t4", "providerRefs": {"providerTurnId": "u", "n": [1, 2.50]},
            "raw": {"source": "codex.app-server.notification", "payload": {}}, "type": "t", "payload": {}},
        {"eventId": "11", "kind": None, "message": "", "providerRefs": {}, "type": "t", "payload": {}},
        {"eventId": "12", "a/b~c\"d": 1, "~1": None, "": [], "0": {}, "type": "t", "payload": {}},
        {"observedAt": stamp(13), "event": {"type": "t", "payload": {}, "x": 1, "kind": "k", "n": None}, "x": 2},
        # What a canonical record was made of, in ways that are not usual.
        *({"eventId": f"r{n}", "type": "t", "payload": {}, "raw": raw} for n, raw in enumerate((
            {}, None, "text", 7, [], {"source": "s"}, {"payload": {"id": 5}}, {"payload": "p"}, {"other": {}},
            {"source": "acp.jsonrpc", "messageType": "m", "method": "n", "payload": {"id": {"deep": 1}}},
            {"source": 1, "method": 2, "messageType": 3, "payload": None},
        ))),
        {"eventId": "e", "type": "x", "payload": {}, "raw": {"source": 1, "method": 2, "messageType": 3}, "a": 1},
        {"observedAt": stamp(24), "event": {}, "provider": "p"},
    ]  # fmt: skip
    rows = []
    for separators in ((",", ":"), (" , ", " : ")):
        for label in ("CANON", "NTIVE"):
            for prefix in ("", " "):  # a blank before the colon's brace makes a line doubtful
                store = Store.open()
                data = "".join(
                    f"[{stamp(n)}] {label}: {prefix}{json.dumps(b, separators=separators)}\n" for n, b in enumerate(bodies)
                )
                (logs / "a.log").write_text(data)
                read(store, logs.parent.parent)
                rows.append(
                    (
                        label,
                        store.table(
                            "SELECT * EXCLUDE (home_id, file_id, length, byte_offset, payload), "
                            "json(payload)::VARCHAR FROM log_events ORDER BY line"
                        ).to_pylist(),
                    )
                )
    for label in ("CANON", "NTIVE"):
        same = [r for kind, r in rows if kind == label]
        assert all(len(r) == len(bodies) for r in same)
        for other in same[1:]:
            for one, two in zip(same[0], other, strict=True):
                extra = [json.loads(row.pop("extra", None) or "null") for row in (one | {}, two | {})]
                assert extra[0] == extra[1]
                assert one | {"extra": None} == two | {"extra": None}
    extra = json.loads(rows[0][1][11]["extra"])
    assert extra == {'a/b~c"d': 1, "~1": None, "": [], "0": {}}


@pytest.mark.parametrize("label", ["CANON", "NTIVE"])
@pytest.mark.parametrize("prefix", ["", " "])  # a blank there makes a line doubtful
@pytest.mark.parametrize("wrapped", [True, False])
def test_of_a_key_that_is_there_twice_the_last_one_counts(
    logs: Path, store: Store, label: str, prefix: str, wrapped: bool
) -> None:
    body = '{"turnId":"first","threadId":"t","type":"a","payload":{"n":1},"turnId":"last","new":1}'
    if wrapped:
        body = f'{{"observedAt":"{stamp(1)}","event":{body}}}'
    plain = line(2)
    (logs / "a.log").write_bytes(plain + f"[{stamp(1)}] {label}: {prefix}{body}\n".encode())
    read(store, logs.parent.parent)
    rows = store.table("SELECT turn_id, type, extra::VARCHAR AS x FROM log_events ORDER BY line")
    assert rows.to_pylist()[1:] == [{"turn_id": "last", "type": "a", "x": '{"new":1}'}]
    assert_every_byte(store)


@pytest.mark.parametrize("other", ["", ',"new":1'])
@pytest.mark.parametrize("prefix", ["", " "])
def test_so_it_does_inside_what_a_record_was_made_of(logs: Path, store: Store, prefix: str, other: str) -> None:
    raw = '{"source":"first","payload":{"id":"a"},"source":"last"}'
    body = f'{{"eventId":"e","threadId":"t","type":"a","payload":{{}},"raw":{raw}{other}}}'
    (logs / "a.log").write_bytes(line(2) + f"[{stamp(1)}] CANON: {prefix}{body}\n".encode())
    read(store, logs.parent.parent)
    rows = store.table("SELECT raw_source, raw_event_id FROM log_events ORDER BY line").to_pylist()
    assert rows[1:] == [{"raw_source": "last", "raw_event_id": "a"}]
    assert_every_byte(store)


@pytest.mark.parametrize("how", ["bulk", "carefully", "line by line"])
@pytest.mark.parametrize("wrapped", [True, False])
@pytest.mark.parametrize(
    ("label", "kind"),
    [
        ("CANON", "turn.completed"),
        ("NTIVE", "turn/completed"),
        ("NTIVE", "claude/result/error"),
        ("NTIVE", "question.asked"),
    ],
)
def test_so_it_does_in_what_tells_how_a_thread_stands(
    logs: Path, store: Store, monkeypatch: pytest.MonkeyPatch, how: str, wrapped: bool, label: str, kind: str
) -> None:
    payload = '{"a":[{"k":1,"k":2.50}],"turn":{"status":"failed","error":{"message":"x"},"error":null},"b":{},"b":"é\\n"}'
    body = f'{{"eventId":"e","threadId":"t","createdAt":"{stamp(1)}","type":"{kind}","payload":{payload}}}'
    body = f'{{"observedAt":"{stamp(1)}","event":{body}}}' if wrapped else body
    plain = f'{{"eventId":"e2","threadId":"t","createdAt":"{stamp(2)}","type":"{kind}","payload":{{"n":{"9" * 30}}}}}'
    lines = [f"[{stamp(1)}] {label}: {body}\n", f"[{stamp(2)}] {label}: {plain}\n"]
    if how == "line by line":
        monkeypatch.setattr(few_lines, "FEW", 1 << 20)
    malformed = line(3).replace(b'"x"', b'"x" "y"') if how == "carefully" else b""
    (logs / "a.log").write_bytes("".join(lines).encode() + malformed)
    read(store, logs.parent.parent)
    said, long = store.table("SELECT payload::VARCHAR FROM log_events ORDER BY line").column(0).to_pylist()
    with store.read() as con:
        ((path,),) = con.execute("SELECT payload -> '$.turn.error' FROM log_events WHERE line = 1").fetchall()
    assert json.loads(said) == json.loads(payload)
    assert path == "null"
    assert long == f'{{"n":{"9" * 30}}}'
    assert_every_byte(store)


def test_an_event_wrapped_in_another_way_is_read_like_one_wrapped_as_usual(logs: Path, store: Store) -> None:
    event = {"provider": "codex", "threadId": "t", "type": "x", "turnId": "u", "payload": {"a": 1}}
    raw = {"source": "inside", "payload": {"id": "not a pointer"}}
    bodies = [
        {"observedAt": stamp(1), "event": event},
        {"event": event, "observedAt": stamp(1)},
        {"observedAt": stamp(1), "event": event, "build": 7},
        {"observedAt": "2026-07-01", "event": event},
        {"observedAt": stamp(1), "event": event | {"raw": raw}},
        {"observedAt": stamp(1), "event": event | {"event": {"turnId": "deeper"}}},
    ]
    for number, body in enumerate(bodies):
        text = json.dumps(body, separators=(",", ":"))
        (logs / f"{number}.log").write_text(f"[{stamp(number)}] NTIVE: {text}\n")
    read(store, logs.parent.parent)
    rows = store.table(
        "SELECT turn_id, payload::VARCHAR AS p, extra::VARCHAR AS x, raw_source, "
        "created_at = logged_at - to_milliseconds(line_at) AS same FROM (SELECT *, "
        "split_part(path, '/', 3)[1]::INT - 1 AS line_at FROM log_events) ORDER BY path"
    ).to_pylist()
    assert [(r["turn_id"], r["p"], r["raw_source"]) for r in rows] == [("u", '{"a":1}', None)] * 6
    assert [r["same"] for r in rows] == [True, True, True, False, True, True]
    extras = [r["x"] and json.loads(r["x"]) for r in rows]
    assert extras == [
        None, None, {"build": 7}, None, {"raw": raw}, {"event": {"turnId": "deeper"}},
    ]  # fmt: skip


def test_unknown_fields_and_types_are_kept(logs: Path, store: Store) -> None:
    body = {
        "eventId": "1",
        "threadId": THREAD,
        "type": "brand.new",
        "payload": {"a": [1]},
        "later": {"b": 2},
    }
    (logs / "a.log").write_text(f"[{stamp(1)}] CANON: {json.dumps(body, separators=(',', ':'))}\n")
    read(store, logs.parent.parent)
    row = store.table("SELECT type, payload::VARCHAR AS p, extra::VARCHAR AS x FROM log_events").to_pylist()
    assert row == [{"type": "brand.new", "p": '{"a":[1]}', "x": '{"later":{"b":2}}'}]


def test_canonical_raw_is_a_pointer_not_a_copy(logs: Path, store: Store) -> None:
    raw = {"source": "opencode.sdk.event", "payload": {"id": "evt_9", "secretly": "long" * 99}}
    body = {"eventId": "1", "threadId": THREAD, "raw": raw, "type": "x", "payload": {}}
    (logs / "a.log").write_text(f"[{stamp(1)}] CANON: {json.dumps(body, separators=(',', ':'))}\n")
    read(store, logs.parent.parent)
    row = store.table("SELECT raw_source, raw_event_id, log_events::VARCHAR AS whole FROM log_events").to_pylist()[0]
    assert (row["raw_source"], row["raw_event_id"]) == ("opencode.sdk.event", "evt_9")
    assert "longlong" not in row["whole"]


def test_truncation_by_the_writer_is_marked(logs: Path, store: Store) -> None:
    texts = ["plain", "cut [truncated by t3, 9999 characters total]"]
    data = b"".join(line(n, text=t) for n, t in enumerate(texts))
    data += line(2).replace(b'"x"', b'{"omittedCharacters":70000}').replace(b'": ', b'":')
    data += line(3).replace(b'"x"', b'{"output":"cut","truncated":true}').replace(b'": ', b'":')
    (logs / "a.log").write_bytes(data)
    read(store, logs.parent.parent)
    assert store.table("SELECT truncated FROM log_events ORDER BY line").column(0).to_pylist() == [
        False,
        True,
        True,
        True,
    ]


def test_an_unfinished_line_waits_for_a_live_server_and_is_torn_for_a_dead_one(logs: Path, store: Store) -> None:
    whole = line(2)
    (logs / "a.log").write_bytes(line(1) + whole[:60])
    read(store, logs.parent.parent, server="alive")
    assert (stored_ids(store), reasons(store)) == (["e1"], [])
    read(store, logs.parent.parent, server="dead")
    assert (stored_ids(store), reasons(store)) == (["e1"], ["torn"])
    (logs / "a.log").write_bytes(line(1) + whole + line(3))
    read(store, logs.parent.parent, server="dead")
    assert (stored_ids(store), reasons(store)) == (["e1", "e2", "e3"], [])
    assert_every_byte(store)


def test_a_line_of_64_megabytes_is_one_record(logs: Path, store: Store) -> None:
    (logs / "a.log").write_bytes(line(1) + line(2, text="x" * (64 << 20)) + line(3))
    read(store, logs.parent.parent)
    assert stored_ids(store) == ["e1", "e2", "e3"]
    assert_every_byte(store)


def whole_store(store: Store) -> list[dict[str, object]]:
    return store.table(
        "SELECT * EXCLUDE (home_id) FROM (SELECT path, line, byte_offset, length, event_id, thread_id, "
        "logged_at, NULL AS reason, home_id FROM log_events UNION ALL SELECT path, line, byte_offset, "
        "length, NULL, NULL, NULL, reason, home_id FROM quarantine) ORDER BY path, byte_offset"
    ).to_pylist()


@pytest.mark.parametrize("size", [300, 1000, 5000])
def test_lines_are_the_same_however_memory_is_cut(logs: Path, monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    rubbish = b"no record\n\n" + b"\0" * 400 + b"\n" + line(1)[:50] + line(2) + b"\xff" * 700 + b"\n"
    (logs / "a.log.1").write_bytes(lines(10, 30) + rubbish + line(40, text="long" * 3000))
    (logs / "a.log").write_bytes(line(50, thread="other") + lines(51, 7) + line(60)[:-1])
    (logs / "b.log").write_bytes(b"")
    (logs / "c.log").write_bytes(line(70)[:20])
    (logs / "events.d.log").write_bytes(b"\xef\xbb\xbf" + lines(80, 3, label="NTIVE") + rubbish)
    expected, store = Store.open(), Store.open()
    read(expected, logs.parent.parent)
    monkeypatch.setattr(_chunks, "_CHUNK", size)
    monkeypatch.setattr(_chunks, "_STEP", 64)
    monkeypatch.setattr(_chunks, "_LEAST_ROOM", 16)
    read(store, logs.parent.parent)
    assert whole_store(store) == whole_store(expected)
    assert len(stored_ids(store)) == 30 + 1 + 1 + 8 + 3 + 1
    assert_every_byte(store)


def test_a_line_beyond_any_sense_is_put_into_quarantine_and_the_rest_is_read(
    logs: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("_CHUNK", 1000), ("_STEP", 100), ("_LEAST_ROOM", 16)):
        monkeypatch.setattr(_chunks, name, size)
    monkeypatch.setattr(_load, "_LONGEST_LINE", 5000)
    (logs / "a.log").write_bytes(lines(1, 9) + line(10, text="x" * 9000) + lines(11, 9))
    read(store, logs.parent.parent)
    assert stored_ids(store) == [f"e{n}" for n in (*range(1, 10), *range(11, 20))]
    assert "line-too-long" in reasons(store)
    assert_every_byte(store)


def test_rotation_and_renaming_read_nothing_twice(logs: Path, store: Store) -> None:
    (logs / "a.log").write_bytes(lines(1, 5))
    read(store, logs.parent.parent)
    (logs / "a.log").rename(logs / "a.log.1")
    (logs / "a.log").write_bytes(lines(6, 5))
    report = read(store, logs.parent.parent)
    assert report.records == 5
    (logs / "a.log.1").rename(logs / "elsewhere.log")
    assert read(store, logs.parent.parent).records == 0
    assert sorted(stored_ids(store)) == sorted(f"e{n}" for n in range(1, 11))


def test_files_that_move_and_vanish_while_others_are_read(logs: Path, store: Store) -> None:
    (logs / "a.log").write_bytes(lines(1, 5))
    (logs / "b.log").write_bytes(lines(11, 5))
    (logs / "c.log").write_bytes(lines(21, 5))
    moved: list[int] = []

    def move(done: int, total: int) -> None:
        if not moved:
            moved.append(done)
            (logs / "b.log").rename(logs / "b.log.1")
            (logs / "b.log").write_bytes(lines(16, 5))
            (logs / "c.log").unlink()
            (logs / "d.log").write_bytes(lines(31, 5))

    report = ingest(
        store,
        discover([logs.parent.parent]),
        progress=move,
        options=IngestOptions(server="alive"),
    )
    assert moved
    expected = [f"e{n}" for n in (*range(1, 6), *range(11, 21), *range(31, 36))]
    assert sorted(stored_ids(store)) == sorted(expected)
    assert report.records == len(expected)
    assert_every_byte(store)


def test_a_new_file_under_an_old_name_is_not_skipped(logs: Path, store: Store) -> None:
    (logs / "a.log").write_bytes(lines(1, 5))
    read(store, logs.parent.parent)
    replacement = lines(101, 5)
    (logs / "a.log").unlink()
    (logs / "a.log").write_bytes(replacement)
    read(store, logs.parent.parent)
    assert sorted(stored_ids(store)) == sorted([f"e{n}" for n in (*range(1, 6), *range(101, 106))])


def test_copies_of_a_growing_file_share_all_they_have_in_common(logs: Path, store: Store) -> None:
    for name, count in (("copy.log", 1), ("thread-old.log", 2), ("thread.log", 3)):
        (logs / name).write_bytes(lines(1, count))
    read(store, logs.parent.parent)
    assert sorted(stored_ids(store)) == ["e1", "e2", "e3"]
    (logs / "copy.log").write_bytes(lines(1, 4))
    read(store, logs.parent.parent)
    assert sorted(stored_ids(store)) == ["e1", "e2", "e3", "e4"]
    assert_every_byte(store)


@pytest.mark.parametrize("packed", ["gz", "zst"])
def test_packed_files_are_read_and_recognised(logs: Path, store: Store, packed: str) -> None:
    data = lines(1, 50)
    pack = gzip.compress if packed == "gz" else zstandard.ZstdCompressor().compress
    (logs / "a.log").write_bytes(data)
    read(store, logs.parent.parent)
    (logs / "a.log").unlink()
    (logs / f"a.log.1.{packed}").write_bytes(pack(data))
    assert read(store, logs.parent.parent).records == 0
    (logs / f"a.log.2.{packed}").write_bytes(pack(lines(60, 5)))
    assert read(store, logs.parent.parent).records == 5
    (logs / f"a.log.3.{packed}").write_bytes(pack(lines(70, 5000))[:-900])
    report = read(store, logs.parent.parent)
    assert report.records > 0
    assert any("damaged" in problem for problem in report.problems)


def test_an_unreadable_file_is_reported_and_the_others_are_read(logs: Path, store: Store) -> None:
    (logs / "a.log").write_bytes(lines(1, 3))
    (logs / "b.log").symlink_to(logs / "b.log")
    (logs / "c.log.1.gz").write_bytes(b"not packed at all")
    report = read(store, logs.parent.parent)
    assert sorted(stored_ids(store)) == ["e1", "e2", "e3"]
    assert any("c.log.1.gz" in problem for problem in report.problems)


def test_the_thread_is_the_one_inside_the_event(logs: Path, store: Store) -> None:
    (logs / "some-name.log").write_bytes(line(1, thread="Other/Thread") + line(2, thread=None))
    (logs / "_global.log").write_bytes(line(3, thread=None))
    read(store, logs.parent.parent)
    rows = store.table("SELECT event_id, thread_id FROM log_events ORDER BY event_id").to_pylist()
    assert [r["thread_id"] for r in rows] == ["Other/Thread", "Other/Thread", None]


def test_metadata_only_keeps_no_text(logs: Path, store: Store) -> None:
    body = {
        "eventId": "1",
        "threadId": THREAD,
        "type": "content.delta",
        "payload": {"delta": "my secret text"},
    }
    kept = {
        "eventId": "2",
        "threadId": THREAD,
        "type": "turn.completed",
        "payload": {"state": "failed"},
    }
    doubtful = f"[{stamp(3)}] CANON:  {json.dumps(body)}\n"
    (logs / "a.log").write_text(
        "".join(f"[{stamp(1)}] CANON: {json.dumps(b, separators=(',', ':'))}\n" for b in (body, kept)) + doubtful
    )
    read(store, logs.parent.parent, metadata_only=True)
    assert store.table("SELECT count(payload) AS n FROM log_events").to_pylist() == [{"n": 1}]
    assert store.table("SELECT count(*) AS n FROM log_events").to_pylist()[0]["n"] >= 2


def test_an_excerpt_names_no_secret_and_no_message() -> None:
    bad = b'[2026-07-01T00:00:00.000Z] CANON: {"payload":{"text":"our plans","t":"Bearer abcdefghijklmnop"} \x1b[31m'
    excerpt = redact(bad)
    assert "our plans" not in excerpt
    assert "abcdefghij" not in excerpt
    assert "\x1b" not in excerpt
    assert len(redact(b"x" * 5000)) <= 200


def test_unchanged_files_are_not_opened(logs: Path, store: Store) -> None:
    for number in range(20):
        (logs / f"t{number}.log").write_bytes(lines(number * 10, 2))
    read(store, logs.parent.parent)
    for path in logs.iterdir():
        path.chmod(0)
    report = read(store, logs.parent.parent)
    assert (report.unchanged, report.records, report.problems) == (
        20,
        0,
        ["no state.sqlite: only logs could be read"],
    )


def test_traces_become_spans(logs: Path, store: Store) -> None:
    span = {
        "name": "provider.session.reaped", "traceId": "t", "spanId": "s", "startTimeUnixNano": "1782900000000000000",
        "endTimeUnixNano": "1782900001000000000", "durationMs": 1000, "attributes": {"threadId": THREAD},
        "events": [], "exit": {"_tag": "Failure", "cause": "x"},
    }  # fmt: skip
    (logs.parent / "server.trace.ndjson").write_bytes(json.dumps(span).encode() + b"\nrubbish\n")
    read(store, logs.parent.parent)
    row = store.table("SELECT name, thread_id, exit, duration_ms FROM spans").to_pylist()
    assert row == [
        {
            "name": "provider.session.reaped",
            "thread_id": THREAD,
            "exit": "Failure",
            "duration_ms": 1000.0,
        }
    ]
    assert reasons(store) == ["invalid-json"]
    assert_every_byte(store)


def test_a_span_belongs_to_the_thread_its_attributes_name(logs: Path) -> None:
    named: list[tuple[dict[str, str], str | None]] = [
        ({"provider.thread_id": "a", "provider.operation": "interrupt-turn"}, "a"),
        ({"orchestration.thread_id": "b", "orchestration.event_type": "x"}, "b"),
        ({"orchestration.aggregate_id": "c", "orchestration.aggregate_kind": "thread"}, "c"),
        ({"orchestration.aggregate_id": "p", "orchestration.aggregate_kind": "project"}, None),
        ({"aggregateId": "d", "aggregateKind": "thread"}, "d"),
        ({"threadId": "e"}, "e"),
        ({"thread.id": "7"}, None),  # by convention the number of a thread of the operating system
    ]
    for prefix in ("", " "):  # a blank before the brace makes a line doubtful
        text = "".join(
            prefix + json.dumps({"name": f"{n}", "attributes": attributes}) + "\n" for n, (attributes, _) in enumerate(named)
        )
        (logs.parent / "server.trace.ndjson").write_text(text)
        store = Store.open()
        read(store, logs.parent.parent)
        found = store.table("SELECT thread_id FROM spans ORDER BY name").column(0).to_pylist()
        assert found == [thread for _, thread in named]


def test_the_home_is_left_as_it_was(logs: Path, store: Store) -> None:
    (logs / "a.log").write_bytes(lines(1, 3))
    before = {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in logs.rglob("*")}
    ingest(store, discover([logs.parent.parent]))
    assert {p: (p.stat().st_mtime_ns, p.stat().st_size) for p in logs.rglob("*")} == before
