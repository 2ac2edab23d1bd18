"""The SQL that turns screened lines into rows of ``_log_events``: a fast statement and a careful one.

The fast one parses each line once and fails as a whole when a line is not as the server writes it: malformed,
with a key twice, with an event wrapped in another way. The careful one takes every form and leaves out what
only ``_lines`` can tell. All three must agree on what a record's columns are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from t3lens.store.sql import moment_in
from t3lens.t3code.native import codex, lifecycle_signs, requests
from t3lens.t3code.v1.event_types import CANONICAL_LIFECYCLE_TYPES, ITEM_COMPLETED, ITEM_STARTED, KEPT_PREFIXES
from t3lens.t3code.v1.log_grammar import CANONICAL, CREATED_AT, METHOD, PAYLOAD, RECORD_FIELDS, USUAL_EXTRA

__all__ = ["COLUMNS", "INSERT_CAREFUL", "INSERT_FAST", "INSERT_READ"]

COLUMNS: Final = (
    "home_id", "thread_id", "label", "logged_at", "created_at", "type", "event_id", "turn_id",
    "item_id", "request_id", "provider", "provider_instance_id", "provider_thread_id", "payload",
    "extra", "raw_source", "raw_method", "raw_event_id", "file_key", "line", "offset", "length",
)  # fmt: skip
"""Columns of ``_log_events``, in order."""

# Fields of a record, or of the event a native record wraps: JSON name and kind. Whatever else an object
# has goes to ``extra``.
_TEXTS: Final = (*(name for names in RECORD_FIELDS.values() for name in names), CREATED_AT)
_FIELDS: Final = dict.fromkeys(_TEXTS, "VARCHAR") | {PAYLOAD: "JSON"}
# The usual extra goes to ``extra`` too, but need not be looked for.
_ALL: Final = _FIELDS | dict.fromkeys(USUAL_EXTRA, "JSON")

# What a canonical record was made of. Its payload is kept in the native record.
_RAW: Final = {
    "source": "VARCHAR", "method": "VARCHAR", "messageType": "JSON", "payload": "JSON",
}  # fmt: skip


def _shape(fields: dict[str, str]) -> str:
    """Fields as members of what ``json_transform`` is told, without the braces."""
    return ", ".join(f'"{name}": "{kind}"' for name, kind in fields.items())


_OF_WRAPPER: Final = _FIELDS | {"raw": "JSON", "observedAt": "VARCHAR"}
_FLAT_SHAPE: Final = f'{{{_shape(_ALL)}, "raw": {{{_shape(_RAW)}}}}}'
_WHOLE_SHAPE: Final = f'{{{_shape(_OF_WRAPPER)}, "event": {{{_shape(_FIELDS)}}}}}'


def _accounted_bytes(source: str, fields: dict[str, str]) -> str:
    """Bytes the fields of an object take in compact JSON, as ``"name":value,`` each; absent ones none."""
    values, names = [], 0
    for name, kind in fields.items():
        text = f'{source}."{name}"' if kind == "VARCHAR" else f'{source}."{name}"::VARCHAR'
        size = len(f'"{name}":,') + (2 if kind == "VARCHAR" else 0)
        # Not null where the field is absent, but what cancels the size of its name out: the fewest steps.
        values.append(f"greatest(strlen({text}), {-size})")
        names += size
    return f"({' + '.join(values)} + {names})"


def _accounted_inside(name: str, source: str, fields: dict[str, str]) -> str:
    """The same for one field that is an object: ``"name":{…},``."""
    inside = _accounted_bytes(f"{source}.{name}", fields)
    around = len(f'"{name}":{{}}')
    return f"CASE WHEN {source}.{name} IS NULL THEN 0 ELSE {inside} + {around} END"


_NO_USUAL_EXTRA: Final = " AND ".join(f's."{name}" IS NULL' for name in USUAL_EXTRA)

# When it is the length of the body there are no other fields, and none is there twice. (Texts are taken to be
# strings: a number counts two bytes too many, and it takes three of those to hide a field.)
_FLAT_ACCOUNTED: Final = (
    f"{_accounted_bytes('s', _FIELDS)} + {_accounted_inside('raw', 's', _RAW)} + 1 "
    f"+ CASE WHEN {_NO_USUAL_EXTRA} THEN 0 ELSE {_accounted_bytes('s', dict.fromkeys(USUAL_EXTRA, 'JSON'))} END"
)
_WHOLE_ACCOUNTED: Final = f"{_accounted_bytes('s', _OF_WRAPPER)} + {_accounted_inside('event', 's', _FIELDS)} + 1"


def _has_repeated_key(keys: str) -> str:
    """Whether one of these keys is there twice: a reader of JSON takes the last, DuckDB the first."""
    return f"len({keys}) <> len(list_distinct({keys}))"


_TELLING: Final = sorted(
    {*CANONICAL_LIFECYCLE_TYPES, *lifecycle_signs.TYPES, *requests.TYPES} - {ITEM_STARTED, ITEM_COMPLETED}
)
"""Types of records that tell how a thread stands. Items and answers, which are many and long, say that it goes on."""


def _last_counts(payload: str, kind: str) -> str:
    """A payload in which no name stands twice: the last counts, as for whoever reads JSON in JavaScript or Python.

    DuckDB's paths take the first. A variant keeps the last, so it is shorter if a name is there twice; or if a number has
    more digits than it can hold, which is left as it is. Only of records that tell how a thread stands: to take all apart
    would take as long as reading them.
    """
    telling = f"{kind} IN ({', '.join(map(repr, _TELLING))})"
    telling += "".join(f" OR starts_with({kind}, '{prefix}')" for prefix in lifecycle_signs.PREFIXES)
    last = f"(({payload})::VARIANT)::JSON"
    return f"""
CASE WHEN {telling} THEN
    CASE WHEN strlen({last}) < strlen({payload}) THEN
        CASE WHEN regexp_matches({payload}, '[0-9]{{20}}') THEN {payload} ELSE {last} END
    ELSE {payload} END
ELSE {payload} END"""


def _other_members(keys: str, document: str, known: Iterable[str]) -> str:
    """Members of an object that are not known, as a list of ``"name":value``; their order is kept."""
    names = ", ".join(f"'{name}'" for name in known)
    pointer = "'/' || replace(replace(k, '~', '~0'), '/', '~1')"
    return (
        f"list_transform(list_filter({keys}, lambda k: k NOT IN ({names})), "
        f"lambda k: to_json(k)::VARCHAR || ':' || json_extract({document}, {pointer})::VARCHAR)"
    )


def _object(members: str) -> str:
    """A list of members as an object; null if there are none."""
    return f"CASE WHEN len({members}) > 0 THEN ('{{' || array_to_string({members}, ',') || '}}')::JSON END"


_JOINED_EXTRA: Final = (
    "'{' || concat_ws(',', " + ", ".join(f"""'"{name}":' || s."{name}"::VARCHAR""" for name in USUAL_EXTRA) + ") || '}'"
)

_FLAT_EXTRA: Final = f"""
CASE WHEN body_length = {_FLAT_ACCOUNTED} AND (s.raw IS NULL OR wrapped = 0)
        THEN CASE WHEN {_NO_USUAL_EXTRA} OR (s.payload IS NULL AND label <> '{CANONICAL}') THEN NULL
            ELSE ({_JOINED_EXTRA})::JSON END
     WHEN {_has_repeated_key("json_keys(body)")} OR list_has_any(json_keys(body), ['event', 'observedAt'])
        OR (wrapped = 1 AND list_contains(json_keys(body), 'raw'))
        OR coalesce({_has_repeated_key("json_keys(body, '$.raw')")}, false) THEN error('not a plain record')
     WHEN s.payload IS NULL AND label <> '{CANONICAL}' THEN NULL
     ELSE {_object(_other_members("json_keys(body)", "body", [*_FIELDS, "raw"]))}
END"""

# What the record itself says counts more than what the event it wraps says.
_OF_RECORD: Final = [*_FIELDS, "observedAt", "raw", "event"]
_WHOLE_OTHERS: Final = "list_concat({}, {})".format(
    _other_members(
        "list_filter(coalesce(json_keys(body, '$.event'), []), lambda k: NOT list_contains("
        f"list_filter(json_keys(body), lambda o: o NOT IN ({', '.join(map(repr, _OF_RECORD))})), k))",
        "(body -> 'event')",
        _FIELDS,
    ),
    _other_members("json_keys(body)", "body", _OF_RECORD),
)

_WHOLE_EXTRA: Final = f"""
CASE WHEN body_length = {_WHOLE_ACCOUNTED} THEN NULL
     WHEN s.payload IS NULL AND s.event.payload IS NULL AND label <> '{CANONICAL}' THEN NULL
     ELSE {_object(_WHOLE_OTHERS)}
END"""

_WHOLE_READABLE: Final = f"""
s IS NOT NULL AND NOT coalesce({_has_repeated_key("json_keys(s.raw)")}, false)
AND (body_length = {_WHOLE_ACCOUNTED} OR NOT ({_has_repeated_key("json_keys(body)")}
    OR coalesce({_has_repeated_key("json_keys(body, '$.event')")}, false)))"""


def _raw(transformed: str) -> dict[str, str]:
    """The pointer that stands for ``raw``. Codex' native event carries the canonical event's own id."""
    return {
        "raw_source": f"{transformed}.source",
        "raw_method": f"{transformed}.method",
        "raw_event_id": f"""
CASE WHEN {transformed} IS NULL THEN NULL
     WHEN starts_with({transformed}.source, '{codex.RAW_SOURCE_PREFIX}') THEN s."eventId"
     ELSE json_extract_string({transformed}.payload, '$.id')
END""",
    }


_FLAT_PAYLOAD: Final = f"""
CASE WHEN s.payload IS NOT NULL THEN {_last_counts("s.payload", "coalesce(s.type, s.method)")}
     WHEN label <> '{CANONICAL}' THEN body::JSON
END"""
_WHOLE_KIND: Final = "coalesce(s.type, s.method, s.event.type, s.event.method)"
_WHOLE_PAYLOAD: Final = f"""
CASE WHEN s.payload IS NOT NULL THEN {_last_counts("s.payload", _WHOLE_KIND)}
     WHEN s.event.payload IS NOT NULL THEN {_last_counts("s.event.payload", _WHOLE_KIND)}
     WHEN label = '{CANONICAL}' THEN NULL
     WHEN len(json_keys(body, '$.event')) > 0 THEN body -> 'event'
     ELSE body::JSON
END"""


def _moment(text: str) -> str:
    return f"make_timestamptz(epoch_us({moment_in(text)}))"


def _first_of_fields(*names: str) -> str:
    """The first of some fields that is there, of the object itself or of the event it wraps."""
    return "coalesce(" + ", ".join(f's."{n}", s.event."{n}"' for n in names) + ")"


def _method(payload: str) -> str:
    """What names a record below its payload, where nothing else does."""
    return f"CASE WHEN json_type({payload}, '$.{METHOD}') = 'VARCHAR' THEN {payload} ->> '$.{METHOD}' END"


_OF_FLAT: Final = {
    "thread_id": 'coalesce(s."threadId", default_thread)',
    "created_at": f"""CASE WHEN s."createdAt" IS NULL THEN observed_at ELSE {_moment('s."createdAt"')} END""",
    "type": f"coalesce(s.type, s.method, {_method('s.payload')})",
    "event_id": 'coalesce(s."eventId", s.id)',
    "turn_id": 's."turnId"',
    "item_id": 's."itemId"',
    "request_id": 's."requestId"',
    "provider": "s.provider",
    "provider_instance_id": 's."providerInstanceId"',
    "provider_thread_id": 's."providerThreadId"',
    "payload": _FLAT_PAYLOAD,
    "extra": _FLAT_EXTRA,
} | _raw("s.raw")
_OF_WHOLE: Final = {
    "thread_id": f"coalesce({_first_of_fields('threadId')}, default_thread)",
    "created_at": _moment(f"""coalesce({_first_of_fields("createdAt")}, s."observedAt")"""),
    "type": "coalesce(s.type, s.method, s.event.type, s.event.method, "
    f"{_method('s.payload')}, CASE WHEN s.payload IS NULL THEN {_method('s.event.payload')} END)",
    "event_id": _first_of_fields("eventId", "id"),
    "turn_id": _first_of_fields("turnId"),
    "item_id": _first_of_fields("itemId"),
    "request_id": _first_of_fields("requestId"),
    "provider": _first_of_fields("provider"),
    "provider_instance_id": _first_of_fields("providerInstanceId"),
    "provider_thread_id": _first_of_fields("providerThreadId"),
    "payload": _WHOLE_PAYLOAD,
    "extra": _WHOLE_EXTRA,
} | _raw("r")


def _select(of: dict[str, str], source: str, *, metadata_only: bool, where: str = "") -> str:
    of = {"home_id": "$home_id"} | of
    if metadata_only:
        about = " OR ".join(f"starts_with(s.type, '{prefix}')" for prefix in KEPT_PREFIXES)
        of["payload"] = f"CASE WHEN label = '{CANONICAL}' AND ({about}) THEN {of['payload']} END"
    columns = ", ".join(of.get(name, f'"{name}"') for name in COLUMNS)
    return f"INSERT INTO _log_events SELECT {columns} FROM ({source}) {where}"


def _fast_statement(*, metadata_only: bool) -> str:
    source = f"SELECT *, json_transform(body, '{_FLAT_SHAPE}') AS s FROM incoming"
    return _select(_OF_FLAT, source, metadata_only=metadata_only)


def _careful_statement(*, metadata_only: bool) -> str:
    source = f"""
SELECT *, CASE WHEN s.raw IS NOT NULL THEN json_transform(s.raw, '{{{_shape(_RAW)}}}') END AS r
FROM (SELECT *, TRY(json_transform(body, '{_WHOLE_SHAPE}')) AS s FROM incoming)"""
    where = f"WHERE {_WHOLE_READABLE}"
    return _select(_OF_WHOLE, source, metadata_only=metadata_only, where=where)


INSERT_FAST: Final = {flag: _fast_statement(metadata_only=flag) for flag in (False, True)}
"""Parses each line once; fails as a whole on one it is not made for. Keyed by metadata only."""

INSERT_CAREFUL: Final = {flag: _careful_statement(metadata_only=flag) for flag in (False, True)}
"""Leaves lines out that are malformed or ambiguous (the caller finds which). Keyed by metadata only."""

INSERT_READ: Final = "INSERT INTO _log_events SELECT " + ", ".join(f'"{c}"' for c in COLUMNS) + " FROM incoming"
"""Records the careful reader made."""
