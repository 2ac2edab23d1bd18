"""What an audit says of one session, and of one home of many; kept beside its store until the home changes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import msgspec

from t3lens.diagnose import Options
from t3lens.document.merge import MergeableAudit
from t3lens.errors import InputError
from t3lens.fleet.kept_store import kept_store
from t3lens.ingest.stamp import files_of_home, files_stamp
from t3lens.scratch import temporary_folder
from t3lens.time import Micros
from t3lens.writing import replace_file

if TYPE_CHECKING:
    from t3lens.diagnose import Diagnosis
    from t3lens.diagnose.fleet_compare import FleetComparison
    from t3lens.document.audit import Incidents
    from t3lens.ingest import Home
    from t3lens.ingest.server import ServerState
    from t3lens.session.session import Session
    from t3lens.store import Store

__all__ = ["AuditRequest", "Workbench", "audit_homes", "audit_one", "audit_session", "size_of", "state_of"]

_SMALL: Final = 16 << 20
_COPIES: Final = "copies"
"""Where copies of homes that are elsewhere are kept, in the folder of the stores."""


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """What is asked of every home.

    Attributes:
        options: Moment, server, rules, thresholds.
        compare: Two rules profiles to compare.
        folder: Where stores are kept.
        since: The moment since which incidents are listed; None for none.
    """

    options: Options
    compare: tuple[str, str] | None
    folder: Path | None
    since: Micros | None = None


class _KeptHome(msgspec.Struct, frozen=True):
    """What is kept of a home; ``version`` grows when it is written differently."""

    version: Literal[4]
    key: str
    audited: MergeableAudit


def audit_session(session: Session, compare: tuple[str, str] | None = None, since: Micros | None = None) -> MergeableAudit:
    """The audit of all homes of a session.

    Args:
        session: The homes.
        compare: Two rules profiles to compare.
        since: List what was wrong from this moment on, also what is over; None lists only what is wrong now.

    Raises:
        UsageError: A profile does not exist.
    """
    from t3lens.document.audit import Incidents

    if compare is None and since is None:
        session.only_verdicts()
    diagnosis = session.diagnosis
    incidents = None if since is None else Incidents(since, session.incidents(since=since), session.no_past)
    return _audit(diagnosis, _kept_of(session), session.as_of, session.options, _comparison(diagnosis, compare), incidents)


def audit_homes(session: Session) -> dict[str, MergeableAudit]:
    """The audit of each home of a session by itself, as if the others were not there.

    Args:
        session: The homes.
    """
    from t3lens.diagnose import Diagnosis

    session.only_verdicts()
    kept, found = _kept_of(session), session.diagnosis
    return {
        one.home.home_id: _audit(
            Diagnosis(options=found.options, homes=(one,)), kept, one.context.as_of, session.options, None, None
        )
        for one in found.homes
    }


@dataclass(frozen=True, slots=True)
class _BesideDiagnosis:
    """What the store has of homes that no diagnosis says.

    Attributes:
        quarantined: Pieces of log files that are no records, by home.
        titles: Of projects, by home and id.
        with_records: Homes with agents' own records: they lie elsewhere, and change without their home.
    """

    quarantined: dict[str, int]
    titles: dict[tuple[str, str], str | None]
    with_records: frozenset[str]


def _kept_of(session: Session) -> _BesideDiagnosis:
    ids = [session.home_ids]
    of_homes = "where home_id in (select unnest(?))"
    quarantined = session.rows(f"select home_id, count(*) from quarantine {of_homes} group by home_id", ids)
    titles = session.rows(f"select home_id, project_id, title from projects {of_homes}", ids)
    recorded = session.rows(f"select distinct home_id from _provider_records {of_homes} and state <> 'absent'", ids)
    return _BesideDiagnosis(
        dict(quarantined),
        {(home, project): title for home, project, title in titles},
        frozenset(home for (home,) in recorded),
    )


def _audit(
    diagnosis: Diagnosis,
    kept: _BesideDiagnosis,
    as_of: Micros,
    options: Options,
    comparison: FleetComparison | None,
    incidents: Incidents | None,
) -> MergeableAudit:
    from t3lens.diagnose import urgency
    from t3lens.document.audit import audit_document, blind_homes
    from t3lens.version import __version__

    projects = {
        one.thread_id: (one.project_id, *filter(None, [kept.titles.get((one.home_id, one.project_id))]))
        for one in diagnosis.threads
        if one.project_id
    }
    ids = [one.home.home_id for one in diagnosis.homes]
    return MergeableAudit(
        document=audit_document(
            diagnosis,
            as_of=as_of,
            version=__version__,
            quarantined=sum(kept.quarantined.get(home_id, 0) for home_id in ids),
            projects={thread: names[-1] for thread, names in projects.items()},
            comparison=comparison,
            incidents=incidents,
        ),
        places=tuple(urgency(thread) for thread in diagnosis.threads),
        projects=projects,
        blind=tuple(blind_homes(diagnosis)),
        lasting=kept.with_records.isdisjoint(ids)
        and all(one.home.standing.cannot_judge is None for one in diagnosis.homes)
        and (options.as_of is not None or all(one.context.as_of == one.home.newest_at for one in diagnosis.homes)),
    )


def _comparison(diagnosis: Diagnosis, rules: tuple[str, str] | None) -> FleetComparison | None:
    from t3lens.diagnose.fleet_compare import compare_fleet

    return compare_fleet(diagnosis, rules[0], rules[1]) if rules else None


class Workbench:
    """The store in memory that small homes are read into, one after the other: making one costs as much as reading one."""

    def __init__(self) -> None:
        self._store: Store | None = None

    @contextmanager
    def store(self, home: Home) -> Iterator[Store]:
        """An empty store for the block.

        Args:
            home: What is to be read into it. Memory that a large one needed is given back only with its store.
        """
        from t3lens.ingest.sizes import is_mostly_databases
        from t3lens.store import Store

        bounded = is_mostly_databases([home])
        if bounded and self._store is not None:
            self._store.close()
            self._store = None
        store, self._store = self._store or Store.open(bounded=bounded), None
        kept = False
        try:
            yield store
            if size_of(home) <= _SMALL:
                store.empty()
                self._store, kept = store, True
        finally:
            if not kept:
                store.close()


def size_of(home: Home) -> int:
    """Bytes of the files of a home."""
    return sum(_size(path) for path in files_of_home(home))


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def audit_one(
    home: Home, asked: AuditRequest, bench: Workbench | None = None, server: ServerState | None = None
) -> tuple[str, MergeableAudit]:
    """Audit one home.

    Args:
        home: The home to audit.
        asked: What is asked.
        bench: Where homes are read that are not to be kept, for who audits several.
        server: What was found out of its server; it is asked if that is not said.

    Returns:
        ``read``, or ``reused`` if it had not changed since it was last audited so; and the audit.

    Raises:
        T3LensError: It cannot be read.
    """
    if home.elsewhere is None:
        return _audit_here(home, asked, bench, server)
    from t3lens.ingest.fetch import fetched

    if asked.folder is not None:
        (copy,) = fetched([home], asked.folder / _COPIES, asked.options.budget)
        return _audit_here(copy, asked, bench, None)
    with temporary_folder() as scratch:
        (copy,) = fetched([home], scratch, asked.options.budget)
        return _audit_here(copy, asked, bench, None)


def _audit_here(
    home: Home, asked: AuditRequest, bench: Workbench | None, server: ServerState | None
) -> tuple[str, MergeableAudit]:
    """Audit a home whose files are on this machine."""
    from t3lens.ingest import probe_server
    from t3lens.session.session import Session

    if asked.folder is None:
        with (bench or Workbench()).store(home) as store:
            if home.kind == "collected":
                return ("read", _raise_if_blind(_audit_collected(store, home, asked)))
            probe = _constant_probe(server) if server is not None else None
            past = asked.since is not None
            session = Session(store, [home], asked.options, progress=False, conclusions=False, past=past, probe=probe)
            return ("read", _raise_if_blind(audit_session(session, asked.compare, asked.since)))
    name = hashlib.sha256(f"{home.home_id}\0{home.place}".encode()).hexdigest()[:24]
    kept = asked.folder / f"{name}.json"
    server = server or probe_server(home)
    key = state_of(home, asked, server.status)
    found = _read_kept(kept)
    if found is not None and found.key == key:
        return ("reused", found.audited)
    if home.kind == "collected":
        with (bench or Workbench()).store(home) as store:
            audited = _raise_if_blind(_audit_collected(store, home, asked))
        replace_file(kept, msgspec.json.encode(_KeptHome(4, key, audited)), private=True)
        return ("read", audited)
    with (
        kept_store(asked.folder, name, is_small=size_of(home) <= _SMALL) as store,
        Session(store, [home], asked.options, progress=False, probe=_constant_probe(server)) as session,
    ):
        audited = _raise_if_blind(audit_session(session, asked.compare, asked.since))
    if audited.lasting:
        replace_file(kept, msgspec.json.encode(_KeptHome(4, key, audited)), private=True)
    return ("read", audited)


def _audit_collected(store: Store, home: Home, asked: AuditRequest) -> MergeableAudit:
    """Audit a home that was collected: it says the same whenever it is asked."""
    from t3lens.export.collected import read_collected
    from t3lens.session.session import Session

    read = read_collected(store, [home], asked.options)
    session = Session(store, [], read.options, progress=False, conclusions=False, servers=read.servers, stored=read.home_ids)
    return audit_session(session, asked.compare, asked.since)


def _constant_probe(server: ServerState) -> Callable[[Home], ServerState]:
    return lambda _: server


def _raise_if_blind(audited: MergeableAudit) -> MergeableAudit:
    for reason in audited.blind:
        raise InputError(reason)
    return audited


def _read_kept(path: Path) -> _KeptHome | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_KeptHome)
    except (OSError, msgspec.MsgspecError):
        return None


def state_of(home: Home, asked: AuditRequest, server: str) -> str:
    """A fingerprint of everything an audit of a home depends on: equal means that its result would be equal, if it is
    ``lasting``.

    Args:
        home: Which; its files are looked at, not read.
        asked: What is asked.
        server: Whether its server runs: ``alive``, ``dead`` or ``unknown``.
    """
    from t3lens.version import __version__

    digest = hashlib.sha256(f"{__version__}\0{asked.compare}\0{asked.since}\0".encode())
    digest.update(msgspec.json.encode(asked.options))
    digest.update(server.encode())
    if server == "alive":
        digest.update(os.urandom(16))  # judged as of now, which is never the same
    if home.elsewhere is not None and not home.path.exists():
        digest.update(os.urandom(16))  # what is there is not known before it is copied
    digest.update(files_stamp(home))
    return digest.hexdigest()
