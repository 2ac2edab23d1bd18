"""What a simulated provider does in a turn: a script is a tuple of these steps, done one after the other."""

from __future__ import annotations

import msgspec

__all__ = [
    "Abort",
    "Ask",
    "AskApproval",
    "Child",
    "Die",
    "Fail",
    "Hang",
    "LoseTerminal",
    "Retry",
    "Say",
    "Script",
    "ScriptStep",
    "Silence",
    "Task",
    "Title",
    "Tool",
]


class ScriptStep(msgspec.Struct, frozen=True):
    """One thing a provider does in a turn."""


class Say(ScriptStep, frozen=True):
    """An assistant message, streamed word by word.

    Attributes:
        text: What it says.
        pace: Seconds between two words.
    """

    text: str = "Done: the change is in place and the checks pass."
    pace: float = 0.05


class Tool(ScriptStep, frozen=True):
    """A command that runs.

    Attributes:
        command: The command line that runs.
        seconds: How long; nothing is logged meanwhile.
        output: What it prints.
        approval: Ask a person first, and wait.
        failed: It ends with an error; the turn goes on.
    """

    command: str = "make check"
    seconds: float = 1.5
    output: str = "ok\n"
    approval: bool = False
    failed: bool = False


class AskApproval(ScriptStep, frozen=True):
    """A request for approval without a tool behind it.

    Attributes:
        detail: What is to be approved.
    """

    detail: str = "rm -rf build"


class Ask(ScriptStep, frozen=True):
    """A question to the person, and a wait for the answer.

    Attributes:
        question: The question.
        options: What can be chosen; words are wanted if there is nothing (only in homes of the second data model).
        more: What is asked in the same request (second data model),
        several: whether more than one option may be chosen,
        waits: and whether the run waits for the answer; if not, that becomes a message of its own (October).
    """

    question: str = "Which branch shall I use?"
    options: tuple[str, ...] = ()
    more: tuple[Ask, ...] = ()
    several: bool = False
    waits: bool = True


class Silence(ScriptStep, frozen=True):
    """Nothing is said or logged for a while.

    Attributes:
        seconds: How long it may take, in seconds.
    """

    seconds: float = 30.0


class Hang(ScriptStep, frozen=True):
    """The provider stops in the middle and answers nothing any more."""


class Die(ScriptStep, frozen=True):
    """The provider's process ends in the middle; whether that is noticed depends on the provider."""


class Retry(ScriptStep, frozen=True):
    """The model does not answer: the provider tries again, with growing pauses.

    Attributes:
        attempts: How often before it works.
        message: What the model said.
        partial: Each attempt streams a few words before it breaks.
    """

    attempts: int = 6
    message: str = "The model is overloaded, trying again."
    partial: bool = False


class Fail(ScriptStep, frozen=True):
    """The turn ends with an error.

    Attributes:
        message: What went wrong.
        told: Whether anybody hears of it; if not, only the agent's own record has it, and all else says completed.
    """

    message: str = "Insufficient balance on this account."
    told: bool = True


class Abort(ScriptStep, frozen=True):
    """The provider says ``turn.aborted`` instead of ``turn.completed``.

    Attributes:
        reason: Why the turn was aborted, in the provider's words.
    """

    reason: str = "The turn was aborted by the provider."


class LoseTerminal(ScriptStep, frozen=True):
    """The provider ends the turn in its own protocol, and no canonical event is made of it."""


class Task(ScriptStep, frozen=True):
    """A subagent or background task.

    Attributes:
        description: What it is for.
        seconds: How long it runs.
        background: The turn does not wait for it.
    """

    description: str = "Survey the call sites"
    seconds: float = 4.0
    background: bool = False


class Child(ScriptStep, frozen=True):
    """A child session of the provider works and ends, inside the turn (OpenCode; a task elsewhere).

    Attributes:
        seconds: How long it works.
    """

    seconds: float = 3.0


class Title(ScriptStep, frozen=True):
    """An auxiliary session makes a title for the thread: its end says nothing about the turn.

    Attributes:
        title: The title.
    """

    title: str = "Tidy up the parser"


Script = tuple[ScriptStep, ...]
"""The steps of one turn. A script without an ending step ends with the turn completed."""
