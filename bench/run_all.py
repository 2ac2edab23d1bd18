"""No figure stays without its marks: ``python -m bench.run_all [--times N] [--rates 1 3 6] [--others N]``.

Runs all cells of the three notebooks in turn, in a real JupyterLab in a real Chromium whose processor is throttled, and
counts what has no marks when all is over. Notebook 7, Voila and a reloaded page follow. Each run begins with a browser, a
page and a kernel of its own, which makes the simulated home that it looks at. Prints a table, keeps a picture of each run,
and ends with 1 if anything stayed blank. Seconds depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Error, sync_playwright

from tests.notebooks.figures import SHOWN, Shown, await_drawn, await_run, look, reload_until_drawn, show_blank
from tests.notebooks.lab import Lab
from tests.notebooks.page import chromium, run_all, save, throttle

__all__ = ["main"]

_ROOT: Final = Path(__file__).resolve().parents[1]
_SIZE: Final = {"width": 1500, "height": 1000}
_LAB: Final = "jupyterlab"
_NOTEBOOK_7: Final = "notebook 7"
_VOILA: Final = "voila"
_RELOADED: Final = "reloaded"
_APPS: Final = {
    _LAB: "lab",
    _RELOADED: "lab",
    _NOTEBOOK_7: "notebooks",
    _VOILA: "voila/render",
}


@dataclass(frozen=True, slots=True)
class Run:
    """One run: where, what, how much slower the processor; seconds from the wish to run all (Voila, reloaded: to open)."""

    where: str
    notebook: str
    rate: int
    shown: Shown
    over_s: float
    drawn_s: float
    failed: str = ""

    @property
    def good(self) -> bool:
        """Whether everything is there with its marks, and nothing failed."""
        return not (self.failed or self.shown.blank or self.shown.said or self.shown.errors)


def _run(lab: Lab, playwright: Any, where: str, source: Path, rate: int, number: int, pictures: Path) -> Run:
    name = f"{source.stem}-{number}.ipynb"
    shutil.copy(source, lab.folder / name)
    url = lab.url(name, _APPS[where])
    over = drawn = 0.0
    failed = ""
    with chromium(playwright, viewport=_SIZE) as page:
        throttle(page, rate)
        began = time.monotonic()
        try:
            if where == _VOILA:
                page.goto(url)
            else:
                lab.start_kernel(name)
                began = run_all(page, url)
                await_run(page)
                over = time.monotonic() - began
            await_drawn(page, SHOWN[source.name])
            if where == _RELOADED:
                save(page, lab.folder / name)
                began = time.monotonic()
                reload_until_drawn(page, SHOWN[source.name])
            drawn = time.monotonic() - began
        except (Error, AssertionError) as problem:
            failed = str(problem).splitlines()[0]
        shown = look(page)
        show_blank(page)
        page.screenshot(path=str(pictures / f"{number:02d}-{where.replace(' ', '')}-{source.stem}-{rate}.png"))
    lab.end_kernels()
    return Run(where, source.stem, rate, shown, over, drawn, failed)


def _row(number: int, run: Run) -> str:
    figures = run.shown.figures + run.shown.explorers
    what = f"{run.failed} {run.shown.said}" + (f" {run.shown.errors} cells failed" if run.shown.errors else "")
    return (
        f"| {number} | {run.where} | {run.notebook} | {run.rate} | {figures} | {run.shown.blank} "
        f"| {run.over_s:.1f} | {run.drawn_s:.1f} | {os.getloadavg()[0]:.1f} | {what.strip()} |"
    )


def main() -> None:
    """Run, count, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=30, help="how often in JupyterLab, the notebooks in turn")
    parser.add_argument("--others", type=int, default=3, help="how often each in Notebook 7, in Voila and reloaded")
    parser.add_argument("--rates", type=int, nargs="+", default=[1, 3, 6], help="how many times slower the processor is")
    parser.add_argument("--notebooks", type=Path, default=_ROOT / "notebooks", help="where they are; of another build, say")
    parser.add_argument("--python", default=sys.executable, help="whose t3lens runs them")
    parser.add_argument("--pictures", type=Path, default=_ROOT / "artefacts" / "run_all")
    given = parser.parse_args()
    given.pictures.mkdir(parents=True, exist_ok=True)
    wanted = [_LAB] * given.times + [where for where in (_NOTEBOOK_7, _VOILA, _RELOADED) for _ in range(given.others)]
    runs: list[Run] = []
    print("| run | where | notebook | throttle | figures | blank | run over, s | last mark, s | load | what else |")
    print("|---:|---|---|---:|---:|---:|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory(prefix="t3lens-bench-") as name, sync_playwright() as playwright:
        folder, scratch = Path(name) / "notebooks", Path(name) / "scratch"
        folder.mkdir()
        scratch.mkdir()
        environment = {"T3LENS_ACTIONS": "1", "T3LENS_JOURNAL": str(scratch / "journal.ndjson")}
        with Lab(folder, scratch, environment, given.python) as lab:
            for number, where in enumerate(wanted):
                turn = number - (given.times if number >= given.times else 0)
                source = given.notebooks / list(SHOWN)[turn % len(SHOWN)]
                rate = given.rates[turn // len(SHOWN) % len(given.rates)]
                runs.append(_run(lab, playwright, where, source, rate, number + 1, given.pictures))
                print(_row(number + 1, runs[-1]), flush=True)
    _summary(runs)
    sys.exit(0 if all(run.good for run in runs) else 1)


def _summary(runs: list[Run]) -> None:
    print("\n| where | notebook | throttle | runs | figures | blank | run over, median s | last mark, median s |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    for key in sorted({(run.where, run.notebook, run.rate) for run in runs}):
        same = [run for run in runs if (run.where, run.notebook, run.rate) == key]
        over, drawn = (statistics.median(times) for times in zip(*((run.over_s, run.drawn_s) for run in same), strict=True))
        figures = sum(run.shown.figures + run.shown.explorers for run in same)
        print(
            f"| {key[0]} | {key[1]} | {key[2]} | {len(same)} | {figures} | {sum(run.shown.blank for run in same)} "
            f"| {over:.1f} | {drawn:.1f} |"
        )
    good = sum(run.good for run in runs)
    print(f"\n{good} of {len(runs)} runs ended with everything there, marks and all.")


if __name__ == "__main__":
    main()
