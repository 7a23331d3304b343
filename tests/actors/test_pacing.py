"""When batches are pulled: in time, and no earlier than they must be."""

from __future__ import annotations

import pytest

from actors.pacing import Beat


def test_a_quick_feed_is_asked_when_its_batch_is_due() -> None:
    """What a live feed has gathered does not wait: it is pulled as late as pulling allows."""
    beat, took_s = Beat(100.0), 0.002
    for number in range(1, 50):
        pull_s = beat.pull_s(0.05)
        beat.pulled(took_s)
        assert beat.due_s == pytest.approx(100.0 + 0.05 * number)
        assert beat.due_s - pull_s == pytest.approx(took_s if number > 1 else 0.0)
        assert beat.delivered(beat.due_s) == 0.0


def test_a_feed_that_takes_long_is_asked_early_enough() -> None:
    """Every tenth batch takes half the interval: from the second of them on none is late."""
    beat, late_s = Beat(0.0), []
    for number in range(40):
        took_s = 0.5 if number % 10 == 0 else 0.01
        ready_s = beat.pull_s(1.0) + took_s
        beat.pulled(took_s)
        late_s.append(beat.delivered(max(ready_s, beat.due_s)))
    assert late_s[0] == pytest.approx(0.5)
    assert max(late_s[1:]) < 0.5 * (1.0 - 0.9**10)


def test_a_stall_is_told_and_not_made_up_for_in_a_burst() -> None:
    """After nine seconds of silence the old pace goes on; pulling never begins before the batch before was due."""
    beat = Beat(0.0)
    beat.pull_s(1.0)
    beat.pulled(10.0)
    assert beat.delivered(10.0) == pytest.approx(9.0)
    assert beat.pull_s(1.0) == pytest.approx(9.0)
    assert beat.due_s == pytest.approx(10.0)
    beat.pulled(0.0)
    assert beat.delivered(10.1) == pytest.approx(0.1)
    assert beat.due_s == pytest.approx(10.0)


def test_a_feed_without_delay_is_pulled_at_once() -> None:
    """As fast as it can, from the first batch on."""
    beat = Beat(5.0)
    assert beat.pull_s(0.0) == beat.due_s == 5.0
    beat.pulled(0.3)
    assert beat.delivered(5.3) == pytest.approx(0.3)
    assert beat.pull_s(0.0) == pytest.approx(5.3)
