"""Where agents keep their records on a machine, and what they are called here."""

from __future__ import annotations

from typing import Final

__all__ = ["BELOW", "CLAUDE", "CODEX", "FOLDERS", "HOMES", "OPENCODE", "PATTERNS", "SHORT_IDS"]

CODEX: Final = "codex"
CLAUDE: Final = "claude"
OPENCODE: Final = "opencode"

HOMES: Final = {
    CODEX: ("CODEX_HOME", "~/.codex"),
    CLAUDE: ("CLAUDE_CONFIG_DIR", "~/.claude"),
    OPENCODE: ("XDG_DATA_HOME", "~/.local/share"),
    "gemini": ("", "~/.gemini"),
    "qwen": ("", "~/.qwen"),
    "pi": ("", "~/.pi"),
}
"""The variable that moves an agent's home, and where it is if that is not set."""

PATTERNS: Final = {
    CODEX: ("sessions/*/*/*/rollout-*-{id}.jsonl*", "archived_sessions/rollout-*-{id}.jsonl*"),
    CLAUDE: ("projects/*/{id}.jsonl",),
    OPENCODE: ("opencode/opencode.db",),
    "gemini": ("tmp/*/chats/session-*-{short}.jsonl",),
    "qwen": ("projects/*/chats/{id}.jsonl",),
    "pi": ("agent/sessions/*/*_{id}.jsonl",),
}
"""Where in its home an agent keeps a session; a lossy name of the project's folder is never computed."""

SHORT_IDS: Final = frozenset({"gemini"})
"""Agents that put only the first eight characters of a session's id into the name of its file."""

BELOW: Final = {CLAUDE: ".claude"}
"""Where in a folder that was given as an agent's home its own home may stand: a build took it for the user's folder."""

FOLDERS: Final = frozenset({"sessions", "archived_sessions", "projects", "chats", OPENCODE})
"""Names of folders that hold records: a link of that name which leads out is worth a word."""
