"""What helps, for people who read: a few words and the command line that does it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Final

from t3lens.domain.finding import Remedy
from t3lens.t3code.home_layout import STATE_SQLITE

if TYPE_CHECKING:
    from t3lens.diagnose.story import Explanation

__all__ = ["advice", "command_line", "following"]

_COMMANDS: Final = {
    Remedy.STOP: "t3lens stop {id} {home}",
    Remedy.DECLINE: "t3lens decline {id} {home}",
    Remedy.OFFLINE_REPAIR: "t3lens reconcile {id} {home} --offline",
    Remedy.RESUME_QUEUE: "t3lens resume-queue {id} {home}",
    Remedy.INVESTIGATE: "t3lens show {id} {home}",
}

_REMEDIES: Final = {
    Remedy.NONE: "",
    Remedy.STOP: f"stop its session: {_COMMANDS[Remedy.STOP]}",
    Remedy.DECLINE: f"decline what it asks: {_COMMANDS[Remedy.DECLINE]}",
    Remedy.ANSWER: "answer the open request in T3 Code",
    Remedy.NEW_MESSAGE: "send a new message; it continues with its history",
    Remedy.RESTART_SERVER: "restart the T3 Code server, then stop what is still stuck",
    Remedy.WAIT: "wait",
    Remedy.OFFLINE_REPAIR: f"{_COMMANDS[Remedy.OFFLINE_REPAIR]}, while no server runs",
    Remedy.RESTORE_BACKUP: f"restore {STATE_SQLITE} from a backup",
    Remedy.DETACH: "let its broken provider session go (provider-session.detach); the next message opens a new one",
    Remedy.RESUME_QUEUE: f"resume its queue: {_COMMANDS[Remedy.RESUME_QUEUE]}",
    Remedy.INVESTIGATE: f"look closer: {_COMMANDS[Remedy.INVESTIGATE]}",
}


def advice(remedy: Remedy, thread_id: str, home: str) -> str:
    """What a remedy comes to for a thread; empty where nothing is to be done.

    Args:
        remedy: Of the finding that explains what is wrong.
        thread_id: The thread, or the beginning of its id.
        home: Where its home is.
    """
    return _REMEDIES[remedy].format(id=shlex.quote(thread_id), home=shlex.quote(home))


def following(said: Explanation, home: str) -> str:
    """What is to be done next, for a terminal: in words, with the command line that does it below them.

    Args:
        said: A thread's story.
        home: Where its home is.
    """
    # who reads this has looked closer
    command = "" if said.remedy is Remedy.INVESTIGATE else command_line(said.remedy, said.thread_id, home)
    return f"{said.next_words}\n      {command}" if command else said.next_words


def command_line(remedy: Remedy, thread_id: str, home: str) -> str:
    """The command line that makes the plan of a remedy, or looks closer; empty where none does.

    Args:
        remedy: Of the finding that explains what is wrong.
        thread_id: The thread, or the beginning of its id.
        home: Where its home is.
    """
    return _COMMANDS.get(remedy, "").format(id=shlex.quote(thread_id), home=shlex.quote(home))
