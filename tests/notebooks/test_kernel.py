"""In a real kernel, driven as a front end drives it: running cells again leaks nothing, closing ends all work."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager

from tests.notebooks.test_headless import ROOT

_PATIENCE_S = 240.0
_LOOK = """
import gc, json, os, threading
import psutil
from comm import get_comm_manager
gc.collect()
me = psutil.Process()
print(json.dumps({
    "comms": len(get_comm_manager().comms), "rss": me.memory_info().rss, "files": me.num_fds(),
    "followers": sum(t.name == "t3lens-watch" for t in threading.enumerate()),
}))
"""


class Kernel:
    """A kernel and what a front end says to it."""

    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self._manager = manager
        self._client = client

    def sleep(self) -> None:
        """Stop its process where it stands, as a laptop that is closed does."""
        self._manager.signal_kernel(signal.SIGSTOP)

    def wake(self) -> None:
        """Let its process go on."""
        self._manager.signal_kernel(signal.SIGCONT)

    def run(self, code: str, cell: str, *, person: bool = True) -> list[dict[str, Any]]:
        """Run ``code`` as the cell named ``cell``; what it showed, by MIME type, text it printed as ``stdout``."""
        content = {
            "code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": person,
            "stop_on_error": True,
        }  # fmt: skip
        message = self._client.session.msg("execute_request", content)
        message["metadata"] = {"cellId": cell} if person else {}
        self._client.shell_channel.send(message)
        shown: list[dict[str, Any]] = []
        while True:
            told = self._client.get_iopub_msg(timeout=_PATIENCE_S)
            if told["parent_header"].get("msg_id") != message["header"]["msg_id"]:
                continue
            kind, said = told["msg_type"], told["content"]
            assert kind != "error", "\n".join(said.get("traceback", ()))
            if kind in ("execute_result", "display_data"):
                shown.append(said["data"])
            elif kind == "stream" and shown and "stdout" in shown[-1]:
                shown[-1]["stdout"] += said["text"]  # a kernel may send one printed line in several pieces
            elif kind == "stream":
                shown.append({"stdout": said["text"]})
            elif kind == "status" and said["execution_state"] == "idle":
                return shown

    def look(self) -> dict[str, int]:
        """What the kernel holds now."""
        seen: dict[str, int] = json.loads(self.run(_LOOK, "look")[-1]["stdout"])
        return seen


@pytest.fixture(scope="module")
def kernel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kernel]:
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path_factory.mktemp("kernel")))
    client = manager.blocking_client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=_PATIENCE_S)
        made = Kernel(manager, client)
        home = str(ROOT / "sample_logs" / "orphaned-by-restart")
        made.run(f"import t3lens\nlens = t3lens.open({home!r}, server='dead')", "setup")
        yield made
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


@pytest.mark.parametrize(
    ("cell", "times"),
    [
        (
            "made = lens.explore()\nif n % 5 == 0:\n    made._handle_custom_msg({'do': 'hello'}, [])\nmade",
            50,
        ),
        ("lens.watch()", 5),
        ("lens.thread(lens.threads().thread_id[0]).timeline()", 6),
        ("lens.timeline()", 6),
        ("lens.refresh()", 6),
    ],
    ids=["explorer", "follower", "timeline", "fleet", "refresh"],
)
def test_running_a_cell_again_and_again_leaves_what_running_it_once_does(kernel: Kernel, cell: str, times: int) -> None:
    for _ in range(2):
        kernel.run(f"n = 0\n{cell}", cell)
    before = kernel.look()
    for number in range(times):
        kernel.run(f"n = {number}\n{cell}", cell)
    after = kernel.look()
    assert after["comms"] == before["comms"]
    assert after["followers"] == before["followers"]
    assert after["files"] <= before["files"] + 2
    assert after["rss"] - before["rss"] < 60 * 2**20


def test_closing_an_explorer_ends_its_following_and_frees_its_files(kernel: Kernel) -> None:
    kernel.run("made = lens.explore(live=True)\nmade", "first")  # what the first one imports and opens stays
    kernel.run("made.close()\nmade = None", "first")
    before = kernel.look()
    kernel.run("made = lens.explore(live=True)\nmade", "close")
    assert kernel.look()["followers"] == before["followers"] + 1
    kernel.run("made.close()\nmade = None", "after")
    after = kernel.look()
    assert after["followers"] == before["followers"]
    assert after["comms"] <= before["comms"]
    assert after["files"] <= before["files"] + 2


def test_a_follower_that_slept_reads_what_was_written_meanwhile(kernel: Kernel, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(ROOT / "sample_logs" / "orphaned-by-restart", home)
    log = max((home / "userdata" / "logs" / "provider").glob("*.log"), key=lambda p: p.stat().st_size)
    count = "lens2.sql('select count(*) from log_events').iloc[0, 0]"
    kernel.run(
        f"lens2 = t3lens.open({str(home)!r}, server='dead')\nwatch = lens2.watch().start()\nbefore = {count}",
        "sleep",
    )
    kernel.sleep()
    with log.open("a", encoding="utf-8") as out:
        out.writelines(log.read_text("utf-8").splitlines(keepends=True)[-3:])
    kernel.wake()
    shown = kernel.run(f"seen = watch.wait(1, {_PATIENCE_S})\nwatch.stop()\nprint(seen, {count} - before)", "sleep")
    assert shown[-1]["stdout"].split() == ["True", "3"]


def test_with_nobody_before_it_a_kernel_shows_pictures_and_tables(kernel: Kernel) -> None:
    for code in ("lens.explore()", "lens.timeline()", "lens.thread('Speed').timeline()", "lens"):
        shown = kernel.run(code.replace("'Speed'", "lens.threads().thread_id[0]"), "none", person=False)
        assert "application/vnd.jupyter.widget-view+json" not in shown[-1], code
        assert "<table" in shown[-1]["text/html"], code
        assert "stuck" in shown[-1]["text/plain"], code


@pytest.mark.parametrize("whose", ["lens", "lens.thread(lens.threads().thread_id[0])"])
def test_a_plain_figure_is_drawn_by_any_front_end_that_knows_plotly(kernel: Kernel, whose: str) -> None:
    shown = kernel.run(f"{whose}.timeline(static=True)", "plain")
    assert set(shown[-1]) == {"application/vnd.plotly.v1+json", "text/html", "text/plain"}
    assert shown[-1]["application/vnd.plotly.v1+json"]["config"]["plotlyServerURL"] == ""
    assert "<svg" in shown[-1]["text/html"]
    assert "<script" not in shown[-1]["text/html"]
