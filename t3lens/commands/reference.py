"""The README's reference section, made from the code so that it cannot go stale.

``python -m t3lens.commands.reference README.md`` writes it between its two marks, or at the end of the file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

__all__ = ["BEGIN", "END", "ENVIRONMENT", "reference", "update"]

BEGIN: Final = "<!-- reference: made by t3lens.commands.reference -->"
END: Final = "<!-- end of reference -->"

_COMPLETION: Final = 'Shell completion: `eval "$(_T3LENS_COMPLETE=bash_source t3lens)"`, or `zsh_source`, `fish_source`.'

ENVIRONMENT: Final[dict[str, str]] = {
    "T3CODE_HOME": "Where T3 Code keeps its home; `~/.t3` if not set.",
    "T3LENS_TOKEN": "The bearer token that actions use.",
    "T3LENS_ACTIONS": "`1` lets a notebook that runs with nobody before it carry out actions.",
    "T3LENS_JOURNAL": "The file of the journal of actions.",
    "T3LENS_CONFIG": "The file of options; empty means none.",
    "T3LENS_CONTENT": "`1` shows prompts, answers and tool texts in the tables of a notebook.",
    "T3LENS_DEBUG": "`1` shows the traceback of an error.",
    "T3LENS_DEMO_HOME": "The simulated home that the notebooks open; `t3lens demo` sets it.",
}
"""Variables of the environment, and what they do."""


def reference() -> str:
    """Commands, public names, views, finding codes, variables and kinds of secrets, as Markdown."""
    import t3lens
    from t3lens.commands import COMMANDS
    from t3lens.diagnose import register_all
    from t3lens.redact import KINDS
    from t3lens.store.schema_doc import VIEWS

    lines = [BEGIN, "## Reference", "", "### Commands", ""]
    for name, text in COMMANDS.items():
        lines.append(f"- `t3lens {name}`: {text}")
        lines += [f"  - `t3lens {name} {part}`: {about}" for part, about in _parts(name)]
    lines += ["", "Each tells its options with `--help`. " + _COMPLETION, ""]
    lines += ["### Names", "", "What `import t3lens` offers; `help(name)` tells the rest.", ""]
    lines += [
        f"- `t3lens.{name}`: {_first_line(getattr(t3lens, name))}"
        for name in t3lens.__all__
        if not name.startswith("__")
    ]
    lines += ["", "### Views", "", "What `lens.sql()` and `t3lens sql` can ask.", ""]
    lines += [f"- `{name}`: {_one_line(text)}" for name, text in VIEWS.items()]
    lines += ["", "### Finding codes", "", "`t3lens explain CODE` tells more.", ""]
    lines += ["| code | severity | makes | remedy | when |", "|---|---|---|---|---|"]
    for code, detector in register_all().items():
        makes = detector.makes.value if detector.makes else ""
        lines.append(
            f"| `{code}` | {detector.severity.value} | {makes} | {detector.remedy.value} | "
            f"{_one_line(detector.condition).replace('|', '/')} |"
        )
    lines += ["", "### Environment", ""]
    lines += [f"- `{name}`: {text}" for name, text in ENVIRONMENT.items()]
    kinds = ", ".join(dict.fromkeys(kind.name for kind in KINDS))
    lines += [
        "",
        "### What is masked",
        "",
        f"{kinds}; and whatever stands under a secret's name.",
        "",
        END,
    ]
    return "\n".join(lines)


def _parts(name: str) -> list[tuple[str, str]]:
    """The commands below a command, each with its line."""
    import click

    from t3lens.commands import cli

    command = cli.get_command(click.Context(cli), name)
    if not isinstance(command, click.Group):
        return []
    return [
        (part, _one_line(one.get_short_help_str(200)))
        for part, one in sorted(command.commands.items())
    ]


def _first_line(value: object) -> str:
    if isinstance(value, dict):
        return f"the rules of each build by profile name: {', '.join(value)}."
    return _one_line((getattr(value, "__doc__", None) or "").strip().split("\n\n")[0])


def _one_line(text: object) -> str:
    return " ".join(str(text).replace("``", "`").split())


def update(text: str) -> str:
    """``text`` (a README) with the section replaced, or added at its end."""
    made = reference()
    if BEGIN in text and END in text:
        return text[: text.index(BEGIN)] + made + text[text.index(END) + len(END) :]
    return f"{text.rstrip()}\n\n{made}\n"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(update(path.read_text("utf-8")), "utf-8")
