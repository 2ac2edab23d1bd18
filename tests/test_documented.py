"""README, ``--help``, docstrings and notebooks cover every public name, command, option, finding code and view."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import t3lens
from t3lens.commands import COMMANDS, cli
from t3lens.commands.reference import DOCUMENTS, ENVIRONMENT
from t3lens.diagnose import register_all
from t3lens.redact import KINDS
from t3lens.store.schema_doc import VIEWS

ROOT = Path(__file__).resolve().parents[1]


def manual() -> str:
    """README, reference and the notebooks' text."""
    cells = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = json.loads(path.read_text("utf-8"))
        cells += ["".join(cell["source"]) for cell in notebook["cells"]]
    texts = [ROOT / "README.md", ROOT / "docs" / "reference.md"]
    return "\n".join([*(path.read_text("utf-8") for path in texts), *cells])


def says(text: str, name: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_made_from_the_code_is_as_the_code_tells_it(name: str) -> None:
    assert DOCUMENTS[name]() == (ROOT / "docs" / name).read_text("utf-8"), "run `make docs`"


def test_the_readme_is_short_and_leads_to_every_document() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert text.count("\n") <= 200
    documents = [path.name for path in sorted((ROOT / "docs").glob("*.md"))]
    assert [name for name in documents if f"docs/{name}" not in text] == []


def test_every_document_named_anywhere_is_in_the_repository() -> None:
    places = [
        *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "t3lens").rglob("*.py"),
        *(ROOT / "tests").rglob("*.py"), *(ROOT / "bench").rglob("*.py"), *(ROOT / "tools").rglob("*.py"),
    ]  # fmt: skip
    named = {
        (path.relative_to(ROOT).as_posix(), name)
        for path in places
        for name in re.findall(r"[\w/.-]*\b[\w-]+\.md\b", path.read_text("utf-8"))
        if ("/" in name or name[0].isupper()) and name != "NAME.md"
    }
    gone = [
        (where, name)
        for where, name in sorted(named)
        if not (ROOT / name).exists() and not (ROOT / where).parent.joinpath(name).exists()
    ]
    assert gone == []


def test_the_manual_names_every_command() -> None:
    text = manual()
    assert [name for name in COMMANDS if not says(text, f"t3lens {name}")] == []


def test_the_manual_names_every_public_name() -> None:
    text = manual()
    missing = [n for n in t3lens.__all__ if not n.startswith("__") and not says(text, n)]
    assert missing == []


def test_the_manual_names_every_command_below_a_command() -> None:
    text = manual()
    below = [
        f"t3lens {name} {part}"
        for name in COMMANDS
        if isinstance(command := cli.get_command(click.Context(cli), name), click.Group)
        for part in command.commands
    ]
    assert below
    assert [words for words in below if not says(text, words)] == []


def test_the_manual_names_every_variable_that_is_looked_at() -> None:
    sources = "\n".join(path.read_text("utf-8") for path in (ROOT / "t3lens").rglob("*.py"))
    looked_at = set(re.findall(r"\"(T3(?:LENS|CODE)_[A-Z_]+)\"", sources))
    assert looked_at == set(ENVIRONMENT)
    text = manual()
    assert [name for name in looked_at if not says(text, name)] == []


def test_every_public_name_explains_itself() -> None:
    silent = [
        name
        for name in t3lens.__all__
        if not name.startswith("__")
        and not isinstance(value := getattr(t3lens, name), dict | str)
        and not inspect.getdoc(value)
    ]
    assert silent == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "t3lens"],
        env=os.environ | {"_T3LENS_COMPLETE": f"{shell}_complete", "COMP_WORDS": "t3lens rec",
                          "COMP_CWORD": "1" if shell != "fish" else "rec"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "reconcile" in ran.stdout, ran.stderr
    assert "audit" not in ran.stdout


def test_the_manual_names_every_view() -> None:
    text = manual()
    assert [name for name in VIEWS if not says(text, name)] == []


def test_the_manual_names_every_finding_code() -> None:
    text = manual()
    assert [code for code in register_all() if not says(text, code)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_command_has_help(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.help
    commands = [command]
    if isinstance(command, click.Group):
        commands += [command.get_command(click.Context(command), n) for n in command.commands]
    silent = [
        option.opts
        for one in commands
        for option in one.params
        if isinstance(option, click.Option) and not option.help and not option.hidden
    ]
    assert silent == []


@pytest.mark.parametrize("code", register_all())
def test_every_code_explains_itself(code: str) -> None:
    detector = register_all()[code]
    assert len(detector.condition) > 20
    assert len(detector.explanation) > 60
    assert detector.inputs


@pytest.mark.parametrize("kind", [t3lens.Lens, t3lens.Thread])
def test_every_method_a_user_sees_is_documented(kind: type) -> None:
    silent = [
        name
        for name, value in inspect.getmembers(kind)
        if not name.startswith("_")
        and (inspect.isfunction(value) or isinstance(value, property))
        and not inspect.getdoc(value)
    ]
    assert silent == []


def test_every_kind_of_secret_has_a_name_a_mask_can_show() -> None:
    assert all(re.fullmatch(r"[a-z][a-z0-9-]*", kind.name) for kind in KINDS)
