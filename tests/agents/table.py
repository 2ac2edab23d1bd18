"""What each sample says, what is true, and what no record can tell, as a table: ``python -m tests.agents.table``."""

from __future__ import annotations

from itertools import groupby

from t3lens.agents import AgentRecord

from .witness import Scenario, record_in, scenarios, told

TRUE = {
    "normal": "finished",
    "tool": "finished",
    "err402": "failed",
    "sigint": "interrupted by SIGINT",
    "sigkill": "died",
}
"""What is true of the agents whose stories name only what was done."""


def said(record: AgentRecord | None) -> str:
    """The outcomes of a record's turns, equal neighbours counted."""
    if record is None:
        return "no record"
    runs = [(word, len(list(same))) for word, same in groupby(told(turn) for turn in record.turns)]
    return ", ".join(word if count == 1 else f"{word} x{count}" for word, count in runs) or "no turn"


def untold(says: str, true: str) -> str:
    """What is true and does not stand in the record."""
    if "waiting" in true and "model" not in true and "open" in says:
        return "waited for approval, then killed: looks like a running tool"
    if "retrying" in true:
        return "that it retries: of all agents only Claude Code counts"
    if "running" in true:
        return "nothing: it ran, and was answered 0.2 s later"
    if "waiting for the model" in true:
        return "that the model hung, and that it was killed: a hang, a retry and a death look alike"
    if "open" in says:
        return "that it is over: dead and working look alike"
    if "aborted" in says and "died" in true:
        return "that nobody stopped it: a shutdown reads like a person's interrupt"
    if "aborted?" in says:
        return "who ended it: an interrupted answer is written like a whole one"
    if "failed?" in says:
        return "the error: it rests on what is missing"
    if "cut" in says:
        return "how it died (kill, shutdown, crash), and what it had streamed"
    if says == "no record":
        return "whether it was deleted, moved or never begun"
    return ""


def row(scenario: Scenario) -> str:
    """One line of the table: the newest snapshot, and what the newest turn read as in those before it."""
    snapshots = [path for path in scenario.snapshots() if "running" not in path.name or len(scenario.snapshots()) == 1]
    records = [record_in(path, scenario.session) for path in scenario.snapshots()]
    before = {told(record.turns[-1]) for record in records if record is not None and record.turns}
    says = said(record_in(snapshots[-1], scenario.session))
    true = TRUE.get(scenario.story["truth"], scenario.story["truth"])
    return f"| {scenario.name} | {says} | {', '.join(sorted(before))} | {true} | {untold(says, true)} |"


def table() -> str:
    """All rows, as Markdown."""
    head = "| agent/build/scenario | the record says | newest turn, at any snapshot | true | what it cannot tell |"
    return "\n".join([head, "|---|---|---|---|---|", *map(row, scenarios())])


if __name__ == "__main__":
    print(table())
