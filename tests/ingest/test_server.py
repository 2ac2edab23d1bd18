"""Whether a home's server is alive: only what ties an answer to the home counts."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

from t3lens.ingest import discover, probe_server, server
from t3lens.time import iso


@pytest.fixture
def userdata(tmp_path: Path) -> Path:
    folder = tmp_path / "userdata"
    (folder / "logs" / "provider").mkdir(parents=True)
    return folder


@pytest.fixture
def origin() -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"environmentId": "env-1", "serverVersion": "0.0.33"}).encode()
            self.send_response(200 if self.path == "/.well-known/t3/environment" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def gone_pid() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def runtime(folder: Path, pid: int, origin: str, started: str | None = None) -> None:
    mine = psutil.Process().create_time()
    content = {
        "version": 1,
        "pid": pid,
        "origin": origin,
        "startedAt": started or iso(int(mine * 1e6)),
    }
    (folder / "server-runtime.json").write_text(json.dumps(content))


def status(folder: Path) -> str:
    return probe_server(discover([folder])[0]).status


def test_of_a_home_that_nobody_serves_nothing_is_asked(
    userdata: Path, gone_pid: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To import what asks takes longer than all else."""
    monkeypatch.setattr(server, "_ask", None)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    runtime(userdata, gone_pid, f"http://127.0.0.1:{port}")
    assert status(userdata) == "dead"


def test_no_discovery_file_means_it_was_shut_down(userdata: Path) -> None:
    assert status(userdata) == "dead"


def test_an_answer_with_the_homes_environment_is_alive(userdata: Path, origin: str, gone_pid: int) -> None:
    (userdata / "environment-id").write_text("env-1")
    runtime(userdata, gone_pid, origin)
    state = probe_server(discover([userdata])[0])
    assert (state.status, state.version) == ("alive", "0.0.33")


def test_another_homes_server_at_the_address_is_not_ours(userdata: Path, origin: str) -> None:
    (userdata / "environment-id").write_text("env-2")
    runtime(userdata, os.getpid(), origin)
    assert status(userdata) == "dead"


def test_a_process_that_is_gone_is_dead(userdata: Path, gone_pid: int) -> None:
    runtime(userdata, gone_pid, "http://127.0.0.1:1")
    assert status(userdata) == "dead"


def test_a_reused_process_id_is_dead(userdata: Path) -> None:
    runtime(userdata, os.getpid(), "http://127.0.0.1:1", started="2020-01-01T00:00:00.000Z")
    assert status(userdata) == "dead"


def test_a_process_without_an_answer_is_unclear(userdata: Path) -> None:
    runtime(userdata, os.getpid(), "http://127.0.0.1:1")
    assert status(userdata) == "unknown"


@pytest.mark.parametrize("origin", ["http://192.0.2.1:80", "file:///etc/passwd", "x", "http://[::1"])
def test_only_loopback_is_asked(userdata: Path, origin: str, gone_pid: int) -> None:
    runtime(userdata, gone_pid, origin)
    state = probe_server(discover([userdata])[0])
    assert (state.origin, state.status) == (None, "dead")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"pid": "x", "startedAt": 7}'])
def test_a_strange_discovery_file_does_no_harm(userdata: Path, content: bytes) -> None:
    (userdata / "server-runtime.json").write_bytes(content)
    assert status(userdata) in ("dead", "unknown")
