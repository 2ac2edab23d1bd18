"""What is advised in a notebook is Python; nothing of it is for a command line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import t3lens.act
from t3lens.act.plan_view import in_python


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("decline it (t3lens decline), or stop the session (t3lens stop)",
         "decline it (thread.decline()), or stop the session (thread.stop())"),
        ("look at the thread again (t3lens show)", "look at the thread again (thread.explain())"),
        ("answer it (t3lens answer)", "answer it (thread.answer(…))"),
        ("settle it with --offline", "settle it with thread.reconcile(offline=True)"),
        ("name it: --request req-1", "name it: request_id='req-1'"),
        ("name its run: --run run:2", "name its run: run_id='run:2'"),
        ("answer each: --to q1=… --to q2=…", "answer each: each={'q1': …, 'q2': …}"),
        ("asks for a yes or no: answer it with --decision", "asks for a yes or no: answer it with decision=…"),
        ("name a queued run (--before), or none", "name a queued run (before=…), or none"),
        ("give the server's address (url=, --url)", "give the server's address (url=)"),
        ("wait; it works", "wait; it works"),
    ],
)  # fmt: skip
def test_commands_and_options_become_calls_and_arguments(said: str, told: str) -> None:
    assert in_python(said) == told


def test_no_advice_of_a_plan_is_left_for_a_command_line() -> None:
    folder = Path(t3lens.act.__file__).parent
    names = ("choice", "choose_answer", "choose_queue", "planning", "verify", "execute")
    code = [path.read_text("utf-8") for name in names for path in folder.rglob(f"{name}.py")]
    texts = [re.sub(r"\{[^}]*\}", "x1", text) for one in code for text in re.findall(r'"([^"\n]*)"', one)]
    told = [text for text in texts if re.search(r"t3lens [a-z]+|(^|\W)--[a-z]", text)]
    assert len(told) >= 15
    assert [text for text in map(in_python, told) if re.search(r"t3lens [a-z]|--[a-z]", text)] == []
