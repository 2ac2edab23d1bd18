"""What tells that the files of a home are as they were, without reading them."""

from __future__ import annotations

from pathlib import Path

from t3lens.ingest.homes import ARCHIVE, Home
from t3lens.t3code.data_model import is_database
from t3lens.t3code.home_layout import ENVIRONMENT_ID, SERVER_RUNTIME

__all__ = ["files_of_home", "files_stamp"]


def files_stamp(home: Home) -> bytes:
    """Names, sizes and times of a home's files."""
    found = []
    for path in sorted(files_of_home(home)):
        try:
            status = path.stat()
        except OSError:
            continue
        found.append(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0")
    return "".join(found).encode()


def files_of_home(home: Home) -> list[Path]:
    """The files that a home is judged by; some may not be there."""
    found = [home.path / name for name in (SERVER_RUNTIME, ENVIRONMENT_ID, ARCHIVE)]
    if home.path.is_dir():
        names = [path for path in home.path.iterdir() if is_database(path.name)]
        found += [Path(f"{path}{suffix}") for path in names for suffix in ("", "-wal")]
    for folder in {home.log_dir, home.trace_dir} - {None}:
        assert folder is not None
        try:
            found += [entry for entry in folder.iterdir() if entry.is_file()]
        except OSError:
            continue
    return found
