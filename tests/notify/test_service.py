"""The service of docs/t3lens-watch.service, run by its own words: a restart loses and repeats nothing."""

from __future__ import annotations

import configparser
import os
import shlex
import shutil
import subprocess
import sys
from http.server import HTTPServer
from pathlib import Path
from typing import Any

from tests.cluster import wait_for
from tests.notify.test_targets import server, url

__all__ = ["server"]

ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_logs"
SAMPLES_IN_TURN = ("orphaned-by-restart", "retry-loop")

_AT_ONCE = """
import runpy
from datetime import timedelta
from t3lens.commands import watch
watch._GAP = timedelta(0)  # an address is told once a minute, and a test does not wait for it
runpy.run_module("t3lens", run_name="__main__")
"""


def _unit() -> Any:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(ROOT / "docs" / "t3lens-watch.service")
    return unit["Service"]


def test_what_is_stopped_and_started_again_tells_each_finding_once(server: HTTPServer, tmp_path: Path) -> None:
    service, told = _unit(), server.told  # type: ignore[attr-defined]
    said = service["ExecStart"].replace("%h", str(tmp_path)).replace("%S", str(tmp_path / "state"))
    program, *words = shlex.split(said)
    assert program.endswith("/bin/t3lens")
    assert f"{tmp_path}/state/t3lens" == service["ReadWritePaths"].replace("%S", str(tmp_path / "state"))
    (tmp_path / "state" / service["StateDirectory"]).mkdir(parents=True)
    environment = os.environ | {"T3LENS_NOTIFY": url(server), "T3LENS_CONFIG": "", "HOME": str(tmp_path)}
    for number, sample in enumerate(SAMPLES_IN_TURN, 1):
        shutil.copytree(SAMPLES / sample, tmp_path / ".t3" / sample)
        with subprocess.Popen(
            [sys.executable, "-c", _AT_ONCE, *words], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process:
            try:
                wait_for("what is new", lambda number=number: len(told) >= number)
            finally:
                process.terminate()
                _, error = process.communicate(timeout=240)
        assert process.returncode == int(service["SuccessExitStatus"]), error.decode()
    messages = [body["message"] for _, body in told]
    assert [message.count("orphaned-turn") for message in messages] == [1, 1]
    assert [f"{sample}/userdata" in message for message, sample in zip(messages, SAMPLES_IN_TURN, strict=True)] == [
        True,
        True,
    ]
    assert SAMPLES_IN_TURN[0] not in messages[1]
