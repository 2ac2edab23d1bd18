"""Event types that builds up to 0.0.45 shipped are known: none of them is a sign of a newer build or a fork."""

from __future__ import annotations

import pytest

from t3lens.t3code.v1 import event_types
from t3lens.t3code.v2 import events


@pytest.mark.parametrize(
    "kind",
    [
        *("task.updated", "session.health", "tool.denied", "turn.proposed.completed", "mcp.oauth.completed"),
        *("thread.pull-request-linked", "thread.pull-request-unlinked", "thread.pull-request-synced"),
        *("thread.auto-settle-set", "thread.pin-reordered", "thread.snoozed", "thread.activity-appended"),
    ],
)
def test_types_of_the_first_model_are_known(kind: str) -> None:
    assert kind in event_types.KNOWN_TYPES


@pytest.mark.parametrize("name", ["marked-unread", "pull-request-synced", "model-selection-updated", "active-reordered"])
def test_types_of_the_second_model_are_known(name: str) -> None:
    assert f"thread.{name}" in events.KNOWN_TYPES


def test_a_type_that_nobody_shipped_is_not() -> None:
    assert "thread.teleported" not in event_types.KNOWN_TYPES | events.KNOWN_TYPES
