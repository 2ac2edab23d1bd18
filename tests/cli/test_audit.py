"""``t3lens audit``: the contract of its JSON, its table, its exit codes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from t3lens.document.audit import audit_schema
from t3lens.domain.finding import Confidence, EvidenceKind, Remedy, Severity, Verdict
from t3lens.sim.scenarios import build_home
from tests.cli.conftest import Orphan, Run
from tests.recordings import RECORDED, needs_recordings

VALIDATOR = jsonschema.Draft202012Validator(audit_schema())

RECORDINGS = sorted(RECORDED.glob("0.*/*/*/expected.json"))[::9] if RECORDED.is_dir() else []
"""Some of all builds, through the command line; the diagnosis is held to all of them in ``tests/diagnose``."""


def document(run: Run, *arguments: object) -> dict[str, Any]:
    ran = run("audit", *arguments, "--format", "json")
    assert ran.code in (0, 1), ran.err
    assert ran.err == ""
    found: dict[str, Any] = json.loads(ran.out)
    VALIDATOR.validate(found)
    return found


def test_the_schema_itself_is_sound_and_names_every_word_of_the_model() -> None:
    schema = audit_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    parts = schema["$defs"]
    assert set(parts["verdict"]["enum"]) == set(Verdict)
    finding = parts["finding"]["properties"]
    assert set(finding["severity"]["enum"]) == set(Severity)
    assert set(finding["confidence"]["enum"]) == set(Confidence)
    assert set(finding["remedy"]["enum"]) == set(Remedy)
    assert set(parts["evidence"]["properties"]["kind"]["enum"]) == set(EvidenceKind)


def test_json_says_what_is_stuck_since_when_and_on_what_that_rests(run: Run, orphan: Orphan) -> None:
    found = document(run, orphan.home, "--as-of", orphan.told.as_of, "--server", orphan.told.server)
    thread = next(t for t in found["threads"] if t["thread_id"] == orphan.thread_id)
    assert thread["verdict"] == "stuck"
    assert thread["primary"] == "orphaned-turn"
    assert thread["session"]["status"] == "running"
    first = thread["findings"][0]
    assert first["code"] == "orphaned-turn"
    assert first["since"] == thread["since"]
    assert any(e["kind"] == "row" for e in first["evidence"])
    assert found["counts"]["stuck"] == 1
    assert found["as_of"] == orphan.told.as_of


@needs_recordings
@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: "/".join(p.parts[-4:-1]))
def test_a_recording_is_judged_as_it_should_be(run: Run, path: Path) -> None:
    expected = json.loads(path.read_bytes())
    how = ["--as-of", expected["as_of"], "--server", expected["server"]]
    found = document(run, path.parent, *how)
    threads = {t["thread_id"]: t for t in found["threads"]}
    for thread_id, right in expected["threads"].items():
        codes = {f["code"] for f in threads[thread_id]["findings"]}
        assert threads[thread_id]["verdict"] in right["verdict"], codes
        assert set(right.get("must", ())) <= codes
        assert not set(right.get("never", ())) & codes
        if "with_silence_s" in right:
            again = document(run, path.parent, *how, "--silence", right["with_silence_s"])
            other = next(t for t in again["threads"] if t["thread_id"] == thread_id)
            assert other["verdict"] == right["then"]
            assert set(right["then_must"]) <= {f["code"] for f in other["findings"]}


def test_the_table_names_the_thread_the_reason_and_the_remedy(run: Run, orphan: Orphan) -> None:
    ran = run("audit", orphan.home, "--server", "dead")
    assert ran.code == 1
    for word in (
        "stuck",
        orphan.thread_id[:8],
        "orphaned-turn",
        f"t3lens stop {orphan.thread_id[:8]}",
    ):
        assert word in ran.out


def test_the_table_fits_100_columns_and_has_no_colour_off_a_terminal(run: Run, orphan: Orphan) -> None:
    ran = run("audit", orphan.home, "--all")
    assert max(len(line) for line in ran.out.splitlines()) <= 100
    assert [line for line in ran.out.splitlines() if line.endswith(" ")] == []
    assert "\x1b" not in ran.out


@pytest.mark.parametrize(("fail_on", "code"), [("high", 1), ("critical", 0), ("info", 1), ("never", 0)])
def test_the_exit_code_follows_the_threshold(run: Run, orphan: Orphan, fail_on: str, code: int) -> None:
    how = ("--server", "dead", "--fail-on", fail_on)
    assert run("audit", orphan.home, *how).code == code


@pytest.mark.parametrize(("how", "code"), [((), 1), (("--fail-on", "critical"), 0), (("--format", "junit"), 1)])
def test_a_stuck_thread_fails_a_run_however_mild_its_findings(
    run: Run, tmp_path: Path, how: tuple[str, ...], code: int
) -> None:
    told = build_home(tmp_path / "home", "silent-turn")
    ran = run("audit", tmp_path / "home", "--server", "alive", "--as-of", told.as_of, *how)
    assert ran.code == code
    found = document(run, tmp_path / "home", "--server", "alive", "--as-of", told.as_of)
    assert {thread["verdict"] for thread in found["threads"]} == {"stuck"}
    assert {one["severity"] for thread in found["threads"] for one in thread["findings"]} == {"medium"}


def test_a_healthy_home_exits_with_0(run: Run, healthy: Path) -> None:
    assert run("audit", healthy).code == 0


def test_several_homes_are_one_document(run: Run, orphan: Orphan, healthy: Path) -> None:
    found = document(run, orphan.home, healthy)
    assert len(found["homes"]) == 2
    assert {t["home_id"] for t in found["threads"]} == {h["home_id"] for h in found["homes"]}


def test_comparing_rules_tells_how_many_either_would_have_settled(run: Run, orphan: Orphan) -> None:
    how = ("--server", "dead", "--compare", "settle,shipped-0.0.29")
    found = document(run, orphan.home, *how)["comparison"]
    assert found["rules"] == ["settle", "shipped-0.0.29"]
    assert found["stuck"] == 1
    assert f"of {found['stuck']} stuck threads" in found["summary"]
    assert found["summary"] in " ".join(run("audit", orphan.home, *how).out.split())


def test_without_a_store_nothing_is_left_behind(
    run: Run, orphan: Orphan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "TMPDIR"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.setenv(name, str(folder))
    monkeypatch.chdir(tmp_path / "HOME")
    run("audit", orphan.home)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_with_a_store_a_later_audit_needs_no_home(run: Run, orphan: Orphan, tmp_path: Path) -> None:
    store = tmp_path / "audit.duckdb"
    how = ("--as-of", orphan.told.as_of, "--server", orphan.told.server, "--store", store)
    first = document(run, orphan.home, *how)
    again = document(run, *how)
    assert again["threads"] == first["threads"]


def test_reading_a_home_changes_nothing_in_it_also_where_a_killed_server_left_its_wal(
    run: Run, orphan: Orphan, tmp_path: Path
) -> None:
    from t3lens.sim import SimServer

    home = tmp_path / "home"
    shutil.copytree(orphan.home, home)
    with SimServer(home) as server:
        server.wait(lambda core: True)
        server.kill()
    before = state_of(home)
    assert any(name.endswith("-wal") for name in before), "the database was left in WAL mode"
    assert run("audit", home).code == 1
    assert state_of(home) == before


def test_reading_a_home_changes_nothing_in_it_where_nothing_runs(run: Run, orphan: Orphan, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(orphan.home, home)
    before = state_of(home)
    assert run("audit", home).code == 1
    assert state_of(home) == before


def state_of(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Names, sizes, modification times and content of all that stands in a folder, and of the folders."""
    found = {}
    for path in sorted(folder.rglob("*")):
        status = path.stat()
        content = path.read_bytes() if path.is_file() and not path.name.endswith("-shm") else b""
        found[str(path.relative_to(folder))] = (status.st_size, status.st_mtime_ns, content)
    return found
