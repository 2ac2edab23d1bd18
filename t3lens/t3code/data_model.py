"""Which data model wrote a home, whether it can be judged, and what is to be said: ``standing`` answers all three.

T3 Code has had two data models. The second (V2) keeps its state in tables of its own, and leaves those of the first
(V1) behind, frozen: judged by V1's rules they look stuck for ever. A version number does not tell them apart (builds
of the V2 branch called themselves 0.0.31), so only signs count: files, tables, migrations, the protocol the server
names, the form of native log records.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from t3lens.counted import counted
from t3lens.t3code.builds import MIGRATIONS
from t3lens.t3code.home_layout import STATE_SQLITE, STATEV2_SQLITE
from t3lens.t3code.v2.log import PROTOCOL_KIND
from t3lens.t3code.v2.schema import REQUIRED, THREADS

__all__ = [
    "DATABASES",
    "DATABASE_V2",
    "JUDGED",
    "NEVER_CHECKED",
    "PROTOCOL_RECORD",
    "THREADS_V2",
    "V1_MIGRATIONS",
    "DataModel",
    "Migration",
    "Signs",
    "Standing",
    "database_signs",
    "is_database",
    "is_judged_table",
    "standing",
    "unknown_migrations",
    "unknown_tables",
]

DATABASE_V2: Final = STATEV2_SQLITE
"""V2's database, made once as a copy of V1's; from then on the two do not follow each other."""

DATABASES: Final = (STATE_SQLITE, DATABASE_V2)

THREADS_V2: Final = THREADS
"""V2's threads: the one table of it that is read before V2 can be judged, so that they are named."""

PROTOCOL_RECORD: Final = f'"kind":"{PROTOCOL_KIND}"'
"""In every native record of V2's logs; some of V1's have it too, without ``PROTOCOL_MEMBER``. Ids inside such a record
are the provider's own."""

V1_MIGRATIONS: Final = dict(
    enumerate(
        (
            *MIGRATIONS,
            "AuthSessionClientConnection",
            "ProjectionThreadLinkedPullRequest",
            "ProjectionThreadsUnsettledAt",
            "ClearAutomaticProjectModelDefaults",
            "ProjectionProjectsAutoPull",
            "RepairAutomaticSettlementTimestamps",
            "ProjectionProjectIcon",
            "ProjectionThreadBranchPullRequest",
            "ProjectionThreadsActiveOrderKey",
            "ProjectionThreadPullRequests",
            "ProjectionThreadMessageContext",
        ),
        1,
    )
)
"""V1's migrations by number, as far as their names are known: 1–51. 0.0.45 goes to 54, the last three unnamed."""

_JUDGED_TABLES: Final = frozenset(
    {
        "orchestration_command_receipts",
        "orchestration_events",
        "projection_pending_approvals",
        "projection_projects",
        "projection_state",
        "projection_thread_activities",
        "projection_thread_messages",
        "projection_thread_proposed_plans",
        "projection_thread_sessions",
        "projection_threads",
        "projection_turns",
        "provider_session_runtime",
    }
)
_FAMILIES: Final = ("orchestration_", "projection_", "provider_")
"""Verdicts rest on tables named so; another one of them may hold what decides."""

_LATER_FILE: Final = re.compile(r"statev(\d+)\.sqlite")
_LATER_TABLE: Final = re.compile(r"orchestration_v(\d+)_\w+")
_LATER_MIGRATION: Final = re.compile(r"OrchestrationV(\d+)(?!\d)")
_V1_PROTOCOL: Final = 1
_V2: Final = 2
_LISTED: Final = 5


class DataModel(StrEnum):
    """Which data model wrote a home."""

    V1 = "v1"
    V2 = "v2"
    BOTH = "both"
    UNKNOWN = "unknown"


JUDGED: Final = frozenset({DataModel.V1, DataModel.V2, DataModel.BOTH})
"""The data models whose threads get a verdict. A home without any sign is judged too: by V1's logs."""

NEVER_CHECKED: Final = "not checked: the home is {}"


@dataclass(frozen=True, slots=True)
class Migration:
    """A migration a database went through: its number and name, and the database's file name."""

    number: int | None
    name: str
    database: str = STATE_SQLITE


@dataclass(frozen=True, slots=True)
class Signs:
    """What a home shows of its data model.

    Attributes:
        databases: File names of its databases.
        tables: Tables of the families verdicts rest on, as ``(database, table)``.
        migrations: What its databases went through.
        protocol: The orchestration protocol its server names; None if none was asked, or it names none.
        protocol_records: Whether its logs hold native records of V2's form.
    """

    databases: tuple[str, ...] = ()
    tables: tuple[tuple[str, str], ...] = ()
    migrations: tuple[Migration, ...] = ()
    protocol: int | None = None
    protocol_records: bool = False

    def seen_by(self, protocol: int | None, *, protocol_records: bool) -> Signs:
        """These signs with what a server and the logs say besides."""
        return replace(self, protocol=protocol, protocol_records=protocol_records)


@dataclass(frozen=True, slots=True)
class Standing:
    """Which data model wrote a home, whether it can be judged, and what is to be said of it first.

    Attributes:
        model: The data model, ``v1`` or ``v2``.
        signs: What tells so, in words; empty for V1, which is told by the absence of other signs.
        cannot_judge: Why no thread of it gets a verdict, as a sentence; None if they do.
        beyond: What of it is beyond what is known: a migration, a table, a protocol. It lowers the confidence of all
            that rests on the database.
        cut_off: Whether it was not read whole.
    """

    model: DataModel = DataModel.V1
    signs: tuple[str, ...] = ()
    cannot_judge: str | None = None
    beyond: tuple[str, ...] = ()
    cut_off: bool = False

    def not_whole(self, why: str) -> Standing:
        """This, of a home that was not read whole: what is missing of it could change any verdict."""
        said = f"{why}, so what is here of it is incomplete until it is read whole; read it again"
        return replace(self, cannot_judge=said, cut_off=True)

    def too_long(self, why: str) -> Standing:
        """This, of a home that could not be judged in the time that it may take."""
        return replace(self, cannot_judge=f"{why}, so nothing is said of its threads; give it more")

    def not_understood(self, error: Exception) -> Standing:
        """This, of a home on which t3lens itself failed."""
        said = f"t3lens failed on it ({type(error).__name__}: {error}), which is a defect of t3lens; please report it"
        return replace(self, cannot_judge=said)

    @property
    def name(self) -> str:
        """The data model in words: ``V2``, ``V1 and V2 side by side``, …"""
        return _NAMES[self.model]

    @property
    def cannot_repair(self) -> str | None:
        """Why the home's database is not written to while no server runs, as a sentence; None if it can be."""
        if self.cannot_judge is not None or self.model not in _SECOND:
            return self.cannot_judge
        return (
            "it is of T3 Code's second data model (V2), whose server settles by itself when it starts what an earlier one "
            "left; no repair of its database is needed: start T3 Code"
        )

    @property
    def not_checked(self) -> str:
        """What is said of every check of a home that cannot be judged; empty if it can."""
        if self.cannot_judge is None:
            return ""
        if self.cut_off:
            return NEVER_CHECKED.format("not read whole")
        unlike = {DataModel.UNKNOWN: "of a data model that is not known", DataModel.V1: "one that cannot be judged"}
        return NEVER_CHECKED.format(unlike.get(self.model, "V2"))

    @property
    def notice(self) -> str | None:
        """What every output says first of such a home; None if there is nothing to say."""
        if self.cannot_judge is not None:
            return f"CANNOT BE JUDGED: {self.cannot_judge}"
        if self.beyond:
            return (
                f"less sure: this home goes beyond what t3lens knows ({'; '.join(self.beyond)}), so every verdict and "
                "finding that rests on its database is less sure than usual"
            )
        return None


_SECOND: Final = frozenset({DataModel.V2, DataModel.BOTH})
_NAMES: Final = {
    DataModel.V1: "V1",
    DataModel.V2: "V2",
    DataModel.BOTH: "V1 and V2 side by side",
    DataModel.UNKNOWN: "not known",
}


def is_database(name: str) -> bool:
    """Whether a file is called like a database of T3 Code, of these data models or a later one."""
    return name == STATE_SQLITE or _LATER_FILE.fullmatch(name) is not None


def is_judged_table(name: str) -> bool:
    """Whether a table belongs to the families that verdicts rest on."""
    return name.startswith(_FAMILIES)


def unknown_migrations(migrations: Iterable[tuple[int | None, str | None]]) -> list[str]:
    """Of a database's migrations those that no known build of V1 has, as ``number name``."""
    return [f"{n} {name}" for n, name in migrations if n is None or V1_MIGRATIONS.get(n) != name]


def unknown_tables(tables: Iterable[str]) -> list[str]:
    """Of a database's tables those of the judged families that no known build of V1 has."""
    named = set(V1_MIGRATIONS.values())
    return sorted(
        table
        for table in tables
        if is_judged_table(table)
        and table not in _JUDGED_TABLES
        and _later_model(_LATER_TABLE, table) != _V2
        # what a known migration is named after is what it made
        and "".join(part.capitalize() for part in table.split("_")) not in named
    )


def database_signs(tables: Iterable[str], migrations: Iterable[str]) -> list[str]:
    """What in a database says that it is of a later data model than V1: names of tables and migrations.

    Args:
        tables: Names of all its tables.
        migrations: Names of the migrations it went through.
    """
    found = sorted(name for name in tables if _later_model(_LATER_TABLE, name))
    return found + [name for name in migrations if _later_model(_LATER_MIGRATION, name, whole=False)]


def standing(signs: Signs) -> Standing:
    """Which data model wrote a home, whether it can be judged, and what is to be said.

    Args:
        signs: All that was seen of it.
    """
    said = _signs_of_later(signs)
    newest = max((number for number, _ in said), default=1)
    words = tuple(text for _, text in said)
    if newest > _V2:
        return Standing(
            DataModel.UNKNOWN,
            words,
            f"it was written by a data model of T3 Code newer than V2, which t3lens does not know ({_listed(words)}); "
            "its threads are named, not judged",
        )
    if newest == _V2:
        return _second(signs, words)
    nothing = not signs.databases and not signs.tables and not signs.migrations
    model = DataModel.UNKNOWN if nothing else DataModel.V1
    return Standing(model, (), None, tuple(_unknown_parts(signs)))


def _second(signs: Signs, words: tuple[str, ...]) -> Standing:
    inside: dict[str, set[str]] = {}
    for database, table in signs.tables:
        if _later_model(_LATER_TABLE, table):
            inside.setdefault(database, set()).add(table)
    moved = {m.database for m in signs.migrations if _later_model(_LATER_MIGRATION, m.name, whole=False)}
    own = any(_later_model(_LATER_FILE, name) for name in signs.databases)
    both = own and STATE_SQLITE in signs.databases and STATE_SQLITE not in {*inside, *moved}
    model = DataModel.BOTH if both else DataModel.V2
    beside = f" in {DATABASE_V2} beside the first (V1) in {STATE_SQLITE}" if both else ""
    later = {name for name in signs.databases if _later_model(_LATER_FILE, name)} | {*inside, *moved}
    if inside and all(inside.get(name, set()) >= REQUIRED for name in later):
        return Standing(model, words)
    return Standing(
        model,
        words,
        f"it was written by T3 Code's second data model (V2){beside}, and not all tables of it that verdicts rest on "
        f"could be read ({_listed(words)}); its threads are named, not judged",
    )


def _signs_of_later(signs: Signs) -> list[tuple[int, str]]:
    """Every sign of a data model after V1: its number, and the sign in words, the plainest first."""
    found = [(number, f"{name} is there") for name in signs.databases if (number := _later_model(_LATER_FILE, name))]
    tables: dict[tuple[int, str], int] = {}
    for database, table in signs.tables:
        if number := _later_model(_LATER_TABLE, table):
            tables[number, database] = tables.get((number, database), 0) + 1
    found += [
        (
            number,
            f"{database} has {counted(count, 'table')} orchestration_v{number}_*",
        )
        for (number, database), count in sorted(tables.items())
    ]
    moved: dict[tuple[int, str], list[str]] = {}
    for one in signs.migrations:
        if number := _later_model(_LATER_MIGRATION, one.name, whole=False):
            moved.setdefault((number, one.database), []).append(one.name)
    for (number, database), names in sorted(moved.items()):
        more = f" and {len(names) - 1} more like it" if len(names) > 1 else ""
        found.append((number, f"{database} has the migration {names[0]}{more}"))
    if signs.protocol is not None and signs.protocol > _V1_PROTOCOL:
        found.append((signs.protocol, f"its server speaks orchestration protocol {signs.protocol}"))
    if signs.protocol_records:
        found.append((_V2, "its logs hold native records of V2's form"))
    return found


def _later_model(pattern: re.Pattern[str], name: str, *, whole: bool = True) -> int | None:
    """The number of the data model after V1 that a name stands for; None if it stands for none."""
    match = pattern.fullmatch(name) if whole else pattern.match(name)
    number = int(match[1]) if match else 0
    return number if number >= _V2 else None


def _unknown_parts(signs: Signs) -> list[str]:
    """What a V1 home has that no known build of V1 has."""
    found = []
    migrations = unknown_migrations((m.number, m.name) for m in signs.migrations)
    if migrations:
        found.append(f"{counted(len(migrations), 'unknown migration')}: {_listed(migrations)}")
    tables = unknown_tables(table for _, table in signs.tables)
    if tables:
        found.append(f"{counted(len(tables), 'unknown table')}: {_listed(tables)}")
    return found


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - _LISTED} more" if len(every) > _LISTED else ""
    return ", ".join(every[:_LISTED]) + more
