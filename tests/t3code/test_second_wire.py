"""The second data model's wire: frames as they were recorded, and any JSON in their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from t3lens.t3code.v2 import wire
from t3lens.t3code.v2.wire import Answered
from tests.recordings import RECORDED_V2, needs_recordings_v2, recordings_v2

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["_tag", "requestId", "exit", "cause", "error", "value", "sequence", "message", "defect", "runs", "thread", "id",
         "status", "ordinal", "providerSessions", "runtimeRequests", "responseCapability", "type"]), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


def exit_of(answer: dict[str, Any], request_id: str = "1") -> dict[str, Any]:
    return {"_tag": "Exit", "requestId": request_id, "exit": answer}


def recorded_answers() -> list[tuple[str, dict[str, Any]]]:
    """What the real server answered to commands, by story."""
    found = []
    for story in sorted(RECORDED_V2.glob("*/*/story.json")):
        for step in json.loads(story.read_text()):
            try:
                answer = json.loads(step.get("answer", ""))
            except ValueError:
                continue  # cut off in the story
            found.append((step["what"], answer))
    return found


@needs_recordings_v2
def test_every_recorded_answer_is_understood() -> None:
    answers = recorded_answers()
    assert len(answers) > 50
    for what, answer in answers:
        reply = wire.reply_to("1", exit_of(answer))
        assert reply is not None
        stored = answer["_tag"] == "Success"
        assert reply.how is (Answered.STORED if stored else Answered.REFUSED), what
        assert (reply.sequence is not None) is stored


@needs_recordings_v2
def test_a_recorded_refusal_gives_the_servers_own_reason() -> None:
    (story,) = RECORDED_V2.glob("*/10b-approval-restart-codex/story.json")
    (answer,) = [s["answer"] for s in json.loads(story.read_text()) if "Failure" in s.get("answer", "")]
    message = answer.split('"message": "')[1].split('"')[0]  # the story cuts the rest off
    error = {"_tag": "OrchestrationV2DispatchCommandError", "message": message}
    reply = wire.reply_to("1", exit_of({"_tag": "Failure", "cause": [{"_tag": "Fail", "error": error}]}))
    assert reply is not None
    assert reply.how is Answered.REFUSED
    assert reply.reason.endswith("is expired.")


@needs_recordings_v2
def test_what_the_api_shows_is_what_stands_in_the_rows() -> None:
    compared = 0
    for recording in recordings_v2():
        path = recording.path / "api-thread.json"
        if not path.exists():
            continue
        projection = wire.projection_of(json.loads(path.read_text()))
        if projection is None:
            continue  # a route that failed was kept, too
        shown = wire.thread_shown(projection)
        thread_id = projection["thread"]["id"]
        rows = [
            row for row in recording.rows_v2("orchestration_v2_projection_runs", "ordinal") if row["thread_id"] == thread_id
        ]
        assert [(run.run_id, run.ordinal) for run in shown.runs] == [(row["run_id"], row["ordinal"]) for row in rows]
        bindings = recording.rows_v2("orchestration_v2_projection_provider_session_bindings")
        bound = {row["provider_session_id"] for row in bindings if row["thread_id"] == thread_id}
        assert {session.session_id for session in shown.sessions} == bound
        assert shown.updated_at is not None
        compared += 1
    assert compared > 20


@pytest.mark.parametrize(
    ("cause", "how"),
    [
        ([{"_tag": "Fail", "error": {"_tag": "OrchestrationV2DispatchCommandError", "message": "no"}}], Answered.REFUSED),
        ([{"_tag": "Fail", "error": {"_tag": "EnvironmentScopeRequiredError", "message": "x"}}], Answered.NO_SCOPE),
        ([{"_tag": "Fail", "error": {"_tag": "AuthError", "message": "orchestration:operate"}}], Answered.NO_SCOPE),
        ([{"_tag": "Die", "defect": {"message": "boom"}}], Answered.BROKEN),
        ([{"_tag": "Interrupt", "fiberId": 3}], Answered.BROKEN),
        ("nonsense", Answered.BROKEN),
        (None, Answered.BROKEN),
    ],
)
def test_how_a_failure_counts(cause: Any, how: Answered) -> None:
    reply = wire.reply_to("1", exit_of({"_tag": "Failure", "cause": cause}))
    assert reply is not None
    assert reply.how is how


def test_only_the_answer_that_names_the_request_counts() -> None:
    success = {"_tag": "Success", "value": {"sequence": 7}}
    assert wire.reply_to("1", exit_of(success, "2")) is None
    assert wire.reply_to("1", {"_tag": "Pong"}) is None
    assert wire.reply_to("1", {"_tag": "Chunk", "requestId": "1", "values": []}) is None
    broken = wire.reply_to("1", {"_tag": "Defect", "defect": "gone"})
    assert broken is not None
    assert (broken.how, broken.reason) == (Answered.BROKEN, "gone")


def test_success_without_a_sequence_is_no_success() -> None:
    for value in (None, {}, {"sequence": True}, {"sequence": "7"}):
        reply = wire.reply_to("1", exit_of({"_tag": "Success", "value": value}))
        assert reply is not None
        assert reply.how is Answered.BROKEN


@given(JSON)
def test_any_json_is_an_answer_or_none(value: Any) -> None:
    text = msgspec.json.encode(value)
    for message in wire.frames(text):
        reply = wire.reply_to("1", message)
        assert reply is None or reply.how in Answered
    if isinstance(value, dict):
        wire.thread_shown(value)
        wire.projection_of(value)
        wire.snapshot_sequence(value)
        wire.ticket_in(value)


def test_one_frame_may_hold_several_messages_and_nonsense_holds_none() -> None:
    assert wire.frames('[{"a": 1}, 2, {"b": 2}]') == [{"a": 1}, {"b": 2}]
    assert wire.frames('{"a": 1}') == [{"a": 1}]
    for text in ("", "[", "3", b"\xff\xfe", "[" * 5000):
        assert wire.frames(text) == []


def test_the_address_of_a_socket_always_names_the_protocol() -> None:
    address = wire.socket_address("http://127.0.0.1:3773", "a b&c")
    assert address == "ws://127.0.0.1:3773/ws?orchestrationProtocol=2&wsTicket=a+b%26c"
    assert wire.socket_address("https://box.example", "t").startswith("wss://box.example/ws?")


@pytest.mark.parametrize(("kind", "about"), [
    ("run.interrupt", {}), ("provider-session.detach", {"runId": "r"}), ("runtime-request.respond", {"requestId": "q"}),
    ("thread.delete", {}), ("message.dispatch", {"text": "x"}),
])  # fmt: skip
def test_what_is_no_command_of_ours_is_never_sent(kind: str, about: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no command that is sent"):
        wire.command(kind, "c", "t", about)


def test_a_request_is_one_frame_of_the_rpc() -> None:
    frame = json.loads(wire.request_frame("7", wire.command("run.interrupt", "c", "t", {"runId": "r"})))
    assert frame == {
        "_tag": "Request",
        "id": "7",
        "tag": "orchestration.dispatchCommand",
        "payload": {"type": "run.interrupt", "commandId": "c", "threadId": "t", "runId": "r"},
        "headers": [],
    }


def test_the_recordings_are_found(tmp_path: Path) -> None:
    assert not RECORDED_V2.is_dir() or recorded_answers()
