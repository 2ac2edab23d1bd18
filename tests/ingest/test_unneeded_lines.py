"""An audit that only counts the log lines no rule reads says the same as one that unpacks all of them."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from t3lens.diagnose import Options, ServerSetting
from t3lens.diagnose import context as _context
from t3lens.document.formats import FORMATS
from t3lens.fleet.one_home import Workbench, audit_session
from t3lens.ingest import chunks as _chunks
from t3lens.ingest import discover
from t3lens.ingest import gathered_lines as _gathered
from t3lens.ingest import logs as _logs
from t3lens.ingest import unneeded_lines as _passed_over
from t3lens.ingest.needed import read_by
from t3lens.session.session import Session
from t3lens.sim.fleet import bulk_logs
from t3lens.t3code.native import lifecycle_signs
from t3lens.t3code.v1.event_types import CONTENT_DELTA, TURN_COMPLETED
from t3lens.t3code.v1.log_grammar import CANONICAL, NATIVE
from t3lens.time import parse_iso
from tests.recordings import RECORDED

_SAMPLES = sorted(path.parent for path in (Path(__file__).resolve().parents[2] / "sample_logs").glob("*/expected.json"))
_RECORDINGS = sorted(path.parent for path in RECORDED.glob("0.*/*/*/expected.json"))[::40] if RECORDED.is_dir() else []
_BENCH = Workbench()
_NOW = "2027-01-01T00:00:00.000Z"


@pytest.fixture(autouse=True)
def _of_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_passed_over, "_LEAST", 1)
    monkeypatch.setattr(_logs, "are_few", lambda works: False)
    monkeypatch.setattr(_context, "now", lambda: parse_iso(_NOW))


def _audited(home: Path, *, past: bool, as_of: int | None = None) -> tuple[str, Any, int, int]:
    """The document, what is known of the files, and how many lines were read, and how many stored."""
    (one,) = discover([home])
    options = Options(server=ServerSetting("dead"), records=("off",), as_of=as_of)
    with _BENCH.store(one) as store:
        session = Session(store, [one], options, progress=False, conclusions=False, past=past)
        document = FORMATS["json"](audit_session(session).document)
        seen = session.rows("from quarantine select path, line, byte_offset, length, reason, excerpt order by all")
        seen += session.rows(
            "from source_files select path, size, bytes_ingested, torn_bytes, lines, first_logged_at, last_logged_at, "
            "status, error, generation order by path"
        )
        ((stored,),) = session.rows("select count(*) from log_events")
        assert session.ingested is not None
        return document, seen, sum(one.records for one in session.ingested.homes), stored


def _same(home: Path) -> int:
    """How many lines were passed over; everything else is the same."""
    whole, whole_seen, records, stored = _audited(home, past=True)
    document, seen, counted, fewer = _audited(home, past=False)
    assert records == stored
    assert json.loads(document) == json.loads(whole)
    assert document == whole
    assert seen == whole_seen
    assert counted == records
    return records - fewer


@pytest.mark.parametrize("home", [*_SAMPLES, *_RECORDINGS], ids=lambda path: "/".join(path.parts[-3:]))
def test_homes(home: Path) -> None:
    _same(home)


@pytest.mark.parametrize("generation", [1, 2])
def test_logs_of_all_providers(tmp_path: Path, generation: int) -> None:
    bulk_logs(tmp_path / "userdata" / "logs" / "provider", 1, generation=generation, threads=8, max_bytes=60_000)
    assert _same(tmp_path) > 300


@pytest.mark.parametrize("rows", [1, 40, 1 << 20])
def test_lines_of_many_chunks_that_are_stored_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    bulk_logs(tmp_path / "userdata" / "logs" / "provider", 1, generation=1, threads=8, max_bytes=60_000)
    monkeypatch.setattr(_chunks, "_CHUNK", 90_000)
    monkeypatch.setattr(_gathered, "_ROWS", rows)
    assert _same(tmp_path) > 100


def _line(label: str, **fields: object) -> bytes:
    return f"[2026-07-01T08:00:00.000Z] {label}: {json.dumps(fields, separators=(',', ':'))}\n".encode()


def _delta(number: int, thread: str = "a", **more: object) -> bytes:
    """A canonical line that no rule reads."""
    at = f"2026-07-01T08:{number // 60:02}:{number % 60:02}.000Z"
    body = {"eventId": f"e{number}", "provider": "codex", "threadId": thread, "createdAt": at, "turnId": "t1"}
    fields = body | {"type": CONTENT_DELTA, "payload": {"delta": "naïve"}} | more
    return f"[{at}] {CANONICAL}: {json.dumps(fields, separators=(',', ':'), ensure_ascii=False)}\n".encode()


def _started(thread: str = "a") -> bytes:
    return _line(CANONICAL, eventId=f"s-{thread}", provider="codex", threadId=thread, createdAt="2026-07-01T08:00:00.000Z",
                 turnId="t1", type="turn.started", payload={})  # fmt: skip


def _write(home: Path, *lines: bytes, name: str = "a") -> Path:
    folder = home / "userdata" / "logs" / "provider"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.log").write_bytes(b"".join(lines))
    return home


def _completed(line: bytes, first: str, last: str) -> bytes:
    """A line that says its type twice."""
    return line.replace(f'"type":"{first}"'.encode(), f'"type":"{first}","type":"{last}"'.encode())


_RECORDS = {
    "unknown type": _delta(500).replace(b"content.delta", b"content.new"),
    "cut short": _delta(500, payload={"delta": "long [truncated by t3, 300000 characters total]"}),
    "marked as cut": _delta(500, payload={"data": {"truncated": True}}),
    "without what was long": _delta(500, payload={"data": {"omittedCharacters": 7}}),
    "blanks behind": _delta(500)[:-1] + b"  \n",
    "of Windows": _delta(500)[:-1] + b"\r\n",
    "empty": b"\n",
    "a run of zeros": b"\0" * 40 + _delta(500),
    "a later time": _delta(3000),
    "no thread": _delta(500).replace(b'"threadId":"a",', b""),
}
"""Lines that a reader of heads takes, or the screen tells to be none: the others around them are passed over."""
_OTHERS = {
    "ends, the last counts": _completed(_delta(500), CONTENT_DELTA, TURN_COMPLETED),
    "says nothing, the last counts": _completed(_delta(500, type=TURN_COMPLETED), TURN_COMPLETED, CONTENT_DELTA),
    "a name with an escape": _completed(_delta(500), CONTENT_DELTA, TURN_COMPLETED).replace(
        b'type":"turn', b'\\u0074ype":"turn'
    ),
    "glued": _delta(500)[:-1] + _delta(501),
    "of another thread, the last counts": _delta(500).replace(b'"threadId":"a"', b'"threadId":"a","threadId":"b"'),
    "another thread": _delta(500, thread="b"),
    "torn": _delta(500)[:60] + b"\n",
    "no JSON": _delta(500).replace(b'"turnId":', b'"turnId"'),
    "half a text": _delta(500).replace(b'"e500"', b'"e500'),
    "two values": _delta(500)[:-1] + b' {"a":{}}\n',
    "a value on two lines": _delta(500).replace(b'"payload":', b'"payload":\n'),
    "not UTF-8": _delta(500).replace("ï".encode(), b"\xff"),
    "a half character": _delta(500).replace(b"na", b"\xed\xa0\x80"),
    "a lone surrogate": _delta(500).replace(b"na", b"\\ud800"),
    "a raw tab": _delta(500).replace(b"na", b"\t"),
    "a comma too many": _delta(500).replace(b'"}}', b'",}}'),
    "no number": _delta(500).replace(b'"codex"', b"NaN"),
    "a type that is a number": _delta(500).replace(b'"content.delta"', b"5"),
    "no type": _delta(500).replace(b'"type"', b'"kind"'),
    "wraps an event": _line(NATIVE, observedAt="2026-07-01T08:00:00.000Z", event={"threadId": "a", "type": "x"},
                            threadId="a"),
    "a protocol's message": _line(NATIVE, provider="codex", protocol="codex.app-server", kind="protocol", type="x",
                                  threadId="a", event={"direction": "incoming"}),
    "deep": _delta(500, payload=json.loads("[" * 700 + "]" * 700)),
}  # fmt: skip


def _around(odd: bytes, place: int, thread: str) -> list[bytes]:
    lines = [_started(thread), *(_delta(number, thread) for number in range(12))]
    lines.insert(place % len(lines), odd)
    return lines


def test_odd_records(tmp_path: Path) -> None:
    for number, odd in enumerate(_RECORDS.values()):
        thread = f"thread-{number}"
        _write(tmp_path, *_around(odd.replace(b'"a"', f'"{thread}"'.encode()), number, thread), name=thread)
    assert _same(tmp_path) > 5 * len(_RECORDS)


@pytest.mark.parametrize("odd", _OTHERS)
def test_odd_lines(tmp_path: Path, odd: str) -> None:
    _same(_write(tmp_path, *_around(_OTHERS[odd], list(_OTHERS).index(odd), "a")))


def test_lines_that_no_rule_reads_are_passed_over(tmp_path: Path) -> None:
    assert _same(_write(tmp_path, _started(), *map(_delta, range(30)))) == 28  # the first and the last stay


def test_the_newest_work_is_found_behind_idle_lines(tmp_path: Path) -> None:
    usage = [_delta(number, type="thread.token-usage.updated") for number in range(40, 60)]
    _write(tmp_path, _started(), *map(_delta, range(30)), _delta(31, turnId=None), *usage)
    assert _same(tmp_path) > 40


def test_a_file_of_several_threads(tmp_path: Path) -> None:
    natives = [_line(NATIVE, id=f"n{number}", provider="codex", method="item/agentMessage/delta", turnId=f"t{number % 2}",
                     payload={"delta": "x"}) for number in range(20)]  # fmt: skip
    mine = [_delta(number, thread="a", turnId="t0") for number in range(20)]
    others = [_delta(number, thread="b", turnId="t1") for number in range(20)]
    _write(tmp_path, _started("a"), _started("b"), *mine, *others, *natives)
    assert _same(tmp_path) == 0


def test_files_that_begin_alike(tmp_path: Path) -> None:
    lines = [_started(), *map(_delta, range(400))]
    _write(tmp_path, *lines)
    _write(tmp_path, *lines[:200], *(_delta(number, turnId="t2") for number in range(200, 300)), name="b")
    _same(tmp_path)


def test_cut_anywhere(tmp_path: Path) -> None:
    lines = [_started(), *map(_delta, range(12)), _delta(12, type=TURN_COMPLETED, payload={"state": "completed"})]
    whole = b"".join(lines)
    chosen = random.Random(1)
    for _ in range(4):
        at = chosen.randrange(len(whole))
        shutil.rmtree(tmp_path / "userdata", ignore_errors=True)
        _same(_write(tmp_path, whole[:at], whole[at + chosen.randrange(40) :]))


def test_whoever_asks_for_the_past_gets_every_line(tmp_path: Path) -> None:
    _write(tmp_path, _started(), *map(_delta, range(30)))
    moment = parse_iso("2026-07-01T08:00:20.000Z")
    assert _audited(tmp_path, past=False, as_of=moment) == _audited(tmp_path, past=True, as_of=moment)


@pytest.mark.parametrize(
    ("label", "kind", "words"),
    [
        (CANONICAL, TURN_COMPLETED, None),
        (CANONICAL, CONTENT_DELTA, ()),
        (CANONICAL, "content.new", None),
        (CANONICAL, None, None),
        (NATIVE, "message.part.delta", ()),
        (NATIVE, "message.updated", ('"stop"', "user")),
        (NATIVE, "session.status", None),
        (NATIVE, "item/commandExecution/requestApproval", None),
        (NATIVE, "session/update", ("turn_completed", "user_message_chunk")),
        (NATIVE, "claude/user", None),
        ("ORCH", "thread.session-set", None),
    ],
)
def test_what_is_read(label: str, kind: str | None, words: tuple[str, ...] | None) -> None:
    assert read_by(label, kind) == words


def test_every_sign_is_read() -> None:
    for kind in (*lifecycle_signs.TYPES, *lifecycle_signs.ANSWERS):
        assert read_by(NATIVE, kind) != ()
