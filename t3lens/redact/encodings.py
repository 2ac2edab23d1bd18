"""Texts within texts: what a string says once its encoding is undone."""

from __future__ import annotations

import base64
import binascii
import html
import re
import zlib
from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

__all__ = ["decoded_parts", "unescaped", "unquoted"]

_BASE64: Final = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}={0,2}(?![A-Za-z0-9+/_=-])")
_HEX: Final = re.compile(r"(?<![0-9A-Za-z])(?:0x)?((?:[0-9a-fA-F]{2}){8,})(?![0-9A-Za-z])")
_PERCENT: Final = re.compile(r"%[0-9A-Fa-f]{2}")
_BACKSLASH: Final = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|([\"'/nrt\\]))")
_SIMPLE: Final = {"n": "\n", "r": "\r", "t": "\t"}
_MOST_UNPACKED: Final = 1 << 20
_ENTITY: Final = re.compile(r"&(?:#\d+|#x[0-9A-Fa-f]+|[a-z]+);")


def unquoted(text: str) -> Iterator[str]:
    """``text`` with its percent escapes or its entities undone, for each that it has."""
    if _PERCENT.search(text):
        yield unquote(text, errors="replace")
    if "&" in text and _ENTITY.search(text):
        yield html.unescape(text)


def unescaped(text: str) -> str:
    """``text`` with its backslash escapes undone. A Windows path looks like one too: mask those before."""
    return _BACKSLASH.sub(_character, text) if "\\" in text else text


def _character(match: re.Match[str]) -> str:
    four, two, one = match.groups()
    if four or two:
        return chr(int(four or two, 16))
    return _SIMPLE.get(one, one)


def decoded_parts(text: str) -> Iterator[tuple[int, int, str]]:
    """Parts of ``text`` that are base64 or hexadecimal of something readable: start, end, and what they say."""
    for match in _HEX.finditer(text):
        said = _readable(bytes.fromhex(match[1]))
        if said is not None:
            yield match.start(), match.end(), said
    for match in _BASE64.finditer(text):
        said = _from_base64(match[0])
        if said is not None:
            yield match.start(), match.end(), said


def _from_base64(text: str) -> str | None:
    body = text.rstrip("=").replace("-", "+").replace("_", "/")
    if len(body) % 4 == 1:
        return None
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
    return _readable(_unpacked(data))


def _unpacked(data: bytes) -> bytes:
    """``data`` as it was before gzip or zlib, its beginning if it is long; itself if neither made it."""
    if data[:2] not in (b"\x1f\x8b", b"x\x01", b"x\x9c", b"x\xda"):
        return data
    try:
        return zlib.decompressobj(wbits=47).decompress(data, _MOST_UNPACKED)
    except zlib.error:
        return data


def _readable(data: bytes) -> str | None:
    # Scripts are handed to PowerShell in UTF-16: every second byte of ASCII is 0.
    wide = len(data) % 2 == 0 and data[1::2].count(0) * 10 >= len(data) * 4
    try:
        text = data.decode("utf-16-le" if wide else "utf-8")
    except UnicodeDecodeError:
        return None
    unseen = sum(not (char.isprintable() or char in "\r\n\t") for char in text)
    return text if unseen * 20 <= len(text) else None
