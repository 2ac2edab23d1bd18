"""The home in which something was wrong and is over."""

from tests.healed import healed, healed_lens

__all__ = ["healed", "healed_lens"]
