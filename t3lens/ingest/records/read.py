"""Files and folders in, records out: each with what it says of its turns, or why it could not be read."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from t3lens.agents.recognise import RecordReader, recognise, recognise_name
from t3lens.agents.record import AgentRecord
from t3lens.agents.values import json_object
from t3lens.errors import InputError
from t3lens.ingest.records.database import database_records
from t3lens.ingest.records.find import find_files, is_database
from t3lens.ingest.records.lines import Place, feed_lines
from t3lens.ingest.records.resume import WORTH_KEEPING, resumed, so_far
from t3lens.reading import read_start

__all__ = ["ReadRecord", "RecordsRead", "read_file", "read_records"]

_LARGEST_NOTE: Final = 1 << 20
_BEGINNING: Final = Place(1, 0)
_LINES_TO_TELL: Final = 200
"""A record is recognised by one of its first lines or not at all."""


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """One record and where it was read.

    Attributes:
        path: Its file, or the database its rows stand in.
        record: What it says.
        size: Bytes of the file on disk.
        error: Why it was not read to its end; what is there was read.
        open_sub_agents: Ids of sub-agents that work for it and are not marked as finished.
        so_far: What is kept to read it on from here when it has grown; None if it is always read anew.
    """

    path: Path
    record: AgentRecord
    size: int
    error: str | None = None
    open_sub_agents: tuple[str, ...] = ()
    so_far: bytes | None = None


@dataclass(frozen=True, slots=True)
class RecordsRead:
    """What was read.

    Attributes:
        records: In the order of their paths.
        errors: Files that should hold a record and could not be read: one sentence each.
        notes: What was left aside, and what else there is to say: one sentence each.
    """

    records: tuple[ReadRecord, ...]
    errors: tuple[str, ...]
    notes: tuple[str, ...]


def read_records(paths: Sequence[Path]) -> RecordsRead:
    """Read all records that files and folders hold; nothing is written beside them.

    Args:
        paths: Record files, folders of them, agents' homes, OpenCode databases.

    Raises:
        InputError: A path does not exist, or is neither file nor folder.
    """
    found = find_files(paths)
    records: list[ReadRecord] = []
    errors: list[str] = []
    for path in found.files:
        named = path in found.named
        try:
            for record in read_file(path):
                records.append(record)
                named = False
        except InputError as error:
            errors.append(str(error))
        except (OSError, sqlite3.Error) as error:
            errors.append(f"{path} cannot be read: {_reason(error)}")
        else:
            if named:
                errors.append(f"{path} is no record of an agent that is known here")
    errors += [record.error for record in records if record.error is not None]
    return RecordsRead(tuple(records), tuple(errors), (*found.notes, *_turns_in_several_sessions(records)))


def read_file(path: Path, session_ids: Sequence[str] | None = None, so_far: bytes | None = None) -> Iterator[ReadRecord]:
    """The records of one file: one, several of a database, or none.

    Args:
        path: The file.
        session_ids: Of a database, read these sessions only.
        so_far: What was kept when it was read before: of one that only grew, no more is read than what is new.

    Raises:
        InputError: It is damaged, or laid out in a way that is not known.
        OSError: It cannot be read.
        sqlite3.Error: It is a database that is damaged or locked.
    """
    if is_database(path):
        size = path.stat().st_size
        for record in database_records(path, session_ids) or ():
            yield ReadRecord(path, record, size)
        return
    record_read = _read_lines(path, so_far)
    if record_read is not None:
        yield record_read


def _read_lines(path: Path, before: bytes | None) -> ReadRecord | None:
    taker = _Recognising()
    start, kept = _BEGINNING, None
    known = resumed(path, before) if before is not None else None
    if known is not None:
        taker.hand_over(known.reader)
        start = Place(known.line, known.offset)

    def keep(place: Place) -> None:
        nonlocal kept
        if place.offset >= WORTH_KEEPING:
            kept = so_far(path, taker.reader, *place)

    error = None
    try:
        feed_lines(path, taker, start, keep)
    except _NoRecord:
        return None
    except InputError as damaged:
        error = str(damaged)
    reader = taker.reader or recognise_name(path.name)
    if reader is None:
        if error is not None:
            raise InputError(error, code="damaged")
        return None
    if taker.reader is None:
        taker.hand_over(reader)
    record = reader.result()
    return ReadRecord(path, record, path.stat().st_size, error, _open_sub_agents(path, record), kept)


class _NoRecord(Exception):
    """None of the first lines is one of a record."""


class _Recognising:
    """Keeps the first lines until one tells whose they are, then hands all on."""

    def __init__(self) -> None:
        self.reader: RecordReader | None = None
        self._before: list[tuple[int, int, bytes]] = []
        self._torn: tuple[int, int, bytes] | None = None

    def feed(self, line: int, offset: int, raw: bytes) -> None:
        """Take one complete line."""
        if self.reader is not None:  # until the end of the first block
            self.reader.feed(line, offset, raw)
            return
        self._before.append((line, offset, raw))
        reader = recognise(raw)
        if reader is not None:
            self.hand_over(reader)
        elif len(self._before) >= _LINES_TO_TELL:
            raise _NoRecord

    def feed_last(self, line: int, offset: int, raw: bytes) -> None:
        """Take the last line, if it has no end mark."""
        self._torn = (line, offset, raw)
        reader = self.reader or recognise(raw)
        if reader is not None and self.reader is None:
            self.hand_over(reader)
        elif reader is not None:
            reader.feed_last(line, offset, raw)

    def hand_over(self, reader: RecordReader) -> None:
        """Give a reader what was kept, and all that comes."""
        self.reader = reader
        for line, offset, raw in self._before:
            reader.feed(line, offset, raw)
        if self._torn is not None:
            reader.feed_last(*self._torn)
        self._before = []
        self.feed = reader.feed  # type: ignore[method-assign]  # no detour for the rest of the file


def _open_sub_agents(path: Path, record: AgentRecord) -> tuple[str, ...]:
    """Claude Code's sub-agents of this session, but for those whose notes say they are done."""
    if record.provider != "claude" or record.origin is not None:
        return ()
    found = []
    for note in sorted((path.parent / path.name.split(".")[0] / "subagents").glob("agent-*.meta.json")):
        try:
            said = json_object(read_start(note, _LARGEST_NOTE, note.parent))
        except OSError:
            continue
        if said is not None and said.get("finished") is not True:
            found.append(note.name.removesuffix(".meta.json"))
    return tuple(found)


def _turns_in_several_sessions(records: Sequence[ReadRecord]) -> Iterator[str]:
    """Turns that stand in several sessions: some agents copy them into a fork and leave no mark."""
    holders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for read in records:
        for turn in read.record.turns:
            if turn.turn_id is not None and read.record.session_id and not turn.inherited:
                holders[read.record.provider, turn.turn_id].add(read.record.session_id)
    groups: dict[tuple[str, ...], int] = defaultdict(int)
    for sessions in holders.values():
        if len(sessions) > 1:
            groups[tuple(sorted(sessions))] += 1
    for group, count in sorted(groups.items()):
        turns = "one turn stands" if count == 1 else f"{count} turns stand"
        yield f"{turns} in the sessions {', '.join(group)}: one is a fork of the other"


def _reason(error: OSError | sqlite3.Error) -> str:
    text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    return text.lower()
