"""Structures as data: legs found by their rules, or none and a reason."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import ConfigError
from market.tradables import OptionContract
from strategies.legs.rules import LegRule, PlacedStructure, Structure, placed
from strategies.legs.strikes import AtSpot, BesideLeg, SameStrike
from strategies.structures.calendar import calendar
from strategies.structures.iron_condor import condor_by_delta
from strategies.structures.straddle import straddle
from strategies.structures.strangle import strangle
from tests.strategies.chains import view_at


def _strikes(found: PlacedStructure) -> list[Decimal]:
    contracts = [leg.instrument for leg in found.legs]
    assert all(isinstance(contract, OptionContract) for contract in contracts)
    return [contract.strike for contract in contracts if isinstance(contract, OptionContract)]


@settings(deadline=None)  # the first chain loads the calendars
@given(delta=st.floats(0.05, 0.4), width=st.sampled_from([5.0, 10.0, 25.0]))
def test_a_condor_has_its_deltas_and_wings(delta: float, width: float) -> None:
    """Sold strikes are the nearest to the delta, wings lie exactly the width beyond, and the loss is the width."""
    view = view_at()
    found = placed(view, (1,), condor_by_delta(delta, width))
    put, put_wing, call, call_wing = _strikes(found)
    assert (put - put_wing, call_wing - call) == (Decimal(width), Decimal(width))
    assert found.width == Decimal(width)
    for place, is_call in ((found.places[0], False), (found.places[2], True)):
        side = view.side(1, is_call=is_call)
        sizes = np.abs(np.abs(view.delta(side)) - delta)
        assert sizes[list(side).index(place)] == sizes.min()


@pytest.mark.parametrize(("spot", "strike"), [(4000.0, 4000), (4002.4, 4000), (4002.6, 4005)])
def test_a_straddle_stands_at_the_money(spot: float, strike: int) -> None:
    """Both legs have the strike nearest to the parity forward of the nearest expiration, and the loss has no bound."""
    found = placed(view_at(spot), (0,), straddle(is_sold=True))
    assert _strikes(found) == [strike, strike]
    assert [leg.ratio for leg in found.legs] == [-1, -1]
    assert found.width == Decimal(inf)


def test_a_payoff_counts_what_was_received() -> None:
    """A condor of width 10 sold for 4 earns 400 between its strikes and loses 600 beyond its wings."""
    found = placed(view_at(), (1,), condor_by_delta(0.2, 10.0))
    payoff = found.payoff(Decimal(-4))
    assert (payoff.max_profit, payoff.max_loss) == (Decimal(400), Decimal(600))
    put, _, call, _ = _strikes(found)
    assert payoff.break_evens == (put - 4, call + 4)


def test_wings_beyond_the_last_strike_are_not_made_up() -> None:
    """Where the chain ends before the wing, or at half of its distance, there is no structure, and a reason."""
    reasons = (f"no strike for leg 1: strike {strike} is not listed, nor one nearer than 5" for strike in (4610, 4605))
    for points, reason in zip((600.0, 595.0), reasons, strict=True):
        sold = LegRule(ratio=-1, is_call=True, strike=AtSpot(points=points))
        bought = LegRule(ratio=1, is_call=True, strike=BesideLeg(leg=0, points=10.0))
        found = placed(view_at(), (0,), Structure(name="spread", legs=(sold, bought)))
        assert (found.legs, found.reason) == ((), reason)


def test_a_leg_stands_beside_an_earlier_one() -> None:
    """A rule that points at itself or ahead is refused."""
    with pytest.raises(ConfigError, match="leg 0 of loop cannot be placed"):
        Structure(name="loop", legs=(LegRule(ratio=1, is_call=True, strike=BesideLeg(leg=0, points=5.0)),))


@pytest.mark.parametrize(("delta", "width"), [(0.0, 10.0), (0.5, 10.0), (0.2, 0.0), (0.2, -5.0)])
def test_impossible_condors_are_refused(delta: float, width: float) -> None:
    """A delta beyond the money and a wing on the wrong side are errors."""
    with pytest.raises(ConfigError, match=r"iron_condor: .* cannot be"):
        condor_by_delta(delta, width)


@pytest.mark.parametrize(
    ("legs", "message"),
    [
        ((LegRule(ratio=0, is_call=True, strike=AtSpot()),), "a ratio of 0"),
        ((LegRule(ratio=1, is_call=True, strike=AtSpot(), expiry=1),), "without a gap"),
        ((LegRule(ratio=1, is_call=True, strike=SameStrike(leg=0)),), "beside an earlier leg"),
    ],
)
def test_structures_that_cannot_be_placed_are_refused(legs: tuple[LegRule, ...], message: str) -> None:
    """No units, an expiration that is left out, a strike of its own leg."""
    with pytest.raises(ConfigError, match=message):
        Structure(name="broken", legs=legs)


def _ratios(*legs: tuple[int, bool, int]) -> Structure:
    rules = (LegRule(ratio=ratio, is_call=is_call, strike=AtSpot(), expiry=end) for ratio, is_call, end in legs)
    return Structure(name="some", legs=tuple(rules))


@pytest.mark.parametrize(
    ("structure", "is_defined"),
    [
        (_ratios((-1, True, 0), (1, True, 1)), True),
        (_ratios((1, True, 0), (-1, True, 1)), False),
        (_ratios((-1, False, 0)), False),
        (_ratios((-2, True, 0), (1, True, 0)), False),
        (_ratios((-2, True, 0), (1, True, 0), (1, True, 1)), True),
        (_ratios((-1, True, 0), (1, False, 0)), False),
    ],
)
def test_a_sold_leg_is_covered_by_its_right_and_by_what_lives_as_long(
    structure: Structure, *, is_defined: bool
) -> None:
    """A later sold leg, a naked put, a ratio spread and a call covered by a put are all undefined risk."""
    assert structure.is_defined_risk is is_defined


def test_expirations_must_be_given_and_follow_each_other() -> None:
    """A calendar of one expiration, of the same twice, or in the wrong order has no place."""
    view = view_at()
    assert placed(view, (0, 1), calendar()).legs
    for series in ((0,), (0, 0), (1, 0)):
        found = placed(view, series, calendar())
        assert (found.legs, "expirations" in found.reason) == ((), True)


def test_strikes_that_have_changed_places_are_refused() -> None:
    """In a chain whose deltas leave no choice a put above the call is no strangle any more."""
    view = view_at()
    crossed = replace(strangle(0.45, is_sold=True), rising=(1, 0))
    assert placed(view, (1,), strangle(0.45, is_sold=True)).legs
    found = placed(view, (1,), crossed)
    assert (found.legs, found.reason) == ((), "the strikes found are not in the order of the structure")
