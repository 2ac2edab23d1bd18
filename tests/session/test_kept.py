"""What a store holds of conclusions is not concluded again, unless something it rests on is different."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from t3lens.diagnose import Diagnosis, diagnose
from t3lens.lens.lens import open_lens
from t3lens.session import session as module
from t3lens.sim.scenarios import build_home
from t3lens.store import Store

AuditRequest = Callable[..., tuple[pd.DataFrame, int]]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    build_home(tmp_path / "home", "retry-loop")
    for path in (tmp_path / "home").rglob("*"):
        _written(path, hours_ago=3)
    return tmp_path / "home"


def _written(path: Path, *, hours_ago: int) -> None:
    """A file that was just written may change without its time changing, so it is looked at again."""
    when = time.time() - hours_ago * 3600
    os.utime(path, (when, when))


@pytest.fixture
def asked(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AuditRequest:
    """The findings as a command line asks for them, and how often it judged."""
    judged = []

    def counted(*args: object, **more: object) -> Diagnosis:
        judged.append(1)
        return diagnose(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "diagnose", counted)

    def ask(**more: object) -> tuple[pd.DataFrame, int]:
        judged.clear()
        with open_lens(home, store=tmp_path / "store.duckdb", **({"server": "dead"} | more)) as lens:  # type: ignore[arg-type]
            found = lens.findings()
            assert lens.notices == []
        return found, len(judged)

    return ask


def test_an_up_to_date_store_is_not_judged_again(asked: AuditRequest) -> None:
    first, judged = asked()
    assert (judged, len(first) > 0) == (1, True)
    again, judged = asked()
    assert judged == 0
    pd.testing.assert_frame_equal(again, first)


def test_it_is_judged_again_when_something_it_rests_on_changed(asked: AuditRequest, home: Path) -> None:
    asked()
    assert asked(thresholds={"silence": 1.0})[1] == 1, "other thresholds"
    assert asked()[1] == 1, "the first ones again: the store held what the others led to"
    assert asked()[1] == 0
    log = min(home.glob("userdata/logs/provider/*.log"))
    log.write_bytes(log.read_bytes() + b"not a line of a log\n")
    _written(log, hours_ago=2)
    assert asked()[1] == 1, "a line more"
    assert asked()[1] == 0
    log.unlink()
    assert asked()[1] == 1, "a log that is gone"


def test_a_server_that_runs_is_judged_as_of_now_each_time(asked: AuditRequest) -> None:
    assert [asked(server="alive")[1] for _ in range(2)] == [1, 1]


def test_what_was_read_while_it_was_judged_is_judged_the_next_time(
    asked: AuditRequest, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = module.diagnose

    def slow(store: Store, *args: object, **more: object) -> Diagnosis:
        found = counted(store, *args, **more)  # type: ignore[arg-type]
        with store.write() as con:  # as another process would read a line meanwhile
            con.execute("update _files set lines = lines + 1")
        return found

    monkeypatch.setattr(module, "diagnose", slow)
    asked()
    monkeypatch.setattr(module, "diagnose", counted)
    assert asked()[1] == 1
