"""A plan bound to a connection and a journal; what a person is asked, and when."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest

from t3lens.act import Actor, Decision, Outcome, connect
from t3lens.act.plan import Action
from t3lens.domain.finding import Confidence, Verdict
from t3lens.sim import SimServer
from t3lens.t3code.builds import build_of
from tests.act.bench import PATIENT, Bench, belief, finding
from tests.act.test_execute import over, stuck_home


@pytest.fixture
def b(tmp_path: Path) -> Iterator[Bench]:
    (thread,) = stuck_home(tmp_path, "stuck")
    with SimServer(tmp_path / "home", speed=20) as server:
        yield over(server, thread, tmp_path)


def actor(b: Bench) -> Actor:
    return Actor(b.connection, journal=b.journal, timing=PATIENT)


class _Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def test_a_bound_plan_shows_and_carries_out_its_plan(b: Bench) -> None:
    bound = actor(b).plan("reconcile", target=b.target, belief=belief("orphaned-turn"))
    assert repr(bound) == repr(bound.plan)
    assert bound._repr_html_() == bound.plan._repr_html_()
    # plans are text in a terminal, and pages in a notebook: each says what can be typed there
    assert f"t3lens {bound.plan.kind} " in repr(bound) and "lens.thread(" not in repr(bound)
    assert f").{bound.plan.kind}()" in bound._repr_html_() and f"t3lens {bound.plan.kind} " not in bound._repr_html_()
    assert bound.to_dict()["decision"] == "act"
    assert bound.execute(dry_run=True).outcome is Outcome.DRY_RUN
    assert bound.execute(confirm=True, why="it hangs").applied


def test_bound_plans_run_worst_first(b: Bench) -> None:
    one = actor(b)
    plan = one.plan("reconcile", target=b.target, belief=belief("orphaned-turn")).plan
    plans = one.bind([plan])
    assert len(plans) == 1
    assert list(plans) == [plans[0]] == [plan]
    assert "1 would send something" in repr(plans)
    assert plans.execute(why="tidy", confirm=True).counts == {"applied": 1}


def test_nobody_knows_better_than_the_server_whether_it_is_alive(b: Bench) -> None:
    believed = belief("orphaned-turn", server="unknown", server_why="no runtime file")
    plan = actor(b).plan("reconcile", target=b.target, belief=believed).plan
    assert plan.belief.server == "alive"
    assert plan.decision is Decision.ACT


def test_a_server_that_went_away_is_no_longer_believed_alive(b: Bench) -> None:
    one = actor(b)
    b.server.kill()
    plan = one.plan("reconcile", target=b.target, belief=belief("orphaned-turn")).plan
    assert plan.belief.server == "unknown"
    assert plan.decision is Decision.REFUSE


def test_the_server_of_another_home_makes_liveness_unknown(b: Bench) -> None:
    b.connection.environment_id = "another"
    plan = actor(b).plan("reconcile", target=b.target, belief=belief("orphaned-turn")).plan
    assert plan.decision is Decision.REFUSE
    assert "another home" in plan.because[0]


def test_making_a_plan_asks_nobody_for_a_token_and_acting_does(b: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask(prompt: str = "") -> str:
        asked.append(prompt)
        return b.server.token

    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setattr(sys, "stdin", _Terminal())
    monkeypatch.setattr(getpass, "getpass", ask)
    one = Actor(connect(b.home), journal=b.journal, timing=PATIENT)
    bound = one.plan("reconcile", target=b.target, belief=belief("orphaned-turn"))
    assert asked == []
    assert [source.source for source in bound.plan.seen.sources] == ["state.sqlite", "log"]
    assert bound.execute(confirm=True).applied
    assert len(asked) == 1
    assert b.server.origin in asked[0]
    assert b.server.token not in b.journal.path.read_text()


def test_a_pairing_token_is_not_used_up_by_making_a_plan(b: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_TOKEN", b.server.auth.pair())
    one = Actor(connect(b.home), journal=b.journal, timing=PATIENT)
    bound = one.plan("reconcile", target=b.target, belief=belief("orphaned-turn"))
    assert bound.execute(confirm=True).applied


@pytest.mark.parametrize(("typed", "sent"), [("y\n", 1), ("n\n", 0), ("\n", 0), ("", 0)])
def test_on_a_terminal_a_person_sees_the_plan_and_is_asked(
    b: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: str,
    sent: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(sys, "stdin", _Terminal(typed))
    result = b.execute(b.plan("orphaned-turn"), confirm=None)
    assert result.applied is bool(sent)
    assert b.stop_requests() == sent
    assert "thread.session.stop" in capsys.readouterr().out


def test_the_result_is_shown_escaped(b: Bench) -> None:
    result = b.execute(b.plan("orphaned-turn"), confirm=False)
    hostile = msgspec.structs.replace(result, detail="<b onclick=x>", advice=("<i>",))
    assert "<i>" not in hostile._repr_html_()
    assert "<b onclick" not in hostile._repr_html_()
    assert "<b onclick=x>" in repr(hostile)


@pytest.mark.parametrize(
    ("version", "rules", "name"),
    [
        ("0.0.23", None, "shipped-0.0.23"),
        ("0.0.27", None, "shipped-0.0.23"),
        ("0.0.28", None, "shipped-0.0.29"),
        ("0.0.30", None, "shipped-0.0.29"),
        ("0.0.33", None, "shipped-0.0.33"),
        ("0.0.42", None, "shipped-0.0.33"),
        ("1.2.3-nightly+4", None, "shipped-0.0.33"),
        (None, "shipped-0.0.23", "shipped-0.0.23"),
        (None, "settle", "shipped-0.0.33"),
        (None, None, "shipped-0.0.33"),
        ("what", "shipped-0.0.23", "shipped-0.0.23"),
        ("²", None, "shipped-0.0.33"),
        ("", "shipped-0.0.23", "shipped-0.0.23"),
    ],
)
def test_a_build_is_known_by_its_version_or_by_its_rules(version: str | None, rules: str | None, name: str) -> None:
    assert build_of(version=version, believed=rules).rules.name == name


def test_a_stop_that_a_person_wants_works_on_a_working_session(tmp_path: Path) -> None:
    from t3lens.sim import SimHome
    from t3lens.sim.script import Say

    with SimHome(tmp_path / "home", build="0.0.28") as home:
        home.project()
        thread = home.thread("busy")
        home.stop_server()
    with SimServer(tmp_path / "home") as server:
        b = over(server, thread, tmp_path)
        server.will_do(thread, Say("word " * 2000, pace=0.02))
        with server.lock:
            core: Any = server.core
            core.dispatch(
                {
                    "type": "thread.turn.start",
                    "commandId": "start",
                    "threadId": thread,
                    "message": {
                        "messageId": "m",
                        "role": "user",
                        "text": "go",
                        "attachments": [],
                    },
                    "runtimeMode": "full-access",
                    "interactionMode": "default",
                    "createdAt": "2026-11-22T12:00:00.000Z",
                }
            )
        assert b.wait(lambda seen: seen.session is not None and seen.session.status == "running")
        assert b.wait(lambda seen: bool(seen.running_turns))
        # the log is written in batches, a moment after the database: the plan must know the turn's start from both
        logs = tmp_path / "home" / "userdata" / "logs" / "provider"
        assert b.wait(lambda _: any(b"turn.started" in log.read_bytes() for log in logs.glob("*.log")))
        refused = b.plan(verdict=Verdict.WORKING)
        assert refused.decision is Decision.REFUSE
        plan = b.plan(kind="stop", verdict=Verdict.WORKING)
        assert [step.action for step in plan.steps] == [Action.STOP]
        assert any("cut off" in risk for risk in plan.risks)
        newest = plan.seen.sequence or 0
        # it works on meanwhile, and that is no reason not to stop it
        server.wait(lambda core: core.database.sequence > newest, 3)
        result = b.execute(plan)
        assert result.outcome is Outcome.APPLIED, result
        assert b.observe().session is not None


def test_a_sure_finding_is_more_than_a_possible_one() -> None:
    assert list(Confidence) == [Confidence.CERTAIN, Confidence.LIKELY, Confidence.POSSIBLE]
    assert finding().confidence is Confidence.CERTAIN
