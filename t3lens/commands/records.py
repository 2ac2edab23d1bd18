"""``t3lens records``: what the agents' own records say of their turns, without any T3 home."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command"]

_UNREADABLE = 2


@click.command(name="records")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option(
    "--format", "shape", type=click.Choice(["table", "json"]), default="table", show_default=True,
    help="How to print it; the JSON has a schema, t3lens/document/records.schema.json.",
)  # fmt: skip
def command(paths: tuple[Path, ...], shape: str) -> int:
    """Say what coding agents' own records tell of each turn: finished, failed, aborted, cut off, open.

    PATH is a record, a folder of them, or an agent's home (~/.codex, ~/.claude, ~/.local/share/opencode, ~/.gemini,
    ~/.qwen, ~/.pi). No T3 home is needed, nothing is written, and nothing that anybody said is shown. A record proves
    an end, never life: "open" is working, hanging, asking or dead.

    Exit codes: 0 fine, also if there is no record; 2 wrong usage, or something that could not be read.
    """
    from t3lens.agents.recognise import PROVIDERS
    from t3lens.document.records import records_document, records_json_text
    from t3lens.ingest.records.read import read_records
    from t3lens.view.page.escape import plain

    read = read_records(paths)
    document = records_document(read.records)
    if shape == "json":
        click.echo(records_json_text(document), nl=False)
    else:
        from t3lens.document.records_table import records_table
        from t3lens.view.terminal import terminal

        records_table(document, terminal())
    told = [*read.notes, *read.errors]
    if not read.records and not read.errors:
        told.append(f"no record of a known agent ({', '.join(PROVIDERS)}) here")
    for text in told:
        click.echo(f"t3lens: {plain(text, 500)}", err=True)
    return _UNREADABLE if read.errors else 0
