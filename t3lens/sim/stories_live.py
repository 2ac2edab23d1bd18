"""Stories of servers and providers: healthy life, and how sessions get stuck."""

from __future__ import annotations

from t3lens.sim.home import SimHome
from t3lens.sim.script import (
    Abort,
    Ask,
    Child,
    Fail,
    Hang,
    LoseTerminal,
    Retry,
    Say,
    Silence,
    Task,
    Title,
    Tool,
)
from t3lens.sim.story import ALL_BUILDS, Expect, StoryOutcome, story

__all__ = ["WORDS", "begin"]

_FIXED = ("0.0.28", "0.0.33")
_QUIET = Expect(verdict=("idle",), quiet=True)
WORDS = Say("I have read the module and will change the parser in two places.", 0.1)
"""What an agent says in a turn of no interest."""


def begin(home: SimHome, provider: str, title: str = "Speed up the parser") -> str:
    """A thread with one healthy turn behind it."""
    thread = home.thread(title, provider=provider)
    home.turn(thread, "Read the module and tell me what it does.", Title(title), WORDS)
    home.advance(20)
    return thread


@story(
    "healthy",
    "Turns, tools, an answered approval and question, steering, a subagent, a restart while idle.",
    builds=ALL_BUILDS,
)
def healthy(home: SimHome, provider: str) -> StoryOutcome:
    """All that goes right."""
    thread = begin(home, provider)
    home.turn(thread, "Run the checks.", WORDS, Tool("make check", 4), Say("All checks pass."))
    asking = home.thread("Remove the old build", provider=provider, runtime_mode="approval-required")
    home.send(asking, "Remove the build folder.", Tool("rm -rf build", approval=True), Say("Removed."))
    home.wait_request(asking)
    home.advance(25)
    home.respond(asking)
    home.wait_idle(asking)
    if provider in ("codex", "claudeAgent", "opencode"):
        home.send(asking, "Which branch?", Ask(), Say("Using main."))
        home.wait_request(asking)
        home.advance(12)
        home.respond(asking)
        home.wait_idle(asking)
    steered = home.thread("Write the changelog", provider=provider)
    home.send(
        steered,
        "Write the changelog.",
        Say("Writing the changelog entry by entry now.", 0.8),
        Say(),
    )
    home.wait_running(steered)
    home.advance(2)
    if home.build.version != "0.0.23" or provider != "opencode":
        home.send(steered, "Mention the fix as well.")
    home.wait_idle(steered)
    home.advance(30)
    home.turn(steered, "Thank you.", Say("With pleasure."))
    busy = home.thread("Survey the call sites", provider=provider)
    home.turn(
        busy,
        "Survey them.",
        Task("Survey", 6),
        Child(5),
        Task("Keep watching", 40, background=True),
        WORDS,
    )
    home.turn(busy, "A long build, please.", Tool("make all", 900), WORDS)
    home.restart_server(kill=False)
    home.advance(10)
    home.turn(thread, "And once more.", Tool("make check", 2, failed=True), Tool("make check", 2), WORDS)
    home.advance(30)
    never = ("turn-outcome-differs", "orphaned-turn", "session-differs")
    quiet = Expect(verdict=("idle",), quiet=True, never=never)
    stopped = Expect(verdict=("idle", "stopped"), quiet=True, never=never)
    return StoryOutcome(threads={thread: quiet, asking: stopped, steered: stopped, busy: stopped})


@story("short-and-healthy", "Two turns and an approval that was answered.", builds=ALL_BUILDS)
def short_and_healthy(home: SimHome, provider: str) -> StoryOutcome:
    """As little as a healthy thread can be."""
    thread = home.thread("Remove the old build", provider=provider, runtime_mode="approval-required")
    home.turn(thread, "What is in the build folder?", Title("Remove the old build"), WORDS)
    home.send(thread, "Remove it.", Tool("rm -rf build", approval=True), Say("Removed."))
    home.wait_request(thread)
    home.advance(25)
    home.respond(thread)
    home.wait_idle(thread)
    home.advance(30)
    return StoryOutcome(threads={thread: _QUIET})


@story("working", "A turn is at work, a long tool runs, and everything is as it should be.")
def working(home: SimHome, provider: str) -> StoryOutcome:
    """A long tool is no silence."""
    thread = begin(home, provider)
    home.send(thread, "Build everything.", WORDS, Tool("make all", 3600))
    home.wait_running(thread)
    home.advance(900)
    return StoryOutcome(threads={thread: Expect(verdict=("working",), quiet=True)})


@story(
    "orphaned-turn",
    "The server was killed while a turn ran; nothing will end it.",
    builds=("0.0.28", "0.0.33", "0.0.23"),
)
def orphaned_dead(home: SimHome, provider: str) -> StoryOutcome:
    """The server is gone."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 600))
    home.wait_running(thread)
    home.advance(8)
    home.kill_server()
    home.advance(120)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("orphaned-turn",))})


@story(
    "orphaned-by-restart",
    "The server was killed while a turn ran and started again; the session still says running.",
    builds=("0.0.28", "0.0.23"),
)
def orphaned_by_restart(home: SimHome, provider: str) -> StoryOutcome:
    """The server is back and does not know."""
    thread, other = begin(home, provider), begin(home, provider, "Tidy the tests")
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 600))
    home.wait_running(thread)
    home.advance(8)
    home.restart_server()
    home.advance(90)
    stuck = Expect(verdict=("stuck",), must=("orphaned-turn",), never=("silent-turn",))
    return StoryOutcome(threads={thread: stuck, other: _QUIET})


@story(
    "lost-at-restart",
    "The server was killed while a turn ran; at its start it ended the session.",
    builds=("0.0.33",),
)
def lost_at_restart(home: SimHome, provider: str) -> StoryOutcome:
    """The startup reconcile."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 600))
    home.wait_running(thread)
    home.advance(8)
    home.restart_server()
    home.advance(60)
    failed = Expect(verdict=("failed",), must=("lost-at-restart",), never=("orphaned-turn",))
    return StoryOutcome(threads={thread: failed}, home=("server-restarted",))


@story(
    "terminal-turn-live-session",
    "The turn is written as interrupted, the session goes on saying running.",
    providers=("codex", "opencode", "claudeAgent", "cursor"),
)
def aborted_but_running(home: SimHome, provider: str) -> StoryOutcome:
    """An interrupt of a provider that answers nothing: its turn is marked at once, the session never."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", Say("Let me look at the tokens first and then", 0.5), Hang())
    home.wait_running(thread)
    home.advance(6)
    home.freeze_provider(thread)
    home.advance(30)
    home.interrupt(thread)
    home.advance(60)
    must = ("terminal-turn-live-session", "interrupt-without-effect")
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=must)})


@story(
    "turn-aborted-ignored",
    "The provider said turn.aborted, which this server ignores: the session runs for ever.",
)
def turn_aborted(home: SimHome, provider: str) -> StoryOutcome:
    """The reference settles it, the server does not."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Abort())
    home.wait_running(thread)
    home.advance(90)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("session-differs",))})


@story("retry-loop", "The model does not answer; the provider tries again and again.")
def retry_loop(home: SimHome, provider: str) -> StoryOutcome:
    """Retries are no progress."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", Retry(12, partial=provider == "claudeAgent"))
    home.wait_running(thread)
    home.advance(100)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("retry-loop",))})


@story("silent-turn", "The provider stopped in the middle of a message; nothing was logged since.")
def silent_turn(home: SimHome, provider: str) -> StoryOutcome:
    """An open message is no tool."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", Say("The first thing to do here is to", 0.4), Hang())
    home.wait_running(thread)
    home.advance(900)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("silent-turn",))})


@story(
    "dead-provider",
    "The provider's process was killed, and the server never noticed.",
    providers=("codex",),
)
def dead_provider(home: SimHome, provider: str) -> StoryOutcome:
    """Only a look at the processes tells it before the silence does."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", Say("The first thing to do here is to look", 0.5), Hang())
    home.wait_running(thread)
    home.advance(3)
    home.kill_provider(thread)
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("working", "stuck"))})


@story("interrupt-without-effect", "A person asked to interrupt, and nothing happened.")
def interrupt_ignored(home: SimHome, provider: str) -> StoryOutcome:
    """Without a turn id nothing is even marked."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", Say("The first thing to do here is to look", 0.5), Hang())
    home.wait_running(thread)
    home.advance(6)
    home.freeze_provider(thread)
    home.interrupt(thread, named=False)
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("interrupt-without-effect",))})


@story(
    "stop-without-effect",
    "A person asked to stop, stopping failed, and the server lost the failure.",
)
def stop_ignored(home: SimHome, provider: str) -> StoryOutcome:
    """R12 of the reference would have kept and recorded it."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 1200))
    home.wait_running(thread)
    home.advance(10)
    home.t3.faults.stop_fails[thread] = "The provider process did not end."
    home.stop(thread)
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("stop-without-effect",))})


@story(
    "command-queue-stalled",
    "An interrupt never returned; a message on another thread waits behind it.",
)
def queue_stalled(home: SimHome, provider: str) -> StoryOutcome:
    """One queue for all threads."""
    hung, waiting = begin(home, provider), begin(home, provider, "Fix the typo")
    home.send(hung, "Rewrite the parser.", Say("The first thing to do here is to look", 0.5), Hang())
    home.wait_running(hung)
    home.advance(6)
    home.freeze_provider(hung)
    home.interrupt(hung)
    home.advance(3)
    home.send(waiting, "Fix the typo in the readme.")
    home.advance(60)
    stuck = Expect(verdict=("stuck",), must=("command-queue-stalled",))
    return StoryOutcome(threads={hung: stuck, waiting: stuck}, home=("command-queue-stalled",))


@story("ingestion-stalled", "Provider events are logged and none is stored any more.")
def ingestion_stalled(home: SimHome, provider: str) -> StoryOutcome:
    """The log goes on, the database stands still."""
    first, second = begin(home, provider), begin(home, provider, "Fix the typo")
    for thread in (first, second):
        home.send(thread, "Go on.", WORDS, Tool("make check", 20), Tool("make all", 20), WORDS)
        home.wait_running(thread)
    home.t3.faults.ingestion_paused = True
    home.advance(120)
    stuck = Expect(verdict=("stuck",), must=("ingestion-stalled",))
    return StoryOutcome(threads={first: stuck, second: stuck}, home=("ingestion-stalled",))


@story("terminal-not-ingested", "The provider ended the turn, the log says so, the database does not.")
def terminal_not_ingested(home: SimHome, provider: str) -> StoryOutcome:
    """One event was lost between log and database."""
    thread = begin(home, provider)
    home.t3.faults.loses_event = lambda event: event["type"] == "turn.completed"
    home.send(thread, "Rewrite the parser.", WORDS)
    home.wait_running(thread)
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("terminal-not-ingested",))})


@story(
    "clean-shutdown-in-turn",
    "The server was ended cleanly while a turn ran: the abort is logged, never stored.",
    builds=("0.0.28", "0.0.33"),
    providers=("opencode",),
)
def clean_shutdown(home: SimHome, provider: str) -> StoryOutcome:
    """Seen at every clean shutdown during a turn."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Tool("make all", 600))
    home.wait_running(thread)
    home.advance(8)
    home.stop_server()
    home.advance(10)
    must = ("orphaned-turn", "terminal-not-ingested")
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=must)})


@story("ingestion-lag", "The end of a turn was stored half a minute after it was logged.")
def ingestion_lag(home: SimHome, provider: str) -> StoryOutcome:
    """Late, but it came."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, Silence(5), WORDS)
    home.wait_running(thread)
    home.advance(4)
    home.t3.faults.ingestion_paused = True
    home.advance(35)
    home.send(thread, "Are you done?", Say("Yes, I am."))
    home.advance(0.2)
    home.t3.resume_ingestion()
    home.wait_idle(thread)
    return StoryOutcome(threads={thread: Expect(verdict=("idle",), must=("ingestion-lag",))})


@story(
    "native-terminal-lost",
    "The provider's own protocol ended the turn, and no canonical event was made of it.",
)
def native_lost(home: SimHome, provider: str) -> StoryOutcome:
    """Only the native lines tell."""
    thread = begin(home, provider)
    home.send(thread, "Rewrite the parser.", WORDS, LoseTerminal())
    home.wait_running(thread)
    home.advance(60)
    return StoryOutcome(threads={thread: Expect(verdict=("stuck",), must=("native-terminal-lost",))})


@story(
    "failed-turn",
    "The provider refused; the turn ended with its error, and that is stored.",
    builds=ALL_BUILDS,
)
def failed_turn(home: SimHome, provider: str) -> StoryOutcome:
    """A failure that is told truly."""
    thread = begin(home, provider)
    home.turn(thread, "Rewrite the parser.", Fail())
    home.advance(30)
    never = ("turn-outcome-differs", "session-differs", "interrupt-misrecorded")
    return StoryOutcome(threads={thread: Expect(verdict=("failed",), must=("turn-failed",), never=never)})
