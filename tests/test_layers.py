"""The arrows between the rooms hold, and no import leads back to where it came from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from importlinter.cli import EXIT_STATUS_SUCCESS, lint_imports

ROOT = Path(__file__).parents[1]


def test_every_import_follows_the_arrows() -> None:
    config = ROOT / "pyproject.toml"
    assert lint_imports(config_filename=str(config), no_cache=True) == EXIT_STATUS_SUCCESS


def modules(root: Path) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    found = {}
    for path in root.rglob("*.py"):
        words = path.relative_to(root.parent).with_suffix("").parts
        found[".".join(words[:-1] if words[-1] == "__init__" else words)] = path
    return found


def imports(name: str, path: Path, known: dict[str, Path]) -> Iterator[str]:
    """What a module imports of the package, wherever it does: at the top, in a function, for type checking only."""
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name in known)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            for one in node.names:
                inner = f"{base}.{one.name}"
                target = inner if inner in known else base
                if target in known:
                    yield target


def circles(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """The circles: what is left when modules at an end of all arrows are taken away, again and again."""
    left = {name: targets - {name} for name, targets in arrows.items()}
    while True:
        imported = set[str]().union(*left.values())
        inner = {name: targets & left.keys() for name, targets in left.items() if name in imported}
        inner = {name: targets for name, targets in inner.items() if targets}
        if inner == left:
            return inner
        left = inner


def test_no_import_leads_back() -> None:
    known = modules(ROOT / "t3lens")
    arrows = {name: set(imports(name, path, known)) for name, path in known.items()}
    assert sum(map(len, arrows.values())) > 500
    assert circles(arrows) == {}


def test_a_circle_would_be_found(tmp_path: Path) -> None:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "user.py").write_text("from package import first\n")
    (folder / "first.py").write_text("from .second import name\n")
    (folder / "second.py").write_text("def name():\n    import package.third\n")
    (folder / "third.py").write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from package import first\n")
    known = modules(folder)
    arrows = {name: set(imports(name, path, known)) for name, path in known.items()}
    assert set(circles(arrows)) == {f"package.{name}" for name in ("first", "second", "third")}
    arrows["package.third"].clear()
    assert circles(arrows) == {}
