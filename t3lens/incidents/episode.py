"""One stretch of time in which something was wrong with a thread."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from t3lens.diagnose import ThreadDiagnosis
from t3lens.domain.episode_end import EpisodeEnd
from t3lens.domain.finding import Confidence, Evidence, Verdict
from t3lens.time import Micros

__all__ = ["Episode", "JournalAction"]


class JournalAction(Protocol):
    """What is asked of an action of the journal: on which thread it was, and what it sent."""

    @property
    def action_id(self) -> str:
        """Its id."""

    @property
    def home_id(self) -> str:
        """The home."""

    @property
    def thread_id(self) -> str:
        """The thread."""

    @property
    def steps(self) -> Sequence[Any]:
        """What was sent, with the ids of its commands."""


class Episode(msgspec.Struct, frozen=True, kw_only=True):
    """One stretch of time in which a thread was stuck, stored untruly, waiting or failed.

    Attributes:
        home_id: Its home.
        thread_id: The thread.
        title: Its title.
        provider: Its provider.
        verdict: ``stuck``, ``diverged``, ``waiting`` or ``failed``.
        code: Code of the finding that explains it best, as last seen.
        codes: All codes that made the verdict.
        since: From when, microseconds UTC.
        since_event_id: The event it began with, if one is known.
        until: To when; None if it goes on.
        until_event_id: The event it ended with.
        ended_by: How it ended.
        action_id: The action of t3lens that ended it, if one did.
        seen_until: The last moment at which it can be shown to have been so.
        turn_id: The turn it is about.
        message_id: The message of that turn.
        summary: The finding's sentence, as of ``seen_until``.
        confidence: Of that finding.
        evidence: Its evidence, then that of its end.
        judgement: The thread as it was judged at ``seen_until``.
    """

    home_id: str
    thread_id: str
    title: str | None
    provider: str | None
    verdict: Verdict
    code: str
    codes: tuple[str, ...]
    since: Micros
    since_event_id: str | None
    until: Micros | None
    until_event_id: str | None
    ended_by: EpisodeEnd
    action_id: str | None
    seen_until: Micros
    turn_id: str | None
    message_id: str | None
    summary: str
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    judgement: ThreadDiagnosis

    @property
    def incident_id(self) -> str:
        """Its name: the same in every run over the same records, also after it ended."""
        key = "\0".join((self.home_id, self.thread_id, self.verdict, self.since_event_id or str(self.since)))
        return hashlib.blake2b(key.encode(), digest_size=6).hexdigest()

    @property
    def open(self) -> bool:
        """Whether it goes on."""
        return self.until is None

    @property
    def lasted(self) -> Micros:
        """How long, microseconds; of one that goes on, how long at least."""
        return max(0, (self.until if self.until is not None else self.seen_until) - self.since)
