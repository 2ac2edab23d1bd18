"""Which threads an ingest was about: what a follower needs to look again at these alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["StorePosition", "mark", "threads_since"]


class StorePosition(msgspec.Struct, frozen=True):
    """How far a store had been filled.

    Attributes:
        files: Bytes that every log file had given by then, by the file's key.
        sequences: The newest stored event of every home.
        records: When each thread's own record was read last, microseconds UTC, by home and thread.
    """

    files: Mapping[int, int]
    sequences: Mapping[str, int]
    records: Mapping[tuple[str, str], int] = {}


_FILES: Final = "from _files select file_key, bytes_ingested where kind = 'provider-log'"
_SEQUENCES: Final = "from _orchestration_events select home_id, max(sequence) group by home_id"
_RECORDS: Final = "from _provider_records select home_id, thread_id, read_at"
_LOGGED: Final = """
select distinct thread_id from _log_events
where file_key = $file and "offset" >= $bytes and thread_id is not null
"""
_STORED: Final = """
select distinct stream_id from _orchestration_events
where home_id = $home and sequence > $sequence and aggregate_kind = 'thread'
"""


def mark(store: Store) -> StorePosition:
    """How far ``store`` is filled now."""
    with store.read() as con:
        return StorePosition(
            files=dict(con.execute(_FILES).fetchall()),
            sequences=dict(con.execute(_SEQUENCES).fetchall()),
            records={(home, thread): at for home, thread, at in con.execute(_RECORDS).fetchall()},
        )


def threads_since(store: Store, before: StorePosition) -> list[str]:
    """Ids of the threads with log lines, stored events or an agent's record that came after ``before``, in order.

    A row that changed without an event (edited by hand) is not among what came; a diagnosis of everything sees it.
    """
    now = mark(store)
    found = {key[1] for key, at in now.records.items() if before.records.get(key) != at}
    with store.read() as con:
        for file, size in now.files.items():
            if size > before.files.get(file, 0):
                given = {"file": file, "bytes": before.files.get(file, 0)}
                found |= {thread for (thread,) in con.execute(_LOGGED, given).fetchall()}
        for home, sequence in now.sequences.items():
            if sequence > before.sequences.get(home, -1):
                given_home = {"home": home, "sequence": before.sequences.get(home, -1)}
                found |= {thread for (thread,) in con.execute(_STORED, given_home).fetchall()}
    return sorted(found)
