"""What DuckDB's package adds to connections is asked for where it is used."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from t3lens.sim.scenarios import build_home

ROOT = Path(__file__).parents[2] / "t3lens"
_ADDED = re.compile(
    r"(?<!\w)(?:\w+\.)*_?(?:con|connection|cursor|source|target|files|reader|memory)"
    r"\.(?:sql|register|query|table|df|view)\("
)


def test_relations_and_arrow_are_asked_for_by_name() -> None:
    found = [
        (path.name, match[0])
        for path in ROOT.rglob("*.py")
        if "sim" not in path.parts
        for match in _ADDED.finditer(path.read_text("utf-8"))
    ]
    assert found == []
    assert _ADDED.search("rows = self._con.sql(query)")


def test_the_audit_of_a_small_home_needs_neither_the_package_nor_arrow(tmp_path: Path) -> None:
    build_home(tmp_path / "home", "orphaned-turn")
    code = (
        "import sys; from t3lens.cli import run; code = run(sys.argv[1:]);"
        "heavy = {'duckdb', 'numpy', 'pandas', 'pyarrow', 'rich', 'httpx2', 't3lens.act'} & set(sys.modules);"
        "print(sorted(heavy), file=sys.stderr); sys.exit(9 if heavy else code)"
    )
    audit = ["audit", str(tmp_path / "home"), "--server", "dead", "--records", "off", "--format", "json"]
    done = subprocess.run([sys.executable, "-c", code, *audit], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "[]\n")
