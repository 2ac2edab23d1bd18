"""What the commands that write about threads share: which threads, and how much of what they said."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

__all__ = ["told_threads", "writing_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def told_threads(function: _Command) -> _Command:
    """Give a command ``--thread ID`` (several times) and, as the first word, one thread; it gets both as ``threads``.

    A first word that is an existing path, or looks like one, is a path; so is everything after the first word.
    """

    @wraps(function)
    def command(named: tuple[str, ...], paths: tuple[str, ...], **rest: Any) -> Any:
        threads = list(named)
        if not threads and paths and not _is_path(paths[0]):
            threads, paths = [paths[0]], paths[1:]
        return function(threads=threads, paths=paths, **rest)

    option = click.option(
        "--thread", "named", multiple=True, metavar="THREAD",
        help="A thread: an unambiguous prefix of its id, or its title. May be said several times; with one thread, "
             "the first word of the command will do.",
    )  # fmt: skip
    return option(command)  # type: ignore[return-value]  # takes other words, as click calls it


def _is_path(text: str) -> bool:
    return text.startswith((".", "~")) or any(mark in text for mark in "/\\*") or Path(text).exists()


_OPTIONS = (
    click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                 help="Where to; a name made from the thread, here, if not said."),
    click.option("--content", is_flag=True,
                 help="Show prompts, answers, tool arguments and outputs too; secrets stay masked."),
    click.option("--redact-with", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
                 help="A TOML file of further words and patterns to mask; secrets are masked anyway."),
)  # fmt: skip


def writing_options(function: _Command) -> _Command:
    """Give a command ``--output``, ``--content`` and ``--redact-with``."""
    wrapped = function
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped
