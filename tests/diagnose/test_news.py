"""What came since: a lens that catches up judges just the threads with news, and judges them as a fresh look does."""

from __future__ import annotations

from pathlib import Path

import pytest

from t3lens.lens.lens import Lens, open_lens
from t3lens.sim.fleet import fleet
from t3lens.time import Micros


@pytest.fixture
def home(tmp_path: Path) -> tuple[Path, Micros]:
    """A home, and the moment to judge it at."""
    told = fleet(tmp_path / "home", threads=6, seed=4)
    return tmp_path / "home", told.now


def _second_half(log: Path) -> bytes:
    """Takes the second half of a log out of it."""
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[: len(lines) // 2]))
    return b"".join(lines[len(lines) // 2 :])


def _told(lens: Lens) -> list[tuple[object, ...]]:
    assert lens.diagnosis
    return [
        *lens.rows("select thread_id, verdict, primary_code, epoch_us(since) from verdicts order by all"),
        *lens.rows("select thread_id, code, epoch_us(since), summary from findings order by all"),
        *lens.rows("select thread_id, turn_id, state, settled, terminal, error, rules from expected_turns order by all"),
    ]


def test_only_the_threads_with_news_are_judged_again(home: tuple[Path, Micros]) -> None:
    path, now = home
    log = sorted((path / "userdata" / "logs" / "provider").glob("*.log"))[2]
    held_back = _second_half(log)
    with open_lens(path, as_of=now, server="alive") as lens:
        partial, before = _told(lens), {t.thread_id: t for t in lens.diagnosis.threads}
        with log.open("ab") as stream:
            stream.write(held_back)
        assert lens.catch_up() == [log.stem]
        assert {t.thread_id for t in lens.diagnosis.threads if t is not before[t.thread_id]} == {log.stem}
        assert lens.catch_up() == []
        with open_lens(path, as_of=now, server="alive") as fresh:
            assert _told(lens) == _told(fresh) != partial


def test_a_server_that_went_makes_everything_be_looked_at(home: tuple[Path, Micros]) -> None:
    path, now = home
    with open_lens(path, as_of=now) as lens:
        threads = sorted(t.thread_id for t in lens.diagnosis.threads)
        (path / "userdata" / "server-runtime.json").unlink()
        assert sorted(lens.catch_up()) == threads


def test_the_first_look_is_at_everything(home: tuple[Path, Micros]) -> None:
    path, now = home
    with open_lens(path, as_of=now, server="alive") as lens:
        assert len(lens.catch_up()) == 6
