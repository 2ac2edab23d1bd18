"""What is public is small, sorted, importable and documented."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import t3lens

MODULES = sorted(name for _, name, _ in pkgutil.walk_packages(t3lens.__path__, "t3lens.") if name != "t3lens.__main__")


def test_the_public_names_are_sorted_and_few() -> None:
    def kind(name: str) -> int:
        return 0 if name.isupper() else 1 if name[0].isupper() else 2

    assert t3lens.__all__ == sorted(t3lens.__all__, key=lambda name: (kind(name), name))
    assert len(t3lens.__all__) <= 20


@pytest.mark.parametrize("name", t3lens.__all__)
def test_a_public_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(t3lens, name)
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


@pytest.mark.parametrize("name", MODULES)
def test_a_module_says_what_it_is_about_and_what_it_offers(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__file__ is not None
    assert module.__doc__
    if len(ast.parse(Path(module.__file__).read_text("utf-8")).body) == 1:
        return  # a folder of modules that offers nothing itself: a docstring is all there is
    for public in module.__all__:
        assert hasattr(module, public)


def test_what_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        t3lens.nothing  # noqa: B018 - looking at it is the test


def test_help_needs_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from t3lens.cli import run; run(['--help']);"
        "heavy = {'duckdb', 'pandas', 'numpy', 'plotly', 'pyarrow', 'httpx2', 'ipywidgets', 'rich'};"
        "sys.exit(bool(heavy & set(sys.modules)) * 9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "audit" in done.stdout


def _classes() -> Iterator[tuple[str, str]]:
    for path in sorted(Path(t3lens.__file__).parent.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                yield node.name, path.as_posix()


def test_no_class_name_stands_for_two_things() -> None:
    """Names that a module hands out; what the two data models show of a session and of a thread is one thing."""
    shown_by_both_models = {"SessionShown", "ThreadShown"}
    found = Counter(name for name, _ in _classes() if not name.startswith("_") and name not in shown_by_both_models)
    assert len(found) > 500
    assert {name for name, times in found.items() if times > 1} == set()


@pytest.mark.parametrize(
    "said", ["It", "As there", "As given", "It was", "Which", "Where", "Where to", "And to", "See there"]
)
def test_what_a_parameter_is_can_be_understood_without_looking_elsewhere(said: str) -> None:
    entry = re.compile(rf"^\s+[\w, ]+: {said}\.$", re.MULTILINE)
    told = [
        path.name for path in Path(t3lens.__file__).parent.rglob("*.py") if entry.search(path.read_text(encoding="utf-8"))
    ]
    assert told == []
