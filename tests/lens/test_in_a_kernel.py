"""What a kernel shows may be saved: tables of a lens mask themselves there, and nothing else in the kernel changes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import IPython
import pandas as pd
import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

import t3lens
from t3lens.view.notebook.masked_frame import MaskedColumn, MaskedFrame
from t3lens.view.page.escape import already_masked, plain

SAMPLE = Path(__file__).resolve().parents[2] / "sample_logs" / "orphaned-by-restart"
TOKEN = "ghp_" + "Ab3" * 12
SAID = "spoken01word"


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A shell of IPython as a notebook's kernel has it."""
    quiet = Config({"HistoryManager": {"enabled": False}})
    shell = InteractiveShell(config=quiet, user_module=ModuleType("notebook"))
    monkeypatch.setattr(shell, "kernel", object(), raising=False)
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    return shell


@pytest.fixture
def wide() -> Iterator[None]:
    with pd.option_context("display.max_colwidth", None, "display.max_rows", 500, "display.max_columns", None):
        yield


def shown(shell: Any, what: object) -> str:
    """All forms in which a cell shows something."""
    forms, _ = shell.display_formatter.format(what)
    return "\n".join(str(form) for form in forms.values())


def table() -> MaskedFrame:
    return MaskedFrame(
        {
            "n": [1, 2, 3],
            "error": [f"failed with {TOKEN}", "none", f"again {TOKEN}"],
            "delta": [SAID, SAID, ""],
            "payload": [f'{{"delta": "{SAID}", "note": "{TOKEN}"}}', "{}", "[]"],
            "evidence": [[{"excerpt": TOKEN}], [], [{"excerpt": ""}]],
        }
    )


def state(shell: Any) -> dict[str, Any]:
    """What a library could change in a kernel."""
    formatters = {
        kind: (dict(one.type_printers), dict(one.deferred_printers), dict(one.singleton_printers))
        for kind, one in shell.display_formatter.formatters.items()
    }
    return {
        "formatters": formatters,
        "mimebundle": dict(shell.display_formatter.mimebundle_formatter.type_printers),
        "events": {name: list(calls) for name, calls in shell.events.callbacks.items()},
        "names": set(shell.user_ns),
        "magics": set(shell.magics_manager.lsmagic()["cell"]),
        "hooks": (sys.displayhook, sys.excepthook, shell.custom_exceptions),
        "pandas": pd.DataFrame._repr_html_,
    }


def test_opening_and_showing_a_lens_changes_nothing_in_the_kernel(kernel: Any) -> None:
    before = state(kernel)
    with t3lens.open(SAMPLE, server="dead") as lens:
        assert state(kernel) == before
        shown(kernel, lens)
        shown(kernel, lens.findings())
        shown(kernel, lens.thread(lens.diagnosis.threads[0].thread_id))
    assert state(kernel) == before


def test_a_table_of_ones_own_is_shown_as_pandas_shows_it(kernel: Any, wide: None) -> None:
    own = pd.DataFrame({"error": [TOKEN], "delta": [SAID]})
    with t3lens.open(SAMPLE, server="dead") as lens:
        shown(kernel, lens.findings())
        assert TOKEN in shown(kernel, own) and SAID in shown(kernel, own)


def test_every_table_of_a_lens_masks_itself() -> None:
    with t3lens.open(SAMPLE, server="dead") as lens:
        thread = lens.thread(lens.diagnosis.threads[0].thread_id)
        explorer = lens.explore()
        tables = [
            lens.threads(), lens.sessions(), lens.sessions(lens.as_of), lens.turns(), lens.events(), lens.findings(),
            lens.detectors(), lens.trends(), lens.actions(), lens.sql("from log_events"), thread.transitions(),
            thread.events(), thread.turns(), explorer.selection(),
        ]  # fmt: skip
        explorer.close()
    assert {type(one) for one in tables} == {MaskedFrame}


MADE: dict[str, Callable[[MaskedFrame], object]] = {
    "itself": lambda f: f,
    "some columns": lambda f: f[["error", "delta", "payload"]],
    "some rows": lambda f: f[f.n > 1].head(1),
    "one column": lambda f: f["error"],
    "a column of records": lambda f: f["payload"],
    "a column of what was said": lambda f: f["delta"],
    "a column of lists": lambda f: f["evidence"].explode(),
    "one row": lambda f: f.iloc[0],
    "sorted": lambda f: f.sort_values("n", ascending=False),
    "joined": lambda f: f.merge(pd.DataFrame({"n": [1, 2]}), on="n"),
    "one below the other": lambda f: pd.concat([f, f]),
    "very many": lambda f: pd.concat([f] * 300),
    "very many of one column": lambda f: pd.concat([f] * 300)["error"],
    "labelled by it": lambda f: f.set_index("error"),
    "labelled by two": lambda f: f.set_index(["error", "n"]),
    "counted": lambda f: f["error"].value_counts(),
    "rows counted": lambda f: f[["error", "delta"]].value_counts(),
    "described": lambda f: f.drop(columns="evidence").describe(include="all"),
    "a column described": lambda f: f["error"].describe(),
    "grouped": lambda f: f.groupby("error").size(),
    "grouped and labelled anew": lambda f: f.groupby(["error", "delta"]).size().reset_index(),
    "pivoted": lambda f: f.pivot_table(index="error", values="n"),
    "turned": lambda f: f.set_index("error").T,
    "by category": lambda f: f.astype({"error": "category"}),
    "a column by category": lambda f: f["error"].astype("category"),
    "with a column more": lambda f: f.assign(more=f.error + "!"),
    "a column as a table": lambda f: f["error"].to_frame(),
    "row by row": lambda f: f.apply(lambda row: row, axis=1),
    "styled": lambda f: f.drop(columns="evidence").style.highlight_max(subset="n"),
}


@pytest.mark.parametrize("way", MADE)
def test_what_is_made_of_a_table_is_masked_as_well(kernel: Any, wide: None, way: str) -> None:
    text = shown(kernel, MADE[way](table()))
    assert TOKEN not in text
    assert SAID not in text
    assert "‹" in text


BUILT: dict[str, Callable[[MaskedFrame], object]] = {
    "after another": lambda f: pd.concat([pd.DataFrame({"error": ["-"]}), f]),
    "crossed": lambda f: pd.crosstab(f.error, f.n),
    "built anew": lambda f: pd.json_normalize(f["evidence"].explode().dropna().tolist()),
    "a series": lambda f: pd.Series(f["error"].tolist()),
}


@pytest.mark.parametrize("way", BUILT)
def test_loading_the_extension_masks_every_table(kernel: Any, wide: None, way: str) -> None:
    made = BUILT[way](table())
    assert TOKEN in shown(kernel, made)
    t3lens.load_ipython_extension(kernel)
    assert TOKEN not in shown(kernel, made)


def test_a_long_table_tells_its_length(kernel: Any) -> None:
    many = pd.concat([table()] * 300)
    assert "900 rows ×" in shown(kernel, many)
    assert "Length: 900" in shown(kernel, many["error"])
    assert isinstance(many["error"], MaskedColumn)


def test_values_are_what_they_were(kernel: Any) -> None:
    assert table()["error"][0] == f"failed with {TOKEN}"
    assert TOKEN in table().to_csv()


@pytest.mark.parametrize("what", ["error", "payload", "delta"])
def test_outside_a_kernel_nothing_is_masked(wide: None, what: str) -> None:
    frame = table()
    assert repr(frame[[what]]) == repr(pd.DataFrame(frame[[what]]))
    assert repr(frame[what]) == repr(pd.Series(frame[what]))
    assert frame[[what]]._repr_html_() == pd.DataFrame(frame[[what]])._repr_html_()  # type: ignore[operator]


def test_texts_are_masked_in_a_kernel_unless_they_are_already(kernel: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert TOKEN not in plain(f"it failed with {TOKEN}")
    with already_masked():
        assert TOKEN in plain(TOKEN)
    monkeypatch.undo()
    assert TOKEN in plain(TOKEN)


def test_the_variable_shows_what_was_said_and_no_secret(kernel: Any, wide: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from t3lens.view.notebook import masking

    monkeypatch.setenv(masking.CONTENT_VARIABLE, "1")
    masking._redactor.cache_clear()
    try:
        text = shown(kernel, table())
    finally:
        monkeypatch.delenv(masking.CONTENT_VARIABLE)
        masking._redactor.cache_clear()
    assert SAID in text and TOKEN not in text
