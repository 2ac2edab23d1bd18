"""What is known of T3 Code stands once: in ``t3lens/t3code``, and nowhere else as a literal.

Counted are the string constants of every module (docstrings left out) and the SQL files of the store, but for
``t3code/``, ``agents/`` (what is known of the agents' own records) and ``sim/`` (a simulation writes T3 Code's data from
its own side), by these rules:

- Names of tables, event types, activity kinds, files, labels, writers, routes, commands, scopes, native record types
  and providers are T3 Code's, also in SQL and in sentences for people.
- Names of **our own store** are ours and may stand as they are: its views, their columns, and the words of its
  columns (``kind = 'provider-log'``). One view, ``orchestration_events``, is called as T3 Code's table is: behind
  FROM or JOIN it is the view, anywhere else (evidence, and all of ``act`` and ``ingest``: they read SQLite) the table.
- Column names are T3 Code's where its database is read (they come from ``v1/schema``), ours in a query over the store.
- Words that mean something else, too (``logs``, ``provider``, ``dev``, ``result``), cannot be told from it by their
  letters; they are not counted.
"""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

import t3lens
from t3lens.sim.builds import BUILDS
from t3lens.sim.schema import create
from t3lens.t3code import home_layout
from t3lens.t3code.native import acp, claude, codex, opencode
from t3lens.t3code.native.lifecycle_signs import TYPES
from t3lens.t3code.v1 import event_types, log_grammar, schema, wire
from t3lens.t3code.v2 import events as second_events
from t3lens.t3code.v2 import schema as second_schema

ROOT: Final = Path(t3lens.__file__).parent
APART: Final = ("t3code", "agents", "sim")
REASONED: Final = {
    (
        "ingest/homes.py",
        "userdata",
    ): "a member of a Literal type, which cannot be made of constants",
    ("store/schema_doc.py", "orchestration_events"): "names our view",
    ("export/parquet.py", "orchestration_events"): "names our view",
    ("export/masked_rows.py", "orchestration_events"): "names our table",
}


READS_SQLITE: Final = ("act/", "ingest/")
VIEW: Final = re.compile(r"(?<=from )orchestration_events\b|(?<=join )orchestration_events\b", re.IGNORECASE)
"""Our view of that name, as a query over the store names it."""


@dataclass(frozen=True, slots=True)
class InspectedDatabase:
    """A literal that names something of T3 Code's."""

    path: str
    line: int
    kind: str
    word: str


def _words(*texts: str) -> str:
    """A pattern of any of some words, each by itself."""
    longest_first = sorted(set(texts), key=lambda text: (-len(text), text))
    return rf"(?<![\w.$/-])(?:{'|'.join(map(re.escape, longest_first))})(?![\w-]|\.\w)"


def _tables() -> list[str]:
    with closing(sqlite3.connect(":memory:")) as con:
        create(con, list(BUILDS.values())[-1], 0)
        made = [row[0] for row in con.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    return [name for name in made if "_" in name and not name.startswith("sqlite_")]


def _constants(module: object, *, having: str) -> list[str]:
    return [value for value in vars(module).values() if isinstance(value, str) and re.fullmatch(having, value)]


KINDS: Final = {
    "table": _words(
        *_tables(),
        *_constants(schema, having="[a-z]+(_[a-z]+)+"),
        *(table.source for table in second_schema.TABLES if table.source != table.name),
    ),
    "event type": _words(
        *event_types.KNOWN_TYPES,
        *_constants(event_types, having=r"[a-z-]+(\.[a-z-]+)+"),
        *_constants(second_events, having=r"[a-z-]+(\.[a-z-]+)+"),
    ),
    "prefix of event types": rf"^{_words('task.', 'request.', 'user-input.', 'provider.')}$|-requested$",
    "file": _words(
        *home_layout.DATABASE_FILES,
        home_layout.SERVER_RUNTIME,
        home_layout.ENVIRONMENT_ID,
        home_layout.SERVER_TRACE,
        home_layout.HOME_VARIABLE,
        home_layout.DEFAULT_HOME,
        home_layout.USERDATA,
        log_grammar.GLOBAL_SEGMENT,
    )
    + rf"|^{re.escape(home_layout.HOME_FOLDER)}$",
    "label": _words(*log_grammar.LABELS),
    "writer": r"(?<![\w.-])(?:provider|server):(?=%|$|\*|[a-z]+-)",
    "route": r"/api/(?:auth|orchestration)\b|/\.well-known/t3|/oauth/token",
    "command or scope": _words(wire.STOP, wire.ARCHIVE, wire.UNARCHIVE, wire.READ, wire.OPERATE),
    "native": _words(*(set(TYPES) - {claude.RESULT}), claude.RESULT_PREFIX, acp.PROMPT, "app-server"),
    "provider": rf"^(?:{codex.DRIVER}|{opencode.DRIVER})$",
}
_PATTERNS: Final = {kind: re.compile(text, re.IGNORECASE) for kind, text in KINDS.items()}


def literals(root: Path) -> list[InspectedDatabase]:
    """All that are found below a package's folder."""
    found = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.suffix not in (".py", ".sql") or name.split("/")[0] in APART:
            continue
        text = path.read_text("utf-8")
        if not name.startswith(READS_SQLITE):
            text = VIEW.sub("", text)
        said = _in_python(text) if path.suffix == ".py" else _in_sql(text)
        found += [InspectedDatabase(name, line, kind, word) for line, kind, word in said]
    return found


def _in_python(text: str) -> Iterator[tuple[int, str, str]]:
    tree = ast.parse(text)
    docstrings = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            for kind, word in _named(node.value):
                yield node.lineno, kind, word


def _in_sql(text: str) -> Iterator[tuple[int, str, str]]:
    for number, line in enumerate(text.splitlines(), 1):
        code = line.partition("--")[0]
        for word in re.findall(r"'([^']*)'", code):
            for kind, found in _named(word):
                yield number, kind, found


def _named(text: str) -> Iterator[tuple[str, str]]:
    for kind, pattern in _PATTERNS.items():
        for match in pattern.finditer(text):
            yield kind, match[0]


def test_what_is_known_of_t3_code_stands_in_one_place() -> None:
    found = [one for one in literals(ROOT) if (one.path, one.word) not in REASONED]
    assert not found, "\n".join(f"{one.path}:{one.line} {one.kind} {one.word!r}" for one in found)


def test_a_query_over_the_store_names_our_view() -> None:
    over_the_store = "select * from orchestration_events join sessions using (home_id, thread_id)"
    assert VIEW.sub("", over_the_store) != over_the_store
    assert VIEW.sub("", "source = 'orchestration_events'") == "source = 'orchestration_events'"


def test_every_exception_is_needed() -> None:
    assert {(one.path, one.word) for one in literals(ROOT)} == set(REASONED)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ('a = "projection_turns"', ["projection_turns"]),
        ('a = f"{b} of state.sqlite: damaged"', ["state.sqlite"]),
        ('if a in ("turn.started", "item.completed"): pass', ["turn.started", "item.completed"]),
        (
            """a = "where type = 'thread.session-set' and label = 'CANON'" """,
            ["thread.session-set", "CANON"],
        ),
        ('a = f"no command provider:{b}"', ["provider:"]),
        ("""a = "command_id LIKE 'server:%'" """, ["server:"]),
        ('a = "/api/orchestration/snapshot"', ["/api/orchestration"]),
        ('a = "orchestration_events"', ["orchestration_events"]),
        ('a = "DELETE FROM projection_turns"', ["projection_turns"]),
        ('"""What state.sqlite is."""\na = 1\n"""And turn.started."""', []),
        ('a = "the last word of the provider: "', []),
        ('a = "SELECT session.status_of, json.turn.id"', []),
    ],
)
def test_the_counter_finds_literals_and_no_docstrings(code: str, words: list[str]) -> None:
    assert [word for _, _, word in _in_python(code)] == words
