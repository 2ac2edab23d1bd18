"""Named stories in homes of the second data model, and what a right diagnosis says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.errors import UsageError
from t3lens.sim.script import AskApproval, Fail, Hang, LoseTerminal, Say, Tool
from t3lens.sim.story import Expect, ToldStory
from t3lens.sim.v2.builds import SECOND_BUILDS
from t3lens.sim.v2.home import SecondHome
from t3lens.time import iso

__all__ = ["SECOND_STORIES", "SecondStory"]

_AUGUST, _OCTOBER = SECOND_BUILDS
_GENERATION: Final = 3
_PROVIDERS: Final = ("opencode", "codex")
_Tell = Callable[[SecondHome, str], dict[str, Expect]]


class SecondStory(msgspec.Struct, frozen=True, kw_only=True):
    """One story that can be told in a home of its own.

    Attributes:
        name: Kebab-case, beginning with ``v2-``.
        about: What happens, in one sentence.
        builds: Servers on which it can happen, the most telling first.
        providers: Providers with which it can happen, the most telling first.
        act: Makes it happen; what is right, by thread.
    """

    name: str
    about: str
    builds: tuple[str, ...]
    providers: tuple[str, ...]
    act: _Tell

    def tell(
        self, path: str | Path, *, build: str | None = None, provider: str | None = None, seed: int | str = 0, **home: Any
    ) -> ToldStory:
        """Tell the story in a new home at ``path``.

        Args:
            path: The home; it must not have ``userdata`` yet.
            build: Server version; None takes the most telling.
            provider: Provider; None takes the most telling.
            seed: The same seed gives the same bytes.
            home: Further arguments of ``SecondHome``.

        Returns:
            What is right about the home; it also stands there as ``expected.json``.

        Raises:
            UsageError: The story cannot happen on that build or with that provider.
        """
        build, provider = build or self.builds[0], provider or self.providers[0]
        if build not in self.builds or provider not in self.providers:
            raise UsageError(
                f"the story {self.name!r} happens on {', '.join(self.builds)} with {', '.join(self.providers)} only"
            )
        with SecondHome(path, build=build, seed=f"{seed}/{self.name}/{build}/{provider}", **home) as teller:
            threads = self.act(teller, provider)
            as_of, alive = iso(teller.core.now), teller.core.running
        told = ToldStory(
            story=self.name,
            about=self.about,
            build=build,
            log_generation=_GENERATION,
            as_of=as_of,
            server="alive" if alive else "dead",
            threads=threads,
        )
        (Path(path) / "expected.json").write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=1) + b"\n")
        return told


SECOND_STORIES: Final[dict[str, SecondStory]] = {}
"""Every story by name."""


def _story(
    name: str, about: str, *, builds: tuple[str, ...] = (_OCTOBER, _AUGUST), providers: tuple[str, ...] = _PROVIDERS
) -> Callable[[_Tell], _Tell]:
    def register(act: _Tell) -> _Tell:
        SECOND_STORIES[name] = SecondStory(name=name, about=about, builds=builds, providers=providers, act=act)
        return act

    return register


def _idle(*must: str) -> Expect:
    return Expect(verdict=("idle",), must=must, quiet=True)


def _stuck(*must: str) -> Expect:
    return Expect(verdict=("stuck",), must=must)


def _hangs(home: SecondHome, provider: str, title: str = "Untangle the imports") -> tuple[str, str]:
    """A thread whose model says nothing more in the middle of its run; the thread and the run."""
    thread = home.thread(title, provider=provider)
    home.send(thread, "Untangle the imports of the core.", Say("The first thing to do is to look at", 0.2), Hang())
    return thread, home.wait_running(thread)


@_story("v2-healthy", "Runs that end well, one of them with a tool.")
def _healthy(home: SecondHome, provider: str) -> dict[str, Expect]:
    first, second = (
        home.thread("Speed up the parser", provider=provider),
        home.thread("Fix the flaky test", provider=provider),
    )
    home.turn(first, "Speed it up.", Tool("make check", 20), Say())
    home.turn(second, "Fix it.", Say())
    home.turn(first, "Once more.", Say())
    return {first: _idle(), second: _idle()}


@_story("v2-interrupted", "A person interrupts a run.")
def _interrupted(home: SecondHome, provider: str) -> dict[str, Expect]:
    thread, run = _hangs(home, provider)
    home.do("run.interrupt", thread, runId=run)
    home.until(lambda: home.runs(thread) == ["interrupted"])
    home.advance(2)
    return {thread: _idle()}


@_story(
    "v2-interrupt-held", "An interrupt reaches a frozen process: its effect is held for ever, and a message waits behind it."
)
def _held(home: SecondHome, provider: str) -> dict[str, Expect]:
    other = home.thread("Explain the cache", provider="opencode")
    home.turn(other, "Explain it.", Say())
    thread, run = _hangs(home, provider)
    home.core.freeze(thread)
    home.do("run.interrupt", thread, runId=run)
    home.advance(70)
    home.send(thread, "Are you there?")
    home.advance(5)
    return {other: _idle(), thread: _stuck("effect-stalled", "interrupt-without-effect", "queued-behind-stuck-run")}


@_story("v2-server-killed", "The server is killed in the middle of a run.")
def _killed(home: SecondHome, provider: str) -> dict[str, Expect]:
    thread, _ = _hangs(home, provider)
    home.kill_server()
    return {thread: _stuck("orphaned-turn")}


@_story("v2-lost-at-restart", "The server is killed in the middle of a run, and ends it itself when it starts.")
def _restarted(home: SecondHome, provider: str) -> dict[str, Expect]:
    thread, _ = _hangs(home, provider)
    home.kill_server()
    home.start_server()
    home.advance(10)
    return {thread: Expect(verdict=("failed",), must=("lost-at-restart",))}


@_story("v2-queue-held", "A start of the server holds a queued message.", builds=(_OCTOBER,))
def _queue_held(home: SecondHome, provider: str) -> dict[str, Expect]:
    thread, _ = _hangs(home, provider)
    home.send(thread, "And then the tests.")
    home.kill_server()
    home.start_server()
    home.advance(10)
    return {thread: Expect(verdict=("stuck",), must=("queue-held",), quiet=True)}


@_story("v2-approval-open", "A provider asks a person, who has not answered yet.")
def _approval(home: SecondHome, provider: str) -> dict[str, Expect]:
    thread = home.thread("Clean the release folder", provider=provider)
    home.send(thread, "Remove what is older than a year.", AskApproval("rm -rf releases/2024"), Say())
    home.until(lambda: bool(home.requests(thread)))
    home.advance(8)
    return {thread: Expect(verdict=("waiting",), must=("waiting-for-user",), quiet=True)}


@_story("v2-approval-answered", "A provider asks a person, is answered, and goes on.")
def _answered(home: SecondHome, provider: str) -> dict[str, Expect]:
    (thread,) = _approval(home, provider)
    (request,) = home.requests(thread)
    home.do("runtime-request.respond", thread, requestId=request, decision="accept")
    home.until(lambda: home.runs(thread) == ["completed"])
    home.advance(2)
    return {thread: _idle()}


@_story(
    "v2-session-in-error",
    "OpenCode's process ends while idle: every further message fails at once.",
    providers=("opencode",),
)
def _opencode_gone(home: SecondHome, provider: str) -> dict[str, Expect]:
    thread = _with_dead_process(home, provider)
    home.turn(thread, "Once more.")
    return {thread: Expect(verdict=("failed",), must=("session-error-not-reopened",))}


@_story("v2-session-let-go", "The same, and the session is let go: the next message works.", providers=("opencode",))
def _let_go(home: SecondHome, provider: str) -> dict[str, Expect]:
    (thread,) = _opencode_gone(home, provider)
    session = home.core.database.entities("provider-session", thread)[-1]
    home.do("provider-session.detach", thread, providerSessionId=session["id"])
    home.advance(1)
    home.turn(thread, "And now?", Say())
    home.advance(2)
    return {thread: _idle()}


@_story("v2-start-held", "Codex's process ends while idle: the next message's start hangs for ever.", providers=("codex",))
def _codex_gone(home: SecondHome, provider: str) -> dict[str, Expect]:
    thread = _with_dead_process(home, provider)
    home.send(thread, "Once more.")
    home.advance(70)
    return {thread: _stuck("effect-stalled")}


def _with_dead_process(home: SecondHome, provider: str) -> str:
    thread = home.thread("Port the tests", provider=provider)
    home.turn(thread, "Port all of them.", Say())
    process = home.core.process_of(thread)
    assert process is not None
    home.core.kill_process(process)
    home.advance(3)
    return thread


@_story("v2-failed", "A provider's model refuses the request.")
def _failed(home: SecondHome, provider: str) -> dict[str, Expect]:
    thread = home.thread("Summarise the incident", provider=provider)
    home.turn(thread, "Summarise it.", Fail("Insufficient balance on this account."))
    return {thread: Expect(verdict=("failed",))}


@_story("v2-terminal-lost", "A provider ends its turn in its own protocol, and its server does not take it up.")
def _terminal_lost(home: SecondHome, provider: str) -> dict[str, Expect]:
    thread = home.thread("Draft the release notes", provider=provider)
    home.send(thread, "Draft them.", Say(), LoseTerminal())
    home.wait_running(thread)
    home.advance(90)
    return {thread: _stuck("native-terminal-lost")}


@_story("v2-demo", "A morning on a nightly of the second data model: some threads work, some are stuck.", builds=(_OCTOBER,))
def _demo(home: SecondHome, provider: str) -> dict[str, Expect]:
    home.project("harbor")
    threads = _healthy(home, "opencode") | _interrupted(home, "codex") | _opencode_gone(home, "opencode")
    home.project("quill")
    threads |= _held(home, "opencode")
    silent, _ = _hangs(home, "opencode", "Write the migration guide")
    home.advance(700)
    threads[silent] = _stuck("silent-turn")
    working = home.thread("Build the docs", provider="opencode")
    home.send(working, "Build them and look at the warnings.", Say(), Tool("make docs", 1200))
    home.wait_running(working)
    threads[working] = Expect(verdict=("working",), quiet=True)
    return threads | _approval(home, "opencode")
