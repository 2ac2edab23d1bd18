"""The engine by itself: one look at a server for a refresh, and no notebook anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest

import t3lens
from t3lens.diagnose import Options
from t3lens.fleet.one_home import AuditRequest, audit_one
from t3lens.ingest import discover
from t3lens.lens.opening import open_session
from t3lens.sim.scenarios import build_home
from t3lens.time import iso

_ASKED = "/.well-known/t3/environment"


class _Served:
    """A home whose server answers, and counts how often it is asked."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.asked = 0
        build_home(home, "retry-loop")
        userdata = home / "userdata"
        environment = (userdata / "environment-id").read_text().strip()
        served = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                served.asked += self.path == _ASKED
                body = json.dumps({"environmentId": environment, "serverVersion": "0.0.33"})
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        started = iso(int(psutil.Process().create_time() * 1e6))
        runtime = {
            "version": 1,
            "pid": os.getpid(),
            "startedAt": started,
            "origin": f"http://127.0.0.1:{self.http.server_port}",
        }
        (userdata / "server-runtime.json").write_text(json.dumps(runtime))

    def during(self, do: Callable[[], object]) -> int:
        """How often it is asked while something is done."""
        before = self.asked
        do()
        return self.asked - before


@pytest.fixture
def served(tmp_path: Path) -> Iterator[_Served]:
    served = _Served(tmp_path / "home")
    thread = threading.Thread(target=served.http.serve_forever)
    thread.start()
    yield served
    served.http.shutdown()
    thread.join()
    served.http.server_close()


def test_a_server_is_asked_once_for_each_look(served: _Served) -> None:
    session = open_session(served.home)
    assert served.asked == 1
    assert session.diagnosis.homes[0].context.server.alive
    assert served.during(session.refresh) == 1
    assert served.during(lambda: session.diagnosis) == 0
    assert served.during(session.catch_up) == 1
    session.close()


def test_a_lens_asks_no_more_than_its_engine(served: _Served) -> None:
    with t3lens.open(served.home) as lens:
        assert repr(lens.findings()) and repr(lens)
        assert served.asked == 1


def test_a_store_alone_looks_at_the_servers_of_its_homes_once(served: _Served, tmp_path: Path) -> None:
    open_session(served.home, store=tmp_path / "kept.duckdb").close()
    assert served.during(lambda: open_session(store=tmp_path / "kept.duckdb").close()) == 1


def test_whose_server_is_told_is_not_asked(served: _Served) -> None:
    assert served.during(lambda: open_session(served.home, server="dead").close()) == 0


@pytest.mark.parametrize("kept", [False, True])
def test_a_home_of_a_fleet_is_asked_once(served: _Served, tmp_path: Path, kept: bool) -> None:
    (home,) = discover([served.home])
    folder = tmp_path / "stores" if kept else None
    if folder is not None:
        folder.mkdir()
    how, audited = audit_one(home, AuditRequest(Options(), None, folder))
    assert (how, served.asked) == ("read", 1)
    assert audited.document.homes[0].server == "alive"


def test_the_engine_diagnoses_a_home_without_a_notebook_and_without_drawing(tmp_path: Path) -> None:
    build_home(tmp_path / "home", "retry-loop")
    code = f"""
import sys
from t3lens.lens.opening import open_session
session = open_session({str(tmp_path / "home")!r}, server="dead", progress=False)
assert session.diagnosis.threads and session.rows("from findings")
faces = {{"IPython", "ipywidgets", "anywidget", "plotly", "t3lens.lens.lens", "t3lens.view"}}
print(sorted(faces & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
