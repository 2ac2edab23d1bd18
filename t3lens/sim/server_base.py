"""What the simulated servers of both data models share: an address, a home, a life, and a lock to keep it still."""

from __future__ import annotations

import os
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

import msgspec

from t3lens.errors import UsageError
from t3lens.sim.auth import Auth, HttpReply
from t3lens.sim.http import Http, HttpFault
from t3lens.sim.ids import Ids
from t3lens.sim.scheduler import Scheduler
from t3lens.time import iso

__all__ = ["Core", "Serving"]


class Core(Protocol):
    """The inside of a simulated server."""

    @property
    def scheduler(self) -> Scheduler:
        """Its time."""

    def shut_down(self) -> None:
        """End cleanly."""

    def crash(self) -> object:
        """End at once: what is not written is lost."""


_Core = TypeVar("_Core", bound=Core)


class Serving(ABC, Generic[_Core]):
    """A server on loopback over a home; what it is inside is made anew at each start.

    Use it as a context manager, or ``start`` and ``stop`` it. Everything it does on its own happens in one thread;
    ``lock`` keeps that thread still.

    Args:
        userdata: The home's ``userdata``.
        auth: The tokens it takes.
        port: 0 takes a free one; it is kept over restarts.
        speed: How many times faster than life everything works.
        adopt: Be the very server that wrote the home, at the first start.
    """

    def __init__(self, userdata: Path, auth: Auth, *, port: int, speed: float, adopt: bool) -> None:
        self.userdata = userdata
        self.auth = auth
        self.http_faults: list[HttpFault] = []
        self.requests: list[tuple[str, str]] = []
        self._port = port
        self._speed = speed
        self._adopt = adopt
        self._http: Http | None = None
        self._thread: threading.Thread | None = None
        self._core: _Core | None = None
        self._token: str | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def origin(self) -> str:
        """Where it answers, as in ``server-runtime.json``."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def token(self) -> str:
        """A bearer token that may read and operate."""
        if self._token is None:
            self._token = self.auth.issue()
        return self._token

    @property
    def core(self) -> _Core:
        """The server's inside, while it runs.

        Raises:
            UsageError: It does not run.
        """
        if self._core is None:
            raise UsageError("the simulated server does not run")
        return self._core

    @property
    def lock(self) -> threading.RLock:
        """Held, nothing happens in the server by itself."""
        return self.core.scheduler.lock

    @property
    def environment_id(self) -> str:
        """The home's id."""
        return (self.userdata / "environment-id").read_text().strip()

    # --- its life -------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start: put in order what an earlier server left, then answer, then write the runtime file.

        Raises:
            UsageError: It runs already.
        """
        if self._core is not None:
            raise UsageError("the simulated server runs already")
        marker = self.userdata / "environment-id"
        if not marker.exists():
            marker.write_text(f"{Ids().uuid()}\n")
        adopt, self._adopt = self._adopt, False
        scheduler = Scheduler(None, speed=self._speed)
        self._core = self._started(scheduler, adopt=adopt)
        scheduler.run_thread("t3lens-sim")
        self._http = self._listening()
        self._port = self._http.server_address[1]
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="t3lens-sim-http", daemon=True)
        self._thread.start()
        self._write_runtime_file(_started_at(self.userdata) if adopt else None)
        return self

    def stop(self) -> None:
        """End cleanly; does nothing if it does not run."""
        core = self._ended()
        if core is None:
            return
        with core.scheduler.lock:
            core.shut_down()
            self._let_go(core, cleanly=True)
        with suppress(FileNotFoundError):
            (self.userdata / "server-runtime.json").unlink()

    def kill(self) -> None:
        """End at once, as ``kill -9`` does: unwritten log lines are lost, the runtime file and the WAL stay."""
        core = self._ended()
        if core is None:
            return
        with core.scheduler.lock:
            core.crash()
            self._let_go(core, cleanly=False)

    def restart(self, *, kill: bool = False) -> Self:
        """End it (or kill it), and start it again on the same port."""
        if kill:
            self.kill()
        else:
            self.stop()
        return self.start()

    def wait(self, done: Callable[[_Core], bool], timeout: float = 30.0) -> bool:
        """Wait until ``done`` of the server's inside; whether it came true within ``timeout`` real seconds."""
        until = time.monotonic() + timeout
        while True:
            with self.lock:
                if done(self.core):
                    return True
                if self.core.scheduler.error is not None:
                    raise self.core.scheduler.error
            if time.monotonic() > until:
                return False
            threading.Event().wait(0.01)

    # --- what differs ---------------------------------------------------------------------------------------

    @abstractmethod
    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> HttpReply:
        """Answer one request."""

    @abstractmethod
    def _started(self, scheduler: Scheduler, *, adopt: bool) -> _Core:
        """A new inside, with what it does at its start done."""

    @abstractmethod
    def _listening(self) -> Http:
        """What listens at the address."""

    @abstractmethod
    def _let_go(self, core: _Core, *, cleanly: bool) -> None:
        """Close the database of an inside that ended."""

    # --- how ------------------------------------------------------------------------------------------------

    def _ended(self) -> _Core | None:
        core, self._core = self._core, None
        if core is None:
            return None
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http.drop_connections()
            self._http = None
        if self._thread is not None:
            self._thread.join(timeout=10)
        core.scheduler.stop_thread()
        return core

    def _write_runtime_file(self, started_at: str | None) -> None:
        runtime = {
            "version": 1,
            "pid": os.getpid(),
            "host": "127.0.0.1",
            "port": self._port,
            "origin": self.origin,
            "startedAt": started_at or iso(self.core.scheduler.now),
        }
        (self.userdata / "server-runtime.json").write_bytes(msgspec.json.encode(runtime) + b"\n")


def _started_at(userdata: Path) -> str | None:
    try:
        runtime = msgspec.json.decode((userdata / "server-runtime.json").read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    found = runtime.get("startedAt") if isinstance(runtime, dict) else None
    return str(found) if found else None
