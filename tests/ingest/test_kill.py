"""Ingest killed at any moment, while logs grow and rotate, goes on exactly: nothing lost, nothing twice.

Twelve kills by default; ``T3LENS_TEST_SIZE=full`` makes it a hundred.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from t3lens.store import Store
from tests.ingest.disk import assert_every_byte, counts, line, read

_KILLS = 100 if os.environ.get("T3LENS_TEST_SIZE") == "full" else 12
_INGEST = """
import sys
from pathlib import Path
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.store import Store
print("go", flush=True)
while True:
    store = Store.open(Path(sys.argv[2]))
    ingest(store, discover([sys.argv[1]]), options=IngestOptions(server="alive"))
"""


class Writer(threading.Thread):
    """Appends to two logs, in pieces that do not end with lines, and rotates them, until told to stop."""

    def __init__(self, logs: Path) -> None:
        super().__init__()
        self.logs = logs
        self.ended = threading.Event()
        self.written = 0

    def rotate(self, name: str) -> None:
        ages = [int(p.name.rpartition(".")[2]) for p in self.logs.glob(f"{name}.*")]
        for age in sorted(ages, reverse=True):
            (self.logs / f"{name}.{age}").rename(self.logs / f"{name}.{age + 1}")
        (self.logs / name).rename(self.logs / f"{name}.1")

    def run(self) -> None:
        rng = random.Random(5)
        while not self.ended.wait(0.002):
            name = rng.choice(["a.log", "events.b.log"])
            data = b""
            for _ in range(rng.randrange(1, 30)):
                self.written += 1
                data += line(self.written, text="é" * rng.randrange(300))
            cut = rng.randrange(len(data))
            for part in (data[:cut], data[cut:]):
                with (self.logs / name).open("ab") as stream:
                    stream.write(part)
            if (self.logs / name).stat().st_size > 200_000:
                self.rotate(name)


@pytest.mark.slow
def test_nothing_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    logs = tmp_path / "userdata" / "logs" / "provider"
    logs.mkdir(parents=True)
    path = tmp_path / "store.duckdb"
    writer = Writer(logs)
    writer.start()
    rng = random.Random(11)
    try:
        for _ in range(_KILLS):
            child = subprocess.Popen(
                [sys.executable, "-c", _INGEST, str(tmp_path), str(path)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            assert child.stdout is not None
            assert child.stdout.readline() == "go\n"
            # A moment somewhere within the first rounds of reading, transactions and closing included.
            writer.ended.wait(rng.uniform(0, 0.8))
            assert child.poll() is None, child.communicate()[1]
            child.send_signal(signal.SIGKILL)
            child.communicate(timeout=30)
    finally:
        writer.ended.set()
        writer.join()
    store = Store.open(path)
    read(store, tmp_path)
    found = counts(store)
    assert store.set_aside is None
    assert set(found) == {f"e{n}" for n in range(1, writer.written + 1)}
    assert max(found.values()) == 1
    assert store.table("SELECT count(*) AS n FROM quarantine").to_pylist() == [{"n": 0}]
    assert_every_byte(store)
