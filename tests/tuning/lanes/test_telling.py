"""What a sweep says while it runs: every figure from the desk, what is in sample called so, what is unknown too."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from math import isnan, nan

import pytest

from tuning.lanes.messages import DeskStatus, LaneStatus
from tuning.lanes.telling import Pace, line_of, rows_of, told_live
from tuning.search.records import Phase, Progress

_PROGRESS = Progress(
    phase=Phase.SEARCH, n_parts=3, n_parts_done=1, n_trials=40, n_trials_most=100,
    n_complete=30, n_pruned=7, n_refused=2, n_failed=1, n_points=39, n_blocks_run=120, n_blocks_shared=9,
    n_blocks_saved=21, n_items_out=4, best=1.25, best_number=17, baseline=0.5,
)  # fmt: skip
_STATUS = DeskStatus(
    progress=_PROGRESS,
    lanes=(
        LaneStatus(lane=0, node="a", is_alive=True, is_busy=True, starts=1, private_mb=210.0),
        LaneStatus(lane=1, node="a", is_alive=True, is_busy=False, starts=2, private_mb=nan),
        LaneStatus(lane=2, node="b", is_alive=False, is_busy=False, starts=1, private_mb=999.0),
    ),
    n_run=90,
    n_kept=30,
    n_lost=1,
    n_copied=2,
    work_s=8.0,
    is_done=False,
)
_NOTHING = replace(_PROGRESS, n_trials=0, best=nan, best_number=None, baseline=nan)


def _paced(*seen: tuple[float, int]) -> Pace:
    pace = Pace()
    for now_s, n_trials in seen:
        pace.add(now_s, n_trials)
    return pace


def test_the_table_holds_what_the_desk_says() -> None:
    """States, pace, the rest, the defaults beside the best in sample, the ledger, and lanes that live."""
    assert rows_of(_STATUS, _paced((0.0, 10), (30.0, 40)), "sharpe") == [
        ("phase", "search, search 2 of 3"),
        ("trials", "40 of at most 100; 4 items out"),
        ("ended", "30 complete, 7 pruned, 2 refused, 1 failed"),
        ("pace", "60.0 trials a minute, 1 min 0 s left at most"),
        ("best sharpe", "1.25 (trial 17), in sample"),
        ("defaults", "0.5"),
        ("found in the ledger", "30 of 120 blocks"),
        ("lanes", "2 alive, 1 batches lost, 2 copied"),
        ("fullest lane", "210 MB"),
    ]


def test_what_is_not_known_yet_is_said_so() -> None:
    """Before the first trial there is no pace, no best and no memory, and none of them is 0."""
    begun = replace(_STATUS, progress=_NOTHING, lanes=(), n_run=0, n_kept=0)
    rows = dict(rows_of(begun, _paced((0.0, 0)), "sharpe"))
    assert rows["pace"] == "pace not known yet"
    assert (rows["best sharpe"], rows["defaults"], rows["fullest lane"]) == ("none yet", "unknown", "unknown")
    assert rows["found in the ledger"] == "nothing asked yet"


def test_the_pace_is_that_of_the_last_minute() -> None:
    """A slow beginning is forgotten; the window reaches back one whole minute and no more."""
    pace = _paced((0.0, 0), (600.0, 1), (630.0, 31), (660.0, 61))
    assert pace.per_minute == pytest.approx(60.0)
    assert pace.left_s(120) == pytest.approx(120.0)
    assert isnan(_paced((0.0, 5), (60.0, 5)).per_minute)


def test_without_a_terminal_there_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """One line every five seconds, and one where the best improves: not at every call."""
    now_s = [0.0]
    with told_live("small", "sharpe", lambda: now_s[0]) as tell:
        for second in (1.0, 4.0, 6.0, 7.0, 10.0, 12.0):
            now_s[0] = second
            tell(_STATUS)
    said = capsys.readouterr().err.splitlines()
    assert said[0] == "trial 17: best sharpe so far 1.25, defaults 0.5, in sample"
    assert len(said) == 3
    assert all(line.startswith("search: 40/100 trials (30 complete") for line in said[1:])
    assert line_of(_STATUS, _paced((0.0, 40)), "sharpe").endswith(
        "lanes 2 alive, 1 batches lost, 2 copied, fullest 210 MB"
    )


def test_on_a_terminal_there_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal gets the table with the name of the study, and the improvement above it."""
    ours, theirs = os.openpty()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "100")
    with os.fdopen(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        seconds = iter(range(10))
        with told_live("small", "sharpe", lambda: float(next(seconds))) as tell:
            tell(_STATUS)
        said = os.read(ours, 65_536).decode()
    os.close(ours)
    assert "sweep small" in said
    assert "trial 17: best sharpe so far 1.25" in said
    assert "30 complete, 7 pruned, 2 refused, 1 failed" in said


def test_a_quiet_sweep_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """With JSON asked for, neither stream gets a word."""
    with told_live("small", "sharpe", lambda: 0.0, quiet=True) as tell:
        tell(_STATUS)
    assert capsys.readouterr() == ("", "")
