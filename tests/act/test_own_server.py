"""A token goes to the home's own server, or to where a person says; and no exchange lasts longer than its time."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from t3lens.act import Token, connect
from t3lens.act.errors import BadAnswer, NoAnswer, WrongHome
from t3lens.act.v1.client import Client
from t3lens.ingest import discover, probe_server
from t3lens.ingest.exchange import NotInTime

ID = "11111111-2222-3333-4444-555555555555"
SECRET = "a-token-that-nobody-else-may-see"


class Stranger:
    """Answers as a T3 Code server of any home would, and keeps what it is sent."""

    def __init__(self) -> None:
        seen: list[str] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                seen.append(str(self.headers))
                body = json.dumps({"environmentId": ID, "serverVersion": "0.0.33", "label": "x"}).encode()
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.seen = seen
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def stranger() -> Iterator[Stranger]:
    made = Stranger()
    yield made
    made.http.shutdown()
    made.http.server_close()


def _home(folder: Path, **runtime: Any) -> Path:
    folder.mkdir()
    (folder / "environment-id").write_text(ID)
    (folder / "server-runtime.json").write_text(json.dumps(runtime))
    return folder


def _gone() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


@pytest.mark.parametrize(
    ("pid", "why"),
    [(None, "does not say which process"), ("gone", "is gone"), ("another", "is not what listens")],
)
@pytest.mark.parametrize("acting", [False, True], ids=["looking", "acting"])
def test_a_stranger_gets_no_token(stranger: Stranger, tmp_path: Path, pid: str | None, why: str, acting: bool) -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    number = {"gone": _gone(), "another": child.pid}.get(pid or "")
    home = _home(tmp_path / "userdata", pid=number, origin=stranger.origin, startedAt="2020-01-01T00:00:00.000Z")
    try:
        with connect(home, token=Token(SECRET)) as link, pytest.raises(WrongHome, match=why):
            link.for_acting() if acting else link.for_looking()
    finally:
        child.communicate()
    assert stranger.seen  # it was asked who it is
    assert not any(SECRET in one for one in stranger.seen)


def test_a_home_without_an_id_gives_no_token(stranger: Stranger, tmp_path: Path) -> None:
    home = _home(tmp_path / "userdata", pid=os.getpid(), origin=stranger.origin, startedAt="2020-01-01T00:00:00.000Z")
    (home / "environment-id").unlink()
    with connect(home, token=Token(SECRET)) as link, pytest.raises(WrongHome, match="has no environment-id"):
        link.for_looking()
    assert not any(SECRET in one for one in stranger.seen)


def test_the_process_that_listens_gets_it(stranger: Stranger, tmp_path: Path) -> None:
    home = _home(tmp_path / "userdata", pid=os.getpid(), origin=stranger.origin)
    with connect(home, token=Token(SECRET)) as link:
        assert link.for_looking().token == Token(SECRET)


def test_what_a_person_names_gets_it(stranger: Stranger, tmp_path: Path) -> None:
    home = _home(tmp_path / "userdata")
    with connect(home, url=stranger.origin, token=Token(SECRET)) as link:
        assert link.for_looking().token == Token(SECRET)


def test_a_keyring_is_asked_by_the_homes_id_not_by_what_a_server_calls_itself(
    stranger: Stranger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def none(names: tuple[str, ...]) -> Token:
        asked.append(names)
        return Token(SECRET)

    monkeypatch.setattr("t3lens.act.token._from_keyring", none)
    home = _home(tmp_path / "userdata")
    (home / "environment-id").unlink()
    with connect(home, url=stranger.origin, prompt=False) as link:
        link.for_looking()
    assert asked == [(stranger.origin,)]


@contextmanager
def _dripping(first: bytes, *, every: float) -> Iterator[str]:
    """A server that sends ``first``, and then a byte now and then, for ever."""
    listening = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def serve(one: socket.socket) -> None:
        try:
            one.sendall(first)
            while not over.wait(every):
                one.sendall(b"x")
        except OSError:
            pass
        finally:
            one.close()

    def accept() -> None:
        while not over.is_set():
            try:
                one, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(one,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        over.set()
        listening.close()


@pytest.mark.parametrize(
    "first",
    [b"", b"HTTP/1.1 200 OK\r\nx-", b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n{"],
    ids=["nothing", "head", "body", "endless body"],
)
def test_a_server_that_drips_is_given_up(first: bytes) -> None:
    with _dripping(first, every=0.02) as origin, Client(origin, timeout=0.5) as client:
        began = time.monotonic()
        with pytest.raises((NoAnswer, BadAnswer)):
            client.environment()
        with pytest.raises(NoAnswer):
            client.dispatch({"type": "x", "commandId": "1"})
        assert time.monotonic() - began < 120  # it would last for ever


def test_a_home_whose_server_drips_is_looked_at_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("t3lens.ingest.server._WHOLE_S", 0.3)
    with _dripping(b"HTTP/1.1 200 OK\r\nx-", every=0.02) as origin:
        home = _home(tmp_path / "userdata", pid=os.getpid(), origin=origin, startedAt="2020-01-01T00:00:00.000Z")
        assert probe_server(discover([home])[0]).status != "alive"
    assert f"{origin}/.well-known/t3/environment has not answered" in caplog.text


def test_an_answer_that_unpacks_to_too_much_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx2

    from t3lens.ingest.exchange import Exchange, TooLarge

    packed = gzip.compress(b"0" * 50_000_000)

    def answer(_: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-encoding": "gzip"}, stream=httpx2.ByteStream(packed))

    with httpx2.Client(transport=httpx2.MockTransport(answer)) as http, pytest.raises(TooLarge):
        Exchange(http).ask("GET", "http://127.0.0.1/", seconds=600, largest=1 << 20)


def test_time_that_is_over_before_it_begins_is_over() -> None:
    import httpx2

    from t3lens.ingest.exchange import Exchange

    with _dripping(b"", every=0.02) as origin, httpx2.Client() as http, pytest.raises(NotInTime):
        Exchange(http).ask("GET", origin, seconds=-1, largest=10)
