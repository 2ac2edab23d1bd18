"""``t3lens explain``: what a finding code means."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from t3lens.errors import UsageError

if TYPE_CHECKING:
    from t3lens.diagnose import Detector

__all__ = ["command", "detector"]

_WIDEST = 96
"""Longer lines are hard to read."""


@click.command(name="explain")
@click.argument("code")
def command(code: str) -> None:
    """Explain a finding code: when it applies, why, and what helps."""
    import textwrap

    from t3lens.diagnose.detector import of_model
    from t3lens.diagnose.facts import ModelInUse
    from t3lens.diagnose.story import what_helps
    from t3lens.view.advice import command_line
    from t3lens.view.terminal import terminal

    width = min(terminal().width, _WIDEST)
    found = detector(code)
    makes = f" It makes a thread {found.makes.value}." if found.makes else ""
    click.echo(f"{found.code}: {found.severity.value}.{makes}\n")
    click.echo(textwrap.fill(found.condition.replace("`", ""), width))
    click.echo("\n" + textwrap.fill(found.explanation, width))
    second = of_model(code, ModelInUse.SECOND) is found
    click.echo("\n" + textwrap.fill(f"What to do: {what_helps(found.remedy, call=False, second=second)}", width))
    if line := command_line(found.remedy, "THREAD", "PATH"):
        click.echo(f"  {line}")
    click.echo(f"\nlooks at:   {', '.join(given.label for given in found.inputs)}")
    if found.thresholds:
        click.echo(f"thresholds: {', '.join(found.thresholds)}")
    click.echo(f"remedy:     {found.remedy.value}")
    if found.references:
        click.echo(f"see also:   {', '.join(found.references)}")


def detector(code: str) -> Detector:
    """The detector of a finding code.

    Raises:
        UsageError: There is none; the message lists those there are.
    """
    from t3lens.diagnose import register_all

    table = register_all()
    if code not in table:
        raise UsageError(
            f"no finding code is called {code!r}; there are: {', '.join(sorted(table))}",
            code="unknown-code",
        )
    return table[code]
