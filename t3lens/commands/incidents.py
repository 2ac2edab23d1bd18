"""``t3lens incidents``: what was wrong, from when to when, and what ended it."""

from __future__ import annotations

from typing import Final

import click

from t3lens.commands.common import ROWS, Chosen, over_homes, print_rows

__all__ = ["command"]

_COLUMNS: Final = ("from", "to", "verdict", "code", "ended_by", "duration_s", "thread_id", "title")


@click.command(name="incidents")
@over_homes
@click.option("--since", metavar="TIME", help="Leave out what was over before this moment (ISO 8601).")
@click.option("--thread", "threads", multiple=True, metavar="ID", help="Only this thread; may be given again.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the JSON, and read nothing.")
@click.option(
    "--format", "shape", type=click.Choice([*ROWS, "ndjson"]), default="table", show_default=True,
    help="How to print the rows.",
)  # fmt: skip
def command(chosen: Chosen, since: str | None, threads: tuple[str, ...], schema: bool, shape: str) -> None:
    """List stretches of time in which threads were stuck, stored untruly, waiting or failed; also those that are over.

    They are read off the records: of what only a row of that time could tell, the past is not known. Homes of T3 Code's
    second data model list only what is wrong now.
    """
    import msgspec

    from t3lens.incidents.rows import entries
    from t3lens.incidents.rows import schema as json_schema

    if schema:
        click.echo(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2))
        return
    with chosen.open() as lens:
        if shape in ("json", "ndjson"):
            from t3lens.commands.common import say_notices

            say_notices(lens.notices, err=True)
            found = entries(lens.session.incidents(since=since, threads=threads or None))
            encode = msgspec.json.encode
            click.echo(encode(found) if shape == "json" else b"\n".join(encode(one) for one in found))
            return
        print_rows(lens.incidents(since=since, threads=threads or None), shape, columns=_COLUMNS, notices=lens.notices)
