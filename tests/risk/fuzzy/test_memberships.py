"""Membership functions: into [0, 1] for any number, with the slopes that they say, and no impossible shapes."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, nan

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from market.errors import ConfigError
from risk.fuzzy.memberships import Crossover, Gaussian, Linear, Membership, Trapezoid

_SHAPES: tuple[Membership, ...] = (
    Trapezoid(zero_low=0.0, one_low=40.0, one_high=60.0, zero_high=100.0),
    Trapezoid(zero_low=-inf, one_low=-inf, one_high=25.0, zero_high=40.0),
    Trapezoid(zero_low=0.0, one_low=0.0, one_high=0.3, zero_high=0.8),
    Gaussian(low=50.0, high=50.0, deviation=15.0),
    Gaussian(low=0.6, high=inf, deviation=0.2),
    Linear(zero_low=0.2, one=0.6, zero_high=inf),
    Linear(zero_low=0.0, one=50.0, zero_high=100.0),
    Crossover(at=0.0, steepness=6.0),
    Crossover(at=0.0, steepness=inf),
)


@settings(deadline=None)
@given(st.sampled_from(_SHAPES), st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_belongs_between_not_and_wholly(shape: Membership, x: float) -> None:
    """No number is so large that a membership leaves [0, 1] or fails."""
    assert 0.0 <= shape.value(x) <= 1.0


@pytest.mark.parametrize("x", [1e9, -1e9])
@pytest.mark.parametrize("shape", _SHAPES)
def test_far_away_a_membership_has_reached_its_end(shape: Membership, x: float) -> None:
    """At a thousand million it is 0 or 1 and flat."""
    assert min(shape.value(x), 1.0 - shape.value(x)) < 1e-300
    assert abs(shape.slope(x)) < 1e-300


@settings(deadline=None)
@given(st.sampled_from(_SHAPES), st.floats(-5.0, 120.0))
def test_the_slope_is_that_of_the_function(shape: Membership, x: float) -> None:
    """Away from kinks it equals a small difference."""
    step = 1e-6
    below, here, above = shape.value(x - step), shape.value(x), shape.value(x + step)
    assume(abs(above - 2.0 * here + below) < 1e-9)
    assert shape.slope(x) == pytest.approx((above - below) / (2.0 * step), abs=1e-4)


@pytest.mark.parametrize(
    ("shape", "x", "value"),
    [
        (_SHAPES[0], 20.0, 0.5),  # the original's RSI / 40 (Q62)
        (_SHAPES[0], 80.0, 0.5),
        (_SHAPES[0], 40.0, 1.0),
        (_SHAPES[1], 32.5, 0.5),  # its 1 - (ADX - 25) / 15 (Q63)
        (_SHAPES[2], 0.0, 1.0),  # a foot on its shoulder
        (_SHAPES[2], -1e-9, 0.0),
        (_SHAPES[3], 65.0, exp(-0.5)),
        (_SHAPES[5], 0.4, 0.5),
        (_SHAPES[7], 0.0, 0.5),
        (_SHAPES[8], 0.0, 0.0),  # on the crossing nothing has crossed yet
        (_SHAPES[8], 1e-9, 1.0),
    ],
)
def test_known_points_have_known_memberships(shape: Membership, x: float, value: float) -> None:
    """Corners, centres and half-way points."""
    assert shape.value(x) == pytest.approx(value, abs=1e-15)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Trapezoid(zero_low=1.0, one_low=0.0, one_high=2.0, zero_high=3.0),
        lambda: Trapezoid(zero_low=-inf, one_low=0.0, one_high=2.0, zero_high=3.0),
        lambda: Trapezoid(zero_low=nan, one_low=0.0, one_high=2.0, zero_high=3.0),
        lambda: Trapezoid(zero_low=0.0, one_low=1.0, one_high=2.0, zero_high=inf),
        lambda: Gaussian(low=1.0, high=0.0, deviation=1.0),
        lambda: Gaussian(low=0.0, high=0.0, deviation=0.0),
        lambda: Gaussian(low=0.0, high=0.0, deviation=inf),
        lambda: Linear(zero_low=0.0, one=0.0, zero_high=1.0),
        lambda: Linear(zero_low=0.0, one=inf, zero_high=inf),
        lambda: Crossover(at=nan, steepness=1.0),
        lambda: Crossover(at=0.0, steepness=-1.0),
        lambda: Crossover(at=0.0, steepness=nan),
    ],
)
def test_impossible_shapes_are_refused(make: Callable[[], Membership]) -> None:
    """Corners that fall, plateaus without a point, deviations of nothing."""
    with pytest.raises(ConfigError):
        make()
