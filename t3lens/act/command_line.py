"""A plan as somebody would ask for it on the command line."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from t3lens.act.answer import Answer
    from t3lens.act.plan import Kind
    from t3lens.act.queue_change import Queued
    from t3lens.act.target import Target

__all__ = ["command_line"]


def command_line(kind: Kind, target: Target, *, request_id: str | None, answer: Answer | None, queued: Queued | None) -> str:
    """The command that makes a plan of this kind."""
    words = ["t3lens", kind, target.thread_id, target.home_path]
    if request_id is not None:
        words += ["--request", request_id]
    if queued is not None:
        for option, value in (("--run", queued.run_id), ("--before", queued.before), ("--text", queued.text)):
            words += [option, value] if value is not None else []
    if kind == "answer" and answer is not None:
        if answer.decision is not None:
            words += ["--decision", answer.decision]
        if answer.text is not None:
            words += ["--text", answer.text]
        for option in answer.options:
            words += ["--option", option]
        for question_id, said in answer.each.items():
            for one in said:
                words += ["--to", f"{question_id}={one}"]
    return shlex.join(words)
