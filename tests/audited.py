"""The sample homes and their audit, as fixtures of the folders that work on them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import t3lens
from t3lens.document.audit import audit_document
from t3lens.document.model import AuditDocument
from t3lens.lens.lens import Lens

SAMPLES = Path(__file__).resolve().parents[1] / "sample_logs"


@pytest.fixture(scope="module")
def samples() -> Iterator[Lens]:
    """A lens over all sample homes, their servers dead."""
    with t3lens.open(SAMPLES, server="dead") as lens:
        yield lens


@pytest.fixture(scope="module")
def document(samples: Lens) -> AuditDocument:
    """The audit of the sample homes."""
    return audit_document(samples.diagnosis, as_of=samples.as_of, version=t3lens.__version__)
