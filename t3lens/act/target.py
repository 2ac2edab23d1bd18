"""What an action is about: the thread, what is believed of it, and what was last seen of it.

``Target`` says which thread, ``Belief`` what the diagnosis concluded and on what, ``Sighting`` what the server, the
database and the log said at one moment. Plans are made of these three and nothing else, so a plan can be made,
compared and tested without a server.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

import msgspec

from t3lens.act.v2.observation import SecondObservation
from t3lens.domain.finding import Finding, Severity, Verdict
from t3lens.domain.state import LIVE
from t3lens.t3code.data_model import DataModel
from t3lens.time import Micros

__all__ = [
    "Belief",
    "CommandFailure",
    "Freshness",
    "Liveness",
    "NewestEvent",
    "Scope",
    "SessionSeen",
    "Sighting",
    "Target",
]

Liveness = Literal["alive", "dead", "unknown"]

_LIVE = frozenset(status.value for status in LIVE)


class Scope(StrEnum):
    """Which events after the plan mean that the thread moved on, and that the plan no longer fits.

    A silent or orphaned turn must say nothing at all (``any``). A turn that retries says much and gets nowhere:
    only what would end the loop counts (``progress``). A session that a person stops while it works may work
    on until then: only another turn or another session state counts (``lifecycle``).
    """

    ANY = "any"
    PROGRESS = "progress"
    LIFECYCLE = "lifecycle"


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Which thread, in full.

    Attributes:
        home_id: The home's stable id.
        home_path: Its ``userdata`` folder (or what stands for it).
        thread_id: The thread.
        title: Its title.
        provider: Driver name of its session.
        environment_id: The home's environment id; a server with another one is refused.
        database: Path of the database in use, if it can be read.
        log_dir: Folder of the provider logs, if it can be read.
        model: The data model of that database, and so of the wire by which the thread is reached.
    """

    home_id: str
    home_path: str
    thread_id: str
    title: str = ""
    provider: str | None = None
    environment_id: str | None = None
    database: str | None = None
    log_dir: str | None = None
    model: DataModel = DataModel.V1


class Belief(msgspec.Struct, frozen=True, kw_only=True):
    """What the diagnosis concluded.

    Attributes:
        verdict: The thread's verdict.
        findings: Its findings and its home's, the primary one first.
        as_of: The moment the verdict is about, microseconds UTC.
        server: Whether the home's server runs, and
        server_why: on what that rests.
        server_version: Its version, if it is known.
        server_started_at: When it started, microseconds UTC.
        rules: Name of the rules profile of the build that wrote the home.
        cannot_judge: Why nothing is done to the home, as a sentence; None if something may be.
        migrations: The highest migration of the home's database, if it was read.
        dead_requests: Open requests whose asker is gone: nobody waits for their answer.
    """

    verdict: Verdict
    findings: tuple[Finding, ...] = ()
    as_of: Micros = 0
    server: Liveness = "unknown"
    server_why: str = ""
    server_version: str | None = None
    server_started_at: Micros | None = None
    rules: str | None = None
    cannot_judge: str | None = None
    migrations: int | None = None
    dead_requests: tuple[str, ...] = ()

    def finding(self, *codes: str) -> Finding | None:
        """The first finding with one of ``codes``."""
        return next((finding for finding in self.findings if finding.code in codes), None)

    @property
    def worst(self) -> Severity | None:
        """The worst severity found."""
        return min((f.severity for f in self.findings), key=lambda s: s.rank, default=None)


class SessionSeen(msgspec.Struct, frozen=True, kw_only=True):
    """A stored session as it was read.

    Attributes:
        status: Stored status.
        active_turn_id: Stored active turn.
        last_error: Stored last error.
        updated_at: When it was written, by its own word; microseconds UTC.
        provider: Driver name.
    """

    status: str
    active_turn_id: str | None = None
    last_error: str | None = None
    updated_at: Micros | None = None
    provider: str | None = None

    @property
    def live(self) -> bool:
        """Whether a person sees it as working."""
        return self.status in _LIVE

    @property
    def settled(self) -> bool:
        """Neither working nor holding a turn; an ``error`` legitimately keeps one."""
        return not self.live and (self.active_turn_id is None or self.status == "error")

    @property
    def stopped(self) -> bool:
        """Stopped without an active turn."""
        return self.status == "stopped" and self.active_turn_id is None


class Freshness(msgspec.Struct, frozen=True, kw_only=True):
    """How new one source is.

    Attributes:
        source: ``server``, ``state.sqlite`` or ``log``.
        read_at: When it was read, microseconds UTC.
        newest_at: Time of the newest thing it says about the thread.
    """

    source: str
    read_at: Micros
    newest_at: Micros | None = None


class NewestEvent(msgspec.Struct, frozen=True, kw_only=True):
    """The newest event of one scope, to tell later whether another came.

    Attributes:
        sequence: In the event store.
        line: Of the log: ``<ISO time>@<end offset>``.
        at: Time of the newer of the two.
    """

    sequence: int | None = None
    line: str | None = None
    at: Micros | None = None


class CommandFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A ``provider.*.failed`` activity: an accepted command that did not work.

    Attributes:
        activity_id: Its id.
        kind: ``provider.session.stop.failed``, …
        detail: The server's reason.
        request_id: The request whose answer failed, if it was one.
    """

    activity_id: str
    kind: str
    detail: str
    request_id: str | None = None


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What the sources said of a thread at one moment; what could not be read is None.

    Attributes:
        at: When, microseconds UTC.
        found: Some source knows the thread.
        title: Its title.
        archived: It is archived.
        deleted: It is deleted.
        session: The session as the server gives it, else as the database has it.
        session_in_database: The session as ``state.sqlite`` has it, if that could be read.
        turns: Stored state by turn id; from the server alone only the latest is known.
        pending_start: A message waits to be taken up.
        open_requests: Ids of the open approvals; None if they could not be read.
        answered: Ids of the approvals whose answer the provider took.
        binding: Status of the runtime binding; None if there is none, or it could not be read:
        binding_read: whether it could be.
        marks: The newest event of each scope.
        failures: Activities that report a failed command.
        server_started_at: Start of the server that answered.
        server_version: Its version.
        sources: What was read, and how new it is.
        sequence: Newest sequence of the event store as a whole.
        second: Of the second data model: runs, sessions and requests as the server gives them, else as stored.
        second_in_database: The same as stored, with the outbox, if that could be read.
    """

    at: Micros
    found: bool = False
    title: str = ""
    archived: bool = False
    deleted: bool = False
    session: SessionSeen | None = None
    session_in_database: SessionSeen | None = None
    turns: dict[str, str] = {}
    pending_start: bool = False
    open_requests: tuple[str, ...] | None = None
    answered: tuple[str, ...] = ()
    binding: str | None = None
    binding_read: bool = False
    marks: dict[Scope, NewestEvent] = {}
    failures: tuple[CommandFailure, ...] = ()
    server_started_at: Micros | None = None
    server_version: str | None = None
    sources: tuple[Freshness, ...] = ()
    sequence: int | None = None
    second: SecondObservation | None = None
    second_in_database: SecondObservation | None = None

    @property
    def running_turns(self) -> tuple[str, ...]:
        """Turns stored as running."""
        return tuple(turn for turn, state in self.turns.items() if state == "running")

    @property
    def sessions(self) -> tuple[SessionSeen, ...]:
        """The session in every source that could be read."""
        return tuple(s for s in (self.session, self.session_in_database) if s is not None)

    @property
    def settled(self) -> bool:
        """No source has a live session or one that holds a turn it should not hold."""
        return all(session.settled for session in self.sessions)

    @property
    def seconds(self) -> tuple[SecondObservation, ...]:
        """What every source that could be read has of the second data model."""
        return tuple(one for one in (self.second, self.second_in_database) if one is not None)

    def brief(self) -> dict[str, object]:
        """The few facts that ``before`` and ``after`` of a result hold."""
        session = self.session
        return {
            "session": None
            if session is None
            else {
                "status": session.status,
                "active_turn_id": session.active_turn_id,
                "last_error": session.last_error,
            },
            "turns": dict(self.turns),
            "binding": self.binding if self.binding_read else None,
            "open_requests": None if self.open_requests is None else list(self.open_requests),
            "archived": self.archived,
            "deleted": self.deleted,
            **_brief_of_second(self.second, self.second_in_database),
        }


def _brief_of_second(shown: SecondObservation | None, stored: SecondObservation | None) -> Mapping[str, object]:
    """Nothing for the first data model; else the newest word, with the outbox."""
    if shown is None:
        return {}
    outbox = {"open_effects": stored.brief()["open_effects"]} if stored is not None else {}
    return {**shown.brief(), **outbox}
