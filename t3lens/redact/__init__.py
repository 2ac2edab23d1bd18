"""Keeping texts and secrets out of whatever leaves the machine: reports, bundles, saved notebooks, JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from t3lens.lazy_names import names_of

if TYPE_CHECKING:
    from t3lens.redact.kinds import KINDS, PLACES, SecretKind
    from t3lens.redact.redactor import Redactor
    from t3lens.redact.rows import cut_pieces
    from t3lens.redact.rules import RedactionRules, load_rules
    from t3lens.redact.streams import StreamedSecrets

__all__ = ["KINDS", "PLACES", "RedactionRules", "Redactor", "SecretKind", "StreamedSecrets", "cut_pieces", "load_rules"]

# The names of secrets are asked for by much that masks nothing, and the patterns take their time to be compiled.
__getattr__ = names_of(
    __name__,
    {
        "KINDS": "t3lens.redact.kinds:KINDS",
        "SecretKind": "t3lens.redact.kinds:SecretKind",
        "PLACES": "t3lens.redact.kinds:PLACES",
        "RedactionRules": "t3lens.redact.rules:RedactionRules",
        "Redactor": "t3lens.redact.redactor:Redactor",
        "StreamedSecrets": "t3lens.redact.streams:StreamedSecrets",
        "cut_pieces": "t3lens.redact.rows:cut_pieces",
        "load_rules": "t3lens.redact.rules:load_rules",
    },
)
