"""What never ends where a file or a table should stand, or leads elsewhere, costs its own home and no other, and is told."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from t3lens.ingest.open_database import open_database
from t3lens.ingest.records.places import RecordPlaces
from t3lens.reading import Budget, within
from t3lens.sim.scenarios import build_home
from tests.cli.conftest import Run
from tests.cli.conftest import run as run

_ENDLESS: Final = "with recursive n(i) as (select 1 union all select i + 1 from n)"
_LOG: Final = "logs/provider/pipe.log"
_STATE: Final = "state.sqlite"

Spoil = Callable[[Path], None]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("source") / "home"
    build_home(home, "orphaned-turn")
    return home


def _fifo(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def _device(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


def _elsewhere(path: Path) -> None:
    """The same content, by a link that leads out of the home."""
    away = path.parents[path.parts[::-1].index("userdata") + 1] / "away" / path.name
    away.parent.mkdir(exist_ok=True)
    path.rename(away) if path.exists() else away.write_text("")
    path.symlink_to(away)


def _elsewhere_of(path: Path) -> None:
    away = path.parents[5] / "away.jsonl"
    away.write_text("{}\n")
    path.symlink_to(away)


def _first_log(change: Spoil) -> Spoil:
    return lambda userdata: change(sorted((userdata / "logs" / "provider").iterdir())[0])


def _at(name: str, change: Spoil) -> Spoil:
    return lambda userdata: change(userdata / name)


def _in_place_of(table: str, *statements: str) -> Spoil:
    def make(userdata: Path) -> None:
        with closing(sqlite3.connect(userdata / _STATE)) as con, con:
            columns = [row[1] for row in con.execute(f"pragma table_info({table})")]
            con.execute(f"drop table {table}")
            for statement in statements:
                con.execute(statement.format(table=table, columns=", ".join(f"i as {name}" for name in columns)))

    return make


def _endless(table: str) -> Spoil:
    return _in_place_of(table, f"create view {{table}} as {_ENDLESS} select {{columns}} from n")


_TRIGGER: Final = "create trigger {table} after insert on projection_state begin select 1; end"

KINDS: Final[dict[str, tuple[Spoil, str]]] = {
    **{f"pipe {name}": (_at(name, _fifo), name) for name in (_STATE, "state.sqlite-wal", "statev2.sqlite", _LOG)},
    **{f"device {name}": (_at(name, _device), name) for name in (_STATE, "state.sqlite-wal", _LOG)},
    **{f"pipe {name}": (_at(name, _fifo), name) for name in ("environment-id", "server-runtime.json")},
    **{f"device {name}": (_at(name, _device), name) for name in ("environment-id", "server-runtime.json")},
    **{
        f"link {name}": (_at(name, _elsewhere), "leads out")
        for name in (_STATE, "environment-id", "server-runtime.json", "logs", "logs/provider")
    },
    "link log": (_first_log(_elsewhere), "leads out"),
    **{
        f"view {table}": (_endless(table), f"{table} is a view")
        for table in ("projection_threads", "orchestration_events", "projection_turns", "effect_sql_migrations")
    },
    "trigger projection_turns": (_in_place_of("projection_turns", _TRIGGER), "projection_turns"),
}
"""How a home is spoilt, and a word of what must be said of it."""


def _said(home: dict[str, Any]) -> str:
    return "; ".join([home["cannot_judge"] or "", *home["missing"]])


def test_what_never_ends_or_leads_out_costs_its_own_home_and_is_told(source: Path, tmp_path: Path, run: Run) -> None:
    homes = tmp_path / "homes"
    for name in ("good", *KINDS):
        home = homes / name.replace("/", "-")
        shutil.copytree(source, home)
        (home / "userdata" / "environment-id").write_text(home.name)
        if name != "good":
            KINDS[name][0](home / "userdata")
    ran = run("audit", homes, "--format", "json", "--records", "off", "--server", "dead")
    assert ran.code == 2
    document = json.loads(ran.out)
    found = {Path(home["path"]).parent.name: home for home in document["homes"]}
    untold = {name: _said(found[name.replace("/", "-")]) for name in KINDS}
    assert {name: said for name, said in untold.items() if KINDS[name][1] not in said} == {}
    assert [t["verdict"] for t in document["threads"] if t["home_id"] == "good"] == ["stuck"]


def test_a_home_that_only_a_link_leads_to_is_told_and_read_when_it_is_named(source: Path, tmp_path: Path, run: Run) -> None:
    away, outer = tmp_path / "away", tmp_path / "outer"
    shutil.copytree(source / "userdata", away)
    (outer / "home").mkdir(parents=True)
    (outer / "home" / "userdata").symlink_to(away)
    ran = run("audit", outer, "--format", "json", "--server", "dead")
    assert ran.code == 2
    (home,) = json.loads(ran.out)["homes"]
    assert "leads out" in home["cannot_judge"]
    assert str(away) in home["cannot_judge"]
    for named in ([outer, away], [away], [outer / "home" / "userdata"]):
        assert run("audit", *named, "--server", "dead").code == 1


def test_a_budget_that_is_used_up_is_said_and_the_home_is_not_judged(source: Path, tmp_path: Path, run: Run) -> None:
    store = tmp_path / "store.duckdb"
    ran = run("audit", source, "--budget", "0.000001", "--format", "json", "--server", "dead", "--store", store)
    assert ran.code == 2
    document = json.loads(ran.out)
    assert "used up its 1e-06 s (--budget)" in document["homes"][0]["cannot_judge"]
    assert {thread["verdict"] for thread in document["threads"]} <= {"unknown"}
    assert run("audit", source, "--store", store, "--server", "dead").code == 1


def test_no_statement_outlives_the_budget_and_none_reads_a_view(source: Path, tmp_path: Path) -> None:
    path = tmp_path / _STATE
    shutil.copy(source / "userdata" / _STATE, path)
    with closing(sqlite3.connect(path)) as con, con:
        con.execute("create view short as select 1 as i")
    with within(Budget(0.05)), open_database(path, alive=False) as con:
        with pytest.raises(sqlite3.DatabaseError, match="interrupted"):
            con.execute(f"select count(*) from {', '.join(f'sqlite_master as t{i}' for i in range(9))}").fetchall()
        with pytest.raises(sqlite3.DatabaseError, match=r"prohibited|not authorized"):
            con.execute("select i from short").fetchall()


SESSION = "019f36a7-f20c-79bc-81a9-101db165866a"


@pytest.mark.parametrize(("make", "said"), [(_elsewhere_of, "leads out"), (_fifo, "no regular file")])
def test_an_agents_record_that_is_no_file_of_its_home_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Spoil, said: str
) -> None:
    monkeypatch.setenv("CODEX_HOME", str(tmp_path / "codex"))
    record = tmp_path / "codex" / "sessions" / "2026" / "01" / "02" / f"rollout-2026-01-02T03-04-05-{SESSION}.jsonl"
    record.parent.mkdir(parents=True)
    make(record)
    places = RecordPlaces(None)
    (found,) = places.candidates("codex", SESSION)
    assert said in (places.why_not_read("codex", found) or "")
    record.unlink()
    record.write_text("{}\n")
    assert places.why_not_read("codex", found) is None
