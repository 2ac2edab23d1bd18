"""What an agent writes down of a session, and when; the base writes nothing, as agents without a record do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from t3lens.sim.scheduler import Scheduler
from t3lens.time import Micros

__all__ = ["AgentSession", "RecordedSession", "Recording"]


class AgentSession(Protocol):
    """What a record needs to know of the session it is of."""

    @property
    def driver(self) -> str:
        """T3 Code's name of the agent."""

    @property
    def conversation(self) -> str:
        """The agent's own id of the session."""

    @property
    def cwd(self) -> str:
        """Where it works."""

    @property
    def model(self) -> str:
        """The model it uses."""

    @property
    def now(self) -> Micros:
        """The moment, microseconds UTC."""

    @property
    def stamp(self) -> int:
        """The moment in milliseconds."""

    def later(self, seconds: float, do: Callable[[], Any]) -> None:
        """Let the agent do something in a while, if it still lives then."""


@dataclass(frozen=True, slots=True)
class RecordedSession:
    """What an agent's own record needs to know of its session."""

    driver: str
    conversation: str
    cwd: str
    model: str
    scheduler: Scheduler

    @property
    def now(self) -> int:
        """The moment, microseconds UTC."""
        return self.scheduler.now

    @property
    def stamp(self) -> int:
        """The moment in milliseconds."""
        return self.now // 1000

    def later(self, seconds: float, do: Callable[[], Any]) -> None:
        """Do something in a while."""
        self.scheduler.call(do, delay=seconds, owner="t3")


class Recording:
    """The record of one session. An agent writes before it tells: each is called before T3 Code hears of it."""

    def begin(self, turn_id: str, text: str) -> None:
        """A prompt is taken up as a turn."""

    def queue(self, text: str) -> None:
        """Another prompt comes in while a turn runs."""

    def steer(self, text: str) -> None:
        """The oldest prompt that came in while the turn ran is taken up."""

    def stream(self) -> None:
        """The first word of a message of the model comes."""

    def answer(self, text: str) -> None:
        """A message of the model is whole."""

    def call(self, command: str) -> None:
        """A tool is called; whether it runs or waits for approval is not recorded."""

    def result(self, output: str, *, failed: bool = False, declined: bool = False) -> None:
        """The tool that was called is done."""

    def retry(self, attempt: int, attempts: int, *, partial: bool = False) -> None:
        """The model's server failed, ``partial``: in the middle of an answer, and is asked again."""

    def end(self, state: str, message: str | None = None, streamed: str = "") -> None:
        """The turn is over: ``completed``, ``failed`` or ``interrupted``; ``streamed`` had come of another message."""

    def compact(self, turn_id: str) -> None:
        """What was said is summed up, by a turn that no person asked for."""

    def fork(self, conversation: str) -> None:
        """Another session begins with all that was said in this one."""

    def sub_agent(self, agent_id: str, *, finished: bool) -> None:
        """A helper works for this session, or is done with it."""

    def notify(self, text: str) -> None:
        """A helper that nobody waited for is done, which the agent answers in a turn that nobody asked for."""

    def roll_back(self, turns: int) -> None:
        """The last prompts are taken back, with all that came of them."""

    def put_away(self, *, packed: bool = False) -> None:
        """The session is archived, ``packed``: or compressed where it lies; it goes on as before if it is resumed."""

    def shut_down(self) -> None:
        """The program is told to end; a killed one writes nothing."""
