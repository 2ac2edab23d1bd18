"""The server builds that can be simulated: what each one writes and which rules it follows."""

from __future__ import annotations

from typing import Final

import msgspec

from t3lens.errors import UsageError
from t3lens.t3code.v1.rules import Rules, profile

__all__ = ["BUILDS", "Build", "build"]


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """One released server.

    Attributes:
        version: What it calls itself (``serverVersion``).
        rules: Its lifecycle rules.
        generation: Of its provider logs, 1 or 2.
        migrations: How many schema migrations it has applied.
        scopes: Tokens carry scopes (else roles) and the API has ``/oauth/token`` and single threads.
        titles_from_provider: A provider's session title becomes the thread's title.
        keeps_latest_turn: ``latest_turn_id`` is not erased between turns.
        sets_starting: The session is set ``starting`` as soon as a turn is requested.
        light_snapshot: ``snapshot`` leaves out messages, activities and checkpoints.
        resumes_opencode: An OpenCode conversation survives a stop or a restart.
        silent_when_stopped: Providers whose sessions say nothing when they are stopped.
        capabilities: What the environment descriptor lists.
    """

    version: str
    rules: Rules
    generation: int
    migrations: int
    scopes: bool = True
    titles_from_provider: bool = True
    keeps_latest_turn: bool = False
    sets_starting: bool = False
    light_snapshot: bool = False
    resumes_opencode: bool = True
    silent_when_stopped: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ("repositoryIdentity", "connectionProbe")


BUILDS: Final[dict[str, Build]] = {
    "0.0.23": Build(
        version="0.0.23",
        rules=profile("shipped-0.0.23"),
        generation=1,
        migrations=30,
        scopes=False,
        resumes_opencode=False,
        capabilities=("repositoryIdentity",),
    ),
    "0.0.28": Build(version="0.0.28", rules=profile("shipped-0.0.29"), generation=1, migrations=32),
    "0.0.33": Build(
        version="0.0.33",
        rules=profile("shipped-0.0.33"),
        generation=2,
        migrations=40,
        titles_from_provider=False,
        keeps_latest_turn=True,
        sets_starting=True,
        light_snapshot=True,
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
}
"""By version, oldest first."""


def build(version: str) -> Build:
    """The build called ``version``.

    Raises:
        UsageError: It is not one of ``BUILDS``.
    """
    try:
        return BUILDS[version]
    except KeyError:
        known = ", ".join(BUILDS)
        raise UsageError(f"unknown server build {version!r}; choose one of: {known}") from None
