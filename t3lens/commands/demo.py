"""``t3lens demo``: from nothing to a stuck thread's cause."""

from __future__ import annotations

import getpass
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import click

from t3lens.errors import UsageError
from t3lens.interrupts import Halted

if TYPE_CHECKING:
    from t3lens.demo import ServedHome
    from t3lens.lens.lens import Lens

__all__ = ["command"]

_MARK: Final = "expected.json"
_COLUMNS: Final = ("severity", "code", "title", "since")


@click.command(name="demo")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Where the home, the documents and the notebooks go.",
)
@click.option("--no-browser", is_flag=True, help="Write the documents and end; open nothing.")
@click.option(
    "--ip",
    metavar="ADDRESS",
    help="Where JupyterLab listens: this machine alone, but in a container everywhere (it asks for its token).",
)
@click.option(
    "--port", type=click.IntRange(1, 65535), default=8888, show_default=True, help="Its port, or the next free one."
)
@click.option("--build", default="0.0.28", show_default=True, help="The simulated server's version.")
def command(folder: Path, no_browser: bool, ip: str | None, port: int, build: str) -> None:
    """Make a simulated home with trouble in it, say what is wrong, and open the notebooks on it.

    With --no-browser it writes a timeline and a report and ends. Otherwise JupyterLab opens, with a simulated
    server running, until you interrupt it; its address is printed, so that a browser elsewhere can open it too.
    """
    from t3lens.demo import SecondServed, ServedHome
    from t3lens.lens.lens import open_lens

    home, second = _fresh(folder, "home"), _fresh(folder, "home-v2")
    click.echo("Making a simulated home: four projects, a restart, an afternoon of work …")
    with ServedHome(home, build=build) as served:
        with open_lens(home) as lens:
            _show(lens, folder)
        click.echo("\nAnd one of T3 Code's second data model, as nightlies of 0.0.46 write it …")
        with SecondServed(second), open_lens(second) as lens:
            _list(lens)
        if not no_browser:
            from t3lens.commands.demo_lab import in_container

            everywhere = "0.0.0.0"
            _open_notebooks(folder, served, ip or (everywhere if in_container() else "127.0.0.1"), port)
    if no_browser:
        click.echo(f"\nThe simulated servers have ended. Look again: t3lens audit {home} {second}")


def _fresh(folder: Path, name: str) -> Path:
    """The folder of a home, empty; only a home that a demo made is removed."""
    home = folder / name
    if home.exists():
        if not (home / _MARK).exists():
            raise UsageError(f"{home} exists and no demo made it; name another --folder", code="folder-taken")
        shutil.rmtree(home)
    return home


def _list(lens: Lens) -> None:
    """How many threads there are, and every finding."""
    from t3lens.view.terminal import FrameTable, terminal

    click.echo(f"\n{lens!r}\n")
    findings = lens.findings().merge(lens.threads()[["home_id", "thread_id", "title"]], how="left")
    terminal().print(FrameTable(findings[list(_COLUMNS)]))


def _show(lens: Lens, folder: Path) -> None:
    from t3lens.commands.files import write_timeline
    from t3lens.view.advice import following
    from t3lens.view.page.standalone import timeline_html

    _list(lens)
    worst = lens.thread(lens.diagnosis.threads[0].thread_id)
    story = worst.explain()
    click.echo(f"\n{story.text(following(story.explanation, worst.diagnosis.case.context.home.path))}\n")
    fleet = timeline_html(lens.scene(), folder / "fleet.html", "All threads")
    timeline = write_timeline(worst, folder / "timeline.html")
    report = worst.report(folder / "report.html")
    click.echo(f"all threads   {fleet}")
    click.echo(f"one timeline  {timeline}")
    click.echo(f"its report    {report}")


def _open_notebooks(folder: Path, served: ServedHome, ip: str, port: int) -> None:
    from t3lens.commands.demo_lab import DemoLab, far_away
    from t3lens.demo import HOME_VARIABLE, copy_notebooks

    first = copy_notebooks(folder / "notebooks")[0]
    environment = os.environ | {
        HOME_VARIABLE: str(served.home.resolve()),
        "T3LENS_TOKEN": served.server.token,
    }
    try:
        with DemoLab(first, folder, environment, ip=ip, port=port, browser=not far_away()) as lab:
            click.echo(f"\nOpening {first} in JupyterLab …")
            addresses = lab.addresses()
            click.echo("\n".join(f"  {address}" for address in addresses))
            over = os.environ.get("SSH_CONNECTION", "").split()
            if len(over) == 4:
                at = urlsplit(addresses[0])
                click.echo(f"From your own machine, first: ssh -N -L {at.port}:{at.netloc} {getpass.getuser()}@{over[2]}")
            click.echo(f"What it says goes to {lab.log}. Ctrl-C here ends it and the simulated server.")
            lab.wait()
    except KeyboardInterrupt:
        raise Halted("JupyterLab and the simulated servers have ended") from None
