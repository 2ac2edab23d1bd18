"""Plans for a diagnosed thread: what the room ``act`` needs of it, and plans bound to the session's connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from t3lens.act import Actor, Belief, BoundPlan, BoundPlans, Journal, Plan, Result, Target
from t3lens.act.answer import Answer
from t3lens.act.plan import Kind
from t3lens.act.queue_change import Queued
from t3lens.act.v1.offline import OfflinePlan, execute_offline, plan_offline
from t3lens.diagnose import register_all
from t3lens.diagnose.facts import ModelInUse
from t3lens.domain.finding import Verdict
from t3lens.errors import UsageError
from t3lens.t3code.data_model import DataModel

if TYPE_CHECKING:
    from t3lens.diagnose import ThreadDiagnosis
    from t3lens.session.session import Session

__all__ = ["BoundRepair", "bulk_plans", "offline_plan", "server_plan"]


class BoundRepair:
    """An offline repair that knows how to carry itself out. Shows itself as its plan does.

    Attributes:
        plan: The plan itself, as data.
    """

    def __init__(self, plan: OfflinePlan, journal: Journal) -> None:
        self.plan = plan
        self._journal = journal

    def __repr__(self) -> str:
        return repr(self.plan)

    def _repr_html_(self) -> str:
        return self.plan._repr_html_()

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON-ready data."""
        return self.plan.to_dict()

    def execute(
        self,
        *,
        confirm: bool | Callable[[OfflinePlan], bool] = False,
        why: str = "",
        dry_run: bool = False,
        **_: Any,
    ) -> Result:
        """Carry it out; see ``t3lens.act.offline.execute_offline``."""
        return execute_offline(self.plan, journal=self._journal, confirm=confirm, why=why, dry_run=dry_run)


def server_plan(
    session: Session,
    thread: ThreadDiagnosis,
    kind: Kind,
    *,
    request_id: str | None = None,
    answer: Answer | None = None,
    queued: Queued | None = None,
) -> BoundPlan:
    """A plan for the home's server, bound to the session's connection. Making it sends nothing but reads.

    Args:
        session: The homes.
        thread: The thread.
        kind: What is asked for.
        request_id: The request to decline or answer; all that are open if not said.
        answer: What to answer it.
        queued: Which queued message, and what it is to become.
    """

    def again() -> Any:
        fresh = session.refresh().thread(thread.thread_id)
        return server_plan(session, fresh, kind, request_id=request_id, answer=answer, queued=queued).plan

    actor: Actor = session.actor(thread.home_id)
    target, belief = _target(session, thread), _belief(session, thread)
    return actor.plan(kind, target=target, belief=belief, request_id=request_id, answer=answer, queued=queued, replan=again)


def bulk_plans(session: Session, wanted: Iterable[str]) -> BoundPlans:
    """Plans to reconcile every thread of some verdicts, or with some findings. Making them sends nothing but reads.

    Args:
        session: The homes.
        wanted: Verdicts (``stuck``) and finding codes (``orphaned-turn``), mixed as you like.

    Raises:
        UsageError: A word that is neither.
    """
    words = {str(word) for word in wanted}
    unknown = words - {verdict.value for verdict in Verdict} - set(register_all())
    if unknown:
        raise UsageError(
            f"{', '.join(sorted(unknown))} is neither a verdict nor a finding code; verdicts are: {', '.join(Verdict)}",
            code="unknown-word",
        )
    bound = {
        (thread.home_id, thread.thread_id): server_plan(session, thread, "reconcile")
        for thread in session.diagnosis.threads
        if thread.verdict in words or any(finding.code in words for finding in thread.findings)
    }

    def carry_out(plan: Plan, **how: Any) -> Result:
        return bound[plan.target.home_id, plan.target.thread_id].execute(**how)

    refused = [
        f"home {home.home.path}: {home.home.standing.cannot_judge}"
        for home in session.diagnosis.homes
        if home.home.standing.cannot_judge is not None
    ]
    return BoundPlans([one.plan for one in bound.values()], carry_out, refused=refused)


def offline_plan(session: Session, thread: ThreadDiagnosis) -> BoundRepair:
    """A plan to repair the stored session while no server runs. Making it writes nothing."""
    context = session.home(thread.home_id).context
    plan = plan_offline(
        target=_target(session, thread),
        rules=context.rules.name,
        server_version=context.server.version,
        cannot_judge=context.home.standing.cannot_repair,
    )
    return BoundRepair(plan, Journal())


def _target(session: Session, thread: ThreadDiagnosis) -> Target:
    home = next((home for home in session.homes if home.home_id == thread.home_id), None)
    if home is None:
        raise UsageError("acting needs the home itself, not only a store of it; open the home", code="no-home")
    if home.elsewhere is not None:
        raise UsageError(f"{home.shown} is on another machine; act there", code="elsewhere")
    facts = session.home(thread.home_id).home
    database = home.database
    if facts.databases:
        database = home.path / facts.databases[0].name  # the one in use
    second = facts.model is ModelInUse.SECOND
    return Target(
        home_id=home.home_id,
        home_path=str(home.path),
        thread_id=thread.thread_id,
        title=thread.title or "",
        provider=thread.provider,
        environment_id=home.environment_id,
        database=str(database) if database else None,
        log_dir=str(home.log_dir) if home.log_dir else None,
        model=DataModel.V2 if second else DataModel.V1,
    )


def _belief(session: Session, thread: ThreadDiagnosis) -> Belief:
    home = session.home(thread.home_id)
    server = home.context.server
    return Belief(
        verdict=thread.verdict,
        findings=(*thread.findings, *home.findings),
        as_of=home.context.as_of,
        server=server.status,  # type: ignore[arg-type]  # the three words of ServerState
        server_why=server.why,
        server_version=server.version,
        server_started_at=server.started_at,
        rules=home.context.rules.name,
        cannot_judge=home.home.standing.cannot_judge,
        migrations=home.home.migrations,
        dead_requests=thread.case.requests.dead,
    )
