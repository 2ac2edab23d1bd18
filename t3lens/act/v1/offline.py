"""Repair without a server: for homes whose server does not run and whose threads its API cannot reach.

It writes into T3 Code's own database, which nothing else in t3lens does, and so it is careful: no other process may
have the database open, a backup is made and compared first, everything is written in one transaction, and it is
committed only if a replay of the events says that the thread is settled and no other row has changed.
"""

from __future__ import annotations

import contextlib
import shlex
import sqlite3
import uuid
from collections.abc import Callable
from html import escape
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from t3lens.act.journal import Journal
from t3lens.act.masking import Masking
from t3lens.act.observe import observe
from t3lens.act.plan_view import printable
from t3lens.act.result import Outcome, Result, target_fields
from t3lens.act.target import Sighting, Target
from t3lens.act.unattended import require_actions
from t3lens.act.v1.client import Client
from t3lens.act.v1.database_guard import (
    BACKUP_MARK,
    back_up,
    check_integrity,
    digest_others,
    exclusive,
    no_triggers,
    who_has_open,
)
from t3lens.act.v1.offline_rows import (
    WRITTEN_TABLES,
    RepairRows,
    check_schema,
    make_rows,
    replayed,
    settled,
    stored_events,
    write_rows,
    written,
)
from t3lens.errors import InputError, Refused, T3LensError
from t3lens.ingest.home_files import is_loopback, read_runtime
from t3lens.ingest.open_database import open_database
from t3lens.t3code.builds import build_of
from t3lens.t3code.data_model import Migration, Signs, is_database, standing
from t3lens.t3code.home_layout import STATE_SQLITE
from t3lens.t3code.v1.rules import profile
from t3lens.t3code.v1.schema import (
    COMMAND_RECEIPTS,
    EFFECT_SQL_MIGRATIONS,
    ORCHESTRATION_EVENTS,
    PROVIDER_SESSION_RUNTIME,
)
from t3lens.time import Micros, iso, now, to_datetime
from t3lens.writing import NO_SPACE, is_full

__all__ = ["OfflinePlan", "execute_offline", "plan_offline"]

_PROBE_S: Final = 1.5


class OfflinePlan(msgspec.Struct, frozen=True, kw_only=True):
    """What an offline repair would write. Making it writes nothing.

    Attributes:
        plan_id: Its id.
        decision: ``act``, ``nothing`` or ``refuse``.
        target: The thread.
        because: Why the plan is made, or refused.
        seen: What was read when the plan was made.
        rules: Profile of the build that will project the event.
        rows: The exact rows; None if there is nothing to write.
        backup: Where the backup will stand.
        undo: How to undo it.
        made_at: Microseconds UTC.
    """

    plan_id: str
    decision: Literal["act", "nothing", "refuse"]
    target: Target
    because: tuple[str, ...]
    seen: Sighting
    rules: str
    rows: RepairRows | None = None
    backup: str = ""
    undo: tuple[str, ...] = ()
    made_at: Micros = 0

    @property
    def acts(self) -> bool:
        """Whether carrying it out would write anything."""
        return self.decision == "act"

    def to_dict(self) -> dict[str, Any]:
        """As JSON-ready data, secrets masked."""
        data: dict[str, Any] = msgspec.to_builtins(self, str_keys=True)
        data = Masking(data).data(data)
        data["kind"] = "offline-repair"
        data["made_at_iso"] = iso(self.made_at)
        return data

    def _lines(self) -> list[str]:
        lines = [
            f"Offline repair of thread {self.target.thread_id} ({self.decision})",
            f"  home {self.target.home_path}",
            *(f"  {sentence}" for sentence in self.because),
        ]
        if self.rows is None:
            return lines
        rows = [(f"{ORCHESTRATION_EVENTS} +", self.rows.event)]
        rows.append((f"{COMMAND_RECEIPTS} +", self.rows.receipt))
        if self.rows.binding_before is not None and self.rows.binding_after is not None:
            rows.append((f"{PROVIDER_SESSION_RUNTIME} from", self.rows.binding_before))
            rows.append((f"{PROVIDER_SESSION_RUNTIME} to", self.rows.binding_after))
        for title, row in rows:
            lines.append(f"  {title}")
            lines += [f"    {name} = {value!r}" for name, value in row.items()]
        lines.append(f"  backup first: {self.backup}")
        lines.append("  not touched: every other row; projections follow when the server starts")
        lines += [f"  undo: {line}" for line in self.undo]
        return lines

    def _told(self, how: list[str]) -> str:
        masking = Masking(msgspec.to_builtins(self, str_keys=True))
        return "\n".join(printable(line) for line in masking.lines([*self._lines(), *how]))

    def __repr__(self) -> str:
        thread, home = shlex.quote(self.target.thread_id), shlex.quote(self.target.home_path)
        return self._told([f"  command line: t3lens reconcile {thread} {home} --offline"] if self.rows is not None else [])

    def _repr_html_(self) -> str:
        line = f"  line of Python: lens.thread({self.target.thread_id!r}).reconcile(offline=True)"
        told = self._told([line] if self.rows is not None else [])
        return f'<pre class="t3lens-plan">{escape(told)}</pre>'


def plan_offline(
    *,
    target: Target,
    rules: str | None = None,
    server_version: str | None = None,
    backup_dir: Path | None = None,
    cannot_judge: str | None = None,
) -> OfflinePlan:
    """What settles the thread's stored session while no server runs.

    Args:
        target: The thread; its ``database`` must be given.
        rules: Rules profile of the build that wrote the home, if known.
        server_version: Its version, if known.
        backup_dir: Where the backup goes; beside the database by default, where the same people may read it.
        cannot_judge: Why nothing of the home can be judged, if the diagnosis says so.

    Raises:
        InputError: The home can be judged, and has no database, or one that cannot be read or is not known well enough.
    """
    at = now()
    reason = cannot_judge or _other_data_model(target)
    seen = observe(target) if reason is None else Sighting(at=at)
    name = build_of(version=server_version, believed=rules).rules.name

    def plan(decision: Literal["act", "nothing", "refuse"], *because: str, **more: Any) -> OfflinePlan:
        return OfflinePlan(
            plan_id=f"plan-{uuid.uuid4()}",
            decision=decision,
            target=target,
            because=because,
            seen=seen,
            rules=name,
            made_at=at,
            **more,
        )

    if reason is not None:
        return plan("refuse", f"nothing is done to this home, it is not repaired: {reason}")
    database = _database(target)
    if not seen.found:
        return plan("refuse", f"{STATE_SQLITE} does not know this thread")
    if seen.session is None:
        return plan("nothing", "the thread never had a session")
    if seen.session.settled and seen.session.status != "error":
        return plan("nothing", f"its session is {seen.session.status} and holds no turn")
    if seen.session.settled and seen.session.active_turn_id is None:
        return plan("nothing", "its session ended in error and holds no turn")
    in_use = _in_use(target, database)
    if in_use is not None:
        return plan("refuse", in_use)
    try:
        with open_database(database, alive=False) as con:
            check_schema(con)
            no_triggers(con, WRITTEN_TABLES)
            rows = make_rows(con, target.thread_id, at)
    except Refused as refusal:
        return plan("refuse", str(refusal))
    except sqlite3.Error as error:
        raise InputError(f"{database} cannot be read ({error})", code="database-unreadable") from error
    if rows is None:
        return plan("refuse", "the event store holds no session of this thread to correct")
    stamp = f"{to_datetime(at):%Y%m%dT%H%M%S}{at % 1_000_000:06d}Z"
    backup = (backup_dir or database.parent) / f"{database.name}{BACKUP_MARK}{stamp}"
    return plan(
        "act",
        f"no server runs, and the session is stored as {seen.session.status}"
        f" with active turn {seen.session.active_turn_id or 'none'}: its provider session is gone (R11)",
        rows=rows,
        backup=str(backup),
        undo=_undo(database, backup),
    )


def execute_offline(
    plan: OfflinePlan,
    *,
    journal: Journal,
    confirm: bool | Callable[[OfflinePlan], bool] = False,
    why: str = "",
    dry_run: bool = False,
    _before_commit: Callable[[], None] | None = None,
) -> Result:
    """Carry an offline repair out: check, back up, write in one transaction, verify, journal.

    Args:
        plan: The plan that ``plan_offline`` made.
        journal: Where the action is written down.
        confirm: Whether, or a question to a person.
        why: A person's reason.
        dry_run: Write nothing; the plan shows the exact rows.

    Returns:
        The envelope; ``applied`` only if the committed database says so when read again.

    Raises:
        JournalError: The journal could not be written; then the database was not either.
    """
    action_id = f"act-{uuid.uuid4()}"
    if dry_run:
        what = f"would write {3 if plan.rows and plan.rows.binding_after else 2} rows" if plan.acts else plan.because[0]
        return _result(plan, Outcome.DRY_RUN, f"nothing was written; {what}", None)
    journal.append(
        action_id,
        "intent",
        {
            "kind": "offline-repair",
            "why": why or plan.because[0],
            "target": target_fields(plan.target, plan.seen),
            "plan": plan.to_dict(),
            "before": plan.seen.brief(),
        },
        at=now(),
    )
    try:
        result = _carry_out(plan, confirm, action_id, _before_commit)
    except Refused as refusal:
        result = _result(plan, Outcome.REFUSED, str(refusal), action_id, code=refusal.code)
    except T3LensError as error:
        result = _result(plan, Outcome.FAILED, str(error), action_id, code=error.code)
    except (sqlite3.Error, OSError) as error:
        full = is_full(error)
        said = f"no space left for {plan.backup} or the database" if full else f"{type(error).__name__}: {error}"
        result = _result(
            plan,
            Outcome.FAILED,
            f"{said}; the transaction was not committed",
            action_id,
            code=NO_SPACE if full else "database",
        )
    except BaseException as error:
        failed = _result(
            plan,
            Outcome.NOT_CONFIRMED,
            f"cut off by {type(error).__name__}; an uncommitted transaction leaves the database as it was",
            action_id,
            code="interrupted",
        )
        journal.append(action_id, "outcome", failed.to_dict(), at=now())
        raise
    journal.append(action_id, "outcome", result.to_dict(), at=now())
    return result


def _carry_out(
    plan: OfflinePlan,
    confirm: bool | Callable[[OfflinePlan], bool],
    action_id: str,
    before_commit: Callable[[], None] | None,
) -> Result:
    if plan.decision == "nothing":
        return _result(plan, Outcome.ALREADY, "; ".join(plan.because), action_id)
    if plan.rows is None:
        return _result(plan, Outcome.REFUSED, "; ".join(plan.because), action_id, code="plan-refuse")
    require_actions()
    if not (confirm if isinstance(confirm, bool) else confirm(plan)):
        raise Refused("nobody confirmed the plan; nothing was written", code="not-confirmed-by-you")
    database = _database(plan.target)
    reason = _other_data_model(plan.target)
    if reason is not None:
        raise Refused(f"nothing is done to this home: {reason}; nothing was written", code="cannot-judge")
    in_use = _in_use(plan.target, database)
    if in_use is not None:
        raise Refused(f"{in_use}; nothing was written", code="database-in-use")
    with exclusive(database) as con:
        check_integrity(con)
        check_schema(con)
        no_triggers(con, WRITTEN_TABLES)
        _unchanged(con, plan)
        others = digest_others(con, plan.rows)
        backup = back_up(con, Path(plan.backup))
        con.execute("BEGIN IMMEDIATE")
        try:
            sequence = write_rows(con, plan.rows)
            rules = profile(plan.rules)
            if not settled(replayed(stored_events(con, plan.target.thread_id), rules), rules):
                raise InputError(
                    "a replay of the corrected events does not settle the thread; nothing was written",
                    code="replay-disagrees",
                )
            if digest_others(con, plan.rows) != others or not written(con, plan.rows, sequence):
                raise InputError(
                    "other rows would have changed, or these not as planned; nothing was written",
                    code="other-rows-changed",
                )
            if before_commit is not None:
                before_commit()
            con.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                con.execute("ROLLBACK")
            raise
        check_integrity(con)
        kept = con.execute(f"SELECT event_id FROM {ORCHESTRATION_EVENTS} WHERE sequence = ?", (sequence,)).fetchone()
    if kept is None or kept[0] != plan.rows.event["event_id"]:
        raise InputError("the event is not there when read again", code="not-kept")
    return _result(
        plan,
        Outcome.APPLIED,
        f"event {sequence} says that the session is stopped; the server shows it when it starts. The backup is {backup}",
        action_id,
        advice=(
            "start T3 Code: it shows the thread as stopped, and a new message continues it",
            *(f"to undo it instead: {line}" for line in plan.undo),
        ),
        after={"sequence": sequence, "backup": str(backup)},
    )


def _other_data_model(target: Target) -> str | None:
    """Why the home cannot be judged, by what stands there now; None if it can, or its database is not readable.

    Editing ``state.sqlite`` beside a database of a later data model changes nothing that anybody reads.
    """
    names: list[str] = []
    with contextlib.suppress(OSError):
        names = [path.name for path in Path(target.home_path).iterdir() if is_database(path.name)]
    tables: list[str] = []
    moved: list[str] = []
    if target.database is not None:
        with (
            contextlib.suppress(sqlite3.Error, OSError),
            open_database(Path(target.database), alive=False) as con,
        ):
            found = con.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            tables = [str(name) for (name,) in found]
            found = con.execute(f"SELECT name FROM {EFFECT_SQL_MIGRATIONS}").fetchall()
            moved = [str(name) for (name,) in found]
    return standing(
        Signs(
            databases=tuple(names),
            tables=tuple((STATE_SQLITE, name) for name in tables),
            migrations=tuple(Migration(None, name) for name in moved),
        )
    ).cannot_repair


def _in_use(target: Target, database: Path) -> str | None:
    """Why the database must not be written, as a sentence; None if nobody is seen to use it.

    Nothing is opened for this: only ``exclusive`` knows for sure, and opening it so may change its files.
    """
    holders = who_has_open(database)
    if holders:
        return f"{database} is open in {', '.join(holders)}: end that first"
    answering = _server_answers(target)
    if answering is not None:
        return f"a server answers for this home at {answering}: use it instead of repairing offline"
    return None


def _server_answers(target: Target) -> str | None:
    runtime = read_runtime(Path(target.home_path))
    if runtime is None or runtime.origin is None or not is_loopback(runtime.origin):
        return None
    origin = runtime.origin
    try:
        with Client(origin, timeout=_PROBE_S, attempts=1) as client:
            environment = client.environment()
    except T3LensError:
        return None
    if target.environment_id is not None and environment.environment_id != target.environment_id:
        return None
    return origin


def _unchanged(con: sqlite3.Connection, plan: OfflinePlan) -> None:
    assert plan.rows is not None
    fresh = make_rows(con, plan.target.thread_id, plan.made_at)
    if (
        fresh is None
        or fresh.event["stream_version"] != plan.rows.event["stream_version"]
        or fresh.event["payload_json"] != plan.rows.event["payload_json"]
        or fresh.binding_before != plan.rows.binding_before
    ):
        raise Refused(
            "the thread changed since the plan was made; nothing was written",
            code="changed-since-plan",
        )


def _database(target: Target) -> Path:
    if target.database is None or not Path(target.database).is_file():
        raise InputError(f"{target.home_path} has no {STATE_SQLITE} to repair", code="no-database")
    return Path(target.database)


def _undo(database: Path, backup: Path) -> tuple[str, ...]:
    return (
        "make sure T3 Code does not run",
        f"cp {shlex.quote(str(backup))} {shlex.quote(str(database))}",
        f"rm -f {shlex.quote(f'{database}-wal')} {shlex.quote(f'{database}-shm')}",
    )


def _result(
    plan: OfflinePlan,
    outcome: Outcome,
    detail: str,
    action_id: str | None,
    *,
    code: str | None = None,
    advice: tuple[str, ...] = (),
    after: dict[str, Any] | None = None,
) -> Result:
    return Result(
        target=target_fields(plan.target, plan.seen),
        kind="offline-repair",
        applied=outcome is Outcome.APPLIED,
        changed=outcome is Outcome.APPLIED,
        dry_run=outcome is Outcome.DRY_RUN,
        outcome=outcome,
        detail=detail,
        before=plan.seen.brief(),
        after=after,
        code=code,
        advice=advice,
        action_id=action_id,
        plan_id=plan.plan_id,
    )
