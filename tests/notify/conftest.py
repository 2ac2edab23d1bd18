"""The audit of the sample homes, somebody who is told, and a clock that is set by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from t3lens.notify.item import Item
from tests.audited import document, samples

__all__ = ["document", "samples"]


@dataclass
class Somebody:
    """A target that keeps what it was told, or says why it does not take it."""

    name: str = "somebody 1"
    one_by_one: bool = False
    why_not: str | None = None
    told: list[list[Item]] = field(default_factory=list)

    def tell(self, items: Sequence[Item], left_out: int = 0) -> str | None:
        if self.why_not is None:
            self.told.append(list(items))
        return self.why_not

    @property
    def words(self) -> list[tuple[str, str]]:
        return [(str(one.kind), one.code) for some in self.told for one in some]


@dataclass
class Clock:
    now: datetime = datetime(2026, 11, 29, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def somebody() -> Somebody:
    return Somebody()


@pytest.fixture
def clock() -> Clock:
    return Clock()
