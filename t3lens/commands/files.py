"""Files that commands write for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from t3lens.errors import UsageError

if TYPE_CHECKING:
    from t3lens.lens.thread import Thread

__all__ = ["write_timeline"]


def write_timeline(thread: Thread, path: Path) -> Path:
    """Write a thread's timeline as a stand-alone page; returns the path.

    Raises:
        UsageError: The file cannot be written.
    """
    from t3lens.view.page.standalone import timeline_html

    title = thread.title or thread.thread_id
    try:
        return timeline_html(thread.scene(), path, title)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}", code="unwritable") from error
