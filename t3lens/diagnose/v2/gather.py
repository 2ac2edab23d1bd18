"""From the store to facts, for a home of the second data model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from t3lens.diagnose.facts import (
    HomeFacts,
    LogLine,
    ModelInUse,
    ThreadRow,
)
from t3lens.diagnose.gatherer import Gatherer
from t3lens.diagnose.payloads import decode
from t3lens.diagnose.v2 import queries
from t3lens.diagnose.v2.as_session import in_common_words
from t3lens.diagnose.v2.facts import (
    AttemptRow,
    EffectRow,
    FailureItem,
    ImportRow,
    InterruptItems,
    NativeEnd,
    NodeRow,
    ProviderSessionRow,
    ProviderThreadRow,
    ProviderTurnRow,
    RequestRow,
    RunRow,
    SecondFacts,
    SubagentRow,
    ToolItem,
)
from t3lens.domain.event import Event
from t3lens.t3code.v1.log_grammar import NATIVE
from t3lens.t3code.v2.events import KNOWN_TYPES
from t3lens.t3code.v2.log import INTERRUPTS, STARTS
from t3lens.t3code.v2.reducer import COMMAND_TYPE
from t3lens.t3code.v2.schema import CURSOR_NAME, EVENT_VERSION
from t3lens.t3code.v2.words import INTERRUPT_RESULT_ITEM
from t3lens.time import Micros

if TYPE_CHECKING:
    from t3lens.diagnose.streams import Streams

__all__ = ["SecondGatherer"]

_OF_LOGS = ("heard", "ends", "asked_again_at", "statuses")
_OF_DATABASE = (
    "row",
    "session",
    "turns",
    "stored",
    "runs",
    "attempts",
    "nodes",
    "provider_turns",
    "sessions",
    "provider_threads",
    "asked",
    "effects",
    "reasons",
    "interrupts",
    "tools",
    "subagents",
    "helpers_at",
    "imported",
    "reconciled",
    "worked_at",
    "newest_sequence",
)


class SecondGatherer(Gatherer):
    """Reads a home of the second data model out of the store."""

    model = ModelInUse.SECOND
    of_database = _OF_DATABASE
    of_records = queries.OF_RECORDS
    _facts: dict[str, SecondFacts]  # type: ignore[assignment]  # only its own kind is ever put in

    def _thread(self, thread_id: str) -> SecondFacts:
        facts = self._facts.get(thread_id)
        if facts is None:
            facts = SecondFacts(home_id=self._home_id, thread_id=thread_id)
            self._facts[thread_id] = facts
        return facts

    def home(self, *, brief: bool = False) -> HomeFacts:
        """All of the home; a thread that only an old log names is not one of it."""
        home = super().home(brief=brief)
        if any(facts.row is not None for facts in self._facts.values()):
            home.threads = {k: facts for k, facts in home.threads.items() if facts.row is not None}
        home.dark = self._dark_times()
        return home

    def again(self, known: HomeFacts) -> HomeFacts:
        """The home as it was known, with some threads read anew."""
        home = super().again(known)
        if any(facts.row is not None for facts in home.threads.values()):
            home.threads = {k: facts for k, facts in home.threads.items() if facts.row is not None}
        home.dark = self._dark_times()
        return home

    def owners(self, streams: Streams) -> set[str]:
        """None: rows of this model are read with the home."""
        return set()

    # Narrower than what it overrides, which types refuse of a dict: its facts are those of this model alone.
    def records(self, home: HomeFacts, streams: Streams | None = None) -> dict[str, SecondFacts]:  # type: ignore[override]
        """All that is known of some threads; one that only an old log names is none of the home."""
        found = super().records(home, streams)
        stored = any(facts.row is not None for facts in home.threads.values())
        return {key: self._facts[key] for key in found if key in home.threads or not stored}

    def _dark_times(self) -> tuple[tuple[Micros, Micros], ...]:
        """Of all times, also of those after the moment that is looked at: what was dark is known only afterwards."""
        starts = [start for (start,) in self._rows(queries.STARTS_SEEN)]
        return tuple(self._rows(queries.DARK, starts=starts)) if starts else ()

    def _logs(self) -> None:
        for thread_id, _, ref in self._rows(queries.LIFE):
            self._thread(thread_id).heard = LogLine(**ref)
        for thread_id, at, native, turn, kind, direction, path, line, offset in self._rows(queries.ENDS):
            facts = self._thread(thread_id)
            if kind in STARTS:
                if direction == "outgoing":
                    facts.asked_again_at = at
                continue
            if direction != "outgoing" and kind not in INTERRUPTS:
                ref = LogLine(path, line, offset, at, NATIVE, kind)
                facts.ends.append(NativeEnd(at, native, turn, ref))
        for thread_id, path, line, offset, at, label, kind in self._rows(queries.STATUSES):
            self._thread(thread_id).statuses.append(LogLine(path, line, offset, at, label, kind))

    def _stored(self) -> None:
        for row in self._rows(queries.STORED):
            (
                thread_id,
                sequence,
                event_id,
                kind,
                at,
                command_id,
                command,
                run,
                driver,
                instance,
                text,
            ) = row
            payload = decode(text)
            if command is not None:
                payload[COMMAND_TYPE] = command
            self._thread(thread_id).stored.append(
                Event(
                    event_id=event_id,
                    type=kind,
                    at=at,
                    turn_id=run,
                    provider=driver,
                    provider_instance_id=instance,
                    payload=payload,
                    sequence=sequence,
                    command_id=command_id,
                )
            )
        ended: dict[str, set[str]] = {}
        for thread_id, run_id in self._rows(queries.RECONCILED):
            ended.setdefault(thread_id, set()).add(run_id)
        for thread_id, runs in ended.items():
            self._thread(thread_id).reconciled = frozenset(runs)
        for thread_id, at in self._rows(queries.WORK):
            self._thread(thread_id).worked_at = at
        for thread_id, sequence in self._rows(queries.NEWEST_SEQUENCES, version=EVENT_VERSION):
            self._thread(thread_id).newest_sequence = sequence

    def _listed(self) -> Iterator[tuple[Any, ...]]:
        return self._rows(queries.THREADS)

    def _turns(self) -> None:
        """The turns of this model are runs: they tell what a person sees when the records are known, too."""
        if self._many:
            for facts in self._facts.values():
                in_common_words(facts)

    def _projections(self) -> None:
        for thread_id, *values in self._listed():
            self._thread(thread_id).row = ThreadRow(*values)
        for thread_id, *values in self._rows(queries.RUNS):
            self._thread(thread_id).runs.append(RunRow(*values))
        for thread_id, *values in self._rows(queries.ATTEMPTS):
            self._thread(thread_id).attempts.append(AttemptRow(*values))
        for thread_id, *values in self._rows(queries.NODES):
            self._thread(thread_id).nodes.append(NodeRow(*values))
        for thread_id, *values in self._rows(queries.PROVIDER_TURNS):
            self._thread(thread_id).provider_turns.append(ProviderTurnRow(*values))
        for thread_id, *values in self._rows(queries.PROVIDER_SESSIONS):
            self._thread(thread_id).sessions.append(ProviderSessionRow(*values))
        for thread_id, *values in self._rows(queries.PROVIDER_THREADS):
            self._thread(thread_id).provider_threads.append(ProviderThreadRow(*values))
        for thread_id, *values in self._rows(queries.REQUESTS):
            self._thread(thread_id).asked.append(RequestRow(*values))
        for thread_id, *values in self._rows(queries.EFFECTS):
            self._thread(thread_id).effects.append(EffectRow(*values))
        for thread_id, *values in self._rows(queries.IMPORTS):
            self._thread(thread_id).imported = ImportRow(*values)
        for thread_id, *values in self._rows(queries.REASONS):
            self._thread(thread_id).reasons.append(_reason(values))
        for thread_id, items in _interrupts(self._rows(queries.INTERRUPTS)).items():
            self._thread(thread_id).interrupts = items
        for thread_id, *values in self._rows(queries.TOOLS, least=self._thresholds.micros("silence")):
            self._thread(thread_id).tools.append(ToolItem(*values))
        for thread_id, *values in self._rows(queries.SUBAGENTS):
            self._thread(thread_id).subagents.append(SubagentRow(*values))
        for thread_id, at in self._rows(queries.HELPERS):
            self._thread(thread_id).helpers_at = at
        for facts in self._facts.values():
            in_common_words(facts)

    def _totals(self, home: HomeFacts) -> None:
        home.last_sequence, home.newest_at = next(self._rows(queries.TOTALS))
        home.extra["newest_event_at"] = home.newest_at
        for sequence, _ in self._rows(queries.CURSOR, cursor=CURSOR_NAME):
            home.last_applied = sequence
        home.clock_falls = []

    def _unknown_types(self) -> dict[str, int]:
        return {k: n for k, n in self._rows(queries.UNKNOWN_TYPES) if k not in KNOWN_TYPES}


def _reason(values: list[Any]) -> FailureItem:
    item_id, run_id, at, message, code = values
    return FailureItem(item_id, run_id, at, message, code)


def _interrupts(rows: Iterator[tuple[Any, ...]]) -> dict[str, list[InterruptItems]]:
    found: dict[str, list[tuple[str, str | None, int | None]]] = {}
    done: dict[tuple[str, str | None], int] = {}
    for thread_id, key, run_id, at, kind in rows:
        if kind == INTERRUPT_RESULT_ITEM:
            done[thread_id, run_id] = at or 0
        else:
            found.setdefault(thread_id, []).append((key, run_id, at))
    return {
        thread_id: [InterruptItems(key, run_id, at, done.get((thread_id, run_id))) for key, run_id, at in items]
        for thread_id, items in found.items()
    }
