"""What a person types, made into what the rooms take: where the homes are, and the options of a diagnosis."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from t3lens.diagnose import Options, ServerSetting, Thresholds
from t3lens.errors import UsageError
from t3lens.t3code.home_layout import HOME_FOLDER, HOME_VARIABLE
from t3lens.t3code.v1.rules import profile
from t3lens.t3code.v2 import rules as second
from t3lens.time import Micros, parse_moment

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["default_paths", "make_options"]


def default_paths() -> list[Path]:
    """Where T3 Code keeps its home if nobody said: ``$T3CODE_HOME`` or ``~/.t3``."""
    return [Path(os.environ.get(HOME_VARIABLE) or Path.home() / HOME_FOLDER)]


def make_options(
    *,
    as_of: str | datetime | Micros | None = None,
    server: str = "auto",
    rules: str | None = None,
    thresholds: Thresholds | Mapping[str, float] | None = None,
    records: Sequence[str | os.PathLike[str]] = (),
    budget: float | None = None,
) -> Options:
    """Options from what a person typed.

    Raises:
        UsageError: A bad time, profile, threshold or server setting.
    """
    if rules is not None and rules not in second.PROFILES:
        profile(rules)
    if server not in set(ServerSetting):
        raise UsageError(f"server is {', '.join(ServerSetting)}; not {server!r}", code="bad-server")
    limits = thresholds if isinstance(thresholds, Thresholds) else _thresholds(thresholds or {})
    moment = parse_moment(as_of) if as_of is not None else None
    return Options(
        as_of=moment,
        server=ServerSetting(server),
        rules=rules,
        thresholds=limits,
        records=_records(records),
        budget=Options().budget if budget is None else budget,
    )


def _records(given: Sequence[str | os.PathLike[str]]) -> tuple[str, ...]:
    """Where records are looked for: as said, else as ``T3LENS_RECORDS`` says, else in the agents' homes."""
    words = [given] if isinstance(given, str | os.PathLike) else list(given)
    names = [os.fspath(word) for word in words]
    if not names:
        names = [n for n in os.environ.get("T3LENS_RECORDS", "").split(os.pathsep) if n]
    if {"auto", "off"} & set(names) and len(names) > 1:
        raise UsageError("records are auto, off, or paths; not both", code="bad-records")
    missing = [name for name in names if name not in ("auto", "off") and not Path(name).exists()]
    if missing:
        raise UsageError(f"there is no {missing[0]} to look for records in", code="bad-records")
    return tuple(names) or ("auto",)


def _thresholds(given: Mapping[str, float]) -> Thresholds:
    known = Thresholds.__struct_fields__
    for name, value in given.items():
        if name not in known:
            raise UsageError(
                f"no threshold is called {name!r}; there are: {', '.join(known)}",
                code="bad-threshold",
            )
        if not value >= 0:
            raise UsageError(f"threshold {name} is {value}; it must be 0 or more seconds", code="bad-threshold")
    values: dict[str, Any] = dict(given)
    if "retries" in values:
        values["retries"] = int(values["retries"])
    return Thresholds(**values)
