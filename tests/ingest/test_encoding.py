"""A log in UTF-16 is named as such: where it is, what to do; no byte of it is lost, and no message of it is shown."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from t3lens.ingest.lines import utf_16
from t3lens.store import Store
from tests.ingest.disk import line, lines, read

_MARKS = {"utf-16le": codecs.BOM_UTF16_LE, "utf-16be": codecs.BOM_UTF16_BE}


@pytest.mark.parametrize("marked", [True, False])
@pytest.mark.parametrize("encoding", list(_MARKS))
@pytest.mark.parametrize("name", ["a.log", "server.trace.ndjson"])
def test_a_log_in_utf_16_is_named_and_kept(tmp_path: Path, encoding: str, marked: bool, name: str) -> None:
    folder = tmp_path / "userdata" / "logs"
    place = folder / "provider" / name if name.endswith(".log") else folder / name
    (folder / "provider").mkdir(parents=True)
    (folder / "provider" / "b.log").write_bytes(line(1))
    data = (_MARKS[encoding] if marked else b"") + lines(2, 20, text="our plans; token=abcdefgh12345678").decode().encode(
        encoding
    )
    place.write_bytes(data)
    store = Store.open()
    report = read(store, tmp_path)
    (problem,) = (text for text in report.problems if name in text)
    assert f"UTF-16{encoding[-2:].upper()}" in problem
    assert f"iconv -f {encoding.upper()} -t UTF-8" in problem
    kept = store.table("SELECT reason, length, excerpt FROM quarantine").to_pylist()
    assert sum(piece["length"] for piece in kept) == len(data)
    assert {piece["reason"] for piece in kept} <= {"utf-16", "torn"}
    assert "our plans" not in "".join(piece["excerpt"] for piece in kept)
    assert "abcdefgh" not in "".join(piece["excerpt"] for piece in kept)


@pytest.mark.parametrize("data", [line(1), b"\0" * 400, b"\0" * 100 + line(1), "日本語".encode() * 50, b"", b"\0", b"x"])
def test_other_texts_are_not_taken_for_it(data: bytes) -> None:
    assert utf_16(data) is None
