"""Very many homes: rows in order, names, older audits and documents are never held as a whole."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace

from t3lens.document import json_stream, rows
from t3lens.document.baseline import baseline_of, kept_for_next, read_baseline, with_baseline
from t3lens.document.disk_map import DiskMap
from t3lens.document.formats import FORMATS, in_pieces
from t3lens.document.incidents import in_order
from t3lens.document.model import AuditDocument, HomeEntry, IncidentEntry, ThreadEntry
from t3lens.document.rows import DiskRows, Ranking
from t3lens.document.short_ids import short_ids
from t3lens.domain.episode_end import EpisodeEnd
from t3lens.domain.finding import Confidence, Verdict
from t3lens.view.page.escape import distinct_prefixes
from tests.document.test_many_homes import table


class Key(NamedTuple):
    home: str
    thread: str


@pytest.fixture
def short_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "_RUN", 3)


@pytest.mark.parametrize("number", [0, 2, 3, 7, 50])
def test_an_order_is_that_of_sorting_whatever_waits_on_the_disk(number: int, short_runs: None) -> None:
    keys = [(n * 7 % 5, f"{n % 3}") for n in range(number)]
    ranking = Ranking[tuple[int, str]](tuple[int, str])
    for key in keys:
        ranking.append(key)
    assert list(ranking.order()) == sorted(range(number), key=keys.__getitem__)


def test_a_map_on_the_disk_is_a_dict_in_order_of_its_keys() -> None:
    found: DiskMap[Key, int | None] = DiskMap(Key, int | None)
    known = {Key("b", ""): 1, Key("a", "y"): None, Key("a", ""): 3, Key("\udcff", "z"): 4}
    for key, value in known.items():
        found.put(key, value)
    found.put(Key("a", ""), 5)
    assert found == known | {Key("a", ""): 5}
    assert [*found] == sorted(known)
    assert Key("a", "y") in found and Key("c", "") not in found and found.get(Key("c", "")) is None
    assert len(found) == 4


@pytest.mark.parametrize("at_once", [1, 3, 1 << 18])
def test_a_document_is_read_in_pieces_wherever_it_is_cut(at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_AT_ONCE", at_once)
    values: dict[str, Any] = {
        "a": 1234567,
        "rows": [{"x": [1, 'é\\"']}, 12, []],
        "none": [],
        "z": {"rows": [1]},
        "rows2": 0.5,
    }
    for indent in (None, 1):
        text = io.StringIO(json.dumps(values, indent=indent, ensure_ascii=indent is None))
        found = list(json_stream.members(text, ("rows", "none")))
        assert [one.value for one in found if one.name == "rows"] == values["rows"]
        assert {one.name: one.value for one in found if one.place is None} == {
            name: value for name, value in values.items() if name not in ("rows", "none")
        }


_WITHOUT_END = ["", "{", '{"a"', '{"a": 1,', '{"rows": [1', '{"a": tru']


@pytest.mark.parametrize(
    "text", [*_WITHOUT_END, '{"rows": [1 2]}', "{} {}", "{1: 2}", '{"a": 1,}', '{"rows": [1,]}', '{"rows": [,]}']
)
def test_what_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="char"):
        list(json_stream.members(io.StringIO(text), ("rows",)))


def test_short_ids_are_the_same_from_the_disk(document: AuditDocument) -> None:
    threads = [
        replace(one, thread_id=name) for one, name in zip(document.threads, ("abcdefgh1", "abcdefgh2", "x"), strict=False)
    ]
    ids = [one.thread_id for one in threads]
    found = short_ids(DiskRows(ThreadEntry, threads))
    assert {one: found[one] for one in ids} == distinct_prefixes(ids) == short_ids(threads)
    assert found.get("nothing") is None


def incident(number: int, thread: ThreadEntry) -> IncidentEntry:
    return IncidentEntry(
        incident_id=f"i{number}", home_id=thread.home_id, thread_id=thread.thread_id, title="t", provider=None,
        verdict=Verdict.STUCK, code="retry-loop", codes=("retry-loop",), since=f"2026-11-29T02:{number % 60:02d}:00.000Z",
        until=None if number % 2 else "2026-11-29T04:00:00.000Z", ended_by=EpisodeEnd.PROVIDER,
        action_id=None, duration_s=1.0, seen_until="2026-11-29T05:00:00.000Z", turn_id=None, message_id=None,
        confidence=Confidence.CERTAIN,
        summary="s" * 500, since_event_id=None, until_event_id=None, evidence=(),
    )  # fmt: skip


def fleet(document: AuditDocument, number: int) -> AuditDocument:
    """So many copies of a home with a thread that has a finding, on the disk."""
    thread = next(one for one in document.threads if one.findings)
    home = next(one for one in document.homes if one.home_id == thread.home_id)
    homes = DiskRows(
        HomeEntry, (replace(home, home_id=f"h{n}", path=f"/a/{n}/userdata", findings=()) for n in range(number))
    )
    threads = DiskRows(ThreadEntry, (replace(thread, home_id=f"h{n}", thread_id=f"{n:09d}") for n in range(number)))
    incidents = DiskRows(IncidentEntry, (incident(n, one) for n, one in enumerate(threads)))
    return replace(document, homes=homes, threads=threads, incidents=in_order(incidents), incidents_since="2026-11-29")


def in_memory(document: AuditDocument) -> AuditDocument:
    return replace(
        document, homes=tuple(document.homes), threads=tuple(document.threads), incidents=tuple(document.incidents)
    )


@pytest.mark.parametrize("shape", ["md", "html", "table"])
def test_incidents_of_several_homes_say_whose_they_are(document: AuditDocument, shape: str) -> None:
    def told(number: int) -> str:
        some = fleet(document, number)
        return table(some) if shape == "table" else FORMATS[shape](some)

    several, one = (text[text.index("2026-11-29") :] for text in (told(3), told(1)))
    assert "home" in several[: several.index("ended by")] and "home" not in one[: one.index("ended by")]


@pytest.mark.parametrize("shape", FORMATS)
def test_a_document_says_the_same_from_the_disk(document: AuditDocument, shape: str) -> None:
    some = fleet(document, 12)
    assert "".join(in_pieces(shape, some)) == FORMATS[shape](in_memory(some))


def _against_itself(folder: Path) -> Callable[[AuditDocument], Iterator[str]]:
    def compared(document: AuditDocument) -> Iterator[str]:
        path = folder / "last.json"
        with path.open("w") as stream:
            stream.writelines(kept_for_next(document, None))
        baseline = read_baseline(path)
        assert with_baseline(document, baseline).baseline is not None
        yield from kept_for_next(document, baseline)

    return compared


@pytest.mark.parametrize("how", ["compared", "junit", "sarif", "ndjson"])
def test_memory_does_not_grow_with_homes(document: AuditDocument, tmp_path: Path, how: str) -> None:
    written: Callable[[AuditDocument], Any]
    written = _against_itself(tmp_path) if how == "compared" else lambda one: in_pieces(how, one)

    def peak(number: int) -> int:
        some = fleet(document, number)
        tracemalloc.start()
        try:
            for _ in written(some):
                pass
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(10)
    few, many = peak(50), peak(150)
    for_each = (many - few) / 100
    assert for_each < 1_500, f"{for_each:.0f} bytes for each home"


def test_a_baseline_in_pieces_is_the_document(document: AuditDocument, tmp_path: Path) -> None:
    path = tmp_path / "last.json"
    path.write_text("".join(kept_for_next(document, None)))
    assert read_baseline(path) == baseline_of(document)
    assert json.loads(path.read_text())["finding_identity"] == 1
