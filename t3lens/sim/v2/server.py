"""A simulated server of the second data model on loopback: real HTTP, real WebSocket RPC, over a real home.

It writes its database (WAL) and the provider logs on disk as it acts, so what reads the home sees it heal.
"""

from __future__ import annotations

import os
import re
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from t3lens.errors import UsageError
from t3lens.sim.auth import OPERATE, READ, Answer, Auth, Denied
from t3lens.sim.builds import BUILDS
from t3lens.sim.http import HttpFault
from t3lens.sim.ids import Ids
from t3lens.sim.scheduler import Scheduler
from t3lens.sim.script import ScriptStep
from t3lens.sim.v2.api import projection, shell
from t3lens.sim.v2.builds import SECOND_BUILDS, SecondBuild
from t3lens.sim.v2.core import SecondCore
from t3lens.sim.v2.parts import CommandRefused, Faults
from t3lens.sim.v2.socket import SecondHttp
from t3lens.time import iso

__all__ = ["SecondServer"]

_THREAD: Final = re.compile(r"/api/orchestration/threads/([^/?]+)")
_TICKET_S: Final = 20.0
_FLUSH_S: Final = 0.2
_NOWHERE: Final = Answer(404)


class SecondServer:
    """A server over the home at ``home``, which must have a database of the second data model.

    Use it as a context manager, or ``start`` and ``stop`` it. Everything it does on its own happens in one
    thread; ``lock`` keeps that thread still.

    Args:
        home: The home, or its ``userdata``.
        build: Which build it is; None takes the one that keeps its database under the name that is there.
        port: 0 takes a free one; it is kept over restarts.
        speed: How many times faster than life everything works.
        adopt: Be the very server that wrote the home: what hangs hangs on, and the first start ends nothing.

    Raises:
        UsageError: There is no database.
    """

    def __init__(
        self, home: str | Path, *, build: SecondBuild | None = None, port: int = 0, speed: float = 1.0, adopt: bool = False
    ) -> None:
        home = Path(home)
        self.userdata = home / "userdata" if (home / "userdata").is_dir() else home
        fitting = [one for one in reversed(SECOND_BUILDS.values()) if (self.userdata / one.database).exists()]
        if build is None and not fitting:
            raise UsageError(f"{home} has no database of the second data model to serve")
        self.build = build or fitting[0]
        self.auth = Auth(list(BUILDS.values())[-1])
        self.faults = Faults()
        self.http_faults: list[HttpFault] = []
        self.requests: list[tuple[str, str]] = []
        self.commands: list[dict[str, Any]] = []
        self._tickets: dict[str, tuple[tuple[str, ...], float]] = {}
        self._port = port
        self._speed = speed
        self._adopt = adopt
        self._http: SecondHttp | None = None
        self._thread: threading.Thread | None = None
        self._core: SecondCore | None = None
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
    def core(self) -> SecondCore:
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

    @property
    def database(self) -> Path:
        """The file of its database."""
        return self.userdata / self.build.database

    # --- its life -------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start: end what an earlier server left, then answer, then write the runtime file.

        Raises:
            UsageError: It runs already.
        """
        if self._core is not None:
            raise UsageError("the simulated server runs already")
        marker = self.userdata / "environment-id"
        if not marker.exists():
            marker.write_text(f"{Ids().uuid()}\n")
        scheduler = Scheduler(None, speed=self._speed)
        core = SecondCore(self.userdata, self.build, Ids(), scheduler, live=True)
        core.faults = self.faults
        adopt, self._adopt = self._adopt, False
        with scheduler.lock:
            if adopt:
                core.adopt()
            else:
                core.start()
        scheduler.spawn(_flushing(core), owner="t3")
        scheduler.run_thread("t3lens-sim-v2")
        self._core = core
        self._http = SecondHttp(("127.0.0.1", self._port), self)
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
            core.database.close()
        with suppress(FileNotFoundError):
            (self.userdata / "server-runtime.json").unlink()

    def kill(self) -> None:
        """End at once, as ``kill -9`` does: unwritten log lines are lost, the runtime file stays."""
        core = self._ended()
        if core is not None:
            with core.scheduler.lock:
                core.crash()
                core.database.connection.close()

    def restart(self, *, kill: bool = False) -> Self:
        """End it (or kill it), and start it again on the same port."""
        if kill:
            self.kill()
        else:
            self.stop()
        return self.start()

    def _ended(self) -> SecondCore | None:
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

    # --- what a test does to it -----------------------------------------------------------------------------

    def do(self, kind: str, thread_id: str, **more: Any) -> int:
        """Send a command as another client would; the sequence it reached."""
        with self.lock:
            command = {"type": kind, "commandId": f"cmd-{self.core.ids.uuid()}", "threadId": thread_id, **more}
            return self.core.dispatch(command)

    def send(self, thread_id: str, text: str, *script: ScriptStep) -> None:
        """Send a message; the provider does ``script`` with it."""
        with self.lock:
            if script:
                self.core.scripts[thread_id] = script
            self.do("message.dispatch", thread_id, messageId=f"msg-{self.core.ids.uuid()}", text=text)

    def runs(self, thread_id: str) -> list[str]:
        """Status of each run of a thread."""
        with self.lock:
            return [str(run["status"]) for run in self.core.database.entities("run", thread_id)]

    def wait(self, done: Callable[[SecondCore], bool], timeout: float = 30.0) -> bool:
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

    # --- requests -------------------------------------------------------------------------------------------

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Answer one HTTP request."""
        path = path.partition("?")[0]
        bearer = headers.get("authorization")
        try:
            match method, path:
                case "GET", "/.well-known/t3/environment":
                    return Answer(200, self._descriptor())
                case "GET", "/api/auth/session":
                    return self.auth.session(bearer)
                case "POST", "/oauth/token":
                    return self.auth.exchange(headers.get("content-type", ""), body)
                case "POST", "/api/auth/websocket-ticket":
                    return self._ticket(bearer)
                case "GET", "/api/orchestration/shell":
                    self._allowed(bearer, headers)
                    with self.lock:
                        return Answer(200, shell(self.core.database))
                case "GET", "/api/orchestration/snapshot":
                    return Answer(503, "No static directory configured and no dev URL set.")
        except Denied as denied:
            return denied.answer
        found = _THREAD.fullmatch(path)
        return self._thread_answer(unquote(found[1]), bearer, headers) if method == "GET" and found else _NOWHERE

    def _descriptor(self) -> dict[str, Any]:
        named = {} if self.build.protocol is None else {"orchestrationProtocolVersion": self.build.protocol}
        return {
            "environmentId": self.environment_id,
            "label": "sim",
            "platform": {"os": "linux", "arch": "x64"},
            "serverVersion": self.build.version,
            "capabilities": {},
            **named,
        }

    def _allowed(self, bearer: str | None, headers: dict[str, str]) -> None:
        self.auth.require(bearer, READ)
        wanted = self.build.protocol
        if wanted is not None and headers.get("x-t3-orchestration-protocol") != str(wanted):
            raise Denied(_incompatible(wanted))

    def _thread_answer(self, thread_id: str, bearer: str | None, headers: dict[str, str]) -> Answer:
        try:
            self._allowed(bearer, headers)
        except Denied as denied:
            return denied.answer
        with self.lock:
            shown = projection(self.core.database, thread_id)
        if shown is not None:
            return Answer(200, shown)
        error = {"_tag": "EnvironmentResourceNotFoundError", "code": "not_found", "reason": "thread_not_found"}
        return Answer(404, {**error, "traceId": secrets.token_hex(16)})

    def _ticket(self, bearer: str | None) -> Answer:
        scopes = self.auth.scopes(bearer)
        if scopes is None:
            self.auth.require(bearer, READ)
        ticket = secrets.token_urlsafe(24)
        expires = time.time() + _TICKET_S
        self._tickets[ticket] = (scopes or (), expires)
        return Answer(200, {"ticket": ticket, "expiresAt": iso(int(expires * 1_000_000))})

    def forget_tickets(self) -> None:
        """Every ticket that was given out and not used is worth nothing."""
        self._tickets.clear()

    # --- the socket -----------------------------------------------------------------------------------------

    def open_socket(self, path: str) -> tuple[str, ...] | Answer:
        """The scopes of whoever opens a socket with this path, or why it is not opened."""
        query = parse_qs(urlsplit(path).query)
        wanted = self.build.protocol
        if wanted is not None and query.get("orchestrationProtocol") != [str(wanted)]:
            return _incompatible(wanted)  # looked at before the ticket, which is then not spent
        scopes, expires = self._tickets.pop(query.get("wsTicket", [""])[0], ((), 0.0))
        if expires < time.time():
            return Answer(401, {"_tag": "EnvironmentAuthInvalidError", "code": "auth_invalid", "reason": "invalid_ticket"})
        return scopes

    def asked(self, message: dict[str, Any], scopes: tuple[str, ...]) -> dict[str, Any] | None:
        """Answer one message on a socket; None if it wants no answer."""
        if message.get("_tag") == "Ping":
            return {"_tag": "Pong"}
        if message.get("_tag") != "Request":
            return None
        ended = self._dispatched(message, scopes)
        return {"_tag": "Exit", "requestId": message["id"], "exit": ended}

    def _dispatched(self, message: dict[str, Any], scopes: tuple[str, ...]) -> dict[str, Any]:
        if message.get("tag") != "orchestration.dispatchCommand":
            return _failed({"_tag": "Die", "defect": f"Unknown request tag: {message.get('tag')}"})
        command = message.get("payload") or {}
        if OPERATE not in scopes:
            error = {"_tag": "EnvironmentScopeRequiredError", "message": f"The scope {OPERATE} is required."}
            return _failed({"_tag": "Fail", "error": error})
        try:
            with self.lock:
                self.commands.append(command)
                return {"_tag": "Success", "value": {"sequence": self.core.dispatch(command)}}
        except CommandRefused as refused:
            error = {
                "_tag": "OrchestrationV2DispatchCommandError",
                "commandId": str(command.get("commandId")),
                "commandType": str(command.get("type")),
                "message": str(refused),
                "detail": str(refused),
            }
            return _failed({"_tag": "Fail", "error": error})


def _failed(cause: dict[str, Any]) -> dict[str, Any]:
    return {"_tag": "Failure", "cause": [cause]}


def _incompatible(wanted: int) -> Answer:
    return Answer(426, {"code": "orchestration_protocol_incompatible", "orchestrationProtocolVersion": wanted})


def _flushing(core: SecondCore) -> Any:
    while core.running:
        core.logs.flush(core.now)
        yield _FLUSH_S


def _started_at(userdata: Path) -> str | None:
    try:
        runtime = msgspec.json.decode((userdata / "server-runtime.json").read_bytes())
    except (OSError, msgspec.DecodeError):
        return None
    found = runtime.get("startedAt") if isinstance(runtime, dict) else None
    return str(found) if found else None
