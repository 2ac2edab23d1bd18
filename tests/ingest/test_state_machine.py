"""Whatever happens to log files between and during ingests, the store has every record once."""

from __future__ import annotations

import contextlib
import gzip
import os
import shutil
import tempfile
from pathlib import Path

import zstandard
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store
from tests.ingest.disk import assert_every_byte, complete_ids, content, counts, line

_FULL = os.environ.get("T3LENS_TEST_SIZE") == "full"
_TEXTS = st.sampled_from(["x", "naïve 東京 ✓", "a" * 700, 'quo"te\\', "{[", "🙂" * 40])


class LogFolder(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="t3lens-test-"))
        self.logs = self.folder / "userdata" / "logs" / "provider"
        self.logs.mkdir(parents=True)
        self.store = Store.open()
        self.number = 0
        self.unfinished = b""
        self.seen: set[str] = set()
        self.ingested = True

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    @property
    def current(self) -> Path:
        return self.logs / "thread.log"

    def next_line(self, text: str, label: str = "CANON") -> bytes:
        self.number += 1
        return line(self.number, label=label, text=text)

    def append(self, data: bytes) -> None:
        with self.current.open("ab") as stream:
            stream.write(data)
        self.ingested = False

    @rule(
        texts=st.lists(_TEXTS, min_size=1, max_size=5),
        label=st.sampled_from(["CANON", "NTIVE", "OTHER"]),
    )
    def write_lines(self, texts: list[str], label: str) -> None:
        rest, self.unfinished = self.unfinished, b""
        self.append(rest + b"".join(self.next_line(text, label) for text in texts))

    @rule(text=_TEXTS, share=st.floats(0.02, 0.98))
    def write_part_of_a_line(self, text: str, share: float) -> None:
        rest, self.unfinished = self.unfinished, b""
        whole = self.next_line(text)
        cut = max(1, int(len(whole) * share))
        self.append(rest + whole[:cut])
        self.unfinished = whole[cut:]

    @rule(data=st.sampled_from([b"\n", b"\0" * 40, b"garbage\n", b"\xff\xfe\n", b"\r\n", b"[2026-"]))
    def write_rubbish(self, data: bytes) -> None:
        self.append(data)
        self.unfinished = b""

    @precondition(lambda self: self.current.exists())
    @rule()
    def rotate(self) -> None:
        rotated = sorted(
            (p for p in self.logs.iterdir() if p.name.startswith("thread.log.")),
            key=lambda p: -int(p.name.split(".")[2]),
        )
        for path in rotated:
            parts = path.name.split(".")
            parts[2] = str(int(parts[2]) + 1)
            path.rename(path.with_name(".".join(parts)))
        self.current.rename(self.logs / "thread.log.1")
        self.unfinished = b""
        self.ingested = False

    @precondition(lambda self: self.current.exists())
    @rule(share=st.floats(0, 0.99))
    def truncate_in_place(self, share: float) -> None:
        os.truncate(self.current, int(self.current.stat().st_size * share))
        self.unfinished = b""
        self.ingested = False

    @precondition(lambda self: any(self.logs.iterdir()))
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        path = data.draw(st.sampled_from(sorted(self.logs.iterdir())))
        path.unlink()
        if path == self.current:
            self.unfinished = b""
        self.ingested = False

    @precondition(lambda self: (self.logs / "thread.log.1").exists())
    @rule(packed=st.sampled_from(["gz", "zst"]))
    def compress(self, packed: str) -> None:
        path = self.logs / "thread.log.1"
        pack = gzip.compress if packed == "gz" else zstandard.ZstdCompressor().compress
        path.with_name(f"{path.name}.{packed}").write_bytes(pack(path.read_bytes()))
        path.unlink()
        self.ingested = False

    @precondition(lambda self: self.current.exists())
    @rule(name=st.sampled_from(["copy.log", "thread-old.log", "events.thread.log"]))
    def copy(self, name: str) -> None:
        shutil.copyfile(self.current, self.logs / name)
        self.ingested = False

    @precondition(lambda self: (self.logs / "copy.log").exists())
    @rule()
    def restore_copy(self) -> None:
        shutil.copyfile(self.logs / "copy.log", self.current)
        self.unfinished = b""
        self.ingested = False

    @precondition(lambda self: (self.logs / "copy.log").exists())
    @rule(text=_TEXTS)
    def write_to_copy(self, text: str) -> None:
        with (self.logs / "copy.log").open("ab") as stream:
            stream.write(self.next_line(text))
        self.ingested = False

    @rule(server=st.sampled_from(["dead", "alive"]))
    def ingest(self, server: str) -> None:
        ingest(self.store, discover([self.folder]), options=IngestOptions(server=server))  # type: ignore[arg-type]
        for path in self.logs.iterdir():
            self.seen |= set(complete_ids(content(path)))
        self.ingested = True

    @rule()
    def ingest_and_fail(self) -> None:
        class Stop(Exception):
            pass

        def fail(done: int, total: int) -> None:
            raise Stop

        with contextlib.suppress(Stop):
            ingest(self.store, discover([self.folder]), progress=fail)
        self.ingest("alive")

    @invariant()
    def store_has_every_record_once(self) -> None:
        if not self.ingested:
            return
        found = counts(self.store)
        assert set(found) == self.seen
        assert all(count == 1 for count in found.values()), found.most_common(3)
        assert_every_byte(self.store)


TestLogFolder = LogFolder.TestCase
TestLogFolder.settings = settings(
    max_examples=400 if _FULL else 25,
    stateful_step_count=40 if _FULL else 20,
    suppress_health_check=list(HealthCheck),
)


def test_two_logs_that_begin_alike_and_go_on_with_lines_of_one_length_are_both_read() -> None:
    folder = LogFolder()
    try:
        folder.write_lines(texts=["both"], label="CANON")
        folder.copy(name="copy.log")
        folder.write_to_copy(text="one")
        folder.write_lines(texts=["two"], label="CANON")
        folder.ingest(server="dead")
        folder.store_has_every_record_once()
    finally:
        folder.teardown()
