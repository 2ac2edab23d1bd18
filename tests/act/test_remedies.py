"""What a finding is told to be ended by does end it: every kind of fault, brought back on the simulated server."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import t3lens
from t3lens.act import Decision, Outcome
from t3lens.diagnose import register_all
from t3lens.diagnose.detector import of_model
from t3lens.diagnose.facts import ModelInUse
from t3lens.domain.finding import Remedy, Verdict
from t3lens.lens.lens import Lens
from t3lens.sim import SimHome, SimServer
from t3lens.sim.scenarios import STORIES
from t3lens.sim.script import Ask, Say, Tool
from t3lens.sim.tamper import log_files
from tests.act.bench import PATIENT, QUICK, rows, writable_copy
from tests.diagnose.homes import opencode_says
from tests.recordings import Recording, needs_recordings, recordings

WRONG = (Verdict.STUCK, Verdict.DIVERGED)
CARRIED_OUT = (Remedy.STOP, Remedy.DECLINE, Remedy.RESTART_SERVER, Remedy.NEW_MESSAGE)
"""Remedies that change something; the others are advice."""

_numbers = itertools.count()


@dataclass
class Round:
    """What was found, and what was done about it."""

    verdict: Verdict
    told: frozenset[tuple[str, Remedy]]
    done: frozenset[Remedy] = frozenset()


@dataclass
class Course:
    """A thread from what is wrong with it to where following the advice leads."""

    rounds: list[Round] = field(default_factory=list)

    def __str__(self) -> str:
        return "\n".join(f"{r.verdict}: {sorted(r.told)}; done: {sorted(r.done)}" for r in self.rounds)

    @property
    def told_again(self) -> list[tuple[str, Remedy]]:
        """What was told, done, and told again."""
        pairs = itertools.pairwise(self.rounds)
        return [one for now, then in pairs for one in now.told & then.told if one[1] in now.done]


@contextmanager
def served(
    home: Path, *, adopt: bool, build: str | None = None, records: Path | str = "off"
) -> Iterator[tuple[SimServer, Lens]]:
    with SimServer(home, adopt=adopt, build=build, speed=50) as server, t3lens.open(home, records=records) as lens:
        connect(server, lens)
        yield server, lens


def connect(server: SimServer, lens: Lens) -> None:
    lens.connect(token=server.token)
    lens.session.actor(lens.session.home_ids[0]).timing = PATIENT


def settled(server: SimServer) -> None:
    """Wait until the server has done all it was asked for, and wrote it down."""
    assert server.wait(lambda core: not core.reactor.waiting and not core.reactor.busy_with, 20)
    with server.lock:
        server.core.logs.flush()


def say(server: SimServer, thread_id: str) -> None:
    """A person sends another message, and the turn ends well."""
    with server.lock:
        row = server.core.database.row("projection_threads", "thread_id", thread_id)
        assert row is not None
        server.core.thread(thread_id).script = (Say("Done."),)
        number = next(_numbers)
        server.core.dispatch(
            {
                "type": "thread.turn.start",
                "commandId": f"again-{number}",
                "threadId": thread_id,
                "message": {"messageId": f"message-{number}", "role": "user", "text": "Again.", "attachments": []},
                "runtimeMode": row["runtime_mode"],
                "interactionMode": row["interaction_mode"],
                "createdAt": row["created_at"],
            }
        )

    def ended(core: Any) -> bool:
        session = core.thread(thread_id).state.session
        turns = core.database.rows(thread_id)
        return session is not None and session.status == "ready" and turns.pending is None

    assert server.wait(ended, 20)


def follow(server: SimServer, lens: Lens, thread_id: str) -> Course:
    """Do what is advised, until nothing is wrong or nothing is advised."""
    course = Course()
    for _ in range(5):
        settled(server)
        lens.refresh()
        thread = lens.thread(thread_id)
        found = thread.diagnosis.findings
        told = frozenset((f.code, f.remedy) for f in found if f.makes in WRONG and f.remedy in CARRIED_OUT)
        course.rounds.append(Round(thread.verdict, told))
        if thread.verdict is not Verdict.STUCK and not told:
            return course
        course.rounds[-1].done = _do(server, lens, thread_id)
    return course


def _do(server: SimServer, lens: Lens, thread_id: str) -> frozenset[Remedy]:
    bound = lens.thread(thread_id).reconcile()
    plan = bound.plan
    match plan.decision:
        case Decision.ACT:
            result = bound.execute(confirm=True, why="test")
            assert result.outcome is Outcome.APPLIED, result
            declined = {Remedy.DECLINE} if plan.declines else set()
            return frozenset(declined | ({Remedy.STOP} if plan.stops else set()))
        case Decision.RESTART:
            server.restart(kill=True)
            connect(server, lens)
            return frozenset({Remedy.RESTART_SERVER})
    assert plan.decision is Decision.NOTHING, plan
    say(server, thread_id)
    return frozenset({Remedy.NEW_MESSAGE})


def brought_back(course: Course) -> None:
    last = course.rounds[-1]
    assert last.verdict is not Verdict.STUCK, course
    assert not last.told, course
    assert not course.told_again, course


# --- every finding code, by a story of it ----------------------------------------------------------------------

FIRST = {code: found for code in register_all() if (found := of_model(code, ModelInUse.FIRST)) is not None}
CODES = [code for code, detector in FIRST.items() if detector.makes in WRONG]
STORY_OF = {"session-differs": "turn-aborted-ignored", "turn-outcome-differs": "false-completed"}
"""Where the story that tells it best has another name than the code."""

OWN_TESTS = {"request-unseen"}
"""Codes of homes that no story tells, each with a test of its own below."""
ADVICE_ONLY = {code for code in CODES if FIRST[code].makes is not Verdict.STUCK and FIRST[code].remedy not in CARRIED_OUT}
"""Nothing blocks, and nothing is told to be done that could be tried."""

ALSO = (
    ("request-on-dead-session", "request-on-dead-session", "0.0.33"),
    ("request-on-dead-session", "approval-left-after-stop", "0.0.23"),
    ("request-on-dead-session", "approval-left-after-stop", "0.0.33"),
    ("answer-not-delivered", "answer-swallowed", "0.0.33"),
)
"""Codes whose end depends on the build, on others of their builds."""


def _told() -> list[tuple[str, str, str]]:
    names = ((code, STORY_OF.get(code, code)) for code in CODES if code not in {*OWN_TESTS, *ADVICE_ONLY})
    return [*((code, name, STORIES[name].builds[0]) for code, name in names), *ALSO]


@pytest.mark.parametrize(("code", "name", "build"), _told())
def test_what_is_told_of_a_finding_ends_it(code: str, name: str, build: str, tmp_path: Path) -> None:
    told = STORIES[name].tell(tmp_path / "home", build=build)
    wrong = [thread for thread, right in told.threads.items() if set(right.verdict) & set(WRONG)]
    assert wrong
    records = tmp_path / "home" / "agents" if STORIES[name].records else "off"
    with served(tmp_path / "home", adopt=told.server == "alive", build=build, records=records) as (server, lens):
        assert code in _codes(lens)
        for thread_id in wrong:
            brought_back(follow(server, lens, thread_id))


def _codes(lens: Lens) -> set[str]:
    diagnosis = lens.session.diagnosis
    threads = {finding.code for thread in diagnosis.threads for finding in thread.findings}
    return threads | {finding.code for home in diagnosis.homes for finding in home.findings}


def test_every_code_that_says_something_is_wrong_is_held_to_its_remedy() -> None:
    told = {code for code, _, _ in _told()} | OWN_TESTS
    assert told | ADVICE_ONLY == set(CODES)
    assert {code for code in ADVICE_ONLY if FIRST[code].remedy not in (Remedy.NONE, Remedy.INVESTIGATE)} == set()


@pytest.mark.parametrize("prompt", [False, True])
def test_what_is_told_of_a_request_that_nobody_sees_ends_it(prompt: bool, tmp_path: Path) -> None:
    """One of a child session that never reached T3 Code, and one of a kind for which it shows no prompt."""
    with SimHome(tmp_path / "home", build="0.0.33", seed=5) as told:
        thread = told.thread("Survey the callers", provider="opencode", runtime_mode="approval-required")
        told.send(thread, "Go on.", Tool("rg -n parse", 900, approval=prompt), Say("Done."))
        told.wait_request(thread) if prompt else told.wait_running(thread)
        told.advance(30)
    (log,) = log_files(told.path, thread)
    if prompt:
        log.write_bytes(log.read_bytes().replace(b'"requestType":"command_execution_approval"', b'"requestType":"unknown"'))
    else:
        ask = {"id": "per_1", "permission": "external_directory", "patterns": ["/etc/*"]}
        opencode_says(log, told.now, "permission.asked", ask, session="ses_child")
    with served(told.path, adopt=True) as (server, lens):
        assert "request-unseen" in _codes(lens)
        if prompt:
            assert lens.thread(thread).decline().execute(confirm=True, why="not shown").outcome is Outcome.APPLIED
            settled(server)
            lens.refresh()
            assert "request-unseen" not in _codes(lens)
        else:
            brought_back(follow(server, lens, thread))


# --- recorded states -------------------------------------------------------------------------------------------


def _recorded() -> list[Any]:
    """The first recorded state of each build and kind that is stuck for sure."""
    states: dict[object, Recording] = {}
    for recording in recordings():
        reasons = [t for t in recording.expected["threads"].values() if t["verdict"][0] == "stuck"]
        if reasons and recording.build != "0.0.23":
            states.setdefault(tuple(reasons[0]["must"]), recording)
    return [pytest.param(recording, id=recording.name) for recording in states.values()]


@needs_recordings
@pytest.mark.parametrize("recording", _recorded())
def test_a_recorded_state_comes_to_a_good_end(recording: Recording, tmp_path: Path) -> None:
    home = writable_copy(recording.path, tmp_path / "home")
    must = {code for thread in recording.expected["threads"].values() for code in thread["must"]}
    adopt = recording.expected["server"] == "alive" and "orphaned-turn" not in must
    with served(home, adopt=adopt, build=recording.build) as (server, lens):
        for thread in lens.session.diagnosis.threads:
            if thread.verdict in WRONG:
                brought_back(follow(server, lens, thread.thread_id))


# --- requests --------------------------------------------------------------------------------------------------


def asking(home: Path, *script: Any, provider: str = "claudeAgent", build: str = "0.0.33") -> tuple[str, str]:
    """A home in which a provider asks and lives; the thread, and what it asks. Of these no process can be missed."""
    with SimHome(home, build=build, seed=5) as told:
        thread = told.thread("Remove the old build", provider=provider, runtime_mode="approval-required")
        told.send(thread, "Remove it.", *script, Say("Done."))
        request = told.wait_request(thread)
        told.advance(30)
    return thread, request


@pytest.mark.parametrize("provider", ["claudeAgent", "cursor"])
def test_a_living_provider_takes_the_no_and_goes_on(provider: str, tmp_path: Path) -> None:
    thread_id, request = asking(tmp_path / "home", Tool("rm -rf build", approval=True), provider=provider)
    with served(tmp_path / "home", adopt=True) as (server, lens):
        bound = lens.thread(thread_id).decline(request)
        assert bound.plan.expected.delivered
        result = bound.execute(confirm=True, why="not that one")
        assert result.outcome is Outcome.APPLIED, result
        assert "its provider took the answer" in result.detail
        assert server.wait(lambda core: core.thread(thread_id).state.session.status == "ready", 20)
        settled(server)
        lens.refresh()
        assert lens.thread(thread_id).verdict is Verdict.IDLE
        again = lens.thread(thread_id).decline().plan
        assert again.decision is Decision.NOTHING


def test_a_living_provider_takes_the_yes_too_and_the_gone_one_is_not_given_one(tmp_path: Path) -> None:
    thread_id, request = asking(tmp_path / "home", Tool("rm -rf build", approval=True))
    with served(tmp_path / "home", adopt=True) as (server, lens):
        bound = lens.thread(thread_id).answer("accept", request_id=request)
        result = bound.execute(confirm=True, why="that one")
        assert result.outcome is Outcome.APPLIED, result
        assert "is accepted, and its provider took the answer" in result.detail
        decided = "SELECT json_extract(payload_json, '$.decision') FROM orchestration_events WHERE event_type = ?"
        assert rows(server.userdata / "state.sqlite", decided, "thread.approval-response-requested") == [("accept",)]
        assert lens.thread(thread_id).answer(text="yes").plan.decision is Decision.REFUSE
        for plan in (lens.thread(thread_id).resume_queue().plan, lens.thread(thread_id).cancel_queued().plan):
            assert plan.decision is Decision.NOTHING
    (tmp_path / "gone").mkdir()
    thread_id, request = asking(tmp_path / "gone" / "home", Tool("rm -rf build", approval=True), provider="codex")
    with served(tmp_path / "gone" / "home", adopt=False) as (_, lens):
        assert lens.thread(thread_id).answer("accept").plan.decision is not Decision.ACT


def test_a_no_that_the_provider_does_not_take_is_no_success(tmp_path: Path) -> None:
    thread_id, _ = asking(tmp_path / "home", Tool("rm -rf build", approval=True))
    with served(tmp_path / "home", adopt=True) as (server, lens):
        bound = lens.thread(thread_id).decline()
        with server.lock:
            provider = server.thread(thread_id).provider
            assert provider is not None
            provider._waiting.clear()  # it lost what it asked
        result = bound.execute(confirm=True)
        assert result.outcome is Outcome.FAILED
        assert "Stale pending approval request" in result.detail


def test_a_no_that_nobody_carries_out_is_not_confirmed(tmp_path: Path) -> None:
    thread_id, _ = asking(tmp_path / "home", Tool("rm -rf build", approval=True))
    with served(tmp_path / "home", adopt=True) as (server, lens):
        bound = lens.thread(thread_id).decline()
        server.block_queue()
        lens.session.actor(lens.session.home_ids[0]).timing = QUICK  # what is waited for never comes
        result = bound.execute(confirm=True)
        assert (result.outcome, result.code) == (Outcome.NOT_CONFIRMED, "queue-blocked")
        assert "what became of the answer not known" in result.detail


def test_a_question_whose_asker_is_gone_is_ended_by_a_new_message_and_nothing_else(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.28", seed=5) as told:
        thread_id = told.thread("Choose a branch", provider="codex")
        told.send(thread_id, "Go on.", Ask(), Say("Done."))
        told.wait_request(thread_id)
        told.kill_server()
    with served(tmp_path / "home", adopt=False, build="0.0.28") as (server, lens):
        assert lens.thread(thread_id).decline().plan.decision is not Decision.ACT
        course = follow(server, lens, thread_id)
        brought_back(course)
        done = [remedy for one in course.rounds for remedy in sorted(one.done)]
        assert done == [Remedy.STOP, Remedy.NEW_MESSAGE], course


def test_a_build_that_reconciles_leaves_the_approval_and_is_told_to(tmp_path: Path) -> None:
    thread_id, request = asking(tmp_path / "home", Tool("rm -rf build", approval=True))
    shutil.copytree(tmp_path / "home", tmp_path / "dead")
    with t3lens.open(tmp_path / "dead", server="dead") as lens:
        plan = lens.thread(thread_id).reconcile().plan
        assert plan.decision is Decision.START
        assert "leaves their approvals open" in plan.advice[0]
    with served(tmp_path / "home", adopt=False) as (server, lens):
        plan = lens.thread(thread_id).reconcile().plan
        assert (plan.stops, plan.declines) == (True, (request,))
        brought_back(follow(server, lens, thread_id))


def test_rows_of_a_deleted_thread_are_settled_offline(tmp_path: Path) -> None:
    told = STORIES["ghost-rows"].tell(tmp_path / "home")
    (thread_id,) = told.threads
    with t3lens.open(tmp_path / "home", server="dead") as lens:
        assert {f.remedy for f in lens.thread(thread_id).diagnosis.findings} == {Remedy.OFFLINE_REPAIR}
        result = lens.thread(thread_id).reconcile(offline=True).execute(confirm=True)
        assert result.applied, result
    with served(tmp_path / "home", adopt=False) as (_, lens):
        assert "ghost-rows" not in _codes(lens)


@pytest.mark.parametrize(("build", "remedy"), [("0.0.33", Remedy.OFFLINE_REPAIR), ("0.0.28", Remedy.STOP)])
def test_a_session_that_no_stop_reaches_is_told_to_be_repaired(build: str, remedy: Remedy, tmp_path: Path) -> None:
    told = STORIES["silent-turn"].tell(tmp_path / "home", build=build)
    (thread_id,) = told.threads
    with closing(sqlite3.connect(tmp_path / "home" / "userdata" / "state.sqlite")) as database, database:
        database.execute("DELETE FROM provider_session_runtime")
    with t3lens.open(tmp_path / "home", server="alive", as_of=told.as_of, records="off") as lens:
        stuck = [f for f in lens.thread(thread_id).diagnosis.findings if f.makes is Verdict.STUCK]
        assert {finding.remedy for finding in stuck} == {remedy}
        assert ("no runtime binding" in stuck[0].explanation) is (remedy is Remedy.OFFLINE_REPAIR)
    with t3lens.open(tmp_path / "home", server="dead") as lens:
        result = lens.thread(thread_id).reconcile(offline=True).execute(confirm=True)
        assert result.applied, result
    with served(tmp_path / "home", adopt=False, build=build) as (_, lens):
        assert lens.thread(thread_id).verdict is not Verdict.STUCK
