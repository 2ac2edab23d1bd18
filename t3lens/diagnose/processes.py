"""The provider processes below a running server: what can be known of them, and how sure it is.

OpenCode runs one ``opencode serve`` per thread, Codex one ``codex app-server``; neither names its thread on the
command line, so only their number per provider, their age and their working folder can be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from t3lens.domain.finding import Evidence, EvidenceKind
from t3lens.t3code.native.lifecycle_signs import PROCESS_MARKS
from t3lens.time import Micros, iso

if TYPE_CHECKING:
    import psutil

__all__ = ["Processes", "ProviderProcess", "provider_processes"]


class ProviderProcess(msgspec.Struct, frozen=True):
    """One provider process.

    Attributes:
        pid: Its id.
        provider: The provider it belongs to.
        started_at: Its start, microseconds UTC.
        folder: Its working folder, if it could be read.
    """

    pid: int
    provider: str
    started_at: Micros
    folder: str | None


class Processes(msgspec.Struct, frozen=True):
    """The provider processes of one server.

    Attributes:
        server_pid: The server they were looked for below.
        found: What was found.
    """

    server_pid: int
    found: tuple[ProviderProcess, ...]

    def count(self, provider: str) -> int | None:
        """How many processes of a provider run; None for providers whose processes cannot be told apart."""
        if provider not in PROCESS_MARKS:
            return None
        return sum(1 for process in self.found if process.provider == provider)

    def evidence(self, provider: str) -> tuple[Evidence, ...]:
        """What was found, or that nothing was."""
        found = [process for process in self.found if process.provider == provider]
        if not found:
            what = f"no {provider} process below the server's process {self.server_pid}"
            return (Evidence(kind=EvidenceKind.ABSENCE, source="processes", excerpt=what),)
        return tuple(
            Evidence(
                kind=EvidenceKind.ROW,
                source="processes",
                key=str(process.pid),
                at=process.started_at,
                excerpt=f"{provider} process {process.pid}, started {iso(process.started_at)}",
            )
            for process in found
        )


def provider_processes(server_pid: int) -> Processes | None:
    """The provider processes below ``server_pid``; None if the server's process cannot be looked at."""
    import psutil

    try:
        children = psutil.Process(server_pid).children(recursive=True)
    except psutil.Error:
        return None
    found = []
    for child in children:
        try:
            if child.status() == psutil.STATUS_ZOMBIE:
                continue
            words = " ".join(child.cmdline())
            started = int(child.create_time() * 1_000_000)
        except psutil.Error:
            continue
        for provider, marks in PROCESS_MARKS.items():
            if all(mark in words for mark in marks):
                found.append(ProviderProcess(child.pid, provider, started, _folder(child)))
    return Processes(server_pid, tuple(_one_per_tree(found)))


def _one_per_tree(found: list[ProviderProcess]) -> list[ProviderProcess]:
    """A launcher script and the program it runs carry the same words: they count once."""
    import psutil

    pids = {process.pid for process in found}
    roots = []
    for process in found:
        try:
            parents = {parent.pid for parent in psutil.Process(process.pid).parents()}
        except psutil.Error:
            continue
        if not parents & pids:
            roots.append(process)
    return roots


def _folder(process: psutil.Process) -> str | None:
    import psutil

    try:
        return str(process.cwd())
    except psutil.Error:
        return None
