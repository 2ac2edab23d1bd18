"""What a document tells of: threads as they stand, or single incidents; chosen by name, by time, or because it is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from t3lens.diagnose import ThreadDiagnosis
from t3lens.domain.finding import WRONG_VERDICTS, Verdict
from t3lens.errors import UsageError
from t3lens.incidents import Episode
from t3lens.time import Micros, parse_moment

if TYPE_CHECKING:
    from datetime import datetime

    from t3lens.session.session import Session

__all__ = ["Subject", "chosen_incidents", "chosen_threads", "over_of"]


class Subject(msgspec.Struct, frozen=True):
    """One subject of a document.

    Attributes:
        thread: The thread as it stands.
        incident: The incident of it that is told of; None tells of the thread as it stands, or, where nothing is wrong
            with it, of the worst that was.
    """

    thread: ThreadDiagnosis
    incident: Episode | None = None


def chosen_incidents(
    session: Session,
    names: Sequence[str] = (),
    *,
    since: str | datetime | Micros | None = None,
    threads: Sequence[str | ThreadDiagnosis] | None = None,
) -> list[Subject]:
    """Single incidents to tell of, in the order they are named, else the oldest first.

    Args:
        session: Where they are from.
        names: Their ids, as ``t3lens incidents`` lists them, or unambiguous beginnings; all if none is named.
        since: Leave out what was over before this moment.
        threads: Only those of these threads: ids, prefixes, titles or diagnosed threads.

    Raises:
        UsageError: An id is unknown or ambiguous, or nothing is left.
    """
    judged = None
    if threads is not None:
        judged = [session.thread(one) if isinstance(one, str) else one for one in threads]
    ids = None if judged is None else [one.thread_id for one in judged]
    known = session.incidents(since=since, threads=ids)
    if judged is not None:  # copies of a home hold the same thread ids
        homes = {(one.home_id, one.thread_id) for one in judged}
        known = [one for one in known if (one.home_id, one.thread_id) in homes]
    found = [_episode_by_name(name, known) for name in names] if names else known
    if not found:
        raise UsageError("there was no incident" + (" in that time" if since is not None else ""), code="nothing-to-report")
    standing = {(one.home_id, one.thread_id): one for one in session.diagnosis.threads}
    return [Subject(standing[one.home_id, one.thread_id], one) for one in found]


def _episode_by_name(name: str, known: Sequence[Episode]) -> Episode:
    found = [one for one in known if name and one.incident_id.startswith(name)]
    if len(found) == 1:
        return found[0]
    listed = ", ".join(f"{one.incident_id} ({one.verdict}: {one.code})" for one in (found or known)[:5]) or "none"
    if not found:
        raise UsageError(f"no incident is called {name!r}; there are: {listed}", code="unknown-incident")
    raise UsageError(f"{len(found)} incidents are called {name!r}: {listed}; say more", code="ambiguous-incident")


def over_of(told: Subject, past: Sequence[Episode]) -> Episode | None:
    """The incident that is over and that a subject is about; None where it is about what is so now.

    Args:
        told: The subject.
        past: All incidents of its thread.
    """
    if told.incident is not None:
        return None if told.incident.open else told.incident
    return _worst_episode(past) if told.thread.verdict not in WRONG_VERDICTS else None


def _worst_episode(past: Sequence[Episode]) -> Episode | None:
    """The episode a document about a thread that is well again is about: the worst, of these the longest, the latest."""
    closed = [one for one in past if not one.open and (one.verdict is not Verdict.WAITING or _waited_long(one))]
    return min(closed, key=lambda one: (WRONG_VERDICTS.index(one.verdict), -one.lasted, -one.since), default=None)


def _waited_long(one: Episode) -> bool:
    """Whether a person was waited for longer than is usual."""
    return one.lasted >= one.judgement.case.context.threshold("waiting")


def chosen_threads(
    session: Session,
    threads: Sequence[str | ThreadDiagnosis] | None = None,
    start: str | datetime | Micros | None = None,
    end: str | datetime | Micros | None = None,
) -> list[ThreadDiagnosis]:
    """The threads a document is to tell of, worst first.

    Args:
        session: Where they are from.
        threads: Ids, prefixes, titles or diagnosed threads; all that are wrong, or that cannot be judged, if not said.
        start: Only those with a finding or a turn from here on,
        end: and up to here.

    Raises:
        UsageError: Nothing is left.
    """
    if threads is not None:
        found = [session.thread(one) if isinstance(one, str) else one for one in threads]
    else:
        ranged = start is not None or end is not None
        # in a time that is named, what was wrong and is over belongs to it
        had = {(one.home_id, one.thread_id) for one in session.incidents(since=start)} if ranged else set()
        found = [
            one
            for one in session.diagnosis.threads
            if one.verdict in WRONG_VERDICTS
            or (ranged and one.findings)
            or (one.home_id, one.thread_id) in had
            or one.case.context.home.standing.cannot_judge is not None
        ]
    low = parse_moment(start) if start is not None else None
    high = parse_moment(end) if end is not None else None
    found = [one for one in found if _has_moment_within(one, low, high)]
    if not found:
        raise UsageError(
            "".join(f"{text}. " for text in session.diagnosis.notices)
            + "there is no thread to report on: none is stuck, diverged, waiting or failed"
            + (" in that time" if low is not None or high is not None else "")
            + "; name a thread to report on it all the same",
            code="nothing-to-report",
        )
    return found


def _has_moment_within(thread: ThreadDiagnosis, low: Micros | None, high: Micros | None) -> bool:
    if low is None and high is None:
        return True
    moments = [finding.since for finding in thread.findings]
    moments += [turn.requested_at or turn.started_at for turn in thread.case.facts.turns]
    return any(at is not None and (low is None or at >= low) and (high is None or at <= high) for at in moments)
