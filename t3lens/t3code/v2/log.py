"""The provider log beside the second data model (generation 3): native records only, wrapped as protocol messages.

Codex: ``event`` has ``direction``, ``stage`` (``raw`` text or ``decoded``; each message stands twice) and the JSON-RPC
message. OpenCode: ``event`` has the T3 thread, and of the message only its method and shape. There is no T3 thread id
in a Codex record: the native thread leads to it over ``provider_threads``.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "ASKS",
    "CODEX_PROTOCOL",
    "ENDS",
    "GENERATION",
    "INTERRUPTS",
    "NO_SIGN_OF_LIFE",
    "OPENCODE_PROTOCOL",
    "PROGRESS",
    "PROTOCOL_KIND",
    "PROTOCOL_MEMBER",
    "RAW_STAGE",
    "RETRY_STATUS",
    "STARTS",
]

GENERATION: Final = 3
PROTOCOL_KIND: Final = "protocol"
"""``kind`` of every record of this generation; adapters of ACP agents wrote it before, without ``PROTOCOL_MEMBER``."""
PROTOCOL_MEMBER: Final = "protocol"
"""Names the protocol, in records of this generation only."""
RAW_STAGE: Final = "raw"
"""Stage of a record whose message stands decoded in another one."""

CODEX_PROTOCOL: Final = "codex.app-server"
OPENCODE_PROTOCOL: Final = "opencode-sdk.sse"

NO_SIGN_OF_LIFE: Final = frozenset(
    {
        "server.heartbeat",
        "server.connected",
        "plugin.added",
        "catalog.updated",
        "integration.updated",
        "reference.updated",
        "session.updated",
        "session.diff",
        "file.watcher.updated",
        "event.subscribe",
        "account/rateLimits/updated",
        "configWarning",
        "deprecationNotice",
        "remoteControl/status/changed",
        "mcpServer/startupStatus/updated",
        "thread/settings/updated",
        "thread/readState/changed",
        "thread/tokenUsage/updated",
        "initialize",
        "initialized",
    }
)
"""Methods that go on while a turn hangs: a heartbeat comes every 10 s whatever the model does."""

STARTS: Final = frozenset({"turn/start", "session.promptAsync"})
"""Outgoing: the provider is asked for a turn."""
INTERRUPTS: Final = frozenset({"turn/interrupt", "session.abort"})
"""Outgoing: an interrupt reached the provider."""
ENDS: Final = frozenset({"turn/completed", "session.idle"})
"""Incoming: by the provider's word its turn is over."""
ASKS: Final = frozenset({"permission.asked"})
"""Incoming: a person is asked. Codex' methods for it end in ``requestApproval``."""
RETRY_STATUS: Final = "session.status"
"""OpenCode: comes again and again in a retry loop; which kind of status it was is not recorded."""
PROGRESS: Final = frozenset(
    {
        "message.part.delta",
        "message.part.updated",
        "item/agentMessage/delta",
        "item/reasoning/delta",
        "item/completed",
        "item/started",
    }
)
"""The answer grows, or a tool works."""
