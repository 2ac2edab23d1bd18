"""A real SFTP server over a folder, on loopback, in threads of this process."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import paramiko

USER, PASSWORD = "watcher", "hunter2-Secret!"


class _Door(paramiko.ServerInterface):
    def check_auth_password(self, username: str, password: str) -> int:
        right = (username, password) == (USER, PASSWORD)
        return paramiko.AUTH_SUCCESSFUL if right else paramiko.AUTH_FAILED

    def get_allowed_auths(self, username: str) -> str:
        return "password"

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED


class _Handle(paramiko.SFTPHandle):
    def stat(self) -> paramiko.SFTPAttributes:
        return paramiko.SFTPAttributes.from_stat(os.fstat((self.readfile or self.writefile).fileno()))


def _answer(call):
    def answered(*arguments):
        try:
            return call(*arguments)
        except OSError as error:
            return paramiko.SFTPServer.convert_errno(error.errno)

    return answered


class _Files(paramiko.SFTPServerInterface):
    root: Path

    def _at(self, path: str) -> Path:
        return self.root / self.canonicalize(path).lstrip("/")

    @_answer
    def list_folder(self, path):
        found = []
        for entry in self._at(path).iterdir():
            attributes = paramiko.SFTPAttributes.from_stat(entry.lstat())
            attributes.filename = entry.name
            found.append(attributes)
        return found

    @_answer
    def stat(self, path):
        return paramiko.SFTPAttributes.from_stat(self._at(path).stat())

    @_answer
    def lstat(self, path):
        return paramiko.SFTPAttributes.from_stat(self._at(path).lstat())

    @_answer
    def open(self, path, flags, attributes):
        handle = _Handle(flags)
        descriptor = os.open(self._at(path), flags, 0o600)
        if flags & os.O_WRONLY:
            handle.writefile = os.fdopen(descriptor, "wb")
        elif flags & os.O_RDWR:
            handle.readfile = handle.writefile = os.fdopen(descriptor, "r+b")
        else:
            handle.readfile = os.fdopen(descriptor, "rb")
        return handle

    @_answer
    def mkdir(self, path, attributes):
        self._at(path).mkdir()
        return paramiko.SFTP_OK

    @_answer
    def remove(self, path):
        self._at(path).unlink()
        return paramiko.SFTP_OK

    @_answer
    def posix_rename(self, old, new):
        self._at(old).replace(self._at(new))
        return paramiko.SFTP_OK


@dataclass
class SFTP:
    """A running server: its port, its key, and the folder it shows."""

    port: int
    key: paramiko.PKey
    root: Path

    @property
    def url(self) -> str:
        return f"sftp://{USER}:{PASSWORD}@127.0.0.1:{self.port}"

    @property
    def shown(self) -> str:
        return f"sftp://127.0.0.1:{self.port}"

    @property
    def known_hosts(self) -> str:
        return f"[127.0.0.1]:{self.port} {self.key.get_name()} {self.key.get_base64()}\n"


@contextmanager
def sftp_server(root: Path) -> Iterator[SFTP]:
    key = paramiko.ECDSAKey.generate()
    files = type("Files", (_Files,), {"root": root})
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[paramiko.Transport] = []

    def serve() -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            transport = paramiko.Transport(client)
            open_ones.append(transport)
            transport.add_server_key(key)
            transport.set_subsystem_handler("sftp", paramiko.SFTPServer, files)
            with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
                transport.start_server(server=_Door())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield SFTP(listener.getsockname()[1], key, root)
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for transport in open_ones:
            transport.close()
        thread.join(60)
