"""The first data model's wire: routes, scopes, token exchange, commands, answers and errors of the HTTP API.

Measured on the servers 0.0.23 (May 2026), 0.0.28 (July) and 0.0.33 (August). Of the environment, the session and
the tokens the second data model's servers speak the same. Everything here is pure: what an answer says, not how it
is asked for. Answers are input like any other: any JSON may stand anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

import msgspec

from t3lens.t3code.json_values import as_objects, as_text, as_time, as_whole
from t3lens.t3code.v1.event_types import (
    APPROVAL_REQUESTED,
    APPROVAL_RESOLVED,
    APPROVAL_RESPOND_FAILED,
    FAILED_SUFFIX,
    PROVIDER_ACTIVITY_PREFIX,
)
from t3lens.time import Micros, iso

__all__ = [
    "ARCHIVE",
    "BEARER_FIELD",
    "BEARER_FIELD_OF_ROLES",
    "DISPATCH",
    "DISPATCH_FAILED",
    "ENVIRONMENT",
    "OPERATE",
    "PAIRING_TOKEN",
    "READ",
    "REFUSALS",
    "RESPOND",
    "SCOPE_REFUSALS",
    "SESSION",
    "SNAPSHOT",
    "STOP",
    "TOKEN",
    "TOKEN_COMMAND",
    "TOKEN_OF_ROLES",
    "UNARCHIVE",
    "EnvironmentShown",
    "FailureShown",
    "SessionShown",
    "ThreadShown",
    "TurnShown",
    "command",
    "environment_shown",
    "failure_detail",
    "failure_request",
    "may_operate",
    "missing_scope",
    "one_thread",
    "pairing_of_roles",
    "refusal",
    "sequence_reached",
    "snapshot_sequence",
    "thread_among",
    "thread_route",
    "thread_shown",
    "token_request",
]

# --- routes ------------------------------------------------------------------------------------------------------

ENVIRONMENT: Final = "/.well-known/t3/environment"
"""Which home the server belongs to, and its version; needs no token."""

SESSION: Final = "/api/auth/session"
"""Who the token is."""

SNAPSHOT: Final = "/api/orchestration/snapshot"
"""All projects and threads; newer builds leave messages and activities out."""

DISPATCH: Final = "/api/orchestration/dispatch"
"""Takes one command. 200 means stored, not done."""

TOKEN: Final = "/oauth/token"
"""Gives a bearer token for a pairing token; takes a form, answers JSON with 415."""

TOKEN_OF_ROLES: Final = "/api/auth/bootstrap/bearer"
"""The same where roles stand for scopes (0.0.23); takes JSON."""


def thread_route(thread_id: str) -> str:
    """The route of one thread with its activities. Unknown, deleted and archived threads are 404 there."""
    return f"/api/orchestration/threads/{quote(thread_id, safe='')}"


# --- tokens ------------------------------------------------------------------------------------------------------

READ: Final = "orchestration:read"
"""The scope that looking needs."""

OPERATE: Final = "orchestration:operate"
"""The scope that acting needs."""

PAIRING_TOKEN: Final = re.compile(r"[0-9A-Z]{8,16}")
"""What a one-time pairing token looks like; bearer tokens are longer and have small letters."""

TOKEN_COMMAND: Final = "t3 auth session issue --token-only"
"""T3 Code's own command that prints a bearer token."""

BEARER_FIELD: Final = "access_token"
"""Where the answer of ``TOKEN`` has the bearer token."""

BEARER_FIELD_OF_ROLES: Final = "sessionToken"
"""Where the answer of ``TOKEN_OF_ROLES`` has it."""

_ROLES_THAT_OPERATE: Final = ("owner", "client")


def token_request(pairing: str, *, operate: bool, label: str) -> dict[str, str]:
    """The form that ``TOKEN`` takes.

    Args:
        pairing: The pairing token; good for one exchange, and not used up by a scope that is refused.
        operate: Ask for the scope that acting needs, too.
        label: What the token is called in T3 Code's list of clients.
    """
    return {
        "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
        "subject_token": pairing,
        "subject_token_type": "urn:t3:params:oauth:token-type:environment-bootstrap",
        "requested_token_type": "urn:ietf:params:oauth:token-type:access_token",
        "scope": f"{READ} {OPERATE}" if operate else READ,
        "client_label": label,
        "client_device_type": "bot",
    }


def pairing_of_roles(pairing: str) -> dict[str, str]:
    """The JSON that ``TOKEN_OF_ROLES`` takes."""
    return {"credential": pairing}


def may_operate(session: Mapping[str, Any]) -> bool | None:
    """Whether an answer of ``SESSION`` lets its token send commands; None if the server does not know the token."""
    if session.get("authenticated") is not True:
        return None
    scopes = session.get("scopes")
    if isinstance(scopes, list):
        return OPERATE in scopes
    return session.get("role") in _ROLES_THAT_OPERATE


# --- commands ----------------------------------------------------------------------------------------------------

STOP: Final = "thread.session.stop"
UNARCHIVE: Final = "thread.unarchive"
ARCHIVE: Final = "thread.archive"
RESPOND: Final = "thread.approval.respond"
"""Answers an approval."""

_WITH_TIME: Final = frozenset({STOP, RESPOND})
"""Commands whose schema asks for ``createdAt`` (which the server overwrites)."""

_DECLINE: Final = "decline"

REFUSALS: Final = (_DECLINE, "cancel")
"""What ``decision`` of an answer lets nothing happen."""


def command(
    kind: str,
    command_id: str,
    thread_id: str,
    at: Micros,
    *,
    request_id: str | None = None,
    decision: str | None = None,
) -> dict[str, Any]:
    """A command about a thread, as ``DISPATCH`` takes it.

    Args:
        kind: ``STOP``, ``UNARCHIVE``, ``ARCHIVE`` or ``RESPOND``.
        command_id: Makes a repetition harmless, for ever: the server answers with what the first one came to.
        thread_id: The thread.
        at: Now, microseconds UTC.
        request_id: The approval that ``RESPOND`` answers,
        decision: and what is decided: ``accept``, ``acceptForSession``, ``decline`` (the default) or ``cancel``.
    """
    body: dict[str, Any] = {"type": kind, "commandId": command_id, "threadId": thread_id}
    if kind in _WITH_TIME:
        body["createdAt"] = iso(at)
    if kind == RESPOND:
        body |= {"requestId": request_id, "decision": decision or _DECLINE}
    return body


def sequence_reached(answer: Mapping[str, Any]) -> int | None:
    """Where the event store stood after a command, by the answer of ``DISPATCH``; None if it does not say."""
    return as_whole(answer.get("sequence"))


# --- errors ------------------------------------------------------------------------------------------------------

SCOPE_REFUSALS: Final = ("scope_not_granted", "invalid_scope")
"""Reasons of a token exchange that asked for more than the pairing grants."""

DISPATCH_FAILED: Final = "orchestration_dispatch_failed"
"""Reason of a command that is refused; the reason for that stands in the command's receipt alone."""

_REASON_FIELDS: Final = ("reason", "code", "error", "_tag")


def refusal(answer: Mapping[str, Any]) -> str:
    """Why a request was refused, in the server's own word, the most telling one; empty if it gives none."""
    return next((text for name in _REASON_FIELDS if (text := as_text(answer.get(name)))), "")


def missing_scope(answer: Mapping[str, Any]) -> str:
    """The scope whose lack a refused request is told of."""
    found = answer.get("requiredScope")
    return found if isinstance(found, str) else OPERATE


# --- answers -----------------------------------------------------------------------------------------------------


class EnvironmentShown(msgspec.Struct, frozen=True, kw_only=True):
    """What a server says of itself to anybody.

    Attributes:
        environment_id: The home it belongs to.
        version: Its version.
        label: The machine's name for people.
        protocol: The orchestration protocol it names, if it names one.
    """

    environment_id: str
    version: str | None
    label: str | None
    protocol: int | None


def environment_shown(answer: Mapping[str, Any]) -> EnvironmentShown | None:
    """What an answer of ``ENVIRONMENT`` says; None if it is no T3 Code server's."""
    found = as_text(answer.get("environmentId"))
    if found is None:
        return None
    version, label = answer.get("serverVersion"), answer.get("label")
    protocol = answer.get("orchestrationProtocolVersion")
    return EnvironmentShown(
        environment_id=found,
        version=version if isinstance(version, str) else None,
        label=label if isinstance(label, str) else None,
        protocol=protocol if isinstance(protocol, int) and not isinstance(protocol, bool) else None,
    )


class SessionShown(msgspec.Struct, frozen=True, kw_only=True):
    """A thread's session as the API gives it.

    Attributes:
        status: Stored status.
        active_turn_id: Stored active turn.
        last_error: Stored last error.
        updated_at: When it was written, by its own word; microseconds UTC.
        provider: Driver name.
    """

    status: str
    active_turn_id: str | None
    last_error: str | None
    updated_at: Micros | None
    provider: str | None


class TurnShown(msgspec.Struct, frozen=True, kw_only=True):
    """A turn: its id and stored state."""

    turn_id: str
    state: str


class FailureShown(msgspec.Struct, frozen=True, kw_only=True):
    """An activity that reports an accepted command that did not work.

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


class ThreadShown(msgspec.Struct, frozen=True, kw_only=True):
    """A thread as the API gives it.

    Attributes:
        title: Its title.
        archived: It is archived.
        deleted: It is deleted.
        session: Its session, if it has one.
        latest_turn: Its latest turn. None for 0.3–1 s after every turn, and for good after stopped or crashed ones
            without a checkpoint: that is not "no turn".
        failures: Activities that report a failed command; a light snapshot has none.
        open_requests: Approvals that nobody resolved, by the activities; None where these are not shown.
        answered: Approvals whose answer the provider took.
        updated_at: When it last changed, microseconds UTC.
    """

    title: str
    archived: bool
    deleted: bool
    session: SessionShown | None
    latest_turn: TurnShown | None
    failures: tuple[FailureShown, ...]
    open_requests: tuple[str, ...] | None
    answered: tuple[str, ...]
    updated_at: Micros | None


def snapshot_sequence(answer: Mapping[str, Any]) -> int | None:
    """The newest sequence that a snapshot, or an answer about one thread, rests on."""
    return as_whole(answer.get("snapshotSequence"))


def one_thread(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The thread in an answer of its own route; None if there is none."""
    found = answer.get("thread")
    return found if isinstance(found, dict) else None


def thread_among(answer: Mapping[str, Any], thread_id: str) -> dict[str, Any] | None:
    """The thread in a snapshot; None if it is not there."""
    threads = as_objects(answer.get("threads"))
    return next((thread for thread in threads if thread.get("id") == thread_id), None)


def thread_shown(thread: Mapping[str, Any]) -> ThreadShown:
    """What the API's object for a thread says."""
    session, turn = thread.get("session"), thread.get("latestTurn")
    failures = tuple(_failures(thread.get("activities")))
    asked = _requests(thread.get("activities"), APPROVAL_REQUESTED)
    answered = _requests(thread.get("activities"), APPROVAL_RESOLVED)
    over = {*answered, *(failure.request_id for failure in failures if failure.kind == APPROVAL_RESPOND_FAILED)}
    return ThreadShown(
        title=as_text(thread.get("title")) or "",
        archived=thread.get("archivedAt") is not None,
        deleted=thread.get("deletedAt") is not None,
        session=_session(session) if isinstance(session, dict) else None,
        latest_turn=_turn(turn) if isinstance(turn, dict) else None,
        failures=failures,
        # without one activity it may be a light snapshot, which shows none of them
        open_requests=tuple(one for one in asked if one not in over) if thread.get("activities") else None,
        answered=answered,
        updated_at=as_time(thread.get("updatedAt")),
    )


def failure_detail(payload: Any, kind: str) -> str:
    """The reason that the activity of a failed command gives, else its kind."""
    return (as_text(payload.get("detail")) if isinstance(payload, dict) else None) or kind


def failure_request(payload: Any) -> str | None:
    """The request that an activity is about, if it is about one."""
    return as_text(payload.get("requestId")) if isinstance(payload, dict) else None


def _session(session: Mapping[str, Any]) -> SessionShown:
    return SessionShown(
        status=as_text(session.get("status")) or "",
        active_turn_id=as_text(session.get("activeTurnId")),
        last_error=as_text(session.get("lastError")),
        updated_at=as_time(session.get("updatedAt")),
        provider=as_text(session.get("providerName")),
    )


def _turn(turn: Mapping[str, Any]) -> TurnShown | None:
    turn_id = as_text(turn.get("turnId"))
    if turn_id is None:
        return None
    return TurnShown(turn_id=turn_id, state=as_text(turn.get("state")) or "")


def _failures(activities: Any) -> Iterator[FailureShown]:
    for activity in as_objects(activities):
        kind = as_text(activity.get("kind")) or ""
        if kind.startswith(PROVIDER_ACTIVITY_PREFIX) and kind.endswith(FAILED_SUFFIX):
            yield FailureShown(
                activity_id=str(activity.get("id")),
                kind=kind,
                detail=failure_detail(activity.get("payload"), kind),
                request_id=failure_request(activity.get("payload")),
            )


def _requests(activities: Any, kind: str) -> tuple[str, ...]:
    """The requests that activities of a kind are about, each once, in their order."""
    found = (failure_request(one.get("payload")) for one in as_objects(activities) if one.get("kind") == kind)
    return tuple(dict.fromkeys(request for request in found if request is not None))
