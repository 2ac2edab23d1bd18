"""Rows read by column are those that are read one by one, whatever stands in them."""

from __future__ import annotations

import itertools
import sqlite3
from pathlib import Path
from typing import Any, Final

import pytest

from t3lens.ingest import columnar as _columnar
from t3lens.ingest import pages as _pages
from t3lens.ingest.database import json_or_null
from t3lens.store import Store
from tests.ingest.disk import read

_EVENTS: Final = (
    "event_id", "aggregate_kind", "stream_id", "stream_version", "event_type", "occurred_at", "command_id",
    "causation_event_id", "correlation_id", "actor_kind", "payload_json", "metadata_json",
)  # fmt: skip
_RECEIPTS: Final = (
    "command_id", "aggregate_kind", "aggregate_id", "accepted_at", "result_sequence", "status", "error",
)  # fmt: skip
_SOUND: Final = (
    '{"a":1}',
    "{}",
    "null",
    ' {"twelve":12} ',
    '{"thirteen":13}',
    '"naïve façade 東京 ✓"',
    '{"said":"[1,]"}',
    None,
)
_ODD: Final = (
    "", " ", "text", "[1,]", '{"a":1, }', '{"a":NaN}', "[-Infinity]", "nan", "[inf]", '"\\ud83d"', '"\\ud83d\\ude00"',
    "{'a':1}", '{"a":1} x', "1 2", "[01]", '"\t"', "[" * 600 + "]" * 600, '{"a":' * 501 + "1" + "}" * 501,
    '{"a"', "1}", "1 2", "1\n2", "[1,\n2]",
    # what separates values, and what marks their absence
    "\x1e", "a\x1eb", '"\x1e"', "\0", "a\0b", b"\xff", b"\xe6\x9d", b"\xb1", b"a\xffb", b'{"blob":1}',
    # other types
    7, 2**63 - 1, -(2**63), 1.5, 1e300, b"12",
)  # fmt: skip


def _make(home: Path, types: tuple[str, str], values: list[Any]) -> None:
    """Each value once in each column, and as a row of nothing but it."""
    home.mkdir()
    integer, text = types
    con = sqlite3.connect(home / "state.sqlite")
    for table, key, columns in (
        ("orchestration_events", "sequence INTEGER PRIMARY KEY AUTOINCREMENT, ", _EVENTS),
        ("orchestration_command_receipts", "", _RECEIPTS),
    ):
        kinds = {name: integer if name in ("stream_version", "result_sequence") else text for name in columns}
        con.execute(f"CREATE TABLE {table} ({key}{', '.join(f'{name} {kind}' for name, kind in kinds.items())})")
        marks = ", ".join("?" * len(columns))
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"
        for number, value in enumerate(values):
            plain: list[Any] = [3 if kinds[name] == integer else f'"{name}-{number}"' for name in columns]
            for place in range(len(columns)):
                con.execute(insert, [*plain[:place], value, *plain[place + 1 :]])
            con.execute(insert, [value] * len(columns))
    con.commit()
    con.close()


def _stored(home: Path) -> dict[str, list[Any]]:
    store = Store.open()
    read(store, home, server="dead")
    found = {}
    for table, key in (("_orchestration_events", "sequence"), ("_receipts", "source_rowid")):
        names = ", ".join(f'"{name}"::varchar as "{name}"' for name in store.table(f"from {table} limit 0").column_names)
        found[table] = store.table(f"select {names} from {table} order by {key}").to_pylist()
    return found


@pytest.mark.parametrize("types", [("INTEGER", "TEXT"), ("", "")], ids=["declared", "undeclared"])
@pytest.mark.parametrize("at_once", [1, 5, 2000])
def test_whatever_stands_in_a_row_is_read_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, types: tuple[str, str], at_once: int
) -> None:
    _make(tmp_path / "userdata", types, [*_SOUND, *_ODD, *_SOUND])
    with monkeypatch.context() as patched:
        patched.setattr(_pages, "_AT_ONCE", at_once)
        patched.setattr(_pages, "_AT_ONCE_CAREFULLY", min(at_once, 250))
        found = _stored(tmp_path / "userdata")
    monkeypatch.setattr(_pages, "read_columns", lambda *_: None)
    assert found == _stored(tmp_path / "userdata")
    assert len(found["_orchestration_events"]) == len([*_SOUND, *_ODD, *_SOUND]) * (len(_EVENTS) + 1)


def test_what_is_json_only_with_its_neighbours_is_none() -> None:
    pieces = ("1", "[1", ",2]", "2]", "1,2", "1 2", "1\n2", "", " ", '"a', 'b"', '"a,b"', "[1,\n2]", ",", "[", "]")
    for values in itertools.product(pieces, repeat=3):
        read_so = _columnar._texts("\x1e".join(values).encode(), 3, json=True)
        assert read_so is not None
        assert read_so.to_pylist() == [json_or_null(value) for value in values], values


def test_usual_rows_are_read_by_column(tmp_path: Path) -> None:
    home = tmp_path / "userdata"
    _make(home, ("INTEGER", "TEXT"), list(_SOUND))
    con = sqlite3.connect(home / "state.sqlite")
    con.execute("UPDATE orchestration_events SET stream_version = 3")
    types = dict(con.execute("SELECT name, type FROM pragma_table_info('orchestration_events')"))
    texts = tuple(name for name in _EVENTS if name != "stream_version")
    columns = _columnar.Columns(
        "orchestration_events",
        "sequence",
        ("sequence", "stream_version"),
        texts,
        frozenset({"payload_json", "metadata_json"}),
        types,
    )
    count = con.execute("SELECT count(*) FROM orchestration_events").fetchone()[0]
    batch = _columnar.read_columns(con, columns, 0, count)
    assert batch is not None
    names = ("sequence", "stream_version", *texts)
    rows = con.execute(f"SELECT {', '.join(names)} FROM orchestration_events ORDER BY sequence").fetchall()
    assert [tuple(row.values()) for row in batch.to_pylist()] == [
        tuple(f'"{v}"' if n == "payload_json" and v == "text" else v for n, v in zip(names, row, strict=True))
        for row in rows
    ]
    assert len(_columnar.read_columns(con, columns, count, 10) or []) == 0
    con.close()


def test_values_too_long_to_be_joined_are_read_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = '"' + "x" * 40_000 + '"'
    _make(tmp_path / "userdata", ("INTEGER", "TEXT"), [long, *_SOUND])
    monkeypatch.setattr(_columnar, "_MOST_BYTES", 30_000)
    found = _stored(tmp_path / "userdata")
    monkeypatch.setattr(_pages, "read_columns", lambda *_: None)
    assert found == _stored(tmp_path / "userdata")
    assert long in [row["payload"] for row in found["_orchestration_events"]]
