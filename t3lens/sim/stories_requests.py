"""Stories of requests and of what is stored untruly."""

from __future__ import annotations

from pathlib import Path

from t3lens.sim.home import SimHome
from t3lens.sim.script import Hang, Say, Task, Tool
from t3lens.sim.stories_live import WORDS, begin
from t3lens.sim.story import ALL_BUILDS, Expect, StoryOutcome, story
from t3lens.sim.tamper import edit_database, write_span

__all__: list[str] = []


def _waits_for_approval(home: SimHome, provider: str) -> tuple[str, str]:
    """A thread that waits for an approval, and the request."""
    thread = home.thread("Remove the old build", provider=provider, runtime_mode="approval-required")
    home.turn(thread, "What is in the build folder?", WORDS)
    home.send(thread, "Remove it.", Tool("rm -rf build", approval=True), Say("Removed."))
    request = home.wait_request(thread)
    home.advance(150)
    return thread, request


@story("waiting-for-user", "The provider asks for an approval and a person is awaited.")
def waiting(home: SimHome, provider: str) -> StoryOutcome:
    """Nothing is wrong."""
    thread, _ = _waits_for_approval(home, provider)
    return StoryOutcome(threads={thread: Expect(verdict=("waiting",), must=("waiting-for-user",), quiet=True)})


@story("request-on-dead-session", "An approval is open, and the server that asked for it was killed.")
def request_orphaned(home: SimHome, provider: str) -> StoryOutcome:
    """Nobody is there to take the answer."""
    thread, _ = _waits_for_approval(home, provider)
    home.kill_server()
    home.advance(60)
    must = ("request-on-dead-session", "orphaned-turn")
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=must, never=("waiting-for-user",))})


@story(
    "approval-left-open",
    "An approval was open over a restart; the session says running, the provider is gone.",
    builds=("0.0.28", "0.0.33"),
)
def approval_over_restart(home: SimHome, provider: str) -> StoryOutcome:
    """Left open on a session that is over."""
    thread, _ = _waits_for_approval(home, provider)
    home.restart_server()
    home.advance(90)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("request-on-dead-session",))})


@story("approval-left-after-stop", "A session was stopped while an approval of it was open.", builds=ALL_BUILDS)
def approval_after_stop(home: SimHome, provider: str) -> StoryOutcome:
    """The session is over, and a person is asked for ever: another stop changes nothing."""
    thread, _ = _waits_for_approval(home, provider)
    home.stop(thread)
    home.wait_idle(thread)
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("request-on-dead-session",))})


@story(
    "answer-not-delivered",
    "An approval was answered after a restart: the answer came too late.",
    builds=("0.0.28",),
    providers=("opencode",),
)
def answer_stale(home: SimHome, provider: str) -> StoryOutcome:
    """The row turns resolved, the session stays stuck."""
    thread, request = _waits_for_approval(home, provider)
    home.restart_server()
    home.advance(30)
    home.respond(thread, request_id=request)
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("answer-not-delivered",))})


@story("answer-swallowed", "An approval was answered, and the provider never heard of it.")
def answer_swallowed(home: SimHome, provider: str) -> StoryOutcome:
    """Resolved in the row, open at the provider."""
    thread, _ = _waits_for_approval(home, provider)
    home.t3.faults.swallows_answers.add(thread)
    home.respond(thread)
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("answer-not-delivered",))})


@story("request-count-mismatch", "The thread counts an approval that is not there.")
def count_mismatch(home: SimHome, provider: str) -> StoryOutcome:
    """A count edited by hand."""
    thread = begin(home, provider)

    def tamper(path: Path) -> None:
        edit_database(path, ("UPDATE projection_threads SET pending_approval_count = 2", ()))

    expect = Expect(verdict=("diverged",), must=("request-count-mismatch",))
    return StoryOutcome(threads={thread: expect}, tamper=tamper)


@story(
    "false-completed",
    "A person interrupted the turn; it is stored as completed.",
    providers=("codex",),
)
def false_completed(home: SimHome, provider: str) -> StoryOutcome:
    """The checkpoint of an interrupted turn writes it completed."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", Say("The first thing to do here is to look", 0.5), Hang())
    home.wait_running(thread)
    home.advance(4)
    home.interrupt(thread)
    home.wait_idle(thread)
    home.advance(30)
    return StoryOutcome(threads={thread: Expect(verdict=("diverged",), must=("turn-outcome-differs",))})


@story(
    "interrupt-misrecorded",
    "A person interrupted the turn; it is stored as an error.",
    providers=("opencode",),
)
def interrupt_misrecorded(home: SimHome, provider: str) -> StoryOutcome:
    """OpenCode says of an abort that it failed."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", Say("The first thing to do here is to look", 0.5), Hang())
    home.wait_running(thread)
    home.advance(4)
    home.interrupt(thread)
    home.wait_idle(thread)
    home.advance(30)
    return StoryOutcome(threads={thread: Expect(verdict=("failed",), must=("interrupt-misrecorded",))})


@story(
    "unsettled-turn",
    "The session was stopped, its turn stands as running for ever.",
    builds=("0.0.23",),
)
def unsettled(home: SimHome, provider: str) -> StoryOutcome:
    """Servers before 0.0.28 settle no turn with its session."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", Tool("make all", 600))
    home.wait_running(thread)
    home.advance(10)
    if provider == "opencode":
        home.kill_provider(thread)
    else:
        home.stop(thread)
    home.advance(90)
    return StoryOutcome(threads={thread: Expect(verdict=("diverged",), must=("unsettled-turn",))})


@story(
    "inactive-with-active-turn",
    "The session is ready and yet has an active turn.",
    builds=("0.0.23",),
)
def inactive_with_turn(home: SimHome, provider: str) -> StoryOutcome:
    """Servers before 20 July keep the active turn when the provider's state changes."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 900))
    home.wait_running(thread)
    home.advance(8)
    home.provider(thread).say("none", "session.state.changed", {"state": "ready"})
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("diverged",), must=("inactive-with-active-turn",))})


@story("running-without-turn", "The session runs and no turn is active.")
def running_without_turn(home: SimHome, provider: str) -> StoryOutcome:
    """The provider said running, and nothing more."""
    thread = begin(home, provider)
    home.provider(thread).say("none", "session.state.changed", {"state": "running"})
    home.advance(400)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("running-without-turn",))})


@story(
    "runtime-projection-split",
    "The binding is stopped, the session still says running.",
    providers=("opencode",),
)
def split(home: SimHome, provider: str) -> StoryOutcome:
    """The provider's end was noticed, and what it should have said never was."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 900))
    home.wait_running(thread)
    home.advance(8)
    home.t3.faults.loses_event = lambda event: True
    home.t3.faults.loses_line = lambda label, record: True
    home.kill_provider(thread)
    home.t3.faults.loses_event = home.t3.faults.loses_line = None
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("runtime-projection-split",))})


@story("session-differs", "The provider's session ended, and the database says it is ready.")
def session_differs(home: SimHome, provider: str) -> StoryOutcome:
    """One event was not ingested; nothing blocks."""
    thread = begin(home, provider)
    home.t3.faults.loses_event = lambda event: event["type"] == "session.exited"
    home.provider(thread).closed()
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("diverged",), must=("session-differs",))})


@story(
    "pending-turn-abandoned",
    "A message was sent, the server was killed before it began; nobody will answer it.",
)
def pending_abandoned(home: SimHome, provider: str) -> StoryOutcome:
    """Only the pending row tells."""
    thread = begin(home, provider)
    home.t3.reactor.block()
    home.send(thread, "Rewrite the parser.")
    home.restart_server()
    home.advance(300)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("pending-turn-abandoned",))})


@story(
    "latest-turn-lost",
    "The thread has turns, and says it has none.",
    builds=("0.0.28",),
    providers=("codex",),
)
def latest_lost(home: SimHome, provider: str) -> StoryOutcome:
    """A stopped turn without a checkpoint."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", Say("The first thing to do here is to look", 0.5), Hang())
    home.wait_running(thread)
    home.advance(4)
    home.stop(thread)
    home.wait_idle(thread)
    home.advance(30)
    return StoryOutcome(threads={thread: Expect(verdict=("stopped",), must=("latest-turn-lost",))})


@story("work-after-completion", "The turn was closed, and the provider went on working.")
def work_after(home: SimHome, provider: str) -> StoryOutcome:
    """Items after the end, without a new turn."""
    thread = begin(home, provider)
    turn = list(home.state(thread).turns)[-1]
    payload = {"itemType": "command_execution", "title": "bash", "status": "inProgress"}
    home.provider(thread).recording.begin(turn, "Go on.")
    for _ in range(3):
        home.advance(5)
        home.provider(thread).recording.call("make check")
        home.provider(thread).say("none", "item.started", payload, turn=turn, item=home.ids.hex(8))
        home.advance(5)
    home.advance(20)
    return StoryOutcome(threads={thread: Expect(verdict=("diverged",), must=("work-after-completion",))})


@story("ghost-rows", "The thread was archived while it looked alive, and its server is gone.")
def ghost_rows(home: SimHome, provider: str) -> StoryOutcome:
    """Harmless, and confusing."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 900))
    home.wait_running(thread)
    home.advance(8)
    home.t3.reactor.block()
    home.delete(thread)
    home.kill_server()
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("deleted",), must=("ghost-rows",))})


@story("reaped-while-working", "The server reaped an idle session while a background task was open.")
def reaped(home: SimHome, provider: str) -> StoryOutcome:
    """A task outlives its turn, the reaper looks at turns."""
    thread = begin(home, provider)
    home.turn(thread, "Keep watching the build.", Task("Watch", 7200, background=True), WORDS)
    home.advance(1800)
    at = home.now
    event = {
        "name": "provider.session.reaped",
        "attributes": {"threadId": thread, "idleDurationMs": 1_800_000},
    }
    write_span(home.userdata, "ProviderSessionReaper.sweep", at, events=(event,))
    home.stop_provider(thread)
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("diverged",), must=("reaped-while-working",))})


@story("reaper-disabled", "The reaper of idle sessions failed.")
def reaper_disabled(home: SimHome, provider: str) -> StoryOutcome:
    """Idle processes add up."""
    thread = begin(home, provider)
    event = {"name": "provider.session.reaper.sweep-failed", "attributes": {"cause": "SchemaError"}}
    write_span(home.userdata, "ProviderSessionReaper.sweep", home.now, events=(event,))
    home.advance(30)
    return StoryOutcome(threads={thread: Expect(verdict=("idle",))}, home=("reaper-disabled",))


@story(
    "dangling-resume-cursor",
    "Every start fails: the provider does not know the conversation any more.",
    builds=ALL_BUILDS,
)
def dangling(home: SimHome, provider: str) -> StoryOutcome:
    """A conversation that was deleted behind T3 Code's back."""
    thread = begin(home, provider)
    home.stop(thread)
    home.wait_idle(thread)
    home.t3.faults.unstartable[provider] = "No conversation found with session ID 0f0e0d0c"
    for text in ("Go on.", "Please go on.", "Hello?"):
        home.send(thread, text)
        home.advance(40)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("dangling-resume-cursor",))})


@story(
    "provider-session-swapped",
    "The provider began a new conversation on an old thread.",
    providers=("opencode", "codex", "cursor"),
)
def swapped(home: SimHome, provider: str) -> StoryOutcome:
    """The history is gone, and nobody asked for that."""
    thread = begin(home, provider)
    home.stop(thread)
    home.wait_idle(thread)
    home.forget_conversation(thread)
    home.turn(thread, "Go on.", WORDS)
    home.advance(30)
    return StoryOutcome(threads={thread: Expect(verdict=("diverged",), must=("provider-session-swapped",))})
