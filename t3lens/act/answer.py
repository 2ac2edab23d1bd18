"""What a person says to what a provider asks: yes or no to an approval, words or options to a question."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from t3lens.errors import UsageError

__all__ = ["DECLINED", "Answer", "Decided"]

Decided = Literal["accept", "acceptForSession", "decline", "cancel"]
"""What can be said to an approval, in the server's words."""

_SAID: Final[dict[str, str]] = {
    "accept": "accepted",
    "acceptForSession": "accepted for the session",
    "decline": "declined",
    "cancel": "cancelled",
}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer.

    Attributes:
        decision: To an approval: what is decided.
        text: To a question: in the person's own words.
        options: To a question: the options that are chosen, as they are labelled.
        each: To a request that asks several things: by the question's id, options as they are labelled, or words.
    """

    decision: Decided | None = None
    text: str | None = None
    options: tuple[str, ...] = ()
    each: dict[str, tuple[str, ...]] = {}

    def __post_init__(self) -> None:
        given = (self.decision is not None, self.text is not None, bool(self.options), bool(self.each))
        if sum(given) != 1:
            raise UsageError("an answer is one of: a decision, a text, options, or one for each question", code="no-answer")
        words = [*self.each.values(), *([(self.text,)] if self.text is not None else [])]
        if any(not said or not all(one.strip() for one in said) for said in words):
            raise UsageError("an answer of no words is none", code="no-answer")

    @property
    def words(self) -> str:
        """That it was given, as a part of a sentence: ``declined``, ``answered``."""
        return _SAID[self.decision] if self.decision is not None else "answered"

    @property
    def refuses(self) -> bool:
        """Whether it lets nothing happen."""
        return self.decision in ("decline", "cancel")

    @property
    def does(self) -> str:
        """What giving it is, as a command: ``decline``, ``answer with "main"``."""
        if self.decision is not None:
            return {"acceptForSession": "accept, for the session,"}.get(self.decision, self.decision)
        if self.each:
            parts = [f"{question_id}: {', '.join(said)}" for question_id, said in self.each.items()]
            return f"answer with {'; '.join(parts)[:160]}"
        alone = f'"{self.text}"' if self.text is not None else ", ".join(self.options)
        return f"answer with {alone[:80]}"


DECLINED: Final = Answer(decision="decline")
"""The answer of ``t3lens decline``."""
