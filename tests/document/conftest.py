"""Homes and audits the tests of this folder share."""

from tests.audited import document, samples

__all__ = ["document", "samples"]
