"""How fast looking is: ``python -m bench.explore [--records N] [--threads N] [--watched N] [--seconds N]``.

Prints, and writes as JSON: the first figure of one big thread and its zooms (kernel time), the same in the explorer in
Chromium with software rendering, a fleet's first draw, and what following a home costs at rest. Wall seconds depend on
what else the machine does; processor seconds stand beside them.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["main"]

_ZOOMS = (2, 5, 20, 100, 1_000, 20_000)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@contextlib.contextmanager
def _timed(result: dict[str, Any], name: str) -> Iterator[None]:
    wall, cpu = time.perf_counter(), _cpu()
    yield
    result[name] = {
        "wall_s": round(time.perf_counter() - wall, 3),
        "cpu_s": round(_cpu() - cpu, 3),
    }
    print(
        f"{name:44} {result[name]['wall_s']:8.3f} s wall {result[name]['cpu_s']:8.3f} s cpu",
        flush=True,
    )


def _thread(work: Path, records: int, result: dict[str, Any]) -> None:
    from t3lens.lens.lens import open_lens
    from tests.view.big import big_log

    folder = work / "thread"
    folder.mkdir()
    big_log(folder, records)
    with _timed(result, f"ingest and diagnose {records:,} records"):
        lens = open_lens(folder, store=work / "thread.duckdb", server="dead", progress=False)
        found = lens.diagnosis.threads[0]
    with lens:
        thread = lens.thread_for(found)
        with _timed(result, "first figure, plotly's import included"):
            thread.timeline(static=True)._repr_mimebundle_()
        from t3lens.live.explorer_data import view_payload
        from t3lens.view.timeline.data import TimelineIndex

        with _timed(result, "thread copied for looking"):
            index = TimelineIndex(lens.store, found.home_id, found.thread_id, as_of=lens.as_of)
        low, high = index.whole
        spent = []
        for part in _ZOOMS:
            for place in (0.1, 0.4, 0.7):
                start = low + int((high - low) * place)
                began = time.perf_counter()
                view = index.view(start, start + (high - low) // part)
                view_payload(view, whole=False)
                spent.append(time.perf_counter() - began)
                assert view.mark_count < 3_500
        index.close()
        result["zoom, kernel, painted"] = {
            "median_s": round(statistics.median(spent), 3),
            "worst_s": round(max(spent), 3),
        }
        print(f"{'zoom, kernel, painted':44} {statistics.median(spent):8.3f} s median {max(spent):6.3f} s worst")
        _switch(lens, result)
        _browser(lens, work, result, "thread")


def _switch(lens: Any, result: dict[str, Any]) -> None:
    """What the kernel does when a thread is chosen: the first time, not looked at for long, and looked at just now."""
    from t3lens.live.explorer import Explorer

    explorer = Explorer(lens.session, actions=False)
    row = explorer.thread
    for name in ("for the first time", "again, let go of meanwhile", "again, still held"):
        if "let go" in name:
            for index in explorer._indexes.values():
                index.close()
            explorer._indexes.clear()
        with _timed(result, f"a thread chosen {name}"):
            explorer._on_message({"do": "thread", "home": row.home_id, "thread": row.thread_id})
    explorer.close()


def _fleet(work: Path, threads: int, result: dict[str, Any]) -> None:
    from t3lens.lens.lens import open_lens
    from t3lens.sim.fleet import fleet

    fleet(work / "fleet", threads)
    with _timed(result, f"ingest and diagnose {threads:,} threads"):
        lens = open_lens(work / "fleet", store=work / "fleet.duckdb", server="alive", progress=False)
        _ = lens.diagnosis
    with lens:
        with _timed(result, "fleet's figure"):
            lens.timeline()._repr_mimebundle_()
        _browser(lens, work, result, "fleet")


def _browser(lens: Any, work: Path, result: dict[str, Any], what: str) -> None:
    """The explorer in a real page: its first drawing, a zoom with what the kernel refines, the next thread."""
    from playwright.sync_api import sync_playwright

    from t3lens.live.explorer import Explorer
    from tests.view.harness import opened, show_widget

    with (
        sync_playwright() as running,
        opened(running, viewport={"width": 1400, "height": 800}) as page,
    ):
        with _timed(result, f"{what} in Chromium: first draw"):
            explorer = Explorer(lens.session)
            show_widget(page, explorer, work)
            page.wait_for_selector(".t3-timeline .t3-mark")
        times = []
        for _ in range(6):
            sent = page.evaluate("window.sent")
            began = time.perf_counter()
            page.get_by_role("button", name="Zoom in").click()
            page.wait_for_function(f"window.sent > {sent}")
            page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
            times.append(time.perf_counter() - began)
        name = f"{what} in Chromium: zoom, 70 ms of rest included"
        result[name] = {
            "median_s": round(statistics.median(times), 3),
            "worst_s": round(max(times), 3),
        }
        print(f"{name:44} {statistics.median(times):8.3f} s median {max(times):6.3f} s worst")
        if len(lens.diagnosis.threads) > 1:
            with _timed(result, f"{what} in Chromium: to the last thread and back"):
                page.locator(".t3-list").evaluate("(list) => { list.scrollTop = list.scrollHeight; }")
                page.wait_for_function(
                    "[...document.querySelectorAll('.t3-row')].some((row) => row.ariaPosInSet === row.ariaSetSize)"
                )
                page.locator(".t3-list").evaluate("(list) => { list.scrollTop = 0; }")
                page.wait_for_function("[...document.querySelectorAll('.t3-row')].some((row) => row.ariaPosInSet === '1')")
            result[f"{what} in Chromium: rows that exist"] = page.locator(".t3-row").count()
        explorer.close()


def _follow(work: Path, threads: int, seconds: float, result: dict[str, Any]) -> None:
    """What following a home costs while nothing happens, and how soon a new record is seen."""
    from t3lens.lens.lens import open_lens
    from t3lens.live.watch import Watch
    from t3lens.sim.fleet import fleet

    fleet(work / "watched", threads)
    with open_lens(work / "watched", server="alive", progress=False) as lens:
        _ = lens.diagnosis
        with Watch(lens.session) as watch:
            watch.wait(1, 20)  # it reads once at its start
            cpu = _cpu()
            time.sleep(seconds)
            share = (_cpu() - cpu) / seconds
            result[f"following {threads} threads at rest"] = {"share_of_a_core": round(share, 4)}
            print(f"{f'following {threads} threads at rest':44} {share:8.2%} of a core over {seconds:.0f} s")
            log = max((work / "watched").rglob("*.log"), key=lambda path: path.stat().st_size)
            line = log.read_text("utf-8").splitlines()[-1] + "\n"
            delays = []
            for _ in range(5):
                before = watch.changes
                began = time.perf_counter()
                with log.open("a", encoding="utf-8") as out:
                    out.write(line)
                watch.wait(before + 1, 60)
                delays.append(time.perf_counter() - began)
            result["a new record is seen"] = {
                "median_s": round(statistics.median(delays), 2),
                "worst_s": round(max(delays), 2),
            }
            print(f"{'a new record is seen':44} {statistics.median(delays):8.2f} s median {max(delays):6.2f} s worst")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000, help="of the big thread; 0 leaves it out")
    parser.add_argument("--threads", type=int, default=5_000, help="of the fleet; 0 leaves it out")
    parser.add_argument("--watched", type=int, default=300, help="threads to follow; 0 leaves it out")
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to follow at rest")
    parser.add_argument("--json", type=Path, default=Path("bench-results/explore.json"))
    given = parser.parse_args()
    result: dict[str, Any] = {"load": os.getloadavg()[0], "cores": os.cpu_count()}
    print(f"load {result['load']:.1f} on {result['cores']} cores")
    with tempfile.TemporaryDirectory(prefix="t3lens-bench-") as folder:
        work = Path(folder)
        if given.records:
            _thread(work, given.records, result)
        if given.watched:
            _follow(work, given.watched, given.seconds, result)
        if given.threads:
            _fleet(work, given.threads, result)
    given.json.parent.mkdir(parents=True, exist_ok=True)
    given.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
