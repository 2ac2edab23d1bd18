"""How far a record was read, kept so that one that grew is read on from there.

What is kept is the reader itself, as it was after the last complete line: judged anew at every read, never a verdict. It is
of use only to the code that wrote it, and while the file still begins and goes on as it did.
"""

from __future__ import annotations

import hashlib
import io
import pickle
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import t3lens.agents as agents
from t3lens.agents import claude, codex, draft, record
from t3lens.agents.lines import LineRecord
from t3lens.reading import open_regular

if TYPE_CHECKING:
    from io import BufferedReader

__all__ = ["WORTH_KEEPING", "ReadSoFar", "resumed", "so_far"]

WORTH_KEEPING: Final = 1 << 20
"""Bytes of a record from which on it is quicker to go on than to begin anew."""

_ENDS: Final = 1 << 16
"""So much of its beginning, and of what was read last, has to be as it was."""

_CLASSES: Final[dict[tuple[str, str], type]] = {
    (one.__module__, one.__qualname__): one
    for one in (
        *codex.MADE_OF, *claude.MADE_OF, draft.Draft,
        record.RecordMark, record.TurnOutcome, record.Sureness, record.TurnKind, record.SessionOrigin,
    )
}  # fmt: skip
"""All that a reader is made of. Whatever else a state names is not loaded: a store may come from anywhere."""


@dataclass(frozen=True, slots=True)
class ReadSoFar:
    """A reader and the place it has come to.

    Attributes:
        reader: The reader, with all it remembers.
        line: The number of the next line, from 1.
        offset: Where that begins, bytes.
    """

    reader: LineRecord
    line: int
    offset: int


def so_far(path: Path, reader: object, line: int, offset: int) -> bytes | None:
    """A reader as it can be kept; None if it is of a kind that is always read anew.

    Args:
        path: The record; plain.
        reader: What read it.
        line: The number of the next line.
        offset: Where that begins.
    """
    if type(reader) not in _CLASSES.values() or not isinstance(reader, LineRecord):
        return None
    with open_regular(path) as stream:
        ends = _ends(stream, offset)
    return pickle.dumps((_code(), ends, line, offset, reader.lean()), protocol=5)


def resumed(path: Path, state: bytes) -> ReadSoFar | None:
    """What was kept of a record, if it can be read on from there; else None.

    Args:
        path: The record; it may have moved.
        state: As ``so_far`` gave it.
    """
    try:
        said = _Unpickler(io.BytesIO(state)).load()
        code, ends, line, offset, reader = said
        if code != _code() or not isinstance(reader, LineRecord) or path.stat().st_size < offset:
            return None
        with open_regular(path) as stream:
            same = ends == _ends(stream, offset)
    except OSError:
        raise
    except Exception:  # whatever a state that is not ours, or not whole, leads to
        return None
    return ReadSoFar(reader, line, offset) if same else None


def _ends(stream: BufferedReader, offset: int) -> str:
    """What tells whether a file is still the one of which so many bytes were read."""
    digest = hashlib.sha256(stream.read(min(_ENDS, offset)))
    stream.seek(max(0, offset - _ENDS))
    digest.update(stream.read(min(_ENDS, offset)))
    return digest.hexdigest()


@lru_cache(maxsize=1)
def _code() -> str:
    """What the code of the readers is: another one would not understand what this one kept."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(Path(str(agents.__file__)).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


class _Unpickler(pickle.Unpickler):
    """Loads readers and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        """The class a state names, if a reader is made of it."""
        found = _CLASSES.get((module, name))
        if found is None:
            raise pickle.UnpicklingError(f"{module}.{name} is no part of a reader")
        return found
