"""What a notebook's page shows when all is well: so many figures, each with its marks, and explorers with their lanes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

__all__ = ["BARS", "SHOWN", "Shown", "await_drawn", "await_run", "look", "reload_until_drawn", "show_blank"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page shows, or should.

    Attributes:
        figures: How many plotly figures; a fleet's picture is one of them.
        explorers: How many explorers.
        blank: How many of them have no marks.
        said: What widgets say of themselves that is wrong: that nobody answers, for one.
        errors: How many cells ended with an error.
    """

    figures: int
    explorers: int
    blank: int = 0
    said: str = ""
    errors: int = 0


SHOWN: Final = {
    "01_investigate.ipynb": Shown(2, 1),
    "02_postmortem.ipynb": Shown(1, 0),
    "03_batch_audit.ipynb": Shown(3, 0),
}
"""What a shipped notebook shows."""

BARS: Final = '.barlayer .point path:not([style*="opacity: 0;"])'
"""The bars of a figure that are seen: its words stand in bars that are not."""

_FAILED = "document.querySelectorAll('.jp-OutputArea-output[data-mime-type=\"application/vnd.jupyter.error\"]').length"
_RUN = f"""() => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]
  .every((prompt) => !/\\*/.test(prompt.textContent))
  && ({_FAILED} || /\\d/.test([...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].at(-1)?.textContent))"""

# Of a plain figure that was saved plotly's renderer shows the picture it took of it (see findings/).
_LOOK = f"""() => {{
  const all = (wanted) => [...document.querySelectorAll(wanted)];
  const figures = all('.js-plotly-plot, .jp-RenderedPlotly:not(.js-plotly-plot, :has(.js-plotly-plot)) > img');
  const explorers = all('.t3-explorer');
  const blank = [...figures.filter((one) => !one.naturalWidth && !one.querySelector('.point')),
    ...explorers.filter((one) => !one.querySelector('.t3-lane-name') || !one.querySelector('.t3-mark'))];
  return {{ blank, shown: {{
    figures: figures.length, explorers: explorers.length, blank: blank.length,
    said: all('.t3-problem').filter((one) => one.checkVisibility()).map((one) => one.textContent).join(' | '),
    errors: {_FAILED},
  }} }};
}}"""

_RELOADS: Final = 5
_LOST = """[...document.querySelectorAll('.jp-OutputArea-output')]
  .some((one) => /^Error displaying widget: model not found/.test(one.textContent))"""

# A front end may keep only those cells in the page that are in view.
_DRAWN = f"""([figures, explorers]) => {{
  const {{ shown }} = ({_LOOK})();
  if (shown.figures >= figures && shown.explorers >= explorers && !shown.blank && !shown.said) return true;
  const pane = document.querySelector('.jp-WindowedPanel-outer') || document.scrollingElement;
  const end = pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 2;
  pane.scrollTop = end ? 0 : pane.scrollTop + 400;
  return false;
}}"""


def await_run(page: Any) -> None:
    """Wait until all cells of a notebook were run, or one has failed."""
    page.wait_for_function(_RUN)


def await_drawn(page: Any, wanted: Shown) -> None:
    """Wait until a page shows all that is wanted with its marks, scrolling through it meanwhile."""
    page.wait_for_function(_DRAWN, arg=[wanted.figures, wanted.explorers], polling=500)


def reload_until_drawn(page: Any, wanted: Shown) -> None:
    """Load a page again, and wait until it shows all that is wanted with its marks.

    JupyterLab's widget manager looks for two seconds, ten times a second, whether a model has come from the kernel, and
    not once more at the end. Of a model that comes in the last tenth it says that it is not found, for good, though it
    has it: on a busy machine that happens, and another reload helps. A widget that the kernel has closed stays lost.
    """
    for _ in range(_RELOADS):
        page.reload()
        seen = page.wait_for_function(
            f"(wanted) => ({_DRAWN})(wanted) || ({_LOST} && 'lost')", arg=[wanted.figures, wanted.explorers], polling=500
        )
        if seen.json_value() is True:
            return
    raise AssertionError(f"a widget was not found after {_RELOADS} reloads")


def look(page: Any) -> Shown:
    """What the page shows now."""
    return Shown(**page.evaluate(f"({_LOOK})().shown"))


def show_blank(page: Any) -> None:
    """Bring what has no marks into view, if there is any."""
    page.evaluate(f"({_LOOK})().blank[0]?.scrollIntoView({{ block: 'center' }})")
