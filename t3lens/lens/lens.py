"""What a person holds first: ``Lens``, a set of homes to look at and to act on. Thin: it only calls the rooms."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from t3lens.lens import tables
from t3lens.lens.opening import open_session
from t3lens.lens.thread import Thread
from t3lens.version import __version__
from t3lens.view.notebook.front_end import in_kernel

if TYPE_CHECKING:
    from datetime import datetime

    import pandas as pd
    import plotly.graph_objects as go

    from t3lens.act import Actor, BoundPlans
    from t3lens.diagnose import Diagnosis, Options, ThreadDiagnosis, Thresholds
    from t3lens.diagnose.fleet_compare import FleetComparison
    from t3lens.domain.finding import Finding
    from t3lens.export.bundle import BundleReport
    from t3lens.export.parquet import ParquetReport
    from t3lens.ingest import Home, IngestReport
    from t3lens.session.session import Session
    from t3lens.store import Store
    from t3lens.time import Micros
    from t3lens.view.evidence import FindingView
    from t3lens.view.scene.parts import Scene

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
    budget: float | None = None,
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
        budget: Seconds that reading one home may take, and judging it may; a home that needs more is not judged, and that
            is said.

    Raises:
        InputError: A path does not exist or holds nothing of T3 Code.
        StoreError: The store cannot be used.
        UsageError: A bad time, profile, threshold or server setting.
    """
    return Lens(
        open_session(
            paths,
            store=store,
            as_of=as_of,
            server=server,
            rules=rules,
            thresholds=thresholds,
            progress=progress,
            metadata_only=metadata_only,
            records=records,
            budget=budget,
        )
    )


class Lens:
    """A set of T3 homes in a store, and what is wrong with them.

    Attributes:
        session: The engine behind it, which other faces may use too.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._shown: Diagnosis | None = None

    @property
    def store(self) -> Store:
        """Where everything was ingested; ``sql()`` asks it."""
        return self.session.store

    @property
    def homes(self) -> list[Home]:
        """The homes as found on disk; empty if only a store was opened."""
        return self.session.homes

    @property
    def options(self) -> Options:
        """Moment, server, rules and thresholds of the diagnosis."""
        return self.session.options

    @property
    def ingested(self) -> IngestReport | None:
        """What the last ingest read; None if only a store was opened."""
        return self.session.ingested

    # --- keeping up ------------------------------------------------------------------------------------------

    def refresh(self) -> Self:
        """Read what is new in the homes, look at their servers, and diagnose again."""
        self.session.refresh()
        return self

    def catch_up(self) -> list[str]:
        """Read what is new, and look again only at the threads it is about: cheap after every record.

        For all other threads no time passes, and what concerns a whole home is not looked for; ``refresh`` does
        both. A server that came or went makes everything be looked at.

        Returns:
            The ids of the threads looked at again.
        """
        return self.session.catch_up()

    @property
    def home_ids(self) -> list[str]:
        """Ids of the homes looked at: those opened, or all in the store."""
        return self.session.home_ids

    @property
    def diagnosis(self) -> Diagnosis:
        """What is wrong, as Python objects; made when first asked for, kept in the store for SQL too."""
        found = self.session.diagnosis
        if in_kernel() and found is not self._shown:
            from t3lens.redact.keys import keys_in
            from t3lens.view.notebook.masking import keep_keys

            self._shown = found
            keep_keys(keys_in(found.threads))
        return found

    @property
    def notices(self) -> list[str]:
        """What is to be read first: homes that cannot be judged, or less surely than usual, and why."""
        return self.session.notices

    @property
    def as_of(self) -> Micros:
        """The moment the verdicts are about, microseconds UTC; the latest of the homes' moments."""
        return self.session.as_of

    # --- looking ---------------------------------------------------------------------------------------------

    def sql(
        self, query: str, params: Sequence[Any] | Mapping[str, Any] = (), *, timeout: float | None = None
    ) -> pd.DataFrame:
        """Ask the store with SQL, read-only, over the documented views; no file is in its reach.

        Args:
            query: One statement; ``from findings`` is one.
            params: Values for ``?`` or ``$name``.
            timeout: Seconds after which it is given up; None waits as long as it takes.

        Raises:
            UsageError: The statement would change something, it took too long, or DuckDB refuses it.
        """
        return tables.shown(self.session.sql(query, params, timeout=timeout))

    def mirror_journal(self, *, strict: bool = False) -> None:
        """Bring the view ``actions`` up to date with the journal, which is a file of its own.

        Args:
            strict: Raise if the journal cannot be read; otherwise the view stays as it was.
        """
        self.session.mirror_journal(strict=strict)

    def rows(self, query: str, params: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Rows of one of our own queries as tuples."""
        return self.session.rows(query, params)

    def threads(self) -> pd.DataFrame:
        """One row per thread, worst first: ids, title, provider, verdict, primary finding, since, counts."""
        return tables.threads(self.session)

    def sessions(self, as_of: str | datetime | Micros | None = None) -> pd.DataFrame:
        """One row per thread: the stored session, the binding, and the expected session beside them.

        Args:
            as_of: Time travel: the sessions as the events up to then make them (stored ones by the event store).
        """
        return tables.sessions(self.session, as_of)

    def turns(self) -> pd.DataFrame:
        """One row per turn: stored state and expected state."""
        return tables.turns(self.session)

    def events(self, thread: str | None = None, *, limit: int | None = None) -> pd.DataFrame:
        """Log records and stored events in order of time.

        Args:
            thread: A thread id, prefix or title; all threads if not said.
            limit: At most so many rows.
        """
        thread_id = self.session.thread(thread).thread_id if thread is not None else None
        return tables.events(self.session, thread_id, limit)

    def findings(self) -> pd.DataFrame:
        """One row per finding, worst thread first, with the evidence as a list of records."""
        return tables.findings(self.session)

    def incidents(
        self, since: str | datetime | Micros | None = None, *, threads: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """What was wrong with threads, from when to when, and what ended it: one row per episode, the oldest first.

        Columns ``from`` and ``to`` (none where it goes on), ``verdict``, ``code``, ``ended_by``, ``duration_s`` and more;
        see ``t3lens.document.model.IncidentEntry``.

        Args:
            since: Leave out what was over before this moment.
            threads: Only these thread ids; None for all.
        """
        return tables.incidents(self.session, since, threads)

    def detectors(self) -> pd.DataFrame:
        """One row per home and finding code: condition, inputs, thresholds, and whether it could be checked."""
        return tables.detectors(self.session)

    def compare(self, first: str, second: str) -> FleetComparison:
        """Which threads would end differently under which rules, and how many stuck ones either would have settled.

        Args:
            first: A rules profile, see ``t3lens.PROFILES``.
            second: Another thread.

        Raises:
            UsageError: There is no such profile.
        """
        from t3lens.diagnose.fleet_compare import compare_fleet
        from t3lens.diagnose.under_profile import check_profile

        for name in (first, second):
            check_profile(name)
        return compare_fleet(self.diagnosis, first, second)

    def thread(self, name: str) -> Thread:
        """One thread, by any unambiguous prefix of its id, or by its title.

        Raises:
            UsageError: No thread is called so, or several are; the message names some.
        """
        return self.thread_for(self.session.thread(name))

    def thread_for(self, diagnosis: ThreadDiagnosis) -> Thread:
        """The thread a diagnosis is about, to look at and to act on."""
        return Thread(self.session, diagnosis)

    # --- showing ---------------------------------------------------------------------------------------------

    def scene(self, *, group_by: str = "verdict", limit: int = 60) -> Scene:
        """What the timeline of all threads shows, as data: lanes, bars, marks, words and folded time.

        Args:
            group_by: ``verdict``, ``project``, ``provider`` or ``home``.
            limit: How many threads get a lane, worst first.

        Raises:
            UsageError: An unknown grouping.
        """
        from t3lens.view.fleet.figure import fleet_picture

        _ = self.diagnosis
        recall = self._recall_threads
        return fleet_picture(self.store, as_of=self.as_of, group_by=group_by, limit=limit, recall=recall).scene()

    def _recall_threads(self, threads: list[str]) -> object:
        return self.session.incidents(threads=threads)

    def timeline(
        self,
        *,
        group_by: str = "verdict",
        limit: int = 60,
        dark: bool = False,
        static: bool | None = None,
    ) -> go.Figure:
        """All threads as rows on one time axis: turns by verdict, incidents above them, server runs behind, stalls across.

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
            recall=self._recall_threads,
        )

    def report(
        self,
        path: str | os.PathLike[str],
        threads: Sequence[str | Thread] | None = None,
        *,
        start: str | datetime | Micros | None = None,
        end: str | datetime | Micros | None = None,
        incidents: str | Sequence[str] = (),
        since: str | datetime | Micros | None = None,
        **options: Any,
    ) -> Path:
        """Write the incident document of some threads, as one HTML file with its Markdown twin beside it.

        Args:
            path: Where to; a name ending in ``.md`` writes the Markdown alone.
            threads: Ids, prefixes, titles or ``Thread`` objects; those that are wrong if not said.
            start: Only threads with a finding or a turn from here on,
            end: and up to here.
            incidents: Tell of these incidents instead, by their ids as ``incidents()`` lists them.
            since: Tell of every incident that was not over before this moment instead.
            options: See ``t3lens.report.write_report``.

        Raises:
            UsageError: No thread or incident is meant, or nothing was wrong in that time.
        """
        from t3lens.report import chosen_incidents, chosen_threads, write_report

        named = [incidents] if isinstance(incidents, str) else list(incidents)
        meant = _resolve_threads(threads)
        if named or since is not None:
            told = chosen_incidents(self.session, named, since=since, threads=meant)
            return write_report(self.session, told, path, **options)
        return write_report(self.session, chosen_threads(self.session, meant, start, end), path, **options)

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
            path: The file to write.
            threads: Ids, prefixes, titles or ``Thread`` objects; those that are wrong if not said.
            content: Keep prompts, answers, tool arguments and outputs; secrets stay masked.
            redact_with: A TOML file of further masking rules.

        Raises:
            InputError: A log file is gone, or the zip cannot be written.
            UsageError: No thread is meant.
        """
        from t3lens.export.bundle import write_bundle
        from t3lens.report import chosen_threads

        return write_bundle(
            self.session.whole, self.diagnosis.homes,
            chosen_threads(self.session, _resolve_threads(threads)), path,
            version=__version__, content=content, redact_with=redact_with,
        )  # fmt: skip

    def export_parquet(self, folder: str | os.PathLike[str], *, as_read: bool = False) -> ParquetReport:
        """Write everything as Parquet, partitioned by home and day, for other engines; texts are in it, secrets masked.

        Args:
            folder: A new or empty folder; ``t3lens.open("FOLDER/**/*.parquet")`` reads it back.
            as_read: Leave secrets as they were read, too.

        Raises:
            InputError: The folder holds something, or cannot be written.
        """
        from t3lens.export.parquet import write_parquet

        _ = self.diagnosis
        return write_parquet(self.session.whole, Path(folder), as_read=as_read)

    def trends(self, by: str | Sequence[str] = ("day",)) -> pd.DataFrame:
        """Rates of trouble, incidents and time lost, by ``day``, ``home``, ``version``, ``provider``, ``project`` or cause.

        Args:
            by: What to count by, one or several; see ``t3lens.view.trends``.

        Raises:
            UsageError: Nothing can be counted by that.
        """
        from t3lens.view.trends import trends

        return tables.shown(trends(self.diagnosis, self.session.incidents(), (by,) if isinstance(by, str) else tuple(by)))

    def roll_up(self, by: str = "code") -> pd.DataFrame:
        """Findings of severity low or worse, counted by ``code``, ``home``, ``host``, ``provider``, ``build``, ``project``.

        One row for each, the worst first: its name, under the name of what is counted by; ``severity`` (the worst);
        ``findings``, ``threads`` and ``homes`` (how many); ``since`` (since when the oldest is so, UTC). ``home`` is what of
        its path tells a home from the others, ``host`` the first folder of that.

        Args:
            by: What to count by.

        Raises:
            UsageError: Nothing can be counted by that.
        """
        from t3lens.lens.roll_up import rolled_up

        return tables.shown(rolled_up(self.session, by))

    def explore(self, **options: Any) -> Any:
        """Everything as one widget: fleet, timeline, story and evidence, actions."""
        from t3lens.live.explorer import Explorer

        return Explorer(self.session, hand_out=self.thread_for, **options)

    def watch(self, **options: Any) -> Any:
        """Follow running homes: new records, turns that become silent or stuck."""
        from t3lens.live.watch import Watch

        return Watch(self.session, shown_as=lambda: self.explore(live=True), **options)

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
        self.session.connect(url, token, allow_remote=allow_remote, home=home)
        return self

    def actor(self, home_id: str) -> Actor:
        """Who acts on the threads of a home: connected as ``connect`` said, else by ``server-runtime.json``."""
        return self.session.actor(home_id)

    def reconcile(self, wanted: str | Iterable[str | Finding | FindingView] = "stuck") -> BoundPlans:
        """Plans for many threads at once, worst first; ``.execute(why=…, confirm=True)`` carries them out.

        Args:
            wanted: Verdicts, finding codes or findings; all stuck threads if not said.

        Raises:
            UsageError: A word that is neither a verdict nor a finding code.
        """
        from t3lens.session.plans import bulk_plans

        words = [wanted] if isinstance(wanted, str) else wanted
        return bulk_plans(self.session, [w if isinstance(w, str) else w.code for w in words])

    def actions(self) -> pd.DataFrame:
        """The journal of actions on these homes: who, when, why, plan, before, after."""
        return tables.actions(self.session)

    def close(self) -> None:
        """Let go of the store and the connection."""
        self.session.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _resolve_threads(threads: Sequence[str | Thread] | None) -> list[str | ThreadDiagnosis] | None:
    """Threads as the engine takes them."""
    if threads is None:
        return None
    return [one if isinstance(one, str) else one.diagnosis for one in threads]
