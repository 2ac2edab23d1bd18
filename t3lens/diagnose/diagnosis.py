"""What a diagnosis says: of a thread, of a home, of all homes that were looked at."""

from __future__ import annotations

from collections import Counter

import msgspec

from t3lens.diagnose.case import Case
from t3lens.diagnose.context import Context
from t3lens.diagnose.facts import HomeFacts
from t3lens.diagnose.options import Options
from t3lens.domain.finding import VERDICT_ORDER, Finding, Verdict
from t3lens.time import Micros

__all__ = ["Check", "Diagnosis", "HomeDiagnosis", "ThreadDiagnosis", "urgency"]


class Check(msgspec.Struct, frozen=True):
    """Whether a detector could be run on a home.

    Attributes:
        code: The detector.
        checked: Whether it was.
        why: If not, what is missing.
        applies: Whether it looks for something in homes of this data model at all.
    """

    code: str
    checked: bool
    why: str = ""
    applies: bool = True


class ThreadDiagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What t3lens says of one thread.

    Attributes:
        home_id: Its home.
        thread_id: Its id.
        title: Its title, if the database has one.
        provider: Its provider.
        project_id: Its project, if the database says.
        verdict: What it is.
        primary: Code of the finding that explains the verdict, if one does.
        since: Since when, microseconds UTC.
        findings: The explaining one first.
        case: Facts and replays, for whoever wants to look closer.
    """

    home_id: str
    thread_id: str
    title: str | None
    provider: str | None
    project_id: str | None
    verdict: Verdict
    primary: str | None
    since: Micros | None
    findings: tuple[Finding, ...]
    case: Case


class HomeDiagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What t3lens says of one home.

    Attributes:
        context: Its standing: server, rules, the moment.
        findings: Home-wide findings.
        checks: Every detector, and whether it could be run.
        threads: Its threads, worst first.
    """

    context: Context
    findings: tuple[Finding, ...]
    checks: tuple[Check, ...]
    threads: tuple[ThreadDiagnosis, ...]

    @property
    def home(self) -> HomeFacts:
        """Its facts."""
        return self.context.home

    @property
    def notice(self) -> str | None:
        """What every output says first of it; None if there is nothing to say."""
        said = self.home.standing.notice
        return None if said is None else f"home {self.home.path}: {said}"


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """What t3lens says of a set of homes.

    Attributes:
        options: The options of the diagnosis.
        homes: In the order of their paths.
    """

    options: Options
    homes: tuple[HomeDiagnosis, ...]

    @property
    def threads(self) -> list[ThreadDiagnosis]:
        """All threads of all homes, worst first."""
        if len(self.homes) == 1:
            return list(self.homes[0].threads)
        return sorted((t for home in self.homes for t in home.threads), key=urgency)

    @property
    def findings(self) -> list[Finding]:
        """All findings of all homes: the home-wide ones, then those of the threads, worst thread first."""
        wide = [finding for home in self.homes for finding in home.findings]
        return wide + [finding for thread in self.threads for finding in thread.findings]

    @property
    def notices(self) -> list[str]:
        """What every output says first: homes that cannot be judged, or less surely than usual, and why."""
        return [home.notice for home in self.homes if home.notice is not None]

    @property
    def counts(self) -> dict[str, int]:
        """Number of threads by verdict, worst first, without zeros."""
        counted = Counter(thread.verdict for home in self.homes for thread in home.threads)
        return {one.value: counted[one] for one in VERDICT_ORDER if counted[one]}


def urgency(thread: ThreadDiagnosis) -> tuple[int, int, Micros, str]:
    """Where a thread stands among others, the worst first: verdict, gravest finding, since when, id."""
    severity = min((finding.severity.rank for finding in thread.findings), default=9)
    return (VERDICT_ORDER.index(thread.verdict), severity, thread.since or 0, thread.thread_id)
