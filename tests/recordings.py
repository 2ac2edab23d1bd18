"""The recordings of real servers, read plainly: what tests over them share.

They stand beside the project, at ``../shared/recorded/<build>/<scenario>/<n>-<state>/``, and are read-only. The
reading here is its own, small and slow, so that a test of a law or a rule does not rest on the room it tests.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from t3lens.domain.event import Event
from t3lens.time import parse_iso

RECORDED = Path(__file__).resolve().parents[2] / "shared" / "recorded"

PROFILE_OF_BUILD = {
    "0.0.23": "shipped-0.0.23",
    "0.0.28": "shipped-0.0.29",
    "0.0.33": "shipped-0.0.33",
}
"""The profile that a recorded build is held to; ``lifecycle-rules`` says so."""

needs_recordings = pytest.mark.skipif(
    not RECORDED.is_dir(),
    reason="the recordings are not beside this project (../shared/recorded); sample_logs/ still cover the path",
)

RECORDED_V2 = RECORDED.parent / "recorded-v2"

needs_recordings_v2 = pytest.mark.skipif(
    not RECORDED_V2.is_dir(),
    reason="the recordings of the second data model are not beside this project (../shared/recorded-v2)",
)

_LINE = re.compile(rb"\[(.*?)\] (\w+): (.*)\n", re.DOTALL)


@dataclass(frozen=True)
class Recording:
    """One recorded T3 home."""

    build: str
    scenario: str
    state: str
    path: Path

    @property
    def name(self) -> str:
        return f"{self.build}/{self.scenario}/{self.state}"

    @cached_property
    def canonical(self) -> dict[str, list[Event]]:
        """Canonical events of each thread in log order, older rotations first."""
        found: dict[str, list[Event]] = defaultdict(list)
        for file in sorted(self._logs(), key=_age):
            for at, label, body in _lines(file):
                if label == "CANON":
                    found[body["threadId"]].append(_canonical(at, body))
        return found

    @cached_property
    def stored(self) -> dict[str, list[Event]]:
        """``thread.*`` events of each thread by sequence."""
        found: dict[str, list[Event]] = defaultdict(list)
        for row in self.rows("orchestration_events", order="sequence"):
            if row["aggregate_kind"] == "thread":
                found[row["stream_id"]].append(_stored(row))
        return found

    @property
    def threads(self) -> list[str]:
        return sorted(self.stored)

    @cached_property
    def expected(self) -> dict[str, Any]:
        """What is right about this home (``expected.json``)."""
        return dict(json.loads((self.path / "expected.json").read_text()))

    def rows(self, table: str, order: str = "rowid") -> list[dict[str, Any]]:
        """All rows of a table of ``state.sqlite``."""
        address = f"file:{self.path / 'userdata' / 'state.sqlite'}?mode=ro&immutable=1"
        with closing(sqlite3.connect(address, uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(f"select * from {table} order by {order}")]

    def rows_v2(self, table: str, order: str = "rowid") -> list[dict[str, Any]]:
        """All rows of a table of the second data model's database, whatever it is called."""
        folder = self.path / "userdata"
        name = next(n for n in ("statev2.sqlite", "state.sqlite") if (folder / n).exists())
        with closing(sqlite3.connect(f"file:{folder / name}?mode=ro&immutable=1", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(f"select * from {table} order by {order}")]

    def _logs(self) -> Iterator[Path]:
        return (self.path / "userdata" / "logs" / "provider").glob("*.log*")


def recordings(build: str | None = None) -> list[Recording]:
    """Every recorded home, or those of one build; none where the recordings are absent."""
    found = []
    for file in sorted(RECORDED.glob(f"{build or '*'}/*/*/expected.json")):
        home = file.parent
        found.append(Recording(home.parts[-3], home.parts[-2], home.parts[-1], home))
    return found


def recordings_v2() -> list[Recording]:
    """Every recorded home of the second data model; none where the recordings are absent."""
    return [
        Recording(home.parts[-3], home.parts[-2], home.parts[-1], home)
        for home in sorted(file.parent for file in RECORDED_V2.glob("*/*/*/expected.json"))
    ]


def one_of_each(found: Iterable[Recording], kind: Callable[[Recording], Hashable]) -> list[Recording]:
    """The first recording of each kind: enough for what is the same within a kind, and a few seconds instead of many."""
    return list({kind(recording): recording for recording in reversed(list(found))}.values())[::-1]


def _age(file: Path) -> tuple[str, int]:
    """Sort key: a family's highest rotation number is its oldest file."""
    stem, _, suffix = file.name.partition(".log")
    return stem, -int(suffix.removeprefix(".") or 0)


def _lines(file: Path) -> Iterator[tuple[int, str, Any]]:
    with file.open("rb") as lines:
        for line in lines:
            match = _LINE.fullmatch(line)
            if match is not None:
                at, label, body = match.groups()
                yield parse_iso(at.decode()), label.decode(), json.loads(body)


def _canonical(at: int, body: dict[str, Any]) -> Event:
    return Event(
        event_id=body["eventId"],
        type=body["type"],
        at=at,
        turn_id=body.get("turnId"),
        item_id=body.get("itemId"),
        request_id=body.get("requestId"),
        provider=body.get("provider"),
        provider_instance_id=body.get("providerInstanceId"),
        payload=body.get("payload") or {},
    )


def _stored(row: dict[str, Any]) -> Event:
    payload = json.loads(row["payload_json"])
    return Event(
        event_id=row["event_id"],
        type=row["event_type"],
        at=parse_iso(row["occurred_at"]),
        turn_id=payload.get("turnId"),
        request_id=payload.get("requestId"),
        payload=payload,
        sequence=row["sequence"],
        command_id=row["command_id"],
    )
