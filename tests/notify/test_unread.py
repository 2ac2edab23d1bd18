"""What ``t3lens audit`` cannot read at all is told by it too, whichever way it audits."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from t3lens.cli import run

SAMPLE = Path(__file__).resolve().parents[2] / "sample_logs" / "healthy-gen2"


@pytest.mark.parametrize("how", [(), ("--jobs", "1")], ids=["one", "many"])
def test_a_home_that_is_gone_and_comes_back(tmp_path: Path, how: tuple[str, ...]) -> None:
    keep = tmp_path / "told.ndjson"
    keeper = f"import sys; open({str(keep)!r}, 'a').write(sys.stdin.read())"
    words = ["audit", str(tmp_path / "home"), *how, "--exec", f'{sys.executable} -c "{keeper}"']
    words += ["--notify-state", str(tmp_path / "notify.json")]
    assert run(words) == 2
    assert run(words) == 2
    shutil.copytree(SAMPLE, tmp_path / "home")
    assert run(words) == 0
    told = [json.loads(line) for line in keep.read_text().splitlines()]
    assert [(one["kind"], one["code"], one["home"]) for one in told] == [
        ("new", "home-not-read", str(tmp_path / "home")),
        ("over", "home-not-read", str(tmp_path / "home")),
    ]
