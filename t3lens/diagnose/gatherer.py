"""From the store to facts: one pass of set-based queries per home, plain records out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from t3lens.diagnose import queries
from t3lens.diagnose.asked_ahead import AskedAhead, ToAsk
from t3lens.diagnose.completeness import lost_of_logs, schema_as_found
from t3lens.diagnose.facts import (
    ApprovalRow,
    Binding,
    Database,
    Failure,
    HomeFacts,
    Input,
    LogLine,
    ModelInUse,
    NativeAsk,
    NativeSign,
    Question,
    RecordFacts,
    RecordTurn,
    SessionRow,
    ThreadFacts,
    ThreadRow,
    TurnRow,
)
from t3lens.diagnose.home_queries import QueriedHome, Row
from t3lens.diagnose.outdated import set_aside_if_outdated
from t3lens.diagnose.payloads import LoggedPayloads
from t3lens.diagnose.record_facts import logged, stored
from t3lens.diagnose.streams import Streams, rows_of
from t3lens.diagnose.time_limit import TookTooLong
from t3lens.domain.event import Event
from t3lens.errors import InputError
from t3lens.places import local_copy
from t3lens.store.bare_engine import with_relations
from t3lens.t3code.data_model import Signs, Standing, standing
from t3lens.t3code.home_layout import STATE_SQLITE
from t3lens.t3code.native.lifecycle_signs import sign_of
from t3lens.t3code.native.record import NativeRecord, NativeSays
from t3lens.t3code.v1.event_types import (
    CANONICAL_LIFECYCLE_TYPES,
    KNOWN_TYPES,
    PROVIDER_ACTIVITY_PREFIX,
    THREAD_STARTED,
    USER_INPUT_REQUESTED,
    USER_INPUT_RESOLVED,
)
from t3lens.t3code.v1.log_grammar import NATIVE
from t3lens.t3code.v1.schema import (
    COMMAND_RECEIPTS,
    ORCHESTRATION_EVENTS,
    PROJECTION_THREAD_SESSIONS,
    PROJECTION_THREADS,
    PROJECTION_TURNS,
    PROVIDER_SESSION_RUNTIME,
)
from t3lens.time import Micros

if TYPE_CHECKING:
    import duckdb

    from t3lens.diagnose.options import Thresholds
    from t3lens.store import Store

__all__ = ["Gatherer", "find_standing", "until_of", "why_cut_off"]

_LIFECYCLE: list[str] = sorted(CANONICAL_LIFECYCLE_TYPES)
_LOSSES = ("quarantined", "rotation_gaps")
_DATABASE = (
    "row",
    "session",
    "binding",
    "turns",
    "pending",
    "approvals",
    "stored",
    "anchors",
    "failures",
    "errors",
    "questions",
    "outdated",
)
"""What of a thread's facts comes from the database alone."""
_NOBODY = ThreadFacts(home_id="", thread_id="")
"""Before the first row of a query: no thread is called so."""

_SMALL = 20_000
"""Log lines and stored events of a home that make columns worth while."""
_PROJECTIONS = (queries.THREADS, queries.SESSIONS, queries.BINDINGS, queries.TURNS, queries.APPROVALS)
_NO_SEQUENCE = 2**62
"""Behind every event."""


def find_standing(store: Store, home_id: str, protocol: int | None) -> Standing:
    """Which data model wrote a home, whether it can be judged, and what is to be said: as the store knows it now.

    Args:
        store: Where it was ingested.
        home_id: Id of the home.
        protocol: The orchestration protocol its server names, if it names one.
    """
    with store.read() as con:
        asked = QueriedHome(con, home_id)
        return _standing(_signs(asked, protocol), why_cut_off(store, asked))


def why_cut_off(store: Store, asked: QueriedHome) -> str | None:
    """Why a reading of a home that was begun, and is not going on, did not come to its end; None if it did."""
    if store.being_filled:
        return None
    marked = asked.rows(queries.UNFINISHED)
    return marked[0][0] if marked and not store.being_filled else None


def until_of(con: duckdb.DuckDBPyConnection, home_id: str, moment: Micros, thresholds: Thresholds) -> queries.Until | None:
    """Which of a home's records are those up to a moment.

    Args:
        con: A connection to the store.
        home_id: Id of the home.
        moment: Microseconds UTC.
        thresholds: Only the clock threshold is used here.

    Returns:
        None where no date tells: the clock was set back over the moment.
    """
    asked = {"home": home_id, "moment": moment}
    if con.execute(queries.CLOCK_SET_BACK_OVER, asked | {"clock": thresholds.clock}).fetchall()[0][0]:
        return None
    rows = con.execute(queries.FIRST_AFTER, asked).fetchall()
    return queries.Until(moment, rows[0][0])


def _standing(signs: Signs, cut_off: str | None) -> Standing:
    found = standing(signs)
    return found.not_whole(cut_off) if cut_off is not None else found


def _signs(asked: QueriedHome, protocol: int | None) -> Signs:
    kept = asked.rows(queries.SIGNS)
    signs = msgspec.json.decode(kept[0][0], type=Signs) if kept else Signs()
    # where a database was read it tells, and reading all logs for this takes long
    told = bool(signs.tables) or bool(signs.migrations)
    records = False if told else bool(asked.rows(queries.PROTOCOL_RECORDS, nothing=(False,))[0][0])
    return signs.seen_by(protocol, protocol_records=records)


class Gatherer:
    """Reads a home of the first data model out of the store; what differs in the second is overridden there."""

    model = ModelInUse.FIRST
    of_database: tuple[str, ...] = _DATABASE
    of_records: frozenset[str] = queries.OF_RECORDS

    def __init__(
        self,
        asked: QueriedHome,
        thresholds: Thresholds,
        threads: list[str] | None,
        protocol: int | None,
        until: Micros | None = None,
        *,
        cut_off: str | None = None,
        failure: Exception | None = None,
        connections: Callable[[], duckdb.DuckDBPyConnection] | None = None,
    ) -> None:
        self._cut_off = cut_off
        self._connections = connections
        self._ahead: AskedAhead | None = None
        self._failure = failure
        self._asked = asked
        self._con = asked.con
        self._home_id = asked.home_id
        self._thresholds = thresholds
        self._protocol = protocol
        self._threads = threads
        self._facts: dict[str, ThreadFacts] = {}
        self._newest: int | None = None
        self._many = False
        self._logged = True
        self._streams: Streams | None = None
        self._until = until_of(asked.con, asked.home_id, until, thresholds) if until is not None else None

    def _rows(self, sql: str, *, nothing: Row | None = None, **params: Any) -> Iterator[Row]:
        """Rows of a query; where homes are asked about together and nothing is there to be counted: ``nothing``."""
        if self._asked.together is not None:
            return iter(self._asked.rows(sql, params, nothing=nothing))
        if self._asked.beside is not None and (rows := self._asked.beside.rows(sql, self._threads, params)) is not None:
            return rows
        if self._streams is not None and sql in self.of_records:
            return self._streams.rows(sql, params | {"home": self._home_id}, self._threads or [])
        asked = self._question(sql, params)
        if self._ahead is not None and (answer := self._ahead.table(asked)) is not None:
            return rows_of(answer)
        if self._is_small:  # what counts is to ask quickly
            return iter(self._con.execute(asked.statement, asked.params).fetchall())
        return rows_of(with_relations(self._con).sql(asked.statement, params=asked.params).to_arrow_table())

    def _question(self, sql: str, params: Mapping[str, Any]) -> ToAsk:
        restricted, values = queries.only(sql, self._threads, self._until)
        if "$home" in restricted:
            values["home"] = self._home_id
        return ToAsk(sql, restricted, values | dict(params))

    def _ask_ahead(self, home: HomeFacts) -> None:
        """Have a large home asked what it will be asked anyway, while what it answers becomes facts."""
        by_itself = self._asked.together is None and self._asked.beside is None and self._threads is None
        if self._connections is None or not by_itself or self._is_small or self.model is not ModelInUse.FIRST:
            return
        asked: list[tuple[str, dict[str, Any]]] = []
        if home.has_logs:
            asked += [(queries.THREAD_LOGS_OF_MANY, {}), (queries.TRUNCATED, {}), (queries.CANONICAL, {"types": _LIFECYCLE})]
            asked.append((queries.NATIVE, {}))
        if home.has_database:
            newest = {"snapshot": self._newest_snapshot()}
            asked += [(queries.ANCHORS if home.has_logs else queries.INGESTED, {}), (queries.STORED, {})]
            asked += [(queries.ACTIVITIES, {}), *((sql, newest) for sql in _PROJECTIONS), (queries.STORE_TOTALS, {})]
            asked += [(queries.WITHOUT_RECEIPT, {}), (queries.CLOCK_FALLS, {"clock": self._thresholds.clock})]
        asked += [(queries.UNKNOWN_TYPES, {}), (queries.MAY_BE_RESTARTED, {}), (queries.SERVER_RUNS, {})]
        where = {queries.SERVER_RUNS: queries.MAY_BE_RESTARTED}
        questions = [replace(self._question(sql, params), where=where.get(sql)) for sql, params in asked]
        self._ahead = AskedAhead(self._connections(), questions)

    def close(self) -> None:
        """Let go of what was asked ahead."""
        if self._ahead is not None:
            self._ahead.close()

    @cached_property
    def _is_small(self) -> bool:
        """Whether answers are so short that planning a query takes longer than its rows."""
        if self._threads is not None:
            return not self._many
        if self._asked.beside is not None:
            return False
        return bool(self._con.execute(queries.IS_SMALL, {"home": self._home_id, "most": _SMALL}).fetchall()[0][0])

    def _snapshot(self, sql: str) -> Iterator[Row]:
        """Rows of a projection in the home's newest snapshot."""
        newest = self._newest_snapshot()
        if self._asked.together is not None:
            return iter(self._asked.rows(sql, whose=newest)) if newest is not None else iter(())
        return self._rows(sql, snapshot=newest)

    def _newest_snapshot(self) -> int | None:
        if self._newest is None:
            ((self._newest,),) = self._rows(queries.NEWEST_SNAPSHOT, nothing=(None,))
        return self._newest

    def _thread(self, thread_id: str) -> ThreadFacts:
        facts = self._facts.get(thread_id)
        if facts is None:
            facts = self._facts[thread_id] = ThreadFacts(home_id=self._home_id, thread_id=thread_id)
        return facts

    def home(self, *, brief: bool = False) -> HomeFacts:
        """All of the home.

        Args:
            brief: Whether to leave out the records of its threads, one by one most of it: ``records`` reads them.
        """
        row = next(self._rows(queries.HOME), None)
        if row is None:
            raise InputError(f"the store has no home {self._home_id!r}; ingest it first", code="unknown-home")
        path, kind, has_database, has_logs, error, generation, migrations, version, started = row
        faults = self._asked.rows(queries.FAULTS)
        damaged, missing = faults[0] if faults else (False, ())
        home = HomeFacts(
            home_id=self._home_id,
            path=path,
            kind=kind,
            has_database=bool(has_database),
            has_logs=bool(has_logs),
            database_error=error,
            database_damaged=damaged,
            missing_tables=frozenset(missing),
            generation=generation,
            migrations=migrations,
            server_version=version,
            runtime_started_at=started,
            model=self.model,
        )
        home.databases = [
            Database(name, model, in_use, why, at, sure, msgspec.json.decode(only, type=list[str]))
            for name, model, in_use, why, at, sure, only in self._rows(queries.DATABASES)
        ]
        home.marks, home.database_seen_at = self._marks()
        home.signs = _signs(self._asked, self._protocol)
        home.standing = _standing(home.signs, self._cut_off)
        if self._failure is not None:
            late = isinstance(self._failure, TookTooLong)
            home.standing = (
                home.standing.too_long(str(self._failure)) if late else home.standing.not_understood(self._failure)
            )
        if self._until is not None:
            home.until = self._until
            asked = {"home": self._home_id, "moment": self._until.moment, "cut": self._first_later_sequence()}
            ((home.next_at,),) = self._con.execute(queries.NEXT_AFTER, asked).fetchall()
        if home.standing.cannot_judge is not None:
            return self._named(home)
        if not brief:
            self._ask_ahead(home)
        if has_logs:
            self._log_totals()
            self._lost()
        if not brief:
            self._recorded(home)
        if has_database:
            self._projections()
            if not brief:
                self._turns()
            self._records()
            self._totals(home)
        if not brief:
            self._waited_for(home)
        for thread_id in self._went_on():
            self._thread(thread_id).went_on = True
        home.threads = {key: self._facts[key] for key in sorted(self._facts)}
        if has_database and has_logs and self.model is ModelInUse.FIRST and not brief:
            looked = self._until.moment if self._until is not None else home.database_seen_at
            set_aside_if_outdated(home, _DATABASE, looked or 0, self._thresholds.micros("settle"))
        self._files(home)
        newest = [facts.last_log.at for facts in self._facts.values() if facts.last_log]
        newest += [facts.session.updated_at for facts in self._facts.values() if facts.session]
        home.newest_at = max([*newest, *([home.newest_at] if home.newest_at else [])], default=None)
        if home.newest_at is None:
            # Nothing of it can be read: its files' last change is the newest there is, and stays the same.
            ((logs,),) = self._rows(queries.FILES_CHANGED)
            changes = [logs, _changed_at(Path(path) / STATE_SQLITE)]
            home.newest_at = max((at for at in changes if at is not None), default=None)
        home.inputs = _inputs(home)
        return home

    def _recorded(self, home: HomeFacts) -> None:
        """What is gathered of single records."""
        self._logged = home.has_logs
        if home.has_logs:
            self._logs()
        if home.has_database:
            self._stored()

    def _waited_for(self, home: HomeFacts) -> None:
        """What is looked for in the records only of threads that work or wait, as their rows tell."""
        if home.has_database:
            self._messages_taken()
            self._unlogged()
        if home.has_logs:
            self._asks()

    def records(self, home: HomeFacts, streams: Streams | None = None) -> dict[str, ThreadFacts]:
        """All that is known of some threads of a home, by their ids.

        Args:
            home: What ``home`` says of it briefly; it is not changed.
            streams: Where all threads are asked for one part after the other: what is being read of all.
        """
        self._many, self._streams = True, streams
        known = home.threads
        self._facts = {key: known[key].with_records_to_come() for key in self._threads or () if key in known}
        self._recorded(home)
        if home.has_database:
            self._turns()
        self._waited_for(home)
        return {key: self._facts[key] for key in sorted(self._facts)}

    def owners(self, streams: Streams) -> set[str]:
        """Ids of the threads that have turns or approvals, of which nothing else may tell.

        Args:
            streams: What is being read of all threads.
        """
        snapshot = {"snapshot": self._newest_snapshot()}
        return {thread for sql in (queries.TURNS, queries.APPROVALS) for thread in streams.threads(sql, snapshot)}

    def weights(self) -> dict[str, int]:
        """Threads, and streams that are none, with the number of their records."""
        weights: dict[str, int] = dict(self._rows(queries.WEIGHTS))
        if self._asked.beside is not None:
            for thread, count in self._asked.beside.weights.items():
                weights[thread] = weights.get(thread, 0) + count
        return weights

    def could_be_outdated(self, home: HomeFacts) -> bool:
        """Whether a turn is logged that is newer than all that is stored: then the database may be a copy from before."""
        newest = home.extra.get("newest_event_at")
        return newest is not None and home.has_logs and bool(next(self._rows(queries.BEGAN_LATER, newest=newest))[0])

    def _went_on(self) -> Iterator[str]:
        """Threads of which something is newer than what is looked at."""
        if self._until is not None:
            for (thread_id,) in self._rows(queries.WENT_ON, moment=self._until.moment, cut=self._first_later_sequence()):
                yield thread_id

    def _first_later_sequence(self) -> int:
        """The first stored event that is not looked at."""
        return self._until.sequence if self._until is not None and self._until.sequence is not None else _NO_SEQUENCE

    def _named(self, home: HomeFacts) -> HomeFacts:
        """A home that cannot be judged: its threads are those that T3 Code itself lists, and nothing is said of them."""
        for thread_id, *values in self._listed():
            self._thread(thread_id).row = ThreadRow(*values)
        home.threads = {key: self._facts[key] for key in sorted(self._facts)}
        ((home.newest_at,),) = self._rows(queries.NEWEST_OF_ALL)
        if home.newest_at is None:
            places = [local_copy(home.path) / name for name in home.signs.databases]
            changes = [at for at in map(_changed_at, places) if at is not None]
            home.newest_at = max(changes, default=None)
        self._files(home)
        return home

    def _listed(self) -> Iterator[Row]:
        """The threads that T3 Code itself lists."""
        return self._snapshot(queries.THREADS)

    def again(self, known: HomeFacts) -> HomeFacts:
        """The home as it was known, with some threads read anew: of these, what may have changed."""
        marks, seen_at = self._marks()
        before = [known.threads[key] for key in self._threads or () if key in known.threads]
        same_database, same_losses = (
            len(before) == len(self._threads or ()) and old == new for old, new in zip(known.marks, marks, strict=True)
        )
        if known.has_logs:
            self._log_totals()
            self._logs()
            if not same_losses:
                self._lost()
        if known.has_database and not same_database:
            self._stored()
            self._projections()
            self._turns()
        for old in before:
            facts = self._thread(old.thread_id)
            of_database = self.of_database if same_database else ()
            kept = (*(_LOSSES if same_losses else ()), *of_database)
            for name in kept:
                setattr(facts, name, getattr(old, name))
        if known.has_database:
            self._records()
            self._messages_taken()
            self._unlogged()
        if known.has_logs:
            self._asks()
        for thread_id in self._went_on():
            self._thread(thread_id).went_on = True
        threads = known.threads | self._facts
        if len(threads) > len(known.threads):
            threads = {key: threads[key] for key in sorted(threads)}
        home = msgspec.structs.replace(known, threads=threads, marks=marks, database_seen_at=seen_at)
        newest = [facts.last_log.at for facts in self._facts.values() if facts.last_log]
        home.newest_at = max([*newest, *([known.newest_at] if known.newest_at else [])], default=None)
        return home

    def _marks(self) -> tuple[tuple[Any, Any], Micros | None]:
        """What changes when the database or the logs lose something, and when the database was last read."""
        ((database, logs, seen_at),) = self._rows(queries.MARKS)
        return (database, logs), seen_at

    def _log_totals(self) -> None:
        few = self._asked.together is not None or self._is_small
        totals = queries.THREAD_LOGS if few else queries.THREAD_LOGS_OF_MANY
        for thread_id, records, first, generation, truncated, last, work in self._rows(totals):
            facts = self._thread(thread_id)
            facts.records, facts.first_log_at, facts.generation, facts.truncated = records, first, generation, truncated
            facts.last_log = LogLine(last["path"], **last["line"]) if last else None
            facts.last_activity = LogLine(work["path"], **work["line"]) if work else None
        for thread_id, truncated in () if few else self._rows(queries.TRUNCATED):
            self._thread(thread_id).truncated = truncated

    def _logs(self) -> None:
        canonical, native = self._lines()
        for part in logged(canonical):
            facts = self._thread(part.thread_id)
            facts.canonical += part.events
            facts.refs = part.stand_at(facts.refs)
        told: set[str] = set()
        for thread_id, kind, at, turn, session, path, line, offset, values in native:
            said = NativeRecord(*values)
            sign = sign_of(kind, said)
            if sign is NativeSays.ANSWERED and said.message_id is not None:
                if said.message_id in told:
                    continue  # an earlier answer that is told of again is none of the turn that runs now
                told.add(said.message_id)
            if sign is not None:
                ref = LogLine(path, line, offset, at, NATIVE, kind)
                named = turn or said.turn_id
                of_session = said.session_id or said.message_session
                self._thread(thread_id).native.append(NativeSign(sign, at, named, of_session or session, ref, said.why))

    def _lines(self) -> tuple[Iterator[Row], Iterator[Row]]:
        """Rows of canonical and of native records."""
        if self._asked.together is None and self._streams is None and self._is_small:
            parted = queries.part_logged(self._rows(queries.LOGGED, types=_LIFECYCLE))
            return iter(parted.canonical), iter(parted.native)
        return self._rows(queries.CANONICAL, types=_LIFECYCLE), self._rows(queries.NATIVE)

    def _lost(self) -> None:
        lost = lost_of_logs(self._asked, self._threads)
        for thread_id, (pieces, gaps) in lost.items():
            facts = self._thread(thread_id)
            facts.quarantined, facts.rotation_gaps = pieces, gaps

    def _stored(self) -> None:
        facts = _NOBODY
        for thread_id, event_id, sequence in self._rows(queries.ANCHORS) if self._logged else ():
            if thread_id != facts.thread_id:
                facts = self._thread(thread_id)
            facts.anchors[event_id] = sequence
        for (thread_id,) in () if self._logged else self._rows(queries.INGESTED):
            self._thread(thread_id)
        for part in stored(self._rows(queries.STORED)):
            self._thread(part.thread_id).stored += part.events
        for thread_id, sequence, event_id, at, kind, turn, request, detail in self._rows(queries.ACTIVITIES):
            facts = self._thread(thread_id)
            if kind == USER_INPUT_REQUESTED:
                if request:
                    facts.questions[request] = Question(request, turn, at, sequence, event_id)
            elif kind == USER_INPUT_RESOLVED:
                if request in facts.questions:
                    asked = facts.questions[request]
                    facts.questions[request] = msgspec.structs.replace(asked, resolved=True)
            else:
                failure = Failure(kind, at, sequence, event_id, turn, request, detail or "")
                (facts.failures if kind.startswith(PROVIDER_ACTIVITY_PREFIX) else facts.errors).append(failure)

    def _projections(self) -> None:
        for thread_id, *values in self._snapshot(queries.THREADS):
            self._thread(thread_id).row = ThreadRow(*values)
        for thread_id, status, active, error, updated, provider in self._snapshot(queries.SESSIONS):
            facts = self._thread(thread_id)
            if status is not None:
                facts.session = SessionRow(status, active, error, updated or 0, provider)
        for thread_id, *values in self._snapshot(queries.BINDINGS):
            facts = self._thread(thread_id)
            if values[0] is not None:
                facts.binding = Binding(*values)

    def _turns(self) -> None:
        """The rows of which a thread has many."""
        for thread_id, *values in self._snapshot(queries.TURNS):
            turn = TurnRow(*values)
            facts = self._thread(thread_id)
            if turn.turn_id is None:
                facts.pending = turn
            else:
                facts.turns.append(turn)
        for thread_id, *values in self._snapshot(queries.APPROVALS):
            self._thread(thread_id).approvals.append(ApprovalRow(*values))

    def _asks(self) -> None:
        """What providers ask and nobody answered yet, of threads that may be at work."""
        working = [key for key, facts in self._facts.items() if facts.native and (not facts.session or facts.session.live)]
        if not working:
            return
        for thread_id, at, asks, ask_id, kind, session, path, line, offset in self._rows(queries.ASKS, working=working):
            facts = self._thread(thread_id)
            if asks:
                facts.asks.append(NativeAsk(ask_id, at, session, LogLine(path, line, offset, at, NATIVE, kind)))
            else:  # an answer that names nothing answers all
                facts.asks = [ask for ask in facts.asks if None not in (ask_id, ask.ask_id) and ask.ask_id != ask_id]

    def _unlogged(self) -> None:
        """What was stored of threads that work and have no log: when last, and what went wrong. Nothing else tells."""
        silent = [key for key, facts in self._facts.items() if facts.session and facts.session.live and not facts.last_log]
        if silent:
            for thread_id, at in self._rows(queries.STORED_LAST, silent=silent):
                self._thread(thread_id).stored_at = at
            payload_of = LoggedPayloads().of
            for thread_id, sequence, event_id, at, kind, turn, values in self._rows(queries.TOLD, silent=silent):
                event = Event(
                    event_id=event_id,
                    type=kind,
                    at=at,
                    turn_id=turn or None,
                    payload=payload_of(values),
                    sequence=sequence,
                )
                self._thread(thread_id).told.append(event)

    def _messages_taken(self) -> None:
        waiting = [thread_id for thread_id, facts in self._facts.items() if facts.pending is not None]
        if waiting:
            for thread_id, at, session in self._rows(queries.MESSAGES_TAKEN, waiting=waiting):
                facts = self._thread(thread_id)
                started = (e for e in reversed(facts.canonical) if e.type == THREAD_STARTED)
                own = next((event.text("providerThreadId") for event in started), None)
                if own is None or session in (None, own):
                    facts.messages_taken.append(at)

    def _records(self) -> None:
        records = [(thread_id, RecordFacts(*values)) for thread_id, *values in self._rows(queries.RECORDS)]
        turns: dict[str, list[RecordTurn]] = {}
        found = any(record.state != "absent" for _, record in records)  # to plan the other query takes a while
        for thread_id, *values in self._rows(queries.RECORD_TURNS) if found else ():
            turns.setdefault(thread_id, []).append(RecordTurn(*values))
        for thread_id, record in records:
            self._thread(thread_id).record = msgspec.structs.replace(record, turns=tuple(turns.get(thread_id, ())))

    def _totals(self, home: HomeFacts) -> None:
        totals = next(self._rows(queries.STORE_TOTALS, nothing=(0, 0, None)))
        home.last_sequence, home.last_reactor_sequence, home.newest_at = totals
        home.projectors = {name: sequence or 0 for name, sequence in self._rows(queries.PROJECTORS) if name is not None}
        home.extra["newest_event_at"] = home.newest_at
        home.extra["without_receipt"] = list(self._rows(queries.WITHOUT_RECEIPT))
        home.extra["migrations"], home.extra["columns"] = schema_as_found(self._asked, self._newest_snapshot())
        home.clock_falls = list(self._rows(queries.CLOCK_FALLS, clock=self._thresholds.clock))

    def _files(self, home: HomeFacts) -> None:
        home.quarantined = next(self._rows(queries.QUARANTINED, nothing=(0,)))[0]
        for path, status, error in self._rows(queries.FILE_PROBLEMS):
            home.file_problems.append(f"{path} is {status}: {error}")
        home.unknown_types = self._unknown_types()
        home.extra["server_runs"] = self._server_runs()
        columns = (
            "name",
            "thread_id",
            "at",
            "ended_at",
            "exit",
            "attributes",
            "events",
            "path",
            "line",
            "offset",
        )
        home.spans = [dict(zip(columns, row, strict=True)) for row in self._rows(queries.SPANS)]

    def _server_runs(self) -> list[Row]:
        ((doubtful,),) = self._rows(queries.MAY_BE_RESTARTED, nothing=(False,))
        if not doubtful:
            return []
        if self._asked.together is not None or self._is_small:  # of a large home both take long, and the second says it too
            ((restarted,),) = self._rows(queries.WAS_RESTARTED, nothing=(False,))
            if not restarted:
                return []
        return list(self._rows(queries.SERVER_RUNS))

    def _unknown_types(self) -> dict[str, int]:
        return {k: n for k, n in self._rows(queries.UNKNOWN_TYPES) if k not in KNOWN_TYPES}


_OF_INPUT: dict[Input, tuple[str, ...]] = {
    Input.EVENTS: (ORCHESTRATION_EVENTS,),
    Input.PROJECTIONS: (PROJECTION_THREADS, PROJECTION_THREAD_SESSIONS, PROJECTION_TURNS),
    Input.RECEIPTS: (COMMAND_RECEIPTS,),
    Input.BINDING: (PROVIDER_SESSION_RUNTIME,),
}
"""The tables each input stands in: without one of them the input is not there."""


def _inputs(home: HomeFacts) -> frozenset[Input]:
    found = set()
    if home.has_logs:
        found.add(Input.LOG)
    if home.has_database:
        found |= {i for i, tables in _OF_INPUT.items() if not home.missing_tables.intersection(tables)}
    if home.spans:
        found.add(Input.TRACE)
    if any(facts.record and facts.record.state == "read" for facts in home.threads.values()):
        found.add(Input.RECORD)
    return frozenset(found)


def _changed_at(path: Path) -> Micros | None:
    try:
        return path.stat().st_mtime_ns // 1000
    except OSError:
        return None
