"""What is collected of a home is judged as the home is, holds nothing that was said, and is written once."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import t3lens
from t3lens import file_place
from t3lens.diagnose import Options
from t3lens.export.collect import CollectReport, collect_path
from t3lens.ingest import Home, ServerState, discover
from t3lens.time import now
from tests.elsewhere.conftest import SAMPLES, copy_samples, put_samples
from tests.elsewhere.sftp_server import SFTP
from tests.elsewhere.test_homes import audit
from tests.recordings import RECORDED, RECORDED_V2, needs_recordings, needs_recordings_v2

TELLING = ("approval-left-open", "healthy", "v2-lost-at-restart")


def collected(home: Path | Home, to: Path | str, **how: Any) -> CollectReport:
    """Collect one home."""
    found = home if isinstance(home, Home) else discover([home])[0]
    return collect_path(found, str(to), "host", Options(**how))


def same(home: Path, to: Path, *words: str) -> None:
    """Check that what was collected to a folder is judged as the home is, byte by byte but for where it stands."""
    here, there = audit(str(home), *words), audit(str(to), *words)
    (original,), (copy,) = here[1]["homes"], there[1]["homes"]
    assert there[0] == here[0]
    assert json.dumps(there[1]).replace(copy["path"], "HOME") == json.dumps(here[1]).replace(original["path"], "HOME")


@pytest.mark.parametrize("name", TELLING)
def test_audits_of_collected_and_original_homes_agree(name: str, tmp_path: Path) -> None:
    collected(SAMPLES / name, tmp_path)
    same(SAMPLES / name, tmp_path)


def _some(root: Path) -> list[Path]:
    """A recorded home: the last state of the first scenario of the last build."""
    build = max(path for path in root.glob("0*") if path.is_dir())
    return [discover([build])[-1].path]


@needs_recordings
@needs_recordings_v2
def test_audits_of_collected_recordings_agree(tmp_path: Path) -> None:
    found = [*_some(RECORDED), *_some(RECORDED_V2)]
    assert len(found) == 2
    for number, home in enumerate(found):
        collected(home, tmp_path / str(number))
        same(home, tmp_path / str(number))


def test_what_did_not_change_writes_nothing_and_what_grew_only_what_is_new(tmp_path: Path) -> None:
    copy_samples(tmp_path, "healthy")
    home, to = tmp_path / "healthy", tmp_path / "to"
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in home.rglob("*")}
    first = collected(home, to)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in home.rglob("*")} == before
    files = {path: path.stat().st_mtime_ns for path in to.rglob("*") if path.is_file()}
    again = collected(home, to)
    assert (again.unchanged, again.written) == (True, 0)
    assert first.written == first.size == again.size
    assert {path: path.stat().st_mtime_ns for path in to.rglob("*") if path.is_file()} == files

    log = max((home / "userdata" / "logs" / "provider").iterdir(), key=lambda path: path.stat().st_size)
    with log.open("ab") as out:
        out.write(log.read_bytes().splitlines(keepends=True)[-1])
    grown = collected(home, to)
    kept = [path for path in files if path.exists() and path.stat().st_mtime_ns == files[path]]
    assert not grown.unchanged
    assert len(kept) > len(files) / 2
    assert grown.written < first.written / 2
    for _ in range(2):  # what only manifests before the last one list goes
        with log.open("ab") as out:
            out.write(b"no record\n")
        collected(home, to)
    same(home, to)
    listed = json.loads(next(to.rglob("t3lens-archive.json")).read_text())
    names = {one["path"] for part in listed["tables"].values() for one in part}
    there = {path.relative_to(next(to.iterdir())).as_posix() for path in to.rglob("*.parquet")}
    assert there == names | set(listed["collected"]["before"])


def test_what_is_collected_of_a_small_home_is_a_part_of_it(tmp_path: Path) -> None:
    """A long text in a table of one row stood four times in its file, and files of few rows were mostly footers."""
    copy_samples(tmp_path, "retry-loop")
    size = sum(path.stat().st_size for path in (tmp_path / "retry-loop" / "userdata").rglob("*") if path.is_file())
    assert collected(tmp_path / "retry-loop", tmp_path / "to").written < size / 3


def test_nothing_that_was_said_leaves(tmp_path: Path) -> None:
    copy_samples(tmp_path, "false-completed")
    home = tmp_path / "false-completed"
    with sqlite3.connect(home / "userdata" / "state.sqlite") as con:
        sequence, payload = con.execute(
            "SELECT sequence, payload_json FROM orchestration_events WHERE event_type = 'thread.message-sent' LIMIT 1"
        ).fetchone()
        said = json.loads(payload) | {"text": "Use the password hunter2-Secret and say PLANTED"}
        con.execute("UPDATE orchestration_events SET payload_json = ? WHERE sequence = ?", (json.dumps(said), sequence))
    con.close()
    (log,) = (home / "userdata" / "logs" / "provider").iterdir()
    with log.open("ab") as out:
        out.write(b"no record but PLANTED\n")
    collected(home, tmp_path / "to")
    rows = [str(pq.read_table(path, partitioning=None).to_pylist()) for path in (tmp_path / "to").rglob("*.parquet")]
    assert not [row for row in rows if "PLANTED" in row or "hunter2" in row]
    assert [row for row in rows if "thread.message-sent" in row]
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "to").rglob("*") if path.is_file())


def test_to_and_from_a_real_s3_server(s3: Any, tmp_path: Path) -> None:
    for name in ("false-completed", "v2-interrupt-held"):
        collected(SAMPLES / name, "s3://homes/fleet")
        collected(SAMPLES / name, tmp_path / "fleet")
    assert collected(SAMPLES / "false-completed", "s3://homes/fleet").unchanged
    here = audit(str(tmp_path / "fleet"))
    there = audit("s3://homes/fleet", "--jobs", "1", "--stores", str(tmp_path / "stores"))
    assert json.loads(json.dumps(there[1]["threads"]).replace("s3://homes", str(tmp_path))) == here[1]["threads"]
    assert [home["path"] for home in there[1]["homes"]] == [
        home["path"].replace(str(tmp_path), "s3://homes") for home in here[1]["homes"]
    ]


def test_to_and_from_a_real_sftp_server(sftp: SFTP, tmp_path: Path) -> None:
    copy_samples(tmp_path, "healthy-gen2")
    collected(tmp_path / "healthy-gen2", f"{sftp.url}/fleet")
    (log,) = (tmp_path / "healthy-gen2" / "userdata" / "logs" / "provider").iterdir()
    with log.open("ab") as out:
        out.write(b"no record\n")
    made = collected(tmp_path / "healthy-gen2", f"{sftp.url}/fleet")
    assert made.place.startswith(sftp.shown)
    assert audit(f"{sftp.url}/fleet")[1]["quarantined"] == audit(str(tmp_path / "healthy-gen2"))[1]["quarantined"]


def test_who_reads_never_sees_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy_samples(tmp_path, "false-completed")
    home, to = tmp_path / "false-completed", tmp_path / "to"
    collected(home, to)
    before = audit(str(to))
    (log,) = (home / "userdata" / "logs" / "provider").iterdir()
    with log.open("ab") as out:
        out.write(b"no record\n")
    write = file_place._Folder.write

    def cut_short(self: Any, name: str, content: bytes) -> None:
        if name.endswith(".json"):
            raise KeyboardInterrupt
        write(self, name, content)

    with monkeypatch.context() as patched:
        patched.setattr(file_place._Folder, "write", cut_short)
        with pytest.raises(KeyboardInterrupt):
            collected(home, to)
    assert audit(str(to)) == before
    collected(home, to)
    assert audit(str(to))[1]["quarantined"] == before[1]["quarantined"] + 1


def test_a_file_that_lacks_or_changed_is_told(tmp_path: Path) -> None:
    collected(SAMPLES / "false-completed", tmp_path)
    path = next(tmp_path.rglob("log_events/*.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert audit(str(tmp_path))[0] == 2
    path.unlink()
    code, _, error = audit(str(tmp_path))
    assert code == 2
    assert str(tmp_path) in error


def test_a_home_at_work_is_judged_as_of_when_it_was_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from t3lens.export import collect

    alive = ServerState("alive", None, None, None, None, "its server answers")
    monkeypatch.setattr(collect, "probe_server", lambda home: alive)
    begin = now()
    collected(SAMPLES / "false-completed", tmp_path)
    assert not collected(SAMPLES / "false-completed", tmp_path).unchanged, "time went on"
    with t3lens.open(tmp_path) as lens:
        assert begin <= lens.session.as_of
        assert [home.context.server.status for home in lens.diagnosis.homes] == ["alive"]
    collected(SAMPLES / "orphaned-by-restart", tmp_path)
    with t3lens.open(tmp_path) as lens:  # of several there is no such moment: nothing is taken to be silent since
        assert {home.context.server.status for home in lens.diagnosis.homes} == {"unknown"}
        assert all(home.context.as_of == home.home.newest_at for home in lens.diagnosis.homes)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from t3lens.cli import run

    shutil.copytree(SAMPLES / "healthy-gen2", tmp_path / "home")
    words = ["collect", str(tmp_path / "home"), "--to", str(tmp_path / "to"), "--as", "build-7"]
    assert run(words) == 0
    (place,) = (tmp_path / "to").iterdir()
    assert place.name.startswith("build-7-")
    assert f"→ {place}: " in capsys.readouterr().out
    assert run(words) == 0
    assert "nothing new" in capsys.readouterr().out
    assert run([*words[:-1], "../elsewhere"]) == 2
    assert run(["collect", str(tmp_path / "to"), "--to", str(tmp_path / "again")]) == 2
    assert "collected already" in capsys.readouterr().err


def test_homes_elsewhere_can_be_collected_too(memory: Any, tmp_path: Path) -> None:
    put_samples(memory, "/fleet", "healthy-gen2")
    collected(discover(["memory://fleet"])[0], tmp_path)
    assert audit(str(tmp_path))[1]["threads"] == audit("memory://fleet")[1]["threads"]
