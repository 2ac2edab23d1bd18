"""Where nobody opens a notebook, t3lens audits without what notebooks need."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from t3lens.cli import NOTEBOOK_PARTS
from tests.cli.conftest import Orphan, Run

ROOT = Path(__file__).resolve().parents[2]

BLOCKED = f"""
import sys

class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {sorted(NOTEBOOK_PARTS | {"IPython", "ipykernel", "traitlets"})!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Blocked())  # in the processes of --jobs, too: they begin by importing this file

if __name__ == "__main__":
    from t3lens.cli import run
    sys.exit(run(sys.argv[1:]))
"""


def slim(tmp_path: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """t3lens in a Python that has none of these packages."""
    script = tmp_path / "slim.py"
    script.write_text(BLOCKED)
    return subprocess.run([sys.executable, script, *map(str, words)], capture_output=True, text=True, check=False, cwd=ROOT)


def test_the_slim_installation_is_all_but_the_parts_of_notebooks() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [line for line in (ROOT / "docs" / "slim.txt").read_text("utf-8").splitlines() if not line.startswith("#")]
    left_out = set(project["dependencies"]) - set(lines)
    assert set(lines) < set(project["dependencies"])
    assert {re.split(r"[<>=]", one)[0] for one in left_out} == NOTEBOOK_PARTS


def test_the_container_has_the_slim_installation_and_what_tells_somebody() -> None:
    steps = (ROOT / "docs" / "Containerfile").read_text("utf-8").replace("\\\n", "").splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    copied = [step.split()[1:-1] for step in steps if step.startswith("COPY") and "--from" not in step]
    sources = {name for names in copied for name in names}
    assert all((ROOT / name).exists() for name in sources)
    assert {project["readme"], *project["license-files"], "pyproject.toml", "t3lens", "notebooks"} < sources
    installs = next(step for step in steps if step.startswith("RUN") and "pip" in step)
    (extra,) = project["optional-dependencies"]["notify"]
    assert f"-r slim.txt '{extra}'" in installs
    owned = next(step for step in steps if "useradd" in step)
    (volume,) = [step.split()[1] for step in steps if step.startswith("VOLUME")]
    assert f"-o t3lens -g t3lens {volume}" in owned


def test_an_audit_says_the_same_without_them(run: Run, orphan: Orphan, healthy: Path, tmp_path: Path) -> None:
    homes = (orphan.home, healthy, "--server", "dead")
    files = [word for name in ("a.html", "a.md", "a.xml", "a.sarif", "a.json") for word in ("-o", tmp_path / name)]
    ran = slim(tmp_path, "audit", *homes, "--jobs", 2, *files, "--pages", tmp_path / "pages", "--by", "home")
    assert (ran.returncode, ran.stderr) == (1, "")
    assert ran.stdout == run("audit", *homes, "--by", "home").out
    assert (tmp_path / "pages" / "index.html").exists()


def test_a_report_is_written_without_them(orphan: Orphan, tmp_path: Path) -> None:
    ran = slim(tmp_path, "report", orphan.home, "--server", "dead", "-o", tmp_path / "r.html")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "orphaned-turn" in (tmp_path / "r.html").read_text("utf-8")


def test_what_needs_one_of_them_says_which(run: Run, healthy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(*_: object, **__: object) -> None:
        raise ModuleNotFoundError("No module named 'plotly'", name="plotly.graph_objects")

    monkeypatch.setattr("t3lens.document.table.audit_table", lacking)
    ran = run("audit", healthy)
    assert ran.code == 2
    assert ran.err == "t3lens: this needs plotly, which a slim installation leaves out: pip install plotly\n"
