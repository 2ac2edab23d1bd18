"""Documents made from the code, so that they cannot go stale: the reference, the findings, the views.

``python -m t3lens.commands.reference docs`` writes those of ``DOCUMENTS`` into that folder.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from t3lens.act.journal import JOURNAL_VARIABLE
from t3lens.t3code.home_layout import DEFAULT_HOME, HOME_VARIABLE

__all__ = ["DOCUMENTS", "ENVIRONMENT", "findings", "reference"]

_MADE: Final = "<!-- Made by `make docs` from the code; a test holds it to that. -->"

_COMPLETION: Final = 'Shell completion: `eval "$(_T3LENS_COMPLETE=bash_source t3lens)"`, or `zsh_source`, `fish_source`.'

ENVIRONMENT: Final[dict[str, str]] = {
    HOME_VARIABLE: f"Where T3 Code keeps its home; `{DEFAULT_HOME}` if not set.",
    "T3LENS_TOKEN": "The bearer token that actions use.",
    "T3LENS_ACTIONS": "`1` lets a notebook that runs with nobody before it carry out actions.",
    JOURNAL_VARIABLE: "The file of the journal of actions.",
    "T3LENS_CONFIG": "The file of options, in place of those that are looked for; empty means none.",
    "T3LENS_RECORDS": "Where the agents' own records are looked for: `auto`, `off`, or paths, parted like those of `PATH`.",
    "T3LENS_NOTIFY": "Further addresses for `--notify`, parted by white space; never shown.",
    "T3LENS_CONTENT": "`1` shows prompts, answers and tool texts in the tables of a notebook.",
    "T3LENS_DEBUG": "`1` shows the traceback of an error.",
    "T3LENS_DEMO_HOME": "The simulated home that the notebooks open; `t3lens demo` sets it.",
}
"""Variables of the environment, and what they do."""


_GROUPS: Final = {
    "DATA": "Data health",
    "QUEUE": "Command queue and ingestion",
    "ORPHAN": "Orphans and dead providers",
    "SPLIT": "States that contradict each other, requests without effect",
    "REQUEST": "Questions to a person",
    "MISMATCH": "Log against store",
    "SILENCE": "Silence",
}
"""What the groups of detectors are about, by name."""

_FINDINGS_INTRODUCTION: Final = (
    "What is looked for, in the order in which several findings explain one thread: the first that applies is",
    "primary, the others stay listed under it. Codes are stable. Thresholds are seconds (`retries` is a count) with",
    "their defaults; all are measured against the moment the verdicts are about. `t3lens detectors PATH` says what",
    "could not be checked in a home, and why. What to do is told of the kind; where a finding of a home knows better (which",
    "server, which build), its own advice says so: `t3lens show` and `thread.explain()` end with it.",
)


def reference() -> str:
    """Commands, public names, views, finding codes, variables and kinds of secrets, as Markdown."""
    import t3lens
    from t3lens.commands import COMMANDS
    from t3lens.diagnose import register_all
    from t3lens.redact import KINDS
    from t3lens.store.schema_doc import VIEWS

    lines = [_MADE, "", "# Reference", "", "## Commands", ""]
    for name, text in COMMANDS.items():
        lines.append(f"- `t3lens {name}`: {text}")
        lines += [f"  - `t3lens {name} {part}`: {about}" for part, about in _parts(name)]
    lines += ["", "Each tells its options with `--help`. " + _COMPLETION, ""]
    lines += ["## Names", "", "What `import t3lens` offers; `help(name)` tells the rest.", ""]
    lines += [
        f"- `t3lens.{name}`: {_first_line(getattr(t3lens, name))}" for name in t3lens.__all__ if not name.startswith("__")
    ]
    lines += [
        "",
        "## Views",
        "",
        "What `lens.sql()` and `t3lens sql` can ask; [their columns](schema.md).",
        "",
    ]
    lines += [f"- `{name}`: {_one_line(text)}" for name, text in VIEWS.items()]
    lines += ["", "## Finding codes", "", "[All of it](findings.md), or `t3lens explain CODE`.", ""]
    lines += ["| code | severity | makes | remedy | when |", "|---|---|---|---|---|"]
    for code, detector in register_all().items():
        makes = detector.makes.value if detector.makes else ""
        lines.append(
            f"| `{code}` | {detector.severity.value} | {makes} | {detector.remedy.value} | "
            f"{_one_line(detector.condition).replace('|', '/')} |"
        )
    lines += ["", "## Environment", ""]
    lines += [f"- `{name}`: {text}" for name, text in ENVIRONMENT.items()]
    kinds = ", ".join(dict.fromkeys(kind.name for kind in KINDS))
    lines += [
        "",
        "## What is masked",
        "",
        f"{kinds}; and whatever stands under a secret's name.",
    ]
    return "\n".join(lines) + "\n"


def findings() -> str:
    """Every finding code with all that ``t3lens explain`` knows, as Markdown."""
    from t3lens.diagnose import Thresholds, register_all
    from t3lens.diagnose.detector import of_model
    from t3lens.diagnose.facts import ModelInUse
    from t3lens.diagnose.story import what_helps

    limits = Thresholds()
    lines = [_MADE, "", "# Findings", "", *_FINDINGS_INTRODUCTION, ""]
    group = None
    for code, detector in register_all().items():
        if detector.group is not group:
            group = detector.group
            lines += [f"## {_GROUPS[group.name]}", ""]
        makes = f", makes a thread `{detector.makes.value}`" if detector.makes else ""
        lines += [f"### `{code}`", "", f"Severity {detector.severity.value}{makes}.", ""]
        lines += [f"**When:** {_one_line(detector.condition)}", ""]
        lines += [f"**Why:** {_one_line(detector.explanation)}", ""]
        second = of_model(code, ModelInUse.SECOND)
        helps = what_helps(detector.remedy, call=False, second=second is detector)
        lines += [f"**What to do:** {helps}", ""]
        facts = [f"looks at {', '.join(given.label for given in detector.inputs)}"]
        if detector.needs != detector.inputs:
            needed = ", ".join(given.label for given in detector.needs) or "none of them"
            facts.append(f"cannot do without {needed}")
        if detector.thresholds:
            told = ", ".join(f"`{name}` ({getattr(limits, name):g})" for name in detector.thresholds)
            facts.append(f"thresholds {told}")
        facts.append(f"remedy `{detector.remedy.value}`")
        lines += ["; ".join(facts)[:1].upper() + "; ".join(facts)[1:] + ".", ""]
        if second is detector:
            lines += ["Only in homes of T3 Code's second data model.", ""]
        elif second is not None and second.condition != detector.condition:
            lines += [
                f"**In homes of the second data model:** {_one_line(second.condition)} {_one_line(second.explanation)}",
                "",
            ]
        if detector.references:
            lines += [f"See also {', '.join(detector.references)}.", ""]
    return "\n".join(lines).rstrip() + "\n"


def _parts(name: str) -> list[tuple[str, str]]:
    """The commands below a command, each with its line."""
    import click

    from t3lens.commands import cli

    command = cli.get_command(click.Context(cli), name)
    if not isinstance(command, click.Group):
        return []
    return [(part, _one_line(one.get_short_help_str(200))) for part, one in sorted(command.commands.items())]


def _first_line(value: object) -> str:
    if isinstance(value, dict):
        return f"the rules of each build by profile name: {', '.join(value)}."
    return _one_line((getattr(value, "__doc__", None) or "").strip().split("\n\n")[0])


def _one_line(text: object) -> str:
    return " ".join(str(text).replace("``", "`").split())


def schema() -> str:
    """Every public view of the store with its columns, as Markdown."""
    from t3lens.store.schema_doc import reference as views

    return views()


DOCUMENTS: Final = {"reference.md": reference, "findings.md": findings, "schema.md": schema}
"""The documents by the name of their file in ``docs/``."""


if __name__ == "__main__":
    for name, made in DOCUMENTS.items():
        (Path(sys.argv[1]) / name).write_text(made(), "utf-8")
