"""What rules read: payloads of other stored events may stay in the database, and other log lines need not be unpacked,
where nobody will ask for them.

Most of an event store are activities: what tools were given and said. Rules read those that tell of an error, of a request
that failed or of a question, and all of a thread that works, as nothing else tells of it where it has no log. Any other is
known by its first bytes, as the server writes them; one that begins otherwise is read whole.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from t3lens.t3code.native.accepted_messages import taken_words
from t3lens.t3code.native.lifecycle_signs import sign_words
from t3lens.t3code.native.requests import is_asking
from t3lens.t3code.v1.event_types import (
    ACTIVITY_APPENDED,
    CANONICAL_LIFECYCLE_TYPES,
    ERROR_TONE,
    KNOWN_TYPES,
    PROVIDER_ACTIVITY_PREFIX,
    QUESTION_ACTIVITIES,
    STATE_TYPES,
)
from t3lens.t3code.v1.log_grammar import CANONICAL, NATIVE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["LEFT_OUT", "Needed", "head_of", "idle_activity", "is_idle", "read_by"]

LEFT_OUT: Final = frozenset({"stream_version", "causation_event_id", "correlation_id", "actor_kind", "metadata"})
"""Columns of events, by the store's names, that no rule of the first data model reads."""

_HEAD: Final = 256
"""Characters of a payload that tell what kind of activity it is: ids and the kind."""

_TEXT: Final = r'"[^"\\]*"'
_QUESTIONS: Final = "|".join(re.escape(kind) + '"' for kind in QUESTION_ACTIVITIES)
_IDLE: Final = re.compile(
    rf'\{{"threadId":{_TEXT},"activity":\{{"id":{_TEXT},(?:"createdAt":{_TEXT},)?'
    rf'"tone":(?!"{re.escape(ERROR_TONE)}"){_TEXT},"kind":(?!"{re.escape(PROVIDER_ACTIVITY_PREFIX)}|"(?:{_QUESTIONS})){_TEXT}'
)


def _sql_list(texts: Iterable[str]) -> str:
    return ", ".join("'" + text.replace("'", "''") + "'" for text in texts)


_STATES: Final = _sql_list(STATE_TYPES)


def head_of(payload: str, event_type: str) -> str:
    """SQL of the first characters of the payload of an activity.

    Of other events it is empty, and NULL where all of the payload is needed. The whole payload is loaded to get them, so
    that a damaged page below it is met.

    Args:
        payload: The column of payloads.
        event_type: The column that tells what an event is.
    """
    length = f"CASE WHEN {event_type} = '{ACTIVITY_APPENDED}' THEN {_HEAD} ELSE 0 END"
    return f"CASE WHEN {event_type} IN ({_STATES}) THEN NULL ELSE substr({payload}, 1, {length}) END"


def idle_activity(payload: str) -> str:
    """SQL that is true of the payloads of most activities that are of no concern to any rule, and of no others.

    Args:
        payload: The column of payloads. It is loaded whole.
    """
    return f"({' OR '.join(_plainly_idle(payload, made) for made in (_MADE, ''))})"


_ANY: Final = "?"
_MADE: Final = f'"createdAt":"{_ANY * 24}",'


def _plainly_idle(payload: str, made: str) -> str:
    """The same of those written in one form, by what stands where: much quicker than a pattern of texts is looked for.

    The first letters of tone and kind tell them from those that are read. Either is named but there.
    """
    one = f'[^"{ERROR_TONE[0]}]'
    other = f'[^"{"".join(sorted({kind[0] for kind in (PROVIDER_ACTIVITY_PREFIX, *QUESTION_ACTIVITIES)}))}]'
    before = f'{{"threadId":"{_ANY * 36}","activity":{{"id":"{_ANY * 36}",{made}'
    tone, kind = len(before) + 1, len(before) + len('"tone":"tool",') + 1
    return (
        f'({payload} GLOB \'{before}"tone":"{one}{_ANY * 3}","kind":"{other}*\' '
        f"AND instr({payload}, '\"tone\"') = {tone} AND instr({payload}, '\"kind\"') = {kind})"
    )


def read_by(label: str, kind: str | None) -> tuple[str, ...] | None:
    """By which words those log lines of a type can be told that a rule reads, one by one.

    Of the others it is enough to know when they were written.

    Args:
        label: What the line is.
        kind: The type of its record; unknown types are counted.

    Returns:
        Words of which one stands in each that is read, as JSON has it: no words if none is, None if any may be.
    """
    if kind is None:
        return None
    if label == CANONICAL:
        return None if kind in CANONICAL_LIFECYCLE_TYPES or kind not in KNOWN_TYPES else ()
    if label != NATIVE or is_asking(kind):
        return None
    signs, taken = sign_words(kind), taken_words(kind)
    return None if signs is None or taken is None else (*signs, *taken)


def is_idle(head: str) -> bool:
    """Whether an activity that begins so is of no concern to any rule."""
    return not head or _IDLE.match(head) is not None


@dataclass(frozen=True, slots=True)
class Needed:
    """What of the events of a database is read.

    Attributes:
        working: Ids of the threads that work: all their activities are read.
    """

    working: frozenset[str] = frozenset()

    def payload(self, payload: str, event_type: str, stream: str, also: Iterable[int] = (), key: str = "") -> str:
        """SQL of a payload, if it is needed.

        Args:
            payload: The column of payloads.
            event_type: The column that tells what an event is.
            stream: The column that tells whose it is.
            also: Keys of further events whose payloads are to be read,
            key: and the column of keys.
        """
        tests = [f"{event_type} IN ({_STATES})"]
        if self.working:
            tests.append(f"({event_type} = '{ACTIVITY_APPENDED}' AND {stream} IN ({_sql_list(sorted(self.working))}))")
        if wanted := ", ".join(map(str, also)):
            tests.append(f"{key} IN ({wanted})")
        return f"CASE WHEN {' OR '.join(tests)} THEN {payload} END"

    def only(self, events: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Events that were read row by row, without what no rule reads."""
        for event in events:
            kind, payload = event["event_type"], event["payload"]
            told = kind == ACTIVITY_APPENDED and (event["stream_id"] in self.working or not is_idle((payload or "")[:_HEAD]))
            if kind not in STATE_TYPES and not told:
                event["payload"] = None
            yield event | dict.fromkeys(LEFT_OUT)
