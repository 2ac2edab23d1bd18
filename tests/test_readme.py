"""The README does what it says: its commands print what stands there, its snippets run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from t3lens.cli import run
from t3lens.commands import COMMANDS

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text("utf-8")
CONSOLE = re.findall(r"```console\n\$ (t3lens [^\n]*)\n(.*?)```", TEXT, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_there_is_something_to_hold_it_to() -> None:
    assert len(CONSOLE) >= 4
    assert PYTHON


@pytest.mark.parametrize(("command", "shown"), CONSOLE, ids=[c[:50] for c, _ in CONSOLE])
def test_a_command_prints_what_stands_there(
    command: str, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("T3LENS_TOKEN", raising=False)
    run(shlex.split(command)[1:])
    assert lines(capsys.readouterr().out) == lines(shown)


def lines(text: str) -> list[str]:
    """What a reader sees: without the time of a look at the files, which is now."""
    now = re.compile(r"\d+ (s|min|h|days) ago|read \S+Z")
    found = [now.sub("…", line.rstrip()) for line in text.splitlines()]
    return [line for line in found if line]


def test_the_snippets_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, object] = {}
    for snippet in PYTHON:
        exec(compile(snippet, "README.md", "exec"), names)
    assert "figure" in names


def test_every_command_is_told_of() -> None:
    assert [name for name in COMMANDS if not re.search(rf"\b{name}\b", TEXT)] == []


def test_every_make_target_it_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    for target in set(re.findall(r"(?:^|`)make (\w+)", TEXT, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
