"""What of a database of the second data model rules read: the rest may stay there where nobody will ask for it.

Most of it are texts and what tools were given and said, once in the events and once more as they stand now.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import msgspec

from t3lens.ingest.database import EVENT_COLUMNS
from t3lens.store.sql import listed
from t3lens.t3code.v2.events import TURN_ITEM_UPDATED, UNREAD_TYPES
from t3lens.t3code.v2.words import ERROR_ITEM, INTERRUPT_REQUEST_ITEM

if TYPE_CHECKING:
    from t3lens.ingest.columnar import Columns

__all__ = ["ITEMS", "UNREAD_ENTITIES", "SecondNeeded", "item_in_short"]

ITEMS: Final = "turn_items"
"""The table of items, by the store's name."""

UNREAD_ENTITIES: Final = frozenset({"messages", "nodes"})
"""Tables, by the store's names, of whose rows no rule reads the whole entity."""

_ITEMS: Final = (ERROR_ITEM, INTERRUPT_REQUEST_ITEM)
"""Types of items whose events are read."""
_ESCAPE: Final = "\\u"
"""How JSON may write letters otherwise."""
_KEPT: Final = ("startedAt", "completedAt", "failure")
"""What is read of an item as it stands."""

_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class SecondNeeded:
    """What of the events of a database of the second model is read: of some types nothing but that they were stored."""

    def of(self, columns: Columns) -> Columns:
        """The columns with what is needed of them; all where one is missing that tells what that is.

        What is left out is loaded all the same, so that a damaged page below it is met.

        Args:
            columns: What would be read of all events.
        """
        payload, metadata, kind = (EVENT_COLUMNS[name] for name in ("payload", "metadata", "event_type"))
        if any(name not in columns.types for name in (payload, metadata, kind)):
            return columns
        unread = f"{kind} IN ({listed(sorted(UNREAD_TYPES))})"
        told = " OR ".join(f"instr({payload}, '{word}')" for word in (*_ITEMS, _ESCAPE))
        idle = f"{unread} OR ({kind} = '{TURN_ITEM_UPDATED}' AND NOT ({told}))"
        return replace(
            columns,
            instead={
                payload: f"CASE WHEN {idle} THEN nullif(substr({payload}, 1, 0), '') ELSE {payload} END",
                metadata: f"CASE WHEN {unread} THEN NULL ELSE {metadata} END",
            },
        )

    def only(self, events: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """Events that were read row by row, without what no rule reads."""
        for event in events:
            kind, payload = event["event_type"], event["payload"] or ""
            if kind in UNREAD_TYPES:
                event["payload"] = event["metadata"] = None
            elif kind == TURN_ITEM_UPDATED and not any(word in payload for word in (*_ITEMS, _ESCAPE)):
                event["payload"] = None
            yield event


def item_in_short(payload: str | None) -> str | None:
    """What is read of an item as it stands; all of it where that is not plain.

    Args:
        payload: The whole item, JSON.
    """
    if payload is None or _ESCAPE in payload or any(payload.count(f'"{key}"') > 1 for key in _KEPT):
        return payload
    try:
        members = _members.decode(payload)
    except (msgspec.DecodeError, RecursionError):
        return payload
    kept = [f'"{key}":{bytes(members[key]).decode()}' for key in _KEPT if key in members]
    return f"{{{','.join(kept)}}}"
