"""``t3lens detectors``: what is looked for, with which thresholds, and what could not be checked."""

from __future__ import annotations

from typing import Final

import click

from t3lens.commands.common import Chosen, over_homes, print_rows, rows_format

__all__ = ["command"]

_COLUMNS: Final = (
    "code",
    "severity",
    "checked",
    "found",
    "inputs",
    "thresholds",
    "condition",
    "why_not",
)
_TABLE: Final = ("code", "severity", "checked", "found", "thresholds", "why_not")


@click.command(name="detectors")
@over_homes
@rows_format
@click.option("--list", "only_list", is_flag=True, help="Without any home: codes, conditions, inputs.")
def command(chosen: Chosen, shape: str, only_list: bool) -> None:
    """List what is looked for, and what was and was not checked in these homes.

    Without a PATH, and with --list, only the codes with their conditions and inputs.
    """
    if only_list:
        import pandas as pd

        from t3lens.diagnose import register_all

        rows = [
            {
                "code": found.code,
                "severity": found.severity.value,
                "inputs": ", ".join(given.label for given in found.inputs),
                "thresholds": ", ".join(found.thresholds),
                "condition": found.condition,
            }
            for found in register_all().values()
        ]
        print_rows(pd.DataFrame(rows), shape)
        return
    with chosen.open() as lens:
        frame = lens.detectors()
        columns = _TABLE if frame["home_id"].nunique() <= 1 else ("home_id", *_TABLE)
        print_rows(frame, shape, columns=columns, notices=lens.notices)
