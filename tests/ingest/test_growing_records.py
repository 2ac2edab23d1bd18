"""A record that grew is read on from where it had come to, and comes to the same as one that is read whole."""

from __future__ import annotations

import os
import pickle
import random
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from t3lens.ingest.records import read, resume
from t3lens.ingest.records.read import ReadRecord, read_file
from t3lens.store import Store
from tests.agents.witness import WITNESS, needs_witness
from tests.ingest.test_agent_records import home_with_records
from tests.ingest.test_agent_records import kept as kept_turns
from tests.ingest.test_agent_records import read as ingest_records

_AGENTS = ("codex", "claudeAgent")


@pytest.fixture(autouse=True)
def keep_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read, "WORTH_KEEPING", 1)


@pytest.fixture
def fed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The numbers of the lines that were looked at."""
    numbers: list[int] = []
    real: Callable[..., Any] = read.feed_lines

    def counted(path: Path, taker: Any, *more: Any) -> None:
        class Counting:
            def __getattr__(self, name: str) -> Any:
                if not name.startswith("feed"):
                    return getattr(taker, name)

                def feed(line: int, offset: int, raw: bytes) -> None:
                    numbers.append(line)
                    getattr(taker, name)(line, offset, raw)

                return feed

        real(path, Counting(), *more)

    monkeypatch.setattr(read, "feed_lines", counted)
    return numbers


def _grown(path: Path, content: bytes, cuts: list[int]) -> ReadRecord | None:
    """A record read whenever it had grown to the next length."""
    state: bytes | None = None
    found: list[ReadRecord] = []
    for cut in [*cuts, len(content)]:
        path.write_bytes(content[:cut])
        found = list(read_file(path, None, state))
        state = found[0].so_far if found else state
    return found[0] if found else None


@needs_witness
@pytest.mark.parametrize("agent", ["codex", "claude"])
def test_however_it_grew_it_comes_to_the_same(agent: str, tmp_path: Path) -> None:
    rng = random.Random(agent)
    records = sorted(path for path in (WITNESS / agent).rglob("*.jsonl") if "subagents" not in path.parts)
    assert len(records) > 20
    for source in rng.sample(records, 40):
        content = source.read_bytes()
        path = tmp_path / source.name
        path.write_bytes(content)
        whole = [replace(one, so_far=None) for one in read_file(path)]
        cuts = sorted(rng.randrange(len(content) + 1) for _ in range(4))
        grown = _grown(path, content, cuts)
        assert ([replace(grown, so_far=None)] if grown else []) == whole, (source, cuts)


def test_only_what_is_new_is_looked_at(tmp_path: Path, fed: list[int]) -> None:
    home_with_records(tmp_path, 2, _AGENTS)
    with closing(Store.open(tmp_path / "s.duckdb")) as store:
        ingest_records(store, tmp_path)
    paths = sorted((tmp_path / "agents").rglob("*.jsonl"))
    lines = {path: path.read_bytes().count(b"\n") for path in paths}
    assert len(fed) == sum(lines.values())
    for path in paths:
        fed.clear()
        last = path.read_bytes().splitlines(keepends=True)[-1]
        with path.open("ab") as out:
            out.write(b"{broken\n" + last + last[:30])
        with closing(Store.open(tmp_path / "s.duckdb")) as store:
            ingest_records(store, tmp_path)
            (row,) = store.table("from provider_records where path = ?", [str(path)]).to_pylist()
            new = [lines[path] + 1, lines[path] + 2, lines[path] + 3]
            assert [number for number in fed if number in new] == new
            assert len(fed) <= 4  # what has no end yet in the other is looked at again
            assert (row["lines"], row["unread"], row["torn_bytes"]) == (lines[path] + 2, 1, 30)
            assert row["size"] == path.stat().st_size
            rejected = store.table("from record_quarantine where path = ? order by line", [str(path)]).to_pylist()
            assert [one["line"] for one in rejected] == [lines[path] + 1, lines[path] + 3]
    with closing(Store.open(tmp_path / "s.duckdb")) as store, closing(Store.open()) as anew:
        ingest_records(anew, tmp_path)
        assert kept_turns(store) == kept_turns(anew)


@pytest.mark.parametrize("agent", _AGENTS)
def test_one_that_was_written_anew_is_read_anew(tmp_path: Path, fed: list[int], agent: str) -> None:
    home_with_records(tmp_path, 1, (agent,))
    (path,) = (tmp_path / "agents").rglob("*.jsonl")
    content = path.read_bytes()
    changes = (
        content.replace(b'"timestamp":"2', b'"timestamp":"1', 1),  # its beginning
        content[: len(content) - 40] + b"x" * 20 + content[-20:],  # its end
        content[: content.index(b"\n") + 1],  # shorter
    )
    state = next(read_file(path)).so_far
    for change in changes:
        path.write_bytes(change)
        fed.clear()
        list(read_file(path, None, state))
        assert fed[:1] == [1]
    path.write_bytes(content)
    moved = path.rename(path.with_name(f"moved-{path.name}"))
    fed.clear()
    assert [replace(one, so_far=None, path=path) for one in read_file(moved, None, state)]
    assert fed == []


class _Harm:
    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, ("harmed",))


def test_a_state_that_is_none_of_ours_is_not_loaded(tmp_path: Path, fed: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    home_with_records(tmp_path, 1, ("codex",))
    (path,) = (tmp_path / "agents").rglob("*.jsonl")
    state = next(read_file(path)).so_far
    assert state is not None
    other_code = pickle.dumps(("another", *pickle.loads(state)[1:]))
    for odd in (b"", b"x", state[:-20], pickle.dumps(_Harm()), pickle.dumps(7), pickle.dumps((1, 2, 3, 4, {})), other_code):
        fed.clear()
        assert len(list(read_file(path, None, odd))) == 1
        assert fed[:1] == [1]
    assert not (tmp_path / "harmed").exists()
    assert resume.resumed(path, state) is not None


def test_no_state_is_kept_where_only_the_lifecycle_is(tmp_path: Path) -> None:
    from t3lens.ingest import IngestOptions, discover, ingest

    home_with_records(tmp_path, 1, ("codex",))
    with closing(Store.open()) as store:
        for only, count in ((True, 0), (False, 1)):
            options = IngestOptions(server="alive", records=(str(tmp_path / "agents"),), metadata_only=only)
            ingest(store, discover([tmp_path / "home"]), options=options)
            assert store.table("from _record_states").num_rows == count
            (path,) = (tmp_path / "agents").rglob("*.jsonl")
            with path.open("ab") as out:
                out.write(b"\n")
