"""The client: what it sends, what it refuses to send, and what each answer means."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from t3lens.act import Token, connect
from t3lens.act.errors import (
    AuthInvalid,
    BadAnswer,
    CommandRejected,
    NoAnswer,
    NotDelivered,
    NotFound,
    ScopeMissing,
    WrongHome,
)
from t3lens.act.v1.client import Client
from t3lens.errors import ActionError, UsageError
from t3lens.sim import HttpFault, SimHome, SimServer
from t3lens.sim.auth import HttpReply
from t3lens.t3code.v1.wire import OPERATE, READ

SECRET = "a-bearer-token-0123456789"
Handler = Callable[[httpx2.Request], httpx2.Response]


def answering(handler: Handler, token: str | None = SECRET) -> Client:
    return Client(
        "http://127.0.0.1:1",
        Token(token) if token else None,
        transport=httpx2.MockTransport(handler),
    )


def always(status: int, body: Any = None) -> Handler:
    def handler(request: httpx2.Request) -> httpx2.Response:
        if body is None:
            return httpx2.Response(status)
        return httpx2.Response(status, json=body)

    return handler


@pytest.fixture(params=["0.0.23", "0.0.28", "0.0.33"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SimServer]:
    with SimHome(tmp_path / "home", build=request.param) as home:
        home.project()
        home.thread("one")
        home.stop_server()
    with SimServer(tmp_path / "home", build=request.param) as running:
        yield running


# --- against the simulated server -----------------------------------------------------------------------------


def test_it_reads_what_the_server_shows(server: SimServer) -> None:
    with Client(server.origin, Token(server.token)) as client:
        environment = client.environment()
        assert environment.environment_id == server.environment_id
        assert environment.version == server.build.version
        thread = client.snapshot()["threads"][0]
        assert client.may_operate()
        if environment.roles_only:
            with pytest.raises(NotFound):
                client.thread(thread["id"])
        else:
            assert client.thread(thread["id"])["thread"]["title"] == "one"
            with pytest.raises(NotFound):
                client.thread("unknown")


@pytest.mark.parametrize("token", [None, "wrong-token-0123456789"])
def test_a_missing_or_wrong_token_is_said_so_on_every_build(server: SimServer, token: str | None) -> None:
    with Client(server.origin, Token(token) if token else None) as client:
        client.environment()
        with pytest.raises(AuthInvalid):
            client.snapshot()
        with pytest.raises(AuthInvalid):
            client.dispatch({"type": "thread.archive", "commandId": "c", "threadId": "t"})


def test_a_refused_command_is_rejected_on_every_build(server: SimServer) -> None:
    with Client(server.origin, Token(server.token)) as client:
        client.environment()
        for command in (
            {"type": "thread.nonsense", "commandId": "c1", "threadId": "t"},
            {
                "type": "thread.session.stop",
                "commandId": "c2",
                "threadId": "unknown",
                "createdAt": "2026-11-22T13:43:16.000Z",
            },
        ):
            with pytest.raises(CommandRejected):
                client.dispatch(command)


def test_a_pairing_token_is_exchanged_for_the_least(server: SimServer) -> None:
    with Client(server.origin) as client:
        bearer = client.exchange(Token(server.auth.pair()))
        client.token = bearer
        assert client.snapshot()["threads"]
        # roles know no difference; scopes do
        assert client.may_operate() is client.environment().roles_only
        used = Token(server.auth.pair())
        client.exchange(used, operate=True)
        with pytest.raises(AuthInvalid):
            client.exchange(used)


def test_a_pairing_that_may_not_act_is_not_used_up_by_asking(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        home.project()
        home.stop_server()
    with SimServer(tmp_path / "home") as server, Client(server.origin) as client:
        pairing = Token(server.auth.pair((READ,)))
        with pytest.raises(ScopeMissing):
            client.exchange(pairing, operate=True)
        client.token = client.exchange(pairing)
        assert not client.may_operate()


def test_a_read_is_tried_again_and_a_command_is_not(server: SimServer) -> None:
    with Client(server.origin, Token(server.token)) as client:
        server.http_faults.append(HttpFault(drop="before", method="GET", times=2))
        assert client.environment().environment_id == server.environment_id
        server.http_faults.append(HttpFault(drop="before", method="POST", times=1))
        before = len([1 for method, _ in server.requests if method == "POST"])
        with pytest.raises(NoAnswer):
            client.dispatch({"type": "thread.nonsense", "commandId": "c", "threadId": "t"})
        assert len([1 for method, _ in server.requests if method == "POST"]) == before + 1


def test_a_redirect_is_not_followed_with_a_token(server: SimServer) -> None:
    with Client(server.origin, Token(server.token)) as client:
        server.http_faults.append(HttpFault(path="/api/orchestration/snapshot", answer=HttpReply(302)))
        with pytest.raises(BadAnswer, match="redirect"):
            client.snapshot()


def test_a_server_that_is_not_there_was_not_reached() -> None:
    # nothing can listen on port 1 of the loopback without being root, and nothing here does
    with Client("http://127.0.0.1:1", attempts=1) as client, pytest.raises(NotDelivered):
        client.environment()


# --- answers one by one ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (401, {"code": "auth_invalid", "reason": "invalid_credential"}, AuthInvalid),
        (403, {"code": "insufficient_scope", "requiredScope": OPERATE}, ScopeMissing),
        (404, {"code": "not_found", "reason": "thread_not_found"}, NotFound),
        (503, None, NotFound),
        (400, None, CommandRejected),
        (400, {"error": "Failed to dispatch orchestration command."}, CommandRejected),
        (415, None, CommandRejected),
        (
            500,
            {"code": "internal_error", "reason": "orchestration_dispatch_failed"},
            CommandRejected,
        ),
        (500, None, BadAnswer),
        (502, {"x": 1}, BadAnswer),
        (200, {"sequence": "7"}, BadAnswer),
        (200, None, BadAnswer),
        (200, ["sequence"], BadAnswer),
        (307, {"x": 1}, BadAnswer),
    ],
)
def test_what_an_answer_to_a_command_means(status: int, body: Any, error: type[ActionError]) -> None:
    with answering(always(status, body)) as client, pytest.raises(error) as caught:
        client.dispatch({"type": "x", "commandId": "c"})
    assert type(caught.value) is error
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("problem", "error"),
    [
        (httpx2.ConnectError("refused"), NotDelivered),
        (httpx2.ConnectTimeout("late"), NotDelivered),
        (httpx2.ReadTimeout("late"), NoAnswer),
        (httpx2.WriteError("broken"), NoAnswer),
        (httpx2.RemoteProtocolError("closed"), NoAnswer),
    ],
)
def test_what_a_broken_connection_means(problem: httpx2.TransportError, error: type[ActionError]) -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise problem

    with answering(handler) as client, pytest.raises(error):
        client.dispatch({"type": "x", "commandId": "c"})


def test_a_server_that_repeats_the_token_in_its_error_does_not_make_it_seen() -> None:
    body = {"reason": f"invalid token {SECRET}"}
    with answering(always(401, body)) as client, pytest.raises(AuthInvalid) as caught:
        client.snapshot()
    assert SECRET not in str(caught.value)


def test_no_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Client("http://127.0.0.1:1", attempts=1) as client, pytest.raises(NotDelivered) as caught:
        client.environment()
    assert "127.0.0.1:1" in str(caught.value)
    assert client._http._mounts == {}


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.org", "remote-not-allowed"),
        ("http://192.168.1.7:3773", "remote-not-allowed"),
        ("http://127.0.0.1.example.org", "remote-not-allowed"),
        ("http://127.0.0.1@example.org", "bad-url"),
        ("http://user:pass@127.0.0.1:1", "bad-url"),
        ("ftp://127.0.0.1", "bad-url"),
        ("file:///etc/passwd", "bad-url"),
        ("127.0.0.1:3773", "bad-url"),
        ("http://127.0.0.1:99999", "bad-url"),
        ("", "bad-url"),
    ],
)
def test_an_address_that_is_not_this_machine_is_refused(url: str, code: str) -> None:
    with pytest.raises(UsageError) as caught:
        Client(url)
    assert caught.value.code == code


def test_another_machine_needs_permission_and_tls() -> None:
    with pytest.raises(UsageError, match="TLS"):
        Client("http://example.org", allow_remote=True)
    with Client("https://example.org:8443", allow_remote=True) as client:
        assert client.origin == "https://example.org:8443"


@pytest.mark.parametrize("url", ["http://localhost:1", "http://[::1]:1", "http://127.8.9.1:1"])
def test_the_loopback_has_many_names(url: str) -> None:
    with Client(url) as client:
        assert client.origin == url


# --- the right server -----------------------------------------------------------------------------------------


def test_the_server_of_another_home_is_refused_before_the_token_is_sent(server: SimServer, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "environment-id").write_text("another\n")
    before = len(server.requests)
    with (
        connect(other, url=server.origin, token=server.token) as connection,
        pytest.raises(WrongHome, match="another home"),
    ):
        connection.for_looking()
    assert {path for _, path in server.requests[before:]} == {"/.well-known/t3/environment"}


def test_a_home_without_an_id_may_be_looked_at_and_not_acted_on(server: SimServer, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with connect(other, url=server.origin, token=server.token) as connection:
        assert connection.for_looking().snapshot()["threads"]
        with pytest.raises(WrongHome, match="environment-id"):
            connection.for_acting()


def test_the_address_comes_from_the_runtime_file_and_must_be_this_machine(server: SimServer, tmp_path: Path) -> None:
    with connect(server.userdata.parent, token=server.token) as connection:
        assert connection.for_acting().origin == server.origin
    (server.userdata / "server-runtime.json").write_text('{"origin": "http://example.org"}')
    with (
        connect(server.userdata, token=server.token, allow_remote=True) as connection,
        pytest.raises(UsageError, match="another machine"),
    ):
        connection.for_looking()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"origin": 7}', "[" * 100_000])
def test_a_broken_runtime_file_means_no_server(tmp_path: Path, content: str) -> None:
    (tmp_path / "environment-id").write_text("x")
    (tmp_path / "server-runtime.json").write_text(content)
    with (
        connect(tmp_path, token=SECRET) as connection,
        pytest.raises(NotDelivered, match="no T3 Code server"),
    ):
        connection.for_looking()


def test_a_token_that_may_only_look_does_not_act(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.28") as home:
        home.project()
        home.stop_server()
    with SimServer(tmp_path / "home") as server:
        with connect(server.userdata, token=server.auth.issue((READ,))) as connection:
            assert connection.for_looking()
            with pytest.raises(ScopeMissing):
                connection.for_acting()
        pairing = server.auth.pair()
        with connect(server.userdata, token=pairing) as connection:
            assert connection.for_acting().may_operate()
        assert SECRET not in repr(connection)
        assert pairing not in repr(connection) + repr(vars(connection))
