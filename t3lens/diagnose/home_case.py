"""All threads of one home at once, for the detectors that look across threads."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from t3lens.diagnose.case import Case
from t3lens.diagnose.context import Context

__all__ = ["HomeCase"]


class HomeCase(msgspec.Struct, frozen=True):
    """What every home-wide detector gets.

    Attributes:
        context: The standing of the home.
        cases: Its threads by id; deleted ones too.
    """

    context: Context
    cases: Mapping[str, Case]
