"""What acting needs of a T3 Code server, whatever wire it speaks: ``v1`` speaks that of the first data model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

import msgspec

from t3lens.act.plan import Action
from t3lens.act.target import CommandFailure, SessionSeen
from t3lens.act.token import Token
from t3lens.t3code.builds import build_of, model_of
from t3lens.t3code.data_model import DataModel, Signs, standing
from t3lens.t3code.v2.wire import ThreadShown
from t3lens.time import Micros

__all__ = ["Environment", "Server", "ThreadSeen"]


class Environment(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of itself to anybody.

    Attributes:
        environment_id: The home it belongs to (``userdata/environment-id``).
        version: Its version.
        label: The machine's name for people.
        protocol: The orchestration protocol it names, if it names one.
    """

    environment_id: str
    version: str | None = None
    label: str | None = None
    protocol: int | None = None

    def cannot_serve(self, model: DataModel) -> str | None:
        """Why nothing may be sent to it about a thread of ``model``: it speaks for another data model. None if it may.

        A server that names no protocol may be of the first data model or of the branch of the second: its answer about
        the thread tells.
        """
        if self.protocol is None or model_of(self.protocol) == model:
            return None
        if model_of(self.protocol) is None:
            return standing(Signs(protocol=self.protocol)).cannot_judge
        return (
            f"the server that answers speaks orchestration protocol {self.protocol}, and the thread is of T3 Code's "
            f"{_MODELS[model]} data model ({model.upper()}); read the home again"
        )

    @property
    def roles_only(self) -> bool:
        """Whether this build knows roles instead of scopes, and answers errors with empty bodies (0.0.23)."""
        return not build_of(version=self.version).wire.scopes


_MODELS: Final = {DataModel.V1: "first", DataModel.V2: "second"}


class ThreadSeen(msgspec.Struct, frozen=True, kw_only=True):
    """What a server shows of one thread at one moment.

    Attributes:
        found: It shows the thread at all; if not, only ``sequence`` says something.
        title: Its title.
        archived: It is archived.
        deleted: It is deleted.
        session: Its session, if it has one.
        turns: Stored state by turn id; the latest alone.
        failures: Activities that report a failed command.
        open_requests: Ids of the open approvals; None if it does not show them.
        answered: Ids of the approvals whose answer the provider took.
        newest_at: When it last changed, microseconds UTC.
        sequence: Newest sequence of the event store as a whole.
        second: The same in the second data model's own terms; None from a server of the first.
    """

    found: bool
    title: str = ""
    archived: bool = False
    deleted: bool = False
    session: SessionSeen | None = None
    turns: dict[str, str] = {}
    failures: tuple[CommandFailure, ...] = ()
    open_requests: tuple[str, ...] | None = None
    answered: tuple[str, ...] = ()
    newest_at: Micros | None = None
    sequence: int | None = None
    second: ThreadShown | None = None


class Server(Protocol):
    """A server that is read, and asked to act on threads.

    Reads are tried again; a command is sent exactly once per call, because only the caller knows whether it may be
    sent again. Every method raises ``ConnectionFailed`` where no server answers.

    Attributes:
        token: Bearer token; None for what needs none.
        environment_seen: What ``environment`` gave last.
    """

    token: Token | None
    environment_seen: Environment | None

    @property
    def origin(self) -> str:
        """Its address."""

    def environment(self) -> Environment:
        """Which home the server belongs to, and its version; needs no token."""

    def may_operate(self) -> bool:
        """Whether the token may send commands.

        Raises:
            AuthInvalid: The server does not know the token.
        """

    def exchange(self, pairing: Token, *, operate: bool = False) -> Token:
        """The bearer token for a one-time pairing token, with no more scope than is needed.

        Raises:
            AuthInvalid: It is unknown, used up or too old.
            ScopeMissing: The pairing does not grant the scope; it is not used up by that.
        """

    def thread_seen(self, thread_id: str) -> ThreadSeen:
        """What the server shows of the thread.

        Raises:
            AuthInvalid, ScopeMissing: The token may not look.
        """

    def send(self, action: Action, thread_id: str, command_id: str, about: Mapping[str, Any]) -> int:
        """Send one command about the thread, once; the sequence the event store reached. Stored, not done.

        Args:
            action: What is asked for.
            thread_id: The thread.
            command_id: Makes a repetition harmless.
            about: What the command names beside the thread; see ``Step``.

        Raises:
            CommandRejected: It is refused for good; a new attempt needs a new ``command_id``.
            NotDelivered: It never reached the server.
            NoAnswer, BadAnswer: It may have been stored; the same ``command_id`` may be sent again.
            AuthInvalid, ScopeMissing, NotFound: It was not stored.
        """

    def close(self) -> None:
        """Close its connections."""
