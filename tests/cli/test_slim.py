"""Where nobody opens a notebook, t3lens audits without what notebooks need."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

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


def test_an_audit_says_the_same_without_them(run: Run, orphan: Orphan, healthy: Path, tmp_path: Path) -> None:
    homes = (orphan.home, healthy, "--server", "dead")
    files = [word for name in ("a.html", "a.md", "a.xml", "a.sarif", "a.json") for word in ("-o", tmp_path / name)]
    ran = slim(tmp_path, "audit", *homes, "--jobs", 2, *files, "--pages", tmp_path / "pages", "--by", "home")
    assert (ran.returncode, ran.stderr) == (1, "")
    assert ran.stdout == run("audit", *homes, "--by", "home").out
    assert (tmp_path / "pages" / "index.html").exists()


def test_what_draws_says_what_it_needs(orphan: Orphan, tmp_path: Path) -> None:
    ran = slim(tmp_path, "report", orphan.home, "--server", "dead", "-o", tmp_path / "r.html")
    assert ran.returncode == 2
    assert ran.stderr == "t3lens: this needs plotly, which a slim installation leaves out: pip install plotly\n"
