"""The outbox: workers take up the effects of a thread one by one, in order; nothing reads a lease."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from t3lens.sim.scheduler import Signal, Steps
from t3lens.sim.v2 import entities
from t3lens.sim.v2.turns import Turns
from t3lens.time import iso

__all__ = ["Outbox"]


class Outbox(Turns):
    """Does what the outbox asks for."""

    def _start_next_effect(self, thread_id: str) -> None:
        """Let a worker take up the thread's next effect, if none is being worked on."""
        if not self.running:
            return
        effect = self.database.next_effect(thread_id)
        if effect is None:
            return
        with self.database.transaction():
            self.database.take_effect(effect["effect_id"], self.worker, self.now)
        payload = msgspec.json.decode(effect["payload_json"], type=dict[str, Any])
        steps = self._work(thread_id, effect["effect_id"], payload)
        self.scheduler.spawn(steps, owner="t3", delay=0.05)

    def _work(self, thread_id: str, effect_id: str, effect: dict[str, Any]) -> Steps:
        kind = effect["type"]
        if kind in self.faults.hangs:
            yield self._hung.setdefault(effect_id, Signal())
            return
        failed = self.faults.fails.get(kind)
        if failed is None:
            error = yield from self._DOERS[kind](self, thread_id, effect_id, effect)
        else:
            error = failed
            yield 0.2
        with self.database.transaction():
            status = "failed" if error else "succeeded"
            self.database.end_effect(effect_id, self.now, status=status, error=error)
        self._start_next_effect(thread_id)

    def _do_start(self, thread_id: str, effect_id: str, effect: dict[str, Any]) -> Steps:
        run = self._run(effect["runId"])
        head = self.database.entity("thread", thread_id) or {}
        driver = head["providerInstanceId"]
        session = self._session(thread_id)
        attached = session is None
        if session is None:
            native = self.database.entity("provider-thread", run["providerThreadId"]) or {}
            taken = self.database.entity("provider-session", native["providerSessionId"])
            fresh = driver != "codex" and taken is not None  # the one before was let go
            session_id = entities.session_id_of(driver, thread_id, self.ids.uuid()) if fresh else native["providerSessionId"]
            session = taken if taken is not None and not fresh else None
            session = session or entities.provider_session(session_id, driver, "/home/dev/proj", self.now)
            if session["id"] not in self._processes:
                yield 0.6  # a cold process
        process = self.process(session)
        if driver == "codex" and not process.answers:
            # its end is not noticed: the start waits for an answer that never comes
            with self.database.transaction():
                self._starts(run, session, None)
            yield process.woken
        if not self._is_live(run["id"]):
            return None
        with self.database.transaction():
            if attached:
                session = session | {"status": "ready", "updatedAt": iso(self.now)}
                self._event("provider-session.attached", thread_id, session)
            native_id = self.words.thread_id(driver, run, self.now)
            self._starts(run, session | {"status": "ready", "lastError": None}, native_id)
            if not process.alive:
                self._fails_to_start(run, session)
                return None
        yield 0.3
        if not self._is_live(run["id"]):
            return None
        with self.database.transaction():
            turn_id = native_id if driver == "opencode" else self.ids.uuid7(self.now)
            named = f"{turn_id}:attempt:{run['activeAttemptId']}" if driver == "opencode" else turn_id
            turn = entities.provider_turn(run, named, "weak" if driver == "opencode" else "strong", self.now)
            self._busy(thread_id, "running")
            self._event("provider-turn.updated", thread_id, turn, run=self._run(run["id"]))
        self.words.started(thread_id, session, native_id, turn_id, self.now)
        script = self.scripts.pop(thread_id, self.default_script)
        self.scheduler.spawn(self._answer(thread_id, run["id"], session, native_id, script), owner=process.name, delay=0.1)
        return None

    def _starts(self, run: dict[str, Any], session: dict[str, Any], native_id: str | None) -> None:
        thread_id, at = run["threadId"], iso(self.now)
        self._event("provider-session.updated", thread_id, session)
        native = self.database.entity("provider-thread", run["providerThreadId"])
        if native is not None and native_id is not None:
            reference = {"driver": native["driver"], "nativeId": native_id, "strength": "strong"}
            changed = native | {"status": "active", "nativeThreadRef": reference, "updatedAt": at,
                                "providerSessionId": session["id"]}  # fmt: skip
            self._event("provider-thread.updated", thread_id, changed)
        begun = {"status": "running", "startedAt": at}
        self._event("run.updated", thread_id, self._run(run["id"]) | begun, run=run)
        for kind, key in (("run-attempt", run["activeAttemptId"]), ("node", run["rootNodeId"])):
            self._event(f"{kind}.updated", thread_id, (self.database.entity(kind, key) or {}) | begun, run=run)

    def _fails_to_start(self, run: dict[str, Any], session: dict[str, Any]) -> None:
        said = f"Failed to start run {run['id']} on {run['providerInstanceId']} provider thread {run['providerThreadId']}."
        self._fail(run["id"], said)
        self._event("provider-session.updated", run["threadId"], session | {"status": "error", "updatedAt": iso(self.now)})

    def _do_interrupt(self, thread_id: str, effect_id: str, effect: dict[str, Any]) -> Steps:
        session = self._session(thread_id)
        process = self.process(session) if session else None
        if process is not None and not process.answers:
            yield process.woken
        yield 0.2
        turn = self.database.entity("provider-turn", effect["providerTurnId"])
        attempt = self.database.entity("run-attempt", turn["runAttemptId"]) if turn else None
        if attempt is None or not self._is_live(attempt["runId"]):
            return None
        self.scheduler.kill(self._owner(thread_id, attempt["runId"]))
        self._recording(attempt["runId"]).end("interrupted")
        self.words.interrupted(thread_id, session or {}, self.now)
        run = self._run(attempt["runId"])
        with self.database.transaction():
            self._busy(thread_id, "ready")
            self._settle(run, "interrupted")
        return None

    def _do_steer(self, thread_id: str, effect_id: str, effect: dict[str, Any]) -> Steps:
        session = self._session(thread_id)
        process = self.process(session) if session else None
        if process is not None and not process.answers:
            yield process.woken
        yield 0.2
        return None

    def _do_respond(self, thread_id: str, effect_id: str, effect: dict[str, Any]) -> Steps:
        session = self._session(thread_id)
        process = self.process(session) if session else None
        if process is not None and not process.answers:
            yield process.woken
        yield 0.2
        self.scheduler.fire(self._answers.setdefault(effect["requestId"], Signal()), effect.get("decision", "accept"))
        return None

    def _do_detach(self, thread_id: str, effect_id: str, effect: dict[str, Any]) -> Steps:
        yield 0.15
        if "codex" not in effect["providerSessionId"]:
            self._processes.pop(effect["providerSessionId"], None)
        return None

    def _do_checkpoint(self, thread_id: str, effect_id: str, effect: dict[str, Any]) -> Steps:
        yield 0.3
        run = self._run(effect["runId"])
        if run["status"] != "waiting":
            return None
        command_id = f"command:effect:checkpoint.capture:{run['id']}"
        over = {"status": "completed", "completedAt": iso(self.now)}
        with self.database.transaction():
            item = entities.item(run, f"turn-item:checkpoint:{run['id']}", "checkpoint", "completed", self._place(run),
                                 self.now)  # fmt: skip
            self._event("turn-item.updated", thread_id, item, run=run, command_id=command_id)
            self._event("run.updated", thread_id, run | over, run=run, command_id=command_id)
            root = self.database.entity("node", run["rootNodeId"]) or {}
            self._event("node.updated", thread_id, root | over, run=run, command_id=command_id)
            command = {"type": "checkpoint.capture", "commandId": command_id, "threadId": thread_id}
            if self.database.receipt(command_id) is None:
                self.database.write_receipt(command, self.now)
        self._next(thread_id)
        return None

    _DOERS: Final[dict[str, Callable[[Outbox, str, str, dict[str, Any]], Steps]]] = {
        "provider-turn.start": _do_start,
        "provider-turn.interrupt": _do_interrupt,
        "provider-turn.steer": _do_steer,
        "runtime-request.respond": _do_respond,
        "provider-session.detach": _do_detach,
        "checkpoint.capture": _do_checkpoint,
    }
