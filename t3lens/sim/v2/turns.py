"""What providers do in a run, how a run ends, and what becomes of their processes."""

from __future__ import annotations

from typing import Any, Final

from t3lens.sim.scheduler import Signal, Steps
from t3lens.sim.script import Ask, AskApproval, Die, Fail, Hang, LoseTerminal, Say, Script, Silence, Tool
from t3lens.sim.v2 import entities
from t3lens.sim.v2.parts import LIVE, Process, ServerParts
from t3lens.time import iso

__all__ = ["Turns", "by_message"]

_EXITED: Final = "OpenCode server exited unexpectedly (0)."


def by_message(request: dict[str, Any]) -> bool:
    """Whether an answer to the request becomes a message of its own."""
    return bool(request["responseCapability"]["type"] == "message")


class Turns(ServerParts):
    """Turns of providers, and the ends of runs."""

    def _answer(self, thread_id: str, run_id: str, session: dict[str, Any], native_id: str, script: Script) -> Steps:
        """The provider's turn, as a process of its own that an interrupt ends."""
        owner = self._owner(thread_id, run_id)
        self._working.add(owner)
        self.scheduler.spawn(self._turn(thread_id, run_id, session, native_id, script), owner=owner)
        return
        yield 0.0

    def _turn(self, thread_id: str, run_id: str, session: dict[str, Any], native_id: str, script: Script) -> Steps:
        process = self.process(session)
        recording = self._record(run_id, session, native_id)
        for step in script:
            if not process.answers:
                yield process.woken
            match step:
                case Say():
                    recording.stream()
                    for word in step.text.split():
                        self.words.delta(thread_id, session, native_id, word, self.now)
                        yield step.pace
                        if not process.answers:
                            yield process.woken
                    recording.answer(step.text)
                    self._says(run_id, step.text)
                case Silence():
                    yield step.seconds
                case Tool():
                    recording.call(step.command)
                    if step.approval:
                        yield from self._approval(thread_id, run_id, session, native_id, step.command)
                    yield step.seconds
                    recording.result(step.output, failed=step.failed)
                case AskApproval():
                    recording.call(step.detail)
                    yield from self._approval(thread_id, run_id, session, native_id, step.detail)
                    recording.result("")
                case Ask():
                    yield from self._question(thread_id, run_id, session, step)
                case Hang():
                    yield Signal()
                case Die():
                    self.kill_process(process)
                    yield Signal()
                case Fail():
                    recording.end("failed", step.message)
                    with self.database.transaction():
                        self._fail(run_id, step.message)
                    self._next(thread_id)
                    return
                case LoseTerminal():
                    recording.end("completed")
                    self.words.ended(thread_id, session, native_id, self.now)
                    yield Signal()
        if process.frozen:
            yield process.woken
        recording.end("completed")
        self.words.ended(thread_id, session, native_id, self.now)
        self._done(thread_id, run_id)

    def _says(self, run_id: str, text: str) -> None:
        run = self._run(run_id)
        turn = self._turn_of(run)
        native = self.ids.opencode("prt", self.now)
        node_id = f"node:provider:{run['providerInstanceId']}:native-item:{native}"
        message_id = f"message:provider:{run['providerInstanceId']}:native-item:{native}"
        turn_id = turn["id"] if turn else None
        with self.database.transaction():
            node = entities.node(run, node_id, "assistant_message", "completed", turn_id, self.now)
            self._event("node.updated", run["threadId"], node | {"completedAt": iso(self.now)}, run=run)
            said = entities.message(run, message_id, node_id, "assistant", text, self.now)
            self._event("message.updated", run["threadId"], said, run=run)
            item = entities.item(
                run, f"turn-item:provider:{run['providerInstanceId']}:native-item:{native}", "assistant_message",
                "completed", self._place(run), self.now, node_id=node_id, turn_id=turn_id, messageId=message_id, text=text,
                streaming=False,
            )  # fmt: skip
            self._event("turn-item.updated", run["threadId"], item, run=run)

    def _question(self, thread_id: str, run_id: str, session: dict[str, Any], step: Ask) -> Steps:
        run = self._run(run_id)
        questions = [
            {
                "id": str(number),
                "header": "Question",
                "question": one.question,
                "options": [{"label": label, "description": label} for label in one.options],
                "multiSelect": one.several,
            }
            for number, one in enumerate((step, *step.more), 1)
        ]
        yield from self._request(
            thread_id, run, session, "user_input", "user_input_request", waits=step.waits, title="Question",
            questions=questions,
        )  # fmt: skip

    def _approval(self, thread_id: str, run_id: str, session: dict[str, Any], native_id: str, prompt: str) -> Steps:
        run = self._run(run_id)
        self.words.asked(thread_id, session, native_id, self.now)
        yield from self._request(
            thread_id, run, session, "command", "approval_request", title="bash", requestKind="command", prompt=prompt
        )

    def _request(
        self,
        thread_id: str,
        run: dict[str, Any],
        session: dict[str, Any],
        kind: str,
        item_type: str,
        *,
        waits: bool = True,
        **more: Any,
    ) -> Steps:
        turn = self._turn_of(run) or {}
        native = self.ids.opencode("per", self.now)
        request_id = f"runtime-request:provider:{run['providerInstanceId']}:native-request:{native}:{self.ids.uuid()}"
        node_id = f"node:runtime-request:{request_id}"
        request = {
            "id": request_id,
            "nodeId": node_id,
            "providerTurnId": turn.get("id"),
            "nativeRequestRef": {"driver": session["driver"], "nativeId": native, "strength": "strong"},
            "kind": kind,
            "status": "pending",
            "responseCapability": {"type": "live", "providerSessionId": session["id"]} if waits else {"type": "message"},
            "createdAt": iso(self.now),
            "resolvedAt": None,
        }
        with self.database.transaction():
            if waits:
                self._busy(thread_id, "waiting")
            node = entities.node(run, node_id, item_type, "waiting", turn.get("id"), self.now)
            self._event("node.updated", thread_id, node | {"runtimeRequestId": request_id}, run=run)
            self._event("runtime-request.updated", thread_id, request, run=run)
            item = entities.item(
                run, f"turn-item:{request_id}", item_type, "waiting", self._place(run), self.now, node_id=node_id,
                turn_id=turn.get("id"), over=False, requestId=request_id, **more,
            )  # fmt: skip
            self._event("turn-item.updated", thread_id, item, run=run)
        if waits:
            yield from self._awaited(thread_id, run["id"], request_id)

    def _awaited(self, thread_id: str, run_id: str, request_id: str) -> Steps:
        decision = yield self._answers.setdefault(request_id, Signal())
        request = self.database.entity("runtime-request", request_id)
        if request is not None:  # the provider says so once more
            self._event("runtime-request.updated", thread_id, request | {"resolvedAt": iso(self.now)}, run=self._run(run_id))
        if decision in ("decline", "cancel"):
            self._says(run_id, "Then I leave that.")
        self._busy(thread_id, "running")

    def _asked(self, thread_id: str, run: dict[str, Any], request: dict[str, Any]) -> Steps:
        """A provider that asked before this server's time goes on when it is answered."""
        yield from self._awaited(thread_id, run["id"], request["id"])
        self._says(run["id"], "Thank you.")
        self._done(thread_id, run["id"])

    def _resolve(self, thread_id: str, request: dict[str, Any], command_id: str) -> None:
        over = {"status": "completed", "completedAt": iso(self.now)}
        resolved = request | {"status": "resolved", "resolvedAt": iso(self.now)}
        self._event("runtime-request.updated", thread_id, resolved, command_id=command_id)
        for kind in ("node", "turn-item"):
            for entity in self.database.entities(kind, thread_id):
                if request["id"] in (entity.get("runtimeRequestId"), entity.get("requestId")):
                    self._event(f"{kind}.updated", thread_id, entity | over, command_id=command_id)

    def _done(self, thread_id: str, run_id: str) -> None:
        """The provider's good end: a checkpoint is still to be taken."""
        if not self._is_live(run_id):
            return
        run = self._run(run_id)
        at = iso(self.now)
        with self.database.transaction():
            self._busy(thread_id, "ready")
            over = {"status": "completed", "completedAt": at}
            turn = self._turn_of(run)
            if turn is not None:
                self._event("provider-turn.updated", thread_id, turn | over, run=run)
            attempt = self.database.entity("run-attempt", run["activeAttemptId"]) or {}
            self._event("run-attempt.updated", thread_id, attempt | over, run=run)
            self._event("run.updated", thread_id, run | {"status": "waiting"}, run=run)
            root = self.database.entity("node", run["rootNodeId"]) or {}
            self._event("node.updated", thread_id, root | {"status": "waiting"}, run=run)
            self._rest(run)
            effect = {"type": "checkpoint.capture", "runId": run_id, "scopeId": root.get("checkpointScopeId")}
            self.database.add_effect(
                f"effect:checkpoint.capture:{run_id}", f"command:effect:checkpoint.capture:{run_id}", thread_id, effect,
                self.now,
            )  # fmt: skip
        self._start_next_effect(thread_id)

    def _settle(self, run: dict[str, Any], status: str, *, command_id: str | None = None) -> None:
        """A run ends without an answer; the next one starts."""
        thread_id = run["threadId"]
        over = {"status": status, "completedAt": iso(self.now)}
        told: dict[str, Any] = {"command_id": command_id}
        turn = self._turn_of(run)
        if turn is not None and turn["status"] in ("pending", "running"):
            self._event("provider-turn.updated", thread_id, turn | over, run=run, **told)
        attempt = self.database.entity("run-attempt", run["activeAttemptId"]) or {}
        self._event("run-attempt.updated", thread_id, attempt | over, run=run, **told)
        lasting = {one["id"] for one in self.database.entities("runtime-request", thread_id) if by_message(one)}
        for kind in ("node", "turn-item"):
            for entity in self.database.entities(kind, thread_id):
                if entity.get("runtimeRequestId", entity.get("requestId")) in lasting:
                    continue  # such a question outlives its run
                if entity.get("runId") == run["id"] and entity["status"] in ("pending", "running", "waiting"):
                    self._event(f"{kind}.updated", thread_id, entity | over, run=run, **told)
        for request in self.database.entities("runtime-request", thread_id):
            if request["status"] == "pending" and not by_message(request):
                resolved = request | {"status": "cancelled", "resolvedAt": iso(self.now)}
                self._event("runtime-request.updated", thread_id, resolved, run=run, **told)
        if status == "interrupted":
            item = entities.item(
                run, f"turn-item:{run['id']}:signal:interrupt-result", "run_interrupt_result", "interrupted",
                self._place(run), self.now, title="Interrupted", message="Run interrupted by user",
            )  # fmt: skip
            item["parentItemId"] = f"turn-item:{run['id']}:signal:interrupt-request"
            self._event("turn-item.updated", thread_id, item, run=run, **told)
        self._event("run.updated", thread_id, self._run(run["id"]) | over | {"queuePosition": None}, run=run, **told)
        self._rest(run)
        self._next(thread_id)

    def _fail(self, run_id: str, message: str) -> None:
        run = self._run(run_id)
        failure = {"class": "provider_error", "message": message, "code": None, "retryable": None}
        item = entities.item(
            run, f"turn-item:failure:{run_id}", "error", "failed", self._place(run), self.now, title="Provider error",
            failure=failure,
        )  # fmt: skip
        self._event("turn-item.updated", run["threadId"], item, run=run)
        self._settle(run, "failed")

    def _rest(self, run: dict[str, Any]) -> None:
        native = self.database.entity("provider-thread", run["providerThreadId"])
        if native is not None:
            self._event("provider-thread.updated", run["threadId"], native | {"status": "idle", "updatedAt": iso(self.now)})

    def _user_item(
        self, run: dict[str, Any], message_id: str, text: str, command_id: str | None, *, intent: str = "turn_start"
    ) -> None:
        place = 1 if intent == "turn_start" else self._place(run)
        item = entities.item(
            run, f"turn-item:message:{message_id}", "user_message", "completed", place, self.now, messageId=message_id,
            inputIntent=intent, text=text, attachments=[],
        )  # fmt: skip
        self._event("turn-item.updated", run["threadId"], item, run=run, command_id=command_id)

    def _ask_to_start(self, run: dict[str, Any], command_id: str) -> None:
        effect = {"type": "provider-turn.start", "runId": run["id"]}
        effect_id = f"effect:{command_id}:provider-turn.start:{run['id']}"
        self.database.add_effect(effect_id, command_id, run["threadId"], effect, self.now)

    def _next(self, thread_id: str) -> None:
        """A queued run begins when the one before it is over, unless the queue is held."""
        with self.database.transaction():
            runs, queue = self.database.entities("run", thread_id), self._queue(thread_id)
            live = [run for run in runs if run["status"] in LIVE and run["status"] != "queued"]
            if not queue or live or queue[0].get("queueHeld"):
                return
            run = queue[0] | {"status": "starting", "queuePosition": None}
            said = self.database.entity("message", run["userMessageId"]) or {}
            self._user_item(run, run["userMessageId"], said.get("text", ""), None)
            self._event("run.updated", thread_id, run, run=run)
            self._ask_to_start(run, f"command:queue:{run['id']}")
        self._start_next_effect(thread_id)

    def _queue(self, thread_id: str) -> list[dict[str, Any]]:
        """What is queued, in the order in which it is sent."""
        queued = [run for run in self.database.entities("run", thread_id) if run["status"] == "queued"]
        return sorted(queued, key=lambda run: (run["queuePosition"] or run["ordinal"], run["ordinal"]))

    def freeze(self, thread_id: str) -> None:
        """The thread's provider answers nothing any more."""
        process = self.process_of(thread_id)
        if process is not None:
            process.frozen, process.woken = True, Signal()

    def thaw(self, thread_id: str) -> None:
        """The thread's provider continues."""
        process = self.process_of(thread_id)
        if process is not None:
            process.frozen = False
            self.scheduler.fire(process.woken)

    def kill_process(self, process: Process) -> None:
        """The provider's process ends. OpenCode's end is noticed, and its run fails; Codex's is not."""
        process.alive, process.woken = False, Signal()
        if "codex" in process.name:
            return
        with self.database.transaction():
            for thread_id in self.database.bound_threads(process.name):
                for run in self.database.entities("run", thread_id):
                    if run["status"] in LIVE and run["status"] != "queued":
                        self.scheduler.kill(self._owner(thread_id, run["id"]))
                        self._fail(run["id"], _EXITED)
                session = self.database.entity("provider-session", process.name) or {}
                failed = session | {"status": "error", "lastError": _EXITED, "updatedAt": iso(self.now)}
                self._event("provider-session.updated", thread_id, failed)
