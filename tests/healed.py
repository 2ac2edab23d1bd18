"""A home in which something was wrong and is over, as fixtures: ``healed`` is its folder, ``healed_lens`` a lens on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from t3lens.lens.lens import Lens, open_lens
from t3lens.sim import SimHome
from t3lens.sim.script import Fail, Hang, Say
from t3lens.time import iso

KEY = "sk-ant-" + "a1B2c3" * 5
"""A secret in a title."""


@pytest.fixture(scope="session")
def healed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a stuck thread that was freed, one whose failure was followed by another try, and one stuck now."""
    folder = tmp_path_factory.mktemp("healed") / "home"
    with SimHome(folder, build="0.0.33") as home:
        first = home.thread(f"Use {KEY}", provider="codex")
        home.send(first, "Run the checks.", Hang())
        home.wait_running(first)
        home.advance(3600)
        home.stop(first)
        home.wait_idle(first)
        second = home.thread("Speed up the parser", provider="opencode")
        home.turn(second, "Make it fast.", Fail("The model refused."))
        home.advance(90_000)
        home.turn(second, "Try again.", Say("Done."))
        third = home.thread("Goes on", provider="codex")
        home.send(third, "Look for it.", Hang())
        home.wait_running(third)
        home.advance(1800)
        (folder / "now").write_text(iso(home.now))
    return folder


@pytest.fixture(scope="session")
def healed_lens(healed: Path) -> Iterator[Lens]:
    with open_lens(healed, server="alive", as_of=(healed / "now").read_text()) as opened:
        yield opened
