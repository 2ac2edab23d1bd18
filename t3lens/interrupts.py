"""Ctrl-C, a termination and a closed terminal, each an interrupt that is noted: no answer passes for whole after one.

Libraries swallow interrupts (a destructor), or make other errors of them (DuckDB says "Query interrupted"). So what
came is kept here too: whoever is about to give an answer asks, and the exit code tells which one it was.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

__all__ = ["SIGNALS", "Halted", "came", "held_back", "listening", "stop_if_interrupted", "to_be_told"]

SIGNALS: Final = tuple(
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)
_NAMES: Final = {2: "interrupted", 15: "terminated", 1: "the terminal was closed"}


class Halted(KeyboardInterrupt):
    """What was going on was interrupted; the text says how far it came."""


class _Noted:
    """The first signal of the command that listens; there is one at a time in a process."""

    listeners: int = 0
    number: int | None = None

    @classmethod
    def note(cls, number: int) -> None:
        """Keep a signal for whoever listens; where nobody does, as in a notebook, raising it is all there is to do."""
        if cls.listeners and cls.number is None:
            cls.number = number


def came() -> int | None:
    """The number of the signal that came while ``listening``; None if none did."""
    return _Noted.number


def stop_if_interrupted() -> None:
    """Raise ``Halted`` if a signal came that somebody swallowed: asked before an answer is given."""
    if _Noted.number is not None:
        raise Halted


def to_be_told(error: BaseException | None) -> str:
    """An interrupt in words: which signal it was, and how far what it ended had come."""
    said = str(error) if isinstance(error, KeyboardInterrupt) else ""
    name = _NAMES.get(_Noted.number or 0, "interrupted")
    return f"{name}: {said}" if said else f"{name} before it was done; files are whole, old or new"


@contextmanager
def listening() -> Iterator[None]:
    """For a block, note each signal and raise it as ``KeyboardInterrupt``; what is ignored stays ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(number: int, frame: Any) -> None:
        _Noted.note(number)
        raise KeyboardInterrupt

    before: dict[int, Any] = {}
    _Noted.listeners += 1
    try:
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, handle)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _Noted.listeners -= 1
        if not _Noted.listeners:
            _Noted.number = None


@contextmanager
def held_back() -> Iterator[Callable[[], bool]]:
    """Turn the first interrupt of the block into an answer to be asked for; a second one interrupts at once.

    Yields:
        Whether one came.
    """
    asked = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield asked.is_set
        return
    before: dict[int, Any] = {}

    def handle(number: int, frame: Any) -> None:
        if asked.is_set():
            before[number](number, frame)
            raise KeyboardInterrupt
        _Noted.note(number)
        asked.set()

    try:
        for number in SIGNALS:
            if callable(handler := signal.getsignal(number)):  # else it is ignored, or ends the process as it should
                before[number] = handler
                signal.signal(number, handle)
    except ValueError:  # an embedded interpreter's other "main" thread
        yield asked.is_set
        return
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
