"""``t3lens audit``: the verdict of every thread, for people and for pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from t3lens.commands._audit_files import Wanted, wanted_options
from t3lens.commands._common import Chosen, over_homes
from t3lens.errors import InputError, UsageError
from t3lens.view.escape import plain

if TYPE_CHECKING:
    from t3lens.diagnose.fleet_compare import FleetComparison
    from t3lens.lens import Lens
    from t3lens.view.audit_json import AuditDocument

__all__ = ["command"]

_SEVERITIES: Final = ("critical", "high", "medium", "low", "info", "never")


@click.command(name="audit")
@over_homes
@wanted_options
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
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    metavar="N",
    help="Audit home by home with N processes; a home that cannot be read is reported, the others go on.",
)
@click.option(
    "--stores",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="With --jobs: keep a store for each home in this folder; what did not change is not read again.",
)
def command(
    chosen: Chosen,
    wanted: Wanted,
    fail_on: str,
    compare: str | None,
    everything: bool,
    jobs: int | None,
    stores: Path | None,
) -> int:
    """Say which threads are stuck or stored untruly, since when, why, and what helps.

    PATH is a T3 home, its userdata folder, a folder of logs, one log file, or a folder of homes; ~/.t3 if not
    said. Nothing is written but a store you name. Exit codes: 0 nothing at or above the threshold, 1 findings,
    2 wrong usage or unreadable input (with --jobs also if one of the homes could not be read), 3 an internal error.
    """
    kept = stores / "fleet" if stores is not None else chosen.store
    wanted.check(kept)
    if jobs is not None:
        if compare or wanted.projects:
            raise UsageError("--jobs goes home by home and knows neither --compare nor --project")
        from t3lens.commands._audit_fleet import audit_in_parallel

        found = audit_in_parallel(chosen, jobs, stores)
        document = wanted.apply(found.document, fail_on, kept, {})
        _show(document, wanted, everything)
        for path, message in found.failed:
            click.echo(f"t3lens: {plain(path, 200)}: {plain(message, 300)}", err=True)
        return 2 if found.failed else 1 if _fails(document) else 0
    if stores is not None:
        raise UsageError("--stores goes with --jobs; alone it is --store FILE")
    with chosen.open() as lens:
        projects = _projects(lens) if wanted.projects else {}
        document = wanted.apply(_document(lens, compare), fail_on, chosen.store, projects)
    _show(document, wanted, everything)
    _refuse_if_blind(document)
    return 1 if _fails(document) else 0


def _show(document: AuditDocument, wanted: Wanted, everything: bool) -> None:
    wanted.write(document)
    text = wanted.text(document)
    if text is not None:
        click.echo(text, nl=False)
        return
    from t3lens.view.audit_table import audit_table
    from t3lens.view.terminal import terminal

    audit_table(document, terminal(), everything=everything)


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


def _projects(lens: Lens) -> dict[str, tuple[str, ...]]:
    """The ids and titles by which each thread's project is known."""
    rows = lens.rows(
        "select thread_id, project_id, p.title from threads left join projects p using (home_id, project_id)"
    )
    return {thread: tuple(name for name in names if name) for thread, *names in rows}


def _compared(lens: Lens, compare: str) -> FleetComparison:
    names = [name.strip() for name in compare.split(",") if name.strip()]
    if len(names) != 2:
        raise UsageError(
            f"--compare takes two rules profiles, as in settle,shipped-0.0.29; not {compare!r}",
            code="bad-compare",
        )
    return lens.compare(names[0], names[1])


def _refuse_if_blind(document: AuditDocument) -> None:
    """A home that told nothing at all is no clean home."""
    for home in document["homes"]:
        told = [t for t in document["threads"] if t["home_id"] == home["home_id"]]
        unread = [
            text for text in home["missing"] if text.startswith("state.sqlite cannot be read")
        ]
        if unread and not told and not home["findings"]:
            raise InputError(f"{home['path']}: {unread[0]}, and there is nothing else to go by")


def _fails(document: AuditDocument) -> bool:
    from t3lens.export.failing import fails

    return any(True for _ in fails(document))
