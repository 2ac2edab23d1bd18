"""What agents' own records say, for people: a heading per record, a line per turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from t3lens.view.page.escape import plain, short_id

if TYPE_CHECKING:
    from t3lens.document.records import RecordEntry, RecordTurnEntry

__all__ = ["records_table"]

_STYLES: Final = {
    "failed": "red",
    "cut": "red",
    "unreadable": "red",
    "aborted": "yellow",
    "open": "yellow",
    "finished": "green",
}


def records_table(document: list[RecordEntry], console: Console) -> None:
    """Print the document.

    Args:
        document: As ``records_document`` makes it.
        console: The terminal it is printed on.
    """
    for place, record in enumerate(document):
        if place:
            console.print()
        console.print(_heading(record))
        console.print(Padding(_turns(record.turns), (0, 0, 0, 2)))


def _heading(record: RecordEntry) -> RenderableType:
    builds = ", ".join(plain(build, 20) for build in record.builds)
    session = plain(record.session_id or "no session id", 80)
    lines = [
        Text(f"{record.provider} {session}", style="bold"),
        Text(f"  {plain(record.path, 300)}", style="dim"),
    ]
    facts = [
        f"build {builds}" if builds else "",
        f"in {plain(record.cwd, 120)}" if record.cwd else "",
    ]
    if record.origin is not None:
        facts.append(f"{record.origin} of {plain(record.parent_session_id or '?', 60)}")
    said = ", ".join(fact for fact in facts if fact)
    if said:
        lines.append(Text(f"  {said}", style="dim"))
    lines += [Text(f"  {plain(note, 300)}") for note in _remarks(record)]
    return Group(*lines)


def _remarks(record: RecordEntry) -> list[str]:
    remarks = list(record.notes)
    if record.torn_bytes:
        remarks.append(f"its last line is incomplete ({record.torn_bytes:,} bytes)")
    if record.unread:
        remarks.append(f"{record.unread:,} of its {record.lines:,} lines hold no JSON object")
    if record.open_sub_agents:
        remarks.append(f"not marked as finished: {', '.join(record.open_sub_agents)}")
    if record.error:
        remarks.append(record.error)
    return remarks


def _turns(turns: tuple[RecordTurnEntry, ...]) -> RenderableType:
    if not turns:
        return Text("no turn", style="dim")
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    table.add_column("started (UTC)", no_wrap=True)
    table.add_column("outcome", no_wrap=True)
    table.add_column("ended", no_wrap=True)
    table.add_column("turn", no_wrap=True)
    table.add_column("because", overflow="fold", ratio=1)
    for turn in turns:
        table.add_row(
            Text(_moment(turn.started_at)),
            _outcome(turn),
            Text(_moment(turn.ended_at)[11:]),
            Text(short_id(turn.turn_id or "–")),
            Text(_reason(turn)),
        )
    return table


def _outcome(turn: RecordTurnEntry) -> Text:
    unsure = "?" if turn.confidence == "low" else ""
    return Text(f"{turn.outcome}{unsure}", style=_STYLES.get(turn.outcome, ""))


def _reason(turn: RecordTurnEntry) -> str:
    parts = [
        "" if turn.kind == "prompt" else turn.kind,
        "copied from the session it was forked from" if turn.inherited else "",
        "taken back later" if turn.void else "",
        turn.error or "",
        turn.why,
        f"{turn.retries} retries" if turn.retries else "",
    ]
    return plain("; ".join(part for part in parts if part), 300)


def _moment(at: str | None) -> str:
    return "–" if at is None else at[:19].replace("T", " ")
