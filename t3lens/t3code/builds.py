"""What the known builds of T3 Code have in common."""

from __future__ import annotations

from typing import Final

__all__ = ["MIGRATIONS"]

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
