"""Many threads at once: a healthy fleet for the false-alarm count, and bulk logs for benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from t3lens.sim.builds import build as build_of
from t3lens.sim.home import SimHome
from t3lens.sim.ids import Ids
from t3lens.sim.logs import ProviderLogs
from t3lens.sim.providers import PROVIDERS
from t3lens.sim.recordings import AgentFolder
from t3lens.sim.scheduler import Scheduler
from t3lens.sim.script import Ask, Child, Fail, Retry, Say, Script, Silence, Task, Title, Tool
from t3lens.time import SECOND

__all__ = ["bulk_logs", "fleet"]

_DRIVERS: Final = ("opencode", "codex", "claudeAgent", "cursor")
_SUBJECTS: Final = (
    "Speed up the parser",
    "Write the changelog",
    "Fix the flaky test",
    "Survey the call sites",
    "Rename the module",
    "Explain the cache",
)
_SHORT: Final = "Done, the change is in place."


def fleet(
    path: str | Path,
    threads: int,
    *,
    build: str = "0.0.28",
    seed: int | str = 0,
    answer: str = _SHORT,
    **home: Any,
) -> SimHome:
    """A home with ``threads`` healthy threads; nothing in it is wrong.

    They follow up and are steered, run long silent tools, wait for approvals and questions that are answered,
    leave background tasks behind, get titles and subagents, and live through restarts while they are idle. Some
    are archived, one in fifty has failed and says so.

    Args:
        path: The home; it must not have ``userdata`` yet.
        threads: The number of threads to make.
        build: Server version.
        seed: The same seed gives the same bytes.
        answer: What turns end with, streamed word by word: a long one makes many log records.
        home: Further arguments of ``SimHome``.

    Returns:
        The home, closed; its ``now`` is the moment to judge it at, and its server is alive then.
    """
    told = SimHome(path, build=build, seed=f"{seed}/fleet/{threads}", **home)
    random, last = told.ids.random, Say(answer, 0.2)
    for number in range(threads):
        if number % 40 == 0:
            if number and number % 400 == 0:
                told.restart_server(kill=number % 800 == 0)
            told.project(f"project-{number // 40:03d}")
        driver = _DRIVERS[number % len(_DRIVERS)]
        life = _LIVES[number % len(_LIVES)]
        subject = _SUBJECTS[random.randrange(len(_SUBJECTS))]
        mode = "approval-required" if life is _approved else "full-access"
        thread = told.thread(f"{subject} ({number})", provider=driver, runtime_mode=mode)
        told.turn(thread, subject, Title(subject), last)
        life(told, thread, last)
        if number % 97 == 13:
            told.archive(thread)
        told.advance(random.uniform(1, 60))
    told.advance(120)
    told.close()
    return told


def _follow_ups(home: SimHome, thread: str, last: Say) -> None:
    for text in ("And the tests?", "Thank you."):
        home.turn(thread, text, Tool("make check", 3), last)


def _steered(home: SimHome, thread: str, last: Say) -> None:
    home.send(thread, "Rewrite it.", Say("I begin with the tokens and then", 0.6), last)
    home.wait_running(thread)
    home.advance(1.5)
    if home.build.version != "0.0.23" or PROVIDERS["opencode"] is not type(home.provider(thread)):
        home.send(thread, "Keep the old name.")
    home.wait_idle(thread)
    home.turn(thread, "Thank you.", last)


def _long_tool(home: SimHome, thread: str, last: Say) -> None:
    home.turn(thread, "Build everything.", Tool("make all", 1500), last)


def _approved(home: SimHome, thread: str, last: Say) -> None:
    home.send(thread, "Clean up.", Tool("rm -rf build", approval=True), last)
    home.wait_request(thread)
    home.advance(200)
    home.respond(thread, "acceptForSession")
    home.wait_idle(thread)


def _asked(home: SimHome, thread: str, last: Say) -> None:
    home.send(thread, "Merge it.", Ask(), last)
    home.wait_request(thread)
    home.advance(45)
    home.respond(thread)
    home.wait_idle(thread)


def _delegated(home: SimHome, thread: str, last: Say) -> None:
    script: Script = (
        Task("Read the docs", 8),
        Child(6),
        Task("Watch the build", 90, background=True),
        last,
    )
    home.turn(thread, "Survey it.", *script)


def _retried(home: SimHome, thread: str, last: Say) -> None:
    home.turn(
        thread,
        "Try it.",
        Retry(2, "You have hit your usage limit, will retry at 14:00."),
        Tool("make check", 2, failed=True),
        Tool("make check", 2),
        last,
    )


def _stopped(home: SimHome, thread: str, last: Say) -> None:
    home.stop(thread)
    home.wait_idle(thread)
    home.turn(thread, "Go on.", Silence(40), last)


def _failed(home: SimHome, thread: str, last: Say) -> None:
    if home.ids.random.random() < 0.4:
        home.turn(thread, "Go on.", Fail("Insufficient balance on this account."))
    else:
        _follow_ups(home, thread, last)


_LIVES: Final[tuple[Callable[[SimHome, str, Say], None], ...]] = (
    _follow_ups,
    _steered,
    _long_tool,
    _approved,
    _follow_ups,
    _asked,
    _delegated,
    _retried,
    _stopped,
    _failed,
    _follow_ups,
)


class _Recorder:
    """A host that only logs: what providers say in bulk is ingested by nobody."""

    def __init__(self, folder: Path, generation: int, seed: int | str, max_bytes: int) -> None:
        self.ids = Ids(f"{seed}/bulk")
        self.scheduler = Scheduler(1_783_328_400 * SECOND)
        self.logs = ProviderLogs(folder, generation, max_bytes=max_bytes)
        self.agents: AgentFolder | None = None

    def native(self, thread_id: str, record: dict[str, Any]) -> None:
        """Log what a provider said natively."""
        self.logs.write("NTIVE", thread_id, record, self.scheduler.now + 1000)

    def canonical(self, thread_id: str, event: dict[str, Any]) -> None:
        """Log a canonical event."""
        self.logs.write("CANON", thread_id, event, self.scheduler.now + 1000)


def bulk_logs(
    folder: str | Path,
    megabytes: float,
    *,
    generation: int = 1,
    threads: int = 40,
    seed: int | str = 0,
    max_bytes: int = 10 * 1024 * 1024,
) -> int:
    """Realistic provider logs, without a database, for benchmarks of ingest.

    Args:
        folder: Where the files go, as ``logs/provider`` of a home.
        megabytes: How much to write (10^6 bytes), a little more at most.
        generation: Of the logs, 1 or 2.
        threads: Over how many threads; they work at the same time.
        seed: The same seed gives the same bytes.
        max_bytes: Size at which a file is rotated.

    Returns:
        The bytes written; rotations that fell out of the end are among them.
    """
    host = _Recorder(Path(folder), generation, seed, max_bytes)
    version = "0.0.28" if generation == 1 else "0.0.33"
    assert build_of(version).generation == generation
    for number in range(threads):
        kind = PROVIDERS[_DRIVERS[number % len(_DRIVERS)]]
        provider = kind(host, host.ids.uuid(), "/home/dev/atlas", kind.default_model, None)
        provider.before_ready()
        provider.when_ready()
        host.scheduler.spawn(_work_for_ever(host, provider), owner=provider.owner)
    wanted = round(megabytes * 1_000_000)
    while host.logs.written < wanted:
        host.scheduler.advance(1)
        host.logs.flush(host.scheduler.now)
    host.logs.flush()
    return host.logs.written


def _work_for_ever(host: _Recorder, provider: Any) -> Any:
    random = host.ids.random
    while True:
        words = " ".join(f"word{n}" for n in range(random.randrange(20, 120)))
        tool = Tool("make check", 0.5, output="line of output\n" * random.randrange(1, 40))
        yield from provider.run(provider.new_turn(), "Go on.", (Say(words, 0.05), tool, Say(words, 0.05)))
        yield random.uniform(0.5, 3)
