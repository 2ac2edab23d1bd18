"""A person's own rules: more patterns to mask, names whose values to mask, words never to mask."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t3lens.errors import UsageError
from t3lens.redact.kinds import SecretKind

__all__ = ["RedactionRules", "load_rules"]

_TABLES = frozenset({"pattern", "fields", "words", "keep"})


@dataclass(frozen=True, slots=True)
class RedactionRules:
    """What to mask beside the built-in kinds.

    Attributes:
        kinds: Further patterns, tried before the built-in ones.
        fields: Names (lower case) whose values are masked.
        words: Texts that are masked wherever they stand, whatever their case.
        keep: Texts that are never masked, for false maskings.
    """

    kinds: tuple[SecretKind, ...] = ()
    fields: frozenset[str] = frozenset()
    words: tuple[str, ...] = ()
    keep: frozenset[str] = frozenset()

    @property
    def any(self) -> bool:
        """Whether a text may be masked because of them."""
        return bool(self.kinds or self.words)


def load_rules(path: str | os.PathLike[str]) -> RedactionRules:
    """Read rules from a TOML file.

    The file may hold ``fields``, ``words`` and ``keep`` (lists of texts), and any number of ``[[pattern]]`` tables
    with ``name`` and ``regex`` (its group ``secret``, if it has one, is what is masked)::

        fields = ["customerName"]
        words = ["project-nightingale"]
        keep = ["example.com"]

        [[pattern]]
        name = "ticket"
        regex = "TICKET-[0-9]+"

    Raises:
        UsageError: The file cannot be read, or says something else.
    """
    try:
        said = tomllib.loads(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the redaction rules {path} cannot be read: {error}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"the redaction rules {path} are no TOML: {error}") from None
    unknown = sorted(said.keys() - _TABLES)
    if unknown:
        raise UsageError(f"the redaction rules {path} have no {', '.join(unknown)}; there are: {', '.join(sorted(_TABLES))}")
    patterns = said.get("pattern", [])
    if not isinstance(patterns, list):
        raise UsageError(f"in {path}, patterns are written as [[pattern]] tables")
    words = _texts(said, "words", path)
    return RedactionRules(
        kinds=tuple(_kind(one, path) for one in patterns),
        fields=frozenset(name.lower() for name in _texts(said, "fields", path)),
        words=tuple(sorted(words, key=len, reverse=True)),
        keep=frozenset(_texts(said, "keep", path)),
    )


def _texts(said: dict[str, Any], name: str, path: str | os.PathLike[str]) -> list[str]:
    found = said.get(name, [])
    if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
        raise UsageError(f"in {path}, {name} is a list of texts")
    return found


def _kind(table: object, path: str | os.PathLike[str]) -> SecretKind:
    name, regex = (table.get("name"), table.get("regex")) if isinstance(table, dict) else (None, None)
    if not isinstance(name, str) or not isinstance(regex, str) or not name or not regex:
        raise UsageError(f"in {path}, a [[pattern]] needs name and regex")
    try:
        pattern = re.compile(regex)
    except re.error as error:
        raise UsageError(f"in {path}, the pattern {name} is no regular expression: {error}") from None
    if pattern.match("") is not None:
        raise UsageError(f"in {path}, the pattern {name} matches the empty text")
    return SecretKind(name, pattern)
