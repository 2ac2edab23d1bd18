"""The sample homes that come with t3lens, rebuilt byte for byte."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import msgspec

from t3lens.sim.scenarios import build_home
from t3lens.sim.story import ToldStory

__all__ = ["SAMPLES", "Sample", "build_samples"]

_PAGE_SIZE: Final = 1024


class Sample(msgspec.Struct, frozen=True):
    """One sample home.

    Attributes:
        folder: Name of its folder.
        story: The story told in it.
        build: Server version.
        provider: Provider of its threads.
    """

    folder: str
    story: str
    build: str
    provider: str


SAMPLES: Final = (
    Sample("healthy", "healthy", "0.0.28", "opencode"),
    Sample("healthy-gen2", "short-and-healthy", "0.0.33", "codex"),
    Sample("orphaned-by-restart", "orphaned-by-restart", "0.0.28", "opencode"),
    Sample("aborted-but-running", "terminal-turn-live-session", "0.0.33", "codex"),
    Sample("retry-loop", "retry-loop", "0.0.33", "opencode"),
    Sample("approval-left-open", "approval-left-open", "0.0.28", "codex"),
    Sample("false-completed", "false-completed", "0.0.33", "codex"),
    Sample("v2-interrupt-held", "v2-interrupt-held", "0.0.46-nightly.20261011.2955", "opencode"),
    Sample("v2-lost-at-restart", "v2-lost-at-restart", "0.0.31", "codex"),
)
"""In the order of the README."""

_README: Final = """\
# Sample homes

Small T3 homes to try t3lens on, made by `python -m t3lens.sim samples sample_logs` (the same bytes every time).
Nothing in them comes from a person. `expected.json` in each says what a right diagnosis finds.

| folder | server | logs | what happened | verdicts |
|---|---|---|---|---|
{rows}

Try one:

```
t3lens audit sample_logs/orphaned-by-restart --as-of {as_of} --server alive
```
"""


def build_samples(folder: str | Path) -> dict[str, ToldStory]:
    """Make every sample home in ``folder``; homes of the same name are replaced.

    Returns:
        What was told, by folder name.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    told: dict[str, ToldStory] = {}
    for sample in SAMPLES:
        home = folder / sample.folder
        if home.exists():
            shutil.rmtree(home)
        told[sample.folder] = build_home(
            home, sample.story, build=sample.build, provider=sample.provider, page_size=_PAGE_SIZE
        )
    rows = "\n".join(
        f"| `{name}` | {one.build}, {one.server} | generation {one.log_generation} | {one.about} | {_verdicts(one)} |"
        for name, one in told.items()
    )
    text = _README.format(rows=rows, as_of=told["orphaned-by-restart"].as_of)
    (folder / "README.md").write_text(text, encoding="utf-8")
    return told


def _verdicts(told: ToldStory) -> str:
    return ", ".join(dict.fromkeys(expect.verdict[0] for expect in told.threads.values()))
