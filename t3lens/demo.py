"""A place to try things in: a simulated home with trouble in it, served by a simulated server."""

from __future__ import annotations

import atexit
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from t3lens.errors import InputError
from t3lens.scratch import new_folder

__all__ = [
    "HOME_VARIABLE",
    "NOTEBOOKS",
    "Playground",
    "SecondServed",
    "ServedHome",
    "copy_notebooks",
    "many_homes",
    "playground",
]

HOME_VARIABLE: Final = "T3LENS_DEMO_HOME"
"""Names the home of a demo that runs already; ``t3lens demo`` sets it for the notebooks it opens."""

_TOKEN: Final = "T3LENS_TOKEN"
_TROUBLES: Final = (
    "orphaned-turn", "retry-loop", "silent-turn", "terminal-turn-live-session", "approval-left-open",
    "false-completed", "clean-shutdown-in-turn",
)  # fmt: skip
NOTEBOOKS: Final = ("01_investigate.ipynb", "02_postmortem.ipynb", "03_batch_audit.ipynb")
"""The notebooks that come with t3lens, in the order to read them."""


@dataclass(frozen=True, slots=True)
class Playground:
    """Where to play.

    Attributes:
        home: The simulated home; ``t3lens.open`` reads it as any other.
    """

    home: Path

    def __repr__(self) -> str:
        return f"a simulated T3 home at {self.home}, served by a simulated server"


class ServedHome:
    """A demo home and its simulated server, for as long as a ``with`` block (or the process) lasts.

    Attributes:
        home: The home.
        server: The server; it ends as by ``kill -9``, so that nothing in the home changes at the end.
    """

    def __init__(self, home: Path, *, build: str = "0.0.28") -> None:
        from t3lens.sim import SimServer
        from t3lens.sim.demo import demo_home
        from t3lens.sim.standins import StandIns

        self.home = home
        demo_home(home, build=build)
        self.server = SimServer(home, adopt=True)
        self._stand_ins = StandIns()

    def __enter__(self) -> Self:
        self.server.start()
        self._stand_ins.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._stand_ins.__exit__(None, None, None)
        self.server.kill()


class SecondServed:
    """A demo home of the second data model and its simulated server, for as long as a ``with`` block lasts.

    Attributes:
        home: The home.
        server: The server; it ends as by ``kill -9``, so that nothing in the home changes at the end.
    """

    def __init__(self, home: Path) -> None:
        from t3lens.sim import SecondServer
        from t3lens.sim.demo import second_demo_home
        from t3lens.sim.standins import StandIns

        self.home = home
        second_demo_home(home)
        self.server = SecondServer(home, adopt=True)
        self._stand_ins = StandIns()

    def __enter__(self) -> Self:
        self.server.start()
        self._stand_ins.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._stand_ins.__exit__(None, None, None)
        self.server.kill()


_ours: list[ServedHome] = []


def playground() -> Playground:
    """The demo's home: the one ``t3lens demo`` serves, else one made now in a temporary folder.

    The latter is served from this process and goes when the process ends. The token of the simulated server is put
    into ``T3LENS_TOKEN`` of this process unless one stands there.
    """
    running = os.environ.get(HOME_VARIABLE)
    if running:
        return Playground(Path(running))
    if not _ours:
        folder = new_folder()
        served = ServedHome(folder / "home").__enter__()
        atexit.register(served.__exit__)
        os.environ.setdefault(_TOKEN, served.server.token)
        _ours.append(served)
    return Playground(_ours[0].home)


def many_homes(folder: Path | None = None) -> Path:
    """A folder of simulated homes of several builds and providers, most of them healthy.

    Args:
        folder: Where to make them; a temporary folder that goes with this process if not said.
    """
    from t3lens.sim.fleet import fleet
    from t3lens.sim.scenarios import STORIES

    if folder is None:
        folder = new_folder()
    for build in ("0.0.23", "0.0.28", "0.0.33"):
        fleet(folder / f"fleet-{build}", 24, build=build)
    for name in _TROUBLES:
        story = STORIES[name]
        for build in story.builds:
            for provider in story.providers[:2]:
                story.tell(folder / f"{name}-{build}-{provider}", build=build, provider=provider)
    return folder


def copy_notebooks(folder: Path) -> list[Path]:
    """Copy the notebooks that come with t3lens into ``folder``; those already there are left as they are.

    Raises:
        InputError: This installation came without them.
    """
    package = Path(__file__).parent
    source = next(
        (place for place in (package / "notebooks", package.parent / "notebooks") if place.is_dir()),
        None,
    )
    if source is None:
        raise InputError("the notebooks are missing from this installation; install t3lens again")
    folder.mkdir(parents=True, exist_ok=True)
    copies = []
    for name in NOTEBOOKS:
        target = folder / name
        if not target.exists():
            shutil.copyfile(source / name, target)
        copies.append(target)
    return copies
