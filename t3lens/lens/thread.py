"""One thread in a user's hand: its story, its timeline, its past, and what can be done about it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from t3lens.diagnose.replays import Replay
from t3lens.diagnose.story import Explanation, divergence, explain
from t3lens.diagnose.travel import Comparison, PastState, compare_replays, past_state, state_after
from t3lens.diagnose.under_profile import check_profile, no_such_profile, replay_under
from t3lens.lens import tables
from t3lens.time import Micros, iso, parse_moment

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    import pandas as pd
    import plotly.graph_objects as go

    from t3lens.act import BoundPlan
    from t3lens.act.answer import Decided
    from t3lens.diagnose import ThreadDiagnosis
    from t3lens.domain.finding import Verdict
    from t3lens.session.notes import Note
    from t3lens.session.plans import BoundRepair
    from t3lens.session.session import Session
    from t3lens.view.evidence import FindingView
    from t3lens.view.scene.parts import Scene
    from t3lens.view.story import DivergenceView, Story

__all__ = ["Thread"]


class Thread:
    """One thread of a ``Lens``.

    Attributes:
        diagnosis: What was concluded of it, with facts and replays.
    """

    def __init__(self, session: Session, diagnosis: ThreadDiagnosis) -> None:
        self._session = session
        self.diagnosis = diagnosis

    @property
    def thread_id(self) -> str:
        """Its id."""
        return self.diagnosis.thread_id

    @property
    def home_id(self) -> str:
        """Its home."""
        return self.diagnosis.home_id

    @property
    def title(self) -> str | None:
        """Its title, if the database has one."""
        return self.diagnosis.title

    @property
    def verdict(self) -> Verdict:
        """What it is."""
        return self.diagnosis.verdict

    @property
    def findings(self) -> tuple[FindingView, ...]:
        """Its findings, the one that explains the verdict first; ``findings[0].evidence[0].open()`` shows a record."""
        from t3lens.view.evidence import shown_findings

        home = self._session.home(self.home_id)
        return shown_findings(self.diagnosis.findings, self._session.store, home)

    @property
    def as_of(self) -> Micros:
        """The moment its verdict is about, microseconds UTC."""
        return self.diagnosis.case.context.as_of

    # --- looking ---------------------------------------------------------------------------------------------

    def explain(self) -> Story:
        """Its story: what was asked, what the provider did, what T3 Code stored, where it went wrong, what follows."""
        from t3lens.view.story import Story

        return Story(self._explanation)

    def divergence(self) -> DivergenceView:
        """Native, expected, stored and binding side by side, with the first event where two of them part."""
        from t3lens.view.story import DivergenceView

        return DivergenceView(divergence(self.diagnosis))

    @cached_property
    def _explanation(self) -> Explanation:
        return explain(self.diagnosis)

    def incidents(self) -> pd.DataFrame:
        """What was wrong with it, from when to when, and what ended it; see ``lens.incidents``."""
        return tables.incidents(self._session, None, (self.thread_id,))

    def transitions(self, rules: str | None = None) -> pd.DataFrame:
        """One row per event that was replayed: what it did, by which rule, and why.

        Args:
            rules: A profile; the reference if not said.
        """
        return tables.transitions(self._replay(rules))

    def _replay(self, rules: str | None) -> Replay:
        both = self.diagnosis.case.replays
        for replay in (both.expected, both.shipped):
            if rules is None or replay.rules.name == rules:
                return replay
        found = replay_under(self.diagnosis.case, rules or "")
        if found is None:
            check_profile(rules or "")
            raise no_such_profile(self.diagnosis.case, rules or "")
        return found

    def events(self, *, limit: int | None = None) -> pd.DataFrame:
        """Its log records and stored events in order of time."""
        return tables.events(self._session, self.thread_id, limit)

    def turns(self) -> pd.DataFrame:
        """Its turns: stored state and expected state."""
        frame = tables.turns(self._session)
        return frame[(frame.thread_id == self.thread_id) & (frame.home_id == self.home_id)].reset_index(drop=True)

    def state_at(self, moment: str | datetime | Micros) -> PastState:
        """Time travel: its expected and stored session, its turns and what was open at a moment.

        Args:
            moment: ISO 8601 text (UTC unless it says otherwise), an aware datetime, or microseconds.
        """
        at = parse_moment(moment)
        return past_state(self.diagnosis, at, self._session.until(self._session.home(self.home_id), at))

    def step(self, number: int) -> PastState:
        """The state after the first ``number`` events: stepping through the thread, transition by transition.

        Args:
            number: From 0 (nothing happened yet) to ``len(thread.transitions())``; negative counts from the end.

        Raises:
            UsageError: There are fewer events.
        """
        return state_after(self.diagnosis, number)

    def compare(self, rules: str) -> Comparison:
        """What would differ under other rules, and from which event.

        Args:
            rules: The profile to compare with the rules of the build that wrote the home.
        """
        shipped = self.diagnosis.case.replays.shipped
        return compare_replays(self.thread_id, shipped, self._replay(rules))

    # --- showing ---------------------------------------------------------------------------------------------

    def timeline(
        self,
        *,
        compare: str | None = None,
        static: bool = False,
        content: bool = False,
        dark: bool = False,
        since_fork: bool = False,
    ) -> go.Figure:
        """Everything that is known about it on one time axis.

        Args:
            compare: A rules profile to show as parallel lanes, the fork marked.
            static: A plain figure that needs no kernel.
            content: Let the record pane show prompt and answer text too.
            dark: Draw for a dark page.
            since_fork: Count times from where history forked, at first; the figure itself can switch that.
        """
        from t3lens.view.timeline.figure import thread_timeline

        self._session.keep_past(self.thread_id)
        return thread_timeline(
            self._session.store,
            self.home_id,
            self.thread_id,
            as_of=self.as_of,
            compare=compare,
            static=static,
            content=content,
            dark=dark,
            since_fork=since_fork,
        )

    def scene(self, *, compare: str | None = None) -> Scene:
        """What its timeline shows, as data: lanes, bars, marks, words and folded time, for a renderer of your own.

        Args:
            compare: A rules profile to show as parallel lanes, the fork marked.
        """
        from t3lens.view.timeline.data import TimelineIndex
        from t3lens.view.timeline.scene import thread_scene

        self._session.keep_past(self.thread_id)
        index = TimelineIndex(self._session.store, self.home_id, self.thread_id, as_of=self.as_of, compare=compare)
        try:
            return thread_scene(index.view(share=0.5))
        finally:
            index.close()

    def note(self, about: str | datetime | Micros, text: str) -> Note:
        """Write down something about a moment: kept in the store, shown in the timeline and in the report.

        Args:
            about: ISO 8601 text (UTC unless it says otherwise), an aware datetime, or microseconds.
            text: What is to be remembered, at most 2,000 characters.

        Raises:
            UsageError: It says nothing, or too much, or ``about`` is no time.
            StoreError: The store cannot be written.
        """
        from t3lens.session.notes import add_note

        return add_note(self._session.store, self.home_id, self.thread_id, parse_moment(about), text)

    def remove_note(self, note_id: str) -> None:
        """Delete a note on this thread; the view ``notes`` has their ids. Does nothing if there is none of that id.

        Raises:
            StoreError: The store cannot be written.
        """
        from t3lens.session.notes import remove_note

        remove_note(self._session.store, note_id, of=(self.home_id, self.thread_id))

    def report(self, path: str | Path, **options: Any) -> Path:
        """Write the incident document of this thread; see ``t3lens.report``."""
        from t3lens.report import write_report

        return write_report(self._session, [self.diagnosis], path, **options)

    def __repr__(self) -> str:
        from t3lens.view.page.escape import plain

        since = f" since {iso(self.diagnosis.since)}" if self.diagnosis.since is not None else ""
        primary = f" ({self.diagnosis.primary})" if self.diagnosis.primary else ""
        said = self._explanation
        title, headline = plain(self.title or "", 200), plain(said.headline, 1000)
        return f"Thread {self.thread_id} {title!r}{since}\n  {said.verdict}{primary}: {headline}"

    def _repr_html_(self) -> str:
        return self.explain()._repr_html_()

    # --- acting ----------------------------------------------------------------------------------------------

    def stop(self) -> BoundPlan:
        """A plan to stop its session because you want it. Making it sends nothing but reads."""
        from t3lens.session.plans import server_plan

        return server_plan(self._session, self.diagnosis, "stop")

    def decline(self, request_id: str | None = None) -> BoundPlan:
        """A plan to say no to what its provider asks, or asked before it was gone. Making it sends nothing but reads.

        Args:
            request_id: The approval, as evidence names it; all that are open if not said.

        Raises:
            UsageError: Only a store is open, not the home.
        """
        from t3lens.session.plans import server_plan

        return server_plan(self._session, self.diagnosis, "decline", request_id=request_id)

    def answer(
        self,
        decision: Decided | None = None,
        *,
        text: str | None = None,
        options: Sequence[str] = (),
        each: Mapping[str, str | Sequence[str]] | None = None,
        request_id: str | None = None,
    ) -> BoundPlan:
        """A plan to answer what its provider asks. Making it sends nothing but reads.

        Args:
            decision: To an approval: ``accept``, ``acceptForSession``, ``decline`` or ``cancel``.
            text: To a question: your words.
            options: To a question: labels of what you choose.
            each: To a request that asks several things: by the question's id, your words, or labels of what you choose.
            request_id: The request, as evidence names it; the only open one if not said.

        Raises:
            UsageError: Not one of the four is given, or only a store is open, not the home.
        """
        from t3lens.act.answer import Answer
        from t3lens.session.plans import server_plan

        parts = {key: (one,) if isinstance(one, str) else tuple(one) for key, one in (each or {}).items()}
        said = Answer(decision=decision, text=text, options=tuple(options), each=parts)
        return server_plan(self._session, self.diagnosis, "answer", request_id=request_id, answer=said)

    def resume_queue(self) -> BoundPlan:
        """A plan to let its held queue go on (second data model, October 2026 on). Making it sends nothing but reads.

        Raises:
            UsageError: Only a store is open, not the home.
        """
        from t3lens.session.plans import server_plan

        return server_plan(self._session, self.diagnosis, "resume-queue")

    def cancel_queued(self, run_id: str | None = None) -> BoundPlan:
        """A plan to take a queued message out of its queue (second data model). Making it sends nothing but reads.

        Args:
            run_id: The queued run; the only one if not said.

        Raises:
            UsageError: Only a store is open, not the home.
        """
        from t3lens.act.queue_change import Queued
        from t3lens.session.plans import server_plan

        return server_plan(self._session, self.diagnosis, "cancel-queued", queued=Queued(run_id=run_id))

    def move_queued(self, run_id: str, *, before: str | None = None) -> BoundPlan:
        """A plan to give a queued message another place (second data model). Making it sends nothing but reads.

        Args:
            run_id: The queued run.
            before: The queued run it is to stand before; the end of the queue if not said.

        Raises:
            UsageError: Only a store is open, not the home.
        """
        from t3lens.act.queue_change import Queued
        from t3lens.session.plans import server_plan

        return server_plan(self._session, self.diagnosis, "move-queued", queued=Queued(run_id=run_id, before=before))

    def edit_queued(self, text: str, run_id: str | None = None) -> BoundPlan:
        """A plan to have a queued message say something else (second data model). Making it sends nothing but reads.

        Args:
            text: The new text; attachments stay.
            run_id: The queued run; the only one if not said.

        Raises:
            UsageError: The text is blank, or only a store is open, not the home.
        """
        from t3lens.act.queue_change import Queued
        from t3lens.session.plans import server_plan

        return server_plan(self._session, self.diagnosis, "edit-queued", queued=Queued(run_id=run_id, text=text))

    def promote_queued(self, run_id: str | None = None) -> BoundPlan:
        """A plan to hand a queued message to the run at work (second data model). Making it sends nothing but reads.

        Args:
            run_id: The queued run; the only one if not said.

        Raises:
            UsageError: Only a store is open, not the home.
        """
        from t3lens.act.queue_change import Queued
        from t3lens.session.plans import server_plan

        return server_plan(self._session, self.diagnosis, "promote-queued", queued=Queued(run_id=run_id))

    def reconcile(self, *, offline: bool = False) -> BoundPlan | BoundRepair:
        """A plan to bring what is stored into agreement with what is true. Making it sends nothing but reads.

        Args:
            offline: Repair the database itself, while no server runs; else by the server's own commands.

        Raises:
            UsageError: Only a store is open, not the home.
            InputError: Offline, and the home's database cannot be read or is not known well enough.
        """
        from t3lens.session.plans import offline_plan, server_plan

        if offline:
            return offline_plan(self._session, self.diagnosis)
        return server_plan(self._session, self.diagnosis, "reconcile")
