"""Who looks at what a cell shows: a person before a front end, a page served by Voila, or nobody."""

from __future__ import annotations

import os
import sys
from typing import Any, Final

__all__ = ["LastPage", "attended", "current_cell", "headless", "in_kernel"]

_VOILA: Final = "voila"


class LastPage:
    """What a page said last about its theme: the next figure begins in it."""

    dark = False


def in_kernel() -> bool:
    """Whether this process is the kernel of a notebook, so that what it shows may be saved."""
    ipython = sys.modules.get("IPython")
    ask = getattr(ipython, "get_ipython", None)
    return ask is not None and hasattr(ask(), "kernel")


def _request() -> dict[str, Any] | None:
    """The request that the running cell came with; None outside a kernel."""
    try:
        from IPython import get_ipython

        shell = get_ipython()
        return shell.kernel.get_parent("shell") if shell is not None else None
    except (ImportError, AttributeError):
        return None


def current_cell() -> tuple[str, str] | None:
    """The running cell's id and its run's message id; None outside a notebook front end that tells them."""
    parent = _request() or {}
    cell = parent.get("metadata", {}).get("cellId")
    run = parent.get("header", {}).get("msg_id")
    return (str(cell), str(run)) if cell and run else None


def headless() -> bool:
    """Whether a kernel runs this with nobody before it, as nbclient, papermill and ``nbconvert --execute`` do.

    They say that nobody can be asked anything. So does Voila, whose page a person looks at all the same.
    """
    request = _request()
    if request is None or _VOILA in os.environ.get("SERVER_SOFTWARE", ""):
        return False
    return request.get("content", {}).get("allow_stdin") is False


def attended() -> bool:
    """Whether a kernel runs this for a page that can show widgets."""
    return _request() is not None and not headless()
