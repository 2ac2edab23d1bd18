"""The part of the style sheet that a piece of page uses: a saved notebook has it once for each of its outputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from t3lens.view.page.assets import sheet_of_panes

__all__ = ["used_style"]

_RULE: Final = re.compile(r"([^{}]+)\{((?:[^{}]|\{[^{}]*\})*)\}")
_COMMENT: Final = re.compile(r"/\*.*?\*/", re.DOTALL)
_NAME: Final = re.compile(r"\.(t3-[\w-]+)")
_CLASSES: Final = re.compile(r'class="?([^">]+)')
_VARIABLE: Final = re.compile(r"var\((--t3-[\w-]+)")
_PALETTE: Final = re.compile(r"(--t3-[\w-]+):[^;{}]+;?")


@dataclass(frozen=True, slots=True)
class _Rule:
    """One rule, or a block of them that holds under a condition (``@media``)."""

    head: str
    body: str
    parts: tuple[_Rule, ...]


def used_style(body: str) -> str:
    """The rules for the classes that stand in ``body``, with the colours that it and they name.

    Args:
        body: HTML, escaped already, that no script changes.
    """
    classes = {name for found in _CLASSES.findall(body) for name in found.split()}
    rules = "".join(_used(rule, classes) for rule in _rules(sheet_of_panes()))
    named = set(_VARIABLE.findall(body)) | set(_VARIABLE.findall(rules))
    return _PALETTE.sub(lambda found: found[0] if found[1] in named else "", rules)


def _used(rule: _Rule, classes: set[str]) -> str:
    if rule.parts:
        inside = "".join(_used(part, classes) for part in rule.parts)
        return f"{rule.head}{{{inside}}}" if inside else ""
    heads = [one for one in rule.head.split(",") if classes.issuperset(_NAME.findall(one))]
    return f"{','.join(heads)}{{{rule.body}}}" if heads else ""


@cache
def _rules(sheet: str) -> tuple[_Rule, ...]:
    found = []
    for head, body in _RULE.findall(_COMMENT.sub("", sheet)):
        inside = _rules(body) if "{" in body else ()
        found.append(_Rule(" ".join(head.split()), "" if inside else " ".join(body.split()), inside))
    return tuple(found)
