"""What the tests of the simulation share."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from t3lens.sim import SimHome, SimServer
from t3lens.sim.scenarios import ToldStory
from t3lens.time import iso
from tests.diagnose.homes import by_id, complaints, diagnosed

Rows = list[tuple[Any, ...]]


def query(home: Path, sql: str, *parameters: Any) -> Rows:
    """Rows of the home's database as they are on disk now, WAL included."""
    path = home / "userdata" / "state.sqlite"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, parameters).fetchall()


def log_lines(home: Path, label: str = "") -> list[str]:
    """All provider log lines of the home with that label, in file order."""
    folder = home / "userdata" / "logs" / "provider"
    text = "".join(path.read_text() for path in sorted(folder.glob("*.log")))
    return [line for line in text.splitlines() if f"] {label}" in line]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def serve() -> Iterator[Callable[..., SimServer]]:
    """Start servers that are ended with the test, whatever it did to them."""
    with ExitStack() as stack:

        def start(home: Path, **how: Any) -> SimServer:
            server = SimServer(home, **{"speed": 50, **how})
            stack.callback(server.stop)
            return server.start()

        yield start


def misjudged(home: Path, told: ToldStory) -> list[str]:
    """Where the diagnosis of a told home is not what the story says is right."""
    threads = by_id(diagnosed(home, as_of=told.as_of, server=told.server))
    wrong = []
    for thread_id, right in told.threads.items():
        said = complaints(
            threads[thread_id],
            verdict=right.verdict,
            must=right.must,
            never=right.never,
            quiet=right.quiet,
        )
        wrong += [f"{thread_id}: {complaint}" for complaint in said]
    return wrong


def orphan(home: Path, *, build: str = "0.0.28", provider: str = "opencode") -> str:
    """A home whose server was killed in the middle of a turn; the thread."""
    from t3lens.sim.script import Hang, Say, Tool

    with SimHome(home, build=build, seed=7) as told:
        thread = told.thread("Speed up the parser", provider=provider)
        told.turn(thread, "Look at it.", Say())
        told.send(thread, "Do it.", Tool("make all", 600), Hang())
        told.wait_running(thread)
        told.advance(5)
        told.kill_server()
    return thread


def command(server: SimServer, kind: str, thread: str, **body: Any) -> dict[str, Any]:
    """A command as a client sends it."""
    import secrets

    now = iso(server.core.scheduler.now)
    return {
        "type": kind,
        "commandId": f"cmd-{secrets.token_hex(8)}",
        "threadId": thread,
        "createdAt": now,
        **body,
    }


def message(text: str = "Go on.") -> dict[str, Any]:
    """What a turn start needs besides the thread."""
    import secrets

    said = {
        "messageId": f"msg-{secrets.token_hex(6)}",
        "role": "user",
        "text": text,
        "attachments": [],
    }
    return {"message": said, "runtimeMode": "full-access", "interactionMode": "default"}
