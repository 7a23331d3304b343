"""Where candidates die, which limit binds, and alarms for what never varies."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from backtest.metrics.funnel import AlarmKind, alarms, binding_limits, funnel_rows
from backtest.results import DecisionRecord, RunResult
from execution.margin_call import MarginCall
from market.errors import DataError
from tests.backtest.metrics.samples import run_of_returns
from tests.backtest.metrics.samples_trading import decision_of, fill_of
from tests.execution.order_samples import SHARE

_RUN = run_of_returns(np.linspace(0.0, 0.01, 30))


def _deciding(*records: DecisionRecord, n_views: int = 1_000) -> RunResult:
    return replace(_RUN, decisions=records, n_views=n_views, fills=(fill_of(SHARE, 1, "1.00"),))


def _kinds(result: RunResult) -> set[tuple[AlarmKind, str]]:
    return {(alarm.kind, alarm.subject) for alarm in alarms(result)}


def test_every_candidate_dies_at_one_gate_or_passes_all() -> None:
    """100 met the first gate: 60 die there, 30 at the second, 10 go through."""
    rows = funnel_rows(replace(_RUN, funnel={"condor": {"regime": (100, 40), "vix": (40, 10)}}))
    assert [(row.gate, row.n_died, row.died_share) for row in rows] == [("regime", 60, 0.6), ("vix", 30, 0.3)]
    assert sum(row.n_died for row in rows) + rows[-1].n_passed == rows[0].n_met


def test_a_gate_that_passes_more_than_it_met_is_refused() -> None:
    """Counts that cannot be are no funnel."""
    with pytest.raises(DataError, match="a gate's counts cannot be"):
        funnel_rows(replace(_RUN, funnel={"condor": {"regime": (3, 4)}}))


def test_each_sized_decision_has_one_first_binding_limit() -> None:
    """Two ceilings tie in one decision: the first counts, so shares add up; one bound at nothing."""
    result = _deciding(
        decision_of("1", sizing=(("risk", 3.0, True), ("margin", 5.0, False))),
        decision_of("2", sizing=(("risk", 2.0, True), ("margin", 2.0, True))),
        decision_of("3", sizing=(("risk", 2.0, False), ("margin", 0.4, True)), opens=False),
        decision_of("4"),
    )
    rows = binding_limits(result)
    assert [(row.limit, row.n_binding, row.n_sized, row.n_zero) for row in rows] == [
        ("risk", 2, 3, 0),
        ("margin", 1, 3, 1),
    ]


def test_a_factor_that_never_varies_raises_an_alarm() -> None:
    """VIX 20 in every decision is a default, not a reading; one that varies is fine."""
    records = [decision_of(str(k), factors=(("vix", 20.0), ("rsi", 40.0 + k)), reason=f"r{k % 2}") for k in range(30)]
    assert _kinds(_deciding(*records)) == {(AlarmKind.CONSTANT_FACTOR, "vix")}


def test_a_factor_that_is_often_missing_raises_an_alarm() -> None:
    """Missing in half of the decisions."""
    records = [
        decision_of(str(k), factors=(("skew", nan if k % 2 else 1.0 * k),), reason=f"r{k % 2}") for k in range(30)
    ]
    assert _kinds(_deciding(*records)) == {(AlarmKind.MISSING_FACTOR, "skew")}


def test_decisions_of_one_class_raise_an_alarm() -> None:
    """A model that always answers the same has learnt the majority."""
    records = [decision_of(str(k), reason="close", opens=False) for k in range(30)]
    assert _kinds(_deciding(*records)) == {(AlarmKind.SINGLE_CLASS, "close")}


def test_no_trades_and_always_trades_are_both_visible() -> None:
    """A run that never fills and a strategy that opens at every view each raise their alarm."""
    idle = replace(_RUN, n_views=500)
    assert _kinds(idle) == {(AlarmKind.NO_TRADES, "fills")}
    eager = [decision_of(str(k), reason=f"r{k % 2}") for k in range(25)]
    assert _kinds(_deciding(*eager, n_views=25)) == {(AlarmKind.ALWAYS_TRADES, "entries")}


def test_a_gate_that_passes_none_and_a_funnel_that_passes_all_raise_an_alarm() -> None:
    """One guard that lets everything through is no alarm beside a gate that decides; three cases say nothing."""
    shut = replace(_deciding(), funnel={"condor": {"open": (100, 100), "shut": (100, 0), "new": (3, 0)}})
    assert _kinds(shut) == {(AlarmKind.GATE_NEVER_PASSES, "shut")}
    idle = replace(_deciding(), funnel={"condor": {"open": (100, 100), "fresh": (100, 100)}})
    assert _kinds(idle) == {(AlarmKind.NO_GATE_DECIDES, "gates")}


def test_calls_liquidations_and_carried_rates_are_alarms_whatever_their_number() -> None:
    """Each call by its date, with what was there and what was asked; one is enough."""
    call = MarginCall(called_ns=0, deadline_ns=0, equity=4_100.0, required=8_360.0, n_orders=2, cured_ns=60_000_000_000)
    result = replace(
        _deciding(), margin_calls=(call,), counts={"liquidations": 1, "fills_with_carried_rates": 3, "marks_mid": 9}
    )
    kinds = [AlarmKind.MARGIN_CALL, AlarmKind.LIQUIDATION, AlarmKind.CARRIED_RATES]
    assert [alarm.kind for alarm in alarms(result)] == kinds
    assert [alarm.count for alarm in alarms(result)] == [1, 1, 3]
    assert "4,100 of 8,360 required, until 1970-01-01T00:01:00" in alarms(result)[0].message


def test_few_decisions_raise_no_alarm() -> None:
    """Nineteen equal decisions are too few to call suspicious."""
    records = [decision_of(str(k), factors=(("vix", 20.0),)) for k in range(19)]
    assert not alarms(_deciding(*records))
