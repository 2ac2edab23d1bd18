"""What people did to the real servers, done to simulated ones: the same events are stored in the same order."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from t3lens.sim import SimHome
from t3lens.sim.script import Hang, Say, ScriptStep, Tool
from tests.recordings import RECORDED, needs_recordings

pytestmark = needs_recordings

_ASIDE = ("thread.meta-updated", "project.created", "thread.created")
_ASIDE_ACTIVITIES = ("tool.started", "tool.updated", "context-window.updated", "runtime.warning")
"""How often a provider says these depends on the model that was faked, not on the server."""

_HELLO = Say("Hello from the model.", 0.05)
_SLOW = Say("word " * 400, 0.5)


def stored(home: Path) -> list[tuple[Any, ...]]:
    """Type, writer and what matters of every event; ``immutable``, for a recording may not get a ``-shm``."""
    path = home / "userdata" / "state.sqlite"
    sql = "SELECT event_type, command_id, actor_kind, payload_json FROM orchestration_events ORDER BY sequence"
    shown: list[tuple[Any, ...]] = []
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as connection:
        for kind, command, actor, text in connection.execute(sql):
            payload = json.loads(text)
            tag = command.split(":")[2 if command.startswith("provider:") else 1] if ":" in command else "client"
            activity, session = payload.get("activity"), payload.get("session")
            if kind in _ASIDE or (activity and activity["kind"] in _ASIDE_ACTIVITIES):
                continue
            said: tuple[Any, ...] = tuple(payload)
            if session:
                error = session["lastError"]
                said = (session["status"], session["activeTurnId"] is not None, error)
            elif activity:
                said = (activity["kind"], activity["tone"])
            shown.append((kind, actor, tag, said))
    return shown


def turns(home: Path) -> list[tuple[Any, ...]]:
    """State and checkpoint of every turn row."""
    path = home / "userdata" / "state.sqlite"
    sql = "SELECT state, checkpoint_status, turn_id IS NULL FROM projection_turns ORDER BY requested_at, row_id"
    with closing(sqlite3.connect(f"file:{path}?immutable=1", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def recorded(build: str, scenario: str) -> Path:
    """The last state of a recorded scenario."""
    states = [path for path in sorted((RECORDED / build / scenario).iterdir()) if path.is_dir()]
    return states[-1]


def _first(home: SimHome, provider: str, *script: ScriptStep, mode: str = "full-access") -> str:
    thread = home.thread("T", provider=provider, runtime_mode=mode)
    home.send(thread, "x", *script)
    home.wait_running(thread)
    home.advance(4)
    return thread


def normal(home: SimHome, provider: str) -> None:
    thread = home.thread("T", provider=provider)
    home.turn(thread, "say hello", _HELLO)


def interrupted(home: SimHome, provider: str) -> None:
    thread = _first(home, provider, _SLOW)
    home.interrupt(thread)
    home.wait_idle(thread)
    home.turn(thread, "next", _HELLO)


def stopped(home: SimHome, provider: str) -> None:
    thread = _first(home, provider, _SLOW)
    home.stop(thread)
    home.wait_idle(thread)
    home.turn(thread, "next", _HELLO)


def restarted_and_stopped(home: SimHome, provider: str) -> None:
    thread = _first(home, provider, _SLOW)
    home.restart_server()
    home.stop(thread)
    home.wait_idle(thread)
    home.turn(thread, "again", _HELLO)


def steered(home: SimHome, provider: str) -> None:
    thread = _first(home, provider, Say("word " * 16, 0.5))
    home.send(thread, "also this")
    home.wait_idle(thread)


def ended_in_a_turn(home: SimHome, provider: str) -> None:
    thread = _first(home, provider, Hang())
    home.restart_server(kill=False)
    home.advance(60)
    home.turn(thread, "again", _HELLO)


def approval_over_restart(home: SimHome, provider: str) -> None:
    thread = home.thread("T", provider=provider, runtime_mode="approval-required")
    home.send(thread, "x", Say("Let me run it."), Tool("echo hi", approval=True))
    request = home.wait_request(thread)
    home.restart_server()
    home.respond(thread, request_id=request)
    home.advance(15)
    home.stop(thread)
    home.advance(5)


def provider_killed_and_stopped(home: SimHome, provider: str) -> None:
    thread = _first(home, provider, _SLOW)
    home.kill_provider(thread)
    home.advance(10)
    home.stop(thread)
    home.wait_idle(thread)
    home.turn(thread, "again", _HELLO)


Act = Callable[[SimHome, str], None]
CASES: list[tuple[str, str, str, Act]] = [
    ("0.0.23", "01-normal", "opencode", normal),
    ("0.0.28", "01-normal", "opencode", normal),
    ("0.0.28", "01-normal-codex", "codex", normal),
    ("0.0.33", "01-normal", "opencode", normal),
    ("0.0.33", "01-normal-codex", "codex", normal),
    ("0.0.23", "05-interrupt", "opencode", interrupted),
    ("0.0.28", "05-interrupt", "opencode", interrupted),
    ("0.0.28", "05-interrupt-codex", "codex", interrupted),
    ("0.0.33", "05-interrupt", "opencode", interrupted),
    ("0.0.33", "05-interrupt-codex", "codex", interrupted),
    ("0.0.23", "06-stop-codex", "codex", stopped),
    ("0.0.28", "06-stop", "opencode", stopped),
    ("0.0.28", "06-stop-codex", "codex", stopped),
    ("0.0.33", "06-stop", "opencode", stopped),
    ("0.0.33", "06-stop-codex", "codex", stopped),
    ("0.0.23", "07c-kill9-restart-stop", "opencode", restarted_and_stopped),
    ("0.0.28", "07c-kill9-restart-stop", "opencode", restarted_and_stopped),
    ("0.0.33", "07c-kill9-restart-stop", "opencode", restarted_and_stopped),
    ("0.0.33", "07c-kill9-restart-stop-codex", "codex", restarted_and_stopped),
    ("0.0.28", "08c-kill9-provider-then-stop-codex", "codex", provider_killed_and_stopped),
    ("0.0.33", "08c-kill9-provider-then-stop-codex", "codex", provider_killed_and_stopped),
    ("0.0.33", "10b-approval-restart", "opencode", approval_over_restart),
    ("0.0.28", "12-steering", "opencode", steered),
    ("0.0.33", "12-steering", "opencode", steered),
    ("0.0.33", "12-steering-codex", "codex", steered),
    ("0.0.33", "14-sigterm", "opencode", ended_in_a_turn),
]


@pytest.mark.parametrize(
    ("build", "scenario", "provider", "act"),
    CASES,
    ids=lambda part: str(getattr(part, "__name__", part)),
)
def test_the_same_is_stored(tmp_path: Path, build: str, scenario: str, provider: str, act: Act) -> None:
    with SimHome(tmp_path, build=build) as home:
        act(home, provider)
    wanted = recorded(build, scenario)
    assert stored(tmp_path) == stored(wanted)
    assert turns(tmp_path) == turns(wanted)
