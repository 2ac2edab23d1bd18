"""SFTP with the host keys that a person knows: a server that shows another, or none that is known, is not talked to."""

from __future__ import annotations

from typing import Any, Final

import paramiko
from fsspec.implementations.sftp import SFTPFileSystem

__all__ = ["KnownHostSFTP"]

_PATIENCE_S: Final = 30.0


class KnownHostSFTP(SFTPFileSystem):  # type: ignore[misc]  # fsspec has no types
    """As ``fsspec`` has it, but for host keys: its own trusts whoever answers first."""

    cachable = False

    def _connect(self) -> None:
        self.client: Any = paramiko.SSHClient()
        self.client.load_system_host_keys()
        self.client.set_missing_host_key_policy(paramiko.RejectPolicy())
        try:
            self.client.connect(self.host, timeout=_PATIENCE_S, auth_timeout=_PATIENCE_S, **self.ssh_kwargs)
            self.ftp: Any = self.client.open_sftp()
            self.ftp.get_channel().settimeout(2 * _PATIENCE_S)
        except BaseException:
            self.client.close()
            raise
