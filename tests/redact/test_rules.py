"""A person's own rules: patterns, names, words, exceptions; and what is said about wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from t3lens.errors import UsageError
from t3lens.redact import Redactor, load_rules


def rules_file(folder: Path, text: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(text)
    return path


def test_own_patterns_words_and_fields_are_masked(tmp_path: Path) -> None:
    rules = load_rules(
        rules_file(
            tmp_path,
            """
fields = ["customerName"]
words = ["Nightingale"]
[[pattern]]
name = "ticket"
regex = "TICKET-(?P<secret>[0-9]+)"
""",
        )
    )
    masked = Redactor(content=True, rules=rules).value({"customerName": "Ada", "note": "nightingale broke TICKET-4711"})
    assert masked["customerName"].startswith("‹secret-field")
    assert masked["note"] == "‹word-1› broke TICKET-‹ticket-1›"


def test_what_is_to_be_kept_is_kept(tmp_path: Path) -> None:
    rules = load_rules(rules_file(tmp_path, 'keep = ["status.acme.com"]'))
    text = "see https://status.acme.com/now and https://other.acme.com/now"
    masked = Redactor(content=True, rules=rules).text(text)
    assert "status.acme.com" in masked
    assert "other.acme.com" not in masked


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("words = 3", "list of texts"),
        ("nonsense = []", "have no nonsense"),
        ("= [", "no TOML"),
        ('[[pattern]]\nname = "x"', "needs name and regex"),
        ('[[pattern]]\nname = "x"\nregex = "("', "no regular expression"),
        ('[[pattern]]\nname = "x"\nregex = "a*"', "matches the empty text"),
    ],
)
def test_wrong_rules_are_refused_with_the_reason(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        load_rules(rules_file(tmp_path, text))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_rules(tmp_path / "none.toml")
