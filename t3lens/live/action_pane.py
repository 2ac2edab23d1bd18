"""The explorer's action pane: plan → arm → confirm. Nothing is sent before a confirm within the armed time."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from t3lens.act.plan_view import in_python, python_line
from t3lens.diagnose import ThreadDiagnosis
from t3lens.diagnose.wording import with_short_ids
from t3lens.errors import T3LensError
from t3lens.session.plans import server_plan
from t3lens.view.page.escape import plain

if TYPE_CHECKING:
    from t3lens.act.plan import Kind
    from t3lens.session.session import Session

__all__ = ["ARMED_S", "ActionPane"]

ARMED_S: Final = 15.0
"""An armed plan disarms itself after this many seconds; the page counts down, the kernel decides."""

_KINDS: Final[tuple[tuple[Kind, str], ...]] = (
    ("reconcile", "Plan to reconcile"),
    ("stop", "Plan to stop"),
    ("decline", "Plan to decline what it asks"),
)


class ActionPane:
    """Makes plans on request and carries out the one that was armed and confirmed.

    Args:
        session: Whose threads are acted on.
        send: Sends a message to the page.
        after: Called when something may have changed.
    """

    def __init__(self, session: Session, send: Callable[[Mapping[str, Any]], None], after: Callable[[], None]) -> None:
        self._session = session
        self._send = send
        self._after = after
        self._plan: Any = None
        self._id = ""
        self._armed_until = 0.0
        self._worker: threading.Thread | None = None
        self._closed = False

    def offer(self, thread: ThreadDiagnosis | None) -> None:
        """Show the buttons for a newly chosen thread; an older plan is forgotten."""
        self._forget()
        asks = thread is not None and any(not request.question for request in thread.case.requests.open)
        kinds = [one for one in _KINDS if asks or one[0] != "decline"]
        self._send({"actions": {"kinds": kinds, "note": "Planning sends nothing."}})

    def close(self) -> None:
        """No further message is sent; an action already sent is still read back and journalled."""
        self._closed = True
        self._forget()

    def _forget(self) -> None:
        self._plan, self._id, self._armed_until = None, "", 0.0

    def heard(self, name: str, message: Mapping[str, Any], thread: ThreadDiagnosis | None) -> None:
        """Act on one of ``plan``, ``arm``, ``disarm``, ``confirm`` from the page."""
        if name == "plan" and thread is not None:
            self._make(str(message.get("kind")), thread)
        elif name == "arm":
            if self._plan is not None and message.get("plan") == self._id:
                self._armed_until = time.monotonic() + ARMED_S
        elif name == "disarm":
            self._armed_until = 0.0
        elif name == "confirm":
            self._confirm(message)

    def _make(self, kind: str, thread: ThreadDiagnosis) -> None:
        self._forget()
        wanted = next((known for known, _ in _KINDS if known == kind), None)
        if wanted is None:
            return
        try:
            plan = server_plan(self._session, thread, wanted)
        except T3LensError as error:
            self._send({"fail": str(error)})
            return
        self._plan = plan
        self._id = secrets.token_hex(8)
        self._send({"plan": _plan_payload(plan.to_dict(), self._id)})

    def _confirm(self, message: Mapping[str, Any]) -> None:
        if self._plan is None or message.get("plan") != self._id:
            self._send({"fail": "This plan is not the current one. Plan again."})
            return
        if time.monotonic() > self._armed_until:
            self._send({"fail": "The plan was not armed any more. Nothing was sent. Plan again."})
            self._forget()
            return
        if self._worker is not None and self._worker.is_alive():
            self._send({"fail": "An action is under way."})
            return
        plan = self._plan
        self._forget()  # one confirm carries out one plan once
        self._worker = threading.Thread(target=self._carry_out, args=(plan,), daemon=True)
        self._worker.start()

    def _carry_out(self, plan: Any) -> None:
        def told(progress: Any) -> None:
            self._send_if_open({"step": {"phase": plain(progress.phase, 20), "text": _short_sentence(progress.text, 400)}})

        try:
            result = plan.execute(confirm=True, on_step=told)
            self._send_if_open({
                "outcome": {
                    "outcome": plain(getattr(result.outcome, "value", result.outcome), 40),
                    "detail": _short_sentence(result.detail, 600), "good": bool(getattr(result, "good", result.applied)),
                    "advice": [_short_sentence(text, 300) for text in result.advice],
                },
            })  # fmt: skip
        except T3LensError as error:
            self._send_if_open({"fail": plain(error, 600)})
        except Exception as error:  # a failure must show in the page, not only in a dead thread
            self._send_if_open({"fail": f"The action failed unexpectedly: {type(error).__name__}. Look at the journal."})
            raise
        finally:
            if not self._closed:
                self._after()

    def _send_if_open(self, message: Mapping[str, Any]) -> None:
        if not self._closed:
            self._send(message)


def _short_sentence(text: object, limit: int) -> str:
    """A sentence for people in a notebook, inert: whole ids stand in the line of Python below it, and in the journal."""
    return plain(in_python(with_short_ids(str(text))), limit)


def _plan_payload(plan: Mapping[str, Any], identity: str) -> dict[str, Any]:
    """A plan as the page shows it: short inert lines."""
    target = plan.get("target") or {}
    steps = [
        _short_sentence(f"{step.get('says', '')}. Expected: {step.get('expects', '')}", 400)
        for step in plan.get("steps") or ()
        if isinstance(step, Mapping)
    ]

    def lines(name: str) -> list[str]:
        return [_short_sentence(text, 400) for text in plan.get(name) or ()]

    kind = plain(plan.get("kind", ""), 20)
    name = plain(target.get("title") or target.get("thread_id") or "", 80)
    return {
        "id": identity, "kind": kind, "title": f"{kind}: {name}" if plan.get("acts") else f"{kind}: nothing to send",
        "acts": bool(plan.get("acts")), "because": lines("because"), "steps": steps, "risks": lines("risks"),
        "untouched": lines("untouched"), "advice": lines("advice"),
        "command": plain(python_line(kind, str(target.get("thread_id") or "")), 300),
    }  # fmt: skip
