"""Findings counted as they go by, none of them kept: of very many homes that would be much."""

from __future__ import annotations

from t3lens.document.model import FindingEntry, HomeEntry, Novelty, ThreadEntry
from t3lens.domain.finding import Severity

__all__ = ["Tally"]


class Tally:
    """How many findings were counted, at how many threads of how many homes, and since when.

    The findings of a thread are counted one after the other, whatever stands between those of two threads.

    Attributes:
        severity: The worst of them; of none the mildest there is.
        findings, threads: How many, and at how many threads.
        new: How many an older audit does not have.
        since: Since when the oldest is so.
    """

    __slots__ = ("_homes", "_thread", "findings", "new", "severity", "since", "threads")

    def __init__(self) -> None:
        self.severity = Severity.INFO
        self.findings = self.threads = self.new = 0
        self.since: str | None = None
        self._homes: set[str] = set()
        self._thread: tuple[str, str] | None = None

    @property
    def homes(self) -> int:
        """In how many homes."""
        return len(self._homes)

    def count(self, finding: FindingEntry, place: HomeEntry | ThreadEntry) -> None:
        """Count one more.

        Args:
            finding: Of an audit.
            place: What it stands at.
        """
        self.severity = min(self.severity, finding.severity, key=lambda one: one.rank)
        self.findings += 1
        self.new += finding.baseline is Novelty.NEW
        self._homes.add(place.home_id)
        if isinstance(place, ThreadEntry) and self._thread != (place.home_id, place.thread_id):
            self._thread = (place.home_id, place.thread_id)
            self.threads += 1
        if finding.since is not None and (self.since is None or finding.since < self.since):
            self.since = finding.since
