"""Log files for tests: lines with ids one can count, and what a store should have of a folder."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from pathlib import Path

import zstandard

from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.ingest.report import IngestReport
from t3lens.store import Store

THREAD = "11111111-2222-3333-4444-555555555555"
_PREFIX = re.compile(r"\[\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\] (?:CANON|NTIVE|ORCH|OTHER): ")


def stamp(number: int) -> str:
    hours, rest = divmod(number, 3_600_000)
    minutes, rest = divmod(rest, 60_000)
    return f"2026-07-01T{hours % 24:02d}:{minutes:02d}:{rest // 1000:02d}.{rest % 1000:03d}Z"


def line(number: int, label: str = "CANON", text: str = "x", thread: str | None = THREAD) -> bytes:
    body = {
        "eventId": f"e{number}",
        "provider": "codex",
        "threadId": thread,
        "createdAt": stamp(number),
    }
    if thread is None:
        del body["threadId"]
    body |= {"type": "item.completed", "payload": {"detail": text, "n": number}}
    return f"[{stamp(number)}] {label}: {json.dumps(body, ensure_ascii=False)}\n".encode()


def lines(start: int, count: int, **kwargs: str) -> bytes:
    return b"".join(line(n, **kwargs) for n in range(start, start + count))


def content(path: Path) -> bytes:
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    if path.suffix == ".zst":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    return data


def complete_ids(data: bytes) -> list[str]:
    """Ids of all whole records in the whole lines of ``data``, found in another way than t3lens does."""
    found = []
    for one in data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]:
        text = one.decode("utf-8", "replace")
        position = 0
        while match := _PREFIX.search(text, position):
            try:
                body, end = json.JSONDecoder().raw_decode(text, match.end())
            except ValueError:
                position = match.end()
                continue
            rest = text[end:]
            if isinstance(body, dict) and (not rest.strip("\r") or _PREFIX.match(rest)):
                found.append(body["eventId"])
                position = end
            else:
                position = match.end()
    return found


def read(store: Store, path: Path, server: str = "dead", **options: object) -> IngestReport:
    return ingest(store, discover([path]), options=IngestOptions(server=server, **options))  # type: ignore[arg-type]


def stored_ids(store: Store) -> list[str]:
    return store.table("SELECT event_id FROM log_events ORDER BY file_order, line, byte_offset").column(0).to_pylist()


def counts(store: Store) -> Counter[str]:
    return Counter(stored_ids(store))


def assert_every_byte(store: Store) -> None:
    """Every byte of every file is in exactly one row, quarantine entry or unfinished last line."""
    files = store.table(
        "SELECT file_key, path, base_offset, bytes_ingested, torn_bytes, content_size, status FROM _files"
    ).to_pylist()
    for file in files:
        pieces = store.table(
            'SELECT "offset", length FROM _log_events WHERE file_key = $1 UNION ALL '
            'SELECT "offset", length FROM _spans WHERE file_key = $1 UNION ALL '
            'SELECT "offset", length FROM _quarantine WHERE file_key = $1 ORDER BY 1',
            [file["file_key"]],
        ).to_pylist()
        position = file["base_offset"]
        for piece in pieces:
            assert piece["offset"] == position, file
            position += piece["length"]
        assert position == file["bytes_ingested"] + file["torn_bytes"], file
        if file["status"] == "present":
            assert position <= file["content_size"], file
