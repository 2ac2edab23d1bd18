"""``t3lens incidents``: what was wrong, from when to when, and what ended it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from t3lens.commands.common import ROWS, ChosenHomes, over_homes, print_rows, say_notices

__all__ = ["command"]

_COLUMNS: Final = ("incident_id", "from", "to", "verdict", "code", "ended_by", "duration_s", "thread_id", "title")


@click.command(name="incidents")
@over_homes
@click.option("--since", metavar="TIME", help="Leave out what was over before this moment (ISO 8601).")
@click.option(
    "--thread", "threads", multiple=True, metavar="THREAD",
    help="Only this thread, by an unambiguous prefix of its id, or its title; may be given again.",
)  # fmt: skip
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the JSON, and read nothing.")
@click.option(
    "--redact-with", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="A TOML file of further words and patterns to mask; secrets are masked anyway.",
)  # fmt: skip
@click.option(
    "--format", "shape", type=click.Choice([*ROWS, "ndjson"]), default="table", show_default=True,
    help="How to print the rows.",
)  # fmt: skip
def command(
    chosen: ChosenHomes, since: str | None, threads: tuple[str, ...], schema: bool, redact_with: Path | None, shape: str
) -> None:
    """List stretches of time in which threads were stuck, stored untruly, waiting or failed; also those that are over.

    They are read off the records: of what only a row of that time could tell, the past is not known, nor what was wrong
    with a home as a whole: that is told only while it is so. `t3lens report --incident ID` writes the postmortem of one.
    """
    import msgspec

    from t3lens.document import incidents as document

    if schema:
        click.echo(msgspec.json.format(msgspec.json.encode(document.schema()), indent=2))
        return
    from t3lens.redact import Redactor, load_rules

    with chosen.open() as lens:
        redactor = Redactor(rules=load_rules(redact_with) if redact_with is not None else None)
        found = lens.session.incidents(since=since, threads=[lens.thread(name).thread_id for name in threads] or None)
        notices = [redactor.text(text) for text in (*lens.notices, *lens.session.no_past)]
        if shape in ("json", "ndjson"):
            say_notices(notices, err=True)
            write = document.json_text if shape == "json" else document.ndjson_text
            click.echo(write(found, redactor), nl=False)
            return
        print_rows(document.frame(found, redactor), shape, columns=_COLUMNS, notices=notices)
