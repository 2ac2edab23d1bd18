"""What comes of one home of many: its audit, or why there is none. Made in whatever process looks at the home."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from t3lens.document.merge import MergeableAudit
from t3lens.errors import T3LensError
from t3lens.fleet.one_home import AuditRequest, Workbench, audit_one

if TYPE_CHECKING:
    from t3lens.ingest import Home
    from t3lens.ingest.server import ServerState

__all__ = ["HomeOutcome", "outcome_of"]


class HomeOutcome(msgspec.Struct, frozen=True):
    """What came of a home.

    Attributes:
        audited: Its audit; None if it could not be audited.
        why: Why it could not be; empty if it could.
        reused: Whether it had not changed since it was last audited so.
    """

    audited: MergeableAudit | None = None
    why: str = ""
    reused: bool = False


def outcome_of(
    home: Home, asked: AuditRequest, bench: Workbench | None = None, server: ServerState | None = None
) -> HomeOutcome:
    """Audit a home in this process; what goes wrong is an outcome, too, and ends nothing.

    Args:
        home: The home to audit.
        asked: What is asked.
        bench: Where homes are read that are not to be kept, for who audits several.
        server: What was found out of its server; it is asked if that is not said.
    """
    try:
        kind, audited = audit_one(home, asked, bench, server)
    except T3LensError as error:
        return HomeOutcome(why=str(error))
    except Exception as error:
        return HomeOutcome(why=f"internal error: {type(error).__name__}: {error}")
    return HomeOutcome(audited, reused=kind == "reused")
