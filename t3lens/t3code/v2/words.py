"""The words of the second data model: statuses, effect types, item types, commands, and what they mean for a run."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = [
    "ATTEMPT_LIVE",
    "BACKGROUND_ITEMS",
    "BACKGROUND_NODES",
    "CAPABILITY_LIVE",
    "CAPABILITY_MESSAGE",
    "CREATE_PROJECT",
    "EFFECT_OPEN",
    "ERROR_ITEM",
    "FILE_EFFECTS",
    "HISTORY_IMPORTED",
    "INTERRUPT_REQUEST_ITEM",
    "INTERRUPT_RESULT_ITEM",
    "LEASE_S",
    "NODE_LIVE",
    "PROCESS_BOUND",
    "PROMPT_EFFECTS",
    "PROVIDER_TURN_LIVE",
    "QUESTION_ITEM",
    "QUEUED_PROMOTE",
    "QUEUED_RUN_CANCEL",
    "QUEUED_RUN_EDIT",
    "QUEUED_RUN_REORDER",
    "QUEUE_RESUME",
    "RECONCILE_COMMAND",
    "REQUEST_PENDING",
    "REQUEST_RESOLVED",
    "RESPOND",
    "ROOT_NODE",
    "RUN_INTERRUPT",
    "RUN_LIVE",
    "RUN_OVER",
    "RUN_STATUSES",
    "SESSION_DETACH",
    "SESSION_ERROR",
    "SHARED_PROCESS_DRIVERS",
    "SUBAGENT_LIVE",
    "EffectStatus",
    "EffectType",
    "RunStatus",
]


class RunStatus(StrEnum):
    """Status of a run: of what a person's message set going."""

    PREPARING = "preparing"
    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    """The provider is done, its checkpoint is not taken yet. It does not wait for a person."""
    COMPLETED = "completed"
    INTERRUPTED = "interrupted"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ROLLED_BACK = "rolled_back"


RUN_STATUSES: Final = frozenset(RunStatus)
RUN_LIVE: Final = frozenset(
    {
        RunStatus.PREPARING,
        RunStatus.QUEUED,
        RunStatus.STARTING,
        RunStatus.RUNNING,
        RunStatus.WAITING,
    }
)
RUN_OVER: Final = RUN_STATUSES - RUN_LIVE

ATTEMPT_LIVE: Final = frozenset({"pending", "running"})
NODE_LIVE: Final = frozenset({"pending", "running", "waiting"})
PROVIDER_TURN_LIVE: Final = frozenset({"pending", "running"})
SUBAGENT_LIVE: Final = frozenset({"pending", "running", "waiting"})

ROOT_NODE: Final = "root_turn"
BACKGROUND_ITEMS: Final = frozenset({"command_execution", "dynamic_tool", "subagent"})
"""Types of items that may outlive their run."""
BACKGROUND_NODES: Final = frozenset({"tool_call", "subagent", "hook", "system"})
"""Kinds of nodes that may outlive their run."""

ERROR_ITEM: Final = "error"
"""Where a failure's text is: a run has none."""
QUESTION_ITEM: Final = "user_input_request"
"""Where what is asked of a person stands: a request has only its kind."""
INTERRUPT_REQUEST_ITEM: Final = "run_interrupt_request"
INTERRUPT_RESULT_ITEM: Final = "run_interrupt_result"

REQUEST_PENDING: Final = "pending"
REQUEST_RESOLVED: Final = "resolved"
CAPABILITY_LIVE: Final = "live"
CAPABILITY_MESSAGE: Final = "message"
"""Such a request (October) outlives its run: it is answered by a message."""

SESSION_ERROR: Final = "error"

HISTORY_IMPORTED: Final = "v1_import"

SHARED_PROCESS_DRIVERS: Final = frozenset({"codex"})
"""Drivers that run one process for all threads: when it hangs, all of them hang."""


class EffectStatus(StrEnum):
    """Status of a row of the outbox."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


EFFECT_OPEN: Final = frozenset({EffectStatus.PENDING, EffectStatus.RUNNING})


class EffectType(StrEnum):
    """What the outbox asks the server to do, as far as anything here rests on it."""

    START = "provider-turn.start"
    INTERRUPT = "provider-turn.interrupt"
    STEER = "provider-turn.steer"
    RESTART = "provider-turn.restart"
    RESPOND = "runtime-request.respond"
    DETACH = "provider-session.detach"
    ROLLBACK = "provider-thread.rollback"
    CHECKPOINT = "checkpoint.capture"
    TITLE = "thread-title.generate"
    CONTINUE = "provider-runtime.continue"
    """October: goes on with what a restart cancelled, in a run of its own."""


PROCESS_BOUND: Final = frozenset(
    {
        EffectType.START,
        EffectType.INTERRUPT,
        EffectType.STEER,
        EffectType.RESTART,
        EffectType.RESPOND,
    }
)
"""Effects a server cancels at its next start; the others it takes up again."""

PROMPT_EFFECTS: Final = frozenset({EffectType.INTERRUPT, EffectType.STEER, EffectType.RESPOND})
"""Effects that only tell the provider something: done in moments, or never."""
FILE_EFFECTS: Final = frozenset({EffectType.CHECKPOINT, EffectType.ROLLBACK})
"""Effects that take as long as the work tree is large."""

LEASE_S: Final = 30
"""How long a worker says it needs for an effect. Nothing reads it: an effect that hangs is never taken up again."""

RECONCILE_COMMAND: Final = "provider-runtime.reconcile"
"""The command by which a server ends what an earlier one (or itself, at shutdown) left running."""
QUEUED_RUN_CANCEL: Final = "queued-run.cancel"
QUEUED_RUN_REORDER: Final = "queued-run.reorder"
"""Puts a queued run before another, or last; only where in the queue the runs stand is changed."""
QUEUED_RUN_EDIT: Final = "queued-run.edit"
"""Gives a queued run's message another text; its attachments stay."""
QUEUED_PROMOTE: Final = "queued-message.promote-to-steer"
"""Hands a queued message to the run at work: the queued run is cancelled, its message goes on in the other."""
QUEUE_RESUME: Final = "queue.resume"
"""October: held messages are sent, one after the other."""
RUN_INTERRUPT: Final = "run.interrupt"
SESSION_DETACH: Final = "provider-session.detach"
RESPOND: Final = "runtime-request.respond"
CREATE_PROJECT: Final = "project.create"
