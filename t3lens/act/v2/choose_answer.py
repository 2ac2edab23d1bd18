"""Whether and how a question of a thread of the second data model is answered or declined."""

from __future__ import annotations

from typing import Any

from t3lens.act.answer import DECLINED, Answer
from t3lens.act.plan import Action, Decision
from t3lens.act.v2.situation import SecondChoice, SecondSituation
from t3lens.t3code.v2 import remedies
from t3lens.t3code.v2.wire import QuestionShown, RequestShown
from t3lens.t3code.v2.words import (
    CAPABILITY_LIVE,
    CAPABILITY_MESSAGE,
)

__all__ = ["nothing_to_answer", "person_answers"]


def nothing_to_answer(case: SecondSituation) -> SecondChoice | None:
    """Only what somebody takes an answer to can be answered, and no question can be declined."""
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
    answer = case.answer or DECLINED
    for one in asked:
        why = _why_not(case, one, question=answer.decision is None)
        if why is not None:
            return SecondChoice(
                decision=Decision.REFUSE,
                because=(why,),
                finding=case.belief.finding("request-on-dead-session", "waiting-for-user"),
                advice=(remedies.NEW_MESSAGE,),
            )
    return _no_such_answer(asked[0], answer) if answer.decision is None else None


def _why_not(case: SecondSituation, request: RequestShown, *, question: bool) -> str | None:
    """Why an answer of this kind to the request reaches nobody; None if it does."""
    named = f"request {request.request_id}"
    if request.capability not in (None, CAPABILITY_LIVE, CAPABILITY_MESSAGE):
        return f"{named} is {request.capability}: the server refuses an answer"
    if request.question and not question:
        ends = "" if request.by_message else ", or its run is stopped"
        return f"{named} is a question: it is answered with words (t3lens answer){ends}"
    if not request.question and question:
        return f"{named} asks for a yes or no: answer it with --decision"
    if not request.by_message and case.second.active is None:
        return f"no run of the thread is live, so nobody takes an answer to {named}"
    return None


def _no_such_answer(request: RequestShown, answer: Answer) -> SecondChoice | None:
    """What is asked for words is answered with words, a choice with what can be chosen, and each thing for itself."""
    if not request.asks:
        why = f"what request {request.request_id} asks is not known, nor how its parts are named"
        return SecondChoice(decision=Decision.REFUSE, because=(why,), advice=("answer it in T3 Code",))
    if not answer.each and len(request.asks) > 1:
        return SecondChoice(
            decision=Decision.REFUSE,
            because=(f"request {request.request_id} asks {len(request.asks)} things, and each has an answer of its own",
                     *map(_asked, request.asks)),
            advice=(f"answer each: {' '.join(f'--to {one.question_id}=…' for one in request.asks)}",),
        )  # fmt: skip
    problems = [problem for one in request.asks if (problem := _problem(one, answer, alone=len(request.asks) == 1))]
    asked = [one.question_id for one in request.asks]
    problems += [f"{other!r} is not asked; what is: {', '.join(asked)}" for other in answer.each if other not in asked]
    if not problems:
        return None
    return SecondChoice(decision=Decision.REFUSE, because=(problems[0],), advice=("make another plan",))


def _asked(one: QuestionShown) -> str:
    """A question, as a line of a plan."""
    options = f" ({', '.join(one.options)})" if one.options else ""
    return f"{one.question_id}: {one.text[:200]}{options}{'' if one.required else ' — need not be answered'}"


def _problem(asked: QuestionShown, answer: Answer, *, alone: bool) -> str | None:
    """Why what is said to a question is no answer to it; None if it is one, or none is needed."""
    which = "" if alone else f"{asked.question_id}: "
    said = answer.options or answer.each.get(asked.question_id, ())
    if not said:
        if answer.text is None:
            return f"{asked.question_id} is to be answered too: {asked.text[:200]}" if asked.required else None
        said = (answer.text,)
    can = ", ".join(asked.options) or "nothing, it asks for words"
    unknown = [one for one in said if one not in asked.options]
    if unknown and (answer.options or not asked.words or (answer.each and len(said) > 1)):
        return f"{which}{unknown[0]!r} cannot be chosen; what can is: {can}"
    if len(said) > 1 and not asked.several:
        return f"{which}one option is to be chosen, not several"
    return None


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
    answers: dict[str, str | list[str]] = {}
    for one in request.asks:
        said = answer.each.get(one.question_id) or answer.options
        if said:
            sent = [one.sent(each) for each in said]
            answers[one.question_id] = sent if one.several and all(each in one.options for each in said) else sent[0]
        elif answer.text is not None:
            answers[one.question_id] = answer.text
    return {"answers": answers}
