"""Whether a process that writes to a folder would be seen from here: not from a container, nor over a network.

That a process is not there proves that it ended only where all that can be at work in the folder are seen. A folder mounted
into a container is written by processes of the machine outside, and one mounted over a network by those of another machine.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from t3lens.time import Micros

__all__ = ["out_of_sight"]

_MACHINES_OWN: Final = "pid:[4026531836]"
"""How Linux names the process ids of the machine itself (``PROC_PID_INIT_INO``); a container's have another number."""

_OVER_A_NETWORK: Final = frozenset(
    {"9p", "afs", "ceph", "cifs", "fuse.glusterfs", "fuse.sshfs", "nfs", "nfs4", "smb3", "smbfs"}
)
_CONTAINERS_OWN: Final = frozenset({"overlay", "ramfs", "tmpfs"})
"""What a container has of its own beside its root, as a rule; what is mounted into it is of another kind."""
_PROC: Final = Path("/proc")


def out_of_sight(folder: Path, started_at: Micros | None, proc: Path = _PROC) -> str | None:
    """Why a process at work in a folder may not be seen from here, as a sentence; None if it would be.

    Args:
        folder: The folder.
        started_at: When the process says it started, microseconds UTC. Before the machine did, it is none of its processes.
        proc: Where Linux tells of itself. Elsewhere, everything is taken to be seen.
    """
    try:
        device = folder.stat().st_dev
        if device == Path("/").stat().st_dev:
            return None
        kind = _kind_of_mount(proc, device)
        if kind in _OVER_A_NETWORK:
            return f"it is on another machine's disk ({kind}), whose processes are not seen from here"
        namespace = str((proc / "self" / "ns" / "pid").readlink())
        if kind in _CONTAINERS_OWN:
            return None
        if namespace != _MACHINES_OWN and (started_at is None or started_at >= _booted_at(proc)):
            return "it is mounted into this container, from which the machine's processes are not seen"
    except (OSError, ValueError):
        pass
    return None


def _kind_of_mount(proc: Path, device: int) -> str:
    """The kind of file system with this number; empty if no mount has it."""
    mounts = (proc / "self" / "mountinfo").read_bytes().splitlines()
    number = f"{os.major(device)}:{os.minor(device)}"
    for line in mounts:
        before, _, after = line.partition(b" - ")
        if before.split()[2].decode() == number:
            return after.split()[0].decode("ascii", "replace")
    return ""


def _booted_at(proc: Path) -> Micros:
    for line in (proc / "stat").read_bytes().splitlines():
        if line.startswith(b"btime "):
            return int(line.split()[1]) * 1_000_000
    return 0
