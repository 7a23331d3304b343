"""Rolls and adjustments: a close with its replacement, or the close alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from market.orders import PositionEffect
from risk.limits.orders import TradingState
from strategies.decisions import Decision
from strategies.features import BandPosition
from strategies.plan.exits import ExitRules
from strategies.plan.schedules import DaysOut
from strategies.structures.iron_condor import condor_by_delta
from strategies.views import HeldPackage
from tests.strategies.plan.plans import CONDOR, opened, scene, three_expiries
from tests.strategies.scene import NOW_NS

_DAY_NS = 86_400_000_000_000
_LATER = DaysOut(days=70, shortest=60, longest=80)
# Sold five weeks before its end a while ago, now due: rolled into the ten weeks.
_ROLLS = replace(CONDOR, schedule=_LATER, exits=ExitRules(exit_days=35, rolls=True, stop_multiple=2.0))
_BAND = "band"
_MOVES = replace(
    CONDOR,
    exits=ExitRules(adjusts=True, stop_multiple=2.0),
    band=BandPosition(name=_BAND, symbol="SPX", n_bars=20),
)


def _due(plan: Any = CONDOR, **more: Any) -> HeldPackage:
    """Return a package far from the money that was opened 45 days before its end."""
    far = replace(plan, schedule=CONDOR.schedule, structure=condor_by_delta(0.05, 50.0))
    package = opened(far, three_expiries(), quantity=2, **more)
    return replace(package, opened_ns=NOW_NS - 10 * _DAY_NS)


def _parts(decision: Decision) -> list[tuple[PositionEffect, Decimal]]:
    return [(each.effect, each.quantity) for each in decision.proposals]


def test_a_roll_closes_and_opens_for_a_net_credit_and_never_more() -> None:
    """Two leave and two come, later; what both limits pay and receive together is received."""
    decision = _ROLLS.decide(scene(packages=(_due(),)))
    out, new = decision.proposals
    assert decision.reason == "days_roll"
    assert _parts(decision) == [(PositionEffect.CLOSE, Decimal(2)), (PositionEffect.OPEN, Decimal(2))]
    assert out.limit_price * out.quantity + new.limit_price * new.quantity < 0
    assert {leg.instrument.series.expiration.month for leg in new.legs} == {8}  # type: ignore[union-attr]  # options
    assert (dict(out.factors)["credit"], dict(new.factors)["days_left"]) == (-_due().entry_price, 70.0)
    assert all(gate.name.startswith("roll_") and gate.passed for gate in decision.gates)


@pytest.mark.parametrize(
    ("parts", "entry"),
    [
        ({"trading_state": TradingState.REDUCING}, {}),
        ({"equity": 100.0}, {}),
        ({"buying_power": float("nan")}, {}),
        ({}, {"max_short_delta": 0.1}),
        ({}, {"min_credit_share": 0.9}),
    ],
)
def test_where_an_entry_is_not_allowed_it_is_closed_alone(parts: dict[str, Any], entry: dict[str, Any]) -> None:
    """Any gate or ceiling that stops an entry leaves the close, and says which."""
    plan = replace(_ROLLS, entry=replace(_ROLLS.entry, **entry))
    decision = plan.decide(scene(packages=(_due(),), **parts))
    assert (decision.reason, _parts(decision)) == ("days_exit", [(PositionEffect.CLOSE, Decimal(2))])
    assert decision.gates
    assert not decision.gates[-1].passed


def test_a_roll_that_would_cost_is_a_close() -> None:
    """Into the same strikes and expiration it pays for crossing twice."""
    plan = replace(_ROLLS, schedule=CONDOR.schedule, structure=condor_by_delta(0.05, 50.0))
    decision = plan.decide(scene(packages=(_due(),)))
    assert (decision.reason, len(decision.proposals)) == ("days_exit", 1)
    assert (decision.gates[-1].name, decision.gates[-1].passed) == ("roll_for_credit", False)


def test_a_roll_of_which_only_the_new_half_filled_is_not_rolled_again() -> None:
    """Two are open where one may be: the old one is due and closed, and nothing more is opened."""
    new = opened(_ROLLS, three_expiries(), package_id="new")
    decision = _ROLLS.decide(scene(packages=(_due(), new)))
    assert (decision.reason, [each.package_id for each in decision.proposals]) == ("days_exit", ["p1"])


def test_a_roll_of_which_only_the_old_half_filled_has_ended() -> None:
    """Nothing is held: the next view is one for an entry like every other."""
    assert _ROLLS.decide(scene()).reason == "entry"


def test_a_breakout_moves_the_package_around_the_price_in_its_own_expiration() -> None:
    """The strikes follow the price, the expiration stays, and the new one knows that it was moved."""
    package = _due(_MOVES)
    view = three_expiries(4060.0)
    decision = _MOVES.decide(scene(view, packages=(package,), features={_BAND: 0.99}))
    out, new = decision.proposals
    assert (decision.reason, out.package_id) == ("band_adjust", "p1")
    old_strikes, new_strikes = (
        sorted(leg.instrument.strike for leg in each)  # type: ignore[union-attr]  # options
        for each in (package.legs, new.legs)
    )
    assert new_strikes > old_strikes
    assert {leg.instrument.series for leg in new.legs} == {leg.instrument.series for leg in package.legs}  # type: ignore[union-attr]
    assert dict(new.factors)["adjustments"] == 1.0


def test_a_package_is_moved_as_often_as_allowed() -> None:
    """What was moved once is closed at the next breakout; inside the band it is held, and so where nothing is known."""
    moved = replace(_due(_MOVES), factors={"adjustments": 1.0})
    decision = _MOVES.decide(scene(packages=(moved,), features={_BAND: 0.01}))
    assert (decision.reason, len(decision.proposals)) == ("band_exit", 1)
    for features in ({_BAND: 0.5}, {}):
        assert _MOVES.decide(scene(packages=(moved,), features=features)).reason == "hold"
