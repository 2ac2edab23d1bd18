"""JupyterLab for the demo: quiet, with its whole address told, and ended with everything it started."""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import quote

from t3lens.act.journal import JOURNAL_VARIABLE
from t3lens.errors import InputError

__all__ = ["DemoLab", "far_away", "in_container"]

_START_S: Final = 300.0
_END_S: Final = 20.0
_LOOK_S: Final = 0.1
_ANSWER_S: Final = 30.0
_LAST_LINES: Final = 12
_ANY: Final = ("0.0.0.0", "::", "*")
_RUNTIME: Final = "JUPYTER_RUNTIME_DIR"
_PLACES: Final = {
    _RUNTIME: "runtime", "JUPYTER_DATA_DIR": "data", "JUPYTER_CONFIG_DIR": "config", "IPYTHONDIR": "ipython",
    "JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces", JOURNAL_VARIABLE: "journal.ndjson",
}  # fmt: skip
_MARKS: Final = (Path("/.dockerenv"), Path("/run/.containerenv"))


def in_container() -> bool:
    """Whether this process runs in a container, whose loopback nobody outside reaches."""
    return any(mark.exists() for mark in _MARKS)


def far_away() -> bool:
    """Whether the person sits at another machine, so that a browser opened here is of no use."""
    no_screen = sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    return bool(os.environ.get("SSH_CONNECTION")) or in_container() or no_screen


def places_of_its_own(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """Where JupyterLab, its kernels and t3lens keep what is theirs, if not in the home of the user.

    In a container that home may be missing or read-only; JupyterLab does not start without one. Nothing is said where
    it can be written.

    Args:
        folder: Where such places are made.
        environment: Of the process that is to have them; what it names itself stays.
    """
    try:
        home = Path.home()
    except RuntimeError:  # a user without a home, and HOME is not said
        home = None
    if home is not None and os.access(home, os.W_OK | os.X_OK):
        return {}
    return {name: str(folder / place) for name, place in _PLACES.items() if name not in environment}


class DemoLab:
    """JupyterLab on the demo's notebooks, for as long as a ``with`` block lasts.

    What it says goes to a file. It has a session of its own, so that an interrupt at the terminal reaches t3lens alone,
    which then ends it in order.

    Args:
        notebook: The notebook to open.
        folder: What it may see; its log is written here.
        environment: Of its process.
        ip: The address it listens at.
        port: The port, or the next free one.
        browser: Whether it opens a browser here.
    """

    def __init__(
        self, notebook: Path, folder: Path, environment: Mapping[str, str], *, ip: str, port: int, browser: bool
    ) -> None:
        self.log = folder / "jupyter.log"
        self._token = secrets.token_hex(16)
        self._ip = ip
        self._place = notebook.resolve().relative_to(folder.resolve()).as_posix()
        self._environment = {**environment, **places_of_its_own(folder.resolve() / "jupyter", environment)}
        self._process: subprocess.Popen[bytes] | None = None
        self._words = [
            sys.executable, "-P", "-m", "jupyterlab", str(notebook.resolve()), f"--ServerApp.root_dir={folder.resolve()}",
            f"--ServerApp.ip={ip}", f"--ServerApp.port={port}", f"--ServerApp.open_browser={browser}",
            f"--IdentityProvider.token={self._token}", "--LabApp.extension_manager=readonly",
        ]  # fmt: skip
        if hasattr(os, "geteuid") and os.geteuid() == 0:
            # else JupyterLab refuses, and in a container there is nobody else to be
            self._words.append("--allow-root")

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                self._words, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip
        return self

    def addresses(self) -> tuple[str, ...]:
        """Its addresses with port and token, once it answers: this machine's first.

        Raises:
            InputError: It ended, or does not come; the message has its last words.
        """
        from jupyter_core.paths import jupyter_runtime_dir

        assert self._process is not None
        told = Path(self._environment.get(_RUNTIME) or jupyter_runtime_dir()) / f"jpserver-{self._process.pid}.json"
        until = time.monotonic() + _START_S
        while not ((server := _told(told)) and self._answers(server)):
            if self._process.poll() is not None or time.monotonic() > until:
                last = "\n".join(self.log.read_text("utf-8", errors="replace").splitlines()[-_LAST_LINES:])
                raise InputError(f"JupyterLab did not start; the end of {self.log}:\n{last}", code="no-jupyterlab")
            time.sleep(_LOOK_S)
        hosts = [self._here, *_outside()] if self._ip in _ANY else [self._ip]
        kind = "https" if server["secure"] else "http"
        page = f"{server['base_url']}lab/tree/{quote(self._place)}?token={self._token}"
        return tuple(f"{kind}://{host}:{server['port']}{page}" for host in hosts)

    @property
    def _here(self) -> str:
        """The host that it has for this machine."""
        return "127.0.0.1" if self._ip in _ANY else self._ip

    def _answers(self, server: Mapping[str, Any]) -> bool:
        """Whether it listens, and takes its own token: Jupyter tells of a server before that has its port.

        Args:
            server: What Jupyter tells of it.
        """
        with (
            closing(HTTPConnection(self._here, server["port"], timeout=_ANSWER_S)) as connection,
            suppress(OSError, HTTPException),
        ):
            connection.connect()
            if server["secure"]:  # with a certificate of the user's own, which need not be for this host
                return True
            connection.request("GET", f"{server['base_url']}api/status", headers={"Authorization": f"token {self._token}"})
            return connection.getresponse().status == HTTPStatus.OK
        return False

    def wait(self) -> None:
        """Until it ends."""
        if self._process is not None:
            self._process.wait()

    def __exit__(self, *_: object) -> None:
        process = self._process
        if process is None or process.poll() is not None:
            return
        try:
            process.terminate()  # it then ends its kernels
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)
        finally:
            if process.poll() is None:
                if hasattr(os, "killpg"):
                    os.killpg(process.pid, signal.SIGKILL)
                else:
                    process.kill()
                process.wait()


def _told(path: Path) -> dict[str, Any]:
    """What Jupyter tells of a server; nothing as long as that is not written whole."""
    try:
        return dict(json.loads(path.read_text("utf-8")))
    except (FileNotFoundError, ValueError):
        return {}


def _outside() -> list[str]:
    """The address of this machine that others reach it by, if it has one."""
    with suppress(OSError):
        address = socket.gethostbyname(socket.gethostname())
        if not address.startswith("127."):
            return [address]
    return []
