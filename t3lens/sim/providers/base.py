"""What every simulated provider has in common: a conversation, one turn at a time, and a mouth.

A provider says things twice, as the real ones do: natively, in the words of its own protocol (``NTIVE``), and
canonically, as T3 Code's adapter understands it (``CANON``). Subclasses give the words and the order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol

from t3lens.sim import script as steps
from t3lens.sim.ids import Ids
from t3lens.sim.recordings import AgentFolder, recording_of
from t3lens.sim.scheduler import Scheduler, Signal, Steps
from t3lens.time import Micros, iso

__all__ = ["Host", "Provider"]

Spoken = tuple[str, dict[str, Any]]
"""Native type or method, and its payload."""


class Host(Protocol):
    """What a provider needs of the server that runs it."""

    ids: Ids
    scheduler: Scheduler
    agents: AgentFolder | None

    def native(self, thread_id: str, record: dict[str, Any]) -> None:
        """Log what a provider said natively."""

    def canonical(self, thread_id: str, event: dict[str, Any]) -> None:
        """Log a canonical event and ingest it."""


class Provider(ABC):
    """One provider session, serving one thread.

    Args:
        host: The server.
        thread_id: The thread it serves.
        cwd: Where it works.
        model: The model it uses.
        conversation: The provider's own id of a conversation to resume; None begins a new one.
    """

    driver: ClassVar[str]
    default_model: ClassVar[str]
    raw_source: ClassVar[str]
    connect_seconds: ClassVar[float] = 2.4
    notices_death: ClassVar[bool] = True
    goodbye_seconds: ClassVar[float] = 0.0

    def __init__(self, host: Host, thread_id: str, cwd: str, model: str, conversation: str | None) -> None:
        self.host = host
        self.thread_id = thread_id
        self.cwd = cwd
        self.model = model
        self.resumed = conversation is not None
        self.conversation = conversation or self.new_conversation()
        self.turn_id: str | None = None
        self.alive = True
        self.owner = f"provider:{thread_id}"
        self._item: str | None = None
        self._said = ""
        self._waiting: dict[str, tuple[Signal, str, str | None]] = {}
        self._steered: list[str] = []
        self._tokens = 0
        self.recording = recording_of(host.agents, self)

    # --- what a provider is ---------------------------------------------------------------------------------

    @abstractmethod
    def new_conversation(self) -> str:
        """A new id of the provider for a conversation."""

    @abstractmethod
    def new_turn(self) -> str:
        """A new id of a turn."""

    @abstractmethod
    def new_item(self) -> str:
        """A new id of an item."""

    def new_request(self) -> str:
        """A new id of an approval or question."""
        return self.host.ids.uuid()

    @property
    @abstractmethod
    def cursor(self) -> Any:
        """What T3 Code keeps to resume the conversation."""

    @abstractmethod
    def before_ready(self) -> None:
        """What is said while the session is being made."""

    @abstractmethod
    def when_ready(self) -> None:
        """What is said when the session is made."""

    @abstractmethod
    def begin_turn(self, text: str) -> None:
        """What is said when a turn begins."""

    @abstractmethod
    def end_turn(self, state: str, message: str | None = None) -> None:
        """What is said when a turn ends."""

    @abstractmethod
    def closed(self) -> None:
        """What is said when the session is stopped."""

    @abstractmethod
    def words(self, kind: str, said: Mapping[str, Any]) -> Spoken | None:
        """The native words for ``kind``; None if the provider has none."""

    @abstractmethod
    def record(self, words: Spoken, event_id: str, at: Micros, said: Mapping[str, Any]) -> dict[str, Any]:
        """The native log record around the words."""

    # --- the mouth ------------------------------------------------------------------------------------------

    @property
    def now(self) -> Micros:
        """The moment."""
        return self.host.scheduler.now

    @property
    def stamp(self) -> int:
        """The moment in milliseconds, as protocols like it."""
        return self.now // 1000

    def later(self, seconds: float, do: Callable[[], Any]) -> None:
        """Do something in a while, if this session still lives then."""
        self.host.scheduler.call(do, delay=seconds, owner=self.owner)

    def say(
        self,
        kind: str,
        canon: str | None = None,
        payload: Mapping[str, Any] | None = None,
        *,
        turn: str | None = None,
        item: str | None = None,
        request: str | None = None,
        **said: Any,
    ) -> str:
        """Say one thing natively (if there are words for ``kind``) and canonically (if ``canon`` names a type).

        Returns:
            The event's id.
        """
        event_id, at = self.host.ids.uuid(), self.now
        said = {**said, "turn": turn, "item": item, "request": request, "payload": payload or {}}
        words = self.words(kind, said)
        if words is not None:
            self.host.native(self.thread_id, self.record(words, event_id, at, said))
        if canon is None:
            return event_id
        event: dict[str, Any] = {
            "eventId": event_id,
            "provider": self.driver,
            "threadId": self.thread_id,
            "createdAt": iso(at),
        }
        if turn is not None:
            event["turnId"] = turn
        if item is not None:
            event["itemId"] = item
        if request is not None:
            event["requestId"] = request
        event.update(self.references(turn, item, request))
        if words is not None:
            event["raw"] = self.raw(words)
        event["type"] = canon
        event["payload"] = dict(payload or {})
        event["providerInstanceId"] = self.driver
        self.host.canonical(self.thread_id, event)
        return event_id

    def references(self, turn: str | None, item: str | None, request: str | None) -> dict[str, Any]:
        """``providerRefs``, for providers that have them."""
        return {}

    def raw(self, words: Spoken) -> dict[str, Any]:
        """The canonical event's ``raw``."""
        return {"source": self.raw_source, "method": words[0], "payload": words[1]}

    # --- a turn ---------------------------------------------------------------------------------------------

    def run(self, turn_id: str, text: str, script: steps.Script) -> Steps:
        """Work through ``script`` as turn ``turn_id``."""
        self.turn_id = turn_id
        self.recording.begin(turn_id, text)
        self.begin_turn(text)
        yield 0.2
        yield from self.work(turn_id, script)

    def work(self, turn_id: str, script: steps.Script) -> Steps:
        """Do ``script`` in the turn that runs, take up what came meanwhile, and end the turn."""
        for step in script:
            if self.turn_id != turn_id:
                return
            yield from self.do(step)
        while self.turn_id == turn_id and self._steered:
            yield 0.1
            text = self._steered.pop(0)
            self.recording.steer(text)
            self.user_message(text)
            yield from self.speak(steps.Say("Noted, that is included as well."))
        if self.turn_id == turn_id:
            yield 0.15
            self.finish("completed")

    def carry_on(self, turn_id: str | None, request: str | None) -> Steps:
        """Be in the middle of ``turn_id``: wait for the answer to ``request`` and end the turn, or hang."""
        self.turn_id = turn_id
        answered = Signal()
        if request is not None:
            self._waiting[request] = (answered, "approval", None)
        yield answered
        if self.turn_id == turn_id:
            yield from self.speak(steps.Say())
            self.finish("completed")

    def do(self, step: steps.ScriptStep) -> Steps:
        """One step."""
        match step:
            case steps.Say():
                yield from self.speak(step)
            case steps.Tool():
                yield from self.use_tool(step)
            case steps.AskApproval():
                yield from self.ask_approval(step.detail, None)
            case steps.Ask():
                yield from self.ask(step.question)
            case steps.Silence():
                yield step.seconds
            case steps.Retry():
                yield from self.retry(step)
            case steps.Task():
                yield from self.task(step)
            case steps.Child():
                yield from self.child(step)
            case steps.Title():
                self.title(step.title)
                yield 0.05
            case steps.Fail() if step.told:
                self.finish("failed", step.message)
            case steps.Fail():
                self.recording.end("failed", step.message)
                self.finish("completed")
            case steps.Abort():
                turn, self.turn_id = self.turn_id, None
                self.recording.end("interrupted")
                self.say("turn-aborted", "turn.aborted", {"reason": step.reason}, turn=turn)
            case steps.LoseTerminal():
                turn, self.turn_id = self.turn_id, None
                self.recording.end("completed")
                self.say("turn-done", turn=turn, state="completed", message=None)
            case steps.Hang():
                yield Signal()
            case steps.Die():
                self.die()
                yield Signal()
            case _:
                raise TypeError(f"no provider can do {step!r}")

    def finish(self, state: str, message: str | None = None) -> None:
        """End the turn."""
        self.recording.end(state, message, self._said)
        self.end_turn(state, message)
        self.turn_id = None
        self._item, self._said = None, ""

    def steer(self, text: str) -> None:
        """A person's message for the turn that runs; it is taken up when the script is done."""
        self._steered.append(text)
        self.recording.queue(text)

    def user_message(self, text: str) -> None:
        """What is said when a person's message is taken up."""
        self.say("user-message", turn=self.turn_id, text=text, id=self.new_item())

    def speak(self, step: steps.Say) -> Steps:
        """An assistant message, word by word."""
        turn = self.turn_id
        self._item, self._said = self.new_item(), ""
        self.recording.stream()
        self.message_started(self._item)
        for word in step.text.split():
            self._said += f"{word} "
            delta = {"streamKind": "assistant_text", "delta": f"{word} "}
            self.say("delta", "content.delta", delta, turn=turn, item=self._item, delta=f"{word} ")
            yield step.pace
        text, item = self._said, self._item
        self._item, self._said = None, ""
        self.recording.answer(text)
        self.message_done(item, text, turn)
        yield 0.03

    def message_started(self, item: str) -> None:
        """What is said before the first word."""
        payload = {
            "itemType": "assistant_message",
            "status": "inProgress",
            "title": "Assistant message",
        }
        self.say("message-started", "item.started", payload, turn=self.turn_id, item=item)

    def message_done(self, item: str, text: str, turn: str | None) -> None:
        """What is said after the last word."""
        payload = {
            "itemType": "assistant_message",
            "status": "completed",
            "title": "Assistant message",
            "detail": text,
        }
        self.say("message-done", "item.completed", payload, turn=turn, item=item, text=text)

    def use_tool(self, step: steps.Tool) -> Steps:
        """A command, asked for first if it must be."""
        turn, item = self.turn_id, self.new_item()
        kept = {"itemType": "command_execution", "title": "bash"}
        said: dict[str, Any] = {
            "command": step.command,
            "output": step.output,
            "failed": step.failed,
        }
        payload: dict[str, Any] = {**kept, "status": "inProgress", "detail": step.command}
        self.recording.call(step.command)
        self.say("tool-started", "item.started", payload, turn=turn, item=item, **said)
        if step.approval:
            decision = yield from self.ask_approval(step.command, item)
            if decision in ("decline", "cancel"):
                self.recording.result("", declined=True)
                declined = {**kept, "status": "declined", "detail": step.command}
                self.say("tool-done", "item.completed", declined, turn=turn, item=item, **said)
                return
        yield 0.05
        running: dict[str, Any] = {
            **kept,
            "status": "inProgress",
            "data": {"command": step.command},
        }
        self.say("tool-running", "item.updated", running, turn=turn, item=item, **said)
        yield step.seconds
        self.recording.result(step.output, failed=step.failed)
        status = "failed" if step.failed else "completed"
        payload = {
            **kept,
            "status": status,
            "detail": step.output,
            "data": {"command": step.command},
        }
        self.say("tool-done", "item.completed", payload, turn=turn, item=item, **said)
        yield 0.05

    def ask_approval(self, detail: str, item: str | None) -> Steps:
        """Ask a person, and wait for the answer; gives the decision."""
        request, answered = self.new_request(), Signal()
        kind = "command_execution_approval"
        payload = {"requestType": kind, "detail": detail, "args": {}}
        self._waiting[request] = (answered, "approval", item)
        self.say(
            "approval-asked",
            "request.opened",
            payload,
            turn=self.turn_id,
            item=item,
            request=request,
            detail=detail,
        )
        decision = yield answered
        return decision

    def ask(self, question: str) -> Steps:
        """Ask a person a question, and wait."""
        request, answered = self.new_request(), Signal()
        payload = {"questions": [{"id": "q1", "question": question, "options": []}]}
        self._waiting[request] = (answered, "question", None)
        self.say(
            "question-asked",
            "user-input.requested",
            payload,
            turn=self.turn_id,
            request=request,
            detail=question,
        )
        yield answered

    def waits_for(self, request: str) -> bool:
        """Whether this session asked for ``request`` and still waits."""
        return request in self._waiting

    def respond(self, request: str, answer: Any) -> None:
        """A person's answer to a request of this session."""
        answered, kind, item = self._waiting.pop(request)
        if kind == "approval":
            payload = {"requestType": self.resolved_request_type, "decision": answer}
            self.say(
                "approval-answered",
                "request.resolved",
                payload,
                turn=self.turn_id,
                item=item,
                request=request,
                decision=answer,
            )
        else:
            self.say(
                "question-answered",
                "user-input.resolved",
                {"answers": answer},
                turn=self.turn_id,
                request=request,
            )
        self.host.scheduler.fire(answered, answer)

    resolved_request_type: ClassVar[str] = "command_execution_approval"

    def retry(self, step: steps.Retry) -> Steps:
        """Try again and again."""
        for attempt in range(1, step.attempts + 1):
            if step.partial:
                item = self.new_item()
                delta = {"streamKind": "assistant_text", "delta": "Let "}
                self.say("delta", "content.delta", delta, turn=self.turn_id, item=item, delta="Let ")
            pause = min(2.0**attempt, 300.0)
            self.recording.retry(attempt, step.attempts, partial=step.partial)
            detail = {
                "type": "retry",
                "attempt": attempt,
                "message": step.message,
                "next": self.stamp + round(pause * 1000),
            }
            payload = {"message": step.message, "detail": detail}
            self.say("retry", "runtime.warning", payload, turn=self.turn_id, retry=detail)
            yield pause

    def task(self, step: steps.Task) -> Steps:
        """A subagent or background task."""
        turn, task = self.turn_id, self.host.ids.hex(16)
        payload = {"taskId": task, "description": step.description}
        self.say(
            "task-started",
            "task.started",
            payload,
            turn=turn,
            task=task,
            description=step.description,
        )

        self.recording.sub_agent(task, finished=False)

        def work() -> Steps:
            yield step.seconds / 2
            progress = {"taskId": task, "description": step.description}
            self.say(
                "task-progress",
                "task.progress",
                progress,
                turn=turn,
                task=task,
                description=step.description,
            )
            yield step.seconds / 2
            self.recording.sub_agent(task, finished=True)
            if step.background:
                self.recording.notify(step.description)
            done = {"taskId": task, "status": "completed", "summary": step.description}
            self.say(
                "task-done",
                "task.completed",
                done,
                turn=turn,
                task=task,
                description=step.description,
            )

        if step.background:
            self.host.scheduler.spawn(work(), owner=self.owner)
            yield 0.05
        else:
            yield from work()

    def child(self, step: steps.Child) -> Steps:
        """A subagent; a task, where the provider has no child sessions."""
        yield from self.task(steps.Task("Explore in a child session", step.seconds))

    def title(self, title: str) -> None:
        """A title for the thread."""
        self.say("title", "thread.metadata.updated", {"name": title}, title=title)

    # --- its end --------------------------------------------------------------------------------------------

    def interrupt(self) -> Steps:
        """Interrupt the turn that runs, if one does."""
        yield 0.03
        if self.turn_id is not None:
            self.host.scheduler.kill(self.owner)
            self.finish("interrupted")

    def stop(self) -> Steps:
        """End the session; what it says at its end (``closed``) is called for by the server."""
        yield 0.02
        self.host.scheduler.kill(self.owner)
        self.recording.shut_down()
        self.alive = False
        self.turn_id = None

    def die(self) -> None:
        """The process is gone, without a word."""
        self.alive = False
        self.host.scheduler.kill(self.owner)
