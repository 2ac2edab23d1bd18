"""Making untrusted text inert: the only way from a log's words into a page, a figure or a terminal."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import date
from decimal import Decimal
from numbers import Number
from typing import TYPE_CHECKING, Any, Final, cast

from t3lens.view.notebook.front_end import in_kernel
from t3lens.view.notebook.masking import mask_text

if TYPE_CHECKING:
    from t3lens.redact import Redactor

__all__ = [
    "already_masked",
    "distinct_prefixes",
    "figure_text",
    "html_text",
    "inert_cell",
    "masking",
    "nested_text",
    "plain",
    "short_id",
]

# Invisible characters that reorder or hide what is around them, terminal escapes, and half characters.
_UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\uffff\ud800-\udfff]"
)
_FORMULA: Final = re.compile(r"[\s'\"]*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n\ufffd]")
"""How text begins that a spreadsheet takes for a formula; a quote before it is no cover, some leave it out."""

_SPACE: Final = re.compile(r"[\s\u2028\u2029]+")


_LEAST_PREFIX: Final = 8

_masked: ContextVar[bool] = ContextVar("t3lens_masked", default=False)


_masking: ContextVar[Redactor | None] = ContextVar("t3lens_masking", default=None)


@contextmanager
def masking(redactor: Redactor) -> Iterator[None]:
    """Within this, the secrets of every text are masked before it is cut, notebook or not."""
    token = _masking.set(redactor)
    try:
        yield
    finally:
        _masking.reset(token)


@contextmanager
def already_masked() -> Iterator[None]:
    """Within this, texts are taken as masked: a document has its own rules, and the same bytes everywhere."""
    token = _masked.set(True)
    try:
        yield
    finally:
        _masked.reset(token)


def plain(value: object, limit: int = 200) -> str:
    """``value`` as one line of at most ``limit`` characters, without control, direction or surrogate characters.

    In the kernel of a notebook its secrets are masked too: what is shown there may be saved.
    """
    text = str(value)
    redactor = _masking.get()
    if redactor is not None:
        text = redactor.text(text[: 8 * limit + 4000])
    elif in_kernel() and not _masked.get():
        text = mask_text(text[: 8 * limit + 4000])  # before it is cut: half a secret is not recognised
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


def nested_text(value: object) -> object:
    """A list or a row within a cell as JSON text, as a query's answer has it; all else as it is."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        return value
    return json.dumps(_inner(value), ensure_ascii=False)


def _inner(value: object) -> object:
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _inner(part) for name, part in value.items()}
    if not isinstance(value, bytes) and isinstance(value, Iterable):
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        parts = cast("Any", value).tolist() if kind and kind in "biuf" else value  # as Python's own numbers
        return [_inner(part) for part in parts]
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float | Decimal):
        return None if value != value else float(value)
    return str(value)


def inert_cell(value: object) -> object:
    """A value for a table that a terminal or a spreadsheet may show: text in it does nothing in either.

    Numbers and times stay as they are; other things become their text.
    """
    if value is None or isinstance(value, Number | date):
        return value
    text = _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", str(nested_text(value)))
    return f"'{text}" if _FORMULA.match(text) else text


def distinct_prefixes(ids: Iterable[str]) -> dict[str, str]:
    """For each id its shortest beginning, of eight characters or more, that no other of these ids has.

    Ids that are made of the time share their first eight characters when they were made within a minute of each other:
    cut to those, none of them could be told from the others, nor be given to a command.
    """
    ordered = sorted(set(ids))
    found = {}
    for place, one in enumerate(ordered):
        beside = (ordered[place - 1 : place] if place else []) + ordered[place + 1 : place + 2]
        shared = max((_shared(one, other) for other in beside), default=0)
        found[one] = one[: max(shared + 1, _LEAST_PREFIX)]
    return found


def _shared(one: str, other: str) -> int:
    """How many characters both begin with."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def short_id(value: object, limit: int = 22) -> str:
    """An id cut in its middle, so that kind and end stay readable."""
    text = plain(value, 400)
    if len(text) <= limit:
        return text
    head = (limit - 1) * 2 // 3
    return f"{text[:head]}…{text[-(limit - 1 - head) :]}"
