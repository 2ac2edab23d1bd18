"""The simulated server's inside, and its life: start with recovery, clean end, crash.

Measured on the branch build of August 2026, with what main of October is known to do otherwise.
"""

from __future__ import annotations

from typing import Any, Final

from t3lens.sim.v2.commands import Commands
from t3lens.sim.v2.parts import LIVE
from t3lens.sim.v2.turns import by_message
from t3lens.sim.v2.upgrade import compact, import_first
from t3lens.time import iso

__all__ = ["SecondCore"]

_PROCESS_BOUND: Final = (
    "provider-turn.start",
    "provider-turn.interrupt",
    "provider-turn.steer",
    "provider-turn.restart",
    "runtime-request.respond",
)
_COMPACTED_AFTER_S: Final = 2.0
_RESTARTED: Final = "The server restarted before this runtime request was resolved."


class SecondCore(Commands):
    """A server of the second data model, without its network."""

    def start(self) -> None:
        """Bring over what the first data model left, end what an earlier server left, and take up what is to be done."""
        import_first(self.database, self.now)
        self.scheduler.call(lambda: compact(self.database), delay=_COMPACTED_AFTER_S, owner="t3")
        for thread_id in self.database.thread_ids():
            if not self.faults.skips_reconcile:
                self._reconcile(thread_id, "startup", _RESTARTED)
        for thread_id in self.database.thread_ids():
            self._start_next_effect(thread_id)

    def shut_down(self) -> None:
        """End cleanly: what runs is cancelled."""
        for thread_id in self.database.thread_ids():
            self._reconcile(thread_id, "shutdown", "The server was shut down.")
        self.logs.flush()
        self._end()

    def crash(self) -> None:
        """End at once."""
        self.logs.drop_unflushed()
        self._end()

    def _end(self) -> None:
        self.running = False
        for name in [*self._processes, *sorted(self._working)]:
            self.scheduler.kill(name)
        self.scheduler.kill("t3")

    def adopt(self) -> None:
        """Be the very server that wrote the home: live runs have a provider that says nothing more.

        What hangs in the outbox hangs on; a process behind an effect that is being done is a frozen one.
        """
        for thread_id in self.database.thread_ids():
            for session in self.database.entities("provider-session", thread_id):
                process = self.process(session)
                held = [e for e in self.database.open_effects(thread_id) if e["status"] == "running"]
                process.frozen = process.frozen or bool(held)
                if session["status"] == "error":
                    process.alive = False
            for run in self.database.entities("run", thread_id):
                if run["status"] == "running":
                    requests = [r for r in self.database.entities("runtime-request", thread_id) if r["status"] == "pending"]
                    for request in requests:
                        self.scheduler.spawn(self._asked(thread_id, run, request), owner=self._owner(thread_id))

    def _reconcile(self, thread_id: str, why: str, reason: str) -> None:
        head = self.database.entity("thread", thread_id)
        if head is None or head["deletedAt"] is not None:
            return
        runs = [r for r in self.database.entities("run", thread_id) if r["status"] in LIVE]
        asked = self.database.entities("runtime-request", thread_id)
        requests = [one for one in asked if one["status"] == "pending" and not by_message(one)]
        lasting_ids = {one["id"] for one in asked if by_message(one)}
        with self.database.transaction():
            for effect in self.database.open_effects(thread_id):
                if effect["effect_type"] in _PROCESS_BOUND:
                    self.database.end_effect(effect["effect_id"], self.now, status="cancelled")
                else:
                    self.database.pend_again(effect["effect_id"], self.now)
            sessions = self.database.entities("provider-session", thread_id)
            lasting = [s for s in sessions if s["status"] not in ("stopped", "error")]
            if not runs and not requests and not lasting:
                return
            at = iso(self.now)
            command_id = f"command:runtime-reconcile:{why}:{thread_id}:{at}"
            told: dict[str, Any] = {"command_id": command_id}
            for request in requests:
                status = "expired" if why == "startup" else "cancelled"
                capability = {"type": "not_resumable", "reason": reason}
                changed = request | {"status": status, "responseCapability": capability, "resolvedAt": at}
                self._event("runtime-request.updated", thread_id, changed, **told)
            for run in runs:
                if run["status"] == "queued" and self.build.holds_queue:
                    self._event("run.updated", thread_id, run | {"queueHeld": True}, **told)
                    continue
                over = {"status": "cancelled", "completedAt": at}
                self._event("run.updated", thread_id, run | over | {"queuePosition": None}, **told)
                for kind, key in (("run-attempt", run["activeAttemptId"]), ("node", run["rootNodeId"])):
                    entity = self.database.entity(kind, key)
                    if entity is not None:
                        self._event(f"{kind}.updated", thread_id, entity | over, **told)
                for kind in ("node", "provider-turn", "turn-item"):
                    for entity in self.database.entities(kind, thread_id):
                        mine = entity.get("runId", run["id"]) == run["id"]
                        if entity.get("runtimeRequestId", entity.get("requestId")) in lasting_ids:
                            continue
                        if mine and entity["status"] in ("pending", "running", "waiting"):
                            self._event(f"{kind}.updated", thread_id, entity | over, **told)
            for session in lasting:
                self._event("provider-session.updated", thread_id, session | {"status": "stopped", "updatedAt": at}, **told)
            command = {"type": "provider-runtime.reconcile", "commandId": command_id, "threadId": thread_id}
            if self.database.receipt(command_id) is None:
                self.database.write_receipt(command, self.now)
