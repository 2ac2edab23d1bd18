"""Ids are keys: whatever they look like, they leave whole in everything that machines read, for both data models."""

from __future__ import annotations

import html
import json
import re
import shutil
import sqlite3
import zipfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

import t3lens
from t3lens.cli import run
from t3lens.redact import RedactionRules, Redactor
from t3lens.redact.names import is_key
from t3lens.sim import SimHome
from t3lens.sim.script import Tool
from t3lens.t3code.v1.log_grammar import file_segment
from t3lens.time import iso
from t3lens.view.notebook.masking import mask_cell
from tests.recordings import RECORDED_V2, needs_recordings_v2
from tests.second_model import SAMPLE, V1_STUCK

HOMES = {
    "v1": (SAMPLE, V1_STUCK),
    "v2": (RECORDED_V2 / "0.0.31-20260807/07-kill9-server/1-after-kill9", "cc89ebee-79fc-4d04-bebe-8ea9c22a5b59"),
}
"""A home of each data model, and its stuck thread."""

KEYS = {
    "random": "Thread.With Longerword/0123456789ABCDEF0123456789ABCD",
    "address": "dev.user@build.corp.internal/10.1.2.3",
    "home": "/home/dev/atlas  and 4142434445464748494A4B4C4D4E4F %41%42",
    "long": "Long.Thread Id/" + "0123456789ABCDEF" * 30,
}


@dataclass(frozen=True)
class Renamed:
    """A home whose stuck thread has another id."""

    path: Path
    thread: str


def renamed(source: Path, old: str, target: Path, thread: str) -> Renamed:
    """A copy of a home, with another id of a thread wherever that stands."""
    shutil.copytree(source, target)
    database = next(target.rglob("state*.sqlite"))
    with closing(sqlite3.connect(database)) as con, con:
        tables = [row[0] for row in con.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name DESC")]
        for table in tables:
            for (name,) in con.execute(f'SELECT name FROM pragma_table_info("{table}")').fetchall():
                new = f'replace("{name}", ?, ?) WHERE typeof("{name}") = \'text\''
                con.execute(f'UPDATE "{table}" SET "{name}" = {new}', [old, thread])
    for path in target.rglob("logs/provider/*"):
        path.write_bytes(path.read_bytes().replace(old.encode(), thread.encode()))
        path.rename(path.with_name(path.name.replace(old, file_segment(thread))))
    return Renamed(target, thread)


@pytest.fixture(
    params=[
        pytest.param((model, key), id=f"{model}-{key}", marks=needs_recordings_v2 if model == "v2" else ())
        for model in HOMES
        for key in KEYS
    ]
)
def home(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Renamed]:
    monkeypatch.setenv("T3LENS_CONFIG", "")
    model, key = request.param
    yield renamed(*HOMES[model], tmp_path / "home", KEYS[key])


def test_documents_bundles_and_tables_name_the_thread_as_it_is(home: Renamed, tmp_path: Path) -> None:
    thread = home.thread
    names = ("a.json", "a.ndjson", "a.sarif", "a.xml")
    outputs = [word for name in names for word in ("-o", str(tmp_path / name))]
    assert run(["audit", str(home.path), "--server", "dead", *outputs]) == 1
    told = json.loads((tmp_path / "a.json").read_text())
    assert told["threads"][0]["thread_id"] == thread
    keys = {piece["key"] or "" for finding in told["threads"][0]["findings"] for piece in finding["evidence"]}
    assert any(thread in key for key in keys)
    lines = [json.loads(line) for line in (tmp_path / "a.ndjson").read_text().splitlines()]
    assert {line.get("thread_id") for line in lines if line["kind"] == "finding"} >= {thread}
    results = json.loads((tmp_path / "a.sarif").read_text())["runs"][0]["results"]
    places = {one["name"] for result in results for place in result["locations"] for one in place["logicalLocations"]}
    assert thread in places
    assert thread in {result["properties"]["threadId"] for result in results}
    cases = [case for case in ET.parse(tmp_path / "a.xml").iter("testcase") if case.get("classname") != "home"]
    assert any(case.get("name", "").endswith(f"({thread})") for case in cases)

    with t3lens.open(home.path, server="dead") as lens:
        assert thread in set(lens.sql("select thread_id from threads")["thread_id"])
        assert thread in json.loads(lens.findings().to_json(date_format="iso"))["thread_id"].values()
        lens.report(tmp_path / "r.html", [thread])
        lens.bundle(tmp_path / "b.zip", [thread])
    assert thread in html.unescape((tmp_path / "r.html").read_text("utf-8"))
    with zipfile.ZipFile(tmp_path / "b.zip") as packed:
        assert json.loads(packed.read("manifest.json"))["threads"][0]["thread_id"] == thread
    with t3lens.open(tmp_path / "b.zip") as again:
        assert [one.thread_id for one in again.diagnosis.threads] == [thread]
        assert again.diagnosis.threads[0].verdict.value == "stuck"


def test_a_request_is_named_by_its_own_id(tmp_path: Path) -> None:
    with SimHome(tmp_path / "home", build="0.0.33") as home:
        thread = home.thread("Remove it", provider="codex", runtime_mode="approval-required")
        home.send(thread, "Remove it.", Tool("rm -rf build", approval=True))
        request = home.wait_request(thread)
        home.advance(60)
    asked = renamed(tmp_path / "home", request, tmp_path / "renamed", KEYS["random"])
    out = tmp_path / "a.json"
    run(["audit", str(asked.path), "--server", "alive", "--as-of", iso(home.now), "-o", str(out)])
    ((finding,),) = [thread["findings"] for thread in json.loads(out.read_text())["threads"]]
    assert finding["summary"] == f"An answer to approval {KEYS['random'][:8]} is awaited in “Remove it”."
    assert finding["evidence"][0]["key"] == KEYS["random"]


def test_a_text_around_a_key_is_masked_and_the_key_is_not() -> None:
    redactor = Redactor(rules=RedactionRules(words=("nightingale",)))
    redactor.keep_keys(KEYS.values())
    redactor.keep_keys(["project-nightingale/7"])
    for key in (*KEYS.values(), "project-nightingale/7"):
        said = redactor.text(f"thread {key} of someone@example.com on nightingale")
        assert re.fullmatch(rf"thread {re.escape(key)} of ‹email-1› on ‹word-1›", said)
        assert redactor.text(key) == key
    other = KEYS["random"].replace("Long", "Short")
    assert redactor.text(other) != other


@pytest.mark.parametrize("content", [False, True])
def test_ids_of_a_record_stay_and_what_was_said_does_not(content: bool) -> None:
    key = KEYS["random"]
    record = {
        "threadId": key,
        "turnIds": [key],
        "payload": {"requestId": key, "detail": f"me@example.com {key}", "apiKey": key},
    }
    shown = Redactor(content=content).record(record)
    assert (shown["threadId"], shown["turnIds"], shown["payload"]["requestId"]) == (key, [key], key)
    assert "example" not in shown["payload"]["detail"]
    assert shown["payload"]["apiKey"] == "‹secret-field-1›"


def test_a_notebook_shows_ids_and_relative_paths_as_they_are() -> None:
    key = KEYS["random"]
    for name in ("thread_id", "home_id", "finding_id", "provider_thread_id"):
        assert mask_cell((name,), key) == key
    assert mask_cell(("path",), f"logs/provider/{key}") == f"logs/provider/{key}"
    assert "/home/dev" not in mask_cell(("path",), "/home/dev/.t3")
    assert mask_cell(("title",), key) != key


@pytest.mark.parametrize(
    ("name", "key"),
    [("threadId", True), ("active_turn_id", True), ("provider.thread_id", True), ("requestIds", True),
     ("accessKeyId", False), ("JSESSIONID", False), ("paid", False), ("title", False), ("customerId", False)],
)  # fmt: skip
def test_what_is_a_key_by_its_name(name: str, key: bool) -> None:
    assert is_key(name) is key
