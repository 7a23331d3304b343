"""The time that a point may take."""

from __future__ import annotations

import signal
import threading

import pytest

from tuning.lanes.time_limit import TookTooLong, time_limit


def test_what_never_ends_is_interrupted_even_where_errors_are_caught() -> None:
    """The interruption is no `Exception`, and the alarm is as it was afterwards."""
    before = signal.getsignal(signal.SIGALRM)

    def never_ends() -> None:
        while True:
            try:
                sum(range(100))
            except Exception:  # noqa: BLE001, S112  # as an engine catches what a strategy raises
                continue

    with pytest.raises(TookTooLong), time_limit(0.05):
        never_ends()
    assert signal.getsignal(signal.SIGALRM) is before
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_what_ends_in_time_is_left_alone() -> None:
    """No alarm is left behind, and another thread has none."""
    told = []

    def work() -> None:
        with time_limit(60.0):
            told.append(signal.getitimer(signal.ITIMER_REAL)[0] > 0.0)

    work()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert told == [True, False]
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
