"""Results of homes on a shared place: Parquet files with one row for each home, as many homes in a file as a task had."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final

import msgspec

from t3lens.document.disk_map import DiskMap
from t3lens.document.merge import MergeableAudit
from t3lens.errors import InputError
from t3lens.file_place import FilePlace
from t3lens.fleet.attempt import NOTES

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "RESULTS",
    "Known",
    "Row",
    "Written",
    "read_index",
    "read_results",
    "remove_older",
    "results_place",
    "run_name",
    "write_results",
]

RESULTS: Final = "homes"
"""The folder of the results."""
_FORMAT: Final = "1"
"""Grows when a row is written differently; files of another format are not taken."""


_OURS: Final = re.compile(r"(?P<at>\d{8}-\d{6})-[0-9a-f]{6}-\d{6,}(-[0-9a-f]{8}\.parquet|\.json)")
"""The names of what a run writes: the moment it began stands in them."""


def run_name(began: datetime) -> str:
    """A name for a run, that no other has.

    Args:
        began: When it began, UTC.
    """
    return f"{began:%Y%m%d-%H%M%S}-{os.urandom(3).hex()}"


class Row(msgspec.Struct, frozen=True):
    """The result of a home.

    Attributes:
        path: The home.
        key: What it was made of; see ``t3lens.fleet.one_home.state_of``.
        audited: The audit,
        encoded: and as it is written.
    """

    path: str
    key: str
    audited: MergeableAudit
    encoded: bytes


class Written(msgspec.Struct, frozen=True):
    """Where a result stands.

    Attributes:
        file: Name on the shared place.
        row: Its row.
    """

    file: str
    row: int


Known = Mapping[str, dict[str, Written]]
"""Results of earlier runs that may be taken: by path of the home, then by key."""


def results_place(address: str) -> FilePlace:
    """The place that all machines of a run reach.

    Args:
        address: A folder or a URL; it may hold a password.
    """
    return FilePlace(address, code="no-results-place")


def write_results(place: FilePlace, name: str, rows: Sequence[Row]) -> str:
    """Write results as one file.

    Args:
        place: Where to write it.
        name: A name that no other file has.
        rows: One for each home.

    Returns:
        The file's name on the place.
    """
    import pyarrow.parquet as pq

    file = f"{RESULTS}/{name}.parquet"
    out = io.BytesIO()
    pq.write_table(_table(rows), out, compression="zstd", use_dictionary=False)
    place.write(file, out.getvalue())
    return file


def _table(rows: Sequence[Row]) -> pa.Table:
    import pyarrow as pa

    documents = [row.audited.document for row in rows]
    columns = {
        "path": pa.array([row.path for row in rows], pa.string()),
        "key": pa.array([row.key for row in rows], pa.string()),
        "lasting": pa.array([row.audited.lasting for row in rows], pa.bool_()),
        "as_of": pa.array([one.as_of for one in documents], pa.string()),
        "threads": pa.array([len(one.threads) for one in documents], pa.int64()),
        "findings": pa.array([sum(len(place.findings) for place in one.places) for one in documents], pa.int64()),
        "audit": pa.array([row.encoded for row in rows], pa.binary()),
    }
    return pa.table(columns, metadata={"t3lens": _FORMAT})


def read_results(place: FilePlace, file: str) -> list[MergeableAudit]:
    """The audits in a file, in its order.

    Raises:
        InputError: It is not there any more, or is no such file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    content = place.read(file)
    try:
        column = pq.read_table(io.BytesIO(content or b""), columns=["audit"]).column(0)
        return [msgspec.json.decode(one.as_buffer(), type=MergeableAudit) for one in column]
    except (pa.ArrowException, msgspec.MsgspecError, OSError) as error:
        raise InputError(f"the results {file} cannot be read back: {type(error).__name__}") from None


def read_index(place: FilePlace) -> Known:
    """What earlier runs left on a shared place, an interrupted one too. What cannot be read is not there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    known: DiskMap[str, dict[str, Written]] = DiskMap(str, dict[str, Written])
    for file in place.names(RESULTS):
        try:
            with place.opened(file) as stream, pq.ParquetFile(stream) as opened:
                if (opened.schema_arrow.metadata or {}).get(b"t3lens") != _FORMAT.encode():
                    continue
                rows = opened.read(columns=["path", "key", "lasting"]).to_pydict()
        except (pa.ArrowException, InputError, OSError, KeyError):
            continue
        for number, (path, key, lasting) in enumerate(zip(rows["path"], rows["key"], rows["lasting"], strict=True)):
            if lasting:
                known.put(path, {**known.get(path, {}), key: Written(file, number)})
    return known


def remove_older(place: FilePlace, before: datetime, taken: Container[str]) -> int:
    """Remove the results of runs that began long ago, and what these noted of tasks, and nothing that no run wrote.

    Args:
        place: Where they stand.
        before: The results of runs that began before this go, UTC.
        taken: Files that stay all the same: a later run took results from them.

    Returns:
        How many files of results were removed.

    Raises:
        InputError: The place cannot be used.
    """
    limit = f"{before:%Y%m%d-%H%M%S}"
    removed = 0
    for folder in (RESULTS, NOTES):
        for file in place.names(folder):
            name = _OURS.fullmatch(file.rpartition("/")[2])
            if name is not None and name["at"] < limit and file not in taken:
                place.remove(file)
                removed += folder == RESULTS
    return removed
