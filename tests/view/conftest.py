"""Homes the tests of this folder share."""

from tests.healed import healed, healed_lens
from tests.sample_lens import hostile_lens, lens, samples

__all__ = ["healed", "healed_lens", "hostile_lens", "lens", "samples"]
