"""What a person may set about a diagnosis: the moment, the server, the rules, the thresholds."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from t3lens.time import SECOND, Micros

__all__ = ["Options", "ServerSetting", "Thresholds"]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """How long is too long, in seconds; all are measured against ``as_of``.

    Attributes:
        settle: A request (stop, interrupt, answer) should have had its effect.
        pending: A message should have been taken up.
        silence: A running turn should have said something.
        silence_tool: The same while a tool or task is open.
        waiting: An open question counts as a person keeping the turn waiting.
        lag: A logged event should have reached the database.
        without_turn: A running session should have a turn.
        clock: Stored time may go back by this much.
        retries: Retry notices in a row that make a loop (a count, not seconds).
    """

    settle: float = 20.0
    pending: float = 120.0
    silence: float = 600.0
    silence_tool: float = 1800.0
    waiting: float = 120.0
    lag: float = 5.0
    without_turn: float = 300.0
    clock: float = 60.0
    retries: int = 3

    def micros(self, name: str) -> Micros:
        """The threshold called ``name`` in microseconds."""
        return int(getattr(self, name) * SECOND)


class ServerSetting(StrEnum):
    """What ``--server`` says of the server of the homes: look (``auto``), or take the person's word."""

    AUTO = "auto"
    ALIVE = "alive"
    DEAD = "dead"


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """How to diagnose; recorded with each run.

    Attributes:
        as_of: The moment the verdicts are about, microseconds UTC; None to decide by home.
        server: See ``ServerSetting``.
        rules: Name of the profile of the build that wrote the homes; None to guess by home.
        thresholds: See ``Thresholds``.
        records: Where the agents' own records are looked for: ``("auto",)``, ``("off",)``, or files and folders.
        budget: Seconds that reading one home may take, and judging it may.
    """

    as_of: Micros | None = None
    server: ServerSetting = ServerSetting.AUTO
    rules: str | None = None
    thresholds: Thresholds = Thresholds()
    records: tuple[str, ...] = ("auto",)
    budget: float = 900.0
