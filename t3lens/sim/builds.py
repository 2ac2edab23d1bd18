"""The server builds that can be simulated: what each one writes and which rules it follows."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from t3lens.errors import UsageError
from t3lens.t3code.builds import Build as KnownBuild
from t3lens.t3code.builds import build_of
from t3lens.t3code.v1.rules import Rules

__all__ = ["BUILDS", "SimulatedBuild", "build"]


class SimulatedBuild(msgspec.Struct, frozen=True, kw_only=True):
    """One released server, as it is simulated.

    Attributes:
        version: What it calls itself (``serverVersion``).
        known: What is known of it: rules, logs, traits, wire.
        migrations: How many schema migrations it has applied.
        titles_from_provider: A provider's session title becomes the thread's title.
        keeps_latest_turn: ``latest_turn_id`` is not erased between turns.
        sets_starting: The session is set ``starting`` as soon as a turn is requested.
        silent_when_stopped: Providers whose sessions say nothing when they are stopped.
        capabilities: What the environment descriptor lists.
    """

    version: str
    known: KnownBuild
    migrations: int
    titles_from_provider: bool = True
    keeps_latest_turn: bool = False
    sets_starting: bool = False
    silent_when_stopped: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ("repositoryIdentity", "connectionProbe")

    @property
    def rules(self) -> Rules:
        """Its lifecycle rules."""
        return self.known.rules

    @property
    def generation(self) -> int:
        """Of its provider logs, 1 or 2."""
        return self.known.generation

    @property
    def scopes(self) -> bool:
        """Tokens carry scopes (else roles) and the API has ``/oauth/token`` and single threads."""
        return self.known.wire.scopes

    @property
    def light_snapshot(self) -> bool:
        """``snapshot`` leaves out messages, activities and checkpoints."""
        return self.known.wire.light_snapshot

    @property
    def resumes_opencode(self) -> bool:
        """An OpenCode conversation survives a stop or a restart."""
        return not self.known.traits.stop_forgets


def _simulated(version: str, migrations: int, **only_here: Any) -> SimulatedBuild:
    known = build_of(version=version, migrations=migrations)
    return SimulatedBuild(version=version, known=known, migrations=migrations, **only_here)


BUILDS: Final = {
    one.version: one
    for one in (
        _simulated("0.0.23", 30, capabilities=("repositoryIdentity",)),
        _simulated("0.0.28", 32),
        _simulated(
            "0.0.33",
            40,
            titles_from_provider=False,
            keeps_latest_turn=True,
            sets_starting=True,
            silent_when_stopped=("codex",),
            capabilities=(
                "repositoryIdentity",
                "connectionProbe",
                "pullRequests",
                "threadSettlement",
                "threadSnooze",
                "threadPinning",
                "threadPinReorder",
                "threadTitleRegeneration",
            ),
        ),
    )
}
"""By version, oldest first."""


def build(version: str) -> SimulatedBuild:
    """The build called ``version``.

    Raises:
        UsageError: It is not one of ``BUILDS``.
    """
    try:
        return BUILDS[version]
    except KeyError:
        known = ", ".join(BUILDS)
        raise UsageError(f"unknown server build {version!r}; choose one of: {known}") from None
