"""``t3lens answer``: answer what a thread's provider asks."""

from __future__ import annotations

from typing import Any

import click

from t3lens.commands.action_options import act, acting_options
from t3lens.commands.common import ChosenHomes
from t3lens.errors import UsageError

__all__ = ["command"]


@click.command(name="answer")
@acting_options
@click.option(
    "--request",
    "request_id",
    metavar="ID",
    help="What is answered, as evidence names it; the only open one if not said.",
)
@click.option("--decision", type=click.Choice(["accept", "acceptForSession", "decline", "cancel"]), help="To an approval.")
@click.option("--text", metavar="TEXT", help="To a question: your words.")
@click.option(
    "--to", "each", metavar="ID=ANSWER", multiple=True, help="To one of several questions: words, or an option; repeatable."
)
@click.option("--option", "options", metavar="LABEL", multiple=True, help="To a question: what you choose; repeatable.")
def command(
    thread: str,
    chosen: ChosenHomes,
    request_id: str | None,
    decision: str | None,
    text: str | None,
    options: tuple[str, ...],
    each: tuple[str, ...],
    **how: Any,
) -> int:
    """Answer what a thread's provider asks: plan, confirm, do, verify.

    The token comes from T3LENS_TOKEN, a keyring, or a prompt. Exit codes: 0 answered (and read back), 1 not.
    """
    said: dict[str, list[str]] = {}
    for one in each:
        question_id, equals, words = one.partition("=")
        if not equals:
            raise UsageError(f"--to {one!r} names no question: say ID=ANSWER", code="no-answer")
        said.setdefault(question_id, []).append(words)
    answer = {"decision": decision, "text": text, "options": options, "each": said}
    return act("answer", thread, chosen, request_id=request_id, answer=answer, **how)
