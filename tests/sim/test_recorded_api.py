"""The simulated server answers what the real one answered, exchange by exchange."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode

import httpx2
import pytest

from t3lens.sim import SimHome, SimServer
from t3lens.sim.auth import READ, SCOPES
from t3lens.sim.t3 import T3
from tests.recordings import RECORDED, needs_recordings

pytestmark = needs_recordings

BUILDS = ("0.0.23", "0.0.28", "0.0.33")
_UNKNOWABLE = {"traceId"}
"""Values that are new in every answer."""


class Exchange:
    """One request and the real server's answer."""

    def __init__(self, title: str, method: str, path: str, body: str | None, status: int, answer: str) -> None:
        self.title, self.method, self.path = title, method, path
        self.body, self.status, self.answer = body, status, answer


def exchanges(build: str) -> list[Exchange]:
    """The raw exchanges of ``orchestration.txt``, after those that only prepare tokens."""
    text = (RECORDED / f"api-{build}" / "orchestration.txt").read_text()
    found = []
    for block in text.split("\n### ")[1:]:
        lines = block.split("\n")
        asked = re.fullmatch(r"(GET|POST) (\S+)", lines[1]) if len(lines) > 1 else None
        answers = [line for line in lines[2:] if line.startswith("-> ")]
        if asked is None or not answers or "/api/auth" in asked[2]:
            continue
        body = lines[2] if not lines[2].startswith("-> ") else None
        status, _, answer = answers[0][3:].partition(" ")
        found.append(Exchange(lines[0], asked[1], asked[2], body, int(status), answer))
    return found


@pytest.fixture(params=BUILDS)
def build(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def server(build: str, tmp_path: Path) -> Iterator[SimServer]:
    SimHome(tmp_path / "home", build=build).close()
    with SimServer(tmp_path / "home", speed=200) as running:
        running.core.faults.missing_folders.add("/home/dev/does-not-exist")
        yield running


def quiet(core: T3) -> bool:
    """Nothing is under way: no command, no live session, no checkpoint to come."""
    busy = core.reactor.waiting or core.reactor.busy_with
    live = core.database.all("SELECT 1 FROM projection_thread_sessions WHERE status IN ('starting', 'running')")
    open_turns = core.database.all(
        "SELECT 1 FROM projection_turns WHERE turn_id <> '' AND state <> 'interrupted' AND checkpoint_status IS NULL"
    )
    return not (busy or live or open_turns)


def ask(client: httpx2.Client, exchange: Exchange, token: str | None) -> httpx2.Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    if exchange.method == "GET":
        return client.get(exchange.path, headers=headers)
    body = exchange.body or ""
    plain = re.fullmatch(r"b'(.*)'", body)
    if plain:
        kind = "text/plain" if exchange.title == "text/plain" else "application/json"
        return client.post(exchange.path, headers={**headers, "content-type": kind}, content=plain[1].encode())
    return client.post(
        exchange.path,
        headers={**headers, "content-type": "application/json"},
        content=body.encode(),
    )


def parting(wanted: Any, said: Any, where: str = "$") -> str | None:
    """Where two answers first have different fields (in order); values, and what is inside of data, may differ."""
    if isinstance(wanted, dict) and isinstance(said, dict):
        if where.endswith((".payload", ".data", ".platform")):
            return None
        if list(wanted) != list(said):
            return f"{where}: {list(wanted)} recorded, {list(said)} said"
        return next(
            (found for key in said if (found := parting(wanted.get(key), said[key], f"{where}.{key}"))),
            None,
        )
    if isinstance(wanted, list) and isinstance(said, list) and wanted and said:
        return parting(wanted[-1], said[-1], f"{where}[-1]")
    return None


def test_every_recorded_exchange_gets_the_same_status_and_error(build: str, server: SimServer) -> None:
    recorded = exchanges(build)
    assert len(recorded) > 20
    wrong = []
    with httpx2.Client(base_url=server.origin, timeout=60, trust_env=False) as client:
        for exchange in recorded:
            token: str | None = server.token
            if exchange.title == "no token":
                token = None
            elif exchange.title == "bad token":
                token = "nope"
            elif "read-only token" in exchange.title:
                token = server.auth.issue((READ,))
            assert server.wait(quiet, 60), f"the server did not come to rest before {exchange.title!r}"
            answer = ask(client, exchange, token)
            if answer.status_code != exchange.status:
                wrong.append(f"{exchange.title}: {answer.status_code}, recorded {exchange.status}")
            elif answer.status_code >= 400 and _error(answer.text) != _error(exchange.answer):
                wrong.append(f"{exchange.title}: {answer.text!r}, recorded {exchange.answer!r}")
    assert not wrong, "\n".join(wrong)


def _error(text: str) -> Any:
    try:
        body = json.loads(text)
    except ValueError:
        return text.strip()
    return {key: value for key, value in body.items() if key not in _UNKNOWABLE}


def test_dispatch_reaches_the_recorded_sequence_until_providers_differ(build: str, server: SimServer) -> None:
    """Sequence numbers count what the server wrote by itself too, so they prove which events a command makes."""
    with httpx2.Client(base_url=server.origin, timeout=60, trust_env=False) as client:
        compared = 0
        for exchange in exchanges(build):
            if "read-only" in exchange.title:
                continue
            assert server.wait(quiet, 60)
            answer = ask(client, exchange, server.token)
            if exchange.status == 200 and exchange.method == "POST":
                said, recorded = answer.json()["sequence"], json.loads(exchange.answer)["sequence"]
                assert said == recorded, exchange.title
                compared += 1
                if exchange.title == "turn.start":
                    break
    assert compared >= 9


def test_reads_have_the_recorded_fields(build: str, server: SimServer) -> None:
    """Threads, sessions, turns and the list: the same keys in the same order."""
    all_recorded = exchanges(build)
    recorded = {e.title: e for e in all_recorded if e.method == "GET" and e.status == 200}
    compared = 0
    with httpx2.Client(base_url=server.origin, timeout=60, trust_env=False) as client:
        for exchange in all_recorded:
            if "read-only" in exchange.title:
                continue
            assert server.wait(quiet, 60)
            answer = ask(client, exchange, server.token)
            if recorded.get(exchange.title) is not exchange:
                continue
            try:
                wanted = json.loads(exchange.answer)
            except ValueError:  # the recording cuts long answers
                continue
            said = answer.json()
            if exchange.title in (
                "thread after the turn",
                "shell",
                "thread afterwards",
                "snapshot",
            ):
                # between the reactor and the first word of the provider nothing shows that a turn is under way
                until = time.monotonic() + 60
                while parting(wanted, said) is not None and time.monotonic() < until:
                    assert server.wait(quiet, 60)
                    said = ask(client, exchange, server.token).json()
                assert parting(wanted, said) is None, exchange.title
                compared += 1
            elif exchange.title == "environment descriptor":
                assert set(wanted) == set(said)
                assert wanted["serverVersion"] == said["serverVersion"]
                compared += 1
    assert compared >= 2


def exchange_token(client: httpx2.Client, pairing: str, **fields: str) -> httpx2.Response:
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": pairing,
        "subject_token_type": "urn:t3:params:oauth:token-type:environment-bootstrap",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        **fields,
    }
    headers = {"content-type": "application/x-www-form-urlencoded"}
    return client.post("/oauth/token", content=urlencode(form).encode(), headers=headers)


@pytest.mark.parametrize("build", ["0.0.28"], indirect=True)
def test_token_exchange_answers_as_recorded(server: SimServer) -> None:
    text = (RECORDED / "api-0.0.28" / "auth.txt").read_text()
    assert "scope_not_granted" in (RECORDED / "api-0.0.28" / "orchestration.txt").read_text()
    pairing = server.auth.pair((READ,))
    with httpx2.Client(base_url=server.origin, timeout=60, trust_env=False) as client:
        assert exchange_token(client, "BADBADBADBAD").status_code == 401
        bogus = exchange_token(client, pairing, scope="orchestration:bogus")
        assert (bogus.status_code, bogus.json()["reason"]) == (400, "invalid_scope")
        assert '"reason":"invalid_scope"' in text
        more = exchange_token(client, pairing, scope="orchestration:operate")
        assert (more.status_code, more.json()["reason"]) == (400, "scope_not_granted")
        as_json = client.post("/oauth/token", json={"grant_type": "x"})
        assert (as_json.status_code, as_json.text) == (
            415,
            "Unsupported content-type: application/json",
        )
        granted = exchange_token(client, pairing, scope=READ)
        assert granted.status_code == 200
        assert set(granted.json()) == {
            "access_token",
            "issued_token_type",
            "token_type",
            "expires_in",
            "scope",
        }
        assert granted.json()["expires_in"] == 2591999
        assert exchange_token(client, pairing, scope=READ).status_code == 401
        bearer = {"authorization": f"Bearer {granted.json()['access_token']}"}
        session = client.get("/api/auth/session", headers=bearer).json()
        assert session["authenticated"] is True
        assert session["scopes"] == [READ]
    assert parse_qs(urlencode({"scope": " ".join(SCOPES)}))["scope"] == [" ".join(SCOPES)]
