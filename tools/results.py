"""Every result over the recordings and the samples, as files: what a change that changes nothing is compared by.

    python -m tools.results FOLDER [RECORDINGS]...

writes what ``audit --format json``, ``sessions``, ``findings``, ``detectors`` and ``show`` say of each home below
``../shared/recorded`` and ``sample_logs`` (or RECORDINGS). Run it with the builds before and after, then
``diff -r BEFORE AFTER``. A recorded home is judged at its own moment, so the clock has no part in it.
"""

from __future__ import annotations

import json
import sys
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, Final

from t3lens.cli import run

_DEFAULT: Final = ("../shared/recorded", "sample_logs")
_COMMANDS: Final = (
    ("audit", "--format", "json"),
    ("sessions", "--format", "json"),
    ("findings", "--format", "json"),
    ("detectors",),
)


def main(arguments: list[str]) -> None:
    """Write the results of every home of the folders given."""
    target = Path(arguments[0])
    for folder in map(Path, arguments[1:] or _DEFAULT):
        for home in _homes(folder):
            _write(home, target / folder.name / home.relative_to(folder))


def _homes(folder: Path) -> list[Path]:
    homes = {path.parent for name in ("userdata", "logs") for path in folder.rglob(name)}
    return sorted(home for home in homes if home.name != "userdata")


def _write(home: Path, target: Path) -> None:
    when = _moment(home)
    target.mkdir(parents=True, exist_ok=True)
    for command in _COMMANDS:
        (target / f"{command[0]}.txt").write_text(_said(*command, str(home), *when))
    told = (target / "audit.txt").read_text()
    document: dict[str, Any] = json.loads(told.partition("\n$ exit")[0] or "{}")
    for thread in document.get("threads", ()):
        thread_id = thread["thread_id"]
        shown = _said("show", thread_id, str(home), *when)
        (target / f"show-{thread_id.replace('/', '_')}.txt").write_text(shown)


def _moment(home: Path) -> list[str]:
    told = home / "expected.json"
    if not told.is_file():
        return ["--server", "dead"]
    expected = json.loads(told.read_text())
    return ["--as-of", str(expected["as_of"]), "--server", str(expected["server"])]


def _said(*arguments: str) -> str:
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(arguments)
    return f"{out.getvalue()}\n$ exit {code}\n{err.getvalue()}"


if __name__ == "__main__":
    main(sys.argv[1:])
