"""Files of options: what lies in a folder says how to judge, and nothing that writes, asks, hands out or waits."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from t3lens.commands import COMMANDS, cli
from t3lens.commands.config import OF_THE_USER, own_config
from tests.cli.conftest import Orphan, Run


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.delenv("T3LENS_CONFIG", raising=False)
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("stop", 'url = "http://127.0.0.1:1"'),
        ("stop", "allow-remote = true"),
        ("stop", "wait = true"),
        ("reconcile", 'url = "http://example.org"'),
        ("audit", 'output = "x.json"'),
        ("audit", 'store = "x.duckdb"'),
        ("audit", 'stores = "x"'),
        ("report", "content = true"),
        ("report", 'output = "x.html"'),
        ("bundle", "content = true"),
        ("export", 'parquet = "x"'),
        ("show", 'timeline = "x.html"'),
        ("sql", "timeout = 5"),
        ("watch", "for = 5"),
    ],
)
@pytest.mark.parametrize("name", ["t3lens.toml", "pyproject.toml"])
def test_what_only_the_user_may_say_is_refused_from_a_folder(
    run: Run, here: Path, orphan: Orphan, command: str, line: str, name: str
) -> None:
    section = f"[tool.t3lens.{command}]" if name == "pyproject.toml" else f"[{command}]"
    (here / name).write_text(f"{section}\n{line}\n")
    ran = run(command, orphan.home)
    assert ran.code == 2
    assert "may not set" in ran.err
    assert sorted(path.name for path in here.iterdir()) == [name]


def test_every_option_that_names_a_file_to_write_is_the_users() -> None:
    context = click.Context(cli)
    read = {"baseline", "redact-with"}
    for name in COMMANDS:
        if name == "sim":
            continue
        for param in getattr(cli.get_command(context, name), "params", []):
            if isinstance(param, click.Option) and (isinstance(param.type, click.Path) or param.metavar == "FILE"):
                words = {word.removeprefix("--") for word in param.opts if word.startswith("--")}
                assert words & (OF_THE_USER | read), (name, words)


def test_the_users_own_file_may_say_all_and_is_overruled_by_the_folders(run: Run, here: Path, orphan: Orphan) -> None:
    own = own_config()
    own.parent.mkdir(parents=True)
    own.write_text(f'[audit]\noutput = "{here}/x.json"\nfail-on = "high"\nserver = "dead"\n')
    (here / "t3lens.toml").write_text('[audit]\nfail-on = "never"\n')
    assert run("audit", orphan.home).code == 0
    assert (here / "x.json").exists()


def test_a_file_of_somebody_else_is_ignored_and_that_is_said(
    run: Run, here: Path, orphan: Orphan, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = here / "t3lens.toml"
    path.write_text('[audit]\nfail-on = "never"\n')
    real = Path.stat

    def stat(self: Path, **options: bool) -> object:
        found = real(self, **options)
        return SimpleNamespace(st_uid=os.getuid() + 1, st_mode=found.st_mode) if self == path else found

    monkeypatch.setattr(Path, "stat", stat)
    ran = run("audit", orphan.home, "--server", "dead")
    assert ran.code == 1
    assert f"{path} is ignored: it belongs to another user" in " ".join(ran.err.split())


def test_what_was_read_is_shown_when_asked(run: Run, here: Path, orphan: Orphan) -> None:
    (here / "t3lens.toml").write_text('[audit]\nfail-on = "never"\n')
    ran = run("audit", orphan.home, "-v", "--server", "dead")
    assert ran.code == 0
    assert "t3lens.toml: audit fail_on = 'never'" in ran.err
    assert "fail_on" not in run("audit", orphan.home, "--server", "dead").err
