"""``t3lens demo``: from nothing to a stuck thread's cause."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from t3lens.errors import UsageError

if TYPE_CHECKING:
    from t3lens.demo import Served
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
@click.option("--build", default="0.0.28", show_default=True, help="The simulated server's version.")
def command(folder: Path, no_browser: bool, build: str) -> None:
    """Make a simulated home with trouble in it, say what is wrong, and open the notebooks on it.

    With --no-browser it writes a timeline and a report and ends. Otherwise JupyterLab opens, with a simulated
    server running, until you interrupt it.
    """
    from t3lens.demo import SecondServed, Served
    from t3lens.lens.lens import open_lens

    home, second = _fresh(folder, "home"), _fresh(folder, "home-v2")
    click.echo("Making a simulated home: four projects, a restart, an afternoon of work …")
    with Served(home, build=build) as served:
        with open_lens(home) as lens:
            _show(lens, folder)
        click.echo("\nAnd one of T3 Code's second data model, as nightlies of 0.0.46 write it …")
        with SecondServed(second), open_lens(second) as lens:
            _list(lens)
        if not no_browser:
            _open_notebooks(folder, served)
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
    from t3lens.view.page.standalone import timeline_html

    _list(lens)
    worst = lens.thread(lens.diagnosis.threads[0].thread_id)
    click.echo(f"\n{worst.explain()!r}\n")
    fleet = timeline_html(lens.scene(), folder / "fleet.html", "All threads")
    timeline = write_timeline(worst, folder / "timeline.html")
    report = worst.report(folder / "report.html")
    click.echo(f"all threads   {fleet}")
    click.echo(f"one timeline  {timeline}")
    click.echo(f"its report    {report}")


def _open_notebooks(folder: Path, served: Served) -> None:
    from t3lens.demo import HOME_VARIABLE, copy_notebooks

    first = copy_notebooks(folder / "notebooks")[0]
    environment = os.environ | {
        HOME_VARIABLE: str(served.home.resolve()),
        "T3LENS_TOKEN": served.server.token,
    }
    words = [
        sys.executable, "-m", "jupyter", "lab", str(first.resolve()),
        f"--ServerApp.root_dir={folder.resolve()}", f"--IdentityProvider.token={secrets.token_hex(16)}",
        "--LabApp.extension_manager=readonly",
    ]  # fmt: skip
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        # else JupyterLab refuses, and in a container there is nobody else to be
        words.append("--allow-root")
    click.echo(f"\nOpening {first} in JupyterLab; Ctrl-C here ends it and the simulated server.")
    lab = subprocess.Popen(words, env=environment)
    try:
        lab.wait()
    except KeyboardInterrupt:
        lab.terminate()  # at the first Ctrl-C alone JupyterLab asks back
        lab.wait()
