"""Keeping texts and secrets out of whatever leaves the machine: reports, bundles, saved notebooks, JSON."""

from t3lens.redact.kinds import KINDS, PLACES, SecretKind
from t3lens.redact.redactor import Redactor
from t3lens.redact.rows import cut_pieces
from t3lens.redact.rules import RedactionRules, load_rules
from t3lens.redact.streams import StreamedSecrets

__all__ = ["KINDS", "PLACES", "RedactionRules", "Redactor", "SecretKind", "StreamedSecrets", "cut_pieces", "load_rules"]
