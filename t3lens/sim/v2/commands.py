"""Commands: each is stored with its events, its receipt and its effects at once, or refused with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from t3lens.sim.v2 import entities
from t3lens.sim.v2.outbox import Outbox
from t3lens.sim.v2.parts import LIVE, CommandRefused
from t3lens.sim.v2.turns import by_message
from t3lens.time import iso

__all__ = ["Commands"]


class Commands(Outbox):
    """Takes what clients ask for."""

    def dispatch(self, command: dict[str, Any]) -> int:
        """Take a command; the sequence the event store reached. The same command again gives the same answer.

        Raises:
            CommandRefused: It is refused; the reason is its text.
        """
        command_id, kind = str(command.get("commandId")), str(command.get("type"))
        known = self.database.receipt(command_id)
        if known is not None:
            if known["status"] == "accepted":
                return int(known["result_sequence"])
            raise CommandRefused(str(known["error"]))
        taker = self._TAKERS.get(kind)
        if taker is None or (kind == "queue.resume" and not self.build.holds_queue):
            raise CommandRefused(f"Unknown command {kind}.")
        try:
            with self.database.transaction():
                taker(self, command)
                self.database.write_receipt(command, self.now)
        except CommandRefused:
            error = f"Failed to dispatch orchestration command {kind} ({command_id})."
            with self.database.transaction():
                self.database.write_receipt(command, self.now, status="rejected", error=error)
            raise
        if "threadId" in command:
            self._start_next_effect(command["threadId"])
        return self.database.sequence

    def _project(self, command: dict[str, Any]) -> None:
        selection = {"instanceId": "opencode", "model": entities.MODELS["opencode"]}
        payload = {
            "projectId": command["projectId"],
            "title": command["title"],
            "workspaceRoot": command["workspaceRoot"],
            "defaultModelSelection": selection,
            "scripts": [],
            "createdAt": iso(self.now),
            "updatedAt": iso(self.now),
        }
        self._event("project.created", command["projectId"], payload, command_id=command["commandId"])

    def _thread(self, command: dict[str, Any]) -> None:
        head = entities.thread(
            command["threadId"],
            command["projectId"],
            command["title"],
            command["provider"],
            command.get("runtimeMode", "full-access"),
            self.now,
        )
        self._event("thread.created", command["threadId"], head, command_id=command["commandId"])

    def _message(self, command: dict[str, Any]) -> None:
        head = self._head(command)
        thread_id = head["id"]
        told: dict[str, Any] = {"command_id": command["commandId"]}
        runs = self.database.entities("run", thread_id)
        ordinal = len(runs) + 1
        busy = [run for run in runs if run["status"] in LIVE]
        known = self.database.entities("provider-thread", thread_id)
        if known:
            native = known[0]
        else:
            session_id = entities.session_id_of(head["providerInstanceId"], thread_id, self.ids.uuid())
            native = entities.provider_thread(thread_id, head["providerInstanceId"], session_id, ordinal, self.now)
        queue = [run for run in busy if run["status"] == "queued"]
        place = max((run["queuePosition"] or 0 for run in queue), default=0) + 1 if busy else None
        status = "queued" if busy else "starting"
        run = entities.run(head, ordinal, native["id"], command["messageId"], status, place, self.now)
        if any(one.get("queueHeld") for one in queue):
            run["queueHeld"] = True  # it does not overtake what is held
        if not busy:
            self._event("provider-thread.updated", thread_id, native | {"lastRunOrdinal": ordinal}, **told)
        self._event("run.created", thread_id, run, run=run, **told)
        self._event("run-attempt.created", thread_id, entities.attempt(run), run=run, **told)
        root = entities.node(run, run["rootNodeId"], "root_turn", "pending", None, None)
        self._event("node.updated", thread_id, root, run=run, **told)
        self._event("checkpoint-scope.created", thread_id, entities.scope(run, "/home/dev/proj", self.now), run=run, **told)
        said = entities.message(run, command["messageId"], run["rootNodeId"], "user", command["text"], self.now)
        self._event("message.updated", thread_id, said, run=run, **told)
        if not busy:
            self._user_item(run, command["messageId"], command["text"], command["commandId"])
            self._ask_to_start(run, command["commandId"])

    def _interrupt(self, command: dict[str, Any]) -> None:
        head = self._head(command)
        thread_id = head["id"]
        told: dict[str, Any] = {"command_id": command["commandId"]}
        run = self.database.entity("run", command["runId"])
        if run is None or run["threadId"] != thread_id or run["status"] not in LIVE:
            raise CommandRefused(f"Run {command['runId']} is not active.")
        if command.get("holdQueue") and self.build.holds_queue:
            for queued in self.database.entities("run", thread_id):
                if queued["status"] == "queued":
                    self._event("run.updated", thread_id, queued | {"queueHeld": True}, **told)
        turn = self._turn_of(run)
        wish = entities.item(
            run, f"turn-item:{run['id']}:signal:interrupt-request", "run_interrupt_request", "completed",
            self._place(run), self.now, turn_id=turn["id"] if turn else None, title="Interrupt requested",
            message="Interrupt requested",
        )  # fmt: skip
        self._event("turn-item.updated", thread_id, wish, run=run, **told)
        if turn is None:
            for row in self.database.open_effects(thread_id):
                if row["effect_type"] == "provider-turn.start":
                    self.database.end_effect(row["effect_id"], self.now, status="cancelled")
                    self._hung.pop(row["effect_id"], None)
            self._settle(run, "interrupted", command_id=command["commandId"])
            return
        effect = {
            "type": "provider-turn.interrupt",
            "providerSessionId": self._session_id(thread_id),
            "providerThreadId": run["providerThreadId"],
            "providerTurnId": turn["id"],
        }
        effect_id = f"effect:{command['commandId']}:provider-turn.interrupt:{turn['id']}"
        self.database.add_effect(effect_id, command["commandId"], thread_id, effect, self.now)

    def _detach(self, command: dict[str, Any]) -> None:
        head = self._head(command)
        session_id = command["providerSessionId"]
        if head["id"] not in self.database.bound_threads(session_id):
            raise CommandRefused(f"Provider session {session_id} is not attached to thread {head['id']}.")
        payload = {"providerSessionId": session_id, "detachedAt": iso(self.now), "reason": command.get("reason")}
        self._event("provider-session.detached", head["id"], payload, command_id=command["commandId"])
        effect = {"type": "provider-session.detach", "providerSessionId": session_id}
        effect_id = f"effect:{command['commandId']}:provider-session.detach:{session_id}"
        self.database.add_effect(effect_id, command["commandId"], head["id"], effect, self.now)

    def _respond(self, command: dict[str, Any]) -> None:
        head = self._head(command)
        request = self.database.entity("runtime-request", command["requestId"])
        if request is None:
            raise CommandRefused(f"Runtime request {command['requestId']} was not found.")
        if request["status"] != "pending":
            raise CommandRefused(f"Runtime request {command['requestId']} is {request['status']}.")
        said = command.get("answers", {})
        questions = self._questions(head["id"], request["id"])
        if request["kind"] == "user_input" and not all(_in_words(said.get(one["id"])).strip() for one in questions):
            raise CommandRefused(f"Runtime request {command['requestId']} wants an answer.")
        self._resolve(head["id"], request, command["commandId"])
        if by_message(request):
            text = "\n".join(f"{one['question']}\n{_in_words(said[one['id']])}" for one in questions)
            self._message(command | {"messageId": f"async-answer:{request['id']}", "text": text})
            return
        effect: dict[str, Any] = {
            "type": "runtime-request.respond",
            "providerSessionId": self._session_id(head["id"]),
            "requestId": request["id"],
            **{key: command[key] for key in ("decision", "answers") if key in command},
        }
        effect_id = f"effect:{command['commandId']}:runtime-request.respond:{request['id']}"
        self.database.add_effect(effect_id, command["commandId"], head["id"], effect, self.now)

    def _cancel_queued(self, command: dict[str, Any]) -> None:
        head = self._head(command)
        run = self._queued_run(head, command["runId"])
        self._settle(run | {"queueHeld": False}, "cancelled", command_id=command["commandId"])

    def _questions(self, thread_id: str, request_id: str) -> list[dict[str, Any]]:
        """What a request asks."""
        items = self.database.entities("turn-item", thread_id)
        return next((one["questions"] for one in items if one.get("requestId") == request_id and "questions" in one), [])

    def _queued_run(self, head: dict[str, Any], run_id: Any) -> dict[str, Any]:
        run = self.database.entity("run", str(run_id))
        if run is None or run["threadId"] != head["id"] or run["status"] != "queued":
            raise CommandRefused(f"Run {run_id} is not queued.")
        return run

    def _reorder_queued(self, command: dict[str, Any]) -> None:
        head = self._head(command)
        moved, before = self._queued_run(head, command["runId"]), command["beforeRunId"]
        rest = [run for run in self._queue(head["id"]) if run["id"] != moved["id"]]
        place = len(rest)
        if before is not None:
            before = self._queued_run(head, before)["id"]
            place = next((number for number, run in enumerate(rest) if run["id"] == before), place)
        for number, run in enumerate([*rest[:place], moved, *rest[place:]], 1):
            if run["queuePosition"] != number:
                changed = run | {"queuePosition": number}
                self._event("run.updated", head["id"], changed, run=run, command_id=command["commandId"])

    def _edit_queued(self, command: dict[str, Any]) -> None:
        head = self._head(command)
        run = self._queued_run(head, command["runId"])
        if not str(command["text"]).strip():
            raise CommandRefused("A queued message cannot be empty.")
        said = self.database.entity("message", run["userMessageId"]) or {}
        changed = said | {"text": command["text"], "updatedAt": iso(self.now)}
        self._event("message.updated", head["id"], changed, run=run, command_id=command["commandId"])

    def _promote_queued(self, command: dict[str, Any]) -> None:
        head = self._head(command)
        queued = self._queued_run(head, command["queuedRunId"])
        target = self.database.entity("run", command["targetRunId"])
        turn = self._turn_of(target) if target is not None else None
        if target is None or target["status"] != "running" or turn is None or turn["status"] != "running":
            raise CommandRefused(f"Run {command['targetRunId']} cannot be steered.")
        told: dict[str, Any] = {"command_id": command["commandId"]}
        said = self.database.entity("message", queued["userMessageId"]) or {}
        over = {"status": "cancelled", "completedAt": iso(self.now)}
        attempt = self.database.entity("run-attempt", queued["activeAttemptId"]) or {}
        root = self.database.entity("node", queued["rootNodeId"]) or {}
        self._event("run.updated", head["id"], queued | over | {"queuePosition": None}, run=queued, **told)
        self._event("run-attempt.updated", head["id"], attempt | over, run=queued, **told)
        self._event("node.updated", head["id"], root | over, run=queued, **told)
        moved = said | {"runId": target["id"], "nodeId": target["rootNodeId"], "updatedAt": iso(self.now)}
        self._event("message.updated", head["id"], moved, run=target, **told)
        self._user_item(target, said["id"], said["text"], command["commandId"], intent="steer")
        effect = {
            "type": "provider-turn.steer",
            "providerSessionId": self._session_id(head["id"]),
            "providerThreadId": target["providerThreadId"],
            "providerTurnId": turn["id"],
            "messageId": said["id"],
        }
        effect_id = f"effect:{command['commandId']}:provider-turn.steer:{turn['id']}"
        self.database.add_effect(effect_id, command["commandId"], head["id"], effect, self.now)

    def _resume_queue(self, command: dict[str, Any]) -> None:
        head = self._head(command)
        for run in self.database.entities("run", head["id"]):
            if run["status"] == "queued" and run.get("queueHeld"):
                self._event("run.updated", head["id"], run | {"queueHeld": False}, run=run, command_id=command["commandId"])
        self._next(head["id"])

    def _mark(self, command: dict[str, Any]) -> None:
        head = self._head(command)
        event, field, on = _MARKS[command["type"]]
        changed = head | {field: iso(self.now) if on else None, "updatedAt": iso(self.now)}
        self._event(event, head["id"], changed, command_id=command["commandId"])

    _TAKERS: Final[dict[str, Callable[[Commands, dict[str, Any]], None]]] = {
        "project.create": _project,
        "thread.create": _thread,
        "message.dispatch": _message,
        "run.interrupt": _interrupt,
        "provider-session.detach": _detach,
        "runtime-request.respond": _respond,
        "queued-run.cancel": _cancel_queued,
        "queued-run.reorder": _reorder_queued,
        "queued-run.edit": _edit_queued,
        "queued-message.promote-to-steer": _promote_queued,
        "queue.resume": _resume_queue,
        "thread.archive": _mark,
        "thread.unarchive": _mark,
        "thread.delete": _mark,
    }

    def _head(self, command: dict[str, Any]) -> dict[str, Any]:
        head = self.database.entity("thread", str(command.get("threadId")))
        if head is None or head["deletedAt"] is not None:
            raise CommandRefused(f"Thread {command.get('threadId')} was not found.")
        return head


def _in_words(answer: Any) -> str:
    """An answer as a message says it."""
    return ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer or "")


_MARKS: Final = {
    "thread.archive": ("thread.archived", "archivedAt", True),
    "thread.unarchive": ("thread.unarchived", "archivedAt", False),
    "thread.delete": ("thread.deleted", "deletedAt", True),
}
