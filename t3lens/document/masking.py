"""Secrets out of an audit document: every text in it masked, the words of the contract left as they are."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from t3lens.document.model import CODES_AND_TIMES, KEYS, RELATIVE_PATHS, AuditDocument
from t3lens.document.rows import DiskRows
from t3lens.redact.keys import keys_in
from t3lens.redact.names import is_relative

if TYPE_CHECKING:
    from t3lens.redact import Redactor

__all__ = ["masked", "masked_rows"]

_AT_ONCE: Final = 1000
"""So many homes, threads and incidents are looked at in one go for the ids in them."""

_Row = TypeVar("_Row", bound=msgspec.Struct)


def masked(document: AuditDocument, redactor: Redactor) -> AuditDocument:
    """An audit with the secrets in its texts masked.

    Names of fields, codes, times and words with a fixed meaning (verdicts, severities …) are no texts: a person's own
    rules do not change them, so that the result is still a document. Nor do any change ids and other keys, also where a
    text names them: a masked one would lead nowhere. Only in a field that a person wants hidden they are hidden too.

    Args:
        document: The document; it is not changed.
        redactor: One for everything that is written of this run, so that masks agree.
    """
    redactor.keep_keys(keys_in(msgspec.structs.replace(document, homes=(), threads=(), incidents=())))
    rows = chain(document.places, document.incidents)
    while some := list(islice(rows, _AT_ONCE)):
        redactor.keep_keys(keys_in(some))
    whole: AuditDocument = _masked(document, redactor, hidden=False)
    return whole


def masked_rows(rows: Sequence[_Row], redactor: Redactor) -> tuple[_Row, ...]:
    """Parts of such a document that stand by themselves, masked in the same way.

    Args:
        rows: The rows; they are not changed.
        redactor: As for ``masked``.
    """
    redactor.keep_keys(keys_in(tuple(rows)))
    return tuple(_masked(row, redactor, hidden=False) for row in rows)


def _masked(value: Any, redactor: Redactor, *, hidden: bool) -> Any:
    if isinstance(value, Enum):
        return value
    if isinstance(value, msgspec.Struct):
        parts = {
            name: part
            if name in CODES_AND_TIMES or (not hidden and _is_key(name, part))
            else _masked(part, redactor, hidden=hidden or redactor.hides_field(name))
            for name in value.__struct_fields__
            for part in (getattr(value, name),)
        }
        return type(value)(**parts)
    if isinstance(value, DiskRows):
        return value.each(lambda row: _masked(row, redactor, hidden=hidden))
    if isinstance(value, tuple):
        return tuple(_masked(part, redactor, hidden=hidden) for part in value)
    if isinstance(value, dict):  # by ids, verdicts, names of thresholds and rules
        return {key: _masked(part, redactor, hidden=hidden) for key, part in value.items()}
    if isinstance(value, str):
        return redactor.hidden(value) if hidden else redactor.text(value)
    return value


def _is_key(name: str, value: object) -> bool:
    return name in KEYS or (name in RELATIVE_PATHS and isinstance(value, str) and is_relative(value))
