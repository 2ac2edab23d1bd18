"""A simulated T3 Code server on loopback: the measured routes, bodies, errors and asynchrony, over a real home.

It writes ``state.sqlite`` (WAL) and the provider logs on disk as it acts, so what reads the home sees it heal.
"""

from __future__ import annotations

import re
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.domain.state import LIVE
from t3lens.errors import UsageError
from t3lens.sim.api_views import descriptor, shell, snapshot, thread_detail
from t3lens.sim.auth import OPERATE, READ, Auth, Denied, HttpReply
from t3lens.sim.builds import BUILDS, SimulatedBuild
from t3lens.sim.builds import build as build_of
from t3lens.sim.commands import InvalidCommand, RefusedCommand, validate
from t3lens.sim.http import Http
from t3lens.sim.ids import Ids
from t3lens.sim.logs import ProviderLogs
from t3lens.sim.providers import PROVIDERS
from t3lens.sim.runtime import Faults, ThreadRuntime
from t3lens.sim.scheduler import Scheduler
from t3lens.sim.script import Script
from t3lens.sim.server_base import Serving
from t3lens.sim.t3 import T3

__all__ = ["SimServer"]

_THREAD: Final = re.compile(r"/api/orchestration/threads/([^/?]+)")
_NOWHERE: Final = HttpReply(503, "No static directory configured and no dev URL set.")


class SimServer(Serving[T3]):
    """A server over the home at ``home``, which must have a ``userdata/state.sqlite``.

    Args:
        home: The home, or its ``userdata``.
        port: 0 takes a free one; it is kept over restarts.
        build: Server version; None takes the newest whose schema fits the database.
        speed: How many times faster than life providers work.
        adopt: Be the very server that wrote the home: it keeps its start time, sessions that look live have a
            provider in the middle of its turn, and nothing is reconciled at the first start.

    Raises:
        UsageError: There is no database, or no build fits it.
    """

    def __init__(
        self,
        home: str | Path,
        *,
        port: int = 0,
        build: str | None = None,
        speed: float = 1.0,
        adopt: bool = False,
    ) -> None:
        home = Path(home)
        userdata = home if (home / "state.sqlite").exists() else home / "userdata"
        if not (userdata / "state.sqlite").exists():
            raise UsageError(f"{home} has no userdata/state.sqlite to serve")
        self.build = build_of(build) if build else _fitting_build(userdata / "state.sqlite")
        super().__init__(userdata, Auth(self.build), port=port, speed=speed, adopt=adopt)
        self.faults = Faults()
        self.default_script: Callable[[str], Script] | None = None

    @property
    def t3(self) -> T3 | None:
        """The server's inside; None if it does not run."""
        return self._core

    def _started(self, scheduler: Scheduler, *, adopt: bool) -> T3:
        logs = ProviderLogs(self.userdata / "logs" / "provider", self.build.generation)
        core = T3(self.userdata, self.build, Ids(), scheduler, logs, live=True)
        core.faults = self.faults
        if self.default_script is not None:
            core.default_script = self.default_script
        skips = core.faults.skips_reconcile
        core.faults.skips_reconcile = skips or adopt
        with scheduler.lock:
            core.start()
            if adopt:
                _adopt_sessions(core)
        core.faults.skips_reconcile = skips
        scheduler.spawn(core.flush_forever(), owner="t3")
        return core

    def _listening(self) -> Http:
        return Http(("127.0.0.1", self._port), self)

    def _let_go(self, core: T3, *, cleanly: bool) -> None:
        if cleanly:
            core.database.close()
        else:
            core.database.abandon()

    # --- what a test does to it -----------------------------------------------------------------------------

    def thread(self, thread_id: str) -> ThreadRuntime:
        """What the server knows of a thread; hold ``lock`` while using it."""
        return self.core.thread(thread_id)

    def will_do(self, thread_id: str, *script: Any) -> None:
        """What the provider does with the thread's next message."""
        with self.lock:
            self.thread(thread_id).script = tuple(script)

    def work_on(self, thread_id: str, *script: Any) -> None:
        """The thread's provider comes back to the turn it hangs in, does ``script`` and ends the turn.

        Raises:
            UsageError: It is in no turn.
        """
        with self.lock:
            provider = self.thread(thread_id).provider
            if provider is None or provider.turn_id is None:
                raise UsageError(f"no provider of thread {thread_id} is in a turn")
            self.core.scheduler.kill(provider.owner)
            steps = provider.work(provider.turn_id, tuple(script))
            self.core.scheduler.spawn(steps, owner=provider.owner)

    def freeze_provider(self, thread_id: str) -> None:
        """The thread's provider answers nothing any more."""
        with self.lock:
            provider = self.thread(thread_id).provider
            if provider is not None:
                self.core.scheduler.freeze(provider.owner)

    def thaw_provider(self, thread_id: str) -> None:
        """The thread's provider continues."""
        with self.lock:
            thread = self.thread(thread_id)
            if thread.provider is not None:
                self.core.scheduler.thaw(thread.provider.owner)
            self.core.scheduler.fire(thread.thawed)

    def block_queue(self) -> None:
        """The command queue hangs: everything is accepted and nothing is done."""
        with self.lock:
            self.core.reactor.block()

    def unblock_queue(self) -> None:
        """The command queue moves again."""
        with self.lock:
            self.core.reactor.unblock()

    # --- requests -------------------------------------------------------------------------------------------

    def handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> HttpReply:
        """Answer one request."""
        path = path.partition("?")[0]
        bearer = headers.get("authorization")
        try:
            match method, path:
                case "GET", "/.well-known/t3/environment":
                    return HttpReply(200, descriptor(self.build, self.environment_id))
                case "GET", "/api/auth/session":
                    return self.auth.session(bearer)
                case "POST", "/oauth/token" if self.build.scopes:
                    return self.auth.exchange(headers.get("content-type", ""), body)
                case "POST", "/api/auth/bootstrap/bearer" if not self.build.scopes:
                    return self.auth.bootstrap(_parsed(body))
                case "POST", "/api/auth/pairing-token" if self.build.scopes:
                    return self.auth.pairing(bearer, _parsed(body))
                case "GET", "/api/auth/clients" if self.build.scopes:
                    self.auth.require(bearer, "access:read")
                    return HttpReply(200, {"clients": []})
                case "GET", "/api/orchestration/snapshot":
                    self.auth.require(bearer, READ)
                    with self.lock:
                        return HttpReply(200, snapshot(self.core.database, self.build))
                case "GET", "/api/orchestration/shell" if self.build.scopes:
                    self.auth.require(bearer, READ)
                    with self.lock:
                        return HttpReply(200, shell(self.core.database, self.build))
                case "POST", "/api/orchestration/dispatch":
                    self.auth.require(bearer, OPERATE)
                    return self._dispatch(headers.get("content-type", ""), body)
        except Denied as denied:
            return denied.answer
        found = _THREAD.fullmatch(path) if self.build.scopes else None
        return self._thread_answer(found[1], bearer) if method == "GET" and found else _NOWHERE

    def _thread_answer(self, thread_id: str, bearer: str | None) -> HttpReply:
        try:
            self.auth.require(bearer, READ)
        except Denied as denied:
            return denied.answer
        with self.lock:
            shown = thread_detail(self.core.database, self.build, thread_id)
        if shown is not None:
            return HttpReply(200, shown)
        return HttpReply(404, _tagged("EnvironmentResourceNotFoundError", "not_found", "thread_not_found"))

    def _dispatch(self, content_type: str, body: bytes) -> HttpReply:
        scoped = self.build.scopes
        if scoped and content_type.partition(";")[0].strip() != "application/json":
            return HttpReply(415, f"Unsupported content-type: {content_type}")
        command = _parsed(body)
        if command is _NOT_JSON and scoped:
            return HttpReply(400 if self.build.light_snapshot else 500)
        folder = command.get("workspaceRoot") if isinstance(command, dict) else None
        if isinstance(folder, str) and folder in self.faults.missing_folders:
            if not scoped:
                return HttpReply(400, {"error": f"Workspace root does not exist: {folder}"})
            return HttpReply(400, _tagged("EnvironmentRequestInvalidError", "invalid_request", "invalid_command"))
        try:
            with self.lock:
                return HttpReply(200, {"sequence": self.core.dispatch(validate(command, self.build))})
        except InvalidCommand:
            return HttpReply(400) if scoped else HttpReply(400, {"error": "Invalid orchestration command payload."})
        except RefusedCommand:
            if not scoped:
                return HttpReply(400, {"error": "Failed to dispatch orchestration command."})
            return HttpReply(
                500,
                _tagged("EnvironmentInternalError", "internal_error", "orchestration_dispatch_failed"),
            )


_NOT_JSON: Final = object()


def _parsed(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _NOT_JSON


def _tagged(tag: str, code: str, reason: str) -> dict[str, str]:
    return {"_tag": tag, "code": code, "reason": reason, "traceId": secrets.token_hex(16)}


def _fitting_build(database: Path) -> SimulatedBuild:
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    try:
        (applied,) = connection.execute("SELECT max(migration_id) FROM effect_sql_migrations").fetchone()
    except sqlite3.Error as error:
        raise UsageError(f"{database} is no T3 Code database: {error}") from None
    finally:
        connection.close()
    for build in BUILDS.values():
        if build.migrations == applied:
            return build
    raise UsageError(f"{database} has schema {applied}, which no simulated build uses; name a build")


def _adopt_sessions(core: T3) -> None:
    """Give every session that looks live a provider in the middle of its turn."""
    for row in core.database.all("SELECT thread_id FROM projection_thread_sessions ORDER BY thread_id"):
        thread = core.thread(row["thread_id"])
        thread_id, selection = thread.thread_id, thread.model_selection
        binding = core.database.row("provider_session_runtime", "thread_id", thread_id)
        if thread.state.status not in LIVE or binding is None or binding["status"] != "running":
            continue
        kind = PROVIDERS[selection["instanceId"]]
        provider = kind(core, thread_id, thread.cwd, selection["model"], core.conversation(thread))
        asked = core.database.all(
            "SELECT request_id FROM projection_pending_approvals WHERE thread_id = ? AND status = 'pending'",
            (thread_id,),
        )
        request = asked[0]["request_id"] if asked else None
        thread.provider = provider
        steps = provider.carry_on(thread.state.active_turn_id, request)
        core.scheduler.spawn(steps, owner=provider.owner)
