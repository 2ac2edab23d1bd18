"""Following a home: what is written is seen, whatever happens to the files, until it is ended."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from t3lens.lens.lens import Lens, open_lens
from t3lens.live.explorer import Explorer
from t3lens.live.watch import Watch
from t3lens.sim.scenarios import build_home
from t3lens.sim.server import SimServer
from t3lens.sim.standins import StandIns
from tests.view.big import THREAD, big_log

_PATIENCE_S = 60.0


@pytest.fixture
def running(tmp_path: Path) -> Iterator[tuple[Lens, Path, list[str]]]:
    """A home whose log holds its first 500 records, and the lines that come after."""
    whole = big_log(tmp_path, 2_000).read_text("utf-8").splitlines(keepends=True)
    folder = tmp_path / "logs"
    folder.mkdir()
    log = folder / f"{THREAD}.log"
    log.write_text("".join(whole[:500]), "utf-8")
    yield open_lens(folder), log, whole[500:]


def _records(lens: Lens) -> int:
    return int(lens.sql("SELECT count(*) AS n FROM log_events")["n"][0])


def _append(log: Path, lines: list[str]) -> None:
    with log.open("a", encoding="utf-8") as out:
        out.writelines(lines)


def _wait_for(lens: Lens, watch: Watch, records: int) -> None:
    seen = watch.changes
    while _records(lens) < records:
        assert watch.wait(seen + 1, _PATIENCE_S), watch.problem
        seen += 1
    assert _records(lens) == records


def test_new_records_are_read_and_told_of(running: tuple[Lens, Path, list[str]]) -> None:
    lens, log, more = running
    told = threading.Event()
    with Watch(lens.session, on_change=told.set) as watch:
        _append(log, more[:100])
        _wait_for(lens, watch, 600)
        assert told.wait(_PATIENCE_S)


def test_following_goes_on_through_a_rotation(running: tuple[Lens, Path, list[str]]) -> None:
    lens, log, more = running
    with Watch(lens.session) as watch:
        _append(log, more[:100])
        _wait_for(lens, watch, 600)
        log.rename(log.with_name(log.name + ".1"))
        _append(log, more[100:300])
        _wait_for(lens, watch, 800)


def test_following_goes_on_when_the_folder_was_away(running: tuple[Lens, Path, list[str]]) -> None:
    lens, log, more = running
    with Watch(lens.session, check_s=1.0) as watch:
        aside = log.parent.with_name("aside")
        log.parent.rename(aside)
        shutil.copytree(aside, log.parent)
        _append(log, more[:50])
        _wait_for(lens, watch, 550)


def test_following_goes_on_over_a_restart_of_the_server(tmp_path: Path) -> None:
    build_home(tmp_path / "home", "retry-loop")
    with SimServer(tmp_path / "home", adopt=True) as server, StandIns():
        lens = open_lens(tmp_path / "home")
        (thread,) = lens.diagnosis.threads
        assert thread.primary == "retry-loop"
        with Watch(lens.session, check_s=1.0) as watch:
            server.restart(kill=True)
            seen = 0
            while lens.diagnosis.threads[0].primary == "retry-loop":
                assert watch.wait(seen + 1, _PATIENCE_S), watch.problem
                seen = watch.changes
        assert lens.diagnosis.homes[0].context.server.alive
        assert lens.diagnosis.threads[0].primary == "orphaned-turn"


def test_an_ended_follower_has_ended_its_thread(running: tuple[Lens, Path, list[str]]) -> None:
    lens, _, _ = running
    watch = Watch(lens.session).start()
    assert watch.running
    watch.stop()
    assert not watch.running
    assert not [t for t in threading.enumerate() if t.name == "t3lens-watch"]


def test_a_live_explorer_shows_new_records_where_the_person_is_looking(
    running: tuple[Lens, Path, list[str]],
) -> None:
    lens, log, more = running
    explorer = Explorer(lens.session)
    seen: list[dict[str, Any]] = []
    arrived = threading.Condition()

    def take(message: Any, buffers: Any = None) -> None:
        with arrived:
            seen.append(dict(message))
            arrived.notify_all()

    explorer.send = take  # type: ignore[method-assign]
    try:
        explorer._handle_custom_msg({"do": "hello"}, [])
        whole = next(m["view"]["whole"] for m in seen if "view" in m)
        looking = [whole[0], whole[0] + (whole[1] - whole[0]) // 4]
        explorer._handle_custom_msg({"do": "range", "low": looking[0], "high": looking[1]}, [])
        explorer._handle_custom_msg({"do": "live", "on": True}, [])
        _append(log, more)

        def grown() -> list[dict[str, Any]]:
            return [m["view"] for m in seen if m.get("view", {}).get("live")]

        with arrived:
            assert arrived.wait_for(lambda: bool(grown()) and grown()[-1]["records"] == 2000, _PATIENCE_S)
        view = grown()[-1]
        assert view["range"] == looking
        assert view["whole"][1] > whole[1]
    finally:
        explorer.close()


def test_in_a_notebook_a_follower_shows_itself_as_a_live_explorer(
    running: tuple[Lens, Path, list[str]],
) -> None:
    lens, _, _ = running
    watch = lens.watch()
    bundle = watch._repr_mimebundle_()
    try:
        assert "text/html" in bundle
        assert watch._explorer._watch.running
    finally:
        watch._explorer.close()
    assert not [t for t in threading.enumerate() if t.name == "t3lens-watch"]


def test_what_an_agent_writes_down_is_seen_though_t3_code_writes_nothing(tmp_path: Path) -> None:
    told = build_home(tmp_path / "home", "working", provider="codex", records=tmp_path / "agents")
    (path,) = (tmp_path / "agents").rglob("*.jsonl")
    turn = path.read_text("utf-8").rpartition('"turn_id":"')[2].partition('"')[0]
    end = {"type": "task_complete", "turn_id": turn, "last_agent_message": "Done."}
    lens = open_lens(tmp_path / "home", server="alive", as_of=told.as_of, records=tmp_path / "agents")
    states = "SELECT outcome, lines FROM record_turns JOIN provider_records USING (thread_id) ORDER BY place DESC LIMIT 1"

    def said() -> tuple[str, int]:
        frame = lens.sql(states)
        return str(frame["outcome"][0]), int(frame["lines"][0])

    (before, lines), at = said(), told.as_of[:19] + ".000Z"
    assert before == "open"
    with Watch(lens.session, check_s=_PATIENCE_S * 10) as watch:
        # The follower looks at everything when it begins, and then only at what is told to have changed.
        for event, wanted in (({"type": "token_count"}, ("open", lines + 1)), (end, ("finished", lines + 2))):
            _append(path, [json.dumps({"timestamp": at, "type": "event_msg", "payload": event}) + "\n"])
            seen = watch.changes
            while said() != wanted:
                assert watch.wait(seen + 1, _PATIENCE_S), watch.problem
                seen += 1
