"""Scales: values lie where they are said to, steps are exact, and what cannot be is refused."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError
from tuning.space.scales import Choice, Integer, Scale, Stepped, Uniform

_SCALES: tuple[Scale, ...] = (
    Uniform(low=-2.0, high=3.5),
    Uniform(low=1e-13, high=4e-13, log=True),
    Uniform(low=0.0, high=1.0, is_exact=True),
    Integer(low=-3, high=12, step=5),
    Integer(low=1, high=1000, log=True),
    Stepped(low=Decimal("0.1"), high=Decimal("0.7"), step=Decimal("0.2")),
    Stepped(low=Decimal(15), high=Decimal(25), step=Decimal(5), is_exact=True),
    Choice(values=(True, False), tells=(True, False)),
    Choice(values=("10:00", "11:00", "13:30"), tells=("10:00", "11:00", "13:30")),
)


@given(st.sampled_from(_SCALES), st.floats(0.0, 1.0))
def test_each_place_of_the_unit_interval_is_a_value_with_a_place(scale: Scale, place: float) -> None:
    """A value that is drawn is taken as it is, lies in [0, 1], and comes back from that place where it has no end."""
    value = scale.at(place)
    assert scale.taken(value) == value
    assert 0.0 <= scale.place(value) <= 1.0
    if isinstance(scale, Uniform):
        assert scale.place(value) == pytest.approx(place, abs=1e-9)


@pytest.mark.parametrize("scale", _SCALES)
def test_values_rise_with_their_places_and_reach_both_ends(scale: Scale) -> None:
    """The lowest place is the first value, the highest the last, and nothing between falls back."""
    values = [scale.at(place) for place in np.linspace(0.0, 1.0, 101)]
    places = [scale.place(value) for value in values]
    assert places == sorted(places)
    assert (places[0], places[-1]) == (0.0, 1.0)
    assert (values[0], values[-1]) == (scale.ends()[0], scale.ends()[-1])


@pytest.mark.parametrize("scale", [each for each in _SCALES if each.n_values is not None])
def test_a_scale_with_an_end_has_as_many_values_as_it_says(scale: Scale) -> None:
    """Its grid is all of them, each once, and each is taken as it is."""
    grid = scale.grid()
    assert len(set(map(repr, grid))) == len(grid) == scale.n_values == scale.n_grid
    assert [scale.taken(each) for each in grid] == list(grid)


def test_each_value_of_a_choice_has_an_equal_part_of_the_interval() -> None:
    """Even places give each of three values a third."""
    choice = Choice(values=("a", "b", "c"), tells=("a", "b", "c"))
    drawn = [choice.at((place + 0.5) / 300) for place in range(300)]
    assert [drawn.count(each) for each in "abc"] == [100, 100, 100]


def test_steps_are_exact_numbers() -> None:
    """0.1 and a step of 0.2 are 0.3, which floats that are added up miss; what a sampler added up is moved onto it."""
    scale = Stepped(low=Decimal("0.1"), high=Decimal("0.7"), step=Decimal("0.2"))
    assert scale.grid() == (0.1, 0.3, 0.5, 0.7)
    assert 0.1 + 0.2 != 0.3
    assert scale.taken(0.1 + 0.2) == 0.3


def test_an_exact_number_goes_as_its_text() -> None:
    """A leverage is told as the text of a whole number, and a continuous one as the shortest text that says it."""
    assert Stepped(low=Decimal(15), high=Decimal(25), step=Decimal(5), is_exact=True).grid() == ("15", "20", "25")
    assert Uniform(low=0.0, high=1.0, is_exact=True).told(0.1) == "0.1"


def test_a_grid_of_ratios_is_even_in_ratios() -> None:
    """Five points from 1 to 16 by ratio double each time; whole numbers keep the same end points."""
    assert Uniform(low=1.0, high=16.0, log=True, points=5).grid() == pytest.approx((1.0, 2.0, 4.0, 8.0, 16.0))
    assert Integer(low=1, high=16, log=True, points=5).grid() == (1, 2, 4, 8, 16)
    assert Integer(low=1, high=16, points=2).grid() == (1, 16)


@pytest.mark.parametrize(
    ("scale", "value"),
    [
        (_SCALES[0], 3.6),
        (_SCALES[0], float("nan")),
        (_SCALES[0], True),
        (_SCALES[3], 0),
        (_SCALES[3], 2.5),
        (_SCALES[5], 0.2),
        (_SCALES[7], 1),
        (_SCALES[8], "12:00"),
        (_SCALES[0], "a"),
    ],
)
def test_a_value_outside_is_refused(scale: Scale, value: bool | float | str) -> None:  # noqa: FBT001  # a value
    """Beyond the ends, beside the steps, of another kind, or no number."""
    with pytest.raises(ConfigError, match="outside the space"):
        scale.taken(value)


def test_a_range_that_is_none_is_refused() -> None:
    """The bounds fall or are equal, ratios begin at 0, or steps do not lead to the other end."""
    for low, high in ((1.0, 1.0), (2.0, 1.0), (0.0, float("inf"))):
        with pytest.raises(ConfigError, match="low and high"):
            Uniform(low=low, high=high)
    with pytest.raises(ConfigError, match="log"):
        Uniform(low=0.0, high=1.0, log=True)
    with pytest.raises(ConfigError, match="step"):
        Stepped(low=Decimal(0), high=Decimal(1), step=Decimal("0.3"))
    with pytest.raises(ConfigError, match="step"):
        Stepped(low=Decimal(0), high=Decimal(1), step=Decimal(0))
    with pytest.raises(ConfigError, match="1,000,000 times at most"):
        Stepped(low=Decimal(0), high=Decimal(1), step=Decimal("1e-107"))
    with pytest.raises(ConfigError, match="step"):
        Integer(low=0, high=10, step=3)
    with pytest.raises(ConfigError, match="log and step"):
        Integer(low=1, high=11, step=5, log=True)
