"""Where a server's settings say that its providers' instances keep what they write: ``settings.json`` in the state folder.

``providerInstances`` has the instances by their ids, each with its ``driver``, ``config`` and ``environment`` (a list of
``name`` and ``value``); builds before it had one ``config`` for each driver in ``providers``. As the public source has it
(``packages/contracts/src/settings.ts``, ``providerInstance.ts``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from t3lens.t3code.record_keys import agent_of

__all__ = ["SETTINGS_JSON", "InstanceHome", "instance_homes"]

SETTINGS_JSON: Final = "settings.json"
"""A server's settings, below the state folder."""

_HOMES: Final = ("homePath", "shadowHomePath")
"""Where a driver's ``config`` has the home of its agent; the second has a login of its own and links to the first."""

_SERVER: Final = "serverUrl"
"""Where it names a server of the agent that runs elsewhere."""


@dataclass(frozen=True, slots=True)
class InstanceHome:
    """Where one instance of a provider keeps what it writes.

    Attributes:
        agent: The agent, by its own name.
        instance_id: T3 Code's id of the instance.
        paths: Its homes as the settings name them, the likeliest first; ``~`` stands for the user's own folder.
        environment: What the settings put into the agent's environment: a variable may move its home.
        elsewhere: Whether its server runs elsewhere, so that no record need be on this machine.
    """

    agent: str
    instance_id: str
    paths: tuple[str, ...]
    environment: Mapping[str, str]
    elsewhere: bool = False


def instance_homes(text: str | bytes) -> list[InstanceHome]:
    """The instances that settings name, of agents whose records are known.

    Args:
        text: The content of ``settings.json``; what is not understood of it names nothing.
    """
    try:
        said = json.loads(text)
    except (ValueError, RecursionError):
        return []
    if not isinstance(said, dict):
        return []
    return [*_instances(_object(said.get("providerInstances"))), *_drivers(_object(said.get("providers")))]


def _instances(instances: Mapping[str, Any]) -> Iterator[InstanceHome]:
    for instance_id, value in instances.items():
        instance = _object(value)
        driver = instance.get("driver")
        agent = agent_of(driver) if isinstance(driver, str) else None
        if agent is not None:
            listed = instance.get("environment")
            variables = [_object(one) for one in listed] if isinstance(listed, list) else []
            environment = {one["name"]: one["value"] for one in variables if _is_variable(one)}
            yield _home(agent, instance_id, _object(instance.get("config")), environment)


def _drivers(drivers: Mapping[str, Any]) -> Iterator[InstanceHome]:
    for driver, value in drivers.items():
        agent = agent_of(driver)
        if agent is not None:
            yield _home(agent, driver, _object(value), {})


def _home(agent: str, instance_id: str, config: Mapping[str, Any], environment: Mapping[str, str]) -> InstanceHome:
    named = (config.get(name) for name in _HOMES)
    paths = tuple(path.strip() for path in named if isinstance(path, str) and path.strip() and "\0" not in path)
    server = config.get(_SERVER)
    return InstanceHome(agent, instance_id, paths, environment, isinstance(server, str) and bool(server.strip()))


def _is_variable(one: Mapping[str, Any]) -> bool:
    return all(isinstance(one.get(name), str) and "\0" not in one[name] for name in ("name", "value"))


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
