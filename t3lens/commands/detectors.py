"""``t3lens detectors``: what is looked for, with which thresholds, and what could not be checked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import click

from t3lens.commands.common import ChosenHomes, over_homes, print_rows, rows_format, say_notices

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import RenderableType

__all__ = ["command"]

_SCREENFUL: Final = "--format csv and json tell every code of every home; --list what each one looks for."


@click.command(name="detectors")
@over_homes
@rows_format
@click.option("--list", "only_list", is_flag=True, help="Without any home: codes, conditions, inputs.")
def command(chosen: ChosenHomes, shape: str, only_list: bool) -> None:
    """Say what could not be checked in these homes and why, what was found, and what was not.

    With --list, all codes with their conditions and inputs, without any home.
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
        if shape != "table":
            print_rows(frame, shape, notices=lens.notices)
            return
        from t3lens.view.terminal import terminal

        say_notices(lens.notices, err=False)
        terminal().print(_screenful(frame))


_MEANS: Final = {"V1": ", T3 Code's first data model", "V2": ", T3 Code's second data model"}
"""What stands behind the short name of a data model, for who reads it the first time."""


def _screenful(frame: pd.DataFrame) -> RenderableType:
    """What could not be checked, then what was found, then the codes that found nothing; a line or two each."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    from t3lens.domain.finding import Severity
    from t3lens.view.page.escape import plain
    from t3lens.view.terminal import signed

    homes = frame["home_id"].nunique()
    looked = frame[frame["checked"]]
    lines: list[RenderableType] = []
    for why, missed in frame[~frame["checked"]].groupby("why_not"):
        there = missed["home_id"].nunique()
        where = f" in {there:,} of {homes:,} homes" if homes > 1 else ""
        said = plain(why).removeprefix("not checked: ")
        lines.append(Text(f"not checked{where}: {said}{_MEANS.get(said.rpartition(' ')[2], '')}", style="bold"))
        lines.append(Padding(Text(", ".join(sorted(set(missed["code"])))), (0, 0, 0, 2), expand=False))
    counts: Counter[tuple[str, str]] = Counter()
    for code, severity, number in zip(looked["code"], looked["severity"], looked["found"], strict=True):
        counts[code, severity] += number
    told = [one for one, number in counts.items() if number]
    if told:
        lines.append(Text("found", style="bold"))
    for code, severity in sorted(told, key=lambda one: (Severity(one[1]).rank, one[0])):
        line = Text(f"  {counts[code, severity]:>7,}  ").append_text(signed("severity", severity))
        lines.append(line.append(f"  {code}"))
    nothing = len(counts) - len(told)
    if nothing:
        lines.append(Text(f"checked, and nothing found: {nothing} codes", style="bold"))
    return Group(*lines, Text(_SCREENFUL, style="dim"))
