"""Which step is chosen for which state, as data: no server, no files."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from t3lens.act import Decision, Plan, Scope, SessionSeen, Sighting, Target, make_plan
from t3lens.act.plan import Action
from t3lens.act.target import Freshness, NewestEvent
from t3lens.domain.finding import Confidence, Evidence, EvidenceKind, Verdict
from t3lens.time import parse_iso
from tests.act.bench import belief, finding

NOW = parse_iso("2026-11-22T12:00:00Z")
TARGET = Target(home_id="h", home_path="/home/dev/.t3/userdata", thread_id="thread-1", title="T")


def sighting(status: str | None = "running", turn: str | None = "turn-1", **more: Any) -> Sighting:
    session = None if status is None else SessionSeen(status=status, active_turn_id=turn)
    values: dict[str, Any] = {
        "at": NOW,
        "found": True,
        "session": session,
        "session_in_database": session,
        "turns": {turn: "running"} if turn else {},
        "binding": "running",
        "binding_read": True,
        "server_version": "0.0.28",
        "server_started_at": NOW - 3_600_000_000,
    }
    return Sighting(**{**values, **more})


def plan(*codes: Any, kind: Any = "reconcile", seen: Sighting | None = None, **more: Any) -> Plan:
    return make_plan(kind, target=TARGET, belief=belief(*codes, **more), seen=seen or sighting())


def actions(made: Plan) -> list[Action]:
    return [step.action for step in made.steps]


# --- what a reconcile means, state by state -------------------------------------------------------------------


@pytest.mark.parametrize(
    "code",
    [
        "orphaned-turn",
        "dead-provider",
        "silent-turn",
        "retry-loop",
        "session-differs",
        "terminal-not-ingested",
        "terminal-turn-live-session",
        "runtime-projection-split",
        "answer-not-delivered",
    ],
)
def test_a_stuck_session_is_stopped_and_never_interrupted(code: str) -> None:
    made = plan(code)
    assert made.decision is Decision.ACT
    assert actions(made) == [Action.STOP]
    assert code in made.because[0]


DEAD = ("request-on-dead-session",)


def asking(status: str | None, turn: str | None = None, *requests: str, **more: Any) -> Sighting:
    return sighting(status, turn, open_requests=requests or ("r-1",), **more)


def test_an_approval_whose_asker_is_gone_is_declined_after_a_stop_of_what_is_not_stopped() -> None:
    made = plan(*DEAD, seen=asking("error"), dead_requests=("r-1",))
    assert (actions(made), made.declines) == ([Action.STOP, Action.DECLINE], ("r-1",))
    assert "nobody is there to take the answer" in made.steps[1].expects
    stopped = plan(*DEAD, seen=asking("stopped"), dead_requests=("r-1",))
    assert actions(stopped) == [Action.DECLINE]
    assert not stopped.risks
    live = plan("orphaned-turn", *DEAD, seen=asking("running", "turn-1", "r-1", "r-2"), dead_requests=("r-1", "r-2"))
    assert actions(live) == [Action.STOP, Action.DECLINE, Action.DECLINE]
    assert [reason.partition(" ")[0] for reason in live.because] == ["orphaned-turn", "request-on-dead-session"]


def test_no_stop_is_sent_where_it_would_do_nothing_before_a_decline() -> None:
    unbound = {"binding": None, "server_version": "0.0.33", "dead_requests": ("r-1",)}
    dead = {"dead_requests": unbound.pop("dead_requests")}
    made = plan(*DEAD, seen=asking("error", **unbound), **dead)
    assert actions(made) == [Action.DECLINE]
    assert any("resume the provider" in risk for risk in made.risks)
    assert plan("orphaned-turn", *DEAD, seen=asking("running", "turn-1", **unbound), **dead).decision is Decision.REFUSE


def test_what_a_stopped_provider_asked_is_declined_with_the_stop() -> None:
    for made in (plan("silent-turn", seen=asking("running", "turn-1")), plan(kind="stop", seen=asking("running", "turn-1"))):
        assert actions(made) == [Action.STOP, Action.DECLINE]
        assert "if it is still open then" in made.steps[1].says
    over = plan(kind="stop", seen=asking("stopped"))
    assert over.decision is Decision.NOTHING
    assert "t3lens decline" in over.advice[0]


def test_a_request_of_a_session_long_over_is_declined_and_the_turn_of_today_left_alone() -> None:
    bygone = finding("request-on-dead-session", makes=Verdict.DIVERGED)
    made = plan(bygone, seen=asking("running", "turn-1", "r-old", "r-new"), dead_requests=("r-old",))
    assert (actions(made), made.declines) == ([Action.DECLINE], ("r-old",))


def test_a_question_is_never_declined_and_the_advice_says_so() -> None:
    for kind in ("reconcile", "decline"):
        made = plan(*DEAD, kind=kind, seen=sighting("stopped", None, open_requests=()), dead_requests=("q-1",))
        assert made.decision is Decision.NOTHING
        assert "question" in made.advice[0]


def test_a_person_may_decline_what_a_living_provider_asks() -> None:
    waiting = finding("waiting-for-user", makes=Verdict.WAITING)
    made = plan(waiting, kind="decline", seen=asking("running", "turn-1", "r-1", "r-2"))
    assert made.declines == ("r-1", "r-2")
    assert made.expected.delivered
    assert not made.stops
    one = make_plan("decline", target=TARGET, belief=belief(waiting), seen=asking("running", "turn-1"), request_id="r-1")
    assert one.declines == ("r-1",)
    assert "--request r-1" in one.command_line
    none = make_plan(
        "decline", target=TARGET, belief=belief(waiting), seen=asking("running", "turn-1"), request_id="made-up"
    )
    assert none.decision is Decision.NOTHING
    hangs = plan("silent-turn", kind="decline", seen=asking("running", "turn-1"))
    assert actions(hangs) == [Action.STOP, Action.DECLINE]
    unread = plan(waiting, kind="decline", seen=sighting(open_requests=None))
    assert unread.decision is Decision.REFUSE


def test_a_start_closes_no_approval() -> None:
    seen = asking("error", server_version="0.0.33")
    made = plan(*DEAD, seen=seen, dead_requests=("r-1",), server="dead")
    assert made.decision is Decision.START
    assert "reconcile again" in made.advice[0]
    assert "approvals open" in made.advice[0]
    assert len(made.advice) == 1  # and no repair of the database does
    live = plan("orphaned-turn", *DEAD, seen=asking("running", "turn-1"), dead_requests=("r-1",), server="dead")
    assert "approval stays open" in live.advice[1]


def test_a_decline_ends_if_somebody_answered_meanwhile() -> None:
    made = plan(*DEAD, seen=asking("stopped"), dead_requests=("r-1",))
    assert made.precondition.broken_by(made.seen) is None
    answered = asking("stopped", None, "r-2")
    assert made.precondition.broken_by(answered) == "request r-1 was answered"


def test_an_archived_thread_is_taken_out_stopped_and_put_back() -> None:
    made = plan("orphaned-turn", seen=sighting(archived=True))
    assert actions(made) == [Action.UNARCHIVE, Action.STOP, Action.ARCHIVE]


@pytest.mark.parametrize("kind", ["stop", "reconcile"])
@pytest.mark.parametrize(
    "code",
    [
        "command-queue-stalled",
        "ingestion-stalled",
        "interrupt-without-effect",
        "stop-without-effect",
    ],
)
def test_a_stalled_queue_gets_no_command_at_all(code: str, kind: str) -> None:
    made = plan("silent-turn", finding(code, since=NOW), kind=kind)
    assert made.decision is Decision.RESTART
    assert actions(made) == [Action.AWAIT_RESTART]
    assert any("restart" in advice for advice in made.advice)


def test_a_queue_that_was_stalled_before_the_server_was_restarted_is_a_new_queue() -> None:
    before = finding("interrupt-without-effect", since=NOW - 7_200_000_000)
    assert plan("orphaned-turn", before).decision is Decision.ACT


def test_a_stop_that_could_not_work_anyway_says_nothing_about_the_queue() -> None:
    failed = finding("stop-without-effect", since=NOW)
    assert plan(failed, seen=sighting(archived=True)).decision is Decision.ACT
    unbound = plan(failed, seen=sighting(binding=None, server_version="0.0.33"))
    assert unbound.decision is Decision.REFUSE
    assert "binding" in unbound.because[0]


@pytest.mark.parametrize(("verdict", "says"), [(Verdict.WORKING, "works"), (Verdict.WAITING, "waits for a person")])
def test_a_live_provider_is_left_alone_with_the_reason(verdict: Verdict, says: str) -> None:
    made = plan(verdict=verdict)
    assert made.decision is Decision.REFUSE
    assert says in made.because[0]
    assert plan(verdict=verdict, kind="stop").decision is Decision.ACT


def test_what_cannot_be_told_changes_nothing_and_says_what_would_settle_it() -> None:
    unknown = plan(verdict=Verdict.UNKNOWN)
    assert unknown.decision is Decision.REFUSE
    assert unknown.advice
    no_server = plan("orphaned-turn", server="unknown", server_why="it does not answer")
    assert no_server.decision is Decision.REFUSE
    assert "it does not answer" in no_server.because[0]


@pytest.mark.parametrize("status", ["idle", "ready", "stopped", "interrupted", "error"])
def test_there_is_nothing_to_do_for_a_session_that_is_over(status: str) -> None:
    made = plan(verdict=Verdict.IDLE, seen=sighting(status, None))
    assert made.decision is Decision.NOTHING
    healed = plan("orphaned-turn", seen=sighting(status, None))
    assert healed.decision is Decision.NOTHING
    assert "by now" in healed.because[0]


def test_a_deleted_thread_is_explained_and_left() -> None:
    for kind in ("stop", "reconcile"):
        made = plan("orphaned-turn", kind=kind, seen=sighting(deleted=True))
        assert made.decision is Decision.NOTHING
        assert "deleted" in made.because[0]


def test_without_a_server_the_plan_says_how_it_heals() -> None:
    old = plan("orphaned-turn", server="dead", seen=sighting(server_version="0.0.28"))
    new = plan("orphaned-turn", server="dead", seen=sighting(server_version="0.0.33"))
    assert old.decision is new.decision is Decision.START
    assert "by itself" in old.advice[0]
    assert "ends nothing by itself" in old.advice[0]
    assert "ends such sessions itself" in new.advice[0]
    assert any("--offline" in advice for advice in old.advice)


def test_rows_that_are_untrue_but_block_nothing_are_explained() -> None:
    made = plan(
        "unsettled-turn",
        seen=sighting("stopped", None, turns={"turn-1": "running"}, server_version="0.0.23"),
    )
    assert made.decision is Decision.NOTHING
    assert "no command of the server corrects" in made.because[0]


def test_a_damaged_database_is_not_acted_on() -> None:
    assert plan("database-corrupt", kind="stop").decision is Decision.REFUSE


def test_a_stop_of_a_stopped_session_is_a_no_op() -> None:
    assert plan(kind="stop", seen=sighting("stopped", None)).decision is Decision.NOTHING
    assert plan(kind="stop", seen=sighting("ready", None)).decision is Decision.ACT
    torn = sighting("stopped", None, session_in_database=SessionSeen(status="running", active_turn_id="t"))
    assert plan(kind="stop", seen=torn).decision is Decision.ACT


def test_what_the_builds_do_differently_is_said() -> None:
    may = plan("orphaned-turn", seen=sighting(server_version="0.0.23"))
    assert "stays stored as running" in may.steps[0].expects
    assert not may.expected.turns_settle
    assert any("forgotten" in risk for risk in may.risks)
    july = plan("orphaned-turn", seen=sighting(server_version="0.0.28"))
    assert july.expected.turns_settle
    assert not july.risks


def test_an_unsure_finding_is_a_risk_that_is_named() -> None:
    made = plan(finding("silent-turn", confidence=Confidence.POSSIBLE))
    assert made.acts
    assert "only possible" in made.risks[0]


# --- what must still be so -------------------------------------------------------------------------------------


def marks(sequence: int, line: str | None = None) -> dict[Scope, NewestEvent]:
    return dict.fromkeys(Scope, NewestEvent(sequence=sequence, line=line))


@pytest.mark.parametrize(
    ("code", "kind", "scope"),
    [
        ("orphaned-turn", "reconcile", Scope.ANY),
        ("silent-turn", "stop", Scope.ANY),
        ("retry-loop", "reconcile", Scope.PROGRESS),
        (None, "stop", Scope.LIFECYCLE),
    ],
)
def test_what_counts_as_a_sign_of_life_depends_on_why(code: str | None, kind: str, scope: Scope) -> None:
    made = plan(code, kind=kind) if code else plan(kind=kind, verdict=Verdict.WORKING)
    assert made.precondition.scope is scope


@pytest.mark.parametrize(
    ("then", "says"),
    [
        (sighting("ready", None), "session was running and is ready"),
        (sighting("running", "turn-2"), "active turn"),
        (sighting(deleted=True), "deleted"),
        (sighting(archived=True), "archived"),
        (sighting(marks=marks(8)), "newer event"),
        (sighting(marks=marks(7, "2026-11-22T12:00:01.000Z@99")), "newer line"),
        (sighting(marks=marks(7), server_started_at=NOW), "started again"),
    ],
)
def test_every_change_since_the_plan_breaks_it(then: Sighting, says: str) -> None:
    made = plan("orphaned-turn", seen=sighting(marks=marks(7)))
    assert made.precondition.broken_by(sighting(marks=marks(7))) is None
    assert says in (made.precondition.broken_by(then) or "")


# --- a plan is data --------------------------------------------------------------------------------------------

HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e"


def hostile_plan() -> Plan:
    evidence = Evidence(kind=EvidenceKind.LOG, source=HOSTILE, excerpt=HOSTILE, line=1, offset=0)
    return make_plan(
        "reconcile",
        target=Target(home_id=HOSTILE, home_path=f"/x/{HOSTILE}", thread_id=HOSTILE, title=HOSTILE),
        belief=belief(finding(summary=HOSTILE, evidence=(evidence,))),
        seen=sighting(HOSTILE, HOSTILE, sources=(Freshness(source="log", read_at=NOW, newest_at=NOW),)),
    )


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)


def test_what_a_log_says_is_escaped_wherever_the_plan_is_shown() -> None:
    made = hostile_plan()
    tags = _Tags()
    tags.feed(made._repr_html_())
    assert "script" not in tags.tags
    assert "\x1b" not in repr(made) + made._repr_html_()
    assert "\u202e" not in repr(made) + made._repr_html_()


def test_a_plan_is_json_and_says_everything() -> None:
    made = plan("orphaned-turn", seen=sighting(archived=True))
    data = json.loads(made.to_json())
    assert data["decision"] == "act"
    assert data["target"]["thread_id"] == "thread-1"
    assert [step["action"] for step in data["steps"]] == [
        "thread.unarchive",
        "thread.session.stop",
        "thread.archive",
    ]
    assert data["precondition"]["active_turn_id"] == "turn-1"
    text = repr(made)
    for part in (
        "thread-1",
        "orphaned-turn",
        "could go wrong",
        "Not touched",
        "t3lens reconcile thread-1",
    ):
        assert part in text


STATUSES = (None, "idle", "starting", "running", "ready", "interrupted", "stopped", "error")
CODES = (
    "orphaned-turn", "silent-turn", "retry-loop", "command-queue-stalled", "unsettled-turn",
    "interrupt-without-effect", "pending-turn-abandoned", "request-on-dead-session",
    "database-corrupt",
)  # fmt: skip


@given(
    kind=st.sampled_from(["stop", "reconcile"]),
    status=st.sampled_from(STATUSES),
    turn=st.sampled_from([None, "turn-1"]),
    codes=st.lists(st.sampled_from(CODES), max_size=3, unique=True),
    verdict=st.sampled_from(list(Verdict)),
    server=st.sampled_from(["alive", "dead", "unknown"]),
    flags=st.tuples(st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    version=st.sampled_from(["0.0.23", "0.0.28", "0.0.33", None]),
)
def test_the_laws_hold_for_every_state(
    kind: str,
    status: str | None,
    turn: str | None,
    codes: list[str],
    verdict: Verdict,
    server: str,
    flags: tuple[bool, bool, bool, bool],
    version: str | None,
) -> None:
    archived, deleted, found, bound = flags
    seen = sighting(
        status,
        turn,
        archived=archived,
        deleted=deleted,
        found=found,
        binding="running" if bound else None,
        server_version=version,
    )
    findings = [finding(code, since=NOW) for code in codes]
    made = plan(*findings, kind=kind, seen=seen, verdict=verdict, server=server)
    assert made.because
    if not made.acts:
        assert Action.STOP not in actions(made)
        assert made.decision is Decision.RESTART or not made.steps
        return
    assert server == "alive", "nothing is sent unless the server is known to be alive"
    assert found
    assert not deleted
    assert "command-queue-stalled" not in codes
    assert actions(made).count(Action.STOP) == 1
    assert (Action.ARCHIVE in actions(made)) is archived
    if kind == "reconcile":
        assert codes, "a reconcile needs a finding"
        assert verdict not in (Verdict.WORKING, Verdict.WAITING, Verdict.UNKNOWN)
    if version == "0.0.33":
        assert bound or status is None


def test_making_a_plan_is_repeatable() -> None:
    first, second = plan("orphaned-turn"), plan("orphaned-turn")
    assert first.plan_id != second.plan_id
    left, right = first.to_dict(), second.to_dict()
    left.pop("plan_id")
    right.pop("plan_id")
    assert left == right
