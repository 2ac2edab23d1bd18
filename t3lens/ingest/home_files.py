"""The two small files by which a home and its server know each other, and which addresses are this machine's.

Both files are input like any other: copied homes bring along another machine's, and killed servers leave theirs.
"""

from __future__ import annotations

import ipaddress
import json
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from t3lens.reading import read_start, why_not_read
from t3lens.t3code.home_layout import ENVIRONMENT_ID, SERVER_RUNTIME
from t3lens.time import Micros, parse_iso

__all__ = ["ServerRuntime", "is_loopback", "not_home_files", "read_environment_id", "read_runtime"]

_LONGEST_ID: Final = 200
_LARGEST_RUNTIME: Final = 1 << 20


class ServerRuntime(msgspec.Struct, frozen=True, kw_only=True):
    """What ``server-runtime.json`` says; what is missing or no such thing is None.

    Attributes:
        pid: Process id of the server.
        origin: Its base address; may name any machine.
        started_at: When it started, microseconds UTC.
    """

    pid: int | None = None
    origin: str | None = None
    started_at: Micros | None = None


def read_environment_id(folder: Path) -> str | None:
    """The environment id of the home whose state stands in ``folder``; None if it has none that can be used."""
    try:
        text = read_start(folder / ENVIRONMENT_ID, 4 * _LONGEST_ID, folder).decode("utf-8")[:_LONGEST_ID].strip()
    except (OSError, ValueError):
        return None
    return text if text and text.isprintable() else None


def not_home_files(folder: Path) -> list[str]:
    """What stands where files that tell a home and its server should, and is none that is opened: a sentence each."""
    found = []
    for name in (ENVIRONMENT_ID, SERVER_RUNTIME):
        try:
            why = why_not_read(folder / name, folder)
        except OSError:
            continue  # it cannot be opened either
        if why is not None:
            found.append(f"{name} {why}")
    return found


def read_runtime(folder: Path) -> ServerRuntime | None:
    """The discovery file of the server that ran last in ``folder``; None if it is absent or not understood."""
    try:
        content = json.loads(read_start(folder / SERVER_RUNTIME, _LARGEST_RUNTIME, folder))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(content, dict) or not content:
        return None
    pid, origin, started = (content.get(name) for name in ("pid", "origin", "startedAt"))
    try:
        started_at = parse_iso(started) if isinstance(started, str) else None
    except ValueError:
        started_at = None
    return ServerRuntime(
        pid=pid if type(pid) is int and 0 < pid < 1 << 31 else None,
        origin=origin if isinstance(origin, str) else None,
        started_at=started_at,
    )


def is_loopback(url: str) -> bool:
    """Whether ``url`` names this machine only."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
