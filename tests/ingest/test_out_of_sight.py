"""From a container, and over a network, the process of a home's server is not seen: it is not taken for dead."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from t3lens.ingest import discover, probe_server, server
from t3lens.ingest.out_of_sight import out_of_sight

ELSEWHERE = Path("/proc")
"""A folder that is on no disk, as a mounted one is on another than the system."""
BOOTED = 1_790_000_000


def machine(tmp_path: Path, *, namespace: str, kind: str = "ext4") -> Path:
    """What Linux tells of itself."""
    device = ELSEWHERE.stat().st_dev
    (tmp_path / "self" / "ns").mkdir(parents=True)
    (tmp_path / "self" / "ns" / "pid").symlink_to(namespace)
    mount = f"30 1 {os.major(device)}:{os.minor(device)} / /homes ro shared:1 - {kind} /dev/vdb ro"
    (tmp_path / "self" / "mountinfo").write_text(f"20 1 0:1 / / rw - overlay overlay rw\n{mount}\n")
    (tmp_path / "stat").write_text(f"cpu 1 2 3\nbtime {BOOTED}\n")
    return tmp_path


@pytest.mark.parametrize(
    ("namespace", "kind", "started", "why"),
    [
        ("pid:[4026532281]", "ext4", BOOTED + 5, "it is mounted into this container"),
        ("pid:[4026532281]", "ext4", None, "it is mounted into this container"),
        ("pid:[4026532281]", "ext4", BOOTED - 5, None),
        ("pid:[4026531836]", "ext4", BOOTED + 5, None),
        ("pid:[4026532281]", "tmpfs", BOOTED + 5, None),
        ("pid:[4026531836]", "nfs4", BOOTED - 5, "it is on another machine's disk (nfs4)"),
        ("pid:[4026531836]", "fuse.sshfs", BOOTED + 5, "it is on another machine's disk (fuse.sshfs)"),
    ],
)
def test_where_its_process_may_be(tmp_path: Path, namespace: str, kind: str, started: int | None, why: str | None) -> None:
    proc = machine(tmp_path, namespace=namespace, kind=kind)
    found = out_of_sight(ELSEWHERE, None if started is None else started * 1_000_000, proc)
    assert (found is None) is (why is None)
    assert (found or "").startswith(why or "")


def test_what_a_container_has_on_its_own_disk_is_seen(tmp_path: Path) -> None:
    assert out_of_sight(Path("/"), None, machine(tmp_path, namespace="pid:[4026532281]")) is None


def test_where_the_system_tells_nothing_it_is_seen(tmp_path: Path) -> None:
    assert out_of_sight(ELSEWHERE, None, tmp_path / "none") is None


def test_a_home_out_of_sight_is_not_called_dead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "userdata"
    (folder / "logs" / "provider").mkdir(parents=True)
    (folder / "server-runtime.json").write_text(json.dumps({"version": 1, "pid": 2**22 + 1, "origin": "http://127.0.0.1:1"}))
    assert probe_server(discover([folder])[0]).status == "dead"
    monkeypatch.setattr(server, "out_of_sight", lambda *_: "it is mounted")
    state = probe_server(discover([folder])[0])
    assert (state.status, state.why) == ("unknown", "it is mounted: say --server alive or dead if you know")
