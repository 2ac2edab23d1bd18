"""Places elsewhere: an object store in memory, a real S3 server and a real SFTP server on loopback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from tests.elsewhere.sftp_server import SFTP, sftp_server

SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"


@pytest.fixture
def memory() -> Iterator[Any]:
    """The file system behind ``memory://``, empty."""
    fs = fsspec.filesystem("memory")
    fs.store.clear()
    fs.pseudo_dirs[:] = [""]
    yield fs
    fs.store.clear()


@pytest.fixture(scope="module")
def _s3_server() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(_s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """A file system of a real S3 server, with an empty bucket ``homes``; ``s3://`` URLs lead there."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", _s3_server)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI-K7MDENG-bPxRfiCYEXAMPLEKEY")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    fs = fsspec.filesystem("s3", skip_instance_cache=True, use_listings_cache=False)
    if fs.exists("homes"):
        fs.rm("homes", recursive=True)
    fs.mkdir("homes")
    return fs


@pytest.fixture
def sftp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SFTP]:
    """A real SFTP server whose key this user knows."""
    root = tmp_path / "served"
    root.mkdir()
    with sftp_server(root) as server:
        ssh = tmp_path / "user" / ".ssh"
        ssh.mkdir(parents=True)
        (ssh / "known_hosts").write_text(server.known_hosts)
        monkeypatch.setenv("HOME", str(tmp_path / "user"))
        monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
        yield server


def put_samples(fs: Any, folder: str, *names: str) -> None:
    """Put sample homes to a file system."""
    for name in names:
        for path in sorted((SAMPLES / name).rglob("*")):
            if path.is_file():
                fs.pipe_file(f"{folder}/{name}/{path.relative_to(SAMPLES / name).as_posix()}", path.read_bytes())


def copy_samples(folder: Path, *names: str) -> None:
    """Copy sample homes to a folder."""
    for name in names:
        shutil.copytree(SAMPLES / name, folder / name)
