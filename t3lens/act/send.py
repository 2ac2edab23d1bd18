"""Sending one command: journaled before, one fresh id, sent again only if no answer came, and then with that id."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from t3lens.act.errors import BadAnswer, NoAnswer, NotDelivered
from t3lens.act.plan import OWN_COMMAND, Action
from t3lens.act.server import Server
from t3lens.act.target import Target
from t3lens.act.v1.stored import StoredReceipt, read_receipt
from t3lens.errors import ActionError
from t3lens.t3code.data_model import DataModel

__all__ = ["SendEnd", "SentCommand", "send"]


class SendEnd(StrEnum):
    """How the sending of a command ended."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNDELIVERED = "undelivered"
    UNCLEAR = "unclear"


class SentCommand(msgspec.Struct, frozen=True, kw_only=True):
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
    ended: SendEnd
    sequence: int | None = None
    error: ActionError | None = None

    @property
    def may_be_stored(self) -> bool:
        """Whether the server may have the command."""
        return self.ended in (SendEnd.ACCEPTED, SendEnd.UNCLEAR)


def send(
    action: Action,
    target: Target,
    server: Server,
    *,
    about: Mapping[str, Any] | None = None,
    note: Callable[[Mapping[str, Any]], None],
) -> SentCommand:
    """Send ``action`` about the thread, and say how that ended. 200 means stored, not done.

    Args:
        action: The command.
        target: The thread.
        server: The server, which may be told to do something.
        about: What the command names beside the thread; see ``Step``.
        note: Writes a journal entry; called before the command goes out, and after.
    """
    command_id = f"{OWN_COMMAND}{uuid.uuid4()}"
    said = {
        "command": action.value,
        "command_id": command_id,
        "thread_id": target.thread_id,
        **({"about": about} if about else {}),
    }
    note({**said, "ended": None})
    sent = _attempt(action, command_id, target, server, about or {})
    note(
        {
            **said,
            "ended": sent.ended.value,
            "sequence": sent.sequence,
            "error": str(sent.error) if sent.error else None,
        }
    )
    return sent


def _attempt(action: Action, command_id: str, target: Target, server: Server, about: Mapping[str, Any]) -> SentCommand:
    error: ActionError
    unanswered = False
    for _ in range(2):
        try:
            sequence = server.send(action, target.thread_id, command_id, about)
        except NotDelivered as problem:
            error = problem
        except NoAnswer as problem:
            error, unanswered = problem, True
        except BadAnswer as problem:
            return _by_receipt(action, command_id, target, problem, answered=True)
        except ActionError as problem:
            return _by_receipt(action, command_id, target, problem, answered=True)
        else:
            return SentCommand(action=action, command_id=command_id, ended=SendEnd.ACCEPTED, sequence=sequence)
    if unanswered:
        return _by_receipt(action, command_id, target, error, answered=False)
    return SentCommand(action=action, command_id=command_id, ended=SendEnd.UNDELIVERED, error=error)


def _by_receipt(action: Action, command_id: str, target: Target, error: ActionError, *, answered: bool) -> SentCommand:
    """What the event store itself says about a command whose answer was no plain yes."""
    open_question = isinstance(error, (BadAnswer, NoAnswer, NotDelivered))
    ended = SendEnd.UNCLEAR if open_question else SendEnd.REJECTED
    sequence: int | None = None
    readable, receipt = _receipt(target, command_id)
    if receipt is not None:
        sequence = receipt.sequence
        if receipt.status == "accepted":
            return SentCommand(action=action, command_id=command_id, ended=SendEnd.ACCEPTED, sequence=sequence)
        ended = SendEnd.REJECTED
        if receipt.reason and (open_question or target.model is DataModel.V1):
            # over a socket the server gave its reason itself, a more telling one
            reason = f"the server refused the command: {receipt.reason}"
            error = type(error)(reason, code=error.code)
    elif readable and answered and open_question:
        # it answered, and has written nothing of it: it is not stored
        ended = SendEnd.REJECTED
    return SentCommand(action=action, command_id=command_id, ended=ended, sequence=sequence, error=error)


def _receipt(target: Target, command_id: str) -> tuple[bool, StoredReceipt | None]:
    """Whether the receipts can be read, and the one of this command."""
    if target.database is None:
        return False, None
    return read_receipt(Path(target.database), command_id)
