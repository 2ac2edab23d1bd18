"""Every label of every recorded home of the second data model holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from t3lens.diagnose import Diagnosis
from tests.diagnose.homes import by_id, complaints, diagnosed
from tests.diagnose.words import word_complaints
from tests.recordings import Recording, needs_recordings_v2, recordings_v2

pytestmark = needs_recordings_v2


@pytest.mark.parametrize("recording", recordings_v2(), ids=lambda recording: recording.name)
def test_the_verdicts_and_findings_are_right(recording: Recording) -> None:
    expected = recording.expected
    moment = {"as_of": expected["as_of"], "server": expected["server"]}
    diagnosis = diagnosed(recording.path, **moment)
    _evidence_stands(recording.path / "userdata", diagnosis)
    _the_other_database_is_named(recording.path / "userdata", diagnosis)
    _truths_part_only_where_an_effect_hangs(diagnosis)
    assert word_complaints(diagnosis) == []
    threads = by_id(diagnosis)
    assert set(threads) == set(expected["threads"])
    for thread_id, right in expected["threads"].items():
        wrong = complaints(
            threads[thread_id],
            verdict=right["verdict"],
            must=right["must"],
            never=right.get("never", ()),
            quiet=right.get("quiet", False),
        )
        assert not wrong, f"thread {thread_id}: {wrong}"
        if "with_silence_s" in right:
            silence = {"silence": right["with_silence_s"]}
            patient = by_id(diagnosed(recording.path, **moment, thresholds=silence))[thread_id]
            wrong = complaints(patient, verdict=[right["then"]], must=right["then_must"])
            assert not wrong, f"thread {thread_id}: {wrong}"


def _evidence_stands(userdata: Path, diagnosis: Diagnosis) -> None:
    """Every finding rests on something, and what it names is where it says."""
    used = next(one.name for one in diagnosis.homes[0].home.databases if one.in_use)
    with closing(sqlite3.connect(f"file:{userdata / used}?mode=ro&immutable=1", uri=True)) as database:
        for finding in diagnosis.findings:
            assert finding.evidence, finding.code
            for piece in finding.evidence:
                assert piece.excerpt
                if piece.kind == "log":
                    raw = (userdata / piece.source).read_bytes()
                    assert raw[piece.offset :].startswith(b"[")
                    assert raw[: piece.offset].count(b"\n") == (piece.line or 0) - 1
                elif piece.kind == "event":
                    sql = "select event_id from orchestration_events where sequence = ?"
                    assert database.execute(sql, (piece.key,)).fetchall() == [(piece.event_id,)]
                elif piece.kind == "row" and piece.source.startswith("orchestration_v2_"):
                    (_, key, *_), *_ = database.execute(f"pragma table_info('{piece.source}')").fetchall()
                    sql = f"select count(*) from {piece.source} where {key} = ?"
                    assert database.execute(sql, (piece.key,)).fetchall() == [(1,)]


def _the_other_database_is_named(userdata: Path, diagnosis: Diagnosis) -> None:
    """And not judged."""
    others = len(list(userdata.glob("*.sqlite"))) - 1
    said = [finding for finding in diagnosis.homes[0].findings if finding.code == "database-not-in-use"]
    assert len(said) == others
    assert all("state.sqlite (V1) is not in use" in finding.summary for finding in said)


def _truths_part_only_where_an_effect_hangs(diagnosis: Diagnosis) -> None:
    """What the reference makes of the events is what is shown of the rows, but for a run that waits for ever."""
    for thread in diagnosis.threads:
        final, shown = thread.case.replays.expected.final, thread.case.session
        expected = (final.status.value if final.status else None, final.active_turn_id)
        stored = (shown.status, shown.active_turn_id) if shown else (None, None)
        hangs = "effect-stalled" in {finding.code for finding in thread.findings}
        assert (expected == stored) is not (hangs and thread.verdict == "stuck")
