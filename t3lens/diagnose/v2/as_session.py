"""A thread of the second data model in the words of the first: a run is a turn, and a session says how the thread stands."""

from __future__ import annotations

from t3lens.diagnose.facts import SessionRow, TurnRow
from t3lens.diagnose.v2.facts import RunRow, SecondFacts
from t3lens.domain.state import SessionStatus
from t3lens.t3code.v2.reducer import LOST_AT_RESTART, state_of_run
from t3lens.t3code.v2.shown_session import session_status

__all__ = ["in_common_words"]


def in_common_words(facts: SecondFacts) -> None:
    """Fill in ``turns`` and ``session`` of a thread from its runs and provider sessions; changes ``facts``."""
    facts.turns = [_turn(run) for run in facts.runs]
    facts.session = _session(facts)


def _turn(run: RunRow) -> TurnRow:
    """A run in the words of turns."""
    return TurnRow(
        run.ordinal,
        run.run_id,
        run.message_id,
        state_of_run(run.status).value,
        run.requested_at,
        run.started_at,
        run.completed_at,
    )


def _session(facts: SecondFacts) -> SessionRow | None:
    """What a person sees of a thread, in the words of sessions; the second model has no session of a thread."""
    bound = facts.sessions[-1] if facts.sessions else None
    latest, active = facts.latest, facts.active
    driver = bound.driver if bound else None
    if driver is None:
        driver = next((one.driver for one in reversed(facts.provider_threads)), None)
    status = session_status([run.status for run in facts.runs], bound.status if bound else None)
    if status is None:
        return None
    lost = latest is not None and active is None and facts.lost(latest)
    if lost:
        status = SessionStatus.ERROR
    reason = facts.reasons[-1] if facts.reasons else None
    said = reason.message if reason and latest and reason.run_id == latest.run_id else None
    times = [facts.worked_at, bound.updated_at if bound else None]
    times += [latest.completed_at, latest.started_at, latest.requested_at] if latest else []
    return SessionRow(
        status.value,
        active.run_id if active else None,
        (LOST_AT_RESTART if lost else said) or (bound.last_error if bound else None),
        max((at for at in times if at is not None), default=0),
        driver,
    )
