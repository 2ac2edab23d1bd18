"""Reports, bundles, exports, formats, baselines and configuration on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run

SAMPLES = Path(__file__).resolve().parents[2] / "sample_logs"
STUCK = SAMPLES / "orphaned-by-restart"


@pytest.fixture(autouse=True)
def no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_CONFIG", "")


def test_a_report_is_written_beside_its_twin(run: Run, tmp_path: Path) -> None:
    ran = run("report", STUCK, "--server", "dead", "-o", tmp_path / "r.html")
    assert (ran.code, ran.err) == (0, "")
    assert sorted(path.suffix for path in tmp_path.glob("r*")) >= [".html", ".md", ".svg"]


def test_a_report_on_nothing_says_so(run: Run, tmp_path: Path) -> None:
    ran = run("report", SAMPLES / "healthy", "--server", "dead", "-o", tmp_path / "r.html")
    assert ran.code == 2
    assert "no thread to report on" in ran.err


def test_a_bundle_is_audited_like_its_home(run: Run, tmp_path: Path) -> None:
    assert run("bundle", STUCK, "--server", "dead", "-o", tmp_path / "b.zip").code == 0
    ran = run("audit", tmp_path / "b.zip", "--format", "json")
    assert ran.code == 1
    assert {t["verdict"] for t in json.loads(ran.out)["threads"]} == {"stuck"}


def test_parquet_is_audited_like_its_home(run: Run, tmp_path: Path) -> None:
    assert run("export", STUCK, "--server", "dead", "--parquet", tmp_path / "p").code == 0
    ran = run("audit", f"{tmp_path}/p/**/*.parquet", "--server", "dead", "--format", "json")
    assert ran.code == 1


def test_several_documents_are_written_at_once(run: Run, tmp_path: Path) -> None:
    names = ("a.json", "a.ndjson", "a.xml", "a.sarif", "a.md", "a.html")
    outputs = [word for name in names for word in ("-o", tmp_path / name)]
    assert run("audit", STUCK, "--server", "dead", *outputs).code == 1
    assert all((tmp_path / name).stat().st_size > 200 for name in names)


def test_a_file_name_that_tells_no_format_is_refused(run: Run, tmp_path: Path) -> None:
    ran = run("audit", STUCK, "-o", tmp_path / "a.txt")
    assert ran.code == 2
    assert "FORMAT=FILE" in ran.err


def test_known_findings_do_not_fail_a_job_and_new_ones_do(run: Run, tmp_path: Path) -> None:
    old = tmp_path / "old.json"
    assert run("audit", STUCK, "--server", "dead", "-o", old).code == 1
    assert run("audit", STUCK, "--server", "dead", "--baseline", old).code == 0
    document = json.loads(old.read_text())
    for place in (*document["homes"], *document["threads"]):
        place["findings"] = []
    old.write_text(json.dumps(document))
    assert run("audit", STUCK, "--server", "dead", "--baseline", old).code == 1


def test_since_last_fails_once(run: Run, tmp_path: Path) -> None:
    words = ("audit", STUCK, "--server", "dead", "--store", tmp_path / "s.duckdb", "--since-last")
    assert [run(*words).code, run(*words).code] == [1, 0]


def test_an_ignored_code_does_not_fail(run: Run) -> None:
    ran = run("audit", STUCK, "--server", "dead", "--ignore", "orphaned-turn", "--format", "json")
    codes = {f["code"] for t in json.loads(ran.out)["threads"] for f in t["findings"]}
    assert "orphaned-turn" not in codes
    assert run("audit", STUCK, "--ignore", "nonsense").code == 2


def test_options_come_from_a_file_and_the_command_line_wins(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "t3lens.toml"
    path.write_text('[audit]\nfail-on = "never"\nserver = "dead"\nformat = "json"\nthreshold = { silence = 33 }\n')
    monkeypatch.setenv("T3LENS_CONFIG", str(path))
    ran = run("audit", STUCK)
    assert ran.code == 0
    assert json.loads(ran.out)["thresholds"]["silence"] == 33
    assert run("audit", STUCK, "--fail-on", "high").code == 1


def test_pyproject_is_read_from_a_folder_above(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.t3lens.audit]\nfail-on = "never"\nserver = "dead"\n')
    (tmp_path / "below").mkdir()
    monkeypatch.delenv("T3LENS_CONFIG")
    monkeypatch.chdir(tmp_path / "below")
    assert run("audit", STUCK).code == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[nonsense]\n", "no command is called so"),
        ("[audit]\nnope = 1\n", "no option 'nope'"),
        ('[audit]\nall = "yes"\n', "true or false"),
        ("[audit]\nfail-on = true\n", "a text or a number"),
        ("[audit]\nfail-on = ['high']\n", "one value"),
        ("[audit", "no TOML"),
        ("[stop]\nyes = true\n", "no option 'yes'"),
    ],
)
def test_a_wrong_file_is_refused_by_name(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str
) -> None:
    path = tmp_path / "t3lens.toml"
    path.write_text(text)
    monkeypatch.setenv("T3LENS_CONFIG", str(path))
    ran = run("stop" if text.startswith("[stop") else "audit", STUCK)
    assert ran.code == 2
    assert said in ran.err
    assert "t3lens.toml" in ran.err


def test_a_fleet_reports_what_it_could_not_read(run: Run, tmp_path: Path) -> None:
    ran = run("audit", STUCK, tmp_path / "gone", "--server", "dead", "--jobs", 2, "--format", "junit")
    assert ran.code == 2
    assert "gone" in ran.err
    assert "<error" in ran.out
    assert "orphaned-turn" in ran.out


def test_several_processes_print_what_one_prints(run: Run) -> None:
    titles = [run("sql", "select title from projects limit 1", STUCK, "--format", "csv").out]
    project = titles[0].splitlines()[1]
    words = ("audit", STUCK, SAMPLES / "retry-loop", "--server", "dead", "--format", "json")
    for more in ((), ("--project", project), ("--compare", "settle,shipped-0.0.29")):
        alone, several = run(*words, *more), run(*words, *more, "--jobs", 2)
        assert several == alone
    assert run(*words, "--project", "no such", "--jobs", 2).code == 0
