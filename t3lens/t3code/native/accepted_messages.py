"""Which native records show that a provider took a person's message: where no canonical item does, they prove it."""

from __future__ import annotations

from typing import Final

from t3lens.t3code.native import acp, opencode

__all__ = ["MESSAGE_SESSION", "MESSAGE_TAKEN", "MESSAGE_TAKEN_ID", "taken_words"]

_CLAUDE: Final = ("user", "claude/user")
_OF_CLAUDE_ITSELF: Final = "[Request interrupted"
"""So begins what Claude itself writes in the person's name when they interrupt it."""

_USER: Final = "user"
"""Role of a person in OpenCode's messages."""

_ACP: Final = "user_message_chunk"
_ASKED: Final = "started"
"""Status of a prompt that is sent to an agent; its answer stands under the same name."""

MESSAGE_TAKEN: Final = f"""(
    (type = '{opencode.MESSAGE_UPDATED}' and payload ->> '$.properties.info.role' = '{_USER}')
    or (type in {_CLAUDE} and (payload ->> '$.parent_tool_use_id') is null
        and (payload ->> '$.message.content[0].type') is distinct from 'tool_result'
        and (payload ->> '$.isSynthetic') is distinct from 'true'
        and not starts_with(coalesce(payload ->> '$.message.content[0].text', payload ->> '$.message.content', ''),
            '{_OF_CLAUDE_ITSELF}'))
    or (type = '{acp.PROMPT}' and payload ->> '$.status' = '{_ASKED}')
    or (type like '%{acp.UPDATE_SUFFIX}' and payload ->> '$.update.sessionUpdate' = '{_ACP}')
)"""
"""SQL over ``type`` and ``payload`` of a native record: whether it tells of a message that was taken."""


def taken_words(kind: str) -> tuple[str, ...] | None:
    """Words of which one stands in each native record of a type that tells of a message that was taken.

    Args:
        kind: Its type or method.

    Returns:
        None if any record of the type may tell of one; no words if none does.
    """
    if kind == opencode.MESSAGE_UPDATED:
        return (_USER,)
    if kind.endswith(acp.UPDATE_SUFFIX):
        return (_ACP,)
    return None if kind == acp.PROMPT or kind in _CLAUDE else ()


MESSAGE_SESSION: Final = "coalesce(payload ->> '$.properties.info.sessionID', payload ->> '$.properties.sessionID')"
"""SQL of the provider's session that took it, where a thread may have several: a child is asked by no person."""

MESSAGE_TAKEN_ID: Final = "coalesce(payload ->> '$.properties.info.id', payload ->> '$.uuid', event_id)"
"""SQL of what names the message: records that tell of it again name the same."""
