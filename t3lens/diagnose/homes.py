"""Diagnose homes of a store: gather the facts of each, judge it in the time it has, and say if that could not be done."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from t3lens.diagnose.context import Context, HomeServer, as_of, decide
from t3lens.diagnose.detector import Detector, of_model, register_all
from t3lens.diagnose.diagnosis import Diagnosis, HomeDiagnosis, urgency
from t3lens.diagnose.facts import HomeFacts, ModelInUse
from t3lens.diagnose.gather import gather, gather_in_parts
from t3lens.diagnose.gatherer import find_standing
from t3lens.diagnose.home_queries import QueriedHomes, small_together
from t3lens.diagnose.judging import found_in, judge_home, judge_in_parts, judged, thread_detectors
from t3lens.diagnose.make_case import make_case
from t3lens.diagnose.options import Options
from t3lens.diagnose.processes import Processes
from t3lens.diagnose.time_limit import TookTooLong, judged_in_time
from t3lens.errors import T3LensError, fail_loudly
from t3lens.memory import no_search_for_cycles
from t3lens.time import Micros

if TYPE_CHECKING:
    from t3lens.store import Store

__all__ = ["diagnose", "rediagnose", "same_ground"]


def diagnose(
    store: Store,
    homes: Iterable[str],
    options: Options | None = None,
    *,
    servers: Mapping[str, HomeServer] | None = None,
    processes: Mapping[str, Processes] | None = None,
    threads: Sequence[str] | None = None,
    in_parts: bool = False,
) -> Diagnosis:
    """Say of every thread of some homes what it is, and why.

    Args:
        store: Where they were ingested.
        homes: Home ids.
        options: Moment, server, rules, thresholds; defaults otherwise.
        servers: What looking at each home's server told, by home id; unknown where absent.
        processes: The provider processes of each home's server, by home id.
        threads: Only these thread ids, in all homes; home-wide findings are then about these threads alone.
        in_parts: Whether a large home is judged some threads at a time, so that memory does not grow with it. The cases
            then hold rows and states, and no records, no replays, and of turns no more than their states.

    Returns:
        The diagnosis; nothing is written.
    """
    options = options or Options()
    detectors = tuple(register_all().values())
    found = []
    homes = list(homes)
    alone = threads is not None or options.as_of is not None
    for home_id, together in zip(homes, [None] * len(homes) if alone else small_together(store, homes), strict=True):
        probed = (servers or {}).get(home_id, HomeServer("unknown", why="nobody looked"))
        running = (processes or {}).get(home_id)
        large = in_parts and not alone and together is None
        attempt = partial(_attempt, store, home_id, options, threads, probed, running, detectors, large, together)
        with no_search_for_cycles():
            found.append(_judged(store, attempt, options.budget))
    return Diagnosis(options=options, homes=tuple(sorted(found, key=lambda home: home.home.path)))


def _attempt(
    store: Store,
    home_id: str,
    options: Options,
    threads: Sequence[str] | None,
    probed: HomeServer,
    running: Processes | None,
    detectors: Sequence[Detector],
    in_parts: bool,
    together: QueriedHomes | None,
    failure: Exception | None,
) -> HomeDiagnosis:
    """One home judged; with what went wrong the first time, only its threads' names are read."""
    parts = (
        gather_in_parts(store, home_id, options.thresholds, protocol=probed.protocol) if in_parts and not failure else None
    )
    if parts is not None:
        return judge_in_parts(decide(parts.home, probed, options, running), detectors, parts)
    facts = gather(
        store,
        home_id,
        options.thresholds,
        threads,
        protocol=probed.protocol,
        until=options.as_of,
        failure=failure,
        together=together if failure is None else None,
    )
    context = decide(facts, probed, options, running)
    if options.as_of is not None and facts.standing.cannot_judge is None:
        _rewind(facts, context, options.as_of)
    return judge_home(context, detectors)


def _judged(store: Store, attempt: Callable[[Exception | None], HomeDiagnosis], seconds: float) -> HomeDiagnosis:
    """A home judged; where that would not end in time or t3lens itself fails, that is said of it alone."""
    try:
        with judged_in_time(seconds):
            return store.with_enough_memory(partial(attempt, None))
    except (T3LensError, MemoryError):
        raise
    except TookTooLong as error:
        return attempt(error)
    except Exception as error:
        if fail_loudly():
            raise
        return attempt(error)


def _rewind(facts: HomeFacts, context: Context, moment: Micros) -> None:
    """Make what was gathered of a home up to a moment what stood then; changes ``facts``."""
    if facts.model is ModelInUse.FIRST:
        from t3lens.diagnose.past import rewind

        rewind(facts, context.first_rules, moment)
    else:
        from t3lens.diagnose.v2.past import rewind_second

        rewind_second(facts, moment)


def same_ground(store: Store, before: Diagnosis) -> bool:
    """Whether every home is still of the data model it was: else all of it has to be diagnosed again.

    Args:
        store: Where what is new was ingested.
        before: The diagnosis of before.
    """
    return all(
        find_standing(store, home.home.home_id, home.context.server.protocol) == home.home.standing for home in before.homes
    )


def rediagnose(store: Store, before: Diagnosis, threads: Sequence[str]) -> Diagnosis:
    """Say again what some threads are, after new records of theirs were ingested; the others stay as they were.

    Home-wide findings are not looked for again: they need all threads (``diagnose``).

    Args:
        store: Where the new records were ingested.
        before: The diagnosis of all threads.
        threads: Ids of the threads to look at again.
    """
    homes = []
    for home in before.homes:
        context, options = home.context, before.options
        try:
            with judged_in_time(options.budget):
                homes.append(_judge_threads_again(store, home, options, threads))
        except TookTooLong as error:
            every = tuple(register_all().values())
            known = (home.home.home_id, options, None, context.server, context.processes, every, False, None)
            homes.append(_attempt(store, *known, error))
    return Diagnosis(options=before.options, homes=tuple(homes))


def _judge_threads_again(store: Store, home: HomeDiagnosis, options: Options, threads: Sequence[str]) -> HomeDiagnosis:
    """A home with some threads looked at again."""
    if home.home.standing.cannot_judge is not None:  # read whole: nothing but names
        whole = gather(store, home.home.home_id, options.thresholds, protocol=home.context.server.protocol)
        context = decide(whole, home.context.server, options, home.context.processes)
        return judge_home(context, tuple(register_all().values()))
    # a thread nobody saw before may belong to any home; the store knows to which
    until = options.as_of
    facts = gather(store, home.home.home_id, options.thresholds, threads, home.home, until=until)
    if until is not None:
        _rewind(facts, home.context, until)
    context = msgspec.structs.replace(home.context, home=facts, as_of=as_of(facts, home.context))
    runnable = [of_model(check.code, facts.model) for check in home.checks if check.checked]
    alone = thread_detectors(home)
    wide_codes = {one.code for one in runnable if one is not None and one.home_wide}
    said = list(home.threads)
    for thread_id in threads:
        if thread_id in facts.threads:
            thread = facts.threads[thread_id]
            case = make_case(context, thread)
            place = next((n for n, t in enumerate(said) if t.thread_id == thread_id), None)
            old = said.pop(place).findings if place is not None else ()
            wide = [finding for finding in old if finding.code in wide_codes]
            insort(said, judged(case, wide + found_in(case, alone)), key=urgency)
    return msgspec.structs.replace(home, context=context, threads=tuple(said))
