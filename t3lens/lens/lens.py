"""The two objects a user holds: ``Lens`` (a set of homes) and ``Thread``. Thin: they only call the rooms."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from t3lens.diagnose import (
    Diagnosis,
    Options,
    Processes,
    Server,
    ServerSetting,
    ThreadDiagnosis,
    Thresholds,
    diagnose,
    look,
    mark,
    rediagnose,
    same_ground,
    threads_since,
)
from t3lens.diagnose.changes import Mark
from t3lens.diagnose.results import save
from t3lens.errors import InputError, T3LensError, UsageError
from t3lens.lens import tables
from t3lens.lens.thread import Thread
from t3lens.session.options import default_paths, make_options
from t3lens.store import Store
from t3lens.t3code.v1.rules import profile
from t3lens.time import Micros, parse_moment

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd
    import plotly.graph_objects as go

    from t3lens.act import Actor, BoundPlans
    from t3lens.diagnose.fleet_compare import FleetComparison
    from t3lens.domain.finding import Finding
    from t3lens.export.bundle import BundleReport
    from t3lens.export.parquet import ParquetReport
    from t3lens.ingest import Home, IngestReport
    from t3lens.view.evidence import FindingView

__all__ = ["Lens", "Moment", "open_lens"]

Moment = "str | datetime | Micros"
"""A time as people give it: ISO 8601 text (UTC unless it says otherwise), an aware datetime, or microseconds."""

_PathLike = str | os.PathLike[str]


def open_lens(
    paths: _PathLike | Iterable[_PathLike] | None = None,
    *,
    store: _PathLike | None = None,
    as_of: str | datetime | Micros | None = None,
    server: str = "auto",
    rules: str | None = None,
    thresholds: Thresholds | Mapping[str, float] | None = None,
    progress: bool | None = None,
    metadata_only: bool = False,
    records: _PathLike | Sequence[_PathLike] = (),
) -> Lens:
    """Open T3 homes: read what is new, diagnose it, and hand out a ``Lens``.

    Args:
        paths: A home, a ``userdata`` folder, a folder of logs, one log file, a folder of homes, an evidence bundle
            (``.zip``), Parquet files (``DIR/**/*.parquet``), a glob, or a list of these; ``$T3CODE_HOME`` or
            ``~/.t3`` if not said. With ``store`` and no paths, what the store holds.
        store: A DuckDB file to keep everything in; in memory if not said, so that nothing is left behind.
        as_of: The moment the verdicts are about; decided by home if not said.
        server: ``auto`` (look), ``alive`` or ``dead`` (take my word).
        rules: Profile of the build that wrote the homes; guessed by home if not said.
        thresholds: How long is too long (see ``Thresholds``), whole or by name in seconds.
        progress: False keeps the progress bar away; it only shows where somebody watches anyway.
        metadata_only: Leave message texts, tool output and native payloads out of the store.
        records: Where the agents' own records (Codex, Claude Code, OpenCode, …) are looked for: ``auto`` in the
            agents' homes of this machine, ``off`` nowhere, or files and folders; ``$T3LENS_RECORDS`` or ``auto`` if
            not said.

    Raises:
        InputError: A path does not exist or holds nothing of T3 Code.
        StoreError: The store cannot be used.
        UsageError: A bad time, profile, threshold or server setting.
    """
    from t3lens.ingest import discover

    options = make_options(
        as_of=as_of,
        server=server,
        rules=rules,
        thresholds=thresholds,
        records=[records] if isinstance(records, str | os.PathLike) else records,
    )
    if paths is None:
        kept = store is not None and Path(store).exists()
        wanted: list[_PathLike] = [] if kept else [*default_paths()]
    elif isinstance(paths, str | os.PathLike):
        wanted = [paths]
    else:
        wanted = list(paths)
    names = [os.fspath(path) for path in wanted]
    if any(name.endswith((".zip", ".parquet")) for name in names):
        from t3lens.export.sources import forget_with, open_sources

        found = open_sources(names, store=store, options=options)
        lens = Lens(
            found.store, found.homes, found.options, progress=progress, servers=found.servers
        )
        if found.scratch is not None:
            forget_with(lens, found.scratch)
        return lens
    homes = discover([Path(name) for name in names]) if names else []
    opened = Store.open(Path(store) if store is not None else None)
    return Lens(opened, homes, options, progress=progress, metadata_only=metadata_only)


class Lens:
    """A set of T3 homes in a store, and what is wrong with them.

    Attributes:
        store: Where everything was ingested; ``sql()`` asks it.
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
        servers: Mapping[str, Server] | None = None,
        metadata_only: bool = False,
    ) -> None:
        from t3lens.view.notebook.masking import mask_in_kernel

        mask_in_kernel()
        self.store = store
        self.homes = list(homes)
        self.options = options
        self.ingested: IngestReport | None = None
        self._actors: dict[str, Actor] = {}
        self._progress = progress
        self._metadata_only = metadata_only
        self._diagnosis: Diagnosis | None = None
        self._mark: Mark | None = None  # how far the store was filled when it was diagnosed
        self._told: Mapping[str, Server] = servers or {}
        self._servers: dict[str, Server] = dict(self._told)
        self._processes: dict[str, Processes] = {}
        self.refresh()

    # --- keeping up ------------------------------------------------------------------------------------------

    def refresh(self) -> Self:
        """Read what is new in the homes, look at their servers, and diagnose again."""
        self._read()
        self._look_at_servers()
        self._diagnosis = None
        return self

    def catch_up(self) -> list[str]:
        """Read what is new, and look again only at the threads it is about: cheap after every record.

        For all other threads no time passes, and what concerns a whole home is not looked for; ``refresh`` does
        both. A server that came or went makes everything be looked at.

        Returns:
            The ids of the threads looked at again.
        """
        before, since, servers = self._diagnosis, self._mark, dict(self._servers)
        self._read()
        self._look_at_servers()
        known = before is not None and since is not None and servers == self._servers
        if before is None or since is None or not known or not same_ground(self.store, before):
            self._diagnosis = None
            return [thread.thread_id for thread in self.diagnosis.threads]
        self._mark = mark(self.store)
        threads = threads_since(self.store, since)
        if threads:
            self._diagnosis = rediagnose(self.store, before, threads)
            save(self.store, self._diagnosis, threads=threads)
        return threads

    def _read(self) -> None:
        if self.homes:
            from t3lens.ingest import IngestOptions, ingest

            how = IngestOptions(
                metadata_only=self._metadata_only,
                server=self.options.server.value,
                records=self.options.records,
            )
            silent = _no_progress if self._progress is False else None
            self.ingested = ingest(self.store, self.homes, progress=silent, options=how)

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

    def _look_at_servers(self) -> None:
        from t3lens.ingest import probe_server

        if self.options.server is not ServerSetting.AUTO:
            return
        for home in self.homes or self._stored_homes():
            if home.home_id in self._told:
                continue
            state = probe_server(home)
            gone = state.status == "dead" and state.pid is not None
            self._servers[home.home_id] = Server(
                state.status,
                state.started_at,
                state.version,
                state.why,
                sure=not gone,
                protocol=state.protocol,
            )
            if state.status == "alive" and state.pid is not None:
                found = look(state.pid)
                if found is not None:
                    self._processes[home.home_id] = found

    @property
    def home_ids(self) -> list[str]:
        """Ids of the homes looked at: those opened, or all in the store."""
        if self.homes:
            return [home.home_id for home in self.homes]
        return [row for (row,) in self.rows("from homes select home_id order by path")]

    @property
    def diagnosis(self) -> Diagnosis:
        """What is wrong, as Python objects; made when first asked for, kept in the store for SQL too."""
        if self._diagnosis is None:
            self._mark = mark(self.store)
            self._diagnosis = diagnose(
                self.store,
                self.home_ids,
                self.options,
                servers=self._servers,
                processes=self._processes,
            )
            save(self.store, self._diagnosis)
        return self._diagnosis

    @property
    def notices(self) -> list[str]:
        """What is to be read first: homes that cannot be judged, or less surely than usual, and why."""
        return self.diagnosis.notices

    @property
    def as_of(self) -> Micros:
        """The moment the verdicts are about, microseconds UTC; the latest of the homes' moments."""
        return max(
            (home.context.as_of for home in self.diagnosis.homes), default=self.options.as_of or 0
        )

    # --- looking ---------------------------------------------------------------------------------------------

    def sql(self, query: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> pd.DataFrame:
        """Ask the store with SQL, read-only, over the documented views.

        Args:
            query: One statement; ``from findings`` is one.
            params: Values for ``?`` or ``$name``.

        Raises:
            UsageError: The statement would change something, or DuckDB refuses it.
        """
        from t3lens.store import read_only

        _ = self.diagnosis
        if "actions" in query:
            self.mirror_journal(strict=True)
        return read_only(self.store, query, params)

    def mirror_journal(self, *, strict: bool = False) -> None:
        """Bring the view ``actions`` up to date with the journal, which is a file of its own.

        Args:
            strict: Raise if the journal cannot be read; otherwise the view stays as it was.
        """
        from t3lens.act import Journal

        try:
            self.store.mirror_actions(Journal().frame())
        except T3LensError:
            if strict:
                raise

    def rows(self, query: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of one of our own queries as tuples."""
        with self.store.read() as con:
            return con.execute(query, list(params)).fetchall()

    def threads(self) -> pd.DataFrame:
        """One row per thread, worst first: ids, title, provider, verdict, primary finding, since, counts."""
        return tables.threads(self.diagnosis.threads)

    def sessions(self, as_of: str | datetime | Micros | None = None) -> pd.DataFrame:
        """One row per thread: the stored session, the binding, and the expected session beside them.

        Args:
            as_of: Time travel: the sessions as the events up to then make them (stored ones by the event store).
        """
        if as_of is None:
            return self.sql(tables.SESSIONS)
        import pandas as pd

        moment = parse_moment(as_of)
        return pd.DataFrame(
            [self.thread_for(t).state_at(moment).to_row() for t in self.diagnosis.threads]
        )

    def turns(self) -> pd.DataFrame:
        """One row per turn: stored state and expected state."""
        return self.sql(tables.TURNS)

    def events(self, thread: str | None = None, *, limit: int | None = None) -> pd.DataFrame:
        """Log records and stored events in order of time.

        Args:
            thread: A thread id, prefix or title; all threads if not said.
            limit: At most so many rows.
        """
        thread_id = self.thread(thread).thread_id if thread is not None else None
        return self.sql(tables.EVENTS, {"thread": thread_id, "limit": limit})

    def findings(self) -> pd.DataFrame:
        """One row per finding, worst thread first, with the evidence as a list of records."""
        return self.sql(tables.FINDINGS)

    def detectors(self) -> pd.DataFrame:
        """One row per home and finding code: condition, inputs, thresholds, and whether it could be checked."""
        import pandas as pd

        from t3lens.diagnose import register_all

        table = register_all()
        rows = [
            {
                "home_id": home.home.home_id,
                "code": check.code,
                "severity": table[check.code].severity.value,
                "checked": check.checked,
                "why_not": check.why,
                "condition": table[check.code].condition,
                "inputs": ", ".join(given.label for given in table[check.code].inputs),
                "thresholds": ", ".join(
                    f"{name} {getattr(self.options.thresholds, name):g}"
                    for name in table[check.code].thresholds
                ),
                "found": None
                if home.home.standing.cannot_judge is not None
                else sum(1 for f in self.diagnosis.findings if f.code == check.code),
            }
            for home in self.diagnosis.homes
            for check in home.checks
        ]
        frame = pd.DataFrame(rows)
        if any(
            row["found"] is None for row in rows
        ):  # whole numbers stay whole beside what was not counted
            frame["found"] = pd.Series([row["found"] for row in rows], dtype=object)
        return frame

    def compare(self, first: str, second: str) -> FleetComparison:
        """Which threads would end differently under which rules, and how many stuck ones either would have settled.

        Args:
            first: A rules profile, see ``t3lens.PROFILES``.
            second: Another one.

        Raises:
            UsageError: There is no such profile.
        """
        from t3lens.diagnose.fleet_compare import compare_fleet

        return compare_fleet(self.diagnosis, profile(first), profile(second))

    def thread(self, name: str) -> Thread:
        """One thread, by any unambiguous prefix of its id, or by its title.

        Raises:
            UsageError: No thread is called so, or several are; the message names some.
        """
        threads = self.diagnosis.threads
        found = [t for t in threads if t.thread_id == name]
        found = found or [t for t in threads if name and t.thread_id.startswith(name)]
        found = found or [t for t in threads if t.title == name]
        found = found or [
            t for t in threads if name and t.title and name.lower() in t.title.lower()
        ]
        if len(found) == 1:
            return self.thread_for(found[0])
        listed = ", ".join(
            f"{t.thread_id} ({t.title or 'no title'})" for t in (found or threads)[:5]
        )
        if not found:
            raise UsageError(
                f"no thread is called {name!r}; the first ones are: {listed}", code="unknown-thread"
            )
        raise UsageError(
            f"{len(found)} threads are called {name!r}: {listed}; say more", code="ambiguous-thread"
        )

    def thread_for(self, diagnosis: ThreadDiagnosis) -> Thread:
        """The thread a diagnosis is about, to look at and to act on."""
        return Thread(self, diagnosis)

    # --- showing ---------------------------------------------------------------------------------------------

    def timeline(
        self,
        *,
        group_by: str = "verdict",
        limit: int = 60,
        dark: bool = False,
        static: bool | None = None,
    ) -> go.Figure:
        """All threads as rows on one time axis: turns by verdict, server runs behind, stalls across.

        Args:
            group_by: ``verdict``, ``project``, ``provider`` or ``home``.
            limit: How many threads get a row at once, worst first; in a notebook the next ones are a click away.
            dark: Draw for a dark page; in a notebook the figure finds out by itself.
            static: A plain figure that needs no kernel; by default that, except in an attended notebook.
        """
        from t3lens.view.fleet.figure import fleet_timeline

        _ = self.diagnosis
        return fleet_timeline(
            self.store,
            as_of=self.as_of,
            group_by=group_by,
            limit=limit,
            dark=dark,
            static=static,
        )

    def report(
        self,
        path: str | os.PathLike[str],
        threads: Sequence[str | Thread] | None = None,
        *,
        start: str | datetime | Micros | None = None,
        end: str | datetime | Micros | None = None,
        **options: Any,
    ) -> Path:
        """Write the incident document of some threads, as one HTML file with its Markdown twin beside it.

        Args:
            path: Where to; a name ending in ``.md`` writes the Markdown alone.
            threads: Ids, prefixes, titles or ``Thread`` objects; those that are wrong if not said.
            start: Only threads with a finding or a turn from here on,
            end: and up to here.
            options: See ``t3lens.report.write_report``.

        Raises:
            UsageError: No thread is meant, or nothing was wrong in that time.
        """
        from t3lens.report import chosen_threads, write_report

        return write_report(self, chosen_threads(self, threads, start, end), path, **options)

    def bundle(
        self,
        path: str | os.PathLike[str],
        threads: Sequence[str | Thread] | None = None,
        *,
        content: bool = False,
        redact_with: str | os.PathLike[str] | None = None,
    ) -> BundleReport:
        """Write the records behind some threads as one small zip that ``t3lens.open`` takes like a home, redacted.

        Args:
            path: Where to.
            threads: Ids, prefixes, titles or ``Thread`` objects; those that are wrong if not said.
            content: Keep prompts, answers, tool arguments and outputs; secrets stay masked.
            redact_with: A TOML file of further masking rules.

        Raises:
            InputError: A log file is gone, or the zip cannot be written.
            UsageError: No thread is meant.
        """
        from t3lens import __version__
        from t3lens.export.bundle import write_bundle
        from t3lens.report import chosen_threads

        return write_bundle(
            self.store, self.diagnosis.homes,
            [one.diagnosis for one in chosen_threads(self, threads)], path,
            version=__version__, content=content, redact_with=redact_with,
        )  # fmt: skip

    def export_parquet(self, folder: str | os.PathLike[str]) -> ParquetReport:
        """Write everything as Parquet, partitioned by home and day, for other engines; texts are in it.

        Args:
            folder: A new or empty folder; ``t3lens.open("FOLDER/**/*.parquet")`` reads it back.

        Raises:
            InputError: The folder holds something, or cannot be written.
        """
        from t3lens.export.parquet import write_parquet

        _ = self.diagnosis
        return write_parquet(self.store, Path(folder))

    def trends(self, by: str | Sequence[str] = ("day",)) -> pd.DataFrame:
        """Rates of trouble by ``day``, ``home``, ``version``, ``provider`` or ``project``, or several of them.

        Args:
            by: What to count by; see ``t3lens.view.trends``.

        Raises:
            UsageError: Nothing can be counted by that.
        """
        from t3lens.view.trends import trends

        return trends(self.diagnosis, (by,) if isinstance(by, str) else tuple(by))

    def explore(self, **options: Any) -> Any:
        """Everything as one widget: fleet, timeline, story and evidence, actions."""
        from t3lens.live.explorer import Explorer

        return Explorer(self, **options)

    def watch(self, **options: Any) -> Any:
        """Follow running homes: new records, turns that become silent or stuck."""
        from t3lens.live.watch import Watch

        return Watch(self, **options)

    def _repr_html_(self) -> str:
        from t3lens.view.page.tables import overview_html

        _ = self.diagnosis
        return overview_html(self.store, as_of=self.as_of, notices=self.notices)

    def __repr__(self) -> str:
        from t3lens.view.page.tables import overview_text

        _ = self.diagnosis
        return overview_text(self.store, as_of=self.as_of, notices=self.notices)

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

    def reconcile(
        self, wanted: str | Iterable[str | Finding | FindingView] = "stuck"
    ) -> BoundPlans:
        """Plans for many threads at once, worst first; ``.execute(why=…, confirm=True)`` carries them out.

        Args:
            wanted: Verdicts, finding codes or findings; all stuck threads if not said.

        Raises:
            UsageError: A word that is neither a verdict nor a finding code.
        """
        from t3lens.session.plans import bulk_plans

        words = [wanted] if isinstance(wanted, str) else wanted
        return bulk_plans(self, [w if isinstance(w, str) else w.code for w in words])

    def actions(self) -> pd.DataFrame:
        """The journal of actions on these homes: who, when, why, plan, before, after."""
        from t3lens.act import Journal

        frame = Journal().frame()
        return frame[frame["home_id"].isin(self.home_ids)].reset_index(drop=True)

    def close(self) -> None:
        """Let go of the store and the connection."""
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
