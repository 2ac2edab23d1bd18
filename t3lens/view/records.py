"""One record behind a mark, with its neighbours: what a click opens.

By default only metadata is shown: ids, types, states, times and what an error said. Texts of prompts, answers,
commands and files appear as their length, unless ``content`` is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.counted import counted
from t3lens.diagnose.story import what_helps
from t3lens.diagnose.wording import with_short_ids
from t3lens.domain.finding import Remedy
from t3lens.redact import Redactor, StreamedSecrets
from t3lens.redact.names import SHOWN_AT_ANY_LENGTH
from t3lens.store.bare_engine import with_relations
from t3lens.store.sql import listed
from t3lens.t3code.rule_names import rule_name, rule_words
from t3lens.t3code.v1.event_types import FREQUENT_TYPES, ITEM_COMPLETED, ITEM_STARTED
from t3lens.t3code.v1.log_grammar import CANONICAL, ORCHESTRATION
from t3lens.time import Micros, from_datetime
from t3lens.view.page.escape import plain

if TYPE_CHECKING:
    import duckdb

    from t3lens.store import Store

__all__ = ["Neighbour", "ShownRecord", "find_record", "metadata_only", "said_in"]

_LONGEST_MASKED: Final = 2_000_000
"""Of a longer record no text is shown: to look for secrets in it would keep the kernel busy for many seconds."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A record near the chosen one; ``key`` opens it, ``chosen`` marks the one in the middle."""

    key: str
    at: Micros | None
    lane: str
    title: str
    chosen: bool = False


@dataclass(frozen=True, slots=True)
class ShownRecord:
    """One record, ready to be shown as text.

    Attributes:
        key: The key it was found by.
        title: What it is.
        at: When, microseconds UTC.
        facts: Name and value pairs, in reading order.
        body: The payload as indented JSON (metadata only unless content was asked for), or empty.
        neighbours: What stands around it, in order.
        sql: The query that finds it, for going on in code.
    """

    key: str
    title: str
    at: Micros | None
    facts: tuple[tuple[str, str], ...]
    body: str
    neighbours: tuple[Neighbour, ...]
    sql: str


_LOG: Final = """
SELECT e.*, f.path AS file_path FROM log_events AS e JOIN source_files AS f USING (home_id, file_id)
WHERE e.home_id = $home AND e.file_id = $file AND e.line = $line
"""
_LOG_AROUND: Final = """
WITH here AS (
    SELECT thread_id, file_order, line FROM log_events WHERE home_id = $home AND file_id = $file AND line = $line
),
near AS (
    SELECT e.file_id, e.line, e.file_order, e.logged_at, e.label, e.type
    FROM log_events AS e, here AS h
    WHERE e.home_id = $home AND e.thread_id IS NOT DISTINCT FROM h.thread_id AND e.file_order = h.file_order
      AND e.line BETWEEN h.line - 40 AND h.line + 40
)
SELECT 'log:' || file_id || ':' || line AS key, logged_at, label, type FROM near
ORDER BY abs(line - $line), line LIMIT 13
"""
_LOG_PIECES: Final = """
SELECT line AS place, type, turn_id, item_id, payload FROM log_events
WHERE home_id = $home AND file_id = $file AND type IS NOT DISTINCT FROM $type AND line BETWEEN $line - 1000 AND $line + 1000
ORDER BY line
"""
"""What a record may be a piece of: its like, before it and after it."""
_EVENT_PIECES: Final = """
SELECT sequence AS place, event_type AS type, NULL AS turn_id, NULL AS item_id, payload FROM orchestration_events
WHERE home_id = $home AND stream_id IS NOT DISTINCT FROM $stream AND event_type = $type
  AND sequence BETWEEN $sequence - 1000 AND $sequence + 1000
ORDER BY sequence
"""
_EVENT: Final = """
SELECT * FROM orchestration_events WHERE home_id = $home AND sequence = $sequence
"""
_EVENT_AROUND: Final = f"""
SELECT 'event:' || sequence AS key, occurred_at, '{ORCHESTRATION}' AS label, event_type FROM orchestration_events
WHERE home_id = $home AND stream_id = $thread
ORDER BY abs(sequence - $sequence), sequence LIMIT 13
"""
_TURN: Final = """
SELECT * FROM turns WHERE home_id = $home AND thread_id = $thread
  AND (turn_id = $id OR (turn_id IS NULL AND 'row ' || row_id = $id))
"""
_EXPECTED_TURN: Final = """
SELECT * FROM expected_turns WHERE home_id = $home AND thread_id = $thread AND turn_id = $id AND rules = 'settle'
"""
_TURN_AROUND: Final = f"""
SELECT 'log:' || file_id || ':' || line AS key, logged_at, label, type FROM log_events
WHERE home_id = $home AND thread_id = $thread AND turn_id = $id AND label = '{CANONICAL}'
  AND type NOT IN ({listed(FREQUENT_TYPES)})
ORDER BY file_order, line LIMIT 40
"""
_ITEM_FIRST: Final = f"""
SELECT file_id, line FROM log_events
WHERE home_id = $home AND thread_id = $thread AND item_id = $id AND label = '{CANONICAL}'
ORDER BY type <> '{ITEM_COMPLETED}', type <> '{ITEM_STARTED}', file_order, line LIMIT 1
"""
_REQUEST_FIRST: Final = f"""
SELECT file_id, line FROM log_events
WHERE home_id = $home AND thread_id = $thread AND request_id = $id AND label = '{CANONICAL}'
ORDER BY file_order, line LIMIT 1
"""
_STEP: Final = """
SELECT * FROM transitions WHERE home_id = $home AND thread_id = $thread AND rules = $rules AND step = $step
"""
_STEP_AROUND: Final = """
SELECT 'step:' || rules || ':' || step AS key, occurred_at, rule, type || ': ' || why AS title FROM transitions
WHERE home_id = $home AND thread_id = $thread AND rules = $rules AND (applied OR step = $step)
ORDER BY abs(step - $step), step LIMIT 13
"""
_FINDING: Final = """
SELECT * FROM findings WHERE home_id = $home AND finding_id = $id
"""
_EVIDENCE: Final = """
SELECT coalesce('log:' || l.file_id || ':' || e.line,
                CASE WHEN e.kind = 'event' THEN 'event:' || coalesce(o.sequence::VARCHAR, e.key) END,
                CASE WHEN e.kind = 'record' THEN 'recorded:' || (
                    SELECT min(t.place) FROM record_turns AS t JOIN provider_records AS r USING (home_id, thread_id)
                    WHERE t.home_id = e.home_id AND t.thread_id = $thread AND r.path = e.source
                      AND (list_contains(t.marks ->> '$[*].line', e.line::VARCHAR)
                           OR list_contains(t.marks ->> '$[*].row', e.key))) END,
                '') AS key, e.occurred_at, e.kind, e.source || coalesce(':' || e.line, '') || '  ' || e.excerpt AS title
FROM evidence AS e
LEFT JOIN source_files AS l ON l.home_id = e.home_id AND l.path = e.source AND e.kind = 'log' AND e.line IS NOT NULL
LEFT JOIN orchestration_events AS o ON o.home_id = e.home_id AND o.event_id = e.event_id AND e.kind = 'event'
WHERE e.home_id = $home AND e.finding_id = $id
ORDER BY e.rank
"""
_ACTION: Final = """
SELECT * FROM actions WHERE home_id = $home AND thread_id = $thread AND action_id = $id
"""
_INCIDENT: Final = """
SELECT * FROM incidents WHERE home_id = $home AND thread_id = $thread AND incident_id = $id
"""
_INCIDENT_ENDS: Final = """
SELECT key, occurred_at, kind, title FROM (
    SELECT 'event:' || sequence AS key, occurred_at, 'event' AS kind, event_type AS title
    FROM orchestration_events WHERE home_id = $home AND event_id IN ($began, $ended)
    UNION ALL
    SELECT 'log:' || file_id || ':' || line, logged_at, 'log', type FROM log_events
    WHERE home_id = $home AND thread_id = $thread AND event_id IN ($began, $ended)
)
ORDER BY occurred_at, key
"""
_SESSION: Final = """
SELECT * FROM sessions WHERE home_id = $home AND thread_id = $thread
"""


_RECORDED: Final = """
SELECT t.* EXCLUDE (home_id, thread_id, marks), r.provider, r.session_id, r.path, r.builds, t.marks
FROM record_turns AS t JOIN provider_records AS r USING (home_id, thread_id)
WHERE home_id = $home AND thread_id = $thread AND place = $place
"""
_RECORDED_AROUND: Final = """
SELECT 'recorded:' || place AS key, coalesce(ended_at, started_at), outcome, coalesce(turn_id, 'turn ' || place)
FROM record_turns WHERE home_id = $home AND thread_id = $thread AND abs(place - $place) <= 6 ORDER BY place
"""


_ROWS: Final = {
    "attempt": ("run_attempts", "attempt_id", "started_at"),
    "provider-turn": ("provider_turns", "provider_turn_id", "started_at"),
    "node": ("nodes", "node_id", "started_at"),
    "effect": ("effects", "effect_id", "created_at"),
    "request": ("requests", "request_id", "opened_at"),
}
"""Marks that stand for one row of a view: the view, its key, and when the row began."""


def find_record(store: Store, home_id: str, thread_id: str | None, key: str, *, content: bool = False) -> ShownRecord | None:
    """The record that ``key`` (as marks carry it) names, or None if the store has none.

    Args:
        store: The store to read.
        home_id: The home it belongs to.
        thread_id: The thread it belongs to, where the key is only unique within one.
        key: ``log:FILE:LINE``, ``event:SEQUENCE``, ``turn:ID``, ``item:ID``, ``request:ID``, ``finding:ID``,
            ``step:RULES:N``, ``action:ID``, ``incident:ID``, ``note:ID``, ``session:row``; ``attempt``, ``provider-turn``,
            ``node`` or ``effect`` with its id (of the second data model); ``recorded:PLACE``, a turn of the agent's own
            record.
        content: Show texts of prompts, answers and commands too.
    """
    kind, _, rest = key.partition(":")
    with store.read() as con:
        finder = _Finder(con, home_id, thread_id, content)
        try:
            match kind:
                case "log":
                    file_id, _, line = rest.rpartition(":")
                    return finder.log(key, file_id, int(line))
                case "event":
                    return finder.event(key, int(rest))
                case "turn":
                    return finder.turn(key, rest)
                case "item":
                    return finder.first(_ITEM_FIRST, rest)
                case "request":
                    # of the second data model no record of a log names it
                    return finder.first(_REQUEST_FIRST, rest) or finder.row(key, kind, rest)
                case "attempt" | "provider-turn" | "node" | "effect":
                    return finder.row(key, kind, rest)
                case "recorded":
                    return finder.recorded(key, int(rest))
                case "step":
                    rules, _, step = rest.rpartition(":")
                    return finder.step(key, rules, int(step))
                case "finding":
                    return finder.finding(key, rest)
                case "action":
                    return finder.action(key, rest)
                case "incident":
                    return finder.incident(key, rest)
                case "note":
                    return finder.note(key, rest)
                case "session":
                    return finder.session(key)
        except ValueError:
            return None
    return None


def said_in(con: duckdb.DuckDBPyConnection, home_id: str, key: str) -> str:
    """What one ``log:FILE:LINE`` or ``event:SEQUENCE`` holds, as JSON, secrets masked, also those it holds a piece of."""
    return _Finder(con, home_id, None, content=True).said(key)


class _Finder:
    def __init__(self, con: duckdb.DuckDBPyConnection, home_id: str, thread_id: str | None, content: bool) -> None:
        self._con = con
        self._keys = {"home": home_id, "thread": thread_id}
        self._content = content

    def _row(self, query: str, **params: Any) -> dict[str, Any] | None:
        rows = self._all(query, params)
        return rows[0] if rows else None

    def _all(self, query: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        found = with_relations(self._con).sql(query, params=self._params(query, params))
        return found.to_arrow_table().to_pylist()  # type: ignore[no-any-return]

    def _params(self, query: str, params: dict[str, Any]) -> dict[str, Any]:
        given = {**self._keys, **params}
        return {name: value for name, value in given.items() if f"${name}" in query}

    def _neighbours(self, query: str, key: str, **params: Any) -> tuple[Neighbour, ...]:
        rows = [tuple(row.values()) for row in self._all(query, params)]
        if query in (_LOG_AROUND, _EVENT_AROUND, _STEP_AROUND):
            rows.sort(key=lambda row: int(row[0].rsplit(":", 1)[1]))
        steps = query == _STEP_AROUND
        return tuple(
            Neighbour(
                k, None if at is None else from_datetime(at), (rule_name(lane) if steps else lane) or "",
                plain(with_short_ids(title) if steps else title, 160), k == key,
            )
            for k, at, lane, title in rows
        )  # fmt: skip

    def log(self, key: str, file_id: str, line: int) -> ShownRecord | None:
        row = self._row(_LOG, file=file_id, line=line)
        if row is None:
            return None
        facts = _facts(
            row,
            ("label", "logged_at", "created_at", "turn_id", "item_id", "request_id", "event_id", "provider"),
        )
        place = f"{row['file_path']}, line {row['line']:,}, byte {row['byte_offset']:,}"
        query = _filled(
            "FROM log_events WHERE home_id = {} AND file_id = {} AND line = {}",
            self._keys["home"],
            file_id,
            line,
        )
        return ShownRecord(
            key, f"{row['type'] or 'record'}", _micros(row["logged_at"]),
            (*facts, ("where", plain(place, 300))), self._body(row["payload"], line, *_pieces_of_line(row)),
            self._neighbours(_LOG_AROUND, key, file=file_id, line=line), query,
        )  # fmt: skip

    def event(self, key: str, sequence: int) -> ShownRecord | None:
        row = self._row(_EVENT, sequence=sequence)
        if row is None:
            return None
        facts = _facts(row, ("sequence", "occurred_at", "actor_kind", "command_id", "event_id"))
        query = _filled(
            "FROM orchestration_events WHERE home_id = {} AND sequence = {}",
            self._keys["home"],
            sequence,
        )
        return ShownRecord(
            key, row["event_type"] or "stored event", _micros(row["occurred_at"]), facts,
            self._body(row["payload"], sequence, *_pieces_of_event(row)),
            self._neighbours(_EVENT_AROUND, key, sequence=sequence), query,
        )  # fmt: skip

    def turn(self, key: str, turn_id: str) -> ShownRecord | None:
        stored = self._row(_TURN, id=turn_id)
        expected = self._row(_EXPECTED_TURN, id=turn_id)
        if stored is None and expected is None:
            return None
        facts: list[tuple[str, str]] = [("turn", plain(turn_id))]
        for name, row in (("stored", stored), ("expected", expected)):
            if row is None:
                facts.append((name, "nothing"))
                continue
            facts.append((name, plain(row["state"])))
            facts += [
                (f"{name}: {label}", value)
                for label, value in _facts(
                    row,
                    ("requested_at", "started_at", "completed_at", "settled", "error", "terminal"),
                )
            ]
        shown = stored or expected or {}
        query = _filled(
            "FROM log_events WHERE home_id = {} AND thread_id = {} AND turn_id = {} ORDER BY file_order, line",
            self._keys["home"],
            self._keys["thread"],
            turn_id,
        )
        return ShownRecord(
            key, "turn", _micros(shown.get("started_at") or shown.get("requested_at")), tuple(facts), "",
            self._neighbours(_TURN_AROUND, key, id=turn_id), query,
        )  # fmt: skip

    def first(self, query: str, wanted: str) -> ShownRecord | None:
        row = self._row(query, id=wanted)
        if row is None:
            return None
        return self.log(f"log:{row['file_id']}:{row['line']}", row["file_id"], row["line"])

    def row(self, key: str, kind: str, wanted: str) -> ShownRecord | None:
        view, column, began = _ROWS[kind]
        row = self._row(f"SELECT * FROM {view} WHERE home_id = $home AND thread_id = $thread AND {column} = $id", id=wanted)
        if row is None:
            return None
        names = tuple(name for name in row if name not in ("home_id", "thread_id", "payload"))
        query = _filled(f"FROM {view} WHERE home_id = {{}} AND {column} = {{}}", self._keys["home"], wanted)
        return ShownRecord(
            key, kind.replace("-", " "), _micros(row[began]), _facts(row, names), self._body(row.get("payload")), (), query,
        )  # fmt: skip

    def recorded(self, key: str, place: int) -> ShownRecord | None:
        """A turn of the agent's own record; its body says where what it rests on stands, and nothing of what was said."""
        row = self._row(_RECORDED, place=place)
        if row is None:
            return None
        marks = row.pop("marks")
        query = _filled(
            "FROM record_turns WHERE home_id = {} AND thread_id = {} AND place = {}",
            self._keys["home"],
            self._keys["thread"],
            place,
        )
        return ShownRecord(
            key, f"turn in the agent's record: {row['outcome']}", _micros(row["ended_at"] or row["started_at"]),
            _facts(row, tuple(row)), self._body(marks), self._neighbours(_RECORDED_AROUND, key, place=place), query,
        )  # fmt: skip

    def step(self, key: str, rules: str, step: int) -> ShownRecord | None:
        row = self._row(_STEP, rules=rules, step=step)
        if row is None:
            return None
        facts = _facts(
            row,
            ("rules", "rule", "why", "applied", "from_status", "to_status", "from_turn", "to_turn", "turn_id",
             "event_id", "sequence"),
        )  # fmt: skip
        query = _filled(
            "FROM transitions WHERE home_id = {} AND thread_id = {} AND rules = {} ORDER BY step",
            self._keys["home"],
            self._keys["thread"],
            rules,
        )
        return ShownRecord(
            key, row["type"], _micros(row["occurred_at"]), facts, "",
            self._neighbours(_STEP_AROUND, key, rules=rules, step=step), query,
        )  # fmt: skip

    def finding(self, key: str, finding_id: str) -> ShownRecord | None:
        row = self._row(_FINDING, id=finding_id)
        if row is None:
            return None
        facts = _facts(
            row,
            ("severity", "confidence", "since", "turn_id", "summary", "explanation", "remedy"),
            900,
        )
        query = _filled(
            "FROM evidence WHERE home_id = {} AND finding_id = {} ORDER BY rank",
            self._keys["home"],
            finding_id,
        )
        return ShownRecord(
            key, row["code"], _micros(row["since"]), facts, "", self._neighbours(_EVIDENCE, key, id=finding_id), query,
        )  # fmt: skip

    def note(self, key: str, note_id: str) -> ShownRecord | None:
        row = self._row("SELECT * FROM notes WHERE home_id = $home AND note_id = $id", id=note_id)
        if row is None:
            return None
        query = _filled("FROM notes WHERE note_id = {}", note_id)
        return ShownRecord(key, "note", _micros(row["about"]), _facts(row, ("text", "written_at"), 2000), "", (), query)

    def action(self, key: str, action_id: str) -> ShownRecord | None:
        row = self._row(_ACTION, id=action_id)
        if row is None:
            return None
        names = (
            "outcome", "changed", "detail", "who", "why", "before", "after", "turn_id", "finished_at",
        )  # fmt: skip
        query = _filled("FROM actions WHERE action_id = {}", action_id)
        return ShownRecord(
            key, plain(f"{row['kind']}, {row['outcome']}", 120), _micros(row["started_at"]), _facts(row, names),
            "", (), query,
        )  # fmt: skip

    def incident(self, key: str, incident_id: str) -> ShownRecord | None:
        row = self._row(_INCIDENT, id=incident_id)
        if row is None:
            return None
        names = (
            "since", "until", "ended_by", "action_id", "seen_until", "turn_id", "message_id", "confidence", "summary",
        )  # fmt: skip
        began, ended = row["since_event_id"] or "", row["until_event_id"] or ""
        query = _filled("FROM incidents WHERE incident_id = {}", incident_id)
        return ShownRecord(
            key, plain(f"{row['verdict']}: {row['code']}", 120), _micros(row["since"]), _facts(row, names, 900), "",
            self._neighbours(_INCIDENT_ENDS, key, began=began, ended=ended), query,
        )  # fmt: skip

    def session(self, key: str) -> ShownRecord | None:
        row = self._row(_SESSION)
        if row is None:
            return None
        names = tuple(n for n in row if n not in ("home_id", "thread_id", "binding_resume_cursor"))
        query = _filled(
            "FROM sessions WHERE home_id = {} AND thread_id = {}",
            self._keys["home"],
            self._keys["thread"],
        )
        return ShownRecord(key, "session row", _micros(row["updated_at"]), _facts(row, names), "", (), query)

    def said(self, key: str) -> str:
        kind, _, rest = key.partition(":")
        file_id, _, place = rest.rpartition(":")
        row = self._row(_LOG, file=file_id, line=int(place)) if kind == "log" else self._row(_EVENT, sequence=int(place))
        if row is None:
            return ""
        pieces = _pieces_of_line(row) if kind == "log" else _pieces_of_event(row)
        value = _decoded(row["payload"])
        return "" if value is None else msgspec.json.encode(self._masked(value, int(place), *pieces)).decode()

    def _body(self, payload: str | None, place: int = 0, pieces: str = "", around: dict[str, Any] | None = None) -> str:
        value = _decoded(payload)
        if value is None:
            return ""
        shown = self._content and len(payload or "") <= _LONGEST_MASKED
        value = self._masked(value, place, pieces, around or {}) if shown else metadata_only(value)
        text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
        if self._content and not shown:
            size = counted(len(payload or ""), "character")
            text = f"{size}: too long to be searched for secrets, so texts are left out.\n{text}"
        return text if len(text) <= 20_000 else text[:20_000] + "\n…"

    def _masked(self, value: Any, place: int, pieces: str, around: dict[str, Any]) -> Any:
        """What was said, its secrets masked, also those that it holds a piece of."""
        redactor = Redactor(content=True)
        if pieces:
            streamed, own = StreamedSecrets(redactor), None
            for row in self._all(pieces, around):
                record = {name: row[name] for name in ("type", "turn_id", "item_id")} | {"payload": _decoded(row["payload"])}
                streamed.add(row["place"], record)
                own = record if row["place"] == place else own
            value = streamed.masked(place, own)["payload"] if own is not None else value
        return redactor.value(value)


def _pieces_of_line(row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What a log line may be a piece of, as a query and what it asks for."""
    return _LOG_PIECES, {"file": row["file_id"], "line": row["line"], "type": row["type"]}


def _pieces_of_event(row: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What a stored event may be a piece of, as a query and what it asks for."""
    return _EVENT_PIECES, {"sequence": row["sequence"], "type": row["event_type"], "stream": row["stream_id"]}


def _decoded(payload: str | None) -> Any:
    """A payload as values; None if it is none."""
    try:
        return msgspec.json.decode(payload) if payload else None
    except (msgspec.DecodeError, RecursionError):
        return None


def metadata_only(value: Any, name: str = "", depth: int = 0) -> Any:
    """``value`` with every text that could be a person's or a model's words replaced by its length."""
    if depth > 12:
        return "…"
    if isinstance(value, dict):
        return {plain(key, 60): metadata_only(part, str(key), depth + 1) for key, part in list(value.items())[:80]}
    if isinstance(value, list):
        return [metadata_only(part, name, depth + 1) for part in value[:40]]
    if isinstance(value, str):
        lower = name.lower()
        if lower in SHOWN_AT_ANY_LENGTH or lower.endswith("id"):
            return plain(value, 240)
        return f"‹{len(value):,} characters›"
    return value


def _as_it_is(text: str) -> str:
    return text


def _what_helps(remedy: str) -> str:
    """A remedy in words; what comes after a restart depends on the data model, and the story says it."""
    return what_helps(Remedy(remedy)) if remedy in _SAID_IN_WORDS else remedy


_SAID_IN_WORDS: Final = frozenset(Remedy) - {Remedy.RESTART_SERVER}
_WORDS: Final = {
    **dict.fromkeys(("why", "summary", "explanation", "detail"), with_short_ids),
    "rule": lambda rule: rule_words(rule).removeprefix("rule "), "remedy": _what_helps,
}  # fmt: skip
"""Facts that are sentences, or are told in words: whole ids stand in the evidence, and in facts of their own."""
_CALLED: Final = {"remedy": "what helps", "rules": "rules of"}


def _facts(row: dict[str, Any], names: tuple[str, ...], limit: int = 300) -> tuple[tuple[str, str], ...]:
    return tuple(
        (_CALLED.get(name, name.replace("_", " ")), _WORDS.get(name, _as_it_is)(_shown(row[name], limit)))
        for name in names
        if name in row and row[name] is not None and row[name] != ""
    )


def _shown(value: Any, limit: int) -> str:
    if hasattr(value, "isoformat"):
        return f"{value:%Y-%m-%d %H:%M:%S}.{value.microsecond // 1000:03d}Z"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return plain(", ".join(value), limit)
    if isinstance(value, (list, dict)):
        return plain(msgspec.json.encode(value, enc_hook=str).decode(), limit)
    return plain(value, limit)


def _micros(value: Any) -> Micros | None:
    return None if value is None else from_datetime(value)


def _filled(query: str, *values: object) -> str:
    """``query`` with literals in place, for a person to copy; never run as it stands here."""
    literals = [str(v) if isinstance(v, int) else "'" + str(v).replace("'", "''") + "'" for v in values]
    return query.format(*literals)
