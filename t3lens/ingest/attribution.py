"""Whose thread a record of a provider log is that names none, or one that nothing else knows.

Some adapters write native records without a thread: the file they stand in says whose they are. T3 Code names a file
after its thread, and the canonical records therein name that thread themselves. What else looks like a thread's id (a
member of a tool's input, a provider's own id) is no proof.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from t3lens.ingest.identity import FileState
from t3lens.ingest.lines import RejectedLine, read_line
from t3lens.t3code.v1.log_grammar import CANONICAL, GLOBAL_SEGMENT, NATIVE, file_segment, is_thread_segment, parse_name
from t3lens.t3code.v2.log import PROTOCOL_MEMBER

if TYPE_CHECKING:
    import duckdb

__all__ = ["attribute_by_file", "thread_of_file", "to_attribute"]

_THREAD: Final = re.compile(rb'"threadId"\s*:\s*"([^"\\]{1,200})"')

# A record of the second data model, which has a source once it is read, names its thread or none: its file is no proof.
_OF_FILE: Final = f"(label <> '{NATIVE}' OR raw_source IS NULL OR extra ->> '{PROTOCOL_MEMBER}' IS NULL)"
_OF_FILES: Final = "home_id = $home AND file_key IN (SELECT unnest($files))"

_NAMED: Final = f"""
SELECT file_key, label = '{CANONICAL}' AS canonical, thread_id
FROM _log_events
WHERE {_OF_FILES} AND {_OF_FILE}
GROUP BY ALL
"""

_NAMED_IN: Final = f"""
SELECT file_key, label = '{CANONICAL}' AS canonical, thread_id
FROM _log_events
WHERE file_key BETWEEN $first AND $last AND {_OF_FILE}
GROUP BY ALL
"""

_OPEN: Final = f"""
SELECT DISTINCT file_key FROM _log_events WHERE home_id = $home AND thread_id IS NULL AND {_OF_FILE}
"""

_KNOWN: Final = f"""
SELECT DISTINCT thread_id FROM _log_events
WHERE home_id = $home AND label = '{CANONICAL}' AND list_contains($threads, thread_id)
UNION SELECT thread_id FROM threads WHERE home_id = $home AND list_contains($threads, thread_id)
"""

_TO_FILE: Final = f"""
UPDATE _log_events SET thread_id = $thread, extra = CASE WHEN thread_id IS NULL THEN extra
    ELSE json_merge_patch(coalesce(extra, '{{}}'), json_object('threadId', thread_id)) END
WHERE {_OF_FILES} AND {_OF_FILE}
    AND (thread_id IS NULL OR (label = '{NATIVE}' AND list_contains($strangers, thread_id)))
"""

# The turn or the provider's conversation of a record, where the file's other records say whose that is.
_TO_OTHERS: Final = f"""
UPDATE _log_events AS e SET thread_id = known.thread_id
FROM (SELECT {{of}} AS id, min(thread_id) AS thread_id FROM _log_events
      WHERE {_OF_FILES} AND {{of}} IS NOT NULL AND thread_id IS NOT NULL
          AND {{proof}}
      GROUP BY ALL HAVING count(DISTINCT thread_id) = 1) AS known
WHERE {_OF_FILES} AND e.label = '{NATIVE}' AND e.{{of}} = known.id AND {{open}} AND {_OF_FILE}
    AND e.thread_id IS DISTINCT FROM known.thread_id
"""
_BY_TURN: Final = _TO_OTHERS.format(of="turn_id", proof=f"label = '{CANONICAL}'", open="true")
_BY_CONVERSATION: Final = _TO_OTHERS.format(of="provider_thread_id", proof="turn_id IS NOT NULL", open="e.turn_id IS NULL")


def thread_of_file(state: FileState, data: memoryview) -> str | None:
    """The thread that a file is named after, if a record in it says of itself that it is of that thread.

    Args:
        state: The file.
        data: Whole lines of it.
    """
    if state.kind != "provider-log" or _segment(state.family) == GLOBAL_SEGMENT:
        return None
    segment = _segment(state.family)
    fits: dict[bytes, bool] = {}
    text = b""
    for found in _THREAD.finditer(data):
        name = bytes(found[1])
        if name not in fits:
            fits[name] = file_segment(name.decode("utf-8", "replace")) == segment
        if not fits[name]:
            continue
        text = text or data.tobytes()
        line = text[text.rfind(b"\n", 0, found.start()) + 1 : text.find(b"\n", found.end()) + 1]
        for record in read_line(line, first=True):
            if isinstance(record, RejectedLine) or f'"{PROTOCOL_MEMBER}"' in (record.values["extra"] or ""):
                continue
            thread = record.values["thread_id"]
            if thread is not None and file_segment(thread) == segment:
                return str(thread)
    return None


def _segment(family: str) -> str:
    name = parse_name(family)
    return name.segment if name else family


@dataclass(slots=True)
class _Family:
    """Log files of one name, rotated or of either generation, and who is named in them."""

    segment: str
    files: list[int] = field(default_factory=list)
    canonical: set[str] = field(default_factory=set)
    native: set[str] = field(default_factory=set)
    open: bool = False

    def note(self, thread: str | None, *, canonical: bool) -> None:
        """Note whom a record names."""
        if thread is None:
            self.open = True
        else:
            (self.canonical if canonical else self.native).add(thread)

    @property
    def is_to_attribute(self) -> bool:
        """Whether a record names no thread, or one that no canonical record names, or there are several threads."""
        return self.open or len(self.canonical) > 1 or not self.native <= self.canonical

    def fitting(self, threads: Iterable[str]) -> list[str]:
        return sorted(thread for thread in threads if file_segment(thread) == self.segment)


def attribute_by_file(con: duckdb.DuckDBPyConnection, home_id: str, changed: Iterable[int]) -> None:
    """Give native records that name no thread, or one that nothing else knows, to the thread of their file.

    That is the thread the file is named after, by what its canonical records say of themselves, else by what the
    database has; where no name fits (a renamed file), the one thread that the canonical records name. Of several threads
    in one file a record belongs to the one whose turn or conversation it names. What leads to no thread has none.

    Args:
        con: The store, in a transaction, with the records of the second data model read.
        home_id: Id of the home whose records they are.
        changed: Keys of the files that something was read of.
    """
    changed = {*changed, *(row[0] for row in con.execute(_OPEN, {"home": home_id}).fetchall())}
    if not changed:
        return
    families: dict[str, _Family] = {}
    touched: dict[str, None] = {}
    rows = con.execute(
        "SELECT file_key, family FROM _files WHERE home_id = ? AND kind = 'provider-log'", [home_id]
    ).fetchall()
    for key, name in rows:
        segment = _segment(name)
        families.setdefault(segment, _Family(segment)).files.append(key)
        if key in changed and segment != GLOBAL_SEGMENT:
            touched[segment] = None
    todo = [families[segment] for segment in touched]
    by_file = {key: family for family in todo for key in family.files}
    for key, canonical, thread in con.execute(_NAMED, {"home": home_id, "files": list(by_file)}).fetchall():
        by_file[key].note(thread, canonical=canonical)
    stored: list[str] | None = None
    for family in todo:
        if not family.is_to_attribute:
            continue
        if stored is None:
            stored = [row[0] for row in con.execute("SELECT thread_id FROM threads WHERE home_id = ?", [home_id]).fetchall()]
        _attribute(con, home_id, family, stored)


def to_attribute(con: duckdb.DuckDBPyConnection, files: Mapping[int, tuple[str, str]]) -> set[str]:
    """Homes of which ``attribute_by_file`` has something to do; of many that are whole and small, one question for all.

    Args:
        con: The store, with their records.
        files: Home and family of each log file, by key.
    """
    if not files:
        return set()
    families: dict[tuple[str, str], _Family] = {}
    rows = con.execute(_NAMED_IN, {"first": min(files), "last": max(files)}).fetchall()
    for key, canonical, thread in rows:
        if key not in files:
            continue  # a trace
        home_id, name = files[key]
        segment = _segment(name)
        if segment != GLOBAL_SEGMENT:
            families.setdefault((home_id, segment), _Family(segment)).note(thread, canonical=canonical)
    return {home_id for (home_id, _), family in families.items() if family.is_to_attribute}


def _attribute(con: duckdb.DuckDBPyConnection, home_id: str, family: _Family, stored: list[str]) -> None:
    home: dict[str, Any] = {"home": home_id, "files": family.files}
    fitting = family.fitting(family.canonical) or family.fitting(stored)
    sure = len(fitting) == 1
    if not fitting:
        fitting = family.fitting(family.native) or sorted(family.canonical)
    if not fitting and not family.native and is_thread_segment(family.segment):
        fitting = [family.segment]
    if len(family.canonical) > 1:
        con.execute(_BY_TURN, home)
        con.execute(_BY_CONVERSATION, home)
    if len(fitting) != 1:
        return
    strangers = family.native - family.canonical - set(fitting) - set(stored) if sure else set()
    if strangers:
        strangers -= {row[0] for row in con.execute(_KNOWN, {"home": home_id, "threads": list(strangers)}).fetchall()}
    con.execute(_TO_FILE, home | {"thread": fitting[0], "strangers": list(strangers)})
    if file_segment(fitting[0]) == family.segment:
        con.execute(
            "UPDATE _files SET thread_id = ? WHERE thread_id IS NULL AND list_contains(?, file_key)",
            [fitting[0], family.files],
        )
