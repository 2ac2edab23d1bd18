"""Fixed forms of bytes, tested on many lines at once: eight bytes to a word, one word of all lines to a step."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = [
    "TIME",
    "Bytes",
    "Flags",
    "Form",
    "Ints",
    "Words",
    "most_brackets",
    "places_of",
    "times_of",
    "words_at",
]

Ints = npt.NDArray[np.int64]
Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Flags = npt.NDArray[np.bool_]

_BLOCK: Final = 1024


def words_at(data: Bytes, at: Ints, count: int) -> Words:
    """``count`` words from each place on, a row each; ``data`` must reach that far."""
    width = 8 * count
    # Opaque items that begin at every byte: gathering one is one memcpy.
    items = np.ndarray((len(data) - width + 1,), f"V{width}", buffer=data, strides=(1,))
    words: Words = items[at].view("<u8").reshape(len(at), count)
    return words


class _Word(NamedTuple):
    given: np.uint64
    value: np.uint64
    zeros: np.uint64
    sixes: np.uint64
    highs: np.uint64


def _word(values: list[int]) -> np.uint64:
    return np.uint64(int.from_bytes(bytes(values), "little"))


class Form:
    """Bytes of which some are given: ``9`` stands for any digit, ``?`` for any byte.

    Args:
        text: A multiple of eight bytes.
    """

    def __init__(self, text: bytes) -> None:
        self._words = []
        for start in range(0, len(text), 8):
            part = text[start : start + 8]
            digits = [c == ord("9") for c in part]
            given = [c not in b"9?" for c in part]
            self._words.append(
                _Word(
                    given=_word([0xFF * is_given for is_given in given]),
                    value=_word([c * is_given for c, is_given in zip(part, given, strict=True)]),
                    zeros=_word([ord("0") * is_digit for is_digit in digits]),
                    sixes=_word([6 * is_digit for is_digit in digits]),
                    highs=_word([0xF0 * is_digit for is_digit in digits]),
                )
            )

    def fits(self, words: Words) -> Flags:
        """Which rows of ``words`` have this form."""
        good = np.ones(len(words), np.bool_)
        for i, word in enumerate(self._words):
            column = words[:, i]
            if word.given:
                good &= (column & word.given) == word.value
            if word.highs:
                # A digit less "0" is at most 9: neither it nor it plus six reaches the high half of its
                # byte. What carries into a neighbour comes from a byte that is no digit: false already.
                value = column ^ word.zeros
                good &= (((value + word.sixes) | value) & word.highs) == 0
        return good


TIME: Final = b"9999-99-99T99:99:99.999Z"
"""The form of a moment as the server writes it: three words."""


def times_of(words: Words) -> tuple[Ints, Flags]:
    """Microseconds UTC of moments written in the form ``TIME``, and which are real ones (no 31 June).

    Rows of another form give anything.
    """
    if not len(words):
        return np.empty(0, np.int64), np.empty(0, np.bool_)
    # Neighbours mostly share their minute, which is 16 bytes and needs a calendar.
    other = words[1:, 0] != words[:-1, 0]
    other |= words[1:, 1] != words[:-1, 1]
    first = np.concatenate(([0], np.flatnonzero(other) + 1))
    minutes, real = _minutes_of(words[first, :2])
    counts = np.diff(first, append=len(words))
    rest = words[:, 2]

    def digit(place: int) -> Words:
        shifted: Words = (rest >> np.uint64(8 * place)) & np.uint64(15)
        return shifted

    tens = digit(1)
    millis = tens * np.uint64(10) + digit(2)
    for place in (4, 5, 6):
        millis *= np.uint64(10)
        millis += digit(place)
    times = np.repeat(minutes, counts)
    times += millis.view(np.int64) * 1000
    return times, np.repeat(real, counts) & (tens < 6)


def _minutes_of(words: Words) -> tuple[Ints, Flags]:
    """The same for ``9999-99-99T99:99``: two words."""
    text = np.ascontiguousarray(words).view(np.uint8).reshape(len(words), 16)
    digits = text.astype(np.int64) - ord("0")

    def number(*places: int) -> Ints:
        value = np.zeros(len(words), np.int64)
        for place in places:
            value = value * 10 + digits[:, place]
        return value

    year, month, day = number(0, 1, 2, 3), number(5, 6), number(8, 9)
    hour, minute = number(11, 12), number(14, 15)
    real = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60)
    months = ((year - 1970) * 12 + np.clip(month, 1, 12) - 1).astype("datetime64[M]")
    first_day = months.astype("datetime64[D]")
    days_in_month = ((months + 1).astype("datetime64[D]") - first_day).astype(np.int64)
    real &= day <= days_in_month
    days = first_day.astype(np.int64) + day - 1
    return ((days * 24 + hour) * 60 + minute) * 60_000_000, real


def most_brackets(data: Bytes, starts: Ints, ends: Ints) -> Ints:
    """How many opening brackets stand between two places, or some more: those of the blocks they lie in."""
    first, last = starts // _BLOCK, -(-ends // _BLOCK)
    begun = np.zeros(-(-len(data) // _BLOCK) + 1, np.int64)
    np.add.at(begun, first, 1)
    np.add.at(begun, last, -1)
    asked = np.flatnonzero(np.cumsum(begun))
    whole = len(data) // _BLOCK
    blocks = np.zeros((len(asked), _BLOCK), np.uint8)
    inner = np.searchsorted(asked, whole)
    blocks[:inner] = data[: whole * _BLOCK].reshape(-1, _BLOCK)[asked[:inner]]
    blocks[inner:, : len(data) % _BLOCK] = data[whole * _BLOCK :]
    # "[" and "{" differ in one bit.
    blocks |= 0x20
    np.equal(blocks, ord("{"), out=blocks.view(np.bool_))
    # At most 128 in each byte of these sums, so that none carries into the next.
    sums = blocks.view(np.uint64).sum(axis=1).view(np.uint8).reshape(-1, 8)
    begun[:] = 0
    begun[asked + 1] = sums.sum(axis=1)
    np.cumsum(begun, out=begun)
    counts: Ints = begun[last] - begun[first]
    return counts


def newlines_of(data: Bytes, flags: Flags) -> Ints:
    """Where the newlines of ``data`` are.

    Args:
        data: The bytes to look at.
        flags: Room for one flag each, and seven more.
    """
    used = -(-len(data) // 8) * 8
    flags[len(data) : used] = False
    np.equal(data, ord("\n"), out=flags[: len(data)])
    # Eight at a time: lines are long, so nearly all words are empty, and the others have one newline.
    words = flags[:used].view("<u8")
    places = np.flatnonzero(words != 0)
    found = words[places]
    if (found & (found - np.uint64(1))).any():
        return np.flatnonzero(flags[: len(data)])
    byte = (np.frexp(found.astype(np.float64))[1] - 1) >> 3
    return places * 8 + byte


def places_of(data: Bytes, byte: int) -> Ints:
    """Where a rare byte stands in ``data``."""
    flags = np.zeros(-(-len(data) // 8) * 8, np.bool_)
    np.equal(data, byte, out=flags[: len(data)])
    words = np.flatnonzero(flags.view("<u8"))  # eight at a time: nearly all are empty
    word, place = flags.reshape(-1, 8)[words].nonzero()
    return words[word] * 8 + place
