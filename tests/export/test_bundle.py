"""A bundle judges like the home it is from, holds nothing of what was said, and notices when it was changed."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest

import t3lens
from t3lens.errors import InputError, UsageError
from t3lens.export.bundle_manifest import seal
from t3lens.export.bundle_open import MANIFEST, open_bundle
from t3lens.lens.lens import Lens
from t3lens.sim.scenarios import build_home
from tests.audited import SAMPLES
from tests.recordings import RECORDED, needs_recordings

Verdicts = dict[tuple[str, str], tuple[str, str | None]]


def verdicts(lens: Lens) -> Verdicts:
    return {(one.home_id, one.thread_id): (one.verdict.value, one.primary) for one in lens.diagnosis.threads}


def recorded_homes() -> list[Path]:
    return sorted(RECORDED.glob("0.*/*/*/userdata"))


@pytest.mark.slow
@needs_recordings
@pytest.mark.parametrize("build", ["0.0.23", "0.0.28", "0.0.33"])
def test_a_bundle_of_every_recording_leads_to_the_same_verdicts(build: str, tmp_path: Path, full_size: bool) -> None:
    homes = [home for home in recorded_homes() if home.parts[-4] == build]
    for server in ("dead", "alive") if full_size else ("dead" if build == "0.0.28" else "alive",):
        # All in one lens: opening a store for each home would take most of the time.
        with t3lens.open(homes if full_size else homes[::7], server=server) as lens:
            everything = [lens.thread_for(one) for one in lens.diagnosis.threads]
            path = tmp_path / f"{server}.zip"
            assert lens.bundle(path, everything).reproduces
            wanted = verdicts(lens)
        with t3lens.open(path) as again:
            assert verdicts(again) == wanted


def test_a_bundle_of_one_thread_is_small_and_judges_alike(samples: Lens, tmp_path: Path) -> None:
    for thread in samples.diagnosis.threads[:3]:
        made = samples.bundle(tmp_path / "one.zip", [samples.thread_for(thread)])
        assert made.reproduces
        assert made.size < 200_000
        with t3lens.open(tmp_path / "one.zip") as again:
            found = verdicts(again)[thread.home_id, thread.thread_id]
        assert found == (thread.verdict.value, thread.primary)


def said_in(folder: Path) -> set[str]:
    """Words of prompts, answers and tool texts in the logs of a home."""
    found: set[str] = set()
    for path in folder.rglob("*.log*"):
        for line in path.read_text("utf-8", "replace").splitlines():
            try:
                record = json.loads(line[line.index("{") :])
            except ValueError:
                continue
            payload = record.get("payload") or {}
            for name in ("delta", "detail", "text"):
                text = payload.get(name)
                if isinstance(text, str) and len(text) > 12:
                    found.add(text)
    return found


def test_nothing_of_what_was_said_is_in_a_bundle_but_on_request(tmp_path: Path) -> None:
    words = said_in(SAMPLES)
    assert words
    with t3lens.open(SAMPLES, server="dead") as lens:
        everything = [lens.thread_for(one) for one in lens.diagnosis.threads[-3:]]
        lens.bundle(tmp_path / "none.zip", everything)
        lens.bundle(tmp_path / "all.zip", everything, content=True)
    assert not any(word in text_of(tmp_path / "none.zip") for word in words)
    assert any(word in text_of(tmp_path / "all.zip") for word in words)


def test_a_title_is_written_from_what_was_asked_and_stays_at_home(samples: Lens, tmp_path: Path) -> None:
    worst = samples.thread_for(samples.diagnosis.threads[0])
    assert worst.title
    samples.bundle(tmp_path / "packed.zip", [worst])
    assert worst.title not in text_of(tmp_path / "packed.zip")
    with t3lens.open(tmp_path / "packed.zip") as opened:
        assert opened.thread(worst.thread_id).title == f"‹title, {len(worst.title)} characters›"
    samples.bundle(tmp_path / "told.zip", [worst], content=True)
    with t3lens.open(tmp_path / "told.zip") as opened:
        assert opened.thread(worst.thread_id).title == worst.title


def text_of(path: Path) -> str:
    with zipfile.ZipFile(path) as packed:
        return "\n".join(packed.read(name).decode("utf-8", "replace") for name in packed.namelist())


def test_the_same_threads_make_the_same_bytes(samples: Lens, tmp_path: Path) -> None:
    worst = samples.thread_for(samples.diagnosis.threads[0])
    samples.bundle(tmp_path / "a.zip", [worst])
    samples.bundle(tmp_path / "b.zip", [worst])
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


@pytest.fixture
def packed(samples: Lens, tmp_path: Path) -> Path:
    path = tmp_path / "packed.zip"
    samples.bundle(path, [samples.thread_for(samples.diagnosis.threads[0])])
    return path


def changed(path: Path, name: str, content: bytes) -> Path:
    """A copy of a bundle with one file replaced."""
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(target, "w") as out:
        for entry in source.namelist():
            out.writestr(entry, content if entry == name else source.read(entry))
    return target


def test_a_changed_file_is_noticed(packed: Path) -> None:
    name = next(n for n in zipfile.ZipFile(packed).namelist() if n.endswith(".log"))
    with pytest.raises(InputError, match="changed or damaged"):
        t3lens.open(changed(packed, name, b"[x] CANON: {}\n"))


def test_a_file_outside_the_bundle_is_refused(packed: Path) -> None:
    manifest = json.loads(zipfile.ZipFile(packed).read(MANIFEST))
    manifest["files"]["../outside"] = {"sha256": "", "size": 0}
    with pytest.raises(InputError, match="outside itself"):
        t3lens.open(changed(packed, MANIFEST, json.dumps(seal(manifest)).encode()))


def test_a_newer_bundle_is_refused_by_name(packed: Path) -> None:
    manifest = json.loads(zipfile.ZipFile(packed).read(MANIFEST)) | {"bundle_version": 99}
    with pytest.raises(InputError, match="newer t3lens"):
        t3lens.open(changed(packed, MANIFEST, json.dumps(manifest).encode()))


def test_a_torn_zip_is_refused(packed: Path) -> None:
    packed.write_bytes(packed.read_bytes()[:-300])
    with pytest.raises(InputError, match="cannot be read"):
        t3lens.open(packed)


def test_another_zip_is_no_bundle(tmp_path: Path) -> None:
    path = tmp_path / "other.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match="no evidence bundle"):
        t3lens.open(path)


def test_no_thread_makes_no_bundle(tmp_path: Path) -> None:
    with t3lens.open(SAMPLES / "healthy", server="dead") as lens, pytest.raises(UsageError):
        lens.bundle(tmp_path / "none.zip")


def test_what_was_unpacked_is_gone_afterwards(packed: Path) -> None:
    with open_bundle(packed) as bundle:
        folder = bundle.folder
        assert folder.is_dir()
    assert not folder.exists()


def test_what_agents_recorded_goes_with_a_verdict_that_rests_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = build_home(tmp_path / "home", "provider-ended", provider="codex", records=tmp_path / "agents")
    (thread_id,) = told.threads
    with t3lens.open(tmp_path / "home", server="alive", as_of=told.as_of, records=tmp_path / "agents") as lens:
        report = lens.bundle(tmp_path / "bundle.zip", [lens.thread(thread_id)])
    assert report.reproduces and not report.whole_homes
    with zipfile.ZipFile(tmp_path / "bundle.zip") as packed:
        (name,) = [one for one in packed.namelist() if one.endswith("agent-records.json")]
        text = packed.read(name).decode()
    assert '"outcome": "finished"' in text and "task_complete" in text
    assert "Rewrite the parser" not in text and "It is done" not in text
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "agents" / "codex"))  # where it is opened there may be others
    shutil.rmtree(tmp_path / "agents")
    with t3lens.open(tmp_path / "bundle.zip") as lens:
        assert "provider-ended" in {finding.code for finding in lens.thread(thread_id).diagnosis.findings}


def test_a_bundle_looks_for_no_records_where_it_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = build_home(tmp_path / "home", "provider-ended", provider="codex", records=tmp_path / "agents")
    (thread_id,) = told.threads
    with t3lens.open(tmp_path / "home", server="alive", as_of=told.as_of, records="off") as lens:
        lens.bundle(tmp_path / "bundle.zip", [lens.thread(thread_id)])
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "agents" / "codex"))
    with t3lens.open(tmp_path / "bundle.zip") as lens:
        assert "provider-ended" not in {finding.code for finding in lens.thread(thread_id).diagnosis.findings}


@pytest.mark.parametrize("content", [b"", b"{}", b'[{"thread_id": 7}]', b"\xff", b'[{"thread_id": "a", "marks": [1]}]'])
def test_a_home_with_records_that_are_none_is_read_without_them(content: bytes, tmp_path: Path) -> None:
    told = build_home(tmp_path / "home", "short-and-healthy")
    (tmp_path / "home" / "userdata" / "agent-records.json").write_bytes(content)
    with t3lens.open(tmp_path / "home", server="alive", as_of=told.as_of) as lens:
        assert len(lens.threads()) == len(told.threads)
