"""Running a cell again leaves nothing behind in the kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from ipywidgets.widgets import widget as registry

from t3lens.lens.lens import Lens
from t3lens.live.explorer import Explorer
from t3lens.view.notebook import lifetime as _lifetime


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], Any]], Any]:
    """Runs something as a cell, each time as a new run."""
    runs = iter(range(10_000))

    def run_cell(cell: str, make: Callable[[], Any]) -> Any:
        number = next(runs)
        monkeypatch.setattr(_lifetime, "current_cell", lambda: (cell, f"run {number}"))
        made = make()
        made._repr_mimebundle_()
        return made

    return run_cell


def _makers(lens: Lens) -> dict[str, Callable[[], Any]]:
    thread = lens.thread_for(lens.diagnosis.threads[0])
    return {"explorer": lambda: Explorer(lens.session), "timeline": lambda: thread.timeline()}


@pytest.mark.parametrize(("kind", "times"), [("explorer", 12), ("timeline", 10)])
def test_after_many_runs_of_a_cell_the_kernel_holds_as_many_widgets_as_after_one(
    lens: Lens, kind: str, times: int, run: Callable[[str, Callable[[], Any]], Any]
) -> None:
    make = _makers(lens)[kind]
    kept = [run(f"cell-{kind}", make)]
    before = len(registry._instances)
    for _ in range(times):
        kept.append(run(f"cell-{kind}", make))  # as IPython's Out does
    assert len(registry._instances) == before
    kept[-1].close()


def test_a_widget_that_another_cell_shows_stays_when_its_own_cell_runs_again(
    lens: Lens, run: Callable[[str, Callable[[], Any]], Any]
) -> None:
    make = _makers(lens)["explorer"]
    first = run("one", make)
    run("two", lambda: first)
    second = run("one", make)
    assert first.comm is not None
    third = run("two", make)
    assert first.comm is None
    second.close()
    third.close()
