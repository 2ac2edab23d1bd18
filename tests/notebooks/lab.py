"""A real Jupyter server on a folder: JupyterLab, Notebook 7 and Voila, with nothing of this machine's configuration."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Self

_START_S = 240.0


class Lab:
    """The server as a process of its own; use it as a context manager."""

    def __init__(self, folder: Path, scratch: Path, environment: dict[str, str], python: str = sys.executable) -> None:
        self.folder = folder
        self._python = python
        self.token = secrets.token_hex(16)
        self._scratch = scratch
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        settings = self._scratch / "settings" / "@jupyterlab"
        for plugin, content in {
            "notebook-extension/tracker": {"windowingMode": "none"},
            "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
        }.items():
            path = settings / f"{plugin}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        environment = os.environ | {
            "JUPYTERLAB_SETTINGS_DIR": str(self._scratch / "settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(self._scratch / "workspaces"),
            "JUPYTER_CONFIG_DIR": str(self._scratch / "config"),
            "JUPYTER_RUNTIME_DIR": str(self._scratch / "runtime"),
            "IPYTHONDIR": str(self._scratch / "ipython"),
        }
        self._log = (self._scratch / "lab.log").open("wb")
        self._process = subprocess.Popen(
            [
                self._python, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
                f"--ServerApp.port={self.port}", "--ServerApp.port_retries=0",
                f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={self.folder}",
            ],
            env=environment | self._environment, stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
        self._await_answer()
        return self

    def _await_answer(self) -> None:
        assert self._process is not None
        until = time.monotonic() + _START_S
        while time.monotonic() < until:
            assert self._process.poll() is None, (self._scratch / "lab.log").read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/api", timeout=2):
                    return
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise AssertionError("JupyterLab did not answer: " + (self._scratch / "lab.log").read_text())

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/api/{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=_START_S) as answer:
            return json.loads(answer.read() or "null")

    def start_kernel(self, notebook: str) -> None:
        """Have a kernel ready for a notebook, so that a page that opens it has none to choose."""
        body = {"path": notebook, "name": "", "type": "notebook", "kernel": {"name": "python3"}}
        self._ask("POST", "sessions", body)

    def end_kernels(self) -> None:
        """End all kernels, as somebody does who shuts them down by hand."""
        for kernel in self._ask("GET", "kernels"):
            self._ask("DELETE", f"kernels/{kernel['id']}")

    def url(self, notebook: str, app: str = "lab") -> str:
        """Where a notebook opens: in ``lab``, ``notebooks`` or ``voila/render``.

        In JupyterLab each has a workspace of its own. One that others were opened in is restored with them, and until the
        page has come to the notebook of its address "Run All Cells" runs another one.
        """
        if app == "lab":
            app = f"lab/workspaces/{Path(notebook).stem}/tree"
        return f"http://127.0.0.1:{self.port}/{app}/{notebook}?token={self.token}"
