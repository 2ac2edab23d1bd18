"""The two builds of the second data model that are simulated: the branch of August 2026, and main of October."""

from __future__ import annotations

from typing import Final

import msgspec

from t3lens.errors import UsageError

__all__ = ["SECOND_BUILDS", "SecondBuild", "second_build"]


class SecondBuild(msgspec.Struct, frozen=True, kw_only=True):
    """What a build of the second data model does.

    Attributes:
        version: As it calls itself.
        database: Name of its database.
        protocol: The orchestration protocol it names and asks for; None if it does neither.
        migrations: Names of its own migrations,
        first_migration: and the number of the first of them.
        holds_queue: A start keeps queued runs until a person resumes the queue; else it cancels them.
    """

    version: str
    database: str
    protocol: int | None
    migrations: tuple[str, ...]
    first_migration: int
    holds_queue: bool


_AUGUST: Final = SecondBuild(
    version="0.0.31",
    database="state.sqlite",
    protocol=None,
    migrations=(
        "OrchestrationV2",
        "OrchestrationV2Subagents",
        "OrchestrationV2Foundation",
        "OrchestrationV2ProviderSessionBindings",
        "OrchestrationV2ThreadLaunchWorkflows",
        "ApplicationEventSource",
        "OrchestrationV2EffectCancellation",
        "ScheduledTasks",
        "LegacyV1ImportState",
    ),
    first_migration=38,
    holds_queue=False,
)
_OCTOBER: Final = SecondBuild(
    version="0.0.46-nightly.20261011.2955",
    database="statev2.sqlite",
    protocol=2,
    migrations=("OrchestrationV2",),
    first_migration=55,
    holds_queue=True,
)

SECOND_BUILDS: Final = {one.version: one for one in (_AUGUST, _OCTOBER)}
"""By version, oldest first."""


def second_build(version: str) -> SecondBuild:
    """The build called ``version``.

    Raises:
        UsageError: It is not one of ``SECOND_BUILDS``.
    """
    try:
        return SECOND_BUILDS[version]
    except KeyError:
        known = ", ".join(SECOND_BUILDS)
        raise UsageError(f"unknown server build {version!r} of the second data model; choose one of: {known}") from None
