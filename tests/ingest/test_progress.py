"""How far reading is, ending it early, and what the report says."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest

from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store
from tests.ingest.disk import assert_every_byte, line, lines, stored_ids


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    (tmp_path / "a.log").write_bytes(b"".join(line(n, text="x" * 5000) for n in range(1500)))
    (tmp_path / "b.log").write_bytes(lines(10_000, 10))
    return tmp_path


def test_progress_tells_bytes_up_to_all_that_is_new(logs: Path) -> None:
    store = Store.open()
    told: list[tuple[int, int]] = []
    ingest(store, discover([logs]), progress=lambda done, total: told.append((done, total)))
    size = sum(f.stat().st_size for f in logs.iterdir())
    assert told[-1] == (size, size)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert len(told) > 2
    with (logs / "b.log").open("ab") as stream:
        stream.write(lines(20_000, 3))
    told.clear()
    ingest(store, discover([logs]), progress=lambda done, total: told.append((done, total)))
    assert told == [(len(lines(20_000, 3)),) * 2]


def test_nothing_is_written_where_nobody_watches(logs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ingest(Store.open(), discover([logs]))
    assert capfd.readouterr() == ("", "")


def test_an_interrupt_ends_after_the_batch_and_the_rest_is_read_next_time(logs: Path) -> None:
    store = Store.open()
    before = signal.getsignal(signal.SIGINT)

    asked: list[int] = []

    def once(done: int, total: int) -> None:
        if not asked:
            asked.append(done)
            os.kill(os.getpid(), signal.SIGINT)

    report = ingest(store, discover([logs]), progress=once)
    assert report.interrupted
    assert "interrupted" in repr(report)
    assert signal.getsignal(signal.SIGINT) is before
    assert_every_byte(store)
    assert not ingest(store, discover([logs])).interrupted
    assert len(stored_ids(store)) == len(set(stored_ids(store))) == 1510
    assert_every_byte(store)


def test_the_report_reads_well_and_escapes_paths(tmp_path: Path) -> None:
    folder = tmp_path / "<b>logs"
    folder.mkdir()
    (folder / "a.log").write_bytes(lines(1, 2) + b"rubbish\n")
    (folder / "<i>.log.1.gz").write_bytes(b"no archive")
    options = IngestOptions(server="dead", coverage=True)
    report = ingest(Store.open(), discover([folder]), options=options)
    assert "2 records" in repr(report)
    assert "1 piece in quarantine" in repr(report)
    assert "<i>" not in report._repr_html_()
    assert "&lt;i&gt;" in report._repr_html_()
    assert [row["records"] for row in report.coverage] == [2]
    assert json.loads(json.dumps(report.to_dict(), default=str))["homes"][0]["records"] == 2
