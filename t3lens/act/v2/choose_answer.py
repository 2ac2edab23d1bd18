"""Whether and how a question of a thread of the second data model is answered or declined."""

from __future__ import annotations

from typing import Any

from t3lens.act.answer import DECLINED, Answer
from t3lens.act.plan import Action, Decision
from t3lens.act.v2.situation import SecondChoice, SecondSituation
from t3lens.t3code.v2 import remedies
from t3lens.t3code.v2.wire import RequestShown
from t3lens.t3code.v2.words import (
    CAPABILITY_LIVE,
    CAPABILITY_MESSAGE,
)

__all__ = ["nothing_to_answer", "person_answers"]


def nothing_to_answer(case: SecondSituation) -> SecondChoice | None:
    """Only what its provider waits for can be answered, and no question can be declined."""
    if case.kind not in ("decline", "answer"):
        return None
    pending = case.second.pending
    asked = [one for one in pending if case.request_id in (None, one.request_id)]
    if not asked:
        said = "nothing is asked" if case.request_id is None else f"request {case.request_id} is no open question"
        return SecondChoice(decision=Decision.NOTHING, because=(f"{said} of this thread",))
    if case.kind == "answer" and len(asked) > 1:
        return SecondChoice(
            decision=Decision.REFUSE,
            because=(f"{len(asked)} requests are open, and an answer is to one",),
            advice=(f"name it: --request {asked[0].request_id}",),
        )
    question = case.answer is not None and case.answer.decision is None
    one = next((one for one in asked if one.capability not in (None, CAPABILITY_LIVE) or one.question is not question), None)
    if one is None and case.second.active is not None:
        return _no_such_answer(case, asked[0]) if question else None
    if one is None:
        why = f"no run of the thread is live, so nobody takes an answer to request {asked[0].request_id}"
    elif one.question and not question:
        why = f"request {one.request_id} is a question: it is answered with words (t3lens answer), or its run is stopped"
    elif not one.question and question:
        why = f"request {one.request_id} asks for a yes or no: answer it with --decision"
    elif one.capability == CAPABILITY_MESSAGE:
        why = f"request {one.request_id} is answered by a message"
    else:
        why = f"request {one.request_id} is {one.capability}: the server refuses an answer"
    return SecondChoice(
        decision=Decision.REFUSE,
        because=(why,),
        finding=case.belief.finding("request-on-dead-session", "waiting-for-user"),
        advice=(remedies.NEW_MESSAGE,),
    )


def _no_such_answer(case: SecondSituation, request: RequestShown) -> SecondChoice | None:
    """What is asked for words is answered with words, and a choice with what can be chosen."""
    answer = case.answer or DECLINED
    if len(request.asks) != 1:
        how_many = f"{len(request.asks)} things" if request.asks else "what is not known"
        return SecondChoice(
            decision=Decision.REFUSE,
            because=(f"request {request.request_id} asks {how_many}: one answer does not do for it",),
            advice=("answer it in T3 Code",),
        )
    (asked,) = request.asks
    unknown = [one for one in answer.options if one not in asked.options]
    if unknown:
        why = f"{unknown[0]!r} cannot be chosen; what can is: {', '.join(asked.options) or 'nothing, it asks for words'}"
    elif len(answer.options) > 1 and not asked.several:
        why = "one option is to be chosen, not several"
    else:
        return None
    return SecondChoice(decision=Decision.REFUSE, because=(why,), advice=("make another plan",))


def person_answers(case: SecondSituation) -> SecondChoice | None:
    """An answer or a refusal that a person asked for goes to each request it is meant for."""
    if case.kind not in ("decline", "answer"):
        return None
    answer = case.answer or DECLINED
    asked = [one for one in case.second.pending if case.request_id in (None, one.request_id)]
    said = f"request {asked[0].request_id}" if len(asked) == 1 else f"{len(asked)} requests"
    return SecondChoice(
        decision=Decision.ACT,
        because=(f"that {said} be {answer.words} is asked for",),
        action=Action.RESPOND,
        about=tuple({"requestId": one.request_id, **_said_to(one, answer)} for one in asked),
        finding=case.belief.finding("waiting-for-user"),
    )


def _said_to(request: RequestShown, answer: Answer) -> dict[str, Any]:
    """An answer in the command's words."""
    if answer.decision is not None:
        return {"decision": answer.decision}
    (asked,) = request.asks
    if answer.text is not None:
        return {"answers": {asked.question_id: answer.text}}
    return {"answers": {asked.question_id: list(answer.options) if asked.several else answer.options[0]}}
