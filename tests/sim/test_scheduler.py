"""Processes wait on the simulated clock in the order of their time, and on the real one without being asked."""

from __future__ import annotations

from t3lens.sim.scheduler import Scheduler, Signal, Steps
from t3lens.time import SECOND


def ticking(log: list[tuple[str, int]], scheduler: Scheduler, name: str, *pauses: float) -> Steps:
    for pause in pauses:
        yield pause
        log.append((name, scheduler.now))


def test_processes_run_in_the_order_of_their_time() -> None:
    scheduler, log = Scheduler(0), []  # type: ignore[var-annotated]
    scheduler.spawn(ticking(log, scheduler, "slow", 2, 2))
    scheduler.spawn(ticking(log, scheduler, "fast", 0.5, 0.5, 2.5))
    scheduler.advance(10)
    assert log == [
        ("fast", SECOND // 2),
        ("fast", SECOND),
        ("slow", 2 * SECOND),
        ("fast", 7 * SECOND // 2),
        ("slow", 4 * SECOND),
    ]
    assert scheduler.now == 10 * SECOND


def test_a_signal_wakes_who_waits_and_who_comes_late() -> None:
    scheduler, heard = Scheduler(0), []  # type: ignore[var-annotated]
    signal = Signal()

    def waiter(name: str) -> Steps:
        value = yield signal
        heard.append((name, value))

    scheduler.spawn(waiter("first"))
    scheduler.spawn(waiter("second"))
    scheduler.advance(1)
    assert heard == []
    scheduler.fire(signal, 7)
    scheduler.spawn(waiter("late"))
    scheduler.advance(1)
    assert heard == [("first", 7), ("second", 7), ("late", 7)]


def test_a_killed_owner_does_nothing_more_also_when_it_waits_for_a_signal() -> None:
    scheduler, log, signal = Scheduler(0), [], Signal()  # type: ignore[var-annotated]

    def waiter() -> Steps:
        yield signal
        log.append(("woken", 0))

    scheduler.spawn(ticking(log, scheduler, "a", 1, 1), owner="one")
    scheduler.spawn(waiter(), owner="one")
    scheduler.spawn(ticking(log, scheduler, "b", 3), owner="two")
    scheduler.advance(1.5)
    scheduler.kill("one")
    scheduler.fire(signal)
    scheduler.advance(5)
    assert log == [("a", SECOND), ("b", 3 * SECOND)]


def test_a_frozen_owner_continues_when_it_is_thawed() -> None:
    scheduler, log = Scheduler(0), []  # type: ignore[var-annotated]
    scheduler.spawn(ticking(log, scheduler, "a", 1, 1), owner="one")
    scheduler.advance(0.5)
    scheduler.freeze("one")
    scheduler.advance(4.5)
    assert log == []
    scheduler.thaw("one")
    scheduler.advance(5)
    assert log == [("a", 5 * SECOND), ("a", 6 * SECOND)]


def test_a_clock_set_back_still_does_what_was_to_come() -> None:
    scheduler, log = Scheduler(100 * SECOND), []  # type: ignore[var-annotated]
    scheduler.spawn(ticking(log, scheduler, "a", 10))
    scheduler.set_back(60)
    assert scheduler.now == 40 * SECOND
    scheduler.advance(10)
    assert log == [("a", 50 * SECOND)]


def test_waiting_ends_at_its_limit() -> None:
    scheduler, log = Scheduler(0), []  # type: ignore[var-annotated]
    scheduler.spawn(ticking(log, scheduler, "a", 5))
    assert not scheduler.run_until(lambda: bool(log), limit=4)
    assert scheduler.run_until(lambda: bool(log), limit=4)


def test_on_the_real_clock_a_thread_does_the_work() -> None:
    import threading

    scheduler, done = Scheduler(None, speed=100), threading.Event()
    scheduler.run_thread("test-scheduler")
    try:
        with scheduler.lock:
            scheduler.call(done.set, delay=1)
        assert done.wait(120)
    finally:
        scheduler.stop_thread()
    assert scheduler.error is None
