"""Findings counted by something, as a DataFrame: the same numbers that ``t3lens audit --by`` tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from t3lens.document.audit import audit_document
from t3lens.document.model import RollUpBy
from t3lens.document.roll_up import roll_up
from t3lens.errors import UsageError
from t3lens.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from t3lens.session.session import Session

__all__ = ["rolled_up"]


def rolled_up(session: Session, by: str) -> pd.DataFrame:
    """The findings of a session's homes, counted.

    Args:
        session: The homes.
        by: One of ``RollUpBy``.

    Raises:
        UsageError: Nothing can be counted by that.
    """
    import pandas as pd

    if by not in tuple(RollUpBy):
        raise UsageError(f"findings can be counted by {', '.join(RollUpBy)}; not by {by!r}", code="bad-roll-up")
    ids = session.home_ids
    rows = session.rows(
        "select thread_id, coalesce(p.title, project_id) from threads left join projects p using (home_id, project_id) "
        "where home_id in (select unnest(?)) order by all",
        [ids],
    )
    projects = {thread_id: name for thread_id, name in rows if name}
    document = audit_document(session.diagnosis, as_of=session.as_of, version=__version__, projects=projects)
    columns = [by, "severity", "findings", "threads", "homes", "since"]
    counted = [
        (row.name, row.severity.value, row.findings, row.threads, row.homes, row.since)
        for row in roll_up(document, RollUpBy(by)).rows
    ]
    frame = pd.DataFrame(counted, columns=columns)
    frame["since"] = pd.to_datetime(frame["since"], utc=True, format="ISO8601")
    return frame
