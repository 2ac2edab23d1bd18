"""The samples of real agents' records, and the lines that tests make in the same forms."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from t3lens.agents import AgentRecord, AgentTurn, Sureness, TurnKind
from t3lens.ingest.records.read import read_records
from t3lens.time import Micros, parse_iso

WITNESS = Path(__file__).resolve().parents[3] / "shared" / "witness"

needs_witness = pytest.mark.skipif(
    not WITNESS.is_dir(),
    reason="the samples of agents' records are not beside this project (../shared/witness)",
)


@dataclass(frozen=True)
class Scenario:
    path: Path

    @property
    def name(self) -> str:
        return self.path.relative_to(WITNESS).as_posix()

    @property
    def provider(self) -> str:
        return self.path.relative_to(WITNESS).parts[0]

    @cached_property
    def story(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.path / "story.json").read_text("utf-8"))
        return found

    @property
    def session(self) -> str | None:
        found = (self.story.get(key) for key in ("thread", "resume", "sessionId"))
        return next((value for value in found if value), None)

    def happened(self) -> list[tuple[Micros, dict[str, Any]]]:
        return [(parse_iso(event["t"]), event) for event in self.story["story"]]

    def snapshots(self) -> list[Path]:
        return sorted(path for path in self.path.iterdir() if path.is_dir())


def scenarios(*providers: str) -> list[Scenario]:
    found = [Scenario(path.parent) for path in sorted(WITNESS.glob("*/*/*/story.json"))]
    return [one for one in found if not providers or one.provider in providers]


def record_in(folder: Path, session: str | None) -> AgentRecord | None:
    """The record of a session below a folder, if there is one."""
    read = read_records([folder])
    assert not read.errors
    found = [one.record for one in read.records if session in (None, one.record.session_id)]
    assert len(found) <= 1
    return found[0] if found else None


def told(turn: AgentTurn) -> str:
    """An outcome as ``expected.json`` writes it."""
    unsure = "?" if turn.sureness is Sureness.LOW else ""
    compaction = "(compaction)" if turn.kind is TurnKind.COMPACTION else ""
    return f"{turn.outcome.value}{unsure}{compaction}"


def lines(*values: object) -> bytes:
    """Values as the lines of a file, keys in the order given."""
    return b"".join(json.dumps(v, separators=(",", ":")).encode() + b"\n" for v in values)
