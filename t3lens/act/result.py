"""What became of an action: the envelope that every way of acting gives back."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from html import escape
from typing import Any

import msgspec

from t3lens.act.masking import Masking
from t3lens.act.plan_view import in_python, printable
from t3lens.act.target import Sighting, Target

__all__ = ["Outcome", "Progress", "Result", "target_fields"]


class Outcome(StrEnum):
    """How an action ended. Only ``applied`` and ``already`` are good, and both are proven by reading back."""

    APPLIED = "applied"
    ALREADY = "already"
    FAILED = "failed"
    NOT_CONFIRMED = "not confirmed"
    REFUSED = "refused"
    DRY_RUN = "dry run"


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened while a plan was carried out, for whoever watches.

    Attributes:
        phase: ``checking sending accepted waiting seen done``.
        text: The same in words.
        seen: What was seen, if something was read.
    """

    phase: str
    text: str
    seen: Sighting | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one action.

    Attributes:
        target: Home, thread, title, session status and turn, as far as known.
        kind: ``stop``, ``reconcile``, ``decline`` or ``offline-repair``.
        applied: The action was carried out and its effect was read back.
        changed: Something is different from before: a no-op says false.
        dry_run: Nothing was meant to be sent.
        outcome: See ``Outcome``.
        detail: In words, with the server's own reason where it gave one.
        before: State before; see ``Sighting.brief``.
        after: State when last seen; None if it was not read again.
        code: Stable name of the failure or refusal, if it is one.
        advice: What to do next.
        queue_blocked: Whether the server's command queue looks blocked; None if that was not in question.
        sent: Whether any command may have reached the server.
        action_id: Its id in the journal; None for a dry run.
        plan_id: The plan.
    """

    target: dict[str, Any]
    kind: str
    applied: bool
    changed: bool
    dry_run: bool
    outcome: Outcome
    detail: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    code: str | None = None
    advice: tuple[str, ...] = ()
    queue_blocked: bool | None = None
    sent: bool = False
    action_id: str | None = None
    plan_id: str | None = None

    @property
    def good(self) -> bool:
        """Whether the thread is now as the plan wanted it, and that is proven."""
        return self.outcome in (Outcome.APPLIED, Outcome.ALREADY)

    def to_dict(self) -> dict[str, Any]:
        """The envelope as JSON-ready data, secrets masked."""
        data: dict[str, Any] = msgspec.to_builtins(self)
        return Masking(data).data(data)

    def _lines_for_a_person(self) -> list[str]:
        lines = [self.detail, *(f"next: {advice}" for advice in self.advice)]
        return Masking(msgspec.to_builtins(self)).lines(lines)

    def __repr__(self) -> str:
        thread = self.target.get("thread_id")
        lines = [f"{self.kind} {thread}: {self.outcome}", *(f"  {line}" for line in self._lines_for_a_person())]
        return "\n".join(printable(line) for line in lines)

    def _repr_html_(self) -> str:
        rows = [
            f"<b>{escape(self.kind)} {escape(str(self.target.get('thread_id')))}: {escape(self.outcome)}</b>",
            *(escape(in_python(line)) for line in self._lines_for_a_person()),
        ]
        content = "<br>".join(printable(row) for row in rows)
        return f'<div class="t3lens-result">{content}</div>'


def target_fields(target: Target, seen: Sighting | None) -> dict[str, Any]:
    """The ``target`` of a result: the thread in full, with its session and turn."""
    session = seen.session if seen else None
    fields: Mapping[str, Any] = {
        "home_id": target.home_id,
        "home": target.home_path,
        "thread_id": target.thread_id,
        "title": target.title or (seen.title if seen else ""),
        "provider": target.provider or (session.provider if session else None),
        "session": session.status if session else None,
        "turn_id": session.active_turn_id if session else None,
    }
    return dict(fields)
