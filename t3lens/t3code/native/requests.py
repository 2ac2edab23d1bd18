"""How a provider asks a person in its own protocol, and how it says that it was answered.

T3 Code makes a request of what the thread's own session asks. What a child session asks, or what T3 Code does not know
as a request, reaches nobody, and the provider waits for ever.
"""

from __future__ import annotations

from typing import Final

__all__ = ["ANSWER", "ASK", "ASKING_SESSION", "ASK_ID", "TYPES", "is_asking"]

_CLAUDE_ASK: Final = "canUseTool/request"
_ASKS: Final = (
    *("permission.asked", "permission.updated", "question.asked"),
    *("session/request_permission", "item/tool/requestUserInput", _CLAUDE_ASK),
)
_ANSWERS: Final = (
    *("permission.replied", "question.replied", "question.rejected"),
    *("serverRequest/resolved", "item/tool/requestUserInput/answered", "canUseTool/decision"),
)
TYPES: Final = (*_ASKS, *_ANSWERS)
"""Types and methods of these records; Codex has further ones, by the kind of what it asks."""
_CODEX_ASK: Final = "%/requestApproval"
_CODEX_ANSWER: Final = "%/requestApproval/decision"
_ACP_ANSWERED: Final = "session/request_permission"

_UNANSWERED: Final = "coalesce(payload -> '$.outcome', payload -> '$.result') is null"
"""ACP answers under the name of the question; what holds an outcome is the answer."""

ASK: Final = f"""(
    (type in {_ASKS} or type like '{_CODEX_ASK}')
    and coalesce(payload ->> '$.status', 'started') = 'started' and {_UNANSWERED}
)"""
"""SQL over ``type`` and ``payload`` of a native record: whether it asks a person for a permission or an answer."""

ANSWER: Final = f"""(
    type in {_ANSWERS} or type like '{_CODEX_ANSWER}'
    or (type = '{_ACP_ANSWERED}' and not (coalesce(payload ->> '$.status', 'started') = 'started' and {_UNANSWERED}))
)"""
"""SQL over the same: whether it says that something asked before was answered."""


def is_asking(kind: str) -> bool:
    """Whether a native record of a type may ask a person, or say that something asked before was answered."""
    return kind in _ASKS or kind in _ANSWERS or kind.endswith((_CODEX_ASK[1:], _CODEX_ANSWER[1:]))


ASK_ID: Final = "coalesce(payload ->> '$.properties.requestID', payload ->> '$.properties.id', request_id)"
"""SQL of the request's id, in an ask and in its answer; null where the protocol names none."""

ASKING_SESSION: Final = """coalesce(payload ->> '$.properties.sessionID', payload ->> '$.sessionId',
    CASE WHEN type LIKE 'item/%' THEN payload ->> '$.threadId' END,
    CASE WHEN type LIKE 'canUseTool/%' THEN payload ->> '$.agentId' END, provider_thread_id)"""
"""SQL of who asks, by the provider's own id: a child session or agent has another than the thread."""
