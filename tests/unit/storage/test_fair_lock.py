"""A lock that threads get in the order in which they asked for it, or not within their time."""

from __future__ import annotations

import signal
import threading
import time

import pytest

from storage.fair_lock import FairLock


def test_who_came_first_is_first() -> None:
    lock, order = FairLock(), list[int]()

    def take(number: int) -> None:
        assert lock.acquire(30)
        order.append(number)
        lock.release()

    assert lock.acquire(0)
    threads = [threading.Thread(target=take, args=(number,)) for number in range(30)]
    for came, thread in enumerate(threads, start=1):
        thread.start()
        while lock.waiting < came:
            time.sleep(0.001)
    lock.release()
    for thread in threads:
        thread.join(30)
    assert order == list(range(30))


def test_who_waited_too_long_is_passed_over() -> None:
    lock = FairLock()
    assert lock.acquire(0)
    assert not lock.acquire(0.01)
    assert lock.waiting == 0
    lock.release()
    assert lock.acquire(0)


def test_two_never_have_it_and_nobody_is_forgotten_when_patience_ends_as_it_is_handed_over() -> None:
    lock, inside, most, had = FairLock(), [0], [0], [0]

    def hurry() -> None:
        for _ in range(200):
            if lock.acquire(0.0005):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                time.sleep(0.0003)
                had[0] += 1
                inside[0] -= 1
                lock.release()

    threads = [threading.Thread(target=hurry) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert most[0] == 1 and 0 < had[0] < 1600
    assert lock.acquire(0) and lock.waiting == 0


def test_what_nobody_has_cannot_be_released() -> None:
    with pytest.raises(RuntimeError, match="nobody has"):
        FairLock().release()


def test_who_is_interrupted_while_waiting_keeps_nobody_else_from_it() -> None:
    """Ctrl-C comes as an exception out of the wait."""
    lock, main = FairLock(), threading.main_thread().ident or 0

    def interrupt() -> None:
        while not lock.waiting:
            time.sleep(0.001)
        time.sleep(0.1)  # it stands in the queue, and now waits
        signal.pthread_kill(main, signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, signal.default_int_handler)
    assert lock.acquire(0)
    try:
        with pytest.raises(KeyboardInterrupt):
            threading.Thread(target=interrupt).start()
            lock.acquire(30)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert lock.waiting == 0
    lock.release()
    assert lock.acquire(0)
