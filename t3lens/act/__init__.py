"""Acting: plan, confirm, journal, send once, read back; and repair without a server.

The usual way is ``Actor(connect(home)).plan("reconcile", target=..., belief=...)`` and then ``.execute()``.
"""

from t3lens.act.actor import Actor, BoundPlan, BoundPlans
from t3lens.act.bulk import BulkResult, run_bulk, worst_first
from t3lens.act.connect import Connection, connect, target_of
from t3lens.act.errors import Interrupted
from t3lens.act.execute import execute
from t3lens.act.journal import ActionRecord, Journal, JournalError
from t3lens.act.observe import observe
from t3lens.act.plan import Action, Decision, Plan, Step
from t3lens.act.planning import make_decline_plan, make_plan, make_reconcile_plan, make_stop_plan
from t3lens.act.result import Outcome, Progress, Result
from t3lens.act.server import Environment, Server
from t3lens.act.target import Belief, Scope, SessionSeen, Sighting, Target
from t3lens.act.token import Token, find_token
from t3lens.act.unattended import require_actions
from t3lens.act.v1.client import Client
from t3lens.act.v1.offline import OfflinePlan, execute_offline, plan_offline
from t3lens.act.verify import Timing

__all__ = [
    "Action",
    "ActionRecord",
    "Actor",
    "Belief",
    "BoundPlan",
    "BoundPlans",
    "BulkResult",
    "Client",
    "Connection",
    "Decision",
    "Environment",
    "Interrupted",
    "Journal",
    "JournalError",
    "OfflinePlan",
    "Outcome",
    "Plan",
    "Progress",
    "Result",
    "Scope",
    "Server",
    "SessionSeen",
    "Sighting",
    "Step",
    "Target",
    "Timing",
    "Token",
    "connect",
    "execute",
    "execute_offline",
    "find_token",
    "make_decline_plan",
    "make_plan",
    "make_reconcile_plan",
    "make_stop_plan",
    "observe",
    "plan_offline",
    "require_actions",
    "run_bulk",
    "target_of",
    "worst_first",
]
