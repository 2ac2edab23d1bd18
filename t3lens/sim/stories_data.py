"""Stories of damaged or foreign data: bytes, projectors, receipts, clocks and logs that do not add up."""

from __future__ import annotations

from pathlib import Path

from t3lens.sim.home import SimHome
from t3lens.sim.stories_live import WORDS, begin
from t3lens.sim.story import Expect, StoryOutcome, story
from t3lens.sim.tamper import corrupt_database, cut_log_head, edit_database
from t3lens.time import Micros, iso

__all__: list[str] = []


@story("database-corrupt", "A page of the database was overwritten.")
def corrupt(home: SimHome, provider: str) -> StoryOutcome:
    """It opens, and cannot be trusted."""
    thread = begin(home, provider)
    home.turn(thread, "Go on.", WORDS)
    home.stop_server()
    home.advance(60)
    expect = Expect(verdict=("idle", "unknown", "diverged", "stopped"))
    return StoryOutcome(threads={thread: expect}, home=("database-corrupt",), tamper=corrupt_database)


@story("projection-gap", "A projector stands behind the event store, and no server runs.")
def projection_gap(home: SimHome, provider: str) -> StoryOutcome:
    """Rows that say yesterday."""
    thread = begin(home, provider)
    home.stop_server()
    home.advance(60)

    def tamper(path: Path) -> None:
        where = "UPDATE projection_state SET last_applied_sequence = last_applied_sequence - 5 WHERE projector = ?"
        edit_database(path, (where, ("projection.thread-turns",)))

    return StoryOutcome(threads={thread: Expect(verdict=("diverged",), must=("projection-gap",))}, tamper=tamper)


@story("projection-differs", "A turn's row says something else than the events it follows from.")
def projection_differs(home: SimHome, provider: str) -> StoryOutcome:
    """A row edited by hand."""
    thread = begin(home, provider)

    def tamper(path: Path) -> None:
        edit_database(path, ("UPDATE projection_turns SET state = 'interrupted'", ()))

    return StoryOutcome(threads={thread: Expect(verdict=("diverged",), must=("projection-differs",))}, tamper=tamper)


@story("unexplained-write", "An event stands in the store that no command was accepted for.")
def unexplained(home: SimHome, provider: str) -> StoryOutcome:
    """Appended by hand."""
    thread = begin(home, provider)

    def tamper(path: Path) -> None:
        gone = "DELETE FROM orchestration_command_receipts WHERE command_id LIKE 'server:checkpoint-captured%'"
        edit_database(path, (gone, ()))

    return StoryOutcome(threads={thread: Expect(verdict=("idle",), must=("unexplained-write",))}, tamper=tamper)


@story("clock-went-back", "The machine's clock was set back by five minutes between two turns.")
def clock_back(home: SimHome, provider: str) -> StoryOutcome:
    """Times lie, the sequence does not."""
    thread = begin(home, provider)
    home.advance(600)
    home.turn(thread, "Go on.", WORDS)
    home.set_clock_back(300)
    home.turn(thread, "Go on.", WORDS)
    home.advance(400)
    expect = Expect(verdict=("idle",), quiet=True)
    return StoryOutcome(threads={thread: expect}, home=("clock-went-back",))


@story("log-incomplete", "The beginning of the log is gone.")
def log_incomplete(home: SimHome, provider: str) -> StoryOutcome:
    """Absence proves nothing here."""
    thread = begin(home, provider)
    home.turn(thread, "Go on.", WORDS)
    home.advance(30)

    def tamper(path: Path) -> None:
        cut_log_head(path, thread, 25)

    return StoryOutcome(
        threads={thread: Expect(verdict=("idle",), must=("log-incomplete",), quiet=True)},
        tamper=tamper,
    )


@story("schema-unknown", "The database comes from a build that nobody has seen yet.")
def schema_unknown(home: SimHome, provider: str) -> StoryOutcome:
    """Unknown migrations and events pass through."""
    thread = begin(home, provider)

    def tamper(path: Path) -> None:
        _add_unknown(path, thread, home.now)

    return StoryOutcome(
        threads={thread: Expect(verdict=("idle",), quiet=True)},
        home=("schema-unknown",),
        tamper=tamper,
    )


def _add_unknown(path: Path, thread: str, at: Micros) -> None:
    stamp = iso(at)
    edit_database(
        path,
        (
            "INSERT INTO effect_sql_migrations VALUES (99, '2027-01-01 00:00:00', 'ThreadsFromTheFuture')",
            (),
        ),
        (
            "INSERT INTO orchestration_events (event_id, aggregate_kind, stream_id, stream_version, event_type,"
            " occurred_at, command_id, correlation_id, actor_kind, payload_json, metadata_json)"
            " VALUES ('event-from-the-future', 'thread', ?1, 999, 'thread.teleported', ?2, 'cmd-future', 'cmd-future',"
            " 'client', '{}', '{}')",
            (thread, stamp),
        ),
        (
            "INSERT INTO orchestration_command_receipts SELECT 'cmd-future', 'thread', ?1, ?2, max(sequence),"
            " 'accepted', NULL FROM orchestration_events",
            (thread, stamp),
        ),
        ("UPDATE projection_state SET last_applied_sequence = last_applied_sequence + 1", ()),
    )
