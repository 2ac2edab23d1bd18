"""What a notebook keeps when it is saved: secrets are masked in all that t3lens shows in a kernel, texts left out of tables.

Nothing is registered anywhere: ``escape`` and ``MaskedFrame`` ask, whenever something is shown, whether a kernel shows
it. ``T3LENS_CONTENT=1`` shows prompts, answers and tool texts in tables; secrets stay masked.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from t3lens.redact.names import PATH_COLUMNS, SAID_COLUMNS, is_key, is_relative

if TYPE_CHECKING:
    from t3lens.redact import Redactor

__all__ = ["CONTENT_VARIABLE", "keep_keys", "mask_cell", "mask_text"]

CONTENT_VARIABLE: Final = "T3LENS_CONTENT"
"""Environment variable that shows what was said in the tables of a notebook."""


@lru_cache(maxsize=1)
def _redactor() -> Redactor:
    """One for the whole notebook, so that masks agree."""
    from t3lens.redact import Redactor

    return Redactor(content=os.environ.get(CONTENT_VARIABLE) == "1")


def keep_keys(keys: Iterable[str]) -> None:
    """From now on leave these ids as they are, also where a text names them."""
    _redactor().keep_keys(keys)
    mask_text.cache_clear()


@lru_cache(maxsize=50_000)
def mask_text(text: str) -> str:
    """A text as a notebook may keep it: its secrets masked."""
    return _redactor().text(text)


def mask_cell(names: tuple[object, ...], value: Any) -> Any:
    """A value of a table as a notebook may keep it.

    Args:
        names: What the value is called: its column, or its row.
        value: Anything; only texts and what holds texts change.
    """
    redactor = _redactor()
    if isinstance(value, str):
        for name in names:
            if not isinstance(name, str):
                continue
            if is_key(name) or (name.lower() in PATH_COLUMNS and is_relative(value)):
                return value
            if name.lower() in SAID_COLUMNS:
                return redactor.said(value, name.lower())
        if value[:1] in ("{", "[") and not redactor.content:
            try:
                return json.dumps(redactor.record(json.loads(value)), ensure_ascii=False)
            except (ValueError, RecursionError):
                return mask_text(value)
        return mask_text(value)
    if isinstance(value, dict | list | tuple):
        return redactor.value(value)
    return value
