"""Real targets: a command that reads JSON, a server that is told through apprise; and what an address must never show."""

from __future__ import annotations

import json
import logging
import os
import shlex
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from t3lens.commands.config import own_config
from t3lens.errors import UsageError
from t3lens.notify.item import Item, ItemKind
from t3lens.notify.targets import Recipient, targets
from t3lens.notify.variable import NOTIFY_VARIABLE
from t3lens.sim.scenarios import build_home
from tests.cli.conftest import Orphan, Run, healthy, orphan, run

__all__ = ["healthy", "orphan", "run"]

SECRET = "xoxb-4711-s3cret"

KEEP = "import sys; open({!r}, 'a').write(sys.stdin.read())"


def item(**values: object) -> Item:
    known = {
        "kind": ItemKind.NEW, "id": "1" * 32, "code": "orphaned-turn", "severity": "high", "confidence": "certain",
        "home": "/h", "home_id": "h", "thread_id": "t", "turn_id": None, "title": "T", "provider": None, "since": None,
        "noticed": "2026-11-29T00:00:00.000Z", "summary": "S", "advice": "",
    }  # fmt: skip
    return Item(**{**known, **values})  # type: ignore[arg-type]


def command(code: str) -> str:
    return shlex.join([sys.executable, "-c", code])


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    """Takes what it is told, and answers with ``status``."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.told.append((self.headers.get("Authorization"), json.loads(body)))  # type: ignore[attr-defined]
            self.send_response(self.server.status)  # type: ignore[attr-defined]
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    found = HTTPServer(("127.0.0.1", 0), Handler)
    found.told, found.status = [], 200  # type: ignore[attr-defined]
    thread = threading.Thread(target=found.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


def url(server: HTTPServer) -> str:
    return f"json://user:{SECRET}@127.0.0.1:{server.server_port}/"


def test_a_command_reads_the_finding_as_json_and_no_shell_is_asked(tmp_path: Path) -> None:
    out = tmp_path / "told"
    (target,) = targets([], [f"{command(KEEP.format(str(out)))} '; touch {tmp_path}/shell'"])
    assert target.tell([item()]) is None
    told = json.loads(out.read_text())
    assert (told["kind"], told["code"], told["id"]) == ("new", "orphaned-turn", "1" * 32)
    assert target.tell([item(), item(id="2" * 32)], 3) is None
    assert json.loads(out.read_text().splitlines()[1])["left_out"] == 3
    assert [path.name for path in tmp_path.iterdir()] == ["told"]


def test_a_command_does_not_get_the_token_or_the_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T3LENS_TOKEN", SECRET)
    monkeypatch.setenv(NOTIFY_VARIABLE, f"json://x:{SECRET}@127.0.0.1:1/")
    out = tmp_path / "environment"
    code = f"import os, json; json.dump(dict(os.environ), open({str(out)!r}, 'w'))"
    *_, target = targets([], [command(code)])
    assert target.tell([item()]) is None
    assert SECRET not in out.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((sys.executable, "-c", "raise SystemExit(3)"), "it ended with 3"),
        (("/no/such/command",), "it cannot be run: No such file or directory"),
        ((sys.executable, "-c", "import os; os.close(0); raise SystemExit(0)"), None),
    ],
)
def test_what_comes_of_a_command(words: tuple[str, ...], said: str | None) -> None:
    assert Recipient("exec 1", command=words).tell([item(summary="x" * 200_000)]) == said


def test_a_command_that_hangs_is_ended_with_all_it_began(tmp_path: Path) -> None:
    held, inner = tmp_path / "pid", "import time; time.sleep(1000)"
    code = (
        f"import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', {inner!r}]); "
        f"open({str(held)!r}, 'w').write(str(p.pid)); p.wait()"
    )
    target = Recipient("exec 1", command=(sys.executable, "-c", code), seconds=5)
    assert "did not end within 5 s" in (target.tell([item()]) or "")
    if held.exists():  # on a slow machine it may have been ended before it began anything
        status = Path(f"/proc/{held.read_text()}/status")
        for _ in range(10_000):
            if not status.exists() or "\nState:\tZ" in status.read_text():
                break
            os.sched_yield()
        else:
            pytest.fail("what the command began still runs")


def test_an_address_is_told_through_apprise_and_says_when_it_refuses(server: HTTPServer) -> None:
    (target,) = targets([url(server)], [])
    assert target.tell([item(title="Speed up the parser")]) is None
    sent, body = server.told[0]  # type: ignore[attr-defined]
    assert sent.startswith("Basic ")
    assert "orphaned-turn" in body["title"]
    assert "Speed up the parser" in body["message"]
    server.status = 500  # type: ignore[attr-defined]
    assert target.tell([item()]) == "it was refused, or nobody was there"


def test_nothing_says_what_an_address_is(server: HTTPServer, caplog: pytest.LogCaptureFixture) -> None:
    server.status = 403  # type: ignore[attr-defined]
    with caplog.at_level(logging.DEBUG):
        (target,) = targets([url(server)], [])
        said = target.tell([item()])
    assert target.name == "json 1"
    assert SECRET not in f"{target!r} {said} {caplog.text}"


@pytest.mark.parametrize("address", [f"nonsense://{SECRET}", f"{SECRET}", f"ntfy:{SECRET}"])
def test_a_wrong_address_is_refused_and_not_shown(address: str) -> None:
    with pytest.raises(UsageError) as caught:
        targets([address], [])
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("words", ["", "  ", "echo 'x"])
def test_a_command_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(UsageError, match="--exec 1 is no command"):
        targets([], [words])


def test_addresses_come_from_files_and_the_environment(
    tmp_path: Path, server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "urls").write_text(f"# ours\n\n{url(server)}\n")
    monkeypatch.setenv(NOTIFY_VARIABLE, f"{url(server)}  xml://127.0.0.1:1/")
    assert [one.name for one in targets([f"@{tmp_path}/urls"], ["true"])] == ["json 1", "json 2", "xml 1", "exec 1"]
    with pytest.raises(UsageError, match="cannot be read"):
        targets([f"@{tmp_path}/none"], [])


# --- on the command line -------------------------------------------------------------------------------------


def test_an_audit_tells_once_and_says_what_it_could_not(
    run: Run, orphan: Orphan, tmp_path: Path, server: HTTPServer
) -> None:
    out = tmp_path / "told"
    words = (
        "audit", orphan.home, "--server", "dead", "--notify", url(server), "--exec", command(KEEP.format(str(out))),
        "--notify-state", tmp_path / "notify.json", "-v",
    )  # fmt: skip
    server.status = 500  # type: ignore[attr-defined]
    ran = run(*words)
    assert ran.code == 1
    assert "json 1 could not be told" in ran.err
    assert len(out.read_text().splitlines()) == 1
    server.status = 200  # type: ignore[attr-defined]
    again = run(*words)
    assert again.err == ""
    assert len(server.told) == 2  # type: ignore[attr-defined]
    assert run(*words).code == 1
    assert len(server.told) == 2  # type: ignore[attr-defined]
    assert len(out.read_text().splitlines()) == 1
    kept = "".join(path.read_text() for path in tmp_path.iterdir())
    assert SECRET not in kept + ran.out + ran.err + again.out


def test_watching_tells_what_stands_and_a_restart_repeats_nothing(run: Run, tmp_path: Path) -> None:
    told = build_home(tmp_path / "home", "orphaned-turn")
    out = tmp_path / "told"
    words = (
        "watch", tmp_path / "home", "--as-of", told.as_of, "--server", told.server, "--for", "0", "--exec",
        command(KEEP.format(str(out))), "--notify-state", tmp_path / "notify.json",
    )  # fmt: skip
    for _ in range(2):
        assert run(*words).code == 0
    assert [json.loads(line)["code"] for line in out.read_text().splitlines()] == ["orphaned-turn"]


def test_without_somebody_to_tell_the_other_options_are_refused(run: Run, healthy: Path) -> None:
    ran = run("audit", healthy, "--quiet-hours", "22:00-07:00")
    assert ran.code == 2
    assert "nobody is to be told" in ran.err


@pytest.mark.parametrize("line", ['notify = "json://x"', 'exec = "true"', 'notify-state = "x"', 'quiet-hours = "1:00-2:00"'])
@pytest.mark.parametrize("name", ["audit", "watch"])
def test_a_file_in_a_folder_cannot_say_who_is_told(
    run: Run, healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, name: str
) -> None:
    (tmp_path / "t3lens.toml").write_text(f"[{name}]\n{line}\n")
    monkeypatch.delenv("T3LENS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    ran = run(name, healthy)
    assert ran.code == 2
    assert "may not set" in ran.err


def test_the_users_own_file_may_and_what_was_read_from_it_is_not_shown(
    run: Run, healthy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("T3LENS_CONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    own = own_config()
    own.parent.mkdir(parents=True)
    state = f'notify-state = "{tmp_path}/notify.json"'
    own.write_text(f'[audit]\nnotify = "json://x:{SECRET}@127.0.0.1:1/"\nexec = "true {SECRET}"\n{state}\n')
    ran = run("audit", healthy, "-v")
    assert ran.code == 0
    assert "urls = (not shown)" in ran.err
    assert SECRET not in ran.out + ran.err
