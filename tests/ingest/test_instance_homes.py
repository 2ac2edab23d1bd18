"""Homes that T3 Code's settings give to instances of a provider are found by themselves, and no others are looked into."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from t3lens.agents.places import HOMES
from t3lens.ingest import IngestOptions, discover, ingest
from t3lens.ingest.records.places import RecordPlaces
from t3lens.sim import SimHome
from t3lens.sim.script import Say
from t3lens.store import Store
from t3lens.t3code.settings import instance_homes

DRIVERS = ("codex", "claudeAgent", "opencode")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a thread of each agent, whose records are in none of the agents' own homes."""
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    for variable, _ in HOMES.values():
        if variable:
            monkeypatch.delenv(variable, raising=False)
    with SimHome(tmp_path / "home", records=tmp_path / "agents") as home:
        for driver in DRIVERS:
            home.turn(home.thread(f"of {driver}", provider=driver), "Go on.", Say("Done."))
    return tmp_path


def found(folder: Path, settings: object) -> dict[str, tuple[str, str]]:
    """By agent: whether its record was read, and why not."""
    text = settings if isinstance(settings, str) else json.dumps(settings)
    (folder / "home" / "userdata" / "settings.json").write_text(text)
    with closing(Store.open()) as store:
        ingest(store, discover([folder / "home"]), options=IngestOptions(server="alive", records=("auto",)))
        rows = store.table("select provider, state, why from provider_records").to_pylist()
    return {row["provider"]: (row["state"], row["why"] or "") for row in rows}


def instances(**configs: Any) -> dict[str, Any]:
    drivers = {"claude": "claudeAgent"}
    return {
        "providerInstances": {f"my_{name}": {"driver": drivers.get(name, name)} | more for name, more in configs.items()}
    }


def test_a_home_in_an_instances_config_is_looked_into(folder: Path) -> None:
    agents = folder / "agents"
    said = instances(
        codex={"config": {"homePath": str(agents / "codex")}},
        claude={"config": {"homePath": str(agents / "claude")}},
        opencode={"environment": [{"name": "XDG_DATA_HOME", "value": str(agents)}, {"name": 7}, None]},
    )
    assert {agent: state for agent, (state, _) in found(folder, said).items()} == dict.fromkeys(
        ("codex", "claude", "opencode"), "read"
    )


@pytest.mark.parametrize(
    ("agent", "make"),
    [
        ("codex", lambda place: {"providers": {"codex": {"homePath": place}}}),
        ("codex", lambda place: instances(codex={"config": {"shadowHomePath": place}})),
        ("codex", lambda place: instances(codex={"environment": [{"name": "CODEX_HOME", "value": place}]})),
        ("claude", lambda place: instances(claude={"environment": [{"name": "CLAUDE_CONFIG_DIR", "value": place}]})),
        ("codex", lambda place: instances(codex={"config": {"homePath": "~/../agents/codex"}})),
    ],
    ids=["older builds", "a second login", "CODEX_HOME", "CLAUDE_CONFIG_DIR", "from the user's folder"],
)
def test_every_way_to_name_it_is_known(folder: Path, agent: str, make: Callable[[str], Any]) -> None:
    (folder / "nobody").mkdir()
    assert found(folder, make(str(folder / "agents" / agent)))[agent] == ("read", "")


def test_a_claude_home_may_stand_below_what_was_named(folder: Path) -> None:
    (folder / "person").mkdir()
    shutil.move(folder / "agents" / "claude", folder / "person" / ".claude")
    assert found(folder, instances(claude={"config": {"homePath": str(folder / "person")}}))["claude"][0] == "read"


def test_homes_that_share_their_sessions_hold_each_record_once(folder: Path) -> None:
    shared, second = folder / "agents" / "codex", folder / "second"
    second.mkdir()
    (second / "sessions").symlink_to(shared / "sessions")
    both = instances(codex={"config": {"homePath": str(shared), "shadowHomePath": str(second)}})
    assert found(folder, both)["codex"] == ("read", "")
    assert found(folder, instances(codex={"config": {"shadowHomePath": str(second)}}))["codex"] == ("read", "")


def test_a_server_that_runs_elsewhere_is_the_reason(folder: Path) -> None:
    state, why = found(folder, instances(opencode={"config": {"serverUrl": "http://10.0.0.7:4096"}}))["opencode"]
    assert state == "absent"
    assert "server elsewhere" in why


@pytest.mark.parametrize(
    "settings",
    [
        "", "null", "[1", '{"providerInstances": 7, "providers": []}', '{"a":' * 10_000,
        '{"providerInstances": {"x": {"driver": ["codex"], "config": {"homePath": 7}}, "y": null}}',
        '{"providers": {"codex": {"homePath": "\\u0000", "shadowHomePath": "~no-such-user/x"}}}',
        '{"providers": {"codex": {"homePath": "agents"}}}',
    ],
)  # fmt: skip
def test_settings_that_are_not_understood_name_nothing(settings: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CODEX_HOME", raising=False)
    only = RecordPlaces(None)._homes("codex")
    assert RecordPlaces(None, instance_homes(settings))._homes("codex") == only


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_somebody_else_is_left_alone(folder: Path) -> None:
    place = folder / "agents" / "codex"
    named = {"providers": {"codex": {"homePath": str(place)}}}
    assert found(folder, named)["codex"][0] == "read"
    os.chown(place, 1, 1)
    assert found(folder, named)["codex"][0] == "absent"


def test_no_password_of_the_settings_is_taken_along() -> None:
    text = json.dumps({"providers": {"opencode": {"serverUrl": "http://x", "serverPassword": "hunter2hunter2"}}})
    assert "hunter2" not in repr(instance_homes(text))
