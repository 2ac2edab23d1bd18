"""Every label of every recorded home holds."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from t3lens.diagnose import Diagnosis
from tests.diagnose.homes import by_id, complaints, diagnosed
from tests.diagnose.words import word_complaints
from tests.recordings import Recording, needs_recordings, recordings

pytestmark = needs_recordings


@pytest.mark.parametrize("recording", recordings(), ids=lambda recording: recording.name)
def test_the_verdicts_and_findings_are_right(recording: Recording) -> None:
    expected = recording.expected
    moment = {"as_of": expected["as_of"], "server": expected["server"]}
    diagnosis = diagnosed(recording.path, **moment)
    _evidence_stands(recording, diagnosis)
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
            assert not wrong, f"thread {thread_id} with silence {right['with_silence_s']} s: {wrong}"


def _evidence_stands(recording: Recording, diagnosis: Diagnosis) -> None:
    """Every finding rests on something, and what it names is where it says."""
    sequences = {str(row["sequence"]) for row in recording.rows("orchestration_events")}
    for finding in diagnosis.findings:
        assert finding.evidence, finding.code
        for piece in finding.evidence:
            assert piece.excerpt
            if piece.kind == "log":
                raw = (recording.path / "userdata" / piece.source).read_bytes()
                line = raw[piece.offset :].partition(b"\n")[0]
                assert line.startswith(b"["), f"{finding.code}: no line at {piece.source}:{piece.offset}"
                assert raw[: piece.offset].count(b"\n") == (piece.line or 0) - 1
                assert piece.event_id is None or piece.event_id.encode() in line
            elif piece.kind == "event":
                assert piece.key in sequences, f"{finding.code}: no event {piece.key}"


STUCK = [r for r in recordings() if any("stuck" in t["verdict"] for t in r.expected["threads"].values())]


@pytest.mark.parametrize("recording", STUCK, ids=lambda recording: recording.name)
def test_without_a_database_nothing_is_called_stuck_that_is_not(recording: Recording, tmp_path: Path) -> None:
    logs = recording.path / "userdata" / "logs" / "provider"
    if not logs.is_dir():
        return
    shutil.copytree(logs, tmp_path / "logs")
    expected = recording.expected
    for thread in diagnosed(tmp_path / "logs", as_of=expected["as_of"], server="auto").threads:
        right = expected["threads"][thread.thread_id]["verdict"]
        if thread.verdict == "stuck":
            assert "stuck" in right
        else:
            assert thread.verdict in (*right, "unknown", "idle", "failed", "stopped", "waiting")


@pytest.mark.parametrize("recording", STUCK, ids=lambda recording: recording.name)
def test_without_logs_what_rests_on_them_is_not_checked_and_nothing_is_invented(
    recording: Recording, tmp_path: Path
) -> None:
    (tmp_path / "userdata").mkdir()
    for name in ("state.sqlite", "server-runtime.json"):
        source = recording.path / "userdata" / name
        if source.exists():
            shutil.copy(source, tmp_path / "userdata" / name)
    expected = recording.expected
    diagnosis = diagnosed(tmp_path / "userdata", as_of=expected["as_of"], server=expected["server"])
    unchecked = {check.code: check.why for check in diagnosis.homes[0].checks if not check.checked}
    assert unchecked["native-terminal-lost"] == unchecked["session-differs"] == "no provider log"
    assert "retry-loop" not in unchecked  # the store tells the provider's warnings, too
    for thread in diagnosis.threads:
        right = expected["threads"][thread.thread_id]["verdict"]
        if thread.verdict in ("stuck", "diverged", "waiting"):
            assert thread.verdict in right
