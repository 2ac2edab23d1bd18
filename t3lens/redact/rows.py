"""Rows of a table whose cells may be pieces of one text: what stands in pieces down a column is taken out of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from t3lens.redact.kinds import PLACES
from t3lens.redact.redactor import Redactor
from t3lens.redact.streams import StreamedSecrets

__all__ = ["cut_pieces"]

_UNSURE: Final = PLACES | {"random", "cookie"}
"""Kinds that two cells put together look like, though they are no pieces of anything."""


def cut_pieces(rows: Sequence[Mapping[str, Any]], *, sure_only: bool = True) -> list[dict[str, Any]]:
    """The rows without what belongs to a secret that is spread over several of them; all else as it was.

    Args:
        rows: Values by the names of their columns, in order; a text that is JSON counts as what it holds.
        sure_only: Look for kinds only that nothing else looks like: nobody knows whether the rows belong together.
    """
    streamed = StreamedSecrets(Redactor(content=True, leave=_UNSURE if sure_only else frozenset()))
    decoded = [{str(name): _decoded(value) for name, value in row.items()} for row in rows]
    for place, record in enumerate(decoded):
        streamed.add(place, record, streams=True)
    shown = [dict(row) for row in rows]
    for place, (row, record) in enumerate(zip(shown, decoded, strict=True)):
        if streamed.has(place):
            cut = streamed.masked(place, record)
            for name, before in record.items():
                if cut[name] != before:
                    row[name] = _shaped_like(row[name], cut[name])
    return shown


def _decoded(value: Any) -> Any:
    if not isinstance(value, str) or value[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def _shaped_like(before: Any, now: Any) -> Any:
    return json.dumps(now, ensure_ascii=False) if isinstance(before, str) and not isinstance(now, str) else now
