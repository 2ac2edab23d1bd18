"""The demo with JupyterLab: its address is told whole, and a termination ends everything it started."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from t3lens.commands.demo_lab import DemoLab, places_of_its_own
from t3lens.errors import InputError


def answers(address: str) -> bool:
    """Whether anything listens where an address points to."""
    try:
        with urllib.request.urlopen(address, timeout=120):
            return True
    except urllib.error.HTTPError:
        return True
    except (urllib.error.URLError, ConnectionError):
        return False


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="a termination is a signal")
def test_its_address_opens_and_a_termination_ends_all_of_it(tmp_path: Path) -> None:
    environment = os.environ | {name: str(tmp_path / name) for name in ("JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")}
    environment |= {"SSH_CONNECTION": "192.0.2.7 50000 192.0.2.8 22", "PYTHONUNBUFFERED": "1"}
    words = [sys.executable, "-P", "-m", "t3lens", "demo", "--folder", "demo", "--ip", "127.0.0.1"]
    with subprocess.Popen(
        words, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as demo:
        assert demo.stdout is not None
        said: list[str] = []
        try:
            while "Ctrl-C here" not in (said[-1] if said else ""):
                line = demo.stdout.readline()
                assert line, "".join(said)
                said.append(line)
            text = "".join(said)
            (address,) = re.findall(r"^  (http://\S+)$", text, re.MULTILINE)
            port = urlsplit(address).port
            assert re.fullmatch(
                rf"http://127\.0\.0\.1:{port}/lab/tree/notebooks/01_investigate\.ipynb\?token=\w{{32}}", address
            )
            assert re.search(
                rf"^From your own machine, first: ssh -N -L {port}:127\.0\.0\.1:{port} \S+@192\.0\.2\.8$", text, re.M
            )
            assert "ServerApp" not in text
            assert "ServerApp" in (tmp_path / "demo" / "jupyter.log").read_text()
            runtime = json.loads((tmp_path / "demo" / "home" / "userdata" / "server-runtime.json").read_text())
            assert answers(address) and answers(runtime["origin"])
        finally:
            demo.send_signal(signal.SIGTERM)
            rest = demo.stdout.read()
            code = demo.wait()
    assert code == 128 + signal.SIGTERM, rest
    assert "have ended" in rest
    assert not answers(address) and not answers(runtime["origin"])


def test_without_a_home_that_can_be_written_jupyterlab_gets_places_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert places_of_its_own(tmp_path / "jupyter", {}) == {}
    for missing in (str(tmp_path / "nowhere"), None):
        monkeypatch.setenv("HOME", str(missing))
        if missing is None:
            monkeypatch.setattr(Path, "home", no_home)
        given = {"JUPYTER_CONFIG_DIR": "/etc/jupyter"}
        told = places_of_its_own(tmp_path / "jupyter", given)
        assert {"JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "T3LENS_JOURNAL"} <= told.keys()
        assert "JUPYTER_CONFIG_DIR" not in told, "who names a place is asked no more"
        assert all(Path(place).is_relative_to(tmp_path / "jupyter") for place in told.values())


def no_home() -> Path:
    raise RuntimeError("could not determine home directory")


def test_a_jupyterlab_that_does_not_start_says_why(tmp_path: Path) -> None:
    notebook = tmp_path / "one.ipynb"
    broken = DemoLab(notebook, tmp_path, os.environ, ip="127.0.0.1", port=8888, browser=False)
    broken._words[1:] = ["-c", "raise SystemExit('nobody is at home')"]
    with broken as lab, pytest.raises(InputError, match="nobody is at home"):
        lab.addresses()


LATE = """
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.headers["Authorization"] == f"token {sys.argv[1]}" else 403)
        self.end_headers()

server = HTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.server_bind()
told = {"port": server.server_port, "base_url": "/", "secure": False}
with open(os.path.join(os.environ["JUPYTER_RUNTIME_DIR"], f"jpserver-{os.getpid()}.json"), "w") as out:
    out.write(json.dumps(told)[:9])
    out.flush()
    time.sleep(1)
    out.write(json.dumps(told)[9:])
time.sleep(1)
server.server_activate()
server.serve_forever()
"""
"""A server that is told of before that is written whole, and before it listens, as Jupyter's is."""


def test_its_address_is_told_when_it_answers(tmp_path: Path) -> None:
    environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(tmp_path)}
    lab = DemoLab(tmp_path / "one.ipynb", tmp_path, environment, ip="127.0.0.1", port=8888, browser=False)
    lab._words[1:] = ["-c", LATE, lab._token]
    with lab:
        (address,) = lab.addresses()
        assert address.endswith(f"/lab/tree/one.ipynb?token={lab._token}")
        assert answers(address)


def test_what_does_not_take_its_token_is_another(tmp_path: Path) -> None:
    environment = os.environ | {"JUPYTER_RUNTIME_DIR": str(tmp_path)}
    lab = DemoLab(tmp_path / "one.ipynb", tmp_path, environment, ip="127.0.0.1", port=8888, browser=False)
    lab._words[1:] = ["-c", LATE, lab._token]
    with lab:
        port = urlsplit(lab.addresses()[0]).port
        other = DemoLab(tmp_path / "one.ipynb", tmp_path, environment, ip="127.0.0.1", port=8888, browser=False)
        assert not other._answers({"port": port, "base_url": "/", "secure": False})
