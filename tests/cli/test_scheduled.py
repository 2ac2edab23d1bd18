"""The README's examples of scheduled use run as they stand there, on the samples."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import t3lens
from tests.cli.conftest import Run

ROOT = Path(__file__).resolve().parents[2]
SECTION = "## Documents, pipelines, archives"


def blocks(language: str) -> list[str]:
    """The code blocks of the README's section, in order."""
    text = (ROOT / "README.md").read_text("utf-8")
    section = text[text.index(SECTION) + len(SECTION) :].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_CONFIG", "")
    monkeypatch.chdir(ROOT)


def words_of(line: str, tmp_path: Path) -> list[str]:
    words = shlex.split(line)
    assert words[0] == "t3lens"
    return [word.replace("demo/", f"{tmp_path}/") for word in words[1:]]


def test_the_shell_examples_run(run: Run, tmp_path: Path) -> None:
    lines = [line for block in blocks("sh") for line in block.strip().splitlines()]
    assert len(lines) >= 5
    for line in lines:
        ran = run(*words_of(line, tmp_path))
        assert ran.code == 0, (line, ran.err)
    written = {path.suffix for path in tmp_path.iterdir()}
    assert {".html", ".md", ".svg", ".zip", ".json", ".xml", ".sarif"} <= written


def test_the_nightly_line_appends_lines_that_stand_alone(run: Run, tmp_path: Path) -> None:
    (line,) = (block.strip() for block in blocks("crontab"))
    *schedule, command = line.split(maxsplit=5)
    assert len(schedule) == 5
    command, log = command.split(" >> ")
    words = [
        word.replace("/archive/*/userdata", "sample_logs/*/userdata").replace("/var/lib/t3lens", str(tmp_path / "stores"))
        for word in words_of(command, tmp_path)
    ]
    assert log.endswith(".ndjson")
    told = []
    for _ in range(2):
        ran = run(*words, "--server", "dead")
        assert ran.code == 1
        told.append([json.loads(one)["kind"] for one in ran.out.splitlines()])
    assert told[0] == told[1]
    assert told[0].count("home") >= 5
    assert (tmp_path / "stores").is_dir()


def test_the_job_fails_when_there_is_a_finding_the_baseline_does_not_know(run: Run, tmp_path: Path) -> None:
    first, job = next(block.strip().splitlines() for block in blocks("sh") if "--baseline" in block)
    assert run(*words_of(first, tmp_path)).code == 0
    assert run(*words_of(job, tmp_path)).code == 0
    baseline = tmp_path / "baseline.json"
    older = json.loads(baseline.read_text())
    older["threads"][0]["findings"] = []
    baseline.write_text(json.dumps(older))
    assert run(*words_of(job, tmp_path)).code == 1
    (new,) = [
        result["ruleId"]
        for result in json.loads((tmp_path / "audit.sarif").read_text())["runs"][0]["results"]
        if result["baselineState"] == "new" and result["level"] == "error"
    ][:1]
    assert new in (tmp_path / "audit.xml").read_text()


def test_the_worst_thread_is_told_of_unattended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = (block.strip() for block in blocks("bash"))
    program, *words = shlex.split(line)
    monkeypatch.setenv("T3LENS_JOURNAL", str(tmp_path / "journal.ndjson"))
    words = [word.replace("demo/", f"{tmp_path}/") for word in words]
    subprocess.run([sys.executable, "-m", program, *words], check=True, capture_output=True)
    with t3lens.open("sample_logs") as lens:
        worst = lens.diagnosis.threads[0].thread_id
        others = [one.thread_id for one in lens.diagnosis.threads[1:]]
    page = (tmp_path / "worst.html").read_text("utf-8")
    assert worst in page
    assert not [one for one in others if one in page]


def test_the_configuration_example_is_taken(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = blocks("toml")
    (tmp_path / "t3lens.toml").write_text(text)
    monkeypatch.setenv("T3LENS_CONFIG", str(tmp_path / "t3lens.toml"))
    ran = run("audit", "sample_logs/orphaned-by-restart", "--server", "dead", "--format", "json")
    assert ran.code == 0
    assert json.loads(ran.out)["thresholds"]["silence"] == 900
