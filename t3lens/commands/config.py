"""Options from a file: ``t3lens.toml``, or ``[tool.t3lens]`` of ``pyproject.toml``, here or in a folder above.

A table named after a command holds its options as they are called on the command line, without the dashes::

    [audit]
    fail-on = "critical"
    ignore = ["log-incomplete"]
    threshold = { silence = 900, settle = 30 }

What the command line says wins. ``T3LENS_CONFIG`` names another file; empty, it means none.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import click

from t3lens.errors import UsageError

__all__ = ["CONFIG_VARIABLE", "config_defaults", "find_config"]

CONFIG_VARIABLE: Final = "T3LENS_CONFIG"
_NAMES: Final = ("t3lens.toml", "pyproject.toml")
_NEVER: Final = frozenset({"yes", "help", "version", "token"})
"""Options that only a person may say, each time."""


def find_config(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The nearest file with options at or above ``folder``, and what it says; None if there is none.

    Raises:
        UsageError: The file cannot be read or is no TOML.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named is not None:
        return (Path(named), _section(Path(named)) or {}) if named else None
    for place in (folder, *folder.parents):
        for name in _NAMES:
            path = place / name
            if path.is_file() and (said := _section(path)) is not None:
                return path, said
    return None


def _section(path: Path) -> dict[str, Any] | None:
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the configuration {path} cannot be read: {error}", code="bad-config") from None
    except tomllib.TOMLDecodeError as error:
        if path.name == "pyproject.toml" and CONFIG_VARIABLE not in os.environ:
            return None  # somebody else's file
        raise UsageError(f"the configuration {path} is no TOML: {error}", code="bad-config") from None
    if path.name == "pyproject.toml":
        tool = said.get("tool")
        ours = tool.get("t3lens") if isinstance(tool, dict) else None
        return ours if isinstance(ours, dict) else None
    return said


def config_defaults(group: click.Group, arguments: Sequence[str], folder: Path) -> dict[str, dict[str, Any]]:
    """What click takes as defaults of the command that ``arguments`` call.

    Args:
        group: The commands.
        arguments: As after ``t3lens``.
        folder: Where to begin to look.

    Raises:
        UsageError: The file names a command or an option that does not exist, or gives it a wrong kind of value.
    """
    name = next((word for word in arguments if not word.startswith("-")), None)
    found = find_config(folder) if name is not None else None
    if found is None or name is None:
        return {}
    path, said = found
    context = click.Context(group)
    known = group.list_commands(context)
    for section in said:
        if section not in known:
            raise UsageError(
                f"{path} has a section {section!r}, and no command is called so; there are: {', '.join(known)}",
                code="bad-config",
            )
    options = said.get(name)
    if options is None:
        return {}
    command = group.get_command(context, name)
    if not isinstance(options, dict) or command is None:
        raise UsageError(f"in {path}, {name} is a table of options", code="bad-config")
    return {name: _values(path, command, name, options)}


def _values(path: Path, command: click.Command, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    by_word = {
        word.lstrip("-"): param
        for param in command.params
        if isinstance(param, click.Option)
        for word in (*param.opts, *param.secondary_opts)
        if word.startswith("--") and word.lstrip("-") not in _NEVER
    }
    values: dict[str, Any] = {}
    for word, value in options.items():
        param = by_word.get(word)
        if param is None or param.name is None:
            raise UsageError(
                f"in {path}, {name} has no option {word!r} that a file may set; there are: {', '.join(sorted(by_word))}",
                code="bad-config",
            )
        values[param.name] = _value(path, f"{name}.{word}", param, value)
    return values


def _value(path: Path, where: str, param: click.Option, value: Any) -> Any:
    if isinstance(value, dict) and param.multiple:
        value = [f"{key}={part}" for key, part in value.items()]
    if param.multiple:
        value = [value] if not isinstance(value, list) else value
    elif isinstance(value, list | dict):
        raise UsageError(f"in {path}, {where} is one value", code="bad-config")
    if param.is_flag != isinstance(value, bool):
        kind = "true or false" if param.is_flag else "a text or a number"
        raise UsageError(f"in {path}, {where} is {kind}", code="bad-config")
    if param.is_flag:
        return value
    return [str(part) for part in value] if param.multiple else str(value)
