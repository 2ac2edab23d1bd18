"""A command that is interrupted at any moment says so, ends with 128 and the signal's number, and gives no answer.

A handful of points of every command by default; ``T3LENS_TEST_SIZE=full`` makes it 200.
"""

from __future__ import annotations

import gc
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

import t3lens
from t3lens.cli import run as run_cli
from t3lens.interrupts import Halted, stop_if_interrupted
from t3lens.sim.scenarios import build_home
from tests.cli.conftest import Run

_FULL: Final = os.environ.get("T3LENS_TEST_SIZE") == "full"
_POINTS: Final = 200 if _FULL else 3
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
_PYTHONS_OWN: Final = ("Fatal Python error: init_", "Could not import runpy module")


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("homes")
    for name in ("orphaned-turn", "short-and-healthy"):
        build_home(folder / f"{len(list(folder.iterdir()))}-{name}", name)
    return sorted(folder.iterdir())


@contextmanager
def _swallowed() -> Iterator[list[Any]]:
    """The interrupts that met a destructor or a callback of the garbage collector (pytest's plugins have such).

    Python drops an exception there and says so to ``sys.unraisablehook``; the command must end as interrupted all the
    same. Any other exception that is dropped goes to whoever listened before, which fails the test.
    """
    dropped: list[Any] = []
    before = sys.unraisablehook

    def hook(what: Any) -> None:
        if issubclass(what.exc_type, KeyboardInterrupt):
            dropped.append(what.exc_type)
        else:
            before(what)

    sys.unraisablehook = hook
    try:
        yield dropped
    finally:
        sys.unraisablehook = before


@contextmanager
def _signal_after(seconds: float, number: int) -> Iterator[Callable[[], bool]]:
    """Send this process a signal that late; what comes when no command listens any more is only counted."""
    late: list[int] = []
    sent: list[float] = []

    def send(*_: Any) -> None:
        sent.append(seconds)
        os.kill(os.getpid(), number)

    before = {one: signal.signal(one, lambda number, _: late.append(number)) for one in _SIGNALS}
    alarm = signal.signal(signal.SIGALRM, send)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield lambda: bool(sent) and not late
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, alarm)
        for one, handler in before.items():
            signal.signal(one, handler)


_COMMANDS: Final[dict[str, list[str]]] = {
    "audit": ["audit", "{homes}"],
    "audit with files": ["audit", "{homes}", "--format", "json", "-o", "{new}/audit.json", "-o", "{new}/audit.html"],
    "sql": ["sql", "from findings", "{homes}"],
    "report": ["report", "{homes}", "-o", "{new}/report.html"],
    "ingest": ["ingest", "{homes}", "--store", "{new}/store.duckdb"],
    "export": ["export", "{homes}", "--parquet", "{new}/tables"],
    "bundle": ["bundle", "{homes}", "-o", "{new}/bundle.zip"],
    "watch": ["watch", "{homes}", "--for", "0.5"],
}


@pytest.mark.parametrize("name", _COMMANDS)
def test_an_interrupt_at_any_moment_is_no_answer(name: str, homes: list[Path], run: Run, tmp_path: Path) -> None:
    rng = random.Random(name)

    def command(folder: str) -> list[str]:
        new = tmp_path / folder
        new.mkdir()
        words = (w.format(new=new, homes="{homes}") for w in _COMMANDS[name])
        return [part for word in words for part in (map(str, homes) if word == "{homes}" else [word])]

    run(*command("warm"))  # with what is imported once
    began = time.monotonic()
    whole = run(*command("whole"))
    lasted = time.monotonic() - began
    assert whole.code in (0, 1), whole.err
    seen = 0
    for point in range(_POINTS):
        number = _SIGNALS[point % 2]
        words = command(f"{point}")
        after = max(lasted * (point + rng.random()) / _POINTS, 1e-4)
        with _swallowed(), _signal_after(after, number) as came:
            said = run(*words)
        if not came():
            continue
        seen += 1
        assert said.code == 128 + number, (point, said)
        assert "internal error" not in said.err
        assert ("interrupted" if number == signal.SIGINT else "terminated") in said.err.splitlines()[-1]
    assert seen


@pytest.mark.parametrize("number", _SIGNALS)
def test_an_interrupt_that_is_dropped_ends_the_command_all_the_same(
    number: int, homes: list[Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes while a callback of the garbage collector runs."""
    import t3lens.commands.audit as audit

    hit: list[str] = []

    def on_collection(phase: str, _: Any) -> None:
        if not hit:
            hit.append(phase)
            signal.raise_signal(number)  # whose handler runs before this returns

    def asked() -> None:
        gc.callbacks.append(on_collection)
        try:
            gc.collect()
        finally:
            gc.callbacks.remove(on_collection)
        stop_if_interrupted()

    monkeypatch.setattr(audit, "stop_if_interrupted", asked)
    with _swallowed() as dropped:
        said = run("audit", *homes)
    assert (hit, dropped) == (["start"], [KeyboardInterrupt])
    assert (said.code, said.out) == (128 + number, "")


@pytest.mark.parametrize("words", [["audit"], ["audit", "--jobs", "2"]], ids=["audit", "audit --jobs"])
def test_a_process_that_is_interrupted_ends_so(words: list[str], homes: list[Path], tmp_path: Path) -> None:
    """From the first moment of the process to its last, the processes it began included."""

    def begin() -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "t3lens", *words, *map(str, homes), "--format", "json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True, cwd=tmp_path,
        )  # fmt: skip

    began = time.monotonic()
    whole = begin()
    out, err = whole.communicate(timeout=300)
    lasted = time.monotonic() - began
    assert whole.returncode == 1, err
    points = 200 if _FULL else 2
    for point in range(points):
        number = _SIGNALS[point % 2]
        child = begin()
        try:
            said = child.communicate(timeout=lasted * (point + 0.5) / points)
        except subprocess.TimeoutExpired:
            # a terminal sends Ctrl-C to all processes of a command, a supervisor ends one
            (os.killpg if number == signal.SIGINT else os.kill)(child.pid, number)
            said = child.communicate(timeout=300)
        if child.returncode == 1 and said[1].startswith(_PYTHONS_OWN):
            assert not said[0]  # Python itself had not begun to run the command, and makes this of a signal
            continue
        if child.returncode == whole.returncode:
            assert len(said[0]) == len(out)  # it was over before
            continue
        # before Python has begun to run the command, the signal itself ends it
        assert child.returncode in (128 + number, -number), (point, said)
        assert "internal error" not in said[1]
        if child.returncode > 0:
            assert "Traceback" not in said[1]


def test_a_lens_whose_reading_was_interrupted_says_that_it_is_incomplete(
    homes: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    import t3lens.ingest.logs as logs

    lens = t3lens.open(homes)
    whole = {t.thread_id: t.verdict for t in lens.diagnosis.threads}
    real = logs.list_files
    calls: list[Path] = []

    def interrupted(home: Any) -> Any:
        calls.append(home.path)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGINT)
        return real(home)

    monkeypatch.setattr(logs, "list_files", interrupted)
    with pytest.raises(Halted, match=r"\d of 2 homes had been read whole"):
        lens.refresh()
    monkeypatch.undo()
    assert any("incomplete until it is read whole" in text for text in lens.notices)
    assert "incomplete until it is read whole" in repr(lens)
    unread = [home for home in lens.diagnosis.homes if home.home.standing.cut_off]
    assert unread
    assert {t.verdict.value for home in unread for t in home.threads} == {"unknown"}
    lens.refresh()
    assert lens.notices == []
    assert {t.thread_id: t.verdict for t in lens.diagnosis.threads} == whole


def test_a_store_that_was_read_in_part_is_not_judged(homes: list[Path], run: Run, tmp_path: Path) -> None:
    """Killed or interrupted, whoever opens it next."""
    store = tmp_path / "store.duckdb"
    script = (
        "import os, signal, sys, t3lens.ingest.logs as logs\n"
        "from t3lens.cli import run\n"
        "logs.list_files = lambda home: os.kill(os.getpid(), getattr(signal, sys.argv[1]))\n"
        "run(sys.argv[2:])"
    )
    words = ["ingest", *map(str, homes), "--store", str(store)]
    child = subprocess.run([sys.executable, "-c", script, "SIGKILL", *words], capture_output=True, check=False)
    assert child.returncode == -signal.SIGKILL
    said = run("audit", "--store", store)
    assert said.code == 2, said
    assert said.err.count("incomplete until it is read whole") == 2
    assert run("ingest", *homes, "--store", store).code == 0
    assert run("audit", "--store", store).code == 1
    assert run_cli(["audit", "--store", str(store)]) == 1


_ENGINE: Final = """
import os, signal
print("begun")
os.kill(os.getpid(), signal.SIGINT)
for _ in range(1_000):
    pass
Error = InterruptException = OutOfMemoryException = Exception
__version__ = connect = None
print("whole")
"""
_IMPORTING: Final = """
from t3lens import interrupts
with interrupts.listening():
    try:
        import t3lens.store.bare_engine
    except KeyboardInterrupt:
        print("interrupted by", interrupts.came())
"""


def test_an_interrupt_waits_until_the_engine_has_been_imported(tmp_path: Path) -> None:
    """DuckDB's engine that is imported a second time, after an interrupt within the first, aborts the process."""
    (tmp_path / "_duckdb.py").write_text(_ENGINE)
    ended = subprocess.run(
        [sys.executable, "-c", _IMPORTING], capture_output=True, text=True, timeout=300, check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(t3lens.__file__).parents[1])])},
    )  # fmt: skip
    assert ended.stdout.split("\n") == ["begun", "whole", "interrupted by 2", ""], ended.stderr
