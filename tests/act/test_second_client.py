"""The client of the second data model's wire against a real socket: what each way of failing means for the command."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from t3lens.act.errors import (
    AuthInvalid,
    BadAnswer,
    CommandRejected,
    NoAnswer,
    NotDelivered,
    NotFound,
    ScopeMissing,
)
from t3lens.act.plan import Action
from t3lens.act.token import Token
from t3lens.act.v2.client import SecondClient
from t3lens.errors import ActionError, Refused
from t3lens.sim import HttpFault, SimServer
from t3lens.sim.auth import READ, HttpReply
from t3lens.sim.script import Hang
from t3lens.sim.v2.server import SecondServer
from tests.act.second import second_home
from tests.act.test_execute import stuck_home


@pytest.fixture(params=[pytest.param("0.0.31", marks=pytest.mark.slow), "0.0.46-nightly.20261011.2955"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[SecondServer, str]]:
    thread = second_home(tmp_path, build=request.param)
    with SecondServer(tmp_path / "home", speed=20) as running:
        running.send(thread, "again", Hang())
        assert running.wait(lambda core: len(core.database.entities("provider-turn", thread)) == 2)
        yield running, thread


@pytest.fixture
def client(server: tuple[SecondServer, str]) -> Iterator[SecondClient]:
    with SecondClient(server[0].origin, Token(server[0].token), timeout=120.0) as found:
        yield found


def run_of(server: SecondServer, thread: str) -> str:
    return str(server.core.database.entities("run", thread)[-1]["id"])


def interrupt(client: SecondClient, server: tuple[SecondServer, str], command_id: str = "c1") -> int:
    running, thread = server
    return client.send(Action.INTERRUPT, thread, command_id, {"runId": run_of(running, thread)})


def test_a_command_is_answered_with_the_sequence(client: SecondClient, server: tuple[SecondServer, str]) -> None:
    sequence = interrupt(client, server)
    assert interrupt(client, server) == sequence, "the same command again is the same command"
    assert [command["commandId"] for command in server[0].commands] == ["c1", "c1"]


def test_a_refusal_gives_the_servers_reason(client: SecondClient, server: tuple[SecondServer, str]) -> None:
    with pytest.raises(CommandRejected, match="is not active"):
        client.send(Action.INTERRUPT, server[1], "c1", {"runId": "unknown"})


def test_what_is_seen_of_a_thread(client: SecondClient, server: tuple[SecondServer, str]) -> None:
    seen = client.thread_seen(server[1])
    assert seen.found
    assert seen.second is not None
    assert [run.status for run in seen.second.runs] == ["completed", "running"]
    assert [session.driver for session in seen.second.sessions] == ["opencode"]
    assert not client.thread_seen("unknown").found


def test_a_token_that_may_only_look_stores_nothing(server: tuple[SecondServer, str]) -> None:
    running, _ = server
    with SecondClient(running.origin, Token(running.auth.issue((READ,)))) as client:
        assert client.thread_seen(server[1]).found
        with pytest.raises(ScopeMissing):
            interrupt(client, server)
    assert running.commands == []


@pytest.mark.parametrize(
    ("fault", "error", "stored"),
    [
        (HttpFault(path="/api/auth/websocket-ticket", drop="before"), NotDelivered, 0),
        (HttpFault(path="/api/auth/websocket-ticket", answer=HttpReply(200, {"no": "ticket"})), NotDelivered, 0),
        (HttpFault(path="/api/auth/websocket-ticket", answer=HttpReply(401)), AuthInvalid, 0),
        (HttpFault(path="/api/auth/websocket-ticket", answer=HttpReply(404)), NotFound, 0),
        (HttpFault(path="/ws", answer=HttpReply(426)), CommandRejected, 0),
        (HttpFault(path="/ws", answer=HttpReply(401)), AuthInvalid, 0),
        (HttpFault(path="/ws", answer=HttpReply(404)), NotFound, 0),
        (HttpFault(path="/ws", answer=HttpReply(503)), NotDelivered, 0),
        (HttpFault(path="/ws", drop="before"), NoAnswer, 0),
        (HttpFault(path="/ws", drop="after"), NoAnswer, 1),
    ],
)
def test_what_each_failure_means(
    fault: HttpFault,
    error: type[ActionError],
    stored: int,
    client: SecondClient,
    server: tuple[SecondServer, str],
) -> None:
    server[0].http_faults.append(fault)
    with pytest.raises(error):
        interrupt(client, server)
    assert len(server[0].commands) == stored


def test_an_answer_that_takes_too_long_leaves_it_open(server: tuple[SecondServer, str]) -> None:
    running, _ = server
    running.http_faults.append(HttpFault(path="/ws", delay=12.0))
    with SecondClient(running.origin, Token(running.token), timeout=4.0) as client, pytest.raises(NoAnswer):
        interrupt(client, server)


def test_a_ticket_that_is_not_known_any_more_stores_nothing(
    client: SecondClient, server: tuple[SecondServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    given = client._ticket

    def lost() -> Token:
        ticket = given()
        server[0].forget_tickets()
        return ticket

    monkeypatch.setattr(client, "_ticket", lost)
    with pytest.raises(AuthInvalid):
        interrupt(client, server)
    assert server[0].commands == []


def test_an_answer_that_is_none_leaves_it_open(
    client: SecondClient, server: tuple[SecondServer, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = {"_tag": "Failure", "cause": [{"_tag": "Die", "defect": "boom"}]}
    monkeypatch.setattr(server[0], "_dispatched", lambda message, scopes: failed)
    with pytest.raises(BadAnswer, match="boom"):
        interrupt(client, server)


def test_a_server_that_is_gone_was_sent_nothing(client: SecondClient, server: tuple[SecondServer, str]) -> None:
    run_id = run_of(*server)
    server[0].stop()
    with pytest.raises(NotDelivered):
        client.send(Action.INTERRUPT, server[1], "c1", {"runId": run_id})


def test_a_server_of_the_first_data_model_is_none_to_talk_to(tmp_path: Path) -> None:
    (thread,) = stuck_home(tmp_path, "stuck")
    with SimServer(tmp_path / "home") as first, SecondClient(first.origin, Token(first.token)) as client:
        with pytest.raises(Refused, match="does not answer as a server of"):
            client.thread_seen(thread)
        with pytest.raises(NotFound):
            client.send(Action.INTERRUPT, thread, "c1", {"runId": "r"})


def test_neither_token_nor_ticket_is_logged(
    client: SecondClient, server: tuple[SecondServer, str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    tickets = []
    given = client._ticket

    def kept() -> Token:
        ticket = given()
        tickets.append(ticket.reveal())
        return ticket

    monkeypatch.setattr(client, "_ticket", kept)
    interrupt(client, server)
    assert len(tickets) == 1
    assert tickets[0] not in caplog.text
    assert server[0].token not in caplog.text
    assert tickets[0] not in repr(vars(client))
