"""Homes the tests of this folder share."""

from tests.sample_lens import hostile_lens, lens, samples

__all__ = ["hostile_lens", "lens", "samples"]
