"""Payloads as queries give them, as objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from t3lens.diagnose import queries

__all__ = ["LoggedPayloads", "decode", "stored_payloads"]

_NESTED: Final = tuple((key, *key.split(".", 1)) for key in queries.PAYLOAD_KEYS if "." in key)
_REMEMBERED: Final = 4096
"""Payloads of log lines that are held to be given again: most say the same few things."""
_OFTEN: Final = 250
"""A text longer than this says something of its own."""

_STORED_KEYS: Final = queries.STORED_KEYS
_ANY: Final = msgspec.json.Decoder()
_LIST: Final = msgspec.json.Decoder(list[Any])
_TEXTS: Final = msgspec.json.Decoder(list[str | None])
_PIECES: Final = msgspec.json.Decoder(list[msgspec.Raw])


class LoggedPayloads:
    """Payloads of log lines: what stands at ``queries.PAYLOAD_KEYS``, as text. Lines that say the same share one object."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Any]] = {}

    def of_all(self, values: Iterable[str | None]) -> list[dict[str, Any]]:
        """Several, as ``of`` gives them."""
        known, of = self._known.get, self.of
        return [known(one or "") or of(one) for one in values]

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


def stored_payloads(kinds: Sequence[str], payloads: Sequence[str | None]) -> list[dict[str, Any]]:
    """The payloads of stored events as ``queries.STORED`` gives them; decoded together, which takes half as long.

    Args:
        kinds: Types of the events.
        payloads: JSON of each: all of it, or the values of ``queries.STORED_KEYS``.
    """
    lines = "\n".join([payload or "null" for payload in payloads])
    decoded: list[Any] = []
    if lines.count("\n") == len(payloads) - 1:  # none of them is more than a line, so that none stands for another one
        with suppress(msgspec.DecodeError, RecursionError):
            decoded = _ANY.decode_lines(lines)
    if len(decoded) != len(payloads):
        return [_stored_payload(kind, payload) for kind, payload in zip(kinds, payloads, strict=True)]
    return [
        value if keys is None and type(value) is dict else _as_object(keys, value)  # most need no call
        for keys, value in zip(map(_STORED_KEYS.get, kinds), decoded, strict=True)
    ]


def _as_object(keys: Sequence[str] | None, value: Any) -> dict[str, Any]:
    if keys is not None and isinstance(value, list):
        return dict(zip(keys, value, strict=True))
    return value if keys is None and isinstance(value, dict) else {}


def _stored_payload(kind: str, payload: str | None) -> dict[str, Any]:
    keys = _STORED_KEYS.get(kind)
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
