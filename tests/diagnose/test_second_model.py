"""No verdict on unknown ground: homes of the second data model whose tables are not all there get names, and nothing
else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import t3lens
from t3lens.act import Outcome
from t3lens.diagnose import HomeServer, diagnose, register_all
from t3lens.domain.finding import Confidence, Verdict
from t3lens.t3code.data_model import DataModel
from tests.recordings import Recording, needs_recordings_v2, one_of_each, recordings_v2
from tests.second_model import (
    CODEX_LINE,
    NATIVE_ID,
    V1_STUCK,
    V2_THREADS,
    branch_home,
    execute,
    only_second,
    put_threads,
    sample,
    upgraded_home,
)


def _open(home: Path, **options: object) -> t3lens.Lens:
    return t3lens.open(home, progress=False, **options)  # type: ignore[arg-type]


def _nothing_judged(lens: t3lens.Lens) -> None:
    (home,) = lens.diagnosis.homes
    assert {thread.verdict for thread in home.threads} <= {Verdict.UNKNOWN}
    assert lens.diagnosis.findings == []
    assert len(home.checks) == len(register_all())
    assert {(check.checked, check.why) for check in home.checks} == {(False, "not checked: the home is V2")}
    assert lens.notices == [home.notice]
    assert repr(lens).startswith("!! home ")
    assert lens.sql("from findings").empty
    assert lens.sql("from transitions").empty


def _named(lens: t3lens.Lens) -> dict[str, str | None]:
    named = {thread.thread_id: thread.title for thread in lens.diagnosis.threads}
    assert NATIVE_ID not in set(lens.sql("from log_events select distinct thread_id").thread_id)
    return named


@pytest.mark.parametrize(
    ("make", "model", "more"),
    [
        (branch_home, DataModel.V2, {}),
        (only_second, DataModel.V2, {}),
        (upgraded_home, DataModel.BOTH, {V1_STUCK: "Speed up the parser"}),
    ],
)
def test_threads_are_those_of_the_second_data_model(
    make: Callable[[Path], Path], model: DataModel, more: dict[str, str], tmp_path: Path
) -> None:
    with _open(make(tmp_path)) as lens:
        (home,) = lens.diagnosis.homes
        assert home.home.standing.model is model
        _nothing_judged(lens)
        named = _named(lens)
        assert V2_THREADS.items() <= named.items()
        assert more.items() <= named.items()
        if model is DataModel.V2:
            assert named == V2_THREADS


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE orchestration_v2_projection_runs (run_id TEXT)",
        "INSERT INTO effect_sql_migrations (migration_id, name) VALUES (54, 'OrchestrationV2')",
        "INSERT INTO effect_sql_migrations (migration_id, name) VALUES (38, 'OrchestrationV2')"
        " ON CONFLICT DO UPDATE SET name = excluded.name",
    ],
)
def test_one_sign_in_the_database_is_enough(statement: str, tmp_path: Path) -> None:
    home = sample(tmp_path)
    execute(home / "state.sqlite", statement)
    with _open(home) as lens:
        _nothing_judged(lens)
        assert V1_STUCK in _named(lens)


@pytest.mark.parametrize("content", [b"", b"no database at all" * 40])
def test_a_second_database_that_cannot_be_read_still_tells(content: bytes, tmp_path: Path) -> None:
    home = sample(tmp_path)
    (home / "statev2.sqlite").write_bytes(content)
    with _open(home) as lens:
        _nothing_judged(lens)
        assert V1_STUCK in _named(lens)


def test_the_protocol_a_server_names_tells_too(tmp_path: Path) -> None:
    with _open(sample(tmp_path)) as lens:
        (home_id,) = lens.home_ids
        for protocol, judged in ((None, True), (1, True), (2, False), (3, False)):
            server = {home_id: HomeServer("alive", protocol=protocol)}
            (home,) = diagnose(lens.store, [home_id], servers=server).homes
            assert any(check.checked for check in home.checks) is judged, protocol
            assert (home.notice is None) is judged


def test_logs_alone_with_records_of_the_second_form_are_not_judged(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "events.11111111-aaaa-4bbb-8ccc-000000000001.log").write_text(CODEX_LINE)
    with _open(logs) as lens:
        assert lens.diagnosis.threads == []
        assert len(lens.notices) == 1
        _named(lens)


def test_a_home_that_is_upgraded_while_it_is_watched_is_judged_no_more(tmp_path: Path) -> None:
    home = sample(tmp_path)
    with _open(home) as lens:
        assert lens.thread(V1_STUCK).verdict is Verdict.STUCK
        put_threads(home / "statev2.sqlite")
        lens.catch_up()
        with (home / "logs" / "provider" / f"{V1_STUCK}.log").open("a") as log:
            log.write(CODEX_LINE)
        lens.catch_up()
        _nothing_judged(lens)
        assert V2_THREADS.items() <= _named(lens).items()


def test_a_kept_store_remembers_what_it_was_told(tmp_path: Path) -> None:
    home, store = upgraded_home(tmp_path / "home"), tmp_path / "kept.duckdb"
    for _ in range(2):
        with _open(home, store=store) as lens:
            _nothing_judged(lens)
    with t3lens.open(store=store, progress=False) as lens:
        _nothing_judged(lens)


def test_bundle_and_parquet_are_not_judged_either(tmp_path: Path) -> None:
    for number, make in enumerate((branch_home, upgraded_home, only_second)):
        folder = tmp_path / str(number)
        with _open(make(folder / "home")) as lens:
            before = {thread.thread_id for thread in lens.diagnosis.threads}
            made = lens.bundle(folder / "b.zip")
            assert made.reproduces
            lens.export_parquet(folder / "pq")
        for opened in (folder / "b.zip", folder / "pq" / "**" / "*.parquet"):
            with _open(opened) as again:
                _nothing_judged(again)
                assert {thread.thread_id for thread in again.diagnosis.threads} == before


@pytest.mark.parametrize("make", [branch_home, upgraded_home, only_second])
def test_nothing_is_done_in_such_a_home(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("T3LENS_ACTIONS", "1")
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "journal.ndjson"))
    home = make(tmp_path / "home")
    before = {path: path.read_bytes() for path in home.glob("*.sqlite*")}
    with _open(home) as lens:
        for found in lens.diagnosis.threads:
            thread = lens.thread_for(found)
            for bound in (thread.stop(), thread.reconcile(), thread.reconcile(offline=True)):
                assert bound.plan.decision == "refuse"
                assert "nothing is done to this home" in repr(bound)
                result = bound.execute(confirm=True, why="test")
                assert result.outcome is Outcome.REFUSED
                assert "V2" in result.detail
        plans = lens.reconcile()
        assert list(plans) == []
        assert repr(plans).startswith("refused: home ")
    assert {path: path.read_bytes() for path in home.glob("*.sqlite*")} == before


def test_an_offline_plan_made_before_the_upgrade_is_not_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_ACTIONS", "1")
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "journal.ndjson"))
    home = sample(tmp_path / "home")
    with _open(home) as lens:
        bound = lens.thread(V1_STUCK).reconcile(offline=True)
        assert bound.plan.acts
        before = (home / "state.sqlite").read_bytes()
        put_threads(home / "statev2.sqlite")
        result = bound.execute(confirm=True, why="test")
    assert (result.outcome, result.code) == (Outcome.REFUSED, "cannot-judge")
    assert (home / "state.sqlite").read_bytes() == before


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("INSERT INTO effect_sql_migrations (migration_id, name) VALUES (60, 'Teleport')", "60 Teleport"),
        ("CREATE TABLE projection_moods (thread_id TEXT)", "projection_moods"),
    ],
)
def test_one_step_beyond_what_is_known_makes_everything_less_sure(statement: str, named: str, tmp_path: Path) -> None:
    home = sample(tmp_path)
    with _open(home) as lens:
        before = {(f.code, f.thread_id): f.confidence for f in lens.diagnosis.findings}
        verdicts = [thread.verdict for thread in lens.diagnosis.threads]
        assert lens.notices == []
    execute(home / "state.sqlite", statement)
    lower = {
        Confidence.CERTAIN: Confidence.LIKELY,
        Confidence.LIKELY: Confidence.POSSIBLE,
        Confidence.POSSIBLE: Confidence.POSSIBLE,
    }
    with _open(home) as lens:
        after = {(f.code, f.thread_id): f.confidence for f in lens.diagnosis.findings if f.code != "schema-unknown"}
        assert before
        assert after == {key: lower[confidence] for key, confidence in before.items()}
        assert [thread.verdict for thread in lens.diagnosis.threads] == verdicts
        (notice,) = lens.notices
        assert named in notice
        assert repr(lens).startswith("!! home ")


def test_migrations_of_builds_up_to_0_0_45_whose_names_are_known_change_nothing(
    tmp_path: Path,
) -> None:
    from t3lens.t3code.data_model import V1_MIGRATIONS

    home = sample(tmp_path)
    with _open(home) as lens:
        before = lens.findings().drop(columns=["evidence"]).to_csv()
    execute(home / "state.sqlite", "DELETE FROM effect_sql_migrations")
    with closing(sqlite3.connect(home / "state.sqlite")) as con, con:
        con.executemany(
            "INSERT INTO effect_sql_migrations (migration_id, name) VALUES (?, ?)",
            list(V1_MIGRATIONS.items()),
        )
        con.execute("CREATE TABLE projection_thread_pull_requests (thread_id TEXT)")
    with _open(home, rules="shipped-0.0.29") as lens:
        assert lens.notices == []
        assert lens.findings().drop(columns=["evidence"]).to_csv() == before


def _stuck(recording: Recording) -> bool:
    return any("stuck" in thread["verdict"] for thread in recording.expected["threads"].values())


def _codes(recording: Recording) -> frozenset[str]:
    return frozenset(code for thread in recording.expected["threads"].values() for code in thread["must"])


@needs_recordings_v2
def test_without_its_server_nothing_is_sent_to_a_home_and_nothing_is_written_to_its_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_size: bool
) -> None:
    monkeypatch.setenv("T3LENS_ACTIONS", "1")
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "journal.ndjson"))
    stuck = [recording for recording in recordings_v2() if _stuck(recording)]
    for recording in stuck if full_size else one_of_each(stuck, lambda recording: recording.scenario):
        with _open(recording.path) as lens:
            for found in lens.diagnosis.threads:
                thread = lens.thread_for(found)
                for bound in (thread.stop(), thread.reconcile()):
                    assert bound.plan.decision in ("start-server", "nothing")
                    result = bound.execute(confirm=True, why="test")
                    assert not result.sent
                repair = thread.reconcile(offline=True)
                assert repair.plan.decision == "refuse"
                result = repair.execute(confirm=True, why="test")
                assert result.outcome is Outcome.REFUSED
                assert "V2" in result.detail


@needs_recordings_v2
def test_bundles_and_parquet_of_judged_homes_tell_the_same(tmp_path: Path, full_size: bool) -> None:
    telling = [recording for recording in recordings_v2() if _codes(recording) - {"lost-at-restart"}]
    for number, recording in enumerate(telling if full_size else one_of_each(telling, _codes)):
        expected = recording.expected
        told = {"as_of": expected["as_of"], "server": expected["server"]}
        with _open(recording.path, **told) as lens:
            before = {t.thread_id: t.verdict for t in lens.diagnosis.threads}
            assert lens.bundle(tmp_path / f"{number}.zip").reproduces
            lens.export_parquet(tmp_path / str(number))
        for opened in (tmp_path / f"{number}.zip", tmp_path / str(number) / "**" / "*.parquet"):
            with _open(opened, **told) as again:
                assert {t.thread_id: t.verdict for t in again.diagnosis.threads} == before
