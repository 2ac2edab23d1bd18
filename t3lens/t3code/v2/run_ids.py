"""Ids of runs: they are made of the thread's id and of which of its runs it is."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["run_id_of", "with_providers_ids", "with_runs_by_number"]

_RUN: Final = re.compile(r"(?:\brun )?\brun:thread:[^\s:;,()]+:ordinal:(\d{1,9})\b")
_OF_PROVIDER: Final = re.compile(
    r"\b(?:runtime-request|provider-(?:thread|turn|session)):provider:[^\s;,()]*?:native-\w+:([\w-]+)(?:[^\s;,()]*[^\s;,().:])?"
)
"""Ids that T3 Code makes of the provider's: what they are of, one within the other, and last the provider's own."""


def run_id_of(thread_id: str, ordinal: int) -> str:
    """The id of a thread's n-th run."""
    return f"run:thread:{thread_id}:ordinal:{ordinal}"


def with_runs_by_number(sentence: str) -> str:
    """A sentence about one thread that tells its runs by their numbers.

    >>> with_runs_by_number("run run:thread:c0ffee00-0000-4000-8000-000000000000:ordinal:2 waits behind another run")
    'run 2 waits behind another run'
    """
    return _RUN.sub(r"run \1", sentence)


def with_providers_ids(sentence: str) -> str:
    """A sentence in which the ids that T3 Code makes of a provider's are only the provider's own.

    >>> with_providers_ids("request runtime-request:provider:codex:turn:a%3A1:native-request:call_bef0:c4d2 is over")
    'request call_bef0 is over'
    """
    return _OF_PROVIDER.sub(r"\1", sentence)
