"""The ids that records, facts and documents carry, to be left as they are where a text names them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

import msgspec

from t3lens.redact.names import is_key

__all__ = ["keys_in"]


def keys_in(value: Any) -> set[str]:
    """Every text under the name of an id (see ``is_key``) in structs, lists and tuples, at any depth.

    Args:
        value: A struct or a sequence of such; plain dicts in it are somebody's payload and are not looked into.
    """
    return set(_keys(value))


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, msgspec.Struct):
        for name, key in _fields(type(value)):
            part = getattr(value, name)
            if key and isinstance(part, str):
                yield part
            elif isinstance(part, msgspec.Struct | list | tuple):
                yield from _keys(part)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _keys(part)


_OF_A_ROW: Final = "key"
"""Member of evidence: what its row, or what it asks, is found by."""


@lru_cache(maxsize=1000)
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, bool], ...]:
    return tuple((name, is_key(name) or name == _OF_A_ROW) for name in kind.__struct_fields__)
