"""A simulated server of the second data model on loopback: real HTTP, real WebSocket RPC, over a real home.

It writes its database (WAL) and the provider logs on disk as it acts, so what reads the home sees it heal.
"""

from __future__ import annotations

import re
import secrets
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from t3lens.errors import UsageError
from t3lens.sim.auth import OPERATE, READ, Auth, Denied, HttpReply
from t3lens.sim.builds import BUILDS
from t3lens.sim.ids import Ids
from t3lens.sim.scheduler import Scheduler
from t3lens.sim.script import ScriptStep
from t3lens.sim.server_base import Serving
from t3lens.sim.v2.api import projection, shell
from t3lens.sim.v2.builds import SECOND_BUILDS, SecondBuild
from t3lens.sim.v2.core import SecondCore
from t3lens.sim.v2.parts import CommandRefused, ServerFaults
from t3lens.sim.v2.socket import SecondHttp
from t3lens.time import iso

__all__ = ["SecondServer"]

_THREAD: Final = re.compile(r"/api/orchestration/threads/([^/?]+)")
_TICKET_S: Final = 20.0
_FLUSH_S: Final = 0.2
_NOWHERE: Final = HttpReply(404)


class SecondServer(Serving[SecondCore]):
    """A server over the home at ``home``, which must have a database of the second data model.

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
        userdata = home / "userdata" if (home / "userdata").is_dir() else home
        fitting = [one for one in reversed(SECOND_BUILDS.values()) if (userdata / one.database).exists()]
        if build is None and not fitting:
            raise UsageError(f"{home} has no database of the second data model to serve")
        self.build = build or fitting[0]
        super().__init__(userdata, Auth(list(BUILDS.values())[-1]), port=port, speed=speed, adopt=adopt)
        self.faults = ServerFaults()
        self.commands: list[dict[str, Any]] = []
        self._tickets: dict[str, tuple[tuple[str, ...], float]] = {}

    @property
    def database(self) -> Path:
        """The file of its database."""
        return self.userdata / self.build.database

    def _started(self, scheduler: Scheduler, *, adopt: bool) -> SecondCore:
        core = SecondCore(self.userdata, self.build, Ids(), scheduler, live=True)
        core.faults = self.faults
        with scheduler.lock:
            if adopt:
                core.adopt()
            else:
                core.start()
        scheduler.spawn(_flushing(core), owner="t3")
        return core

    def _listening(self) -> SecondHttp:
        return SecondHttp(("127.0.0.1", self._port), self)

    def _let_go(self, core: SecondCore, *, cleanly: bool) -> None:
        if cleanly:
            core.database.close()
        else:
            core.database.connection.close()

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

    # --- requests -------------------------------------------------------------------------------------------

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> HttpReply:
        """Answer one HTTP request."""
        path = path.partition("?")[0]
        bearer = headers.get("authorization")
        try:
            match method, path:
                case "GET", "/.well-known/t3/environment":
                    return HttpReply(200, self._descriptor())
                case "GET", "/api/auth/session":
                    return self.auth.session(bearer)
                case "POST", "/oauth/token":
                    return self.auth.exchange(headers.get("content-type", ""), body)
                case "POST", "/api/auth/websocket-ticket":
                    return self._ticket(bearer)
                case "GET", "/api/orchestration/shell":
                    self._allowed(bearer, headers)
                    with self.lock:
                        return HttpReply(200, shell(self.core.database))
                case "GET", "/api/orchestration/snapshot":
                    return HttpReply(503, "No static directory configured and no dev URL set.")
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

    def _thread_answer(self, thread_id: str, bearer: str | None, headers: dict[str, str]) -> HttpReply:
        try:
            self._allowed(bearer, headers)
        except Denied as denied:
            return denied.answer
        with self.lock:
            shown = projection(self.core.database, thread_id)
        if shown is not None:
            return HttpReply(200, shown)
        error = {"_tag": "EnvironmentResourceNotFoundError", "code": "not_found", "reason": "thread_not_found"}
        return HttpReply(404, {**error, "traceId": secrets.token_hex(16)})

    def _ticket(self, bearer: str | None) -> HttpReply:
        scopes = self.auth.scopes(bearer)
        if scopes is None:
            self.auth.require(bearer, READ)
        ticket = secrets.token_urlsafe(24)
        expires = time.time() + _TICKET_S
        self._tickets[ticket] = (scopes or (), expires)
        return HttpReply(200, {"ticket": ticket, "expiresAt": iso(int(expires * 1_000_000))})

    def forget_tickets(self) -> None:
        """Every ticket that was given out and not used is worth nothing."""
        self._tickets.clear()

    # --- the socket -----------------------------------------------------------------------------------------

    def open_socket(self, path: str) -> tuple[str, ...] | HttpReply:
        """The scopes of whoever opens a socket with this path, or why it is not opened."""
        query = parse_qs(urlsplit(path).query)
        wanted = self.build.protocol
        if wanted is not None and query.get("orchestrationProtocol") != [str(wanted)]:
            return _incompatible(wanted)  # looked at before the ticket, which is then not spent
        scopes, expires = self._tickets.pop(query.get("wsTicket", [""])[0], ((), 0.0))
        if expires < time.time():
            return HttpReply(
                401, {"_tag": "EnvironmentAuthInvalidError", "code": "auth_invalid", "reason": "invalid_ticket"}
            )
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


def _incompatible(wanted: int) -> HttpReply:
    return HttpReply(426, {"code": "orchestration_protocol_incompatible", "orchestrationProtocolVersion": wanted})


def _flushing(core: SecondCore) -> Any:
    while core.running:
        core.logs.flush(core.now)
        yield _FLUSH_S
