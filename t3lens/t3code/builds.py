"""The builds of T3 Code, one table: what a home or a server shows of itself → rules, traits, schema, wire.

Whoever asks "which rules has this version" asks ``build_of``. Signs count in this order: what a person says, the
server's version, the database's migrations, the generation of the logs, what was believed before.

Of 0.0.31 and 0.0.32 no recording exists. They are taken for builds of August that do not yet reconcile at start:
their logs are of the second generation and their databases hold the migrations of August, as 0.0.33's do and those
of July do not, so they follow its rules; but the reconcile came on 20 August, after both. So nobody is told that
such a server heals orphans by itself.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from t3lens.t3code.v1.rules import Rules, profile

__all__ = [
    "BUILDS",
    "FIRST_MIGRATION_WITH_SCOPES",
    "MIGRATIONS",
    "PROTOCOLS",
    "Build",
    "Traits",
    "Wire",
    "build_of",
    "model_of",
    "version_number",
]

PROTOCOLS: Final = {1: "v1", 2: "v2"}
"""The data model (a package here) by the orchestration protocol that a server names; one that names none speaks 1."""

MIGRATIONS: Final = (
    "OrchestrationEvents",
    "OrchestrationCommandReceipts",
    "CheckpointDiffBlobs",
    "ProviderSessionRuntime",
    "Projections",
    "ProjectionThreadSessionRuntimeModeColumns",
    "ProjectionThreadMessageAttachments",
    "ProjectionThreadActivitySequence",
    "ProviderSessionRuntimeMode",
    "ProjectionThreadsRuntimeMode",
    "OrchestrationThreadCreatedRuntimeMode",
    "ProjectionThreadsInteractionMode",
    "ProjectionThreadProposedPlans",
    "ProjectionThreadProposedPlanImplementation",
    "ProjectionTurnsSourceProposedPlan",
    "CanonicalizeModelSelections",
    "ProjectionThreadsArchivedAt",
    "ProjectionThreadsArchivedAtIndex",
    "ProjectionSnapshotLookupIndexes",
    "AuthAccessManagement",
    "AuthSessionClientMetadata",
    "AuthSessionLastConnectedAt",
    "ProjectionThreadShellSummary",
    "BackfillProjectionThreadShellSummary",
    "CleanupInvalidProjectionPendingApprovals",
    "CanonicalizeModelSelectionOptions",
    "ProviderSessionRuntimeInstanceId",
    "ProjectionThreadSessionInstanceId",
    "ProjectionThreadDetailOrderingIndexes",
    "ProjectionThreadShellArchiveIndexes",
    "AuthAuthorizationScopes",
    "AuthPairingProofKeyThumbprint",
    "ProjectionThreadsSettled",
    "ProjectionThreadsSnoozed",
    "ProjectionThreadTitleRegeneration",
    "ProjectionThreadsPinned",
    "ProjectionTurnsKeysetIndex",
    "ProjectionThreadsPinOrderKey",
    "ProjectionProjectsDefaultThreadEnvMode",
    "ProjectionProjectFaviconPath",
)
"""Names of the database's migrations, the first is number 1; forks give other names from 36 on."""


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What a build does with the commands t3lens sends, and by itself.

    Attributes:
        stop_settles_turn: A stop settles the running turn; before 0.0.28 it leaves it ``running`` for ever.
        stop_forgets: OpenCode has forgotten the conversation after a stop.
        stop_drops_pending: A stop deletes the row of a message that was never taken up.
        stop_needs_binding: A stop of a thread without a runtime binding is accepted and does nothing.
        reconciles_at_start: The server ends orphaned sessions itself when it starts.
    """

    stop_settles_turn: bool
    stop_forgets: bool
    stop_drops_pending: bool
    stop_needs_binding: bool
    reconciles_at_start: bool


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """How a build is talked to.

    Attributes:
        protocol: Its orchestration protocol, a key of ``PROTOCOLS``.
        scopes: Tokens carry scopes (else roles), and the API has ``/oauth/token`` and single threads.
        light_snapshot: The snapshot of all threads leaves out messages, activities and checkpoints.
    """

    protocol: int = 1
    scopes: bool = True
    light_snapshot: bool = False


class Build(msgspec.Struct, frozen=True, kw_only=True):
    """One released server, and those after it that are not known to differ.

    Attributes:
        version: The first that is so.
        last_version: The last that is so, where that is not told by the next build's first.
        rules: Its lifecycle rules.
        generation: Of its provider logs, 1 or 2.
        first_migration: The lowest that its database ends with; a lower one is an older build's.
        last_migration: The highest that is known; the newest build's may be higher.
        traits: What it does with commands.
        wire: How it is talked to.
        told_by_version_only: Nothing else than its version tells it from its neighbours, so without one it is
            not guessed.
    """

    version: tuple[int, int, int]
    last_version: tuple[int, int, int] | None = None
    rules: Rules
    generation: int
    first_migration: int
    last_migration: int
    traits: Traits
    wire: Wire = Wire()
    told_by_version_only: bool = False

    @property
    def model(self) -> str:
        """Its data model: the package here that holds its schema and lifecycle."""
        return PROTOCOLS[self.wire.protocol]


FIRST_MIGRATION_WITH_SCOPES: Final = MIGRATIONS.index("AuthAuthorizationScopes") + 1
"""What calls itself 0.0.28 and has this migration is of July, and has the rules of 20 July."""

_FIRST_MIGRATION_OF_AUGUST: Final = MIGRATIONS.index("ProjectionThreadsSettled") + 1

_LAST_MIGRATION_BEFORE_RECONCILE: Final = MIGRATIONS.index("ProjectionTurnsKeysetIndex") + 1
"""The newest that a build calling itself 0.0.31 was seen with, on 7 August: a branch that numbers its own from the
next on."""

BUILDS: Final = (
    Build(
        version=(0, 0, 23),
        rules=profile("shipped-0.0.23"),
        generation=1,
        first_migration=0,
        last_migration=FIRST_MIGRATION_WITH_SCOPES - 1,
        traits=Traits(
            stop_settles_turn=False,
            stop_forgets=True,
            stop_drops_pending=False,
            stop_needs_binding=False,
            reconciles_at_start=False,
        ),
        wire=Wire(scopes=False),
    ),
    Build(
        version=(0, 0, 28),
        last_version=(0, 0, 28),
        rules=profile("shipped-0.0.28"),
        generation=1,
        first_migration=0,
        last_migration=FIRST_MIGRATION_WITH_SCOPES - 1,
        traits=Traits(
            stop_settles_turn=True,
            stop_forgets=False,
            stop_drops_pending=False,
            stop_needs_binding=False,
            reconciles_at_start=False,
        ),
        told_by_version_only=True,
    ),
    # what calls itself 0.0.28 in July already has the rules of 20 July
    Build(
        version=(0, 0, 28),
        rules=profile("shipped-0.0.29"),
        generation=1,
        first_migration=FIRST_MIGRATION_WITH_SCOPES,
        last_migration=_FIRST_MIGRATION_OF_AUGUST - 1,
        traits=Traits(
            stop_settles_turn=True,
            stop_forgets=False,
            stop_drops_pending=True,
            stop_needs_binding=False,
            reconciles_at_start=False,
        ),
    ),
    Build(
        version=(0, 0, 31),
        rules=profile("shipped-0.0.33"),
        generation=2,
        first_migration=_FIRST_MIGRATION_OF_AUGUST,
        last_migration=_LAST_MIGRATION_BEFORE_RECONCILE,
        traits=Traits(
            stop_settles_turn=True,
            stop_forgets=False,
            stop_drops_pending=True,
            # measured of 0.0.33 only; a stop that is refused here can be made offline, one that does nothing
            # would be taken for a blocked command queue
            stop_needs_binding=True,
            reconciles_at_start=False,
        ),
    ),
    Build(
        version=(0, 0, 33),
        rules=profile("shipped-0.0.33"),
        generation=2,
        first_migration=_LAST_MIGRATION_BEFORE_RECONCILE + 1,
        last_migration=len(MIGRATIONS),
        traits=Traits(
            stop_settles_turn=True,
            stop_forgets=False,
            stop_drops_pending=True,
            stop_needs_binding=True,
            reconciles_at_start=True,
        ),
        wire=Wire(light_snapshot=True),
    ),
)
"""The builds of V1, by age."""


def build_of(
    *,
    version: str | None = None,
    migrations: int | None = None,
    generation: int | None = None,
    believed: str | None = None,
    told: str | None = None,
) -> Build:
    """The build that shows itself so; where nothing tells, the newest.

    Each sign narrows down what those before it left; one that fits none of these is passed over. Forks renumber
    migrations from 36 on, so a fork's home may be told wrong: a person's word overrides.

    Args:
        version: What the server calls itself (``0.0.33-nightly.4``).
        migrations: The highest migration of the home's database.
        generation: The newest generation of the home's logs.
        believed: The profile that the home was judged by before; decides only where nothing else does.
        told: The profile that a person says the home was written by; goes before everything else.
    """
    left = list(BUILDS)
    if told is not None:
        left = [build for build in left if build.rules.name == told] or left
    number = version_number(version)
    if number is not None:
        reached = [b for b in left if b.version <= number <= (b.last_version or number)]
        newest = max((build.version for build in reached), default=BUILDS[0].version)
        left = [build for build in reached or left if build.version == newest] or left
    if migrations is not None:
        left = [build for build in left if _ends_with(build, migrations)] or left
    if generation is not None:
        left = [build for build in left if build.generation == generation] or left
    if believed is not None:
        left = [build for build in left if build.rules.name == believed] or left
    return ([build for build in left if not build.told_by_version_only] or left)[-1]


def _ends_with(build: Build, migration: int) -> bool:
    last = build.last_migration if build is not BUILDS[-1] else migration
    return build.first_migration <= migration <= last


def model_of(protocol: int | None) -> str | None:
    """The data model of a server that names this orchestration protocol; None if it is not known."""
    return PROTOCOLS.get(1 if protocol is None else protocol)


_VERSION: Final = re.compile(r"v?([0-9]{1,6})\.([0-9]{1,6})\.([0-9]{1,6})(?![0-9])")


def version_number(version: str | None) -> tuple[int, int, int] | None:
    """``0.0.33-nightly.4`` as ``(0, 0, 33)``; None if it is no version."""
    match = _VERSION.match(version or "")
    return (int(match[1]), int(match[2]), int(match[3])) if match else None
