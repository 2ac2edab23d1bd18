"""``t3lens audit``: the verdict of every thread, for people and for pipelines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from t3lens.commands._common import Chosen, over_homes
from t3lens.errors import InputError, UsageError

if TYPE_CHECKING:
    from t3lens.diagnose.fleet_compare import FleetComparison
    from t3lens.lens import Lens
    from t3lens.view.audit_json import AuditDocument

__all__ = ["command"]

_SEVERITIES: Final = ("critical", "high", "medium", "low", "info", "never")
_BUILT_IN: Final = ("table", "json")


@click.command(name="audit")
@over_homes
@click.option(
    "--format",
    "shape",
    default="table",
    show_default=True,
    metavar="FORMAT",
    help="table (for people), json, or another format that is installed.",
)
@click.option(
    "--fail-on",
    type=click.Choice(_SEVERITIES),
    default="high",
    show_default=True,
    help="Exit with 1 if there is a finding of this severity or worse.",
)
@click.option(
    "--compare",
    metavar="A,B",
    help="Say which threads would end differently under these two rules profiles, and from which event.",
)
@click.option(
    "--all", "everything", is_flag=True, help="In the table: healthy threads and remarks too."
)
def command(
    chosen: Chosen, shape: str, fail_on: str, compare: str | None, everything: bool
) -> int:  # fmt: skip
    """Say which threads are stuck or stored untruly, since when, why, and what helps.

    PATH is a T3 home, its userdata folder, a folder of logs, one log file, or a folder of homes; ~/.t3 if not
    said. Nothing is written but a store you name. Exit codes: 0 nothing at or above the threshold, 1 findings,
    2 wrong usage or unreadable input, 3 an internal error.
    """
    writer = _writer(shape)
    with chosen.open() as lens:
        document = _document(lens, compare)
        if writer is None:
            from t3lens.view.audit_table import audit_table
            from t3lens.view.terminal import terminal

            audit_table(document, terminal(), everything=everything)
        else:
            click.echo(writer(document))
    _refuse_if_blind(document)
    return 1 if _fails(document, fail_on) else 0


def _writer(shape: str) -> Any:
    """What turns the document into text; None for the table. Asked before anything is read."""
    if shape == "table":
        return None
    if shape == "json":
        import json

        return lambda document: json.dumps(document, indent=2, ensure_ascii=True)
    raise UsageError(f"no format is called {shape!r}; there are: {', '.join(_BUILT_IN)}")


def _document(lens: Lens, compare: str | None) -> AuditDocument:
    from t3lens import __version__
    from t3lens.view.audit_json import audit_document

    comparison = _compared(lens, compare) if compare else None
    ids = lens.home_ids
    (quarantined,) = lens.rows(
        "select count(*) from quarantine where home_id in (select unnest(?))", [ids]
    )[0]
    return audit_document(
        lens.diagnosis,
        as_of=lens.as_of,
        version=__version__,
        quarantined=quarantined,
        comparison=comparison,
    )


def _compared(lens: Lens, compare: str) -> FleetComparison:
    from t3lens.diagnose.fleet_compare import compare_fleet
    from t3lens.model.rules import profile

    names = [name.strip() for name in compare.split(",") if name.strip()]
    if len(names) != 2:
        raise UsageError(
            f"--compare takes two rules profiles, as in settle,shipped-0.0.29; not {compare!r}",
            code="bad-compare",
        )
    return compare_fleet(lens.diagnosis, profile(names[0]), profile(names[1]))


def _refuse_if_blind(document: AuditDocument) -> None:
    """A home that told nothing at all is no clean home."""
    for home in document["homes"]:
        told = [t for t in document["threads"] if t["home_id"] == home["home_id"]]
        unread = [
            text for text in home["missing"] if text.startswith("state.sqlite cannot be read")
        ]
        if unread and not told and not home["findings"]:
            raise InputError(f"{home['path']}: {unread[0]}, and there is nothing else to go by")


def _fails(document: AuditDocument, fail_on: str) -> bool:
    if fail_on == "never":
        return False
    from t3lens.model.finding import Severity

    threshold = Severity(fail_on)
    places = (*document["homes"], *document["threads"])
    return any(
        Severity(finding["severity"]).at_least(threshold)
        for place in places
        for finding in place["findings"]
    )
