"""The providers that can be simulated, by the driver name that T3 Code gives them."""

from __future__ import annotations

from typing import Final

from t3lens.sim.providers.acp import Acp
from t3lens.sim.providers.base import Host, Provider
from t3lens.sim.providers.claude import Claude
from t3lens.sim.providers.codex import Codex
from t3lens.sim.providers.opencode import OpenCode

__all__ = ["PROVIDERS", "Host", "Provider"]

PROVIDERS: Final[dict[str, type[Provider]]] = {provider.driver: provider for provider in (OpenCode, Codex, Claude, Acp)}
"""Provider classes by driver name: ``opencode``, ``codex``, ``claudeAgent``, ``cursor``."""
