"""The shapes of the lines and rows that real agents write: keys, their order, types of values, and what follows what.

``shapes.json`` beside this file holds them by agent and build, as recorded from the real programs in November 2026; no
value of theirs is in it. It is made from the samples by ``python -m tests.agents.shapes``.
"""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import zstandard

TABLE = Path(__file__).with_suffix(".json")
TYPES = {str: "text", bool: "flag", int: "number", float: "number", type(None): "null", list: "list", dict: "object"}
OPAQUE = {
    "state",
    "modelUsage",
    "input",
    "arguments",
    "toolUseResult",
    "rate_limits",
    "thread_settings",
    "permission_profile",
}
"""What stands below these is the model's, a tool's or a person's own choice."""

Shape = dict[str, list[str]]
"""Keys in their order, each with the types of its values."""


def parts(value: dict[str, Any], place: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Each object in a line: where it stands, by kinds and keys, and its own keys with the types of their values."""
    here = f"{place}<{kind}>" if (kind := _kind(value)) else place
    yield here, {key: TYPES[type(below)] for key, below in value.items()}
    for key, below in value.items():
        if key not in OPAQUE:
            for one in below if isinstance(below, list) else [below]:
                if isinstance(one, dict):
                    yield from parts(one, f"{here}.{key}")


def _kind(value: dict[str, Any]) -> str:
    kind = next((value[key] for key in ("type", "role") if isinstance(value.get(key), str)), "")
    made_up = " <synthetic>" if value.get("model") == "<synthetic>" else ""
    return f"{kind}{'/' + value['subtype'] if isinstance(value.get('subtype'), str) else ''}{made_up}"


def shapes(values: Iterable[dict[str, Any]]) -> dict[str, list[Shape]]:
    """The shapes of objects by where they stand; several where their keys come in different orders."""
    seen: dict[str, dict[tuple[tuple[str, str], ...], None]] = defaultdict(dict)
    for value in values:
        for place, keys in parts(value):
            seen[place][tuple(keys.items())] = None
    return {place: _merged([dict(keys) for keys in found]) for place, found in sorted(seen.items())}


def _merged(found: list[dict[str, str]]) -> list[Shape]:
    groups: list[tuple[list[str], Shape]] = []
    for keys in sorted(found, key=lambda one: (-len(one), list(one))):
        for order, shape in groups:
            both = [key for key in keys if key in shape]
            if both == [key for key in order if key in keys]:
                _add(keys, order, shape)
                break
        else:
            groups.append((list(keys), {key: [kind] for key, kind in keys.items()}))
    return [{key: sorted(shape[key]) for key in order} for order, shape in groups]


def _add(keys: dict[str, str], order: list[str], shape: Shape) -> None:
    place = 0
    for key, kind in keys.items():
        if key not in shape:
            order.insert(place, key)
            shape[key] = []
        place = order.index(key) + 1
        if kind not in shape[key]:
            shape[key].append(kind)


def strange(values: Iterable[dict[str, Any]], known: dict[str, list[Shape]]) -> set[str]:
    """What of some lines no real program was seen to write, in words; nothing if all of it is known."""
    found = set()
    for value in values:
        for place, keys in parts(value):
            if place not in known:
                found.add(f"{place}: not known")
            elif not any(_fits(keys, shape) for shape in known[place]):
                found.add(f"{place}: {' '.join(f'{key}:{kind}' for key, kind in keys.items())}")
    return found


def _fits(keys: dict[str, str], shape: Shape) -> bool:
    return list(keys) == [key for key in shape if key in keys] and all(kind in shape[key] for key, kind in keys.items())


# --- what there is to look at -------------------------------------------------------------------------------------------


def written(folder: Path) -> Iterator[dict[str, Any]]:
    """All lines, and rows of OpenCode's tables, below a folder; a row's JSON is taken apart."""
    for path in sorted(folder.rglob("*.jsonl*")):
        content = path.read_bytes()
        if path.suffix == ".zst":
            content = zstandard.ZstdDecompressor().stream_reader(content, read_across_frames=True).read()
        for line in content.splitlines():
            value = json.loads(line)
            # Whole requests to the model: they tell nothing of a turn and are most of a transcript.
            if not str(value.get("type")).startswith("api-request-"):
                yield value
    for path in sorted(folder.rglob("opencode.db")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
            con.row_factory = sqlite3.Row
            for table in ("session", "message", "part"):
                for row in con.execute(f"SELECT * FROM {table}"):
                    columns = dict(row)
                    if "data" in columns:
                        columns["data"] = json.loads(columns["data"])
                    yield {table: columns}


# --- what follows what --------------------------------------------------------------------------------------------------

ASIDE = {
    "token_count", "message/developer", "CommandExecution",
    "last-prompt", "cost-state", "mode", "atis-latch", "tools-used", "attachment", "api-request-shape", "api-request-blob",
}  # fmt: skip
"""Kinds of lines that come anywhere, or that say nothing of a turn: left out before what follows what is looked at."""


def kind_of(line: dict[str, Any]) -> str:
    """What a line or row is, as far as its place among the others goes."""
    if not isinstance(line.get("type"), str):
        return _row_kind(line)
    kind, payload = line["type"], line.get("payload") or {}
    if kind in ("event_msg", "response_item"):
        kind = payload["type"] if payload["type"] != "item_completed" else payload["item"]["type"]
        if kind == "message":
            return f"message/{payload['role']}{'/aborted' if '<turn_aborted>' in json.dumps(payload) else ''}"
        if kind == "task_complete":
            return f"{kind}{'' if payload['last_agent_message'] else '/error' if payload.get('error') else '/null'}"
        return str(kind)
    if kind == "attachment" and line["attachment"]["type"] == "queued_command":
        return "queued_command"
    message = line.get("message")
    if not isinstance(message, dict):
        return f"{kind}/{said}" if (said := line.get("operation") or line.get("subtype")) else str(kind)
    if kind == "assistant":
        marks = [message["stop_reason"], "aborted" * bool(line.get("isAbortedMidStream")),
                 "made up" * (message["model"] == "<synthetic>"), "error" * bool(line.get("isApiErrorMessage"))]  # fmt: skip
        return " ".join(["assistant", *(mark for mark in marks if mark)])
    return f"user/{_user_kind(line, message['content'])}"


def _user_kind(line: dict[str, Any], content: Any) -> str:
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if blocks[0]["type"] == "tool_result":
        return "result"
    text = blocks[0]["text"]
    if line.get("isCompactSummary"):
        return "summary"
    if text.startswith("<task-notification>"):
        return "notification"
    return "interrupted" if text.startswith("[Request") else "local" if text.startswith("<") else "prompt"


def _row_kind(row: dict[str, Any]) -> str:
    """Of a message what became of it, of a part what it is; sessions are told apart by their first rows."""
    ((table, columns),) = row.items()
    if table == "session":
        return "session"
    data = columns["data"]
    if table == "part":
        return str(data["type"])
    ended = "done" if "completed" in data["time"] else "open"
    return " ".join([data["role"], ended, data.get("finish") or "", (data.get("error") or {}).get("name", "")]).strip()


def followers(lines: Iterable[dict[str, Any]]) -> set[tuple[str, str]]:
    """Which kinds of lines were seen right after which; the first one follows nothing."""
    kinds = ["", *(kind for line in lines if (kind := kind_of(line)) not in ASIDE)]
    return set(pairwise(kinds))


def talks(folder: Path) -> Iterator[list[dict[str, Any]]]:
    """The lines of each file, or the rows of each session with a message's parts after it, below a folder."""
    for path in sorted(folder.rglob("*.jsonl")):
        yield [json.loads(line) for line in path.read_bytes().splitlines()]
    for path in sorted(folder.rglob("opencode.db")):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as con:
            for (session,) in con.execute("SELECT id FROM session").fetchall():
                rows: list[dict[str, Any]] = []
                messages = "SELECT id, data FROM message WHERE session_id = ? ORDER BY time_created, id"
                for message, data in con.execute(messages, (session,)).fetchall():
                    rows.append({"message": {"data": json.loads(data)}})
                    parts = con.execute("SELECT data FROM part WHERE message_id = ? ORDER BY time_created, id", (message,))
                    rows += [{"part": {"data": json.loads(part)}} for (part,) in parts]
                yield rows


# --- the table ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Known:
    """What the real programs of one or more builds were seen to write."""

    shapes: dict[str, list[Shape]]
    follows: set[tuple[str, str]]

    def __or__(self, other: Known) -> Known:
        places = self.shapes.keys() | other.shapes.keys()
        both = {place: self.shapes.get(place, []) + other.shapes.get(place, []) for place in places}
        return Known(both, self.follows | other.follows)


def of_samples(witness: Path) -> dict[str, Known]:
    """What all samples show, by ``agent/build``."""
    builds = [path for agent in ("claude", "codex", "opencode") for path in sorted((witness / agent).iterdir())]
    return {
        f"{path.parent.name}/{path.name}": Known(shapes(written(path)), set().union(*map(followers, talks(path))))
        for path in builds
    }


def packed(table: dict[str, Known]) -> str:
    """The table as it is kept: one line for each place, keys in their order."""
    builds = []
    for build, one in table.items():
        shape_of = {
            place: [" ".join(f"{key}:{'|'.join(kinds)}" for key, kinds in shape.items()) for shape in found]
            for place, found in one.shapes.items()
        }
        after = {first: sorted(then for before, then in one.follows if before == first) for first, _ in sorted(one.follows)}
        builds.append(f'"{build}": {{"shapes": {_rows(shape_of)}, "follows": {_rows(after)}}}')
    return "{" + ",\n".join(builds) + "}\n"


def _rows(values: dict[str, list[str]]) -> str:
    return "{\n" + ",\n".join(f"  {json.dumps(key)}: {json.dumps(found)}" for key, found in values.items()) + "\n}"


def known() -> dict[str, Known]:
    """The table that is kept."""
    return {
        build: Known(
            {
                place: [{key: kinds.split("|") for key, _, kinds in (one.partition(":") for one in shape.split())}
                        for shape in found]
                for place, found in kept["shapes"].items()
            },
            {(first, then) for first, found in kept["follows"].items() for then in found},
        )
        for build, kept in json.loads(TABLE.read_text("utf-8")).items()
    }  # fmt: skip


if __name__ == "__main__":
    from .witness import WITNESS

    TABLE.write_text(packed(of_samples(WITNESS)), "utf-8")
