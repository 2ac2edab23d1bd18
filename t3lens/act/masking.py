"""Secrets out of what is said of an action: plans, results and the journal mask what an audit masks.

Ids, and the places a person needs to go on (the home, its database, a backup, the server's address), stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from t3lens.redact import Redactor
from t3lens.redact.names import is_key

__all__ = ["Masking"]

_PLACES: Final = frozenset({"home", "home_path", "database", "log_dir", "backup", "url", "origin", "command_id"})
_SHORTEST: Final = 4


class Masking:
    """Masks texts about one action, consistently.

    Args:
        data: What is known of it, as JSON-ready data: its ids and places are left as they are.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._redactor = Redactor(content=True)
        self._redactor.keep_keys(set(_ids_and_places(data)))

    def lines(self, lines: Iterable[str]) -> list[str]:
        """Lines for a person."""
        return [self._redactor.text(line) for line in lines]

    def data(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Data for a program, in the same shape."""
        masked: dict[str, Any] = self._redactor.value(data)
        return masked


def _ids_and_places(value: Any, name: str = "") -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _ids_and_places(part, str(key))
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _ids_and_places(part, name)
    elif isinstance(value, str) and len(value) >= _SHORTEST and (name in _PLACES or is_key(name)):
        yield value
