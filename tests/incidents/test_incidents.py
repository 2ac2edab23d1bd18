"""What was wrong, from when to when, and what ended it; what is wrong now are the episodes that go on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from t3lens.act.journal import ActionRecord
from t3lens.commands import cli
from t3lens.diagnose import Diagnosis, Options, ServerSetting, diagnose
from t3lens.diagnose.context import Context
from t3lens.document.incidents import schema
from t3lens.incidents import Episode, EpisodeEnd, find_episodes
from t3lens.ingest import discover, ingest
from t3lens.sim import SimHome
from t3lens.sim.fleet import fleet
from t3lens.sim.script import Fail, Hang, Say, Tool
from t3lens.store import Store
from t3lens.time import SECOND, Micros, iso, parse_iso
from tests.recordings import RECORDED, Recording, needs_recordings, recordings

WRONG = {"stuck", "diverged", "waiting", "failed"}


@contextmanager
def judged(home: Path, as_of: Micros, server: str = "alive") -> Iterator[tuple[Store, Diagnosis]]:
    with closing(Store.open()) as store:
        homes = discover([home])
        ingest(store, homes)
        options = Options(as_of=as_of, server=ServerSetting(server))
        yield store, diagnose(store, [one.home_id for one in homes], options)


def episodes(home: Path, as_of: Micros, server: str = "alive", **how: object) -> list[Episode]:
    with judged(home, as_of, server) as (store, diagnosis):
        return find_episodes(store, diagnosis, **how)  # type: ignore[arg-type]


def told(found: list[Episode]) -> list[tuple[str, str, str]]:
    return [(one.verdict.value, one.code, one.ended_by.value) for one in found]


# --- recorded ----------------------------------------------------------------------------------------------------


LAST = {recording.path.parent: recording for recording in recordings()}
"""The last state of each recorded scenario: what was before is in it."""


@needs_recordings
@pytest.mark.parametrize("recording", LAST.values(), ids=lambda recording: recording.name)
def test_what_is_wrong_now_is_what_goes_on(recording: Recording) -> None:
    right = recording.expected
    with judged(recording.path, parse_iso(right["as_of"]), right["server"]) as (store, diagnosis):
        found = find_episodes(store, diagnosis)
        going_on = {(one.thread_id, one.verdict.value, one.code) for one in found if one.open}
        now = {(t.thread_id, t.verdict.value, t.primary) for t in diagnosis.threads if t.verdict.value in WRONG}
    assert going_on == now
    for one in found:
        assert one.since <= one.seen_until
        assert one.until is None or one.seen_until <= one.until + SECOND


@needs_recordings
@pytest.mark.parametrize(
    ("state", "right"),
    [
        ("0.0.28/07c-kill9-restart-stop/4-after-next-turn", [("stuck", "orphaned-turn", "stopped")]),
        ("0.0.28/07-kill9-server/5-after-next-turn", [("stuck", "orphaned-turn", "new-message")]),
        ("0.0.33/07c-kill9-restart-stop/4-after-next-turn", [("failed", "lost-at-restart", "new-message")]),
        ("0.0.33/10-approval/4-after-accept", [("waiting", "waiting-for-user", "answered")]),
        (
            "0.0.33/24b-kill9-pending-start-after-idle/3-after-next-turn",
            [("stuck", "pending-turn-abandoned", "new-message")],
        ),
        (
            "0.0.33/10b-approval-restart/4-after-stop",
            [
                ("waiting", "waiting-for-user", "restart"),
                ("stuck", "request-on-dead-session", "answered"),
                ("failed", "lost-at-restart", "never"),
                ("stuck", "answer-not-delivered", "stopped"),
            ],
        ),
        ("0.0.33/01-normal/2-after-sigterm", []),
        ("0.0.33/12-steering/2-live", []),
        ("0.0.33/19-long-silent-tool/2-done", []),
    ],
)
def test_a_recorded_matter_has_its_true_end(state: str, right: list[tuple[str, str, str]]) -> None:
    expected = json.loads((RECORDED / state / "expected.json").read_text())
    assert told(episodes(RECORDED / state, parse_iso(expected["as_of"]), expected["server"])) == right


# --- simulated ---------------------------------------------------------------------------------------------------


def test_a_thread_that_hangs_every_night_and_is_freed_every_morning(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Nightly checks", provider="codex")
        for _ in range(3):
            home.send(thread, "Run the checks.", Say("Starting."), Hang())
            home.wait_running(thread)
            home.advance(3600)
            home.stop(thread)
            home.wait_idle(thread)
            home.turn(thread, "Again, please.", Say("Done."))
            home.advance(80_000)
    found = episodes(tmp_path / "home", home.now)
    assert told(found) == [("stuck", "silent-turn", "stopped")] * 3
    for one in found:
        assert 3000 * SECOND < one.lasted <= 3700 * SECOND
        assert one.message_id is not None
    assert len({one.incident_id for one in found}) == 3
    second = found[1]
    assert second.until is not None
    assert told(episodes(tmp_path / "home", home.now, since=second.until)) == told(found)[1:]


def test_an_action_of_the_journal_is_named_as_what_ended_it(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.send(thread, "Make it fast.", Hang())
        home.wait_running(thread)
        home.advance(1200)
        home.stop(thread)
        home.wait_idle(thread)
        home.advance(60)
    (one,) = episodes(tmp_path / "home", home.now)
    assert one.ended_by is EpisodeEnd.STOPPED
    with judged(tmp_path / "home", home.now) as (store, diagnosis):
        (case,) = [t.case for t in diagnosis.threads]
        (asked,) = [e for e in case.facts.stored if e.type == "thread.session-stop-requested"]
        action = ActionRecord(
            action_id="a1", at=asked.at, who="somebody", kind="stop", why="", home_id=one.home_id, thread_id=thread,
            title="", turn_id=None, plan={}, steps=({"command": {"commandId": asked.command_id}},),
        )  # fmt: skip
        (again,) = find_episodes(store, diagnosis, actions=[action])
    assert (again.ended_by, again.action_id) == (EpisodeEnd.ACTION, "a1")
    assert again.incident_id == one.incident_id


@pytest.mark.parametrize("build", ["0.0.23", "0.0.28", "0.0.33"])
def test_a_stop_that_makes_the_provider_exit_is_the_stop_of_a_person(tmp_path: Path, build: str) -> None:
    with SimHome(tmp_path / "home", build=build) as home:
        thread = home.thread("Update the dependencies", provider="codex")
        home.turn(thread, "What first?", Say("The parser."))
        home.send(thread, "Update them.", Say("Starting."), Hang())
        home.wait_running(thread)
        home.advance(2100)
        home.stop(thread)
        home.wait_idle(thread)
        home.advance(60)
    assert told(episodes(tmp_path / "home", home.now))[0] == ("stuck", "silent-turn", "stopped")


def test_a_failure_ends_with_the_next_message(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="opencode")
        home.turn(thread, "Make it fast.", Fail("The model refused."))
        home.advance(300)
        home.turn(thread, "Try again.", Say("Done."))
        home.advance(60)
    (one,) = episodes(tmp_path / "home", home.now)
    assert told([one]) == [("failed", "turn-failed", "new-message")]
    assert "The model refused" in one.summary


def test_threads_that_worked_long_and_well_had_no_incident(tmp_path: Path) -> None:
    home = fleet(tmp_path / "home", 120, build="0.0.33")
    found = episodes(tmp_path / "home", home.now)
    assert {one.verdict.value for one in found} <= {"waiting", "failed"}
    assert all(one.code in ("waiting-for-user", "turn-failed") for one in found)


def test_a_long_tool_is_none_and_a_log_alone_tells_of_a_wait(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Tidy up", provider="codex", runtime_mode="approval-required")
        home.turn(thread, "Count.", Tool("make check", 900), Say("Done."))
        home.send(thread, "Remove it.", Tool("rm -rf build", approval=True), Say("Removed."))
        home.wait_request(thread)
        home.advance(400)
        home.respond(thread)
        home.wait_idle(thread)
        home.advance(60)
    whole = episodes(tmp_path / "home", home.now)
    assert told(whole) == [("waiting", "waiting-for-user", "answered")]
    for database in home.userdata.glob("state.sqlite*"):
        database.unlink()
    alone = episodes(tmp_path / "home", home.now)
    assert [one.verdict.value for one in alone] == ["waiting"]


def test_the_command_prints_what_its_schema_says(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Speed up the parser", provider="codex")
        home.send(thread, "Make it fast.", Hang())
        home.wait_running(thread)
        home.advance(1200)
        home.stop(thread)
        home.wait_idle(thread)
        home.advance(60)
    arguments = ["incidents", str(tmp_path / "home"), "--server", "alive", "--as-of", iso(home.now)]
    run = CliRunner().invoke(cli, [*arguments, "--format", "json"])
    assert run.exit_code == 0, run.output
    rows = json.loads(run.stdout)
    jsonschema.validate(rows, schema())
    assert [(row["verdict"], row["ended_by"], row["from"] < row["to"]) for row in rows] == [("stuck", "stopped", True)]
    table = CliRunner().invoke(cli, arguments)
    assert "silent-turn" in table.stdout
    lines = CliRunner().invoke(cli, [*arguments, "--format", "ndjson"])
    assert [json.loads(line) for line in lines.stdout.splitlines()] == rows


@needs_recordings
def test_of_a_thread_that_never_paused_no_state_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    recording = next(one for one in LAST.values() if one.expected["threads"])
    right = recording.expected
    with judged(recording.path, parse_iso(right["as_of"]), right["server"]) as (store, diagnosis):
        monkeypatch.setattr(Context, "threshold", lambda _self, _name: 400 * 86_400 * SECOND)
        find_episodes(store, diagnosis)
        assert [thread.case.replays.expected._states for thread in diagnosis.threads] == [None] * len(diagnosis.threads)
