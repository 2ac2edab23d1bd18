"""Homes that are elsewhere are judged as local copies of them are, and told of by their URLs."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

import t3lens
from t3lens.cli import run
from t3lens.errors import InputError, UsageError
from t3lens.ingest import discover, fetch
from t3lens.ingest.fetch import fetched
from t3lens.places import RemotePlace, open_place, plain_url
from tests.elsewhere.conftest import SAMPLES, copy_samples, put_samples
from tests.elsewhere.sftp_server import PASSWORD, SFTP

NAMES = ("aborted-but-running", "false-completed", "healthy", "v2-interrupt-held")


def audit(*words: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, document and stderr of ``t3lens audit``."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(["audit", *words, "--format", "json"])
    return code, json.loads(out.getvalue()) if out.getvalue() else {}, err.getvalue()


def unplaced(document: dict[str, Any], places: dict[str, str]) -> dict[str, Any]:
    """A document with one name for places that are copies of each other."""
    text = json.dumps(document)
    for place, name in sorted(places.items(), key=lambda pair: -len(pair[0])):
        text = text.replace(place, name)
    return json.loads(text)


def agree(url: str, shown: str, folder: Path, *more: str) -> dict[str, Any]:
    """Check that homes at a URL are judged as those in a folder; returns the document of the URL's."""
    here = audit(str(folder), "--server", "dead", *more)
    there = audit(url, "--server", "dead", *more)
    assert there[0] == here[0]
    assert unplaced(there[1], {shown: "PLACE"}) == unplaced(here[1], {str(folder): "PLACE"})
    return there[1]


def test_homes_in_an_object_store_are_judged_as_here(memory: Any, tmp_path: Path) -> None:
    put_samples(memory, "/fleet", *NAMES)
    copy_samples(tmp_path / "fleet", *NAMES)
    said = agree("memory://fleet", "memory://fleet", tmp_path / "fleet")
    assert {home["path"] for home in said["homes"]} == {f"memory://fleet/{name}/userdata" for name in NAMES}


def test_homes_on_a_real_s3_server(s3: Any, tmp_path: Path) -> None:
    put_samples(s3, "homes/team", *NAMES[:2])
    copy_samples(tmp_path / "team", *NAMES[:2])
    first = agree("s3://homes/team", "s3://homes/team", tmp_path / "team")
    assert len(first["homes"]) == 2
    words = ("s3://homes/team", "--server", "dead", "--jobs", "1", "--stores", str(tmp_path / "stores"))
    code, said, error = audit(*words, "s3://homes/nowhere")
    assert code == 2
    assert [one["path"] for one in said["errors"]] == ["s3://homes/nowhere"]
    assert "s3://homes/nowhere does not exist" in error
    assert (said["homes"], said["threads"]) == (first["homes"], first["threads"])
    copies = [path for path in (tmp_path / "stores" / "copies").rglob("*") if path.name == "state.sqlite"]
    assert len(copies) == 2
    written = [path.stat().st_ctime_ns for path in copies]
    assert audit(*words)[1]["threads"] == said["threads"]
    assert [path.stat().st_ctime_ns for path in copies] == written, "what did not change is not fetched again"


def test_homes_on_a_real_sftp_server(sftp: SFTP, tmp_path: Path) -> None:
    copy_samples(sftp.root / "team", *NAMES)
    copy_samples(tmp_path / "team", *NAMES)
    before = {path: path.stat().st_mtime_ns for path in sftp.root.rglob("*")}
    said = agree(f"{sftp.url}/team", f"{sftp.shown}/team", tmp_path / "team")
    assert PASSWORD not in json.dumps(said)
    assert {path: path.stat().st_mtime_ns for path in sftp.root.rglob("*")} == before


def test_only_what_a_home_needs_is_asked_for(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put_samples(memory, "/home", "healthy")
    memory.pipe_file("/home/healthy/worktrees/app/secret.log.txt", b"no business of ours")
    memory.pipe_file("/home/healthy/userdata/attachments/picture.png", b"nor is this")
    read: list[str] = []
    copy = RemotePlace.copy
    monkeypatch.setattr(RemotePlace, "copy", lambda self, name, *rest: (read.append(name), copy(self, name, *rest))[1])
    with t3lens.open("memory://home") as lens:
        assert len(lens.diagnosis.homes) == 1
    assert read
    assert not [name for name in read if "attachments" in name or "worktrees" in name or "expected" in name]


def test_a_file_url_is_a_path(tmp_path: Path) -> None:
    copy_samples(tmp_path / "a b", "healthy")
    assert [home.path for home in discover([f"file://{tmp_path}/a%20b"])] == [tmp_path / "a b" / "healthy" / "userdata"]


def test_a_pattern_of_a_url_and_single_files(memory: Any) -> None:
    put_samples(memory, "/fleet", "healthy", "healthy-gen2", "false-completed")
    shown = [home.shown for home in discover(["memory://fleet/healthy*"])]
    assert shown == ["memory://fleet/healthy/userdata", "memory://fleet/healthy-gen2/userdata"]
    (log,) = [path for path in memory.find("/fleet/false-completed") if path.endswith(".log")]
    (alone,) = discover([f"memory:/{log}"])
    assert (alone.kind, alone.shown) == ("file", f"memory:/{log}")
    (with_state,) = discover(["memory://fleet/healthy/userdata/state.sqlite"])
    assert with_state.shown == "memory://fleet/healthy/userdata"


def test_a_server_elsewhere_is_not_taken_to_be_dead(memory: Any, tmp_path: Path) -> None:
    copy_samples(tmp_path, "orphaned-by-restart")
    runtime = tmp_path / "orphaned-by-restart" / "userdata" / "server-runtime.json"
    runtime.write_text(json.dumps({**json.loads(runtime.read_text()), "startedAt": "2026-01-01T00:00:00.000Z"}))
    memory.put(str(tmp_path / "orphaned-by-restart"), "/fleet", recursive=True)
    assert audit(str(tmp_path))[0] == 1, "here its process is looked for"
    code, said, _ = audit("memory://fleet")
    assert [home["server"] for home in said["homes"]] == ["unknown"]
    assert code == 0, [(thread["verdict"], thread["primary"]) for thread in said["threads"]]
    with t3lens.open("memory://fleet") as lens, pytest.raises(UsageError, match="another machine; act there"):
        lens.thread(said["threads"][0]["thread_id"]).reconcile()


# --- unchanged, grown, gone ------------------------------------------------------------------------------------------


def _copies(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Names and starting points of what is copied from now on."""
    asked: list[tuple[str, int]] = []
    copy = RemotePlace.copy

    def noted(self: RemotePlace, name: str, to: Any, start: int = 0) -> None:
        asked.append((name.rpartition("/")[2], start))
        copy(self, name, to, start)

    monkeypatch.setattr(RemotePlace, "copy", noted)
    return asked


def test_what_did_not_change_is_not_fetched_again(memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put_samples(memory, "/home", "healthy-gen2")
    words = ("memory://home", "--store", str(tmp_path / "kept.duckdb"))
    first = audit(*words)
    asked = _copies(monkeypatch)
    assert audit(*words) == first
    assert asked == []
    (log,) = [path for path in memory.find("/home") if path.endswith(".log")]
    size = memory.info(log)["size"]
    memory.pipe_file(log, memory.cat_file(log) + b"no record\n")
    _, said, _ = audit(*words)
    assert asked == [(log.rpartition("/")[2], size)], "only what is new of a log that grew"
    assert said["quarantined"] == first[1]["quarantined"] + 1


def test_a_log_that_was_written_anew_is_fetched_whole(memory: Any, tmp_path: Path) -> None:
    memory.pipe_file("/logs/events.11111111-1111-4111-8111-111111111111.log", b"first\n")
    (home,) = discover(["memory://logs"])
    (copy,) = fetched([home], tmp_path, 60)
    memory.pipe_file("/logs/events.11111111-1111-4111-8111-111111111111.log", b"other, and longer\n")
    memory.pipe_file("/logs/events.22222222-2222-4222-8222-222222222222.log", b"second\n")
    (copy,) = fetched([home], tmp_path, 60)
    assert sorted(path.read_bytes() for path in copy.path.iterdir()) == [b"other, and longer\n", b"second\n"]
    memory.rm("/logs/events.11111111-1111-4111-8111-111111111111.log")
    (copy,) = fetched([home], tmp_path, 60)
    assert [path.read_bytes() for path in copy.path.iterdir()] == [b"second\n"]


# --- one moment ------------------------------------------------------------------------------------------------------


def _writing(path: Path, stop: threading.Event, rows: list[int]) -> None:
    """A server at work: in each transaction both tables get a row; the log is begun anew now and then."""
    with sqlite3.connect(path, isolation_level=None) as con:
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("PRAGMA wal_autocheckpoint = 20")
        con.execute("CREATE TABLE IF NOT EXISTS a (v)")
        con.execute("CREATE TABLE IF NOT EXISTS b (v)")
        while not stop.is_set():
            con.execute("BEGIN")
            for table in ("a", "b"):
                con.execute(f"INSERT INTO {table} VALUES (zeroblob(500))")
            con.execute("COMMIT")
            rows.append(1)
            stop.wait(0.01)
    con.close()


def test_a_database_that_is_being_written_is_copied_as_of_one_moment(sftp: SFTP, tmp_path: Path) -> None:
    state = sftp.root / "home" / "userdata"
    state.mkdir(parents=True)
    stop, rows = threading.Event(), list[int]()
    server = threading.Thread(target=_writing, args=(state / "state.sqlite", stop, rows))
    server.start()
    try:
        while len(rows) < 20:
            assert server.is_alive()
        for number in range(3):
            (home,) = discover([f"{sftp.url}/home"])
            try:
                (copy,) = fetched([home], tmp_path / str(number), 60)
            except InputError as error:
                assert error.code == "changed-while-read"
                continue
            with sqlite3.connect(copy.path / "state.sqlite") as con:
                assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                counts = con.execute("SELECT (SELECT count(*) FROM a), (SELECT count(*) FROM b)").fetchone()
            con.close()
            assert counts[0] == counts[1]
    finally:
        stop.set()
        server.join()
    (home,) = discover([f"{sftp.url}/home"])  # at rest it is read
    (copy,) = fetched([home], tmp_path / "rest", 60)
    with sqlite3.connect(copy.path / "state.sqlite") as con:
        assert con.execute("SELECT count(*) FROM a").fetchone() == (len(rows),)
    con.close()


def test_a_database_that_never_rests_is_refused(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put_samples(memory, "/fleet", "healthy", "false-completed")
    copy = RemotePlace.copy
    asked = []

    def written_meanwhile(self: RemotePlace, name: str, to: Any, start: int = 0) -> None:
        copy(self, name, to, start)
        if name.endswith(".sqlite") and "false-completed" in self.shown:
            asked.append(name)
            path = "/fleet/false-completed/userdata/state.sqlite"
            memory.pipe_file(path, memory.cat_file(path)[:-1] + bytes([len(asked)]))

    monkeypatch.setattr(RemotePlace, "copy", written_meanwhile)
    code, said, error = audit("memory://fleet")
    assert code == 2
    assert said == {}
    assert "memory://fleet/false-completed/userdata changed while it was read" in error
    assert "t3lens collect" in error
    assert len(asked) == fetch._LOOKS


def test_a_write_ahead_log_belongs_to_its_database(memory: Any, tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    with sqlite3.connect(path, isolation_level=None) as con:
        con.execute("PRAGMA journal_mode = WAL")
        con.execute("CREATE TABLE t (v)")
        con.execute("INSERT INTO t VALUES (1)")
        for name in ("state.sqlite", "state.sqlite-wal", "state.sqlite-shm"):
            memory.pipe_file(f"/home/userdata/{name}", (tmp_path / name).read_bytes())
    con.close()
    (home,) = discover(["memory://home"])
    (copy,) = fetched([home], tmp_path / "copies", 60)
    with sqlite3.connect(copy.path / "state.sqlite") as con:
        assert con.execute("SELECT v FROM t").fetchall() == [(1,)]
    con.close()


# --- private, and gone at the end ------------------------------------------------------------------------------------

_KILLED = """
import os, signal, sys, tempfile
import fsspec, t3lens
fs = fsspec.filesystem("memory")
fs.put(sys.argv[1], "/home", recursive=True)
lens = t3lens.open("memory://home")
copies = [path for path in __import__("pathlib").Path(tempfile.gettempdir()).rglob("state.sqlite")]
print([oct(path.parent.parent.parent.stat().st_mode & 0o777) for path in copies])
sys.stdout.flush()
if sys.argv[2] == "kill":
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_copies_are_private_and_go(tmp_path: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path)}

    def run(how: str) -> str:
        words = [sys.executable, "-c", _KILLED, str(SAMPLES / "healthy"), how]
        return subprocess.run(words, env=environment, capture_output=True, text=True, timeout=300).stdout.strip()

    assert run("kill") == "['0o700']"
    assert list(tmp_path.rglob("state.sqlite"))
    run("end")
    assert not list(tmp_path.rglob("state.sqlite"))


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_credentials_are_told_nowhere(sftp: SFTP, tmp_path: Path) -> None:
    wrong = f"sftp://watcher:wrong%2DSecret@127.0.0.1:{sftp.port}/team"
    for url in (
        wrong,
        f"{sftp.url}/nowhere",
        f"sftp://watcher:{PASSWORD}@127.0.0.1:1/team",
        "s3x://a:b1234@c/d?token=t0ken99",
    ):
        for words in ((), ("--jobs", "1")):
            code, said, error = audit(url, *words)
            assert code == 2
            told = f"{said}{error}"
            assert "127.0.0.1" in told or "s3x://" in told
            for secret in ("wrong-Secret", "wrong%2DSecret", PASSWORD, "b1234", "t0ken99"):
                assert secret not in told
    with pytest.raises(InputError) as failed:
        open_place(wrong)
    assert failed.value.__cause__ is None
    assert failed.value.__suppress_context__
    place = open_place(f"{sftp.url}/team")
    assert PASSWORD not in repr(place)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("s3://bucket/a/b", "s3://bucket/a/b"),
        ("sftp://me@host:22/a", "sftp://me@host:22/a"),
        ("sftp://me:p@ss@host/a", "sftp://host/a"),
        ("https://host/a.zip?sig=abc#x", "https://host/a.zip"),
        ("s3://bucket/a?.log", "s3://bucket/a?.log"),
    ],
)
def test_how_urls_are_told(url: str, shown: str) -> None:
    assert plain_url(url) == shown


def test_a_server_with_an_unknown_key_is_not_talked_to(sftp: SFTP) -> None:
    (Path.home() / ".ssh" / "known_hosts").write_text("")
    with pytest.raises(InputError, match="known_hosts"):
        open_place(f"{sftp.url}/team")


def test_what_is_not_there_is_said_as_of_paths(memory: Any) -> None:
    put_samples(memory, "/fleet", "healthy")
    for url, why in (
        ("memory://nowhere", "memory://nowhere does not exist"),
        ("memory://fleet/x*", "nothing matches memory://fleet/x*"),
        ("memory://fleet/healthy/expected.json", "memory://fleet/healthy/expected.json is no provider log"),
    ):
        code, _, error = audit(url)
        assert code == 2
        assert why in error


def test_what_is_elsewhere_is_not_followed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["watch", "memory://fleet"]) == 2
    assert "watch it on its machine" in capsys.readouterr().err


def test_the_extra_is_named_where_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(UsageError, match=r"pip install 't3lens\[remote\]'"):
        open_place("s3://bucket/home")


def test_a_home_that_takes_too_long_is_refused(memory: Any, tmp_path: Path) -> None:
    put_samples(memory, "/fleet", "healthy")
    (home,) = discover(["memory://fleet"])
    with pytest.raises(InputError, match="was not copied within"):
        fetched([home], tmp_path, 0.0)


# --- bundles and Parquet ---------------------------------------------------------------------------------------------


def test_bundles_and_parquet_elsewhere(memory: Any, tmp_path: Path) -> None:
    with t3lens.open(SAMPLES / "false-completed", server="dead") as lens:
        bundle = lens.bundle(tmp_path / "one.zip", [lens.diagnosis.threads[0].thread_id]).path
        lens.export_parquet(tmp_path / "rows")
    memory.pipe_file("/kept/one.zip", bundle.read_bytes())
    memory.put(str(tmp_path / "rows"), "/kept/rows", recursive=True)
    code, said, _ = audit("memory://kept/one.zip")
    local = audit(str(bundle))
    assert (code, said["threads"]) == (local[0], local[1]["threads"])
    assert [home["path"] for home in said["homes"]] == ["memory://kept/one.zip/homes/0/userdata"]
    here = audit(f"{tmp_path}/rows/**/*.parquet", "--server", "dead")
    assert audit("memory://kept/rows/**/*.parquet", "--server", "dead") == here
    assert [home["path"] for home in local[1]["homes"]] == [f"{bundle}/homes/0/userdata"]
    assert audit("memory://kept/*.zip") == (code, said, "")
    assert audit(f"{tmp_path}/*.zip") == local
    copy_samples(tmp_path / "mixed", "healthy")
    (tmp_path / "mixed" / "one.zip").write_bytes(bundle.read_bytes())
    mixed = [home["path"] for home in audit(f"{tmp_path}/mixed/*", "--server", "dead")[1]["homes"]]
    assert mixed == [f"{tmp_path}/mixed/healthy/userdata", f"{tmp_path}/mixed/one.zip/homes/0/userdata"]
    code, _, error = audit(f"{tmp_path}/*.zip", "--jobs", "2")
    assert (code, "read without --jobs" in error) == (2, True)
    memory.pipe_file("/kept/bad.zip", b"PK no zip")
    code, _, error = audit("memory://kept/bad.zip")
    assert code == 2
    assert "the bundle memory://kept/bad.zip cannot be read" in error
