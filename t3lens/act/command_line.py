"""A plan as somebody would ask for it on the command line."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from t3lens.act.answer import Answer
    from t3lens.act.plan import Kind
    from t3lens.act.target import Target

__all__ = ["command_line"]


def command_line(kind: Kind, target: Target, *, request_id: str | None, answer: Answer | None, run_id: str | None) -> str:
    """The command that makes a plan of this kind."""
    words = ["t3lens", kind, target.thread_id, target.home_path]
    if request_id is not None:
        words += ["--request", request_id]
    if run_id is not None:
        words += ["--run", run_id]
    if kind == "answer" and answer is not None:
        if answer.decision is not None:
            words += ["--decision", answer.decision]
        if answer.text is not None:
            words += ["--text", answer.text]
        for option in answer.options:
            words += ["--option", option]
    return shlex.join(words)
