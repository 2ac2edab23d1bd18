"""Options from files: the user's own, and ``t3lens.toml`` or ``[tool.t3lens]`` of ``pyproject.toml`` here or above.

A table named after a command holds its options as they are called on the command line, without the dashes::

    [audit]
    fail-on = "critical"
    ignore = ["log-incomplete"]
    threshold = { silence = 900, settle = 30 }

What the command line says wins, then the file here, then the user's own (``t3lens.toml`` in the folder for settings of
programs, such as ``~/.config/t3lens``). A file that lies about in a folder may say how to judge, not where to write, whom to
ask or what to hand out; one that belongs to somebody else is not read. ``T3LENS_CONFIG`` names another file in place of
both, which may say all; empty, it means none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from t3lens.errors import UsageError

__all__ = ["CONFIG_VARIABLE", "OF_THE_USER", "ConfigFile", "config_defaults", "find_configs", "own_config", "verbose"]

CONFIG_VARIABLE: Final = "T3LENS_CONFIG"
_NAMES: Final = ("t3lens.toml", "pyproject.toml")
_NEVER: Final = frozenset({"yes", "help", "version", "token"})
"""Options that only a person may say, each time."""

_UNSHOWN: Final = frozenset({"urls", "commands"})
"""Names of parameters that hold addresses and commands, with passwords in them."""

OF_THE_USER: Final = frozenset({
    "allow-remote", "allow-root", "budget", "content", "exec", "folder", "for", "notify", "notify-on", "notify-state",
    "output", "pages", "parquet", "quiet-hours", "store", "stores", "timeline", "timeout", "url", "wait",
})  # fmt: skip
"""Options that a file set by who knows whom may not say: whom to ask, where to write, what to hand out, how long to wait."""


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """A file of options: where it is, what it says, and whether the user named it or keeps it among their settings."""

    path: Path
    said: dict[str, Any]
    own: bool


def own_config() -> Path:
    """Where the user's own file of options is, if there is one."""
    return Path(click.get_app_dir("t3lens")) / "t3lens.toml"


def find_configs(folder: Path, tell: Callable[[str], None]) -> list[ConfigFile]:
    """The files with options that hold in ``folder``, the ones that win last.

    Args:
        folder: Where to begin to look; then in the folders above.
        tell: Told of a file that is ignored because it is somebody else's.

    Raises:
        UsageError: A file cannot be read or is no TOML.
    """
    named = os.environ.get(CONFIG_VARIABLE)
    if named is not None:
        return [ConfigFile(Path(named), _section(Path(named)) or {}, own=True)] if named else []
    found = []
    own = own_config()
    if own.is_file() and _is_ours(own, tell) and (said := _section(own)) is not None:
        found.append(ConfigFile(own, said, own=True))
    for place in (folder, *folder.parents):
        for name in _NAMES:
            path = place / name
            if path == own or not path.is_file() or not _names_us(path) or not _is_ours(path, tell):
                continue
            if (said := _section(path)) is not None:
                return [*found, ConfigFile(path, said, own=False)]
    return found


def _names_us(path: Path) -> bool:
    """Whether a file can hold options of t3lens at all: most of what is called ``pyproject.toml`` does not."""
    try:
        return path.name != "pyproject.toml" or b"t3lens" in path.read_bytes()
    except OSError:
        return False


def _is_ours(path: Path, tell: Callable[[str], None]) -> bool:
    """Whether a file belongs to this user; where it does not, that is told."""
    if not hasattr(os, "getuid") or path.stat().st_uid == os.getuid():
        return True
    tell(f"{path} is ignored: it belongs to another user")
    return False


def _section(path: Path) -> dict[str, Any] | None:
    import tomllib

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


def config_defaults(
    group: click.Group, arguments: Sequence[str], folder: Path, tell: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """What click takes as defaults of the command that ``arguments`` call.

    Args:
        group: The commands it is for.
        arguments: As after ``t3lens``.
        folder: Where to begin to look.
        tell: Told of files that are ignored and, if asked for with ``-v``, of what was read.

    Raises:
        UsageError: A file names a command or an option that does not exist, or gives it a wrong kind of value.
    """
    name = next((word for word in arguments if not word.startswith("-")), None)
    if name is None:
        return {}
    values: dict[str, Any] = {}
    for found in find_configs(folder, tell):
        taken = _of_command(group, name, found)
        for word, value in taken.items():
            if verbose(arguments):
                shown = "(not shown)" if word in _UNSHOWN else repr(value)
                tell(f"{found.path}: {name} {word} = {shown}")
        values |= taken
    return {name: values} if values else {}


def verbose(arguments: Sequence[str]) -> bool:
    """Whether the arguments ask to be told what was read from files."""
    words = arguments[: arguments.index("--")] if "--" in arguments else arguments
    return "-v" in words or "--verbose" in words


def _of_command(group: click.Group, name: str, found: ConfigFile) -> dict[str, Any]:
    context = click.Context(group)
    known = group.list_commands(context)
    path = found.path
    for section in found.said:
        if section not in known:
            raise UsageError(
                f"{path} has a section {section!r}, and no command is called so; there are: {', '.join(known)}",
                code="bad-config",
            )
    options = found.said.get(name)
    if options is None:
        return {}
    command = group.get_command(context, name)
    if not isinstance(options, dict) or command is None:
        raise UsageError(f"in {path}, {name} is a table of options", code="bad-config")
    return _values(found, command, name, options)


def _values(found: ConfigFile, command: click.Command, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
    path, forbidden = found.path, _NEVER if found.own else _NEVER | OF_THE_USER
    by_word = {
        word.lstrip("-"): param
        for param in command.params
        if isinstance(param, click.Option)
        for word in (*param.opts, *param.secondary_opts)
        if word.startswith("--") and word.lstrip("-") not in forbidden
    }
    values: dict[str, Any] = {}
    for word, value in options.items():
        param = by_word.get(word)
        if param is None and word in OF_THE_USER and not found.own:
            raise UsageError(
                f"{path} may not set {name} {word}: a file that lies in a folder says how to judge, not where to write, "
                f"whom to ask, what to hand out or how long to wait; say it on the command line or in {own_config()}",
                code="bad-config",
            )
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
