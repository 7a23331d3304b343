"""Delta is brought back with the underlying: reductions alone, never beyond the target, closed with the package."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError
from market.orders import Leg, PositionEffect
from market.tradables import Share
from strategies.plan.exits import ExitRules
from strategies.plan.hedging import HedgeRules, delta_of, excess_delta, hedged
from strategies.views import HeldPackage, View
from tests.strategies.plan.plans import CONDOR, opened, scene, three_expiries
from tests.strategies.scene import NOW_NS, quote

_FUND = Share(symbol="SPY")
_RULES = HedgeRules(instrument=_FUND, max_delta=20.0, units_per_delta=10.0)
_PLAN = replace(CONDOR, exits=ExitRules(stop_multiple=3.0, stop_share=1.0), hedge=replace(_RULES, max_delta=4.0))
_QUOTES = {"SPY": quote(400.0, 400.1)}
_PACKAGE = opened(_PLAN, three_expiries())


def _hedge(units: int, package_id: str = "h1") -> HeldPackage:
    return HeldPackage(
        package_id=package_id,
        strategy="condor",
        structure=_PLAN.hedge_structure,
        legs=(Leg(instrument=_FUND, ratio=1 if units > 0 else -1),),
        quantity=Decimal(abs(units)),
        opened_ns=NOW_NS,
        entry_price=400.0,
        is_whole=True,
        units={"SPY": Decimal(units)},
    )


def _view() -> View:
    return scene(quotes=_QUOTES)


@given(delta=st.floats(-5_000.0, 5_000.0), held=st.integers(-400, 400))
def test_a_hedge_never_makes_a_delta_larger_and_never_turns_it(delta: float, held: int) -> None:
    """What is traded leaves the delta on its side, at most at the target plus one unit short of it."""
    hedges = (_hedge(held),) if held else ()
    if abs(delta) <= _RULES.max_delta:
        assert excess_delta(_RULES, delta) == 0.0
        return
    assert abs(excess_delta(_RULES, delta)) == pytest.approx(abs(delta) - 20.0)
    decision = hedged(_RULES, _view(), "hedge", delta, hedges)
    traded = sum(float(leg.ratio * each.quantity) for each in decision.proposals for leg in each.legs)
    after = delta + traded * _RULES.delta_per_unit
    assert abs(after) <= abs(delta)
    assert after * delta >= -1e-9


def test_hedges_on_the_wrong_side_are_closed_first() -> None:
    """Short delta with fund units sold: they are bought back, and only then are others bought."""
    closing = hedged(_RULES, _view(), "hedge", -50.0, (_hedge(-300),))
    assert [(each.effect, each.quantity) for each in closing.proposals] == [(PositionEffect.CLOSE, Decimal(300))] or [
        each.effect for each in closing.proposals
    ] == [PositionEffect.CLOSE]
    opening = hedged(_RULES, _view(), "hedge", -50.0, (_hedge(300),))
    assert [(each.effect, each.quantity) for each in opening.proposals] == [(PositionEffect.OPEN, Decimal(500))]
    assert opening.proposals[0].limit_price > 0


def test_a_plan_hedges_what_drifted_and_holds_what_did_not() -> None:
    """The condor stands long when the price fell to its puts; its own units are counted with their hedge."""
    fallen = three_expiries(3850.0)
    delta = delta_of(_RULES, fallen, (_PACKAGE,), ())
    assert delta > 4.0
    decision = _PLAN.decide(scene(fallen, packages=(_PACKAGE,), quotes=_QUOTES))
    (sold,) = decision.proposals
    assert (decision.reason, sold.structure, sold.legs[0].ratio) == ("delta_hedge", "iron_condor_hedge", -1)
    assert float(sold.quantity) == pytest.approx(10.0 * delta, abs=1.0)
    done = _hedge(-int(sold.quantity))
    assert _PLAN.decide(scene(fallen, packages=(_PACKAGE, done), quotes=_QUOTES)).reason == "hold"


def test_a_hedge_without_a_quote_says_so() -> None:
    """And trades nothing."""
    decision = _PLAN.decide(scene(three_expiries(3850.0), packages=(_PACKAGE,)))
    assert (decision.proposals, decision.gates[0].name) == ((), "hedge_possible")


def test_the_hedge_leaves_with_its_package() -> None:
    """A stop closes both in one decision; a hedge whose package has ended is closed alone."""
    view = three_expiries(3600.0)
    plan = replace(_PLAN, exits=ExitRules(stop_multiple=0.5))
    decision = plan.decide(scene(view, packages=(_PACKAGE, _hedge(-200)), quotes=_QUOTES))
    assert [(each.package_id, each.effect) for each in decision.proposals] == [
        ("p1", PositionEffect.CLOSE),
        ("h1", PositionEffect.CLOSE),
    ]
    orphan = plan.decide(scene(packages=(_hedge(-200),), quotes=_QUOTES))
    assert (orphan.reason, [each.package_id for each in orphan.proposals]) == ("package_ended", ["h1"])


def test_a_hedge_is_no_position_of_its_own() -> None:
    """It does not count among the open packages of the entry."""
    assert len(_PLAN._held(scene(packages=(_PACKAGE, _hedge(-10))))) == 1  # what entries count


@pytest.mark.parametrize("wrong", [{"max_delta": 0.0}, {"units_per_delta": 0.0}, {"target": 1.0}, {"collar": 1.0}])
def test_impossible_rules_are_refused(wrong: dict[str, float]) -> None:
    """Each range is checked."""
    with pytest.raises(ConfigError, match="cannot be"):
        replace(_RULES, **wrong)  # type: ignore[arg-type]  # the numbers alone
