"""What every command says first of a home of the second data model, and what it exits with."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import pytest

from t3lens.diagnose import register_all
from t3lens.document.audit import audit_schema
from t3lens.sim import SecondHome, SecondServer
from t3lens.sim.script import AskApproval, Hang
from tests.cli.conftest import Run
from tests.second_model import (
    V1_STUCK,
    V2_THREADS,
    branch_home,
    execute,
    only_second,
    sample,
    upgraded_home,
)

HOMES = [branch_home, upgraded_home, only_second]
THREAD = next(iter(V2_THREADS))

Make = Callable[[Path], Path]


@pytest.mark.parametrize("make", HOMES)
def test_the_audit_exits_with_2_and_its_json_says_why(make: Make, run: Run, tmp_path: Path) -> None:
    home = make(tmp_path / "home")
    ran = run("audit", home, "--format", "json", "--fail-on", "never")
    assert ran.code == 2
    assert "cannot be judged" in ran.err
    document = json.loads(ran.out)
    jsonschema.Draft202012Validator(audit_schema()).validate(document)
    (said,) = document["homes"]
    assert said["data_model"] == ("both" if make is upgraded_home else "v2")
    assert "V2" in said["cannot_judge"]
    assert document["notices"] == [f"home {home}: CANNOT BE JUDGED: {said['cannot_judge']}"]
    assert list(document["counts"]) == ["unknown"]
    assert said["findings"] == []
    assert said["rules"] == "none"
    assert {check["why"] for check in said["not_checked"]} == {"not checked: the home is V2"}
    assert {check["code"] for check in said["not_checked"]} == set(register_all())


def test_with_several_processes_it_is_the_same_and_the_other_homes_are_judged(run: Run, tmp_path: Path) -> None:
    homes = [sample(tmp_path / "a"), upgraded_home(tmp_path / "b")]
    for jobs in ((), ("--jobs", 2)):
        ran = run("audit", *homes, "--format", "json", *jobs)
        assert ran.code == 2
        document = json.loads(ran.out)
        assert [home["data_model"] for home in document["homes"]] == ["v1", "both"]
        assert len(document["notices"]) == 1
        assert document["counts"]["stuck"] == 1


@pytest.mark.parametrize("make", HOMES)
@pytest.mark.parametrize("shape", ["table", "ndjson", "junit", "sarif", "md", "html"])
def test_every_form_of_the_audit_says_it_before_any_thread(make: Make, shape: str, run: Run, tmp_path: Path) -> None:
    ran = run("audit", make(tmp_path / "home"), "--format", shape)
    assert ran.code == 2
    text = " ".join(ran.out.split())
    assert "V2" in text
    place = text.find("not judged") if shape != "table" else text.find("CANNOT BE JUDGED")
    assert place >= 0
    assert place < text.find("Port the parser" if shape != "sarif" else '"results"')
    if shape == "table":
        assert ran.out.startswith("!! home ")
        assert "CANNOT BE JUDGED" in text
    if shape == "sarif":
        (invocation,) = json.loads(ran.out)["runs"][0]["invocations"]
        assert invocation["executionSuccessful"] is False
        assert invocation["toolExecutionNotifications"][0]["level"] == "error"
    if shape == "junit":
        assert 'errors="1"' in text


@pytest.mark.parametrize("make", HOMES)
def test_detectors_say_that_they_did_not_look(make: Make, run: Run, tmp_path: Path) -> None:
    home = make(tmp_path / "home")
    ran = run("detectors", home)
    assert ran.code == 0
    assert ran.out.startswith("!! home ")
    assert "not checked: the home is V2, T3 Code's second data model" in ran.out
    assert "nothing found" not in ran.out
    rows = json.loads(run("detectors", home, "--format", "json").out)
    assert {(row["checked"], row["found"]) for row in rows} == {(False, None)}


@pytest.mark.parametrize("make", HOMES)
@pytest.mark.parametrize("command", ["sessions", "findings", "show", "watch"])
def test_looking_commands_say_it_first(make: Make, command: str, run: Run, tmp_path: Path) -> None:
    home = make(tmp_path / "home")
    words = {"show": ("show", THREAD, home), "watch": ("watch", home, "--for", 0)}
    ran = run(*words.get(command, (command, home)))
    assert ran.code == 0
    assert ran.out.startswith("!! home ")


def test_rows_for_programs_stay_rows(run: Run, tmp_path: Path) -> None:
    home = branch_home(tmp_path / "home")
    for command in (("sessions",), ("findings",), ("sql", "from threads")):
        ran = run(*command, home, "--format", "json")
        assert ran.err.startswith("!! home ")
        json.loads(ran.out)
    titles = json.loads(run("sql", "from threads", home, "--format", "json").out)
    assert {row["thread_id"]: row["title"] for row in titles} == V2_THREADS


@pytest.mark.parametrize("make", HOMES)
def test_the_report_says_it_at_its_top_and_nothing_of_its_threads(make: Make, run: Run, tmp_path: Path) -> None:
    home = make(tmp_path / "home")
    ran = run("report", home, "-o", tmp_path / "r.html")
    assert ran.code == 0, ran.err
    page, twin = (tmp_path / "r.html").read_text(), (tmp_path / "r.md").read_text()
    body = page[page.index("<main>") :]
    assert body.index("CANNOT BE JUDGED") < body.index("<header>")
    assert twin.index("CANNOT BE JUDGED") < twin.index("## Summary")
    for text in (body, twin):
        assert "nothing is wrong" not in text
        assert "nobody waits" not in text
        assert "Write &lt;b&gt;docs" in text
    assert not list(tmp_path.glob("*.svg"))


@pytest.mark.parametrize("make", HOMES)
def test_acting_commands_refuse_with_the_reason(make: Make, run: Run, tmp_path: Path) -> None:
    home = make(tmp_path / "home")
    before = {path: path.read_bytes() for path in home.glob("*.sqlite*")}
    for words in (
        ("stop", THREAD, home, "--yes"),
        ("reconcile", THREAD, home, "--yes"),
        ("reconcile", THREAD, home, "--offline", "--yes"),
        ("reconcile-all", home, "--yes", "--why", "test"),
        ("reconcile-all", home, "--dry-run"),
    ):
        ran = run(*words)
        assert ran.code == 1, words
        assert "refuse" in ran.out
        assert "V2" in ran.out
    assert {path: path.read_bytes() for path in home.glob("*.sqlite*")} == before


def test_what_is_beyond_the_known_is_said_first_and_judged_less_surely(run: Run, tmp_path: Path) -> None:
    home = sample(tmp_path / "home")
    execute(home / "state.sqlite", "CREATE TABLE projection_moods (thread_id TEXT)")
    ran = run("audit", home, "--format", "json")
    assert ran.code == 1
    document = json.loads(ran.out)
    jsonschema.Draft202012Validator(audit_schema()).validate(document)
    (said,) = document["homes"]
    assert (said["data_model"], said["cannot_judge"]) == ("v1", None)
    assert said["beyond_known"] == ["1 unknown table: projection_moods"]
    (stuck,) = [one for one in document["threads"] if one["thread_id"] == V1_STUCK]
    assert (stuck["verdict"], stuck["findings"][0]["confidence"]) == ("stuck", "possible")
    for shape in ("table", "md", "html", "sarif", "junit", "ndjson"):
        text = " ".join(run("audit", home, "--format", shape).out.split())
        assert "projection" in text, shape
        assert "moods" in text, shape
    assert run("audit", home).out.startswith("!! home ")


def test_hostile_names_in_a_database_steer_nothing(run: Run, tmp_path: Path) -> None:
    home = sample(tmp_path / "home")
    execute(home / "state.sqlite", 'CREATE TABLE "projection_<script>\x1b[31m" (a TEXT)')
    assert "\x1b" not in run("audit", home).out
    page = run("audit", home, "--format", "html").out
    assert "<script>" not in page[page.index("<body>") :]


def test_a_thread_of_the_second_data_model_is_stopped_and_declined_over_its_socket(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with SecondHome(tmp_path / "home") as home:
        hung, asking, idle = home.thread("Hung"), home.thread("Asking"), home.thread("Idle")
        home.turn(idle, "hello")
    with SecondServer(tmp_path / "home", speed=20) as server:
        monkeypatch.setenv("T3LENS_ACTIONS", "1")
        monkeypatch.setenv("T3LENS_TOKEN", server.token)
        server.send(hung, "hangs", Hang())
        server.send(asking, "asks", AskApproval())
        assert server.wait(lambda core: bool(core.database.entities("provider-turn", hung)))
        assert server.wait(lambda core: bool(core.database.entities("runtime-request", asking)))
        shown = run("stop", hung, tmp_path / "home", "--dry-run")
        assert "interrupt run" in shown.out
        assert server.commands == []
        for name, thread in (("stop", hung), ("decline", asking)):
            ran = run(name, thread, tmp_path / "home", "--yes", "--why", "a test", "--format", "json")
            assert ran.code == 0, ran.out + ran.err
            result = json.loads(ran.out)
            assert (result["outcome"], result["changed"]) == ("applied", True)
            assert server.token not in ran.out + ran.err
        assert server.runs(hung) == ["interrupted"]
        left = run("reconcile", idle, tmp_path / "home", "--yes", "--format", "json")
        assert json.loads(left.out)["outcome"] == "already"
        offline = run("reconcile", hung, tmp_path / "home", "--offline", "--yes")
        assert offline.code == 1
        assert "no repair of its database is needed" in offline.out
        journal = json.loads(run("actions", "--format", "json").out)
        assert {row["kind"] for row in journal} == {"stop", "decline", "reconcile", "offline-repair"}
        assert [command["type"] for command in server.commands] == ["run.interrupt", "runtime-request.respond"]
