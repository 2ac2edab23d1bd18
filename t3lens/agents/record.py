"""What a record comes to: its turns, what it says of each, and the lines or rows that say so."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from t3lens.time import Micros

__all__ = ["AgentRecord", "AgentTurn", "RecordMark", "SessionOrigin", "Sureness", "TurnKind", "TurnOutcome"]


class TurnOutcome(StrEnum):
    """What an agent's own record says of a turn.

    ``CUT``: no end, and something later in the same record shows that the turn did not go on: it died, or was
    shut down. ``OPEN``: no end and nothing later; working, hanging, retrying, asking and dead look alike.
    ``SUPERSEDED``: its end is that of a later turn, which took it over. ``ABSENT``: this record does not hold
    what became of it, and that says nothing. ``UNREADABLE``: what is there is not understood.
    """

    FINISHED = "finished"
    FAILED = "failed"
    ABORTED = "aborted"
    SUPERSEDED = "superseded"
    CUT = "cut"
    OPEN = "open"
    ABSENT = "absent"
    UNREADABLE = "unreadable"


class Sureness(StrEnum):
    """How sure an outcome is: ``low`` rests on what is missing, ``medium`` has another reading."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


class TurnKind(StrEnum):
    """What began a turn.

    ``PROMPT``: a person or a host asked. ``COMPACTION``: the agent shortened its context. ``NOTIFICATION``: a
    background task reported. ``CONTINUATION``: the agent told itself to go on.
    """

    PROMPT = "prompt"
    COMPACTION = "compaction"
    NOTIFICATION = "notification"
    CONTINUATION = "continuation"


class SessionOrigin(StrEnum):
    """How a session came from another one."""

    FORK = "fork"
    SUB_AGENT = "sub-agent"


@dataclass(frozen=True, slots=True)
class RecordMark:
    """One place in a record that an outcome rests on.

    Attributes:
        what: What stands there, in the format's own word (``task_complete``, ``message``).
        at: Its own time stamp, microseconds UTC; None if it has none.
        line: Line number in the (unpacked) file, counted from 1; None for a row.
        offset: Byte offset of the line in the (unpacked) file.
        size: Bytes of the line, its end mark not counted.
        table: Table of the row.
        row: Primary key of the row.
    """

    what: str
    at: Micros | None = None
    line: int | None = None
    offset: int | None = None
    size: int | None = None
    table: str | None = None
    row: str | None = None


@dataclass(frozen=True, slots=True)
class AgentTurn:
    """One turn of a record, and what the record says of it.

    Attributes:
        turn_id: The agent's own id of the turn, or of the prompt that began it; None if it has none.
        outcome: What the record says became of it.
        sureness: How sure that is.
        why: Why it is not surer, or what the outcome leaves open; empty if there is nothing to say.
        kind: What began it.
        started_at: Microseconds UTC.
        ended_at: When its end was recorded, microseconds UTC; None without an end.
        error: What the agent says went wrong, in its own words.
        retries: Retries the record knows of; most agents record none.
        steered_by: Ids of further prompts that this turn took in.
        inherited: Copied from the session this one was forked from: history, not something that ran here.
        void: Taken back later (rolled back, reverted, rewound).
        evidence: What the outcome rests on, in the record's order.
    """

    turn_id: str | None
    outcome: TurnOutcome
    sureness: Sureness
    why: str
    kind: TurnKind
    started_at: Micros | None
    ended_at: Micros | None
    error: str | None
    retries: int
    steered_by: tuple[str, ...]
    inherited: bool
    void: bool
    evidence: tuple[RecordMark, ...]


@dataclass(frozen=True, slots=True)
class AgentRecord:
    """One session as its agent recorded it.

    Attributes:
        provider: Name of the agent: ``codex``, ``claude``, ``opencode``, ``gemini``, ``qwen``, ``pi``.
        session_id: The agent's id of the session; None if the record does not tell.
        builds: Versions named in the record, oldest first; a session resumed after an update has several.
        cwd: The folder the session works in.
        parent_id: The session it was forked from or works for.
        origin: How it came from that one.
        first_at: Earliest stamp, microseconds UTC.
        last_at: Latest stamp, microseconds UTC.
        lines: Complete lines, or rows.
        unread: Lines or rows that hold no JSON object.
        torn: Bytes of an incomplete last line; a copy made while it was written, or a full disk.
        turns: In the record's order.
        notes: What else a reader should know, one sentence each.
        rejected: Where lines stand that hold no JSON object, the torn last one included; at most the first 1,000.
    """

    provider: str
    session_id: str | None
    builds: tuple[str, ...]
    cwd: str | None
    parent_id: str | None
    origin: SessionOrigin | None
    first_at: Micros | None
    last_at: Micros | None
    lines: int
    unread: int
    torn: int
    turns: tuple[AgentTurn, ...]
    notes: tuple[str, ...]
    rejected: tuple[RecordMark, ...] = ()
