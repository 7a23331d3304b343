"""The gates of an entry (Q93): each alone stops it, is named, and shows what was found against what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import time
from decimal import Decimal
from math import inf, isnan, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.orders import PositionEffect
from market.series import SeriesPoint, SeriesUnit
from risk.limits.orders import TradingState
from risk.limits.size_schedule import SizeSchedule
from strategies.chain_lookup import ChainLookup
from strategies.decisions import HOLD, Decision
from strategies.legs.rules import placed
from strategies.plan.package_plan import PackagePlan
from strategies.structures.iron_condor import condor_by_delta
from strategies.structures.zero_dte_condor import ZeroDteCondor
from strategies.structures.zero_dte_straddle import ZeroDteStraddle
from strategies.views import ChainView, WorkingOrder
from tests.strategies.chains import chain_at, held, view_at
from tests.strategies.scene import NOW_NS, Scene, SceneAccount

_S = 1_000_000_000
_CONDOR = ZeroDteCondor(
    underlying="SPX", at=time(15, 0), short_delta=0.25, max_volatility_index=25.0, risk_share=0.05, max_packages=3
)
_ORDER = WorkingOrder(
    order_id="o",
    package_id="p",
    strategy="zero_dte_condor",
    reason="entry",
    remaining=Decimal(1),
    effect=PositionEffect.OPEN,
    decided_ns=NOW_NS - 60 * _S,
)


def _vix(level: float) -> SeriesPoint:
    return SeriesPoint(series="VIX", unit=SeriesUnit.INDEX_POINTS, event_ns=NOW_NS, available_ns=NOW_NS, value=level)


def _scene(view: ChainView | None = None, *, level: float = 18.0, now_ns: int = NOW_NS, **account: Any) -> Scene:
    return Scene(
        now_ns=now_ns,
        account=SceneAccount(**account),
        chains={"SPX": view_at() if view is None else view},
        points={"VIX": _vix(level)},
    )


def _with_rules(**entry: Any) -> PackagePlan:
    return replace(_CONDOR.plan, entry=replace(_CONDOR.plan.entry, **entry))


def _failed(decision: Decision) -> tuple[str, float, float]:
    """Return the last gate of a decision that ended there."""
    assert not decision.proposals
    assert [gate.passed for gate in decision.gates] == [True] * (len(decision.gates) - 1) + [False]
    last = decision.gates[-1]
    assert (decision.reason, bool(last.reason)) == (last.name, True)
    return last.name, last.value, last.bound


def test_where_all_gates_hold_a_condor_is_sold() -> None:
    """Every gate is in the funnel with its number, the binding size is marked, and the limit gives a tenth away."""
    decision = _CONDOR.decide(_scene())
    (sold,) = decision.proposals
    assert [gate.name for gate in decision.gates] == [
        *("state_active", "chain_fresh", "no_order_working", "one_a_session", "cooled_down", "vix_at_most"),
        *("expiration_listed", "time_before_cutoff", "strikes_found", "quotes_complete", "credit_positive"),
        *("credit_below_width", "credit_to_width", "short_delta", "size_at_least_one"),
    ]
    assert all(gate.passed for gate in decision.gates)
    assert [term.name for term in decision.sizing if term.is_binding] == ["max_packages"]
    assert (sold.structure, sold.quantity, sold.effect) == ("iron_condor", Decimal(3), PositionEffect.OPEN)
    factors = dict(decision.factors)
    assert float(sold.limit_price) == pytest.approx(-0.9 * factors["credit"], abs=0.05)
    assert (factors["vix"], factors["days_left"], factors["minutes_since_open"]) == (18.0, 0.0, 330.0)
    assert factors["credit_to_width"] == pytest.approx(factors["credit"] / 10.0)
    assert not any(isnan(value) for value in factors.values())


@pytest.mark.parametrize(
    ("scene", "gate"),
    [
        ({"trading_state": TradingState.REDUCING}, "state_active"),
        ({"trading_state": TradingState.HALTED}, "state_active"),
        ({"working": (_ORDER,)}, "no_order_working"),
        ({"exits_ns": {"zero_dte_condor": NOW_NS - 3600 * _S}}, "one_a_session"),
        ({"level": 25.01}, "vix_at_most"),
        ({"level": nan}, "vix_at_most"),
        ({"equity": 100.0}, "size_at_least_one"),
        ({"equity": nan}, "size_at_least_one"),
        ({"buying_power": 500.0}, "size_at_least_one"),
        ({"buying_power": nan}, "size_at_least_one"),
    ],
)
def test_the_account_and_the_index_stop_it(scene: Mapping[str, Any], gate: str) -> None:
    """What is missing has not passed: an unknown index, equity or buying power stops an entry as a bad one does."""
    assert _failed(_CONDOR.decide(_scene(**scene)))[0] == gate


def test_a_level_of_more_than_a_week_ago_is_none() -> None:
    """An index whose source has fallen silent stops an entry, and leaves nothing of a size that it schedules."""
    calm = _scene()
    for age_s, is_known in ((604_800, True), (604_801, False), (-1, False)):
        scene = replace(calm, points={"VIX": replace(_vix(18.0), event_ns=NOW_NS - age_s * _S)})
        assert bool(_CONDOR.decide(scene).proposals) is is_known
        unbounded = _with_rules(max_volatility_index=inf)
        scheduled = replace(unbounded, size=replace(unbounded.size, schedule=SizeSchedule()))
        assert bool(scheduled.decide(scene).proposals) is is_known
        assert unbounded.decide(scene).proposals


@pytest.mark.parametrize(
    ("entry", "gate", "bound"),
    [
        ({"min_credit_share": 0.9}, "credit_to_width", 0.9),
        ({"max_short_delta": 0.1}, "short_delta", 0.1),
        ({"max_volatility_index": 17.9}, "vix_at_most", 17.9),
    ],
)
def test_a_gate_shows_the_number_and_its_bound(entry: Mapping[str, Any], gate: str, bound: float) -> None:
    """The funnel tells how far off a candidate was."""
    name, value, found = _failed(_with_rules(**entry).decide(_scene()))
    assert (name, found) == (gate, bound)
    assert not isnan(value)


def test_a_cool_down_counts_from_the_last_exit() -> None:
    """Five minutes: refused a second before they are over, granted when they are (L39)."""
    plan = _with_rules(reenters=True, cool_down_s=300.0)
    refused = plan.decide(_scene(exits_ns={"zero_dte_condor": NOW_NS - 299 * _S}))
    assert _failed(refused) == ("cooled_down", 299.0, 300.0)
    assert plan.decide(_scene(exits_ns={"zero_dte_condor": NOW_NS - 300 * _S})).proposals


def test_stale_quotes_are_not_traded() -> None:
    """A chain of six minutes ago is too old where five are allowed."""
    now = NOW_NS + 360 * _S
    assert _failed(_CONDOR.decide(_scene(now_ns=now))) == ("chain_fresh", 360.0, 300.0)


def test_nothing_is_opened_in_the_last_half_hour() -> None:
    """At 15:31 it is too late, whatever the window says (L41)."""
    late = NOW_NS + 1860 * _S
    plan = ZeroDteCondor(underlying="SPX", at=time(15, 20), short_delta=0.25).plan
    name, left, _ = _failed(plan.decide(_scene(view_at(as_of_ns=late), now_ns=late)))
    assert (name, left) == ("time_before_cutoff", -60.0)


def test_outside_its_window_it_is_no_candidate() -> None:
    """A hold has no gates: the funnel counts candidates, not instants."""
    later = NOW_NS + 900 * _S
    assert _CONDOR.decide(_scene(view_at(as_of_ns=later), now_ns=later)) is HOLD
    assert _CONDOR.decide(Scene()) is HOLD


def test_a_missing_quote_stops_it() -> None:
    """A leg without an ask has no price, and none is made up."""
    chain = chain_at()
    wing = placed(view_at(), (0,), condor_by_delta(0.25, 10.0)).places[1]
    ask = chain.ask.copy()
    ask[wing] = 0.0
    view = ChainLookup().view(replace(chain, ask=ask))
    assert _failed(_CONDOR.decide(_scene(view)))[0] == "quotes_complete"


def test_wings_that_eat_the_credit_stop_it() -> None:
    """At the executable sides a wide market leaves nothing to receive."""
    chain = chain_at()
    view = ChainLookup().view(replace(chain, bid=np.maximum(chain.bid - 3.0, 0.0), ask=chain.ask + 3.0))
    assert _failed(_CONDOR.decide(_scene(view)))[0] == "credit_positive"


def test_a_credit_that_the_limit_gives_away_stops_it() -> None:
    """Five cents less nine tenths round to nothing: an order that may fill for no credit is not sent."""
    plan = replace(_CONDOR.plan, allowance=0.9, structure=condor_by_delta(0.03, 5.0))
    plan = replace(plan, entry=replace(plan.entry, min_credit_share=0.0))
    chain = chain_at()
    mid = 0.5 * (chain.bid + chain.ask)
    view = ChainLookup().view(replace(chain, bid=mid, ask=mid))
    name, credit, _ = _failed(plan.decide(_scene(view)))
    assert (name, 0.0 < credit < 0.5) == ("credit_positive", True)


@settings(deadline=None, max_examples=40)
@given(equity=st.floats(0.0, 1e6), power=st.floats(0.0, 1e6), most=st.integers(1, 50))
def test_no_floor_lifts_a_ceiling(equity: float, power: float, most: int) -> None:
    """The size never exceeds any ceiling, whatever the others say (EQ13)."""
    plan = replace(_CONDOR.plan, size=replace(_CONDOR.plan.size, max_packages=most))
    decision = plan.decide(_scene(equity=equity, buying_power=power))
    for sold in decision.proposals:
        assert float(sold.quantity) <= min(term.quantity for term in decision.sizing)
    assert sum(term.is_binding for term in decision.sizing) == 1


def test_an_open_package_is_closed_at_its_stop_and_left_alone_before() -> None:
    """A condor sold at the money is closed when the market has run through a wing, at a limit a tenth worse."""
    legs = placed(view_at(), (0,), condor_by_delta(0.25, 10.0)).legs
    package = held(legs, 3.0, strategy="zero_dte_condor", structure="iron_condor")
    assert _CONDOR.decide(_scene(packages=(package,))) is HOLD
    decision = _CONDOR.decide(_scene(view_at(4060.0), packages=(package,)))
    (closing,) = decision.proposals
    assert (decision.reason, closing.effect, closing.package_id) == ("stop_loss", PositionEffect.CLOSE, "p1")
    assert [leg.ratio for leg in closing.legs] == [-leg.ratio for leg in legs]
    assert float(closing.limit_price) >= 1.1 * dict(decision.factors)["closing_price"] - 1e-9


def test_a_closing_order_under_way_is_not_doubled() -> None:
    """While an order of the package works, the next view waits."""
    legs = placed(view_at(), (0,), condor_by_delta(0.25, 10.0)).legs
    package = held(legs, 3.0, strategy="zero_dte_condor", structure="iron_condor")
    working = replace(_ORDER, package_id="p1", effect=PositionEffect.CLOSE)
    assert _CONDOR.decide(_scene(view_at(4060.0), packages=(package,), working=(working,))) is HOLD


def test_an_old_opening_order_is_withdrawn_and_nothing_else_is_done() -> None:
    """Five minutes after its decision; before that it works, and the gate that waits for it says so."""
    old = replace(_ORDER, decided_ns=NOW_NS - 300 * _S)
    decision = _CONDOR.decide(_scene(working=(old,)))
    assert (decision.reason, decision.cancel, decision.proposals) == ("order_too_old", ("o",), ())
    others = replace(old, strategy="another")
    assert _CONDOR.decide(_scene(working=(others,))).cancel == ()


def test_an_old_closing_order_is_sent_again_at_the_prices_of_now() -> None:
    """A stop that the market ran away from is priced anew in the same decision."""
    legs = placed(view_at(), (0,), condor_by_delta(0.25, 10.0)).legs
    package = held(legs, 3.0, strategy="zero_dte_condor", structure="iron_condor")
    old = replace(_ORDER, package_id="p1", effect=PositionEffect.CLOSE, decided_ns=NOW_NS - 300 * _S)
    decision = _CONDOR.decide(_scene(view_at(4060.0), packages=(package,), working=(old,)))
    assert decision.cancel == ("o",)
    (again,) = decision.proposals
    assert (again.package_id, again.effect) == ("p1", PositionEffect.CLOSE)


def test_a_straddle_is_sized_by_margin_and_by_its_stop() -> None:
    """Twenty per cent of 4000 and the premium, times 100, per package; no width is made up."""
    straddle = ZeroDteStraddle(
        underlying="SPX", at=time(15, 0), max_packages=9, risk_share=1.0, allows_undefined_risk=True
    )
    decision = straddle.decide(_scene(equity=1e6, buying_power=250_000.0))
    (sold,) = decision.proposals
    terms = {term.name: term.quantity for term in decision.sizing}
    credit = -float(sold.limit_price)
    assert terms["buying_power"] == pytest.approx(250_000.0 / (100.0 * (800.0 + credit)), rel=1e-3)
    assert terms["risk_budget"] == pytest.approx(1e6 / (100.0 * credit))
    assert (sold.quantity, dict(decision.factors)["width"]) == (Decimal(3), inf)
