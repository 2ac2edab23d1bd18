"""Whether the server of a home is alive, found out without disturbing it."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from typing import Final, Literal
from urllib.parse import urlsplit

from t3lens.ingest.home_files import is_loopback, read_runtime
from t3lens.ingest.homes import Home
from t3lens.ingest.out_of_sight import out_of_sight
from t3lens.t3code.home_layout import SERVER_RUNTIME
from t3lens.t3code.v1 import wire
from t3lens.time import Micros

__all__ = ["ServerState", "is_process", "probe_server"]

_TIMEOUT_S: Final = 1.5
_HTTP: Final = 80
_WHOLE_S: Final = 3.0
_START_SLACK_S: Final = 5.0
_LARGEST_ANSWER: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ServerState:
    """What could be found out about a home's server.

    Attributes:
        status: ``alive``, ``dead``, or ``unknown`` when the signs are unclear.
        started_at: When it says it started, microseconds UTC.
        version: Its version, if it answered.
        pid: Its process id, as it wrote it down.
        origin: Its base address, as it wrote it down.
        why: One sentence on what this rests on.
        protocol: The orchestration protocol it names, if it answered and names one.
    """

    status: Literal["alive", "dead", "unknown"]
    started_at: Micros | None
    version: str | None
    pid: int | None
    origin: str | None
    why: str
    protocol: int | None = None


def is_process(pid: int, started_at: Micros | None) -> bool | None:
    """Whether ``pid`` can be the server: True, False (gone, or a younger process), None if unclear."""
    if os.name == "posix" and pid > 0:
        try:
            os.kill(pid, 0)  # of most homes it is gone, and then nothing need be imported to look closer
        except ProcessLookupError:
            return False
        except (OSError, OverflowError):
            pass
    import psutil

    try:
        created = psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError, ValueError, OverflowError):
        return None
    if started_at is None:
        return None
    return created <= started_at / 1e6 + _START_SLACK_S


def _asked(origin: str | None) -> str | None:
    """The address, if it is one that is asked: plain HTTP on this machine."""
    local = origin is not None and is_loopback(origin)
    return origin if local and urlsplit(origin).scheme == "http" else None


def _listens(origin: str) -> bool:
    """Whether anybody listens there: what asks takes longer to import than to be told that nobody does."""
    parts = urlsplit(origin)
    try:
        with socket.create_connection((parts.hostname, parts.port or _HTTP), _TIMEOUT_S):
            return True
    except (OSError, ValueError):
        return False


def _ask(origin: str) -> dict[str, object] | None:
    """What the server at ``origin`` answers of its environment; None if there is no such answer."""
    import httpx2

    from t3lens.ingest.exchange import Exchange, NotInTime, TooLarge

    try:
        # only plain http to this machine is asked, and reading the certificates takes 0.1 s
        with httpx2.Client(trust_env=False, timeout=_TIMEOUT_S, follow_redirects=False, verify=False) as client:
            url = f"{origin.rstrip('/')}{wire.ENVIRONMENT}"
            answer = Exchange(client).ask("GET", url, seconds=_WHOLE_S, largest=_LARGEST_ANSWER)
        if answer.status != 200:
            return None
        content = json.loads(answer.content)
    except (httpx2.HTTPError, httpx2.InvalidURL, NotInTime, TooLarge, OSError, ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def probe_server(home: Home) -> ServerState:
    """Find out whether the server of ``home`` is alive.

    The discovery file alone proves nothing (a killed server leaves it behind, process ids are reused,
    a copied home brings along another machine's), so the process and its own answer are asked too.
    Only loopback addresses are asked: the file is input like any other.
    """
    if not home.has_state:
        return ServerState("unknown", None, None, None, None, "logs alone do not tell")
    if home.elsewhere is not None and not home.path.exists():
        return ServerState("unknown", None, None, None, None, "it is elsewhere, and was not copied yet")
    runtime = read_runtime(home.path)
    if runtime is None:
        return ServerState("dead", None, None, None, None, f"no {SERVER_RUNTIME}: shut down")
    if home.elsewhere is not None:
        why = "it ran on another machine, where it cannot be looked at; say --server alive or dead if you know"
        return ServerState("unknown", runtime.started_at, None, None, None, why)
    pid, started_at, origin = runtime.pid, runtime.started_at, _asked(runtime.origin)
    process = None if pid is None else is_process(pid, started_at)
    answer = _ask(origin) if origin and (process or _listens(origin)) else None
    shown = wire.environment_shown(answer) if answer is not None else None

    def state(status: Literal["alive", "dead", "unknown"], why: str) -> ServerState:
        told = shown if status == "alive" else None
        return ServerState(
            status,
            started_at,
            told.version if told is not None else None,
            pid,
            origin,
            why,
            told.protocol if told is not None else None,
        )

    def not_here(why: str) -> ServerState:
        hidden = out_of_sight(home.path, started_at)
        if hidden is None:
            return state("dead", why)
        return state("unknown", f"{hidden}: say --server alive or dead if you know")

    if answer is not None:
        if home.environment_id is not None:
            if shown is not None and shown.environment_id == home.environment_id:
                return state("alive", "the server answers with this home's environment id")
            return not_here("another home's server answers at this address")
        if process and shown is not None:
            return state("alive", "the process runs and its server answers")
        return state("unknown", "a server answers, but nothing ties it to this home")
    if process is False:
        return not_here(f"process {pid} is gone (or its id was taken by a younger one)")
    if process:
        return state("unknown", f"process {pid} runs, but no server answers")
    return state("unknown", f"{SERVER_RUNTIME} does not tell enough")
