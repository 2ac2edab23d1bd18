"""Plans that can be carried out where they stand: a plan, bound to a connection and a journal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import msgspec

from t3lens.act.answer import Answer
from t3lens.act.bulk import BulkResult, run_bulk, worst_first
from t3lens.act.connect import Connection
from t3lens.act.errors import NotDelivered, WrongHome
from t3lens.act.execute import Confirm, execute
from t3lens.act.journal import Journal
from t3lens.act.observe import observe
from t3lens.act.plan import Kind, Plan
from t3lens.act.plan_view import printable
from t3lens.act.planning import make_plan
from t3lens.act.queue_change import Queued
from t3lens.act.result import Progress, Result
from t3lens.act.target import Belief, Sighting, Target
from t3lens.act.verify import Timing
from t3lens.domain.finding import Confidence
from t3lens.errors import ActionError, ConnectionFailed
from t3lens.time import now

__all__ = ["Actor", "BoundPlan", "BoundPlans"]


class BoundPlan:
    """A plan that knows how to carry itself out. Shows itself as the plan does.

    Attributes:
        plan: The plan itself, as data.
    """

    def __init__(self, plan: Plan, actor: Actor, *, replan: Callable[[], Plan] | None = None):
        self.plan = plan
        self._actor = actor
        self._replan = replan

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
        confirm: Confirm = None,
        why: str = "",
        dry_run: bool = False,
        wait: bool = False,
        on_step: Callable[[Progress], None] | None = None,
    ) -> Result:
        """Carry it out; see ``t3lens.act.execute``."""
        return self._actor.execute(
            self.plan,
            confirm=confirm,
            why=why,
            dry_run=dry_run,
            wait=wait,
            on_step=on_step,
            replan=self._replan,
        )


class BoundPlans(Sequence[Plan]):
    """Plans for many threads, worst first, that can be carried out one after the other.

    Attributes:
        refused: Homes for whose threads none is made, each with the reason.
    """

    def __init__(
        self,
        plans: Sequence[Plan],
        carry_out: Callable[..., Result],
        *,
        refused: Sequence[str] = (),
    ) -> None:
        self._plans = worst_first(plans)
        self.refused = tuple(refused)
        self._carry_out = carry_out

    def __len__(self) -> int:
        return len(self._plans)

    def __getitem__(self, index: Any) -> Any:
        return self._plans[index]

    def __iter__(self) -> Iterator[Plan]:
        return iter(self._plans)

    def __repr__(self) -> str:
        acting = sum(plan.acts for plan in self._plans)
        lines = [f"refused: {reason}" for reason in self.refused]
        lines += [f"{len(self._plans)} plans, {acting} would send something"]
        lines += [f"  {plan.target.thread_id} {plan.decision}: {plan.because[0]}" for plan in self._plans]
        return "\n".join(printable(line) for line in lines)

    def _repr_html_(self) -> str:
        lines = [escape(line) for line in repr(self).splitlines()]
        return f'<div class="t3lens-plans">{"<br>".join(lines)}</div>'

    def execute(
        self,
        *,
        why: str,
        confirm: bool | Callable[[Sequence[Plan]], bool] = False,
        limit: int | None = None,
        least: Confidence = Confidence.LIKELY,
        on_step: Callable[[Progress], None] | None = None,
    ) -> BulkResult:
        """Carry them out, worst first; see ``t3lens.act.bulk.run_bulk``."""

        def carry_out(plan: Plan) -> Result:
            return self._carry_out(plan, confirm=True, why=why, on_step=on_step)

        return run_bulk(
            self._plans,
            carry_out,
            why=why,
            confirm=confirm,
            limit=limit,
            least=least,
            on_step=on_step,
        )


@dataclass(frozen=True, slots=True)
class _Observation:
    """What was seen of a thread, and what came instead of an answer if nobody is at the server's address.

    An address that nobody answers at is tried for a while, so one look asks it once.
    """

    seen: Sighting
    nobody: NotDelivered | None = None


class Actor:
    """Acts on the threads of one home.

    Args:
        connection: To the home's server (``connect``); nothing is asked of it before it is needed.
        journal: Where actions are written down.
        timing: How long to wait for what; by the data model if not said.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        journal: Journal | None = None,
        timing: Timing | None = None,
    ) -> None:
        self.connection = connection
        self.journal = journal or Journal()
        self.timing = timing

    def observe(self, target: Target, *, ask_server: bool = True) -> Sighting:
        """What the sources say of the thread now: the server too, if it answers and there is a token for it."""
        return self._observe(target, ask_server=ask_server).seen

    def _observe(self, target: Target, *, ask_server: bool) -> _Observation:
        if not ask_server:
            return _Observation(observe(target))
        try:
            # a person is asked for a token when acting, and to look only where there is no other way
            ask = target.database is None
            return _Observation(observe(target, self.connection.for_looking(ask=ask)))
        except NotDelivered as error:
            return _Observation(observe(target), error)
        except ActionError:
            # a plan can be made from the files alone; it says how old each source is
            return _Observation(observe(target, alive=self._answers()))

    def _answers(self) -> bool:
        try:
            self.connection.environment()
        except ActionError:
            return False
        return True

    def plan(
        self,
        kind: Kind,
        *,
        target: Target,
        belief: Belief,
        request_id: str | None = None,
        answer: Answer | None = None,
        queued: Queued | None = None,
        ask_server: bool = True,
        replan: Callable[[], Plan] | None = None,
    ) -> BoundPlan:
        """A plan of this kind for one thread, after a fresh look. Nothing is sent but reads."""
        self.connection.speak(target.model)
        if belief.cannot_judge is None:
            look = self._observe(target, ask_server=ask_server)
            seen = look.seen
            if ask_server:
                belief = self._with_liveness(belief, look.nobody)
        if belief.cannot_judge is not None:
            seen = Sighting(at=now())  # what is stored there would be read by the wrong rules
        plan = make_plan(kind, target=target, belief=belief, seen=seen, request_id=request_id, answer=answer, queued=queued)
        if not seen.archived and self.journal.left_unarchived(target.thread_id) is not None:
            said = "an earlier action took this thread out of the archive and was cut off: archive it again"
            plan = msgspec.structs.replace(plan, advice=(said, *plan.advice))
        return BoundPlan(plan, self, replan=replan)

    def _with_liveness(self, belief: Belief, nobody: NotDelivered | None) -> Belief:
        """The belief, with what the server itself answers now: nobody knows better whether it is alive."""
        if self.connection.environment_id is None:
            return belief
        try:
            if nobody is not None:
                raise nobody
            environment = self.connection.environment()
        except WrongHome as error:
            return msgspec.structs.replace(belief, server="unknown", server_why=str(error))
        except ConnectionFailed as error:
            if belief.server != "alive":
                return belief
            return msgspec.structs.replace(belief, server="unknown", server_why=str(error))
        except ActionError:
            return belief
        return msgspec.structs.replace(
            belief,
            server="alive",
            server_why="the server answers with this home's environment id",
            server_version=environment.version or belief.server_version,
            cannot_judge=belief.cannot_judge or environment.cannot_serve(self.connection.model),
        )

    def bind(self, plans: Sequence[Plan]) -> BoundPlans:
        """Plans for threads of this home, to be carried out one after the other."""
        return BoundPlans(plans, self.execute)

    def execute(
        self,
        plan: Plan,
        *,
        confirm: Confirm = None,
        why: str = "",
        dry_run: bool = False,
        wait: bool = False,
        on_step: Callable[[Progress], None] | None = None,
        replan: Callable[[], Plan] | None = None,
    ) -> Result:
        """Carry a plan out; see ``t3lens.act.execute``."""
        return execute(
            plan,
            connection=self.connection,
            journal=self.journal,
            confirm=confirm,
            why=why,
            dry_run=dry_run,
            wait=wait,
            timing=self.timing,
            on_step=on_step,
            replan=replan,
        )
