"""Every piece of evidence opens as the record it names."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import t3lens
from tests.recordings import Recording, needs_recordings, recordings

pytestmark = needs_recordings

WRONG = [
    recording
    for recording in recordings()
    if any(set(right["verdict"]) & {"stuck", "diverged"} for right in recording.expected["threads"].values())
]


@pytest.mark.parametrize("recording", WRONG[::2], ids=lambda recording: recording.name)
def test_every_piece_of_evidence_opens_in_its_surroundings(recording: Recording) -> None:
    expected = recording.expected
    with t3lens.open(recording.path, as_of=expected["as_of"], server=expected["server"]) as lens:
        for thread_id in expected["threads"]:
            for finding in lens.thread(thread_id).findings:
                for piece in finding.evidence:
                    opened = piece.open()
                    assert piece.excerpt in repr(opened)
                    if piece.kind == "log":
                        assert opened.in_file == "same"
                        assert opened.line is None
                        assert (piece.open(content=True).line or "").startswith("[")
                    if piece.kind in ("log", "event") or piece.source.startswith("projection_t"):
                        assert opened.record is not None, (finding.code, piece)
                        assert f"<h4>{opened.record.title}</h4>" in opened._repr_html_()


def test_a_file_that_is_gone_or_was_changed_is_said_to_be(tmp_path: Path) -> None:
    home = tmp_path / "home"
    killed = next(recording for recording in WRONG if recording.state == "1-after-kill9")
    shutil.copytree(killed.path, home, copy_function=shutil.copyfile)
    with t3lens.open(home, server="dead") as lens:
        findings = lens.thread(next(iter(killed.expected["threads"]))).findings
        piece = next(p for f in findings for p in f.evidence if p.kind == "log")
        file = home / "userdata" / piece.source
        file.parent.chmod(0o755)
        file.chmod(0o644)
        file.write_bytes(b"[2026-11-22T00:00:00.000Z] CANON: {}\n" * 200)
        assert piece.open().in_file == "changed"
        assert piece.open().record is not None
        file.unlink()
        assert piece.open().in_file == "gone"
