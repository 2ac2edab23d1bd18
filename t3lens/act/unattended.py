"""Whether anybody watches: actions are off where a notebook or script runs by itself."""

from __future__ import annotations

import os
import sys
from typing import Final

from t3lens.act.errors import ActionsOff

__all__ = ["ACTIONS_VARIABLE", "kernel_stdin", "require_actions", "unattended"]

ACTIONS_VARIABLE: Final = "T3LENS_ACTIONS"
"""``1`` allows actions where nobody watches, ``0`` forbids them everywhere."""

_RUNNERS: Final = ("papermill", "nbconvert", "voila", "nbclient")
_ANCESTORS: Final = 4


def kernel_stdin() -> bool | None:
    """Whether the front end of the running kernel can ask its user something; None outside a kernel."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return None
    return bool(getattr(kernel, "_allow_stdin", False))


def unattended() -> str | None:
    """Why this process counts as running by itself; None if a person seems to be there."""
    if os.environ.get("CI", "").lower() not in ("", "0", "false"):
        return "this is a CI run"
    if any(name.startswith("VOILA_") for name in os.environ):
        return "this is a Voila page"
    runner = _runner()
    if runner is not None:
        return f"this runs under {runner}"
    if kernel_stdin() is False:
        return "this notebook runs without anybody who could answer"
    return None


def require_actions() -> None:
    """Return if actions are allowed here.

    Raises:
        ActionsOff: They are not; the message says why and how to allow them.
    """
    setting = os.environ.get(ACTIONS_VARIABLE, "")
    if setting == "1":
        return
    if setting == "0":
        raise ActionsOff(f"actions are off: {ACTIONS_VARIABLE}=0")
    why = unattended()
    if why is not None:
        raise ActionsOff(f"actions are off: {why}; {ACTIONS_VARIABLE}=1 allows them")


def _runner() -> str | None:
    import psutil

    try:
        ancestors = psutil.Process().parents()[:_ANCESTORS]
    except psutil.Error:
        return None
    own = sys.argv[0] if sys.argv else ""
    commands = [[own]]
    for process in ancestors:
        try:
            commands.append(process.cmdline()[:4])
        except psutil.Error:
            continue
    for words in commands:
        for word in words:
            name = os.path.basename(word).lower()  # noqa: PTH119 - any text may stand here, not a path
            for runner in _RUNNERS:
                if name in (runner, f"{runner}.exe", f"jupyter-{runner}") or name == f"{runner}.py":
                    return runner
        if "jupyter" in " ".join(words) and any(runner in words for runner in _RUNNERS):
            return next(runner for runner in _RUNNERS if runner in words)
    return None
