"""A secret that streams in pieces is masked over the joined text of its item, in bundles and in single records."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import duckdb
import pandas as pd
import pytest

import t3lens
from t3lens.redact import Redactor, StreamedSecrets
from t3lens.sim.scenarios import build_home
from t3lens.view.masked_table import without_secrets
from t3lens.view.notebook import masked_frame, masking
from t3lens.view.records import find_record
from tests.cli.conftest import Run
from tests.cli.conftest import run as run

_KEY: Final = "sk-proj-Q7xR2mK9pL4vT8nW3cY6bZ1dF5gH0jS"
SECRETS: Final = {
    "openai": _KEY,
    "github": "ghp_A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8",
    "private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAq7\nXv9Zk2Lm\n-----END RSA PRIVATE KEY-----",
    "mail": "jane.doe@mail.acme-internal.com",
    "encoded": "cGFzc3dvcmQ9aHVudGVyMi1pcy1teS1zZWNyZXQtMTIz",
}

Maker = Callable[[str, str], dict[str, Any]]

STREAMS: Final[dict[str, Maker]] = {
    "canonical": lambda text, item: {
        "type": "content.delta", "itemId": item, "payload": {"streamKind": "assistant_text", "delta": text},
    },
    "codex": lambda text, item: {
        "method": "item/agentMessage/delta", "itemId": item, "textDelta": text, "payload": {"delta": text, "itemId": item},
    },
    "codex output": lambda text, item: {
        "method": "item/commandExecution/outputDelta", "payload": {"delta": text, "itemId": item},
    },
    "claude": lambda text, item: {
        "kind": "stream_event",
        "payload": {"event": {"type": "content_block_delta", "index": item, "delta": {"type": "text_delta", "text": text}}},
    },
    "claude arguments": lambda text, item: {
        "payload": {"event": {"type": "content_block_delta", "index": item, "delta": {"partial_json": text}}},
    },
    "opencode": lambda text, item: {
        "type": "message.part.delta", "payload": {"properties": {"partID": item, "field": "text", "delta": text}},
    },
    "acp": lambda text, item: {
        "method": "session/update",
        "payload": {"update": {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}}},
    },
    "stored message": lambda text, item: {"messageId": item, "role": "assistant", "text": text, "streaming": True},
}  # fmt: skip


def _pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def _left(text: str, secret: str) -> list[str]:
    """Parts of a secret that are still to be read."""
    return [secret[at : at + 9] for at in range(len(secret) - 8) if secret[at : at + 9] in text]


@pytest.mark.parametrize("size", [1, 3, 8, 21])
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize("make", STREAMS.values(), ids=STREAMS)
def test_what_is_spread_over_pieces_is_masked_and_the_rest_stays(make: Maker, secret: str, size: int) -> None:
    redactor = Redactor(content=True)
    streamed = StreamedSecrets(redactor)
    records = [make(piece, "one") for piece in _pieces(f"Take this one: {secret}\nand go on with care.", size)]
    for place, record in enumerate(records):
        streamed.add(place, record)
    shown = [redactor.record(streamed.masked(place, record)) for place, record in enumerate(records)]
    told = "".join(_delta(record) for record in shown)
    assert _left(told, secret) == []
    assert told.startswith("Take this one: ‹")
    assert told.endswith("and go on with care.")


def _delta(value: Any, name: str = "") -> str:
    """The piece of a record: its first text under a name that streams."""
    if isinstance(value, dict):
        return next((found for key, part in value.items() if (found := _delta(part, key))), "")
    return value if isinstance(value, str) and name in ("delta", "text", "partial_json") else ""


def test_streams_that_take_turns_are_told_apart() -> None:
    redactor = Redactor(content=True)
    streamed = StreamedSecrets(redactor)
    first, second = _pieces(_KEY, 5), _pieces(SECRETS["github"], 5)
    records = []
    for one, other in zip(first, second, strict=False):
        records += [STREAMS["canonical"](one, "one"), STREAMS["canonical"](other, "two")]
    for place, record in enumerate(records):
        streamed.add(place, record)
    shown = [streamed.masked(place, record) for place, record in enumerate(records)]
    assert _left("".join(_delta(record) for record in shown[::2]), _KEY) == []
    assert _left("".join(_delta(record) for record in shown[1::2]), SECRETS["github"][:40]) == []


def test_a_long_stream_is_searched_in_parts_and_a_secret_between_them_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("t3lens.redact.streams._WINDOW", 400)
    monkeypatch.setattr("t3lens.redact.streams._OVERLAP", 100)
    streamed = StreamedSecrets(Redactor(content=True))
    text = "".join(f"{'well ' * number} {_KEY} " for number in range(60))
    records = [STREAMS["canonical"](piece, "one") for piece in _pieces(text, 7)]
    for place, record in enumerate(records):
        streamed.add(place, record)
    told = "".join(_delta(streamed.masked(place, record)) for place, record in enumerate(records))
    assert _left(told, _KEY) == []
    assert told.count("well ") == text.count("well ")


@pytest.fixture(scope="module")
def streaming_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in whose log a key streams in pieces, in both labels."""
    home = tmp_path_factory.mktemp("streaming") / "home"
    build_home(home, "orphaned-turn")
    log = sorted((home / "userdata" / "logs" / "provider").glob("*.log"))[0]
    head, _, body = log.read_text("utf-8").splitlines()[-1].partition("] ")
    like = json.loads(body.partition(": ")[2])
    with log.open("a", encoding="utf-8") as out:
        for number, piece in enumerate(_pieces(f"Your key is {_KEY}, keep it.", 6)):
            record = {
                "eventId": f"piece-{number}", "provider": like.get("provider", "codex"), "threadId": like["threadId"],
                "createdAt": head[1:], "itemId": "answer", "type": "content.delta",
                "payload": {"streamKind": "assistant_text", "delta": piece},
            }  # fmt: skip
            out.write(f"{head}] CANON: {json.dumps(record)}\n")
            native = {"id": f"n-{number}", "threadId": like["threadId"], **STREAMS["codex"](piece, "answer")}
            out.write(f"{head}] NTIVE: {json.dumps(native)}\n")
    return home


@pytest.mark.parametrize("as_read", [False, True])
def test_parquet_holds_no_piece_of_it_unless_asked_for(streaming_home: Path, tmp_path: Path, as_read: bool) -> None:
    with t3lens.open(streaming_home, server="dead", records="off") as lens:
        made = lens.export_parquet(tmp_path / "tables", as_read=as_read)
    with duckdb.connect() as con:
        rows = con.execute(
            "select label, payload ->> '$.delta', extra ->> '$.textDelta' from read_parquet(?, union_by_name = true) "
            "where item_id = 'answer' order by line",
            [f"{tmp_path}/tables/log_events/**/*.parquet"],
        ).fetchall()
    streams = ["".join(text or "" for name, text, _ in rows if name == label) for label in ("CANON", "NTIVE")]
    streams.append("".join(text or "" for _, _, text in rows))
    assert [text[-9:] for text in streams] == [" keep it."] * 3
    assert [bool(_left(text, _KEY)) for text in streams] == [as_read] * 3
    assert bool(made.maskings) is not as_read


_ROWS: Final = "from log_events where item_id = 'answer' and label = 'CANON' order by line"


def test_sql_prints_no_piece_of_it_unless_asked_for(streaming_home: Path, run: Run) -> None:
    words = ("sql", f"select payload ->> '$.delta' as piece, item_id, line {_ROWS}", streaming_home, "--format", "json")
    masked, whole = ("".join(row["piece"] for row in json.loads(run(*words, *more).out)) for more in ((), ("--as-read",)))
    assert _left(masked, _KEY) == []
    assert masked == "Your key is ‹openai-key-1›, keep it."
    assert _KEY in whole


def test_what_is_printed_of_rows_keeps_paths_hosts_and_ids() -> None:
    row = {
        "a": "/home/jane/work",
        "b": "db.acme.internal",
        "thread_id": "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGh",
        "n": 1,
    }
    shown = without_secrets(pd.DataFrame([row, row | {"a": f"key {_KEY}"}]))
    assert shown.to_dict("records") == [row, row | {"a": "key ‹openai-key-1›"}]


def test_a_notebook_shows_no_piece_of_it(streaming_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_CONTENT", "1")
    monkeypatch.setattr(masked_frame, "in_kernel", lambda: True)
    masking._redactor.cache_clear()
    masking.mask_text.cache_clear()
    with t3lens.open(streaming_home, server="dead", records="off") as lens:
        table = lens.sql(f"select payload, payload ->> '$.delta' as piece, item_id {_ROWS}")
    with pd.option_context("display.max_rows", None, "display.max_colwidth", None):
        for shown in (table, table[["payload"]], table["payload"], table["piece"]):
            assert "‹openai-key-1›" in repr(shown)
            assert _left("".join(repr(shown).split()), _KEY) == []
            assert not any(piece in repr(shown) for piece in _pieces(_KEY, 6)[1:-1])
    masking._redactor.cache_clear()
    masking.mask_text.cache_clear()


def test_bundles_and_records_with_content_hold_no_piece_of_it(streaming_home: Path, tmp_path: Path) -> None:
    with t3lens.open(streaming_home, server="dead", records="off") as lens:
        everything = [lens.thread_for(one) for one in lens.diagnosis.threads]
        lens.bundle(tmp_path / "told.zip", everything, content=True)
        rows = lens.session.rows(
            "select home_id, thread_id, file_id, line from log_events where type = 'content.delta' and item_id = 'answer' "
            "order by file_order, line"
        )
        bodies = []
        for home_id, thread_id, file_id, line in rows:
            found = find_record(lens.store, home_id, thread_id, f"log:{file_id}:{line}", content=True)
            assert found is not None
            bodies.append(json.loads(found.body)["delta"])
    assert len(rows) > 5
    assert _left("".join(bodies), _KEY) == []
    assert "".join(bodies).startswith("Your key is ‹")
    told: dict[str, list[str]] = {}
    with zipfile.ZipFile(tmp_path / "told.zip") as packed:
        for name in packed.namelist():
            if name.endswith(".log"):
                for line in packed.read(name).decode().splitlines():
                    head, _, body = line.partition(": ")
                    record = json.loads(body)
                    for path in ("payload", "textDelta"):
                        text = record.get(path)
                        text = text.get("delta") if isinstance(text, dict) else text
                        told.setdefault(f"{head[-5:]} {path}", []).append(text if isinstance(text, str) else "")
    streams = ["".join(told[name]) for name in ("CANON payload", "NTIVE payload", "NTIVE textDelta")]
    assert [text[-9:] for text in streams] == [" keep it."] * 3
    assert [_left(text, _KEY) for text in streams] == [[], [], []]
