"""Which texts may hold a secret, told quickly by one expression for engines without lookaround, as DuckDB's.

It is made of the kinds themselves: what surrounds a match is left away, so that it finds more, never less. Whatever it
finds is looked at again by a ``Redactor``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from t3lens.redact.kinds import KINDS, PLACES
from t3lens.redact.names import SECRET_NAMES

__all__ = ["may_hold_secret"]

_AROUND: Final = re.compile(r"\(\?<?[=!](?:[^()\[\]\\]|\\.|\[(?:[^\]\\]|\\.)*\]|\([^()]*\))*\)")
_FLAGS: Final = re.compile(r"^\(\?i\)")
_NAMED: Final = re.compile(r"\(\?P<\w+>")
_RANDOM: Final = r"(?:[a-z0-9+/_-]*[A-Z]){4}"
"""A run with several capitals: what a generator makes, and base64 of anything readable."""
_ENCODED: Final = (_RANDOM, r"(?:[0-9a-fA-F]{2}){8}", r"%[0-9a-fA-F]{2}", r"\\+[ux][0-9a-fA-F]{2}", r"&(?:#[0-9]+|[a-z]+);")


@lru_cache(maxsize=1)
def may_hold_secret() -> str:
    """A regular expression, without lookaround, that matches any text of which a ``Redactor`` that leaves ``PLACES`` as
    they are would mask something.
    """
    parts = [_without_around(kind.pattern) for kind in KINDS if kind.name not in PLACES and kind.name != "random"]
    return "|".join((*dict.fromkeys(parts), rf"(?i:{SECRET_NAMES}|cookies?)[^a-zA-Z0-9]*[:=]", *_ENCODED))


def _without_around(pattern: re.Pattern[str]) -> str:
    text = _NAMED.sub("(?:", _AROUND.sub("", _FLAGS.sub("", pattern.pattern)))
    flags = ("i" if pattern.flags & re.IGNORECASE else "") + ("s" if pattern.flags & re.DOTALL else "")
    return f"(?{flags}:{text})"
