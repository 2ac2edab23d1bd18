"""Whether what a store holds of conclusions is what judging it again would conclude: then nothing is judged again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from t3lens.diagnose.context import HomeServer
from t3lens.diagnose.diagnosis import Diagnosis, HomeDiagnosis
from t3lens.diagnose.options import Options
from t3lens.time import Micros
from t3lens.version import __version__

if TYPE_CHECKING:
    import duckdb

    from t3lens.store import Store

__all__ = ["forget_kept", "grounds_of", "kept_notices", "note_kept"]

_KEY: Final = "judged:"

_SMALL_TABLES: Final = {
    "_homes": "* exclude (last_ingested_at)",
    "_home_signs": "*",
    "_unfinished": "why",
    "_database_faults": "*",
    "_databases": "*",
    "_files": "*",
    "_provider_records": "*",
    "_orchestration_events": "max(sequence)",
    "_server_starts": "*",
    "_snapshots": "* exclude (last_seen_at)",
    "_working_folders": "* exclude (checked_at)",
}
"""What changes whenever something was read of a home: rows of events and log lines need not be looked at one by one."""


class _JudgedHome(msgspec.Struct, frozen=True):
    """What is kept of a home that was judged."""

    path: str
    ground: str
    notice: str | None


def grounds_of(store: Store, homes: Sequence[str], options: Options, servers: Mapping[str, HomeServer]) -> dict[str, str]:
    """Everything that the conclusions of homes rest on, by home id: where it is equal they would be equal.

    Args:
        store: Where they were ingested.
        homes: Home ids.
        options: How to judge.
        servers: What looking at each home's server told.
    """
    with store.read() as con:
        return {home_id: _digest_of_inputs(con, home_id, options, servers.get(home_id)) for home_id in homes}


def note_kept(store: Store, diagnosis: Diagnosis, grounds: Mapping[str, str]) -> None:
    """Note of each home, whose conclusions were just saved, what they rest on, if judging it later would say the same.

    Args:
        store: What was judged.
        diagnosis: All that was concluded.
        grounds: From ``grounds_of``, before it was judged: another process may have read more into the store since.
    """
    with store.write() as con:
        for one in diagnosis.homes:
            home_id = one.home.home_id
            if _holds_later(one):
                kept = msgspec.json.encode(_JudgedHome(one.home.path, grounds[home_id], one.notice)).decode()
                con.execute("insert or replace into _meta values (?, ?)", [_KEY + home_id, kept])


def forget_kept(con: duckdb.DuckDBPyConnection, homes: Sequence[str]) -> None:
    """Say that the conclusions of some homes are not those of judging all of each.

    Args:
        con: The store, in the transaction that changes the conclusions.
        homes: Home ids.
    """
    con.execute("delete from _meta where key in (select unnest(?))", [[_KEY + home_id for home_id in homes]])


def kept_notices(
    store: Store, homes: Sequence[str], options: Options, servers: Mapping[str, HomeServer]
) -> list[str] | None:
    """What has to be said first of some homes, if the conclusions that the store has of them hold; None if they do not.

    Args:
        store: Brought up to date.
        homes: Home ids.
        options: How to judge.
        servers: What looking at each home's server told.
    """
    if not homes or options.as_of is not None:
        return None
    with store.read() as con:
        asked = [[_KEY + home_id for home_id in homes]]
        rows = con.execute("select value from _meta where key in (select unnest(?)) order by key", asked).fetchall()
    kept = [msgspec.json.decode(value, type=_JudgedHome) for (value,) in rows]
    if len(kept) < len(homes):
        return None
    grounds = grounds_of(store, homes, options, servers)
    if sorted(grounds.values()) != sorted(one.ground for one in kept):
        return None
    return [one.notice for one in sorted(kept, key=lambda one: one.path) if one.notice is not None]


def _holds_later(one: HomeDiagnosis) -> bool:
    """Whether a home judged later would be judged alike: not as of now, and its database looked at long after its end."""
    context, home = one.context, one.home
    if context.options.as_of is not None or context.server.alive or context.processes is not None:
        return False
    if home.newest_at is None or context.as_of != home.newest_at or home.standing.cannot_judge is not None:
        return False
    settled: Micros = home.newest_at + context.options.thresholds.micros("settle")
    return home.database_seen_at is None or home.database_seen_at >= settled


def _digest_of_inputs(con: duckdb.DuckDBPyConnection, home_id: str, options: Options, server: HomeServer | None) -> str:
    digest = hashlib.sha256(f"{__version__}\0{home_id}\0".encode())
    digest.update(msgspec.json.encode((options, server)))
    for name, columns in _SMALL_TABLES.items():
        rows = f"from (from {name} select {columns} where home_id = ?) as row select row::varchar as text"
        ((found,),) = con.execute(f"from ({rows}) select md5(string_agg(text, chr(10) order by text))", [home_id]).fetchall()
        digest.update(f"{name}\0{found}\0".encode())
    return digest.hexdigest()
