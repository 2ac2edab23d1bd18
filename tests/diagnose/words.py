"""What the words of a diagnosis are held to: no value of Python, no whole id, and something in the first words."""

from __future__ import annotations

import re

from t3lens.diagnose import Diagnosis
from t3lens.diagnose.diagnosis import ThreadDiagnosis
from t3lens.diagnose.story import divergence, explain
from t3lens.domain.finding import Finding, Verdict

_PYTHON = re.compile(r"\bNone\b|\{'|\bTrue\b|\bFalse\b")
_WHOLE_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-")
_NAMES_ONLY = re.compile(r"^(thread|turn|run|message|session)\b")


def texts(finding: Finding) -> list[str]:
    return [finding.summary, finding.explanation, *(piece.excerpt for piece in finding.evidence)]


def word_complaints(diagnosis: Diagnosis) -> list[str]:
    """What is wrong with the words of a diagnosis."""
    found = [finding for home in diagnosis.homes for finding in home.findings]
    wrong: list[str] = []
    for thread in diagnosis.threads:
        found += thread.findings
        wrong += story_complaints(thread)
    for finding in found:
        wrong += [f"a value of Python: {text}" for text in texts(finding) if _PYTHON.search(text)]
        wrong += [f"a whole id: {finding.summary}"] if _WHOLE_ID.search(finding.summary) else []
        wrong += [f"begins with a name: {finding.summary}"] if _NAMES_ONLY.search(finding.summary) else []
    return wrong


def story_complaints(thread: ThreadDiagnosis) -> list[str]:
    said = explain(thread)
    told = [said.headline, said.next_words, *(line.text for line in said.lines)]
    wrong = [f"a value of Python: {text}" for text in told if _PYTHON.search(text)]
    if thread.verdict is Verdict.STUCK and not said.divergence.between and "agree" in divergence(thread).why:
        wrong.append(f"a stuck thread whose truths agree: {thread.thread_id}")
    return wrong
