"""One row or line of a recorded home of the second data model dropped, altered or delayed: no false alarm, nothing lost.

``T3LENS_MUTATIONS`` says how many of each kind are tried on each home (2 if not said, ``all`` for every row and line),
``T3LENS_MUTATIONS_FROM`` at which they begin. ``make tests ARGS="-rP tests/diagnose/test_second_mutation_matrix.py"``
prints the matrix.
"""

from __future__ import annotations

import os
import random
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from t3lens.domain.finding import Severity, Verdict
from t3lens.errors import DEBUG
from t3lens.t3code.v2.schema import TABLES
from t3lens.time import SECOND, iso, parse_iso
from tests.diagnose.homes import diagnosed
from tests.recordings import Recording, needs_recordings_v2, recordings_v2

pytestmark = needs_recordings_v2

_SAID: Final = os.environ.get("T3LENS_MUTATIONS", "2")
_EACH: Final = None if _SAID == "all" else int(_SAID)
_FROM: Final = int(os.environ.get("T3LENS_MUTATIONS_FROM", "0"))

_HOMES: Final = (
    "01-normal-codex/1-live",
    "05-interrupt/1-after-interrupt",
    "07-kill9-server/2-after-restart-20s",
    "10-approval/2-unanswered-30s",
    "20-frozen-a-blocks-b-codex/2-after-cont",
)
_OF_STORE: Final = (*(table.source for table in TABLES), "orchestration_events", "orchestration_command_receipts")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
_LATE: Final = 30 * SECOND
_MINUTE: Final = 60 * SECOND
"""After the recording: beyond every threshold but those of silence, and beyond what is delayed."""
_ODD: Final = ("", "null", "{}", "[1]", "pondering", '{"id": 7, "status": {}}', "\x00", "9" * 40)


@dataclass(frozen=True)
class Place:
    """A row of a table, or a line of a log.

    Attributes:
        where: Name of the table, or of the file.
        number: The row's id, or the line's place.
    """

    where: str
    number: int


class Home:
    """A recorded home that is changed and put back."""

    def __init__(self, recording: Recording, folder: Path) -> None:
        self.recording = recording
        self._folder = folder
        self.database = next(
            recording.path / "userdata" / name
            for name in ("statev2.sqlite", "state.sqlite")
            if (recording.path / "userdata" / name).exists()
        )

    def places(self) -> list[Place]:
        found = []
        with closing(sqlite3.connect(f"{self.database.as_uri()}?mode=ro&immutable=1", uri=True)) as con:
            there = {name for (name,) in con.execute("select name from sqlite_master where type = 'table'")}
            for table in _OF_STORE:
                if table in there:
                    found += [Place(table, row) for (row,) in con.execute(f"select rowid from {table} order by rowid")]
        for log in sorted((self.recording.path / "userdata" / "logs" / "provider").glob("*.log")):
            found += [Place(log.name, place) for place in range(len(log.read_bytes().splitlines()))]
        return found

    def changed(self, kind: str, place: Place, rng: random.Random) -> Path:
        """A copy in which one row or line is dropped, altered or delayed."""
        copy = self._folder / "home"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.recording.path, copy)
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        if place.where.endswith(".log"):
            log = copy / "userdata" / "logs" / "provider" / place.where
            log.write_bytes(b"".join(_of_lines(kind, log.read_bytes().splitlines(keepends=True), place.number, rng)))
        else:
            with closing(sqlite3.connect(copy / "userdata" / self.database.name)) as con, con:
                _of_rows(con, kind, place, rng)
        return copy


def _of_lines(kind: str, lines: list[bytes], number: int, rng: random.Random) -> list[bytes]:
    line = lines.pop(number)
    if kind == "drop":
        return lines
    if kind == "alter":
        at = rng.randrange(len(line))
        return [*lines[:number], line[:at] + rng.randbytes(3) + line[at + 3 :], *lines[number:]]
    return [*lines[:number], _later(line.decode()).encode(), *lines[number:]]


def _of_rows(con: sqlite3.Connection, kind: str, place: Place, rng: random.Random) -> None:
    con.execute("pragma ignore_check_constraints = on")
    if kind == "drop":
        con.execute(f"delete from {place.where} where rowid = ?", (place.number,))
        return
    columns = [row[1] for row in con.execute(f"pragma table_info('{place.where}')")]
    (values,) = con.execute(f"select * from {place.where} where rowid = ?", (place.number,))
    if kind == "alter":
        column = rng.choice(columns)
        with suppress(sqlite3.IntegrityError):  # a number of a row cannot be odd
            con.execute(f"update or ignore {place.where} set {column} = ? where rowid = ?", (rng.choice(_ODD), place.number))
        return
    for column, value in zip(columns, values, strict=True):
        if isinstance(value, str) and _TIME.search(value):
            con.execute(f"update {place.where} set {column} = ? where rowid = ?", (_later(value), place.number))


def _later(text: str) -> str:
    return _TIME.sub(lambda at: iso(parse_iso(at[0]) + _LATE), text)


def _cases() -> Iterator[object]:
    for recording in recordings_v2():
        name = f"{recording.scenario}/{recording.state}"
        if name in _HOMES:
            for kind in ("drop", "alter", "delay"):
                yield pytest.param(recording, kind, id=f"{name}: {kind}")


@pytest.mark.parametrize(("recording", "kind"), list(_cases()))
def test_one_thing_less_or_other_is_no_alarm(
    recording: Recording, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEBUG, "1")  # the first traceback, not an answer without the home
    expected = recording.expected
    home = Home(recording, tmp_path)
    places = home.places()
    rng = random.Random(f"{recording.name} {kind} {_FROM}")
    chosen = places if _EACH is None else rng.sample(places, min(_EACH, len(places)))
    made: Counter[str] = Counter()
    for place in chosen:
        changed = home.changed(kind, place, rng)
        later = iso(parse_iso(expected["as_of"]) + _MINUTE)
        diagnosis = diagnosed(changed, as_of=later, server=expected["server"])
        of_threads = place.where.endswith("projection_threads")
        found = {thread.thread_id: thread for thread in diagnosis.threads}
        if not of_threads:
            assert set(found) == set(expected["threads"]), f"{kind} {place}: a thread is lost or invented"
        for thread_id in set(found) & set(expected["threads"]):
            verdict = found[thread_id].verdict
            made[verdict] += 1
            if kind == "alter" and place.where.endswith(("_runs", "effect_outbox")):
                continue  # a status that says otherwise is judged otherwise
            said = [f.code for f in found[thread_id].findings if f.severity.at_least(Severity.HIGH)]
            assert verdict is not Verdict.STUCK, f"{kind} {place}: stuck by {said}"
    print(f"{recording.name}: {kind}: {len(chosen)} of {len(places)}: {dict(made)}")
