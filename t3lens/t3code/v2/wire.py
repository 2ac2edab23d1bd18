"""The second data model's wire: what is read over HTTP, and commands over a WebSocket that speaks Effect's RPC.

Measured on the branch build of 2026-08-07; what main of October adds is said at its place. Everything here is pure: what
is sent and what an answer says, not how it travels. Answers are input like any other: any JSON may stand anywhere.
The environment, the session, the tokens and the route of one thread are those of the first data model's wire.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from hashlib import sha256
from typing import Any, Final
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec

from t3lens.t3code.json_values import as_objects, as_text, as_time, as_whole
from t3lens.t3code.v2.words import (
    CAPABILITY_MESSAGE,
    QUESTION_ITEM,
    QUEUE_RESUME,
    QUEUED_PROMOTE,
    QUEUED_RUN_CANCEL,
    QUEUED_RUN_EDIT,
    QUEUED_RUN_REORDER,
    RESPOND,
    RUN_INTERRUPT,
    RUN_LIVE,
    SESSION_DETACH,
)
from t3lens.time import Micros

__all__ = [
    "PROTOCOL",
    "PROTOCOL_HEADER",
    "TICKET",
    "Answered",
    "QuestionShown",
    "Reply",
    "RequestShown",
    "RunShown",
    "SessionShown",
    "ThreadShown",
    "command",
    "frames",
    "projection_of",
    "reply_to",
    "request_frame",
    "snapshot_sequence",
    "socket_address",
    "text_mark",
    "thread_shown",
    "ticket_in",
]

PROTOCOL: Final = 2
"""The orchestration protocol. The branch of August does not name it; October answers 426 to a socket without it."""

PROTOCOL_HEADER: Final = "x-t3-orchestration-protocol"
"""October wants it on the orchestration routes; older servers do not look at it."""

TICKET: Final = "/api/auth/websocket-ticket"
"""Gives a ticket for one socket to the bearer of a token: one use, seconds to live."""

_SOCKET: Final = "/ws"
_SCHEMES: Final = {"http": "ws", "https": "wss"}
_DISPATCH: Final = "orchestration.dispatchCommand"
_SCOPE_WORDS: Final = ("orchestration:", "scope")


def ticket_in(answer: Mapping[str, Any]) -> str | None:
    """The ticket in an answer of ``TICKET``; None if there is none."""
    return as_text(answer.get("ticket"))


def socket_address(origin: str, ticket: str) -> str:
    """Where the socket of a server is, with the ticket that opens it: a secret, not to be logged.

    Args:
        origin: The server's origin, ``http://127.0.0.1:PORT``.
        ticket: The one-time ticket that ``TICKET`` handed out.
    """
    parts = urlsplit(origin)
    query = urlencode({"orchestrationProtocol": PROTOCOL, "wsTicket": ticket})
    return urlunsplit((_SCHEMES.get(parts.scheme, parts.scheme), parts.netloc, _SOCKET, query, ""))


# --- commands ----------------------------------------------------------------------------------------------------


def command(kind: str, command_id: str, thread_id: str, about: Mapping[str, Any]) -> dict[str, Any]:
    """A command about a thread.

    Args:
        kind: ``run.interrupt`` (about ``runId``; October also ``holdQueue``), ``provider-session.detach`` (about
            ``providerSessionId``), ``runtime-request.respond`` (about ``requestId``, with ``decision`` or ``answers``),
            ``queued-run.cancel`` (about ``runId``), ``queued-run.reorder`` (``runId``, ``beforeRunId`` or None for the
            end), ``queued-run.edit`` (``runId``, ``text``), ``queued-message.promote-to-steer`` (``queuedRunId``,
            ``targetRunId``) or ``queue.resume`` (October).
        command_id: Makes a repetition harmless.
        thread_id: The thread.
        about: What the command is about beside the thread.

    Raises:
        ValueError: The command is none of these, or what it must be about is missing.
    """
    needed = _ABOUT.get(kind)
    says_nothing = kind == RESPOND and not {"decision", "answers"} & about.keys()
    if needed is None or not needed <= about.keys() or says_nothing:
        raise ValueError(f"{kind!r} about {sorted(about)} is no command that is sent")
    return {"type": kind, "commandId": command_id, "threadId": thread_id, **about}


_ABOUT: Final[dict[str, frozenset[str]]] = {
    RUN_INTERRUPT: frozenset({"runId"}),
    SESSION_DETACH: frozenset({"providerSessionId"}),
    RESPOND: frozenset({"requestId"}),
    QUEUED_RUN_CANCEL: frozenset({"runId"}),
    QUEUED_RUN_REORDER: frozenset({"runId", "beforeRunId"}),
    QUEUED_RUN_EDIT: frozenset({"runId", "text"}),
    QUEUED_PROMOTE: frozenset({"queuedRunId", "targetRunId"}),
    QUEUE_RESUME: frozenset(),
}


def request_frame(request_id: str, payload: Mapping[str, Any]) -> str:
    """The text frame that asks a server to take a command.

    Args:
        request_id: Chosen freely; the answer names it.
        payload: The command.
    """
    frame = {"_tag": "Request", "id": request_id, "tag": _DISPATCH, "payload": payload, "headers": []}
    return msgspec.json.encode(frame).decode()


# --- answers -----------------------------------------------------------------------------------------------------


class Answered(StrEnum):
    """How a request over the socket was answered."""

    STORED = "stored"
    """The command is stored; its effect is still to come."""
    REFUSED = "refused"
    """The command was refused, and the server says why."""
    NO_SCOPE = "no-scope"
    """The token may not send commands."""
    BROKEN = "broken"
    """The server failed, or its answer is not understood: whether the command is stored is open."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a command.

    Attributes:
        how: How it was answered.
        sequence: Where the event store stood after it, if it is stored.
        reason: The server's own words, if it is not.
    """

    how: Answered
    sequence: int | None = None
    reason: str = ""


def frames(text: str | bytes) -> list[dict[str, Any]]:
    """The messages of one frame: one, or an array of them; none if it is no JSON of that kind."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []
    return list(as_objects(found if isinstance(found, list) else [found]))


def reply_to(request_id: str, message: Mapping[str, Any]) -> Reply | None:
    """What a message answers to a request; None if it answers another one, or none.

    Args:
        request_id: As it was sent.
        message: One of ``frames``.
    """
    tag = message.get("_tag")
    if tag == "Defect":  # of the connection as a whole: the server's own failure
        return Reply(how=Answered.BROKEN, reason=_said(message.get("defect")) or "the server failed")
    if tag != "Exit" or message.get("requestId") != request_id:
        return None
    ended = message.get("exit")
    if not isinstance(ended, dict):
        return Reply(how=Answered.BROKEN, reason="an exit that says nothing")
    if ended.get("_tag") == "Success":
        value = ended.get("value")
        sequence = as_whole(value.get("sequence")) if isinstance(value, dict) else None
        if sequence is None:
            return Reply(how=Answered.BROKEN, reason="it was taken, and no sequence was given")
        return Reply(how=Answered.STORED, sequence=sequence)
    return _failure(ended.get("cause"))


def _failure(cause: Any) -> Reply:
    parts = list(as_objects(cause if isinstance(cause, list) else [cause]))
    for part in parts:
        error = part.get("error")
        if part.get("_tag") != "Fail":
            continue
        reason = _said(error)
        tag = as_text(error.get("_tag")) if isinstance(error, dict) else None
        scope = tag is not None and "Scope" in tag
        if scope or (tag is not None and "Auth" in tag and any(word in reason for word in _SCOPE_WORDS)):
            return Reply(how=Answered.NO_SCOPE, reason=reason)
        return Reply(how=Answered.REFUSED, reason=reason)
    said = next((text for part in parts if (text := _said(part.get("defect")))), "")
    return Reply(how=Answered.BROKEN, reason=said or "the server failed")


def _said(value: Any) -> str:
    """The words of an error: its message, else its name."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return next((text for name in ("message", "detail", "_tag") if (text := as_text(value.get(name)))), "")
    return ""


# --- what a server shows of a thread -----------------------------------------------------------------------------


class RunShown(msgspec.Struct, frozen=True, kw_only=True):
    """A run: what a person's message set going.

    Attributes:
        run_id: Its id.
        ordinal: Its place in the thread, from 1.
        status: See ``RunStatus``.
        held: It waits until a person resumes the queue (October).
        place: Where it stands in the queue, if it is queued and has one.
        text_mark: Tells one text of a live run's message from another, without holding it.
    """

    run_id: str
    ordinal: int
    status: str
    held: bool = False
    place: int | None = None
    text_mark: str | None = None


class SessionShown(msgspec.Struct, frozen=True, kw_only=True):
    """A provider's session that is bound to the thread.

    Attributes:
        session_id: Its id.
        status: ``starting ready running waiting stopped error``; not to be used as "busy".
        driver: Name of its driver.
        last_error: What went wrong in it.
        updated_at: When it changed, microseconds UTC.
    """

    session_id: str
    status: str
    driver: str | None = None
    last_error: str | None = None
    updated_at: Micros | None = None


class QuestionShown(msgspec.Struct, frozen=True, kw_only=True):
    """One of the things that a question to a person asks.

    Attributes:
        question_id: Its id, by which it is answered.
        text: What is asked.
        options: Labels of what can be chosen; none if it asks for words.
        several: Whether more than one may be chosen.
        values: What is sent for each option, where that is not its label (October).
        words: Whether words of one's own may be said instead of an option.
        required: Whether it has to be answered.
    """

    question_id: str
    text: str = ""
    options: tuple[str, ...] = ()
    several: bool = False
    values: dict[str, str] = {}
    words: bool = True
    required: bool = True

    def sent(self, said: str) -> str:
        """What is sent for an option, or for words."""
        return self.values.get(said, said)


class RequestShown(msgspec.Struct, frozen=True, kw_only=True):
    """A question to a person.

    Attributes:
        request_id: Its id.
        kind: What is asked.
        status: ``pending resolved expired cancelled``.
        capability: How it can be answered: ``live``, ``message``, ``not_resumable``.
        asks: What it asks, if it asks for words.
    """

    request_id: str
    kind: str
    status: str
    capability: str | None = None
    asks: tuple[QuestionShown, ...] = ()

    @property
    def by_message(self) -> bool:
        """Whether its run does not wait for it: the answer becomes a message of its own, also when that run is over."""
        return self.capability == CAPABILITY_MESSAGE

    @property
    def question(self) -> bool:
        """Whether it asks for words, not for a yes or no."""
        return "input" in self.kind or "question" in self.kind


class ThreadShown(msgspec.Struct, frozen=True, kw_only=True):
    """A thread as the API or the database's rows give it; a row's payload is the API's entity.

    Attributes:
        title: Its title.
        archived: It is archived.
        deleted: It is deleted.
        runs: Its runs, in the order of their ordinals.
        provider_turns: Status by id.
        sessions: Those bound to it, in order of their change.
        requests: Its questions.
        updated_at: When it last changed, microseconds UTC.
    """

    title: str = ""
    archived: bool = False
    deleted: bool = False
    runs: tuple[RunShown, ...] = ()
    provider_turns: dict[str, str] = {}
    sessions: tuple[SessionShown, ...] = ()
    requests: tuple[RequestShown, ...] = ()
    updated_at: Micros | None = None


def text_mark(text: str) -> str:
    """What tells one text from another, without holding it."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def snapshot_sequence(answer: Mapping[str, Any]) -> int | None:
    """The newest sequence that an answer about one thread rests on."""
    return as_whole(answer.get("snapshotSequence"))


def projection_of(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The thread in an answer of its own route; None if it is none of this data model."""
    found = answer.get("projection")
    return found if isinstance(found, dict) and isinstance(found.get("thread"), dict) else None


def thread_shown(projection: Mapping[str, Any]) -> ThreadShown:
    """What a projection says: the API's, or one made of rows' payloads under the same names."""
    thread = projection.get("thread")
    head = thread if isinstance(thread, dict) else {}
    texts = {
        message_id: text
        for one in as_objects(projection.get("messages"))
        if (message_id := as_text(one.get("id"))) is not None and (text := as_text(one.get("text"))) is not None
    }
    runs = [
        RunShown(
            run_id=run_id,
            ordinal=as_whole(run.get("ordinal")) or 0,
            status=as_text(run.get("status")) or "",
            held=run.get("queueHeld") is True,
            place=as_whole(run.get("queuePosition")),
            text_mark=_mark_of(run, texts),
        )
        for run in as_objects(projection.get("runs"))
        if (run_id := as_text(run.get("id")))
    ]
    sessions = [
        SessionShown(
            session_id=session_id,
            status=as_text(one.get("status")) or "",
            driver=as_text(one.get("driver")),
            last_error=as_text(one.get("lastError")),
            updated_at=as_time(one.get("updatedAt")),
        )
        for one in as_objects(projection.get("providerSessions"))
        if (session_id := as_text(one.get("id")))
    ]
    return ThreadShown(
        title=as_text(head.get("title")) or "",
        archived=head.get("archivedAt") is not None,
        deleted=head.get("deletedAt") is not None,
        runs=tuple(sorted(runs, key=lambda run: run.ordinal)),
        provider_turns={
            turn_id: as_text(turn.get("status")) or ""
            for turn in as_objects(projection.get("providerTurns"))
            if (turn_id := as_text(turn.get("id")))
        },
        sessions=tuple(sorted(sessions, key=lambda one: one.updated_at or 0)),
        requests=tuple(_requests(projection)),
        updated_at=as_time(projection.get("updatedAt")) or as_time(head.get("updatedAt")),
    )


def _mark_of(run: Mapping[str, Any], texts: Mapping[str, str]) -> str | None:
    text = texts.get(as_text(run.get("userMessageId")) or "")
    return text_mark(text) if run.get("status") in RUN_LIVE and text is not None else None


def _requests(projection: Mapping[str, Any]) -> Iterator[RequestShown]:
    asked = {
        request_id: tuple(_asks(item.get("questions")))
        for item in as_objects(projection.get("turnItems"))
        if item.get("type") == QUESTION_ITEM and (request_id := as_text(item.get("requestId")))
    }
    for one in as_objects(projection.get("runtimeRequests")):
        request_id = as_text(one.get("id"))
        capability = one.get("responseCapability")
        if request_id is not None:
            yield RequestShown(
                request_id=request_id,
                kind=as_text(one.get("kind")) or "",
                status=as_text(one.get("status")) or "",
                capability=as_text(capability.get("type")) if isinstance(capability, dict) else None,
                asks=asked.get(request_id, ()),
            )


def _asks(value: Any) -> Iterator[QuestionShown]:
    for one in as_objects(value):
        question_id = as_text(one.get("id"))
        if question_id is not None:
            yield QuestionShown(
                question_id=question_id,
                text=as_text(one.get("question")) or "",
                options=tuple(label for option in as_objects(one.get("options")) if (label := as_text(option.get("label")))),
                several=one.get("multiSelect") is True,
                values={
                    label: value
                    for option in as_objects(one.get("options"))
                    if (label := as_text(option.get("label"))) and (value := as_text(option.get("value")))
                },
                words=one.get("allowCustomAnswer") is not False,
                required=one.get("required") is not False,
            )
