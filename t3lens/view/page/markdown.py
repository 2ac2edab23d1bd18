"""Untrusted text in a Markdown document."""

from __future__ import annotations

import html
import re
from typing import Final

from t3lens.view.page.escape import plain

__all__ = ["md"]

_SPECIAL: Final = re.compile(r"([\\`*_\[\]#|~!$])")
_SCHEME: Final = re.compile(r"(?i)\b(https?|ftp|mailto|javascript|data|file|www)([:.])")


def md(text: object, limit: int = 700) -> str:
    """``text`` as inert Markdown: one line, nothing in it formats, links or embeds."""
    line = html.escape(plain(text, limit), quote=False)
    line = _SPECIAL.sub(r"\\\1", line)
    # A zero-width joiner would be invisible; an entity keeps automatic links from being made and reads the same.
    return _SCHEME.sub(lambda m: f"{m[1]}{'&#58;' if m[2] == ':' else '&#46;'}", line).replace("@", "&#64;")
