"""Sending one command: journaled before, one fresh id, sent again only if no answer came, and then with that id."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

import msgspec

from t3lens.act.client import Client
from t3lens.act.errors import BadAnswer, NoAnswer, NotDelivered
from t3lens.act.observe import now
from t3lens.act.plan import Action
from t3lens.act.target import Target
from t3lens.errors import ActionError
from t3lens.ingest.open_database import open_database
from t3lens.time import iso

__all__ = ["Ended", "Sent", "send"]

_WITH_TIME: Final = frozenset({Action.STOP})
"""Commands whose schema asks for ``createdAt`` (which the server overwrites)."""


class Ended(StrEnum):
    """How the sending of a command ended."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNDELIVERED = "undelivered"
    UNCLEAR = "unclear"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """One command, sent.

    Attributes:
        action: What it was.
        command_id: Its id, which the event store keeps.
        ended: How that ended.
        sequence: Where the event store stood after it, if it was accepted.
        error: What went wrong, if something did.
    """

    action: Action
    command_id: str
    ended: Ended
    sequence: int | None = None
    error: ActionError | None = None

    @property
    def may_be_stored(self) -> bool:
        """Whether the server may have the command."""
        return self.ended in (Ended.ACCEPTED, Ended.UNCLEAR)


def send(
    action: Action,
    target: Target,
    client: Client,
    *,
    note: Callable[[Mapping[str, Any]], None],
) -> Sent:
    """Send ``action`` about the thread, and say how that ended. 200 means stored, not done.

    Args:
        action: The command.
        target: The thread.
        client: May operate.
        note: Writes a journal entry; called before the command goes out, and after.
    """
    command_id = f"t3lens-{uuid.uuid4()}"
    said = {"command": action.value, "command_id": command_id, "thread_id": target.thread_id}
    note({**said, "ended": None})
    sent = _attempt(action, command_id, target, client)
    note(
        {
            **said,
            "ended": sent.ended.value,
            "sequence": sent.sequence,
            "error": str(sent.error) if sent.error else None,
        }
    )
    return sent


def _attempt(action: Action, command_id: str, target: Target, client: Client) -> Sent:
    command: dict[str, Any] = {
        "type": action.value,
        "commandId": command_id,
        "threadId": target.thread_id,
    }
    if action in _WITH_TIME:
        command["createdAt"] = iso(now())
    error: ActionError
    unanswered = False
    for _ in range(2):
        try:
            sequence = client.dispatch(command)
        except NotDelivered as problem:
            error = problem
        except NoAnswer as problem:
            error, unanswered = problem, True
        except BadAnswer as problem:
            return _by_receipt(action, command_id, target, problem, answered=True)
        except ActionError as problem:
            return _by_receipt(action, command_id, target, problem, answered=True)
        else:
            return Sent(
                action=action, command_id=command_id, ended=Ended.ACCEPTED, sequence=sequence
            )
    if unanswered:
        return _by_receipt(action, command_id, target, error, answered=False)
    return Sent(action=action, command_id=command_id, ended=Ended.UNDELIVERED, error=error)


def _by_receipt(
    action: Action, command_id: str, target: Target, error: ActionError, *, answered: bool
) -> Sent:
    """What the event store itself says about a command whose answer was no plain yes."""
    open_question = isinstance(error, (BadAnswer, NoAnswer, NotDelivered))
    ended = Ended.UNCLEAR if open_question else Ended.REJECTED
    sequence: int | None = None
    readable, receipt = _receipt(target, command_id)
    if receipt is not None:
        status, sequence, reason = receipt
        if status == "accepted":
            return Sent(
                action=action, command_id=command_id, ended=Ended.ACCEPTED, sequence=sequence
            )
        ended = Ended.REJECTED
        if reason:
            error = type(error)(f"the server refused the command: {reason}", code=error.code)
    elif readable and answered and open_question:
        # it answered, and has written nothing of it: it is not stored
        ended = Ended.REJECTED
    return Sent(action=action, command_id=command_id, ended=ended, sequence=sequence, error=error)


def _receipt(target: Target, command_id: str) -> tuple[bool, tuple[str, int | None, str] | None]:
    """Whether the receipts can be read, and the one of this command."""
    if target.database is None:
        return False, None
    with suppress(sqlite3.Error, OSError), open_database(Path(target.database), alive=True) as con:
        row = con.execute(
            "SELECT status, result_sequence, error FROM orchestration_command_receipts"
            " WHERE command_id = ?",
            (command_id,),
        ).fetchone()
        if row is None:
            return True, None
        return True, (
            str(row[0]),
            row[1] if isinstance(row[1], int) else None,
            str(row[2] or "")[:500],
        )
    return False, None
