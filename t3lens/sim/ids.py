"""Identifiers shaped as T3 Code and its providers make them, reproducible from a seed."""

from __future__ import annotations

import random
import string
from typing import Final

from t3lens.time import Micros

__all__ = ["Ids"]

_BASE62: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase


class Ids:
    """A source of identifiers.

    Args:
        seed: The same seed gives the same identifiers in the same order; None takes them from the
            operating system, which a home that is continued needs so that no id comes twice.
    """

    def __init__(self, seed: int | str | None = None) -> None:
        self._random: random.Random = random.SystemRandom() if seed is None else random.Random(seed)

    @property
    def random(self) -> random.Random:
        """The random numbers the ids are made of, for decisions that belong to the same story."""
        return self._random

    def uuid(self) -> str:
        """A version 4 UUID."""
        bits = self._random.getrandbits(128)
        bits = bits & ~(0xF << 76) | (0x4 << 76)
        bits = bits & ~(0x3 << 62) | (0x2 << 62)
        return _dashed(bits)

    def uuid7(self, at: Micros) -> str:
        """A version 7 UUID: its first 48 bits are the time in milliseconds, as in Codex's ids."""
        bits = (at // 1000) << 80 | self._random.getrandbits(80)
        bits = bits & ~(0xF << 76) | (0x7 << 76)
        bits = bits & ~(0x3 << 62) | (0x2 << 62)
        return _dashed(bits)

    def opencode(self, prefix: str, at: Micros) -> str:
        """An OpenCode id: prefix, twelve hex digits that grow with time, fourteen of base 62."""
        stamp = (at // 1000 * 0x1000 + self._random.getrandbits(12)) & 0xFFFFFFFFFFFF
        tail = "".join(self._random.choices(_BASE62, k=14))
        return f"{prefix}_{stamp:012x}{tail}"

    def hex(self, digits: int) -> str:
        """``digits`` hexadecimal digits."""
        return f"{self._random.getrandbits(4 * digits):0{digits}x}"


def _dashed(bits: int) -> str:
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
