"""Ids of runs: they are made of the thread's id and of which of its runs it is."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["run_id_of", "with_runs_by_number"]

_RUN: Final = re.compile(r"(?:\brun )?\brun:thread:[0-9A-Za-z_-]+:ordinal:(\d{1,9})\b")


def run_id_of(thread_id: str, ordinal: int) -> str:
    """The id of a thread's n-th run."""
    return f"run:thread:{thread_id}:ordinal:{ordinal}"


def with_runs_by_number(sentence: str) -> str:
    """A sentence about one thread that tells its runs by their numbers.

    >>> with_runs_by_number("run run:thread:c0ffee00-0000-4000-8000-000000000000:ordinal:2 waits behind another run")
    'run 2 waits behind another run'
    """
    return _RUN.sub(r"run \1", sentence)
