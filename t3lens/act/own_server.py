"""Whether the server that a home's discovery file names is that home's own, before a token goes to it.

The file is input like any other: it is left behind by killed servers, comes along with copied homes, and anybody who may
write to the home may write another address into it. What answers there can claim any environment id.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from t3lens.ingest.home_files import ServerRuntime
from t3lens.ingest.server import is_process
from t3lens.t3code.home_layout import ENVIRONMENT_ID, SERVER_RUNTIME

__all__ = ["why_not_its_own"]

_LISTENING: Final = "0A"
_TABLES: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
_GONE: Final = -1
_UNKNOWN: Final = -2
_PORTS: Final = {"http": 80, "https": 443}


def why_not_its_own(runtime: ServerRuntime, environment_id: str | None) -> str | None:
    """Why no token is sent to where a discovery file says, as a part of a sentence; None if it may be.

    Args:
        runtime: What ``server-runtime.json`` says.
        environment_id: The home's; that the server names the same one is for the caller to see.
    """
    if environment_id is None:
        return f"the home has no {ENVIRONMENT_ID}, so no server can be told to be its own"
    if runtime.pid is None:
        return f"{SERVER_RUNTIME} does not say which process is the server"
    named = f"process {runtime.pid}, which {SERVER_RUNTIME} names,"
    user = _user(runtime.pid)
    if user == _GONE:
        return f"{named} is gone"
    if user not in (_UNKNOWN, _own_user()):
        return f"{named} belongs to another user"
    port = _port(runtime.origin or "")
    listens = None if port is None else _listens(port, runtime.pid)
    if listens is False:
        return f"{named} is not what listens at {runtime.origin}"
    if listens is None and is_process(runtime.pid, runtime.started_at) is not True:
        return f"{named} cannot be told to be the server"
    return None


def _port(origin: str) -> int | None:
    try:
        parts = urlsplit(origin)
        return parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return None


def _own_user() -> int:
    return os.getuid() if hasattr(os, "getuid") else _UNKNOWN


def _user(pid: int) -> int:
    """Whose process it is; ``_GONE`` if there is none, ``_UNKNOWN`` where the system does not tell."""
    import psutil

    try:
        process = psutil.Process(pid)
        return int(process.uids().real) if hasattr(process, "uids") else _UNKNOWN
    except psutil.NoSuchProcess:
        return _GONE
    except (psutil.Error, OSError):
        return _UNKNOWN


def _listens(port: int, pid: int) -> bool | None:
    """Whether the process listens at a port, and nobody but this user does; None where the system does not tell."""
    import psutil

    if sys.platform == "linux":
        sockets = _listening(port)
        if sockets is None:
            return None
        held = _sockets_of(pid)
        users = {user for user, _ in sockets}
        if users != {os.getuid()}:
            return False
        return None if held is None else any(inode in held for _, inode in sockets)
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except (psutil.Error, OSError, AttributeError):
        return None
    return any(one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port for one in connections)


def _listening(port: int) -> list[tuple[int, str]] | None:
    """User and inode of every socket that listens at a port; None if the system does not tell."""
    found: list[tuple[int, str]] = []
    for table in _TABLES:
        try:
            lines = table.read_text("ascii").splitlines()[1:]
        except FileNotFoundError:  # a system without this kind of address
            continue
        except (OSError, ValueError):
            return None
        for line in lines:
            fields = line.split()
            if len(fields) > 9 and fields[3] == _LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
                found.append((int(fields[7]), fields[9]))
    return found


def _sockets_of(pid: int) -> set[str] | None:
    """Inodes of the sockets a process holds; None if it may not be looked at."""
    found: set[str] = set()
    try:
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(FileNotFoundError):
                found.add(str(entry.readlink()).removeprefix("socket:[").removesuffix("]"))
    except OSError:
        return None
    return found
