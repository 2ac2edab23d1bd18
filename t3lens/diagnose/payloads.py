"""Payloads as queries give them, as objects."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from t3lens.diagnose import queries

__all__ = ["LoggedPayloads", "decode", "stored_payload"]

_NESTED: Final = tuple((key, *key.split(".", 1)) for key in queries.PAYLOAD_KEYS if "." in key)
_REMEMBERED: Final = 4096
"""Payloads of log lines that are held to be given again: most say the same few things."""
_OFTEN: Final = 250
"""A text longer than this says something of its own."""

_ANY: Final = msgspec.json.Decoder()
_LIST: Final = msgspec.json.Decoder(list[Any])
_TEXTS: Final = msgspec.json.Decoder(list[str | None])
_PIECES: Final = msgspec.json.Decoder(list[msgspec.Raw])


class LoggedPayloads:
    """Payloads of log lines: what stands at ``queries.PAYLOAD_KEYS``, as text. Lines that say the same share one object."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def of(self, values: str | None) -> dict[str, Any]:
        """A payload; it is not to be changed.

        Args:
            values: The values at these keys, as a JSON list; None if there is no payload.
        """
        if values is None:
            return {}
        known = self._known.get(values)
        if known is None:
            known = _by_key(_texts(values))
            if len(values) <= _OFTEN and len(self._known) < _REMEMBERED:
                self._known[values] = known
        return known


def _texts(values: str) -> list[str | None]:
    try:
        return _TEXTS.decode(values)
    except msgspec.ValidationError:  # a value that is no text stands for its JSON
        return [_text(bytes(piece)) for piece in _PIECES.decode(values)]


def _text(piece: bytes) -> str | None:
    if piece == b"null":
        return None
    return _ANY.decode(piece) if piece.startswith(b'"') else piece.decode()


def _by_key(values: list[str | None]) -> dict[str, Any]:
    payload: dict[str, Any] = {
        key: value for key, value in zip(queries.PAYLOAD_KEYS, values, strict=True) if value is not None
    }
    for key, outer, inner in _NESTED:
        if key in payload:
            payload.setdefault(outer, {})[inner] = payload.pop(key)
    return payload


def stored_payload(kind: str, payload: str | None) -> dict[str, Any]:
    """The payload of a stored event as ``queries.STORED`` gives it.

    Args:
        kind: Type of the event.
        payload: JSON: all of it, or the values of ``queries.STORED_KEYS``.
    """
    keys = queries.STORED_KEYS.get(kind)
    if keys is None:
        return decode(payload)
    return dict(zip(keys, _LIST.decode(payload), strict=True)) if payload else {}


def decode(payload: str | None) -> dict[str, Any]:
    """A stored payload as an object; empty if it is none."""
    try:
        value = _ANY.decode(payload) if payload else {}
    except (msgspec.DecodeError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
