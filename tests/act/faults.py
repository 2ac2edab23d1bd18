"""What can go wrong while a plan is carried out, and what is right then."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from t3lens.act import Outcome, Plan, Progress, Result, Timing, connect
from t3lens.act.errors import Interrupted
from t3lens.sim import HttpFault
from t3lens.sim.auth import HttpReply
from t3lens.t3code.v1.wire import READ
from t3lens.time import iso, now
from tests.act.bench import Bench

SHORT = Timing(poll=0.3, interval=0.02, restart=20)
DISPATCH = "/api/orchestration/dispatch"

APPLIED, ALREADY, FAILED = Outcome.APPLIED, Outcome.ALREADY, Outcome.FAILED
REFUSED, UNCONFIRMED = Outcome.REFUSED, Outcome.NOT_CONFIRMED


@dataclass(frozen=True)
class Fault:
    """One fault.

    Attributes:
        name: As in the matrix.
        run: Makes it happen and carries the plan out.
        right: The outcome that is right for a plan that acts.
        asked: How often the server may have stored t3lens's stop; None where either is right.
    """

    name: str
    run: Callable[[Bench, Plan], Result]
    right: Outcome | dict[bool, Outcome]
    asked: int | None

    def expected(self, reconciles: bool) -> Outcome:
        return self.right if isinstance(self.right, Outcome) else self.right[reconciles]


def _with(fault: HttpFault) -> Callable[[Bench, Plan], Result]:
    def run(b: Bench, plan: Plan) -> Result:
        b.server.http_faults.append(fault)
        try:
            return b.execute(plan, timing=SHORT)
        finally:
            b.server.http_faults.clear()

    return run


def _plain(b: Bench, plan: Plan) -> Result:
    return b.execute(plan)


def _unauthorised(b: Bench, plan: Plan) -> Result:
    b.server.auth.revoke_all()
    try:
        return b.execute(plan, timing=SHORT)
    finally:
        b.server._token = None
        b.connection._token = None
        b.connection._given = connect(b.home, token=b.server.token)._given


def _read_only(b: Bench, plan: Plan) -> Result:
    if not b.server.build.scopes:
        return _with(HttpFault(path=DISPATCH, answer=HttpReply(403, {"error": "Forbidden."})))(b, plan)
    kept = b.connection._token, b.connection._given
    b.connection._token = None
    b.connection._given = connect(b.home, token=b.server.auth.issue((READ,)))._given
    try:
        return b.execute(plan, timing=SHORT)
    finally:
        b.connection._token, b.connection._given = kept


def _someone_else_stops(b: Bench, plan: Plan) -> Result:
    with b.server.lock:
        b.server.core.dispatch(
            {
                "type": "thread.session.stop",
                "commandId": f"other-{now()}",
                "threadId": b.target.thread_id,
                "createdAt": iso(now()),
            }
        )
    session = plan.seen.session
    assert b.wait(lambda seen: seen.session != session)
    return b.execute(plan, timing=SHORT)


def _provider_comes_back(b: Bench, plan: Plan) -> Result:
    log_dir = Path(str(b.target.log_dir))
    log_dir.mkdir(parents=True, exist_ok=True)
    thread_id = b.target.thread_id
    name = f"{'events.' if b.server.build.generation == 2 else ''}{thread_id}.log"
    event = {
        "eventId": f"late-{now()}",
        "provider": "opencode",
        "threadId": thread_id,
        "createdAt": iso(now()),
        "type": "item.completed",
        "payload": {"itemType": "assistant_message"},
    }
    with (log_dir / name).open("a") as log:
        log.write(f"[{iso(now())}] CANON: {json.dumps(event)}\n")
    return b.execute(plan, timing=SHORT)


def _queue_blocked(b: Bench, plan: Plan) -> Result:
    b.server.block_queue()
    try:
        return b.execute(plan, timing=SHORT)
    finally:
        b.server.unblock_queue()


def _restarts(b: Bench, plan: Plan) -> Result:
    b.server.block_queue()
    done: list[bool] = []

    def on_step(progress: Progress) -> None:
        if progress.phase == "accepted" and not done:
            done.append(True)
            b.server.restart(kill=True)

    return b.execute(plan, timing=Timing(poll=1.0, interval=0.02), on_step=on_step)


def _interrupted(phase: str) -> Callable[[Bench, Plan], Result]:
    def run(b: Bench, plan: Plan) -> Result:
        def on_step(progress: Progress) -> None:
            if progress.phase == phase:
                raise KeyboardInterrupt

        if phase == "accepted":
            b.server.block_queue()
        try:
            b.execute(plan, timing=SHORT, on_step=on_step)
        except Interrupted as interrupt:
            assert isinstance(interrupt.result, Result)
            return interrupt.result
        finally:
            b.server.unblock_queue()
        raise AssertionError("the interrupt was swallowed")

    return run


def _stop_fails(recorded: bool) -> Callable[[Bench, Plan], Result]:
    def run(b: Bench, plan: Plan) -> Result:
        faults = b.server.faults
        faults.stop_fails[b.target.thread_id] = "The provider did not answer the stop."
        faults.records_failed_stop = recorded
        try:
            return b.execute(plan, timing=Timing(poll=2.0, interval=0.02) if recorded else SHORT)
        finally:
            faults.stop_fails.clear()
            faults.records_failed_stop = False

    return run


def _other_home(b: Bench, plan: Plan) -> Result:
    kept, b.connection.environment_id = b.connection.environment_id, "another-environment"
    try:
        return b.execute(plan, timing=SHORT)
    finally:
        b.connection.environment_id = kept


FAULTS = (
    Fault("401", _unauthorised, FAILED, 0),
    Fault("403", _read_only, FAILED, 0),
    Fault(
        "404",
        _with(HttpFault(path=DISPATCH, answer=HttpReply(404, {"code": "not_found"}))),
        FAILED,
        0,
    ),
    Fault("500", _with(HttpFault(path=DISPATCH, answer=HttpReply(500))), FAILED, 0),
    Fault(
        "500 rejected",
        _with(
            HttpFault(
                path=DISPATCH,
                answer=HttpReply(
                    500,
                    {"code": "internal_error", "reason": "orchestration_dispatch_failed"},
                ),
            )
        ),
        FAILED,
        0,
    ),
    Fault("lost before, always", _with(HttpFault(path=DISPATCH, drop="before")), UNCONFIRMED, 0),
    Fault("wrong home", _other_home, REFUSED, 0),
    Fault("interrupt before", _interrupted("sending"), REFUSED, 0),
    Fault("state changes", _someone_else_stops, REFUSED, 0),
    Fault("provider comes back", _provider_comes_back, REFUSED, 0),
    Fault("stop fails", _stop_fails(True), FAILED, 1),
    Fault("stop fails silently", _stop_fails(False), UNCONFIRMED, 1),
    Fault("queue blocked", _queue_blocked, UNCONFIRMED, 1),
    Fault("restart meanwhile", _restarts, {False: UNCONFIRMED, True: ALREADY}, 1),
    Fault("interrupt after", _interrupted("accepted"), UNCONFIRMED, 1),
    Fault("lost before, once", _with(HttpFault(path=DISPATCH, drop="before", times=1)), APPLIED, 1),
    Fault("lost after, once", _with(HttpFault(path=DISPATCH, drop="after", times=1)), APPLIED, 1),
    Fault("lost after, always", _with(HttpFault(path=DISPATCH, drop="after")), APPLIED, 1),
    Fault("answers", _plain, APPLIED, 1),
)
"""Each on its own copy of the state, so that none hides another."""
