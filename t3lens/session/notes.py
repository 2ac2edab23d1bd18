"""Notes of people on moments of a thread: kept in the store, shown in its timeline and in its report."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from t3lens.errors import UsageError
from t3lens.time import Micros, now, to_datetime

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["Note", "add_note", "notes_of", "remove_note"]

_LONGEST: Final = 2_000

_NOTES: Final = """
SELECT note_id, epoch_us(about), text, epoch_us(written_at) FROM notes
WHERE home_id = ? AND thread_id = ? ORDER BY about, written_at, note_id
"""


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote about a moment; times in microseconds UTC."""

    note_id: str
    about: Micros
    text: str
    written_at: Micros


def add_note(store: Store, home_id: str, thread_id: str, about: Micros, text: str) -> Note:
    """Keep a note on a moment of a thread.

    Raises:
        UsageError: It says nothing, or more than 2,000 characters.
        StoreError: The store cannot be written.
    """
    said = text.strip()
    if not said:
        raise UsageError("an empty note says nothing", code="empty-note")
    if len(said) > _LONGEST:
        raise UsageError(f"a note has at most {_LONGEST:,} characters, this one {len(said):,}", code="long-note")
    note = Note(secrets.token_hex(6), about, said, now())
    with store.write() as con:
        con.execute(
            "INSERT INTO _notes VALUES (?, ?, ?, ?, ?, ?)",
            [note.note_id, home_id, thread_id, to_datetime(about), said, to_datetime(note.written_at)],
        )
    return note


def remove_note(store: Store, note_id: str, of: tuple[str, str] | None = None) -> None:
    """Forget a note; does nothing if there is none of that id.

    Args:
        store: Where it is kept.
        note_id: Which one.
        of: Home and thread that it has to be of; None for any.
    """
    home_id, thread_id = of or (None, None)
    with store.write() as con:
        con.execute(
            "DELETE FROM _notes WHERE note_id = $id AND home_id = coalesce($home, home_id)"
            " AND thread_id = coalesce($thread, thread_id)",
            {"id": note_id, "home": home_id, "thread": thread_id},
        )


def notes_of(store: Store, home_id: str, thread_id: str) -> list[Note]:
    """The notes on a thread, by the moments they are about."""
    with store.read() as con:
        return [Note(*row) for row in con.execute(_NOTES, [home_id, thread_id]).fetchall()]
