"""The reactor: one queue of commands for all threads, worked through one after the other.

That is the real server's weakness: a command that never returns blocks every thread behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from t3lens.sim.core import ServerCore
from t3lens.sim.providers import PROVIDERS, Provider
from t3lens.sim.runtime import ThreadRuntime
from t3lens.sim.scheduler import Signal, Steps
from t3lens.time import Micros, parse_iso

__all__ = ["Reactor"]

_UNBOUND: Final = "No active provider session is bound to this thread."
_STALE: Final = (
    "Stale pending {what}: {request}. Provider callback state does not survive app restarts or recovered sessions."
    " Restart the turn to continue."
)


class Reactor:
    """Works on what clients asked for.

    Args:
        t3: The server.
    """

    def __init__(self, t3: ServerCore) -> None:
        self._t3 = t3
        self._queue: deque[tuple[str, ThreadRuntime, Mapping[str, Any]]] = deque()
        self._more = Signal()
        self._gate: Signal | None = None
        self.busy_with: str | None = None

    def put(self, event_type: str, thread: ThreadRuntime, payload: Mapping[str, Any]) -> None:
        """Queue a request that is stored."""
        if event_type in _HANDLERS:
            self._queue.append((event_type, thread, payload))
            self._t3.scheduler.fire(self._more)

    @property
    def waiting(self) -> int:
        """How many requests wait."""
        return len(self._queue)

    def block(self) -> None:
        """Let the next command hang, as if a provider never answered."""
        if self._gate is None:
            self._gate = Signal()

    def unblock(self) -> None:
        """Let the queue move again."""
        gate, self._gate = self._gate, None
        if gate is not None:
            self._t3.scheduler.fire(gate)

    def loop(self) -> Steps:
        """For ever: take a request, work on it."""
        while True:
            while not self._queue:
                self._more = Signal()
                yield self._more
            while self._gate is not None:
                yield self._gate
            event_type, thread, payload = self._queue.popleft()
            self.busy_with = f"{event_type} of {thread.thread_id}"
            yield 0.01
            yield from _HANDLERS[event_type](self, thread, payload)
            self._t3.database.commit()
            self.busy_with = None

    # --- turns ----------------------------------------------------------------------------------------------

    def _start_turn(self, thread: ThreadRuntime, asked: Mapping[str, Any]) -> Steps:
        t3, at = self._t3, parse_iso(asked["createdAt"])
        selection = asked.get("modelSelection") or thread.model_selection
        if selection["instanceId"] not in PROVIDERS or selection["instanceId"] in t3.faults.unstartable:
            reason = t3.faults.unstartable.get(
                selection["instanceId"],
                f"Requested provider instance '{selection['instanceId']}' is not configured in this build.",
            )
            self._start_failed(thread, reason, at)
            return
        thread.model_selection = selection
        provider = thread.provider
        text = t3.message_text(thread, asked["messageId"])
        if provider is not None and (not provider.alive or t3.scheduler.is_frozen(provider.owner)):
            yield Signal()  # it never answers, and everybody waits
        if provider is not None and provider.turn_id is not None:
            self._steer(thread, provider, text, asked)
            return
        if t3.build.sets_starting:
            t3.set_session(thread, "starting", None, None, at=at, updated_at=at)
        if provider is None:
            provider = yield from self._connect(thread, at)
        yield 0.06
        self._take_up(thread, provider, text, asked)

    def _take_up(self, thread: ThreadRuntime, provider: Provider, text: str, asked: Mapping[str, Any]) -> None:
        t3 = self._t3
        turn_id = provider.new_turn()
        script = t3.script_for(thread, asked["messageId"], text)
        t3.scheduler.spawn(provider.run(turn_id, text, script), owner=provider.owner)
        t3.bind(
            thread,
            status="running",
            turn_id=turn_id,
            event="provider.sendTurn",
            at=t3.scheduler.now,
        )

    def _steer(self, thread: ThreadRuntime, provider: Provider, text: str, asked: Mapping[str, Any]) -> None:
        t3 = self._t3
        opens_turn = t3.build.rules.name == "shipped-0.0.23" and provider.driver == "opencode"
        if opens_turn:
            t3.scheduler.kill(provider.owner)
            self._take_up(thread, provider, text, asked)
            return
        provider.steer(text)
        t3.bind(
            thread,
            status="running",
            turn_id=provider.turn_id,
            event="provider.sendTurn",
            at=t3.scheduler.now,
        )

    def _start_failed(self, thread: ThreadRuntime, reason: str, at: Micros) -> None:
        t3 = self._t3
        detail = {"detail": reason}
        t3.note(thread, "provider.turn.start.failed", "Provider turn start failed", detail, at)
        session = thread.state.session
        status = "stopped" if session is not None and session.status == "stopped" else "ready"
        t3.set_session(thread, status, None, reason, at=at, updated_at=at)

    def _connect(self, thread: ThreadRuntime, at: Micros, *, first: Callable[[], None] | None = None) -> Steps:
        """Make a provider session, resuming the conversation if there is one.

        A turn's start writes the session as soon as it is made; for other requests ``first`` is done then.
        """
        t3 = self._t3
        kind = PROVIDERS[thread.model_selection["instanceId"]]
        conversation = t3.conversation(thread)
        yield kind.connect_seconds / 3
        provider = kind(t3, thread.thread_id, thread.cwd, thread.model_selection["model"], conversation)
        provider.before_ready()
        yield kind.connect_seconds * 2 / 3
        thread.provider = provider
        t3.bind(
            thread,
            status="running",
            turn_id=None,
            event="provider.startSession",
            at=t3.scheduler.now,
        )
        if first is not None:
            first()
        else:
            status = "starting" if t3.build.sets_starting else "ready"
            t3.set_session(thread, status, None, None, at=at, updated_at=t3.scheduler.now)
        provider.when_ready()
        return provider

    # --- interrupts and stops -------------------------------------------------------------------------------

    def _interrupt(self, thread: ThreadRuntime, asked: Mapping[str, Any]) -> Steps:
        t3, provider = self._t3, thread.provider
        if provider is None:
            at = parse_iso(asked["createdAt"])
            if self._can_revive(thread):
                yield from self._connect(thread, at, first=lambda: None)
            else:
                payload = {"detail": _UNBOUND}
                t3.note(
                    thread,
                    "provider.turn.interrupt.failed",
                    "Provider turn interrupt failed",
                    payload,
                    at,
                )
            return
        if not provider.alive:
            yield Signal()  # nobody is there to answer
        while t3.scheduler.is_frozen(provider.owner):
            thread.thawed = Signal()
            yield thread.thawed
        yield from provider.interrupt()

    def _can_revive(self, thread: ThreadRuntime) -> bool:
        """Whether a request for a session that is gone makes the server resume it; never one that is stopped."""
        t3, session = self._t3, thread.state.session
        if session is None or session.status == "stopped":
            return False
        binding = t3.database.row("provider_session_runtime", "thread_id", thread.thread_id)
        if binding is None or t3.conversation(thread) is None:
            return False
        return binding["status"] != "stopped" or t3.build.sets_starting

    def _stop(self, thread: ThreadRuntime, asked: Mapping[str, Any]) -> Steps:
        t3, at, provider = self._t3, parse_iso(asked["createdAt"]), thread.provider
        row = t3.database.row("projection_threads", "thread_id", thread.thread_id)
        if row is not None and row["archived_at"] is not None:
            return
        session = thread.state.session
        error = session.last_error if session else None
        bound = t3.database.row("provider_session_runtime", "thread_id", thread.thread_id)
        shown = t3.database.rows(thread.thread_id).session
        if t3.build.sets_starting and bound is None and shown is not None and shown.provider_name:
            return  # measured: nothing is bound, so nothing happens, silently
        failure = t3.faults.stop_fails.get(thread.thread_id)
        if failure is not None:
            yield 0.5
            if t3.build.rules.failed_stop_recorded or t3.faults.records_failed_stop:
                detail = {"detail": failure}
                t3.note(
                    thread,
                    "provider.session.stop.failed",
                    "Provider session stop failed",
                    detail,
                    at,
                )
            return
        if provider is not None and provider.alive:
            if t3.scheduler.is_frozen(provider.owner):
                yield 2.0  # it does not answer: its process is ended
                t3.scheduler.thaw(provider.owner)
            yield from provider.stop()
        else:
            provider = None
        if provider is not None and provider.driver in t3.build.silent_when_stopped:
            provider = None
        late = provider is not None and (provider.goodbye_seconds > 0 or t3.build.sets_starting)
        if provider is not None and not late:
            provider.closed()
        thread.provider = None
        if bound is not None:
            t3.bind(thread, status="stopped", turn_id=None, event=None, at=t3.scheduler.now)
        t3.set_session(thread, "stopped", None, error, at=at, updated_at=at)
        if provider is not None and late:
            t3.scheduler.call(provider.closed, delay=provider.goodbye_seconds or 0.02)

    # --- answers --------------------------------------------------------------------------------------------

    def _approval(self, thread: ThreadRuntime, asked: Mapping[str, Any]) -> Steps:
        yield from self._answer(thread, asked, asked["decision"], "approval")

    def _user_input(self, thread: ThreadRuntime, asked: Mapping[str, Any]) -> Steps:
        yield from self._answer(thread, asked, asked["answers"], "user-input")

    def _answer(self, thread: ThreadRuntime, asked: Mapping[str, Any], answer: Any, what: str) -> Steps:
        t3, at, request = self._t3, parse_iso(asked["createdAt"]), asked["requestId"]
        if thread.thread_id in t3.faults.swallows_answers:
            return
        yield 0.05
        provider = thread.provider
        if provider is not None and not provider.alive:
            yield Signal()
        if provider is not None and provider.waits_for(request):
            provider.respond(request, answer)
            return
        label = "approval" if what == "approval" else "user input"
        revives = provider is None and self._can_revive(thread)
        detail = _STALE.format(what=f"{what} request", request=request)
        if provider is None and not revives:
            detail = _UNBOUND

        def refuse() -> None:
            payload = {"detail": detail, "requestId": request}
            summary, metadata = f"Provider {label} response failed", {"requestId": request}
            t3.note(thread, f"provider.{what}.respond.failed", summary, payload, at, metadata=metadata)

        if revives:
            yield from self._connect(thread, at, first=refuse)
        else:
            refuse()

    def _deleted(self, thread: ThreadRuntime, asked: Mapping[str, Any]) -> Steps:
        yield 0.01
        if thread.provider is not None and thread.provider.alive:
            self._t3.scheduler.kill(thread.provider.owner)
            thread.provider = None
            self._t3.bind(thread, status="stopped", turn_id=None, event=None, at=self._t3.scheduler.now)


_HANDLERS: Final = {
    "thread.turn-start-requested": Reactor._start_turn,
    "thread.turn-interrupt-requested": Reactor._interrupt,
    "thread.session-stop-requested": Reactor._stop,
    "thread.approval-response-requested": Reactor._approval,
    "thread.user-input-response-requested": Reactor._user_input,
    "thread.deleted": Reactor._deleted,
}
