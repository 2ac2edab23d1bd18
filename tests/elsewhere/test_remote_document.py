"""The commands of docs/remote.md, as they stand there, against real servers."""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from pathlib import Path
from typing import Any

import t3lens
from tests.cli.conftest import Run
from tests.cli.conftest import run as run
from tests.elsewhere.conftest import SAMPLES, put_samples
from tests.elsewhere.sftp_server import SFTP

ROOT = Path(__file__).resolve().parents[2]


def test_every_command_of_the_document(s3: Any, sftp: SFTP, run: Run, tmp_path: Path) -> None:
    lines = re.findall(r"^    (\S.+)$", (ROOT / "docs" / "remote.md").read_text("utf-8"), re.M)
    commands = [shlex.split(line, comments=True) for line in lines]
    assert [words[:2] for words in commands].count(["t3lens", "audit"]) >= 3
    for bucket in ("backups", "tickets", "exports", "fleet"):
        s3.mkdir(bucket)
    put_samples(s3, "backups/t3", "healthy", "orphaned-by-restart")
    with t3lens.open(SAMPLES / "false-completed", server="dead") as lens:
        thread = lens.diagnosis.threads[0].thread_id
        s3.pipe_file("tickets/evidence.zip", lens.bundle(tmp_path / "one.zip", [thread]).path.read_bytes())
        lens.export_parquet(tmp_path / "rows")
    s3.put(str(tmp_path / "rows"), "exports/nov", recursive=True)
    shutil.copytree(SAMPLES / "false-completed", sftp.root / "home/ann/.t3")
    shutil.copytree(SAMPLES / "healthy", tmp_path / "user-t3")
    places = {
        "sftp://ann@ws-17": sftp.url,
        "/var/lib/t3lens": str(tmp_path / "stores"),
        "~/.t3": str(tmp_path / "user-t3"),
        "62d3": thread[:8],
    }
    for words in commands:
        here = words
        for name, there in places.items():
            here = [word.replace(name, there) for word in here]
        if here[0] == "pip":
            extra = re.fullmatch(r"t3lens\[(\w+)\]", here[2])
            assert extra is not None
            assert (
                extra[1] in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
            )
            continue
        ran = run(*here[1:], *(["--fail-on", "never"] if here[1] == "audit" else []))
        assert (ran.code, ran.err) == (0, ""), (words, ran.err)
        assert ran.out, words
    assert [path.rpartition("/")[2][:6] for path in s3.ls("fleet/t3")] == ["ws-17-"]
