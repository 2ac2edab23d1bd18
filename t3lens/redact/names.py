"""What the fields of records hold, by their names: the lifecycle, sentences of programs, what somebody said, secrets.

The one list for everything that shows, stores or sends records. Names are lower case, without ``_`` and ``-``, as far
as nothing else is said. What is in no list here counts as something that was said.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

__all__ = [
    "LIFECYCLE_WORDS",
    "MESSAGE_NAMES",
    "PATH_COLUMNS",
    "PROGRAM_SENTENCES",
    "SAID",
    "SAID_COLUMNS",
    "SAID_IN_FRAGMENTS",
    "SECRET_NAMES",
    "SECRET_STEMS",
    "SHOWN_AT_ANY_LENGTH",
    "is_key",
    "is_relative",
]

_KEY: Final = re.compile(
    r"(?:^|[_.-])(?:action|activity|agent|aggregate|approval|attempt|causation_event|checkpoint|command|correlation|effect"
    r"|environment|event|file|finding|handoff|home|instance|item|message|native|node|plan|process|project|request|row|run"
    r"|scope|session|snapshot|span|stream|subagent|task|thread|trace|transfer|turn)[_-]?ids?$"
)
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@lru_cache(maxsize=10_000)
def is_key(name: str) -> bool:
    """Whether an id stands under ``name`` (``threadId``, ``provider_turn_id``) that other records are joined by.

    Such an id is nobody's words, whatever it looks like: masked or cut it would lead nowhere.
    """
    return len(name) <= 80 and _KEY.search(_CAMEL.sub("_", name).lower()) is not None


_ABSOLUTE: Final = re.compile(r"[/\\~]|[A-Za-z]:[/\\]")


def is_relative(path: str) -> bool:
    """Whether a path begins nowhere: inside a home it is a key; an absolute one names a person's folders."""
    return _ABSOLUTE.match(path) is None and "\n" not in path


_T3_CODES_OWN: Final = frozenset({
    "class", "code", "decision", "effecttype", "effort", "event", "exitcode", "exitkind", "interactionmode", "itemtype",
    "kind", "method", "mode", "model", "phase", "provider", "providername", "requesttype", "role", "runtimemode", "signal",
    "source", "state", "status", "stopreason", "streamkind", "tag", "tone", "type",
})  # fmt: skip
"""Names under which T3 Code itself writes words with a fixed meaning."""

_SHORT_WORDS: Final = frozenset({
    "adapterkey", "agent", "aggregate", "aggregatekind", "actorkind", "authmethod", "behavior", "checkpointref",
    "checkpointstatus", "driver", "eventtype", "finish", "label", "lastevent", "lastruntimeevent", "level",
    "messagetype", "modelid", "projector", "settledoverride", "severity", "slug", "subtype", "tool", "toolname",
    "tooltype", "version",
})  # fmt: skip
"""Names under which providers and tools write too: their values may be anything."""

LIFECYCLE_WORDS: Final = _T3_CODES_OWN | _SHORT_WORDS
"""Names whose values tell the lifecycle, not what anybody said, where they are one short word."""

_T3_CODES_SENTENCES: Final = frozenset({"errormessage", "lasterror", "reason"})

PROGRAM_SENTENCES: Final = _T3_CODES_SENTENCES | {"error", "exitreason"}
"""Names whose values are sentences of programs."""

_TIMES: Final = frozenset({"createdat", "observedat", "updatedat"})

SHOWN_AT_ANY_LENGTH: Final = _T3_CODES_OWN | _T3_CODES_SENTENCES | _TIMES
"""Names whose values may be shown whatever their form, for T3 Code alone writes them."""

MESSAGE_NAMES: Final = frozenset({"message", "detail"})
"""Said by programs in a warning or an error, by people and models elsewhere."""

SAID: Final = {
    "delta": "answer", "text": "text", "message": "message", "prompt": "prompt", "title": "title", "name": "name",
    "output": "output", "stdout": "output", "stderr": "output", "result": "output", "aggregatedoutput": "output",
    "arguments": "arguments", "args": "arguments", "input": "arguments", "command": "command", "cwd": "path",
    "path": "path", "file": "path", "filepath": "path", "content": "content", "detail": "detail", "summary": "summary",
    "url": "address", "diff": "diff", "patch": "diff",
}  # fmt: skip
"""Names whose values somebody said or did, and what to call them."""

_COLUMNS_OF_OURS: Final = frozenset({
    "message", "title", "name", "result", "aggregatedoutput", "command", "cwd", "path", "file", "filepath", "detail",
    "summary", "url", "diff", "patch",
})  # fmt: skip

SAID_COLUMNS: Final = frozenset(SAID) - _COLUMNS_OF_OURS
"""Columns of tables that hold what was said; tables of t3lens have columns of the other names for other things."""

PATH_COLUMNS: Final = frozenset({"file", "path", "source"})
"""Columns of t3lens' tables with paths, which are keys where they are relative to the home."""

SAID_IN_FRAGMENTS: Final = (
    "text",
    "delta",
    "content",
    "prompt",
    "message",
    "detail",
    "output",
    "command",
)
"""Names that are looked for in bytes that are no record."""

SECRET_NAMES: Final = (
    r"pass(?:word|wd|phrase)|pwd|secret(?:[_-]?(?:access[_-]?)?key)?|api[_-]?key|access[_-]?key(?:[_-]?id)?"
    r"|(?:access|auth|refresh|id|session|bearer|client|bot|api|pairing|csrf|xsrf)[_-]?token|token"
    r"|client[_-]?secret|private[_-]?key|encryption[_-]?key|signing[_-]?key|account[_-]?key"
    r"|shared[_-]?access[_-]?(?:key|signature)|credentials?|session[_-]?(?:key|cookie)|(?:proxy[_-]?)?authorization"
)
"""Names of secrets, as parts of a regular expression; ``_`` and ``-`` may stand between their words."""

SECRET_STEMS: Final = r"token|secret|password|passwd|api[_-]?key|authorization|credential"
"""What is left of such names, anywhere in a word, in bytes that are no record."""
