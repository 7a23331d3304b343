"""Marks of packages on recorded mids, whose sources lack a leg here and there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from benchmarks.real_runs import midpoint_condor, midpoints_history, run_midpoints
from cluster.histories.span import Span

pytestmark = pytest.mark.data


def test_no_peak_is_made_of_legs_marked_at_different_instants(data_root: Path) -> None:
    """The short call of this condor had no mid for a while; its wing's alone showed 5,007 on the way to a loss."""
    day = date(2024, 4, 4)
    result = run_midpoints(midpoints_history(data_root, Span(first=day, last=day)), midpoint_condor())
    (trade,) = result.trades
    assert {"mark_carried", "marked_from_model"} <= trade.flags
    assert result.counts["marks_carried_with_package"] > 0
    assert trade.best_pnl < 500.0
    assert trade.net_pnl < -800
    assert result.curve.equity.max() - 1_000_000.0 < 500.0
