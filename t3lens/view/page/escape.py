"""Making untrusted text inert: the only way from a log's words into a page, a figure or a terminal."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

__all__ = ["already_masked", "figure_text", "html_text", "mask_with", "plain", "short_id"]

# Invisible characters that reorder or hide what is around them, terminal escapes, and half characters.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\uffff"
    "\ud800-\udfff]"
)
_SPACE: Final = re.compile(r"[\s\u2028\u2029]+")


_mask: Callable[[str], str] | None = None
_masked: ContextVar[bool] = ContextVar("t3lens_masked", default=False)


def mask_with(mask: Callable[[str], str] | None) -> None:
    """Let every text go through ``mask`` from now on: what is shown here may be saved. None ends it."""
    global _mask
    _mask = mask


@contextmanager
def already_masked() -> Iterator[None]:
    """Within this, texts are taken as masked: a document has its own rules, and the same bytes everywhere."""
    token = _masked.set(True)
    try:
        yield
    finally:
        _masked.reset(token)


def plain(value: object, limit: int = 200) -> str:
    """``value`` as one line of at most ``limit`` characters, without control, direction or surrogate characters."""
    text = str(value)
    if _mask is not None and not _masked.get():
        text = _mask(text[: 8 * limit + 4000])  # before it is cut: half a secret is not recognised
    if len(text) > 4 * limit:
        text = text[: 4 * limit]
    text = _SPACE.sub(" ", _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)).strip()
    return text if len(text) <= limit else text[: limit - 1] + "…"


def html_text(value: object, limit: int = 200) -> str:
    """``plain`` with the five characters escaped that mean something in HTML."""
    return html.escape(plain(value, limit), quote=True)


def figure_text(value: object, limit: int = 200) -> str:
    """``plain`` for a figure's labels and hovers, where plotly reads tags, entities and LaTeX between dollars."""
    return html.escape(plain(value, limit), quote=False).replace("$", "&#36;")


def short_id(value: object, limit: int = 22) -> str:
    """An id cut in its middle, so that kind and end stay readable."""
    text = plain(value, 400)
    if len(text) <= limit:
        return text
    head = (limit - 1) * 2 // 3
    return f"{text[:head]}…{text[-(limit - 1 - head) :]}"
