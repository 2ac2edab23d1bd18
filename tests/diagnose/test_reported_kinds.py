"""Kinds of fault that people reported, each with its siblings: other providers, other builds, other moments."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from t3lens.diagnose import ThreadDiagnosis
from t3lens.diagnose.story import divergence, explain
from t3lens.sim import SimHome
from t3lens.sim.script import Fail, Hang, Retry, Say, ScriptStep, Silence, Task, Tool
from t3lens.sim.tamper import log_files
from t3lens.t3code.native.words import one_line, reset_time, speaks_of_limit, without_ids
from t3lens.time import iso
from tests.diagnose.homes import by_id, diagnosed, loud, opencode_says

PROVIDERS = ("codex", "claudeAgent", "opencode", "cursor")
A_DAY = 86_400 * 1_000_000


def judged(home: SimHome, thread: str, *, server: str = "alive", after: int = 0, **how: object) -> ThreadDiagnosis:
    return by_id(diagnosed(home.path, as_of=iso(home.now + after), server=server, **how))[thread]  # type: ignore[arg-type]


def codes(thread: ThreadDiagnosis) -> set[str]:
    return {finding.code for finding in thread.findings}


def summary(thread: ThreadDiagnosis, code: str) -> str:
    (found,) = [finding.summary for finding in thread.findings if finding.code == code]
    return found


# --- who asks between turns --------------------------------------------------------------------------------------


def background_agent_asks(path: Path, *, within: bool, further: int) -> tuple[SimHome, str]:
    """A background agent asks for an approval, within its turn or after it; that and further turns end beside it."""
    with SimHome(path, build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="claudeAgent", runtime_mode="approval-required")
        home.send(thread, "Survey the callers.", Task(seconds=9000, background=True), Silence(20), Say("Started."))
        home.wait_running(thread)
        if not within:
            home.wait_idle(thread)
        home.advance(5)
        asked = {"requestType": "command_execution_approval", "detail": "rg -n parse"}
        provider = home.provider(thread)
        provider.say("none", "request.opened", asked, request="req-1", turn=provider.turn_id if within else None)
        home.wait_idle(thread)
        for _ in range(further):
            home.turn(thread, "And the tests?", Say("All pass."))
            home.advance(30)
        home.advance(60)
    return home, thread


@pytest.mark.parametrize(("within", "further"), [(True, 0), (True, 2), (False, 2)])
def test_a_background_agent_asks_on_whatever_turns_end_beside_it(within: bool, further: int, tmp_path: Path) -> None:
    home, thread = background_agent_asks(tmp_path / "home", within=within, further=further)
    assert judged(home, thread).verdict == "waiting"
    dead = judged(home, thread, server="dead")
    assert "no server of this home is running" in summary(dead, "request-on-dead-session")
    (home.userdata / "state.sqlite").unlink()
    assert judged(home, thread).verdict == "waiting"
    assert judged(home, thread, server="dead").verdict == "stuck"


def test_a_server_that_started_since_is_why_nobody_waits_for_the_answer(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="claudeAgent", runtime_mode="approval-required")
        home.turn(thread, "Survey the callers.", Task(seconds=9000, background=True), Say("Started."))
        asked = {"requestType": "command_execution_approval", "detail": "rg -n parse"}
        home.provider(thread).say("none", "request.opened", asked, request="req-1")
        home.advance(30)
        home.restart_server()
        home.advance(60)
    assert "the server was started anew since" in summary(judged(home, thread), "request-on-dead-session")


def test_an_answer_is_not_lost_because_the_log_is(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Tidy up", provider="codex", runtime_mode="approval-required")
        home.send(thread, "Remove it.", Tool("rm -rf build", 900, approval=True))
        home.wait_request(thread)
        home.respond(thread)
        home.advance(60)
        home.turn(home.thread("Speed up the parser", provider="codex"), "What is slow?", Say("The parser."))
    for log in log_files(home.path, thread):
        log.unlink()
    said = judged(home, thread)
    assert (said.verdict, loud(said)) == ("working", [])


def test_who_is_asked_is_told_to_answer_also_where_an_old_turn_is_stored_untruly(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Tidy up", provider="codex", runtime_mode="approval-required")
        home.send(thread, "Survey the callers.", Silence(900))
        home.wait_running(thread)
        home.interrupt(thread)
        home.wait_idle(thread)
        home.send(thread, "Remove it.", Tool("rm -rf build", approval=True))
        home.wait_request(thread)
        home.advance(60)
    said = judged(home, thread)
    assert (said.verdict, codes(said)) == ("diverged", {"turn-outcome-differs", "waiting-for-user"})
    assert explain(said).next_step.startswith("Answer the open request")


# --- a message sent while a turn runs ----------------------------------------------------------------------------


def steered(path: Path, provider: str) -> tuple[SimHome, str]:
    """A thread that took a first message, and a second one in the middle of the next turn; that turn is over."""
    home = SimHome(path, build="0.0.33")
    thread = home.thread("Speed up the parser", provider=provider)
    home.turn(thread, "What is slow?", Say("The parser."))
    home.send(thread, "Make it fast.", Tool("make bench", 20), Say("Done."))
    home.wait_running(thread)
    home.advance(5)
    home.send(thread, "And add a test.", Say("Added."))
    home.wait_idle(thread)
    home.advance(60)
    return home, thread


@pytest.mark.parametrize("provider", ["codex", "opencode", "cursor"])
def test_a_message_that_was_taken_into_a_turn_is_left_in_peace(provider: str, tmp_path: Path) -> None:
    home, thread = steered(tmp_path / "home", provider)
    home.close()
    said = judged(home, thread)
    assert (said.verdict, loud(said)) == ("idle", [])


@pytest.mark.parametrize("provider", ["codex", "opencode", "cursor"])
def test_a_message_that_left_no_record_was_not_taken(provider: str, tmp_path: Path) -> None:
    home, thread = steered(tmp_path / "home", provider)
    home.close()
    (path,) = log_files(home.path, thread)
    lines = path.read_bytes().splitlines(keepends=True)
    marks = (b'"user_message"', b'"userMessage"', b'"role":"user"', b'"user_message_chunk"')
    of_person = [n for n, line in enumerate(lines) if any(mark in line for mark in marks)]
    first = [n for n in of_person if b"And add a test" in lines[n]]
    begin = min(first) if first else of_person[-1]
    path.write_bytes(b"".join(line for n, line in enumerate(lines) if n not in of_person or n < begin))
    if provider == "opencode":  # what a child session is asked, no person asked
        info = {"id": "msg_child", "role": "user", "sessionID": "ses_child"}
        opencode_says(path, home.now - 60_000_000, "message.updated", {"info": info}, session="ses_child")
    said = judged(home, thread)
    assert said.verdict == "stuck"
    assert "ended without taking it" in summary(said, "pending-turn-abandoned")


# --- the provider's outcome --------------------------------------------------------------------------------------

ERROR_OF = {
    "codex": (
        b'"method":"turn/completed"',
        b'"status":"completed"',
        b'"status":"failed","error":{"message":"quota used up"}',
    ),
    "claudeAgent": (b'"type":"result"', b'"is_error":false', b'"is_error":true,"result":"quota used up"'),
    "cursor": (b'"method":"session/prompt"', b'"stopReason":"end_turn"', b'"stopReason":"error"'),
}


def _first_of_equal_keys(line: bytes) -> bytes:
    head, label, body = line.partition(b" NTIVE: ")
    return (
        head + label + json.dumps(json.loads(body, object_pairs_hook=lambda pairs: dict(reversed(pairs)))).encode() + b"\n"
    )


@pytest.mark.parametrize("provider", sorted(ERROR_OF))
@pytest.mark.parametrize("build", ["0.0.28", "0.0.33"])
def test_a_native_error_against_a_canonical_completion_differs(provider: str, build: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build=build) as home:
        thread = home.thread("Speed up the parser", provider=provider)
        home.turn(thread, "What is slow?", Say("The parser."))
        home.turn(thread, "Make it fast.", Say("Done."))
        home.advance(60)
    assert "turn-outcome-differs" not in codes(judged(home, thread))
    mark, old, new = ERROR_OF[provider]
    changed = 0
    for path in log_files(home.path, thread):
        lines = path.read_bytes().splitlines(keepends=True)
        last = max(n for n, line in enumerate(lines) if b" NTIVE: " in line and mark in line and old in line)
        lines[last] = _first_of_equal_keys(lines[last].replace(old, new))
        path.write_bytes(b"".join(lines))
        changed += 1
    assert changed
    said = judged(home, thread)
    (home.userdata / "state.sqlite").unlink()
    alone = judged(home, thread)
    for told, kept in ((said, "stored"), (alone, "logged")):
        assert told.verdict == "diverged"
        assert f"is {kept} as completed" in summary(told, "turn-outcome-differs")
        if b"quota" in new:
            assert "quota used up" in summary(told, "turn-outcome-differs")
            assert "usage-limit" in codes(told)


def test_an_acp_agents_requests_are_known_by_what_their_payload_names(tmp_path: Path) -> None:
    """Their adapters name neither method nor turn beside the payload."""
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="cursor")
        home.turn(thread, "Make it fast.", Say("Done."))
        home.advance(60)
    (log,) = log_files(home.path, thread)
    lines = log.read_bytes().replace(b'"stopReason":"end_turn"}', b'"stopReason":"error"}').splitlines(keepends=True)
    for number, line in enumerate(lines):
        head, mark, text = line.partition(b" NTIVE: ")
        if mark:
            record = json.loads(text)
            for name in ("method", "turnId", "providerThreadId"):
                record["event"].pop(name, None)
            lines[number] = head + mark + json.dumps(record).encode() + b"\n"
    log.write_bytes(b"".join(lines))
    assert "(session/prompt)" in summary(judged(home, thread), "turn-outcome-differs")


def test_an_error_without_words_has_those_of_the_limit_that_was_reached(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="claudeAgent")
        home.turn(thread, "Make it fast.", Say("Done."))
        home.advance(60)
    (log,) = log_files(home.path, thread)
    lines = log.read_bytes().splitlines(keepends=True)
    end = next(n for n, line in enumerate(lines) if b" NTIVE: " in line and b'"type":"result"' in line)
    head, _, record = lines[end].partition(b"NTIVE: ")
    limited = json.loads(record)
    limited["event"]["method"] = "claude/rate_limit_event"
    info = {"status": "allowed_warning", "rateLimitType": "five_hour", "resetsAt": 1_783_335_600}
    lines[end] = lines[end].replace(b'"is_error":false', b'"is_error":true')
    for status, words in (("allowed_warning", False), ("rejected", True)):
        limited["event"]["payload"] = {"type": "rate_limit_event", "rate_limit_info": info | {"status": status}}
        log.write_bytes(b"".join([*lines[:end], head + b"NTIVE: " + json.dumps(limited).encode() + b"\n", *lines[end:]]))
        said = judged(home, thread)
        assert ("resets at 2026-07-06 11:00 UTC" in summary(said, "turn-outcome-differs")) is words
        assert ("usage-limit" in codes(said)) is words


def test_an_error_of_opencode_against_a_canonical_completion_differs(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="opencode")
        home.turn(thread, "Make it fast.", Say("Done."))
        home.advance(60)
    (log,) = log_files(home.path, thread)
    lines = log.read_bytes().splitlines(keepends=True)
    idle = [n for n, line in enumerate(lines) if b" NTIVE: " in line and b'"session.status"' in line and b'"idle"' in line]
    end = max(idle)
    for name, told in (("MessageAbortedError", False), ("ProviderAuthError", True)):
        error = lines[end].replace(b'"session.status"', b'"session.error"')
        said = b'"error":{"name":"' + name.encode() + b'","data":{"message":"the key is not valid"}}'
        error = error.replace(b'"status":{"type":"idle"}', said)
        assert said in error
        log.write_bytes(b"".join([*lines[:end], error, *lines[end:]]))
        judgement = judged(home, thread)
        assert ("turn-outcome-differs" in codes(judgement)) is told
    assert "the key is not valid" in summary(judgement, "turn-outcome-differs")


@pytest.mark.parametrize("within", [False, True])
def test_an_error_of_a_session_that_goes_on_is_told_and_no_failure(within: bool, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.turn(thread, "Make it fast.", Say("Done."))
        home.advance(60)
        runtime, said = home.t3.thread(thread), {"detail": "it is gone"}
        turn_id = next(reversed(home.state(thread).turns)) if within else None
        home.t3.note(runtime, "mcp.failed", "A tool server failed", said, home.now, turn_id=turn_id)
        home.advance(60)
    said = judged(home, thread)
    assert (said.verdict, loud(said)) == ("idle", [])
    assert "it is gone" in summary(said, "failure-unhandled")


# --- failures that nobody told -----------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_failed_thread_names_its_cause(provider: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider=provider)
        home.turn(thread, "Make it fast.", Fail("The model refused: context too long"))
        home.advance(60)
    said = judged(home, thread)
    assert said.verdict == "failed"
    assert "context too long" in explain(said).headline
    assert explain(said).next_step != "Nothing needs to be done."


@pytest.mark.parametrize(("kind", "verdict"), [("error", "failed"), ("graceful", "stopped")])
def test_a_provider_that_died_between_turns_is_told_by_the_log_alone(kind: str, verdict: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.turn(thread, "Make it fast.", Say("Done."))
        home.advance(60)
        exited = {"reason": "codex app-server exited (137).", "recoverable": False, "exitKind": kind}
        home.provider(thread).say("none", "session.exited", exited)
        home.advance(60)
    for said in (judged(home, thread), _without(home, "state.sqlite", thread)):
        assert said.verdict == verdict
        assert ("exited (137)" in explain(said).headline) is (verdict == "failed")


def _without(home: SimHome, name: str, thread: str) -> ThreadDiagnosis:
    """What is said of a home that lost a file or a folder."""
    lost = home.userdata / name
    shutil.rmtree(lost) if lost.is_dir() else lost.unlink()
    return judged(home, thread)


def test_starts_that_fail_for_different_reasons_are_not_one_matter(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.turn(thread, "What is slow?", Say("The parser."))
        home.stop(thread)
        home.wait_idle(thread)
        for why in ("the disk is full", "no route to host"):
            home.t3.faults.unstartable["codex"] = why
            home.send(thread, "Make it fast.")
            home.advance(40)
    assert "dangling-resume-cursor" not in codes(judged(home, thread))


@pytest.mark.parametrize("times", [1, 2])
def test_a_limit_that_lets_no_turn_begin_is_named(times: int, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.t3.faults.unstartable["codex"] = "You've hit your usage limit. Try again at 6:00 PM."
        for _ in range(times):
            home.send(thread, "Make it fast.")
            home.advance(40)
    said = judged(home, thread)
    assert said.verdict == ("failed" if times == 1 else "stuck")
    assert "(6:00 PM)" in summary(said, "usage-limit")


def test_starts_that_failed_and_then_worked_are_over(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.turn(thread, "What is slow?", Say("The parser."))
        home.stop(thread)
        home.wait_idle(thread)
        home.t3.faults.unstartable["codex"] = "the lock is held"
        for _ in range(2):
            home.send(thread, "Make it fast.")
            home.advance(40)
        del home.t3.faults.unstartable["codex"]
        home.turn(thread, "Try again.", Say("Done."))
        home.advance(60)
    said = judged(home, thread)
    assert (said.verdict, loud(said)) == ("idle", [])


@pytest.mark.parametrize("act", ["stop", "interrupt", None])
def test_what_a_restart_took_is_told_whatever_a_person_did_afterwards(act: str | None, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.turn(thread, "What is slow?", Say("The parser."))
        home.send(thread, "Make it fast.", Tool("make bench", 600))
        home.wait_running(thread)
        home.advance(8)
        home.restart_server()
        home.advance(30)
        if act is not None:
            getattr(home, act)(thread)
        home.advance(60)
    said = judged(home, thread)
    assert "lost-at-restart" in codes(said)
    told = explain(said)
    assert "restart of the server" in told.headline
    assert "None" not in told.headline
    assert told.next_step == "Send the message again; nothing blocks."


def restarted_in_a_turn(path: Path, build: str) -> tuple[SimHome, str]:
    home = SimHome(path, build=build)
    thread = home.thread("Speed up the parser", provider="codex")
    home.turn(thread, "What is slow?", Say("The parser."))
    home.send(thread, "Make it fast.", Tool("make bench", 600))
    home.wait_running(thread)
    home.advance(8)
    home.restart_server()
    home.advance(30)
    return home, thread


def test_a_restart_is_named_also_where_the_build_ends_nothing_and_a_person_did(tmp_path: Path) -> None:
    home, thread = restarted_in_a_turn(tmp_path / "home", "0.0.28")
    home.stop(thread)
    home.advance(60)
    home.close()
    said = judged(home, thread)
    assert (said.verdict, loud(said)) == ("stopped", [])
    assert "A restart of the server took the turn of" in explain(said).headline
    assert explain(said).next_step == "Send the message again; nothing blocks."


@pytest.mark.parametrize(("build", "verdict"), [("0.0.28", "stuck"), ("0.0.33", "unknown")])
def test_whether_a_start_ended_the_session_only_a_database_tells(build: str, verdict: str, tmp_path: Path) -> None:
    home, thread = restarted_in_a_turn(tmp_path / "home", build)
    home.advance(1200)
    home.close()
    said = _without(home, "state.sqlite", thread)
    assert said.verdict == verdict
    assert "orphaned-turn" in codes(said)


def test_a_turn_that_a_person_ended_did_not_fail_by_itself(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="opencode")
        home.send(thread, "Make it fast.", Tool("make bench", 600))
        home.wait_running(thread)
        home.advance(8)
        home.interrupt(thread)
        home.advance(60)
    assert "was ended by a person" in explain(judged(home, thread)).headline


# --- what the provider's own protocol says -----------------------------------------------------------------------


def working(path: Path, provider: str, *script: ScriptStep) -> tuple[SimHome, str, Path]:
    """A thread in the middle of its second turn, and its log."""
    with SimHome(path, build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider=provider)
        home.turn(thread, "What is slow?", Say("The parser."))
        home.send(thread, "Make it fast.", *script)
        home.wait_running(thread)
        home.advance(20)
    (log,) = log_files(home.path, thread)
    return home, thread, log


@pytest.mark.parametrize("answered", [False, True])
def test_what_a_child_session_asks_and_nobody_is_shown(answered: bool, tmp_path: Path) -> None:
    home, thread, log = working(tmp_path / "home", "opencode", Tool("task: survey", 900))
    ask = {"id": "per_1", "permission": "external_directory", "patterns": ["/etc/*"]}
    opencode_says(log, home.now, "permission.asked", ask, session="ses_child")
    assert judged(home, thread, after=10_000_000).verdict == "working"
    if answered:
        opencode_says(log, home.now + 1_000_000, "permission.replied", {"requestID": "per_1", "reply": "once"}, "ses_child")
    said = judged(home, thread, after=60_000_000)
    assert ("request-unseen" in codes(said), said.verdict) == ((not answered), "working" if answered else "stuck")
    if not answered:
        assert "child session" in summary(said, "request-unseen")


ASKS_NATIVELY: dict[str, tuple[bytes, dict[str, object]]] = {
    "codex": (b'"item/started"', {"method": "item/commandExecution/requestApproval", "requestId": "77"}),
    "claudeAgent": (b'"claude/', {"method": "canUseTool/request"}),
    "cursor": (b'"session/update"', {"method": "session/request_permission"}),
}


@pytest.mark.parametrize("provider", sorted(ASKS_NATIVELY))
def test_what_a_provider_asks_in_its_own_protocol_only_reaches_nobody(provider: str, tmp_path: Path) -> None:
    home, thread, log = working(tmp_path / "home", provider, Tool("task: survey", 900))
    mark, changes = ASKS_NATIVELY[provider]
    says_natively(log, home.now, mark, changes, **dict.fromkeys(("threadId", "sessionId", "agentId"), "of-a-child"))
    assert judged(home, thread, after=10_000_000).verdict == "working"
    said = judged(home, thread, after=60_000_000)
    assert (said.verdict, "request-unseen" in codes(said)) == ("stuck", True)
    assert "child session" in summary(said, "request-unseen")


def test_a_request_of_a_kind_without_a_prompt_is_not_answered_in_the_app(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Tidy up", provider="opencode", runtime_mode="approval-required")
        home.send(thread, "Remove it.", Tool("rm -rf build", approval=True))
        home.wait_request(thread)
        home.advance(60)
    assert "waiting-for-user" in codes(judged(home, thread))
    (log,) = log_files(home.path, thread)
    log.write_bytes(log.read_bytes().replace(b'"requestType":"command_execution_approval"', b'"requestType":"unknown"'))
    said = judged(home, thread)
    assert said.verdict == "waiting"
    assert {"request-unseen"} == codes(said) & {"request-unseen", "waiting-for-user"}
    assert "Answer the open request in T3 Code" not in explain(said).next_step


@pytest.mark.parametrize(("finish", "told"), [("stop", True), ("tool-calls", False)])
def test_a_final_answer_that_no_end_follows_is_a_lost_end_less_surely(finish: str, told: bool, tmp_path: Path) -> None:
    home, thread, log = working(tmp_path / "home", "opencode", Hang())
    message = {"info": {"id": "msg_9", "role": "assistant", "finish": finish, "time": {"completed": 1}}}
    opencode_says(log, home.now, "message.updated", message)
    assert judged(home, thread, after=60_000_000).verdict == "working"
    said = judged(home, thread, after=150_000_000)
    found = [finding for finding in said.findings if finding.code == "native-terminal-lost"]
    assert [finding.confidence.value for finding in found] == (["possible"] if told else [])


def test_a_final_answer_of_a_side_session_is_none_of_the_turn(tmp_path: Path) -> None:
    home, thread, log = working(tmp_path / "home", "opencode", Hang())
    message = {"info": {"id": "msg_9", "role": "assistant", "finish": "stop"}}
    opencode_says(log, home.now, "message.updated", message, session="ses_title")
    assert "native-terminal-lost" not in codes(judged(home, thread, after=150_000_000))


# --- what is missing is no health --------------------------------------------------------------------------------


def test_a_session_without_a_log_that_nobody_heard_of_for_days_is_not_working(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.turn(thread, "What is slow?", Say("The parser."))
        home.send(thread, "Make it fast.", Hang())
        home.wait_running(thread)
        home.advance(30)
    shutil.rmtree(home.userdata / "logs")
    assert judged(home, thread, after=60_000_000).verdict == "working"
    late = judged(home, thread, after=20 * A_DAY)
    assert late.verdict == "stuck"
    (found,) = [finding for finding in late.findings if finding.code == "silent-turn"]
    assert found.confidence == "possible"
    assert "no log" in found.summary


def in_a_turn(path: Path) -> tuple[SimHome, str]:
    """A home in the middle of its second turn; told twice, it is the same to the byte."""
    home = SimHome(path, build="0.0.33")
    thread = home.thread("Speed up the parser", provider="codex")
    home.turn(thread, "What is slow?", Say("The parser."))
    home.send(thread, "Make it fast.", Tool("make bench", 5), Say("Done."))
    home.wait_running(thread)
    home.advance(2)
    return home, thread


def outdated(folder: Path, *, turns: int = 3, runs: bool = False) -> tuple[SimHome, str]:
    """A home whose ``state.sqlite`` was copied in the middle of a turn, and whose log went on."""
    before, _ = in_a_turn(folder / "before")
    before.close()
    home, thread = in_a_turn(folder / "home")
    home.wait_idle(thread)
    for _ in range(turns):
        home.turn(thread, "And again.", Say("Done."))
        home.advance(120)
    if runs:
        home.send(thread, "And once more.", Hang())
        home.wait_running(thread)
        home.advance(1200)
    home.close()
    for kept in home.userdata.glob("state.sqlite*"):
        kept.unlink()
    shutil.copy(before.userdata / "state.sqlite", home.userdata / "state.sqlite")
    return home, thread


@pytest.mark.parametrize("server", ["alive", "dead"])
def test_a_database_older_than_the_log_is_no_stall(server: str, tmp_path: Path) -> None:
    home, thread = outdated(tmp_path)
    diagnosis = diagnosed(home.path, as_of=iso(home.now), server=server)
    said = by_id(diagnosis)[thread]
    assert (said.verdict, loud(said)) == ("idle", [])
    (told,) = [f for h in diagnosis.homes for f in h.findings if f.code == "database-older-than-log"]
    assert " min " in told.summary


def test_one_turn_whose_message_the_database_never_saw_is_enough(tmp_path: Path) -> None:
    home, thread = outdated(tmp_path, turns=1)
    diagnosis = diagnosed(home.path, as_of=iso(home.now), server="alive")
    assert "database-older-than-log" in {finding.code for finding in diagnosis.findings}
    assert (by_id(diagnosis)[thread].verdict, loud(by_id(diagnosis)[thread])) == ("idle", [])


@pytest.mark.parametrize("server", ["alive", "dead"])
def test_a_copied_log_that_ends_in_a_turn_is_no_orphan(server: str, tmp_path: Path) -> None:
    home, thread = outdated(tmp_path, turns=0, runs=True)
    said = judged(home, thread, server=server)
    assert said.verdict == "unknown"
    assert "orphaned-turn" not in codes(said)


def test_a_stall_of_turns_that_nobody_asked_for_is_no_old_database(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.turn(thread, "Survey the callers.", Say("Started."))
        home.t3.faults.ingestion_paused = True
        provider = home.provider(thread)
        for number in range(2):
            home.advance(60)
            for kind, payload in (("turn.started", {}), ("turn.completed", {"state": "completed"})):
                provider.say("none", kind, payload, turn=f"woken-{number}")
        home.advance(60)
    said = judged(home, thread)
    assert (said.verdict, said.primary) == ("stuck", "ingestion-stalled")


def test_a_turn_that_began_while_the_home_was_read_is_no_sign_of_an_old_database(tmp_path: Path) -> None:
    """The database is read first, the logs after it."""
    before, _ = in_a_turn(tmp_path / "before")
    home, thread = in_a_turn(tmp_path / "home")
    for one in (before, home):
        one.wait_idle(thread)
        one.advance(600)
    before.close()
    home.send(thread, "And again.", Tool("make bench", 60))
    home.wait_running(thread)
    home.advance(3)
    home.close()
    for kept in home.userdata.glob("state.sqlite*"):
        kept.unlink()
    shutil.copy(before.userdata / "state.sqlite", home.userdata / "state.sqlite")
    diagnosis = diagnosed(home.path, as_of=iso(home.now), server="alive")
    assert "database-older-than-log" not in {finding.code for finding in diagnosis.findings}
    assert loud(by_id(diagnosis)[thread]) == []


# --- truths are compared within a turn ---------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("build", ["0.0.23", "0.0.28", "0.0.33"])
def test_the_end_of_an_earlier_turn_is_no_end_of_the_one_that_runs(provider: str, build: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build=build) as home:
        thread = home.thread("Speed up the parser", provider=provider)
        home.turn(thread, "What is slow?", Say("The parser."))
        home.send(thread, "Make it fast.", Tool("make bench", 300))
        home.wait_running(thread)
        home.advance(20)
    said = judged(home, thread)
    assert said.verdict == "working"
    assert divergence(said).between == ()


# --- the cause in words ------------------------------------------------------------------------------------------


def test_what_the_provider_said_last_stands_in_the_finding_and_in_the_story(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.turn(thread, "What is slow?", Say("The parser."))
        home.send(thread, "Make it fast.", Retry(40, "usage limit reached, will retry at 14:00"))
        home.wait_running(thread)
        home.advance(400)
    said = judged(home, thread)
    assert "retry-loop" in codes(said)
    assert "usage limit reached, will retry at 14:00" in summary(said, "retry-loop")
    assert "14:00" in summary(said, "usage-limit")
    assert any("usage limit reached" in line.text for line in explain(said).lines)
    without_log = _without(home, "logs", thread)
    assert "will retry at 14:00" in summary(without_log, "retry-loop")
    assert "14:00" in summary(without_log, "usage-limit")


def test_a_reason_that_a_provider_gives_apart_from_its_words_is_told(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.send(thread, "Make it fast.", Hang())
        home.wait_running(thread)
        provider = home.provider(thread)
        detail = {"error": {"message": "Reconnecting... 1/5", "additionalDetails": "402: insufficient credits"}}
        warning = {"message": "Reconnecting... 1/5", "detail": detail | {"willRetry": True}}
        provider.say("none", "runtime.warning", warning, turn=provider.turn_id)
        home.advance(900)
    for said in (judged(home, thread), _without(home, "logs", thread)):
        assert said.verdict == ("stuck" if said.case.facts.records else "working")
        assert "402: insufficient credits" in summary(said, "usage-limit")


@pytest.mark.parametrize("works_on", [False, True])
def test_a_limit_that_was_waited_out_is_no_matter_any_more(works_on: bool, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        limited = Retry(2, "usage limit reached, will retry at 14:00")
        home.send(thread, "Make it fast.", limited, Say("Done."), *([Tool("make bench", 600)] if works_on else []))
        home.wait_running(thread)
        home.advance(60)
    said = judged(home, thread)
    assert said.verdict == ("working" if works_on else "idle")
    assert not codes(said) & {"usage-limit", "retry-loop"}


@pytest.mark.parametrize(
    ("text", "limit", "until"),
    [
        ("You've hit your usage limit. Try again at 6:00 PM.", True, "6:00 PM"),
        ("API error (status 402 Payment Required): usage balance exhausted", True, None),
        ("Rate limit reached for gpt-5, retry after 20s", True, "20s"),
        ("Insufficient balance on this account.", True, None),
        ("usage limit reached, will retry at 14:00", True, "14:00"),
        ("You've hit your limit · resets 6pm (Europe/Berlin)", True, "6pm (Europe/Berlin)"),
        ("You've reached your 5-hour limit.", True, None),
        ("You're out of extra usage · resets Jul 6, 5pm", True, "Jul 6, 5pm"),
        ("Claude AI usage limit reached|1783335600", True, "2026-07-06 11:00 UTC"),
        ("429 Too Many Requests, retry-after: 30", True, "30"),
        ("The context limit is exceeded, the token limit reached", False, None),
        ("The stream was cut: connection reset by peer", False, None),
        ("file limit.py not found, limited to 3 results", False, None),
    ],
)
def test_a_limit_is_told_by_its_words(text: str, limit: bool, until: str | None) -> None:
    assert speaks_of_limit(text) is limit
    assert (reset_time(text) if limit else None) == until


def test_a_text_is_cut_behind_a_word_and_without_its_stack() -> None:
    assert one_line("It broke\n    at start (t3:1:1)\n    at run (t3:2:2)") == "It broke"
    assert one_line("one two three", 9) == "one two …"
    assert without_ids("thread 019f36a7-e3f2-7cf1 is held by 42") == without_ids("thread 77ab36a7-0000-7cf1 is held by 7")


# --- siblings that must stay quiet, or must not ------------------------------------------------------------------


def says_natively(log: Path, at: int, mark: bytes, of: dict[str, object] | None = None, **changes: object) -> None:
    """Append a copy of the newest native record with a mark in it, with another payload and members of its event."""
    records = [line.partition(b" NTIVE: ")[2] for line in log.read_bytes().splitlines() if b" NTIVE: " in line]
    record = json.loads(next(r for r in reversed(records) if mark in r))
    body = record.get("event", record)
    body |= of or {}
    body["payload"] |= changes
    with log.open("a") as file:
        file.write(f"[{iso(at)}] NTIVE: {json.dumps(record)}\n")


def test_starts_that_failed_before_a_turn_that_only_the_store_tells_of_are_over(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.t3.faults.unstartable["codex"] = "the lock is held"
        for _ in range(2):
            home.send(thread, "Make it fast.")
            home.advance(40)
        del home.t3.faults.unstartable["codex"]
        home.turn(thread, "Try again.", Say("Done."))
        home.advance(60)
    shutil.rmtree(home.userdata / "logs")
    said = judged(home, thread)
    assert (said.verdict, loud(said)) == ("idle", [])


@pytest.mark.parametrize("stopped", [False, True])
def test_one_start_that_failed_leaves_a_message_without_an_answer(stopped: bool, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.turn(thread, "What is slow?", Say("The parser."))
        home.stop(thread)
        home.wait_idle(thread)
        home.t3.faults.unstartable["codex"] = "You've hit your usage limit. Try again at 6:00 PM."
        home.send(thread, "Make it fast.")
        home.advance(40)
        if stopped:
            home.stop(thread)
            home.advance(40)
    said = judged(home, thread)
    if stopped:
        assert (said.verdict, loud(said)) == ("stopped", [])
    else:
        assert said.verdict == "failed"
        assert "6:00 PM" in explain(said).headline
        assert explain(said).next_step == "Send the message again; nothing blocks."


@pytest.mark.parametrize("record", ["And add a test.", "[Request interrupted by user]"])
def test_only_a_record_of_a_persons_message_shows_that_such_records_are_left(record: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="claudeAgent")
        for second in ("And add a test.", "And a note."):
            home.send(thread, "Make it fast.", Tool("make bench", 20), Say("Done."))
            home.wait_running(thread)
            home.advance(5)
            home.send(thread, second, Say("Added."))
            home.wait_idle(thread)
            home.advance(60)
    (log,) = log_files(home.path, thread)
    lines = [
        line.replace(b'"text":"And add a test."', f'"text":"{record}"'.encode())
        for line in log.read_bytes().splitlines(keepends=True)
        if b'"user_message"' not in line and b'"text":"And a note."' not in line
    ]
    log.write_bytes(b"".join(lines))
    said = judged(home, thread)
    assert said.verdict == ("idle" if record.startswith("[") else "stuck")


def test_a_result_of_claude_stands_until_the_next_one(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="claudeAgent")
        home.turn(thread, "What is slow?", Say("The parser."))
        home.turn(thread, "Make it fast.", Tool("make bench", 20), Say("Done."))
        home.advance(60)
    (log,) = log_files(home.path, thread)
    lines = log.read_bytes().splitlines(keepends=True)
    ended = [n for n, line in enumerate(lines) if b" NTIVE: " in line and b'"type":"result"' in line][-1]
    began = max(n for n, line in enumerate(lines) if b" CANON: " in line and b'"type":"turn.started"' in line)
    stamp = len("[2026-07-06T09:00:00.000Z]")
    late = lines[began][:stamp] + lines[ended][stamp:].replace(b'"is_error":false', b'"is_error":true')
    log.write_bytes(b"".join([*lines[: began + 1], late, *lines[began + 1 :]]))
    said = judged(home, thread)
    assert (said.verdict, loud(said)) == ("idle", [])


def test_the_answer_of_a_subagent_is_not_the_threads(tmp_path: Path) -> None:
    home, thread, log = working(tmp_path / "home", "claudeAgent", Say("First"), Hang())
    message = {"role": "assistant", "stop_reason": "end_turn", "content": [{"type": "text", "text": "Surveyed."}]}
    says_natively(log, home.now, b'"claude/assistant"', message=message, parent_tool_use_id="toolu_1")
    assert judged(home, thread, after=150_000_000).verdict == "working"
    whole = log.read_bytes()
    says_natively(log, home.now + 1_000_000, b'"claude/assistant"', message=message, parent_tool_use_id=None)
    assert "native-terminal-lost" in codes(judged(home, thread, after=150_000_000))
    log.write_bytes(whole)
    streamed = {"method": "claude/stream_event/message_delta"}
    end = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}
    says_natively(log, home.now + 1_000_000, b'"claude/', streamed, parent_tool_use_id=None, event=end)
    assert "native-terminal-lost" in codes(judged(home, thread, after=150_000_000))


def test_an_earlier_answer_that_opencode_tells_of_again_is_none_of_the_turn(tmp_path: Path) -> None:
    home, thread, log = working(tmp_path / "home", "opencode", Hang())
    answer = {"info": {"id": "msg_1", "role": "assistant", "finish": "stop"}}
    opencode_says(log, home.now, "message.updated", answer)
    lines = log.read_bytes().splitlines(keepends=True)
    first = next(n for n, line in enumerate(lines) if b" CANON: " in line and b'"type":"turn.completed"' in line)
    stamp = len("[2026-07-06T09:00:00.000Z]")
    log.write_bytes(b"".join([*lines[:first], lines[first][:stamp] + lines[-1][stamp:], *lines[first:]]))
    assert judged(home, thread, after=150_000_000).verdict == "working"


def test_an_error_that_names_no_session_of_opencode_ends_no_turn(tmp_path: Path) -> None:
    home, thread, log = working(tmp_path / "home", "opencode", Tool("make bench", 600))
    error = {"error": {"name": "ConfigError", "data": {"message": "a plugin is missing"}}}
    own = json.loads(log.read_bytes().splitlines()[-1].partition(b": ")[2])["event"]["providerThreadId"]
    opencode_says(log, home.now, "session.error", {"sessionID": None, **error})
    assert judged(home, thread, after=60_000_000).verdict == "working"
    opencode_says(log, home.now + 1_000_000, "session.error", error, session=own)
    assert judged(home, thread, after=60_000_000).verdict == "stuck"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_was_allowed_is_asked_no_more_however_long_it_runs(provider: str, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Tidy up", provider=provider, runtime_mode="approval-required")
        home.send(thread, "Remove it.", Tool("rm -rf build", 900, approval=True))
        home.wait_request(thread)
        home.advance(30)
        home.respond(thread)
        home.advance(120)
    said = judged(home, thread)
    assert (said.verdict, loud(said)) == ("working", [])


@pytest.mark.parametrize(
    ("cause", "failed"), [("All fibers interrupted without errors.", False), ("The stream broke: reset by peer", True)]
)
def test_a_prompt_that_was_called_off_did_not_fail(cause: str, failed: bool, tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="cursor")
        home.turn(thread, "What is slow?", Say("The parser."))
        home.advance(60)
    (log,) = log_files(home.path, thread)
    lines = log.read_bytes().splitlines(keepends=True)
    ended = max(n for n, line in enumerate(lines) if b" NTIVE: " in line and b'"result":{"stopReason":"end_turn"}' in line)
    lines[ended] = lines[ended].replace(b'"result":{"stopReason":"end_turn"}', f'"cause":"{cause}"'.encode())
    log.write_bytes(b"".join(lines))
    assert judged(home, thread).verdict == ("diverged" if failed else "idle")
