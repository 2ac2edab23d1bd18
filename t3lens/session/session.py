"""The engine: a set of homes, their store, servers, connections and what is wrong with them. It has no face."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from t3lens.counted import counted
from t3lens.diagnose import (
    Diagnosis,
    HomeDiagnosis,
    HomeServer,
    Options,
    Processes,
    ServerSetting,
    ThreadDiagnosis,
    diagnose,
    mark,
    provider_processes,
    rediagnose,
    same_ground,
    threads_since,
    until_of,
)
from t3lens.diagnose.changes import StorePosition
from t3lens.diagnose.results import save
from t3lens.diagnose.stored_conclusions import grounds_of, kept_notices, note_kept
from t3lens.errors import InputError, T3LensError, UsageError
from t3lens.ingest.same_home import as_in_store
from t3lens.interrupts import Halted, stop_if_interrupted
from t3lens.store import Store, read_only, tables_in
from t3lens.store.shadowed_tables import ShadowedStore
from t3lens.time import Micros, iso, parse_moment

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd

    from t3lens.act import Actor
    from t3lens.diagnose import Until
    from t3lens.incidents import Episode, StoredEpisodes
    from t3lens.ingest import Home, IngestReport, ServerState

__all__ = ["Session"]


class Session:
    """A set of T3 homes in a store, kept up to date, diagnosed when asked.

    Attributes:
        whole: Where everything was ingested.
        store: The same; as of a moment that is over, its views show that moment and nothing newer.
        homes: The homes as found on disk; empty if only a store was opened.
        options: Moment, server, rules and thresholds of the diagnosis.
        ingested: What the last ingest read; None if only a store was opened.
    """

    def __init__(
        self,
        store: Store,
        homes: Sequence[Home],
        options: Options,
        *,
        progress: bool | None = None,
        servers: Mapping[str, HomeServer] | None = None,
        metadata_only: bool = False,
        probe: Callable[[Home], ServerState] | None = None,
        conclusions: bool = True,
        past: bool = True,
        stored: Sequence[str] | None = None,
    ) -> None:
        """Read what is new in the homes and look at their servers.

        Args:
            store: Where to; closed with the session.
            homes: From ``t3lens.ingest.discover``; none takes what the store holds.
            options: How to judge.
            progress: False keeps the progress bar away; it only shows where somebody watches anyway.
            servers: What is known of servers by home id without looking, as a bundle says it.
            metadata_only: Leave message texts, tool output and native payloads out of the store.
            probe: Finds out whether a home's server is alive; ``t3lens.ingest.probe_server`` if not said.
            conclusions: Whether the store should hold what is concluded, for SQL, and what no rule reads; not for one
                in memory that nobody will ask.
            past: Whether it may be asked what was wrong before; where neither is, log lines that no rule reads are only
                checked and counted.
            stored: Ids of the homes in the store that are looked at beside those on disk; None for all of it if there are
                none on disk, and else for none.
        """
        self.whole = store
        self.store: Store = store if options.as_of is None else ShadowedStore(store)
        self.homes = as_in_store(store, homes) if homes else []
        self.options = options
        self.ingested: IngestReport | None = None
        self._stored = stored
        self._actors: dict[str, Actor] = {}
        self._progress = progress
        self._metadata_only = metadata_only
        self._probe = probe
        self._conclusions = conclusions
        self._past = past or options.as_of is not None
        self._in_parts = False
        self._diagnosis: Diagnosis | None = None
        self._mark: StorePosition | None = None  # how far the store was filled when it was diagnosed
        self._known: Mapping[str, HomeServer] = servers or {}
        self._servers: dict[str, HomeServer] = dict(self._known)
        self._processes: dict[str, Processes] = {}
        self.refresh()

    # --- keeping up ------------------------------------------------------------------------------------------

    def refresh(self) -> Self:
        """Read what is new in the homes, look at their servers, and diagnose again.

        Raises:
            KeyboardInterrupt: It was interrupted. Homes that were not read whole are not judged until they were.
        """
        self._diagnosis = None
        self._read()
        return self

    def catch_up(self) -> list[str]:
        """Read what is new, and look again only at the threads it is about: cheap after every record.

        For all other threads no time passes, and what concerns a whole home is not looked for; ``refresh`` does
        both. A server that came or went makes everything be looked at.

        Returns:
            The ids of the threads looked at again.
        """
        before, since, servers = self._diagnosis, self._mark, dict(self._servers)
        self._diagnosis = None  # so it stays, where what follows is interrupted
        self._read()
        known = before is not None and since is not None and servers == self._servers
        if before is None or since is None or not known or not same_ground(self.whole, before):
            return [thread.thread_id for thread in self.diagnosis.threads]
        self._mark = mark(self.whole)
        threads = threads_since(self.whole, since)
        if threads:
            before = rediagnose(self.whole, before, threads)
            if self._conclusions:
                save(self.whole, before, threads=threads)
        self._look_at(before)
        return threads

    def _read(self) -> None:
        """Read what is new; each server is looked at once, before its home is read.

        So all that a server wrote until it was found dead is among what is judged.
        """
        from t3lens.ingest import IngestOptions, ingest, probe_server

        find_out = self._probe or probe_server
        states: dict[str, ServerState] = {}

        def probe(home: Home) -> ServerState:
            if home.home_id not in states:
                states[home.home_id] = find_out(home)
            return states[home.home_id]

        if self.homes:
            how = IngestOptions(
                metadata_only=self._metadata_only,
                for_rules=not self._conclusions,
                newest_lines=not self._past,
                server=self.options.server.value,
                records=self.options.records,
                probe=probe,
                budget_s=self.options.budget,
            )
            silent = _no_progress if self._progress is False else None
            self.ingested = self.whole.with_enough_memory(
                lambda: ingest(self.whole, self.homes, progress=silent, options=how)
            )
            if self.ingested.interrupted:
                whole, count = sum(home.whole for home in self.ingested.homes), len(self.homes)
                raise Halted(f"{whole} of {counted(count, 'home')} had been read whole, and nothing was judged")
        stop_if_interrupted()
        if self.options.server is ServerSetting.AUTO:
            for home in self.homes or (self._stored_homes() if self._stored is None else ()):
                if home.home_id not in self._known:
                    self._note(home.home_id, probe(home))

    def _note(self, home_id: str, state: ServerState) -> None:
        gone = state.status == "dead" and state.pid is not None
        self._servers[home_id] = HomeServer(
            state.status,
            state.started_at,
            state.version,
            state.why,
            sure=not gone,
            protocol=state.protocol,
        )
        if state.status == "alive" and state.pid is not None:
            found = provider_processes(state.pid)
            if found is not None:
                self._processes[home_id] = found

    def _stored_homes(self) -> list[Home]:
        """The homes of a store that are still where they were when they were read."""
        from t3lens.ingest import discover

        found = []
        for home_id, path in self.rows("from homes select home_id, path order by path"):
            try:
                found += [home for home in discover([Path(path)]) if home.home_id == home_id]
            except InputError:
                continue  # gone, or another machine's: its server stays unknown
        return found

    # --- what is known ---------------------------------------------------------------------------------------

    @property
    def home_ids(self) -> list[str]:
        """Ids of the homes looked at: those opened, or all in the store."""
        if self.homes or self._stored is not None:
            return [*(home.home_id for home in self.homes), *(self._stored or ())]
        return [row for (row,) in self.rows("from homes select home_id order by path")]

    @property
    def home_paths(self) -> dict[str, str]:
        """Where each home looked at is, by id."""
        paths = dict(self.rows("from homes select home_id, path"))
        return {home_id: paths[home_id] for home_id in self.home_ids if home_id in paths}

    @property
    def diagnosis(self) -> Diagnosis:
        """What is wrong, as Python objects; made when first asked for, kept in the store for SQL too."""
        if self._diagnosis is None:
            # who asks for no conclusions asks once, and will not catch up
            self._mark = mark(self.whole) if self._conclusions else None
            kept = self._conclusions and self.whole.path is not None  # who asks one in memory has judged it
            grounds = grounds_of(self.whole, self.home_ids, self.options, self._servers) if kept else {}
            found = diagnose(
                self.whole,
                self.home_ids,
                self.options,
                servers=self._servers,
                processes=self._processes,
                in_parts=self._in_parts,
            )
            if self._conclusions:
                save(self.whole, found)
                if kept:
                    note_kept(self.whole, found, grounds)
            stop_if_interrupted()
            self._look_at(found)
            return found
        return self._diagnosis

    def only_verdicts(self) -> None:
        """Say that nobody will look at the records and replays a verdict rests on: memory then does not grow with a home.

        Without effect where conclusions are kept, as those are looked at with what they rest on.
        """
        self._in_parts = not self._conclusions

    def _look_at(self, found: Diagnosis) -> None:
        """Go by a diagnosis: what the store shows is as of its moment, too."""
        if isinstance(self.store, ShadowedStore):
            from t3lens.session.past import shadow_of

            self.store.shadow = shadow_of(found)
        self._diagnosis = found

    @property
    def as_of(self) -> Micros:
        """The moment the verdicts are about, microseconds UTC; the latest of the homes' moments."""
        return max((home.context.as_of for home in self.diagnosis.homes), default=self.options.as_of or 0)

    def until(self, home: HomeDiagnosis, moment: Micros) -> Until | None:
        """Which of a home's records are those up to a moment.

        Args:
            home: What was concluded of it, as ``home`` gives it: nothing is judged for this.
            moment: Microseconds UTC; one after ``as_of`` of a diagnosis of the past counts as that.

        Returns:
            None where all are, or where no date tells.
        """
        known = home.home.until
        if known is not None and known.moment <= moment:
            return known
        with self.whole.read() as con:
            return until_of(con, home.home.home_id, moment, self.options.thresholds)

    def home(self, home_id: str) -> HomeDiagnosis:
        """What was concluded of one home.

        Args:
            home_id: One of ``home_ids``.
        """
        return next(home for home in self.diagnosis.homes if home.home.home_id == home_id)

    def thread(self, name: str) -> ThreadDiagnosis:
        """One thread, by any unambiguous prefix of its id, or by its title.

        Raises:
            UsageError: No thread is called so, or several are; the message names some.
        """
        threads = self.diagnosis.threads
        found = [t for t in threads if t.thread_id == name]
        found = found or [t for t in threads if name and t.thread_id.startswith(name)]
        found = found or [t for t in threads if t.title == name]
        found = found or [t for t in threads if name and t.title and name.lower() in t.title.lower()]
        if len(found) == 1:
            return found[0]
        listed = ", ".join(f"{t.thread_id} ({t.title or 'no title'})" for t in (found or threads)[:5])
        if not found:
            raise UsageError(f"no thread is called {name!r}; the first ones are: {listed}", code="unknown-thread")
        raise UsageError(f"{len(found)} threads are called {name!r}: {listed}; say more", code="ambiguous-thread")

    def sql(
        self, query: str, params: Sequence[Any] | Mapping[str, Any] = (), *, timeout: float | None = None
    ) -> pd.DataFrame:
        """Ask the store with SQL, read-only, over the documented views.

        Args:
            query: One statement; ``from findings`` is one.
            params: Values for ``?`` or ``$name``.
            timeout: Seconds after which it is given up; None waits as long as it takes.

        Raises:
            UsageError: The statement would change something, it took too long, or DuckDB refuses it.
        """
        self._conclude()
        self._refuse_no_past(query)
        asked = query.lower()
        if "actions" in asked:
            self.mirror_journal(strict=True)
        if "incidents" in asked:
            self.incidents()
        return read_only(self.store, query, params, timeout=timeout)

    @property
    def notices(self) -> list[str]:
        """What is to be read first: homes that cannot be judged, or less surely than usual, and why."""
        return self._conclude()

    def _conclude(self) -> list[str]:
        """See to it that the store holds what is to be concluded; what is to be read first.

        Where it holds that already, from an earlier run, nothing is judged again.
        """
        if self._diagnosis is None and self.whole.path is not None and self.store is self.whole:
            kept = kept_notices(self.whole, self.home_ids, self.options, self._servers)
            if kept is not None:
                return kept
        return self.diagnosis.notices

    def _refuse_no_past(self, query: str) -> None:
        """Refuse a question about what keeps no past, as of a moment gone by: today's rows would be no answer."""
        if not isinstance(self.store, ShadowedStore) or self.store.shadow is None:
            return
        from t3lens.session.past import no_past_of

        named = sorted(no_past_of(self.diagnosis) & tables_in(self.store, query))
        if named:
            raise UsageError(
                f"{', '.join(named)}: no past is kept of this, so as of {iso(self.options.as_of or 0)} it is not known; "
                "ask without --as-of",
                code="no-past",
            )

    def rows(self, query: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of one of our own queries as tuples."""
        with self.store.read() as con:
            return con.execute(query, list(params)).fetchall()

    def incidents(
        self, *, since: str | datetime | Micros | None = None, threads: Sequence[str] | None = None
    ) -> list[Episode]:
        """What was wrong with threads, from when to when, and what ended it; what is wrong now are the open ones.

        The view ``incidents`` and the timelines have what was asked for from then on.

        Args:
            since: Leave out what was over before this moment.
            threads: Only these thread ids; None for all.
        """
        found = self._incidents(self.home_paths, threads)
        if since is None:
            return found
        moment = parse_moment(since)
        return [one for one in found if one.until is None or one.until >= moment]

    @property
    def no_past(self) -> list[str]:
        """Homes whose past cannot be told, one sentence each: of them only what is wrong now is known."""
        from t3lens.incidents import why_no_past

        late = self._episodes.late
        said = [(h.home.path, why_no_past(h) or late.get(h.home.home_id)) for h in self.diagnosis.homes]
        return [f"home {path}: {why}" for path, why in said if why is not None]

    @cached_property
    def _episodes(self) -> StoredEpisodes:
        from t3lens.incidents import StoredEpisodes

        return StoredEpisodes(self.store)

    def mirror_journal(self, *, strict: bool = False) -> None:
        """Bring the view ``actions`` up to date with the journal, which is a file of its own.

        It has what was done to the homes looked at; a copy of a home has not been acted on.

        Args:
            strict: Raise if the journal cannot be read; otherwise the view stays as it was.
        """
        try:
            self._mirror_journal()
        except T3LensError:
            if strict:
                raise

    def keep_past(self, thread_id: str) -> None:
        """Have what was done, and what was wrong with a thread, where its timeline reads it.

        Args:
            thread_id: In full.
        """
        paths = None
        with suppress(T3LensError):
            paths = self._mirror_journal()
        self._incidents(self.home_paths if paths is None else paths, [thread_id])

    def _mirror_journal(self) -> dict[str, str]:
        from t3lens.act import Journal

        with self.store.read() as con:
            paths = self.home_paths
            is_empty = con.execute("SELECT count(*) = 0 FROM actions").fetchall()[0][0]
        # To open a file for writing costs more than a look at a thread, and a table imports pandas.
        if not is_empty or Journal().of_homes(paths):
            self.store.mirror_actions(Journal().frame(paths))
        return paths

    def _incidents(self, paths: dict[str, str], threads: Sequence[str] | None) -> list[Episode]:
        from t3lens.act import Journal, JournalError

        try:
            actions = Journal().of_homes(paths)
        except JournalError:
            actions = []
        return self._episodes.of(self.diagnosis, actions, threads)

    # --- acting ----------------------------------------------------------------------------------------------

    def connect(
        self,
        url: str | None = None,
        token: Any = None,
        *,
        allow_remote: bool = False,
        home: str | None = None,
    ) -> Self:
        """Connect to a home's server, for fresh state and for actions. Nothing is asked of it yet.

        Args:
            url: Its origin; by ``server-runtime.json`` if not said.
            token: Its bearer token; else ``$T3LENS_TOKEN``, a keyring entry, or a prompt. Never shown or kept.
            allow_remote: Also a server that is not on this machine.
            home: Its home's id, if several homes are open.

        Raises:
            UsageError: It is not clear which home is meant.
        """
        from t3lens.act import Actor, connect

        found = next((one for one in self.homes if one.home_id == home), None)
        if home is None and len(self.homes) == 1:
            found = self.homes[0]
        if found is None:
            raise UsageError(
                "connect() needs one home; open that home alone, or name its home_id",
                code="one-home",
            )
        link = connect(found, url=url, token=token, allow_remote=allow_remote)
        old = self._actors.pop(found.home_id, None)
        if old is not None:
            old.connection.close()
        self._actors[found.home_id] = Actor(link)
        return self

    def actor(self, home_id: str) -> Actor:
        """Who acts on the threads of a home: connected as ``connect`` said, else by ``server-runtime.json``."""
        if home_id not in self._actors:
            self.connect(home=home_id)
        return self._actors[home_id]

    def close(self) -> None:
        """Let go of the store and the connections."""
        for actor in self._actors.values():
            actor.connection.close()
        self._actors.clear()
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _no_progress(*_: object) -> None:
    """Told about the progress, and silent about it."""
