"""Options of the whole suite: sizes that fit a small machine, and the full ones on request."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# What is tested must not depend on where: with CI set, actions are off unless a test asks for that itself.
os.environ.pop("CI", None)

# How long an example takes tells how busy the machine is, and no more.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--full-size",
        action="store_true",
        help="run long tests at the sizes that releases are held to",
    )


@pytest.fixture(scope="session")
def full_size(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--full-size"))


@pytest.fixture(scope="session")
def fleet_size(full_size: bool) -> int:
    """How many healthy threads a fleet has."""
    return 3000 if full_size else 300


@pytest.fixture(scope="session")
def playwright() -> Iterator[Any]:
    """What starts browsers; while it runs its event loop keeps any other from starting in this process."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with api.sync_playwright() as running:
        yield running
