"""The journal: every action, also a refused one, appended to one file that survives crashes.

One JSON object a line. An action has an ``intent`` (written and synced before anything is sent), ``step`` entries
and one ``outcome``. An action whose outcome is missing was cut off: what became of it is not known, and is shown so.
"""

from __future__ import annotations

import getpass
import os
import platform
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.act.masking import Masking
from t3lens.act.token import scrub
from t3lens.errors import T3LensError
from t3lens.t3code.v1.wire import ARCHIVE, UNARCHIVE
from t3lens.time import Micros, iso, parse_iso, to_datetime
from t3lens.writing import is_full

if TYPE_CHECKING:
    import pandas

__all__ = ["CUT_OFF", "JOURNAL_VARIABLE", "ActionRecord", "Entry", "Journal", "JournalError", "default_journal_path"]

JOURNAL_VARIABLE: Final = "T3LENS_JOURNAL"
"""What names the file of the journal."""
_VERSION: Final = 1
_LOCK_S: Final = 10.0
_MODE: Final = 0o600


class JournalError(T3LensError):
    """The journal cannot be written, so nothing is sent."""

    code = "journal"


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the journal.

    Attributes:
        action_id: The action it belongs to.
        entry: ``intent``, ``step`` or ``outcome``.
        at: ISO time, UTC.
        who: Account and machine.
        data: What there is to say; see ``execute``.
        journal_version: Of this layout.
    """

    action_id: str
    entry: str
    at: str
    who: str
    data: dict[str, Any]
    journal_version: int = _VERSION


CUT_OFF: Final = "cut off"
"""The outcome of an action that has none: what became of it is not known."""


class ActionRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One action, put together from its entries.

    Attributes:
        action_id: Its id.
        at: When it was meant to begin, microseconds UTC.
        who: Account and machine.
        kind: ``stop``, ``reconcile`` or ``offline-repair``.
        why: The reason a person gave, else the plan's.
        home_id: The home,
        home_path: where it was; empty if that was not written down,
        thread_id: the thread,
        title: and its title.
        turn_id: The turn that was active.
        plan: The whole plan.
        steps: What was sent and came back, in order.
        outcome: ``applied already failed refused "not confirmed"``; ``cut off`` if the action has no outcome.
        changed: Whether anything was changed; None if that is not known.
        detail: The outcome in words.
        before: State before,
        after: and after.
        finished_at: When its outcome was written, microseconds UTC.
    """

    action_id: str
    at: Micros
    who: str
    kind: str
    why: str
    home_id: str
    thread_id: str
    title: str
    turn_id: str | None
    plan: dict[str, Any]
    steps: tuple[dict[str, Any], ...] = ()
    outcome: str = CUT_OFF
    changed: bool | None = None
    detail: str = "the action was cut off before its outcome was known"
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    finished_at: Micros | None = None
    home_path: str = ""

    def concerns(self, home_id: str, path: str) -> bool:
        """Whether it was done to a home: copies of it have the same id, and were left alone.

        A home that is no longer where it was then counts as moved.

        Args:
            home_id: The home.
            path: Where it is now.
        """
        if self.home_id != home_id:
            return False
        return self.home_path in ("", path) or not Path(self.home_path).exists() or _same_place(self.home_path, path)


def default_journal_path() -> Path:
    """The journal in the user's data folder; ``T3LENS_JOURNAL`` overrides it."""
    given = os.environ.get(JOURNAL_VARIABLE)
    if given:
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_data_dir("t3lens", appauthor=False)) / "actions.jsonl"


class Journal:
    """An append-only file of actions.

    Args:
        path: The file; the user's data folder by default. It is made when first written.
    """

    def __init__(self, path: str | Path | None = None) -> None:
        self.path = Path(path) if path is not None else default_journal_path()
        self._thread_lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Journal({str(self.path)!r})"

    # --- writing --------------------------------------------------------------------------------------------

    def append(self, action_id: str, entry: str, data: Mapping[str, Any], *, at: Micros) -> None:
        """Write one entry, its secrets masked, and wait until it is on the disk.

        Raises:
            JournalError: It could not be written; whoever asked must not go on.
        """
        masked = Masking(data).data(data)
        line = msgspec.json.encode(Entry(action_id=action_id, entry=entry, at=iso(at), who=_who(), data=masked))
        self._write(scrub(line.decode()).encode() + b"\n")

    def _write(self, line: bytes) -> None:
        import filelock

        try:
            made = not self.path.parent.exists()
            self.path.parent.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(f"{self.path}.lock", timeout=_LOCK_S)
            with self._thread_lock, lock:
                new = not self.path.exists()
                descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, _MODE)
                try:
                    if os.fstat(descriptor).st_mode & ~_MODE & 0o777:
                        self.path.chmod(_MODE)  # an older build, or a copy, let others read it
                    if _is_torn(descriptor):
                        line = b"\n" + line  # a crash tore the last line: it stays one broken line
                    _write_all(descriptor, line)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                if new or made:
                    _sync_folder(self.path.parent)
        except filelock.Timeout:
            raise JournalError(f"{self.path} is held by another process; nothing was sent") from None
        except OSError as error:
            why = f"no space left for the journal {self.path}"
            if not is_full(error):
                why = f"the journal {self.path} cannot be written ({error.strerror or error})"
            raise JournalError(f"{why}; nothing more is sent. Set T3LENS_JOURNAL to a file that can be written") from error

    # --- reading --------------------------------------------------------------------------------------------

    def entries(self) -> Iterator[Entry]:
        """All readable entries in order; torn lines are passed over."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise JournalError(f"the journal {self.path} cannot be read ({error})") from error
        for line in content.split(b"\n"):
            if not line.strip():
                continue
            try:
                yield msgspec.json.decode(line, type=Entry)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                continue

    def records(self) -> list[ActionRecord]:
        """All actions, oldest first."""
        grouped: dict[str, list[Entry]] = {}
        for entry in self.entries():
            grouped.setdefault(entry.action_id, []).append(entry)
        return [_record(action_id, entries) for action_id, entries in grouped.items()]

    def of_homes(self, homes: Mapping[str, str]) -> list[ActionRecord]:
        """Actions on some homes, oldest first.

        Args:
            homes: Where each is now, by id.
        """
        return [one for one in self.records() if one.home_id in homes and one.concerns(one.home_id, homes[one.home_id])]

    def frame(self, homes: Mapping[str, str] | None = None) -> pandas.DataFrame:
        """Actions as a DataFrame, newest first; empty with the same columns if there are none.

        Args:
            homes: Only those on these homes: where each is now, by id; None for all.
        """
        import pandas as pd

        columns = [
            "started_at", "kind", "outcome", "changed", "thread_id", "title", "turn_id", "home_id", "why",
            "who", "detail", "before", "after", "finished_at", "action_id",
        ]  # fmt: skip
        records = self.records() if homes is None else self.of_homes(homes)
        rows = [_row(record, columns) for record in reversed(records)]
        return pd.DataFrame(rows, columns=columns)

    def left_unarchived(self, thread_id: str) -> str | None:
        """The action that took the thread out of the archive and was cut off before it put it back."""
        open_action: str | None = None
        for entry in self.entries():
            if entry.entry != "step" or entry.data.get("thread_id") != thread_id:
                continue
            command, ended = entry.data.get("command"), entry.data.get("ended")
            if command == UNARCHIVE and ended in (None, "accepted", "unclear"):
                open_action = entry.action_id
            elif (command == UNARCHIVE and open_action == entry.action_id) or (command == ARCHIVE and ended == "accepted"):
                open_action = None
        return open_action


def _record(action_id: str, entries: list[Entry]) -> ActionRecord:
    first = entries[0]
    intent = next((e for e in entries if e.entry == "intent"), first)
    outcome = next((e for e in reversed(entries) if e.entry == "outcome"), None)
    steps = tuple(e.data for e in entries if e.entry == "step")
    data = intent.data
    plan = data.get("plan") if isinstance(data.get("plan"), dict) else {}
    target = data.get("target") if isinstance(data.get("target"), dict) else {}
    assert plan is not None and target is not None
    values: dict[str, Any] = {}
    if outcome is not None:
        said = outcome.data
        values = {
            "outcome": str(said.get("outcome")),
            "changed": said.get("changed") if isinstance(said.get("changed"), bool) else None,
            "detail": str(said.get("detail", "")),
            "after": _dict(said.get("after")),
            "finished_at": _time(outcome.at),
        }
    return ActionRecord(
        action_id=action_id,
        at=_time(intent.at) or 0,
        who=intent.who,
        kind=str(data.get("kind", "")),
        why=str(data.get("why", "")),
        home_id=str(target.get("home_id", "")),
        thread_id=str(target.get("thread_id", "")),
        title=str(target.get("title", "")),
        turn_id=target.get("turn_id") if isinstance(target.get("turn_id"), str) else None,
        plan=plan,
        steps=steps,
        before=_dict(data.get("before")),
        home_path=str(target.get("home_path", "")),
        **values,
    )


def _same_place(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)  # noqa: PTH121 - of two texts
    except OSError:
        return False


def _dict(value: Any) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _time(text: str) -> Micros | None:
    try:
        return parse_iso(text)
    except ValueError:
        return None


_SAID: Final = ("title", "why", "detail")
"""Columns with words of people and servers: those of an older journal were not masked when they were written."""


def _row(record: ActionRecord, columns: Sequence[str]) -> dict[str, Any]:
    row = {name: _shown(name, record.at if name == "started_at" else getattr(record, name)) for name in columns}
    masking = Masking(msgspec.to_builtins(record, str_keys=True))
    said = [name for name in _SAID if isinstance(row[name], str)]
    return row | dict(zip(said, masking.lines(row[name] for name in said), strict=True))


def _shown(name: str, value: Any) -> Any:
    if name in ("started_at", "finished_at"):
        return None if value is None else to_datetime(value)
    if name in ("before", "after"):
        return _session_status(value)
    return value


def _session_status(seen: Any) -> str | None:
    """The session's status in a state as ``Sighting.brief`` gives it; None if nothing of it is known."""
    if not isinstance(seen, dict) or "session" not in seen:
        return None
    session = seen["session"]
    return str(session.get("status")) if isinstance(session, dict) else "no session"


def _who() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"
    return f"{user}@{platform.node() or 'unknown'}"


def _is_torn(descriptor: int) -> bool:
    size = os.lseek(descriptor, 0, os.SEEK_END)
    if size == 0:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_folder(folder: Path) -> None:
    """Make the new file's name durable too; not every system can sync a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
