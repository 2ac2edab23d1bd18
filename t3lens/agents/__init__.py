"""What is known of the coding agents' own records: Codex, Claude Code, OpenCode, Gemini, Qwen, pi.

Each agent keeps a record of its sessions on the machine it runs on. One module per agent knows the format and
reduces a record's lines or rows, in their order, to the turns in it and what the record says of each. Nothing
here reads a file or knows of T3 Code.

A record proves an end, never life: a killed agent leaves the same bytes as a working, hanging or asking one.

The readers are in ``t3lens.agents.recognise``, apart: most homes are judged without a record to read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from t3lens.lazy_names import names_of

if TYPE_CHECKING:
    from t3lens.agents.record import AgentRecord, AgentTurn, RecordMark, SessionOrigin, Sureness, TurnKind, TurnOutcome

__all__ = [
    "AgentRecord",
    "AgentTurn",
    "RecordMark",
    "SessionOrigin",
    "Sureness",
    "TurnKind",
    "TurnOutcome",
]

__getattr__ = names_of(__name__, {name: f"t3lens.agents.record:{name}" for name in __all__})
