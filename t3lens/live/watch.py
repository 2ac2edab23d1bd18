"""Following running homes: read what is new as it is written, diagnose again, and tell who looks on.

The follower sleeps until a file of a home changes. It polls besides: some file systems tell nothing, and silence
itself makes a turn silent or stuck. It sees time jump when a laptop wakes, and simply reads on.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from t3lens.errors import T3LensError
from t3lens.t3code.data_model import is_database
from t3lens.t3code.home_layout import SERVER_RUNTIME

if TYPE_CHECKING:
    from t3lens.session.session import Session

__all__ = ["Watch"]

_GATHER_MS: Final = 400
_WAKE_MS: Final = 1_000
_CHECK_S: Final = 15.0
_SHARE: Final = 20
_RUNTIME: Final = SERVER_RUNTIME


class Watch:
    """Follows the homes of a ``Session`` in a thread of its own until it is stopped.

    Args:
        session: What to follow; it is refreshed in place.
        on_change: Called, in the follower's thread, after every refresh that may have changed something.
        check_s: At the latest after so many seconds the homes are looked at again, changed or not.
        start: Begin at once.
        shown_as: Makes the live widget that a notebook shows instead of a follower; without it, it is a line of text.

    Attributes:
        changes: How many times something new was read.
        problem: What kept the last refresh from succeeding, or None.
    """

    def __init__(
        self,
        session: Session,
        *,
        on_change: Callable[[], None] | None = None,
        check_s: float = _CHECK_S,
        start: bool = False,
        shown_as: Callable[[], Any] | None = None,
    ) -> None:
        self._session = session
        self._shown_as = shown_as
        self._on_change = on_change
        self._check_s = check_s
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._explorer: Any = None
        self._changed = threading.Condition()
        self.changes = 0
        self._records: set[str] = set()
        self.problem: str | None = None
        if start:
            self.start()

    @property
    def running(self) -> bool:
        """Whether it follows."""
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> Watch:
        """Begin to follow; does nothing if it does already."""
        if not self.running:
            self._stop.clear()
            self._thread = threading.Thread(target=self._follow, name="t3lens-watch", daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """End following; returns when the thread has ended (it may itself be the caller)."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout=10)

    def wait(self, changes: int, timeout: float) -> bool:
        """Wait until at least ``changes`` changes were seen; whether they were within ``timeout`` seconds."""
        with self._changed:
            return self._changed.wait_for(lambda: self.changes >= changes, timeout)

    def __enter__(self) -> Watch:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        state = "following" if self.running else "not following"
        return f"Watch({state} {len(self._home_folders())} folders, {self.changes} changes)"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        """In a notebook a follower shows itself as a live explorer, which ends with its cell."""
        if self._shown_as is None:
            return {"text/plain": repr(self)}
        self.stop()
        if self._explorer is None:
            self._explorer = self._shown_as()
        return self._explorer._repr_mimebundle_(**kwargs)

    def _folders(self) -> list[Path]:
        """All that is watched; asked for by the follower's own thread only, which also diagnoses."""
        self._records = self._record_paths()
        found = self._home_folders()
        found |= {folder for folder in (Path(path).parent for path in self._records) if folder.is_dir()}
        return sorted(found)

    def _home_folders(self) -> set[Path]:
        found: set[Path] = set()
        for home in self._session.homes:
            for folder in (home.log_dir, home.path if home.path.is_dir() else home.path.parent):
                if folder is not None and Path(folder).is_dir():
                    found.add(Path(folder))
        return found

    def _record_paths(self) -> set[str]:
        """The agents' own records of threads that work. Their folders are watched: a file that is renamed, as when an
        agent packs it, would not be heard of again, and a database's own file stands still while its ``-wal`` grows."""
        try:
            threads = self._session.diagnosis.threads
        except T3LensError:
            return set()
        records = [thread.case.facts.record for thread in threads if thread.case.live]
        return {os.path.realpath(record.path) for record in records if record is not None and record.path is not None}

    def _concerns(self, _change: object, path: str) -> bool:
        name = Path(path).name
        if name == _RUNTIME or is_database(name.removesuffix("-wal")) or ".log" in name:
            return True
        return os.path.realpath(path.removesuffix("-wal")) in self._records

    def _follow(self) -> None:
        import duckdb

        with suppress(duckdb.ConnectionException):  # the store was closed: whoever watched is gone
            self._follow_on()

    def _follow_on(self) -> None:
        from watchfiles import watch

        while not self._stop.is_set():
            folders = self._folders()
            if not folders:
                self._stop.wait(self._check_s)
                continue
            due = 0.0  # when to look at everything: what came before the watching began is read at once
            try:
                for changes in watch(
                    *folders,
                    watch_filter=self._concerns,
                    debounce=_GATHER_MS,
                    step=50,
                    stop_event=self._stop,
                    rust_timeout=_WAKE_MS,
                    yield_on_timeout=True,
                    raise_interrupt=False,
                    recursive=False,
                ):
                    if self._stop.is_set():
                        return
                    whole = time.monotonic() >= due
                    if not changes and not whole:
                        continue
                    cost = self._refresh(whole=whole)
                    if whole:  # that takes at most one twentieth of a core
                        due = time.monotonic() + max(self._check_s, cost * _SHARE)
                    # a home that is always written to must not keep more than half a core busy
                    self._stop.wait(min(cost, self._check_s))
                    if folders != self._folders():
                        break
            except (OSError, RuntimeError) as error:  # a folder went away: look again later
                self.problem = str(error)
                self._stop.wait(min(self._check_s, 2.0))

    def _refresh(self, *, whole: bool) -> float:
        """Read what is new; judge the threads it is about, or all. Seconds of processor that it took."""
        began = time.process_time()
        try:
            before = self._state()
            if whole:
                self._session.refresh()
                _ = self._session.diagnosis
            else:
                self._session.catch_up()
            self.problem = None
            changed = before != self._state()
        except T3LensError as error:  # a database that is just being moved: the next look will do
            self.problem = str(error)
            return time.process_time() - began
        if changed:
            if self._on_change is not None:
                self._on_change()
            with self._changed:
                self.changes += 1
                self._changed.notify_all()
        return time.process_time() - began

    def _state(self) -> list[Any]:
        """What a person would see change: how much is read, what is stored, every verdict."""
        with self._session.store.read() as con:
            return con.execute(_STATE).fetchall()


_STATE: Final = """
SELECT (SELECT sum(bytes_ingested) FROM source_files), (SELECT max(sequence) FROM orchestration_events),
       (SELECT string_agg(thread_id || verdict || coalesce(primary_code, ''), ' ' ORDER BY home_id, thread_id)
        FROM verdicts),
       (SELECT max(updated_at) FROM sessions)::VARCHAR, (SELECT sum(lines) FROM provider_records)
"""
