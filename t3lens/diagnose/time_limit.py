"""Judging that ends: a home costs its own bounded time, whatever is in it, and no other home its answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from t3lens.interrupts import came
from t3lens.reading import Budget, seconds_left, time_left, within
from t3lens.store.bare_engine import InterruptException
from t3lens.store.query import given_up_after

if TYPE_CHECKING:
    import duckdb

__all__ = ["TookTooLong", "asked_in_time", "check_in_time", "in_time", "judged_in_time"]

_T = TypeVar("_T")
_EVERY = 256


class TookTooLong(Exception):
    """The time that judging a home may take was used up."""


@contextmanager
def judged_in_time(seconds: float) -> Iterator[None]:
    """For a block, in this thread, let judging go on no longer than so many seconds.

    Raises:
        TookTooLong: It would have.
    """
    try:
        with within(Budget(seconds)):
            yield
    except TookTooLong:
        raise TookTooLong(f"judging it used up its {seconds:g} s (--budget)") from None


def check_in_time() -> None:
    """Raise ``TookTooLong`` where no time is left to judge a home."""
    if not time_left():
        raise TookTooLong


def in_time(many: Iterable[_T]) -> Iterator[_T]:
    """The same one after the other, for as long as there is time to judge a home.

    Raises:
        TookTooLong: There is none left.
    """
    for number, one in enumerate(many):
        if not number % _EVERY:
            check_in_time()
        yield one


@contextmanager
def asked_in_time(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """For a block, interrupt what ``con`` is asked when there is no time left to judge a home.

    Raises:
        TookTooLong: The time ran out, and the statement was interrupted.
    """
    try:
        with given_up_after(con, seconds_left()):
            yield
    except (InterruptException, RuntimeError) as error:  # the second where rows are handed over
        if came() is not None or time_left():
            raise
        raise TookTooLong from error
