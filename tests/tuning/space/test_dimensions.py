"""Weights that keep their sum: any logits give them, only differences count, and grids are whole parts."""

from __future__ import annotations

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.errors import ConfigError
from tuning.space.dimensions import LOGIT_REACH, Condition, Simplex, Varied
from tuning.space.scales import Choice
from tuning.space.space import Space

_TEN = Simplex(name="w", members=tuple("abcdefghij"), targets=tuple(("w", each) for each in "abcdefghij"))
_LOGITS = st.lists(st.floats(-LOGIT_REACH, LOGIT_REACH), min_size=10, max_size=10)


def _three(**other: object) -> Simplex:
    return Simplex(name="w", members=tuple("abc"), targets=(("w",),), **other)  # type: ignore[arg-type]  # by name


@given(_LOGITS)
def test_any_logits_are_weights_of_the_sum(logits: list[float]) -> None:
    """Above 0, of sum 1 as exactly as fuzzy weights must, and written to each member."""
    values = _TEN.taken(logits)
    weights = _TEN.weights_of(values)
    assert abs(sum(weights) - 1.0) <= 1e-12
    assert min(weights) > 0.0
    assert [told for _, told in _TEN.writes(values)] == list(weights)
    assert _TEN.places(values) == pytest.approx(weights)


@given(_LOGITS, st.floats(-3.0, 3.0))
def test_only_differences_of_logits_count(logits: list[float], shift: float) -> None:
    """Logits that are moved together are the same point, and taken twice they stay, bit by bit."""
    values = _TEN.taken(logits)
    assert _TEN.taken([each + shift for each in logits]) == pytest.approx(values, abs=1e-9)
    assert _TEN.taken(values) == values


def test_weights_of_the_base_are_its_point() -> None:
    """From weights to logits and back; a weight of 0 or one too small lies outside."""
    held = _three(weights=(0.5, 0.3, 0.2)).default
    assert held is not None
    assert _three().weights_of(held) == pytest.approx((0.5, 0.3, 0.2), abs=1e-15)
    assert _three(weights=(1.0, 0.0, 0.0)).default is None
    assert _three(weights=(1.0, 1e-9, 1e-9)).default is None


def test_a_part_of_the_members_keeps_its_own_sum() -> None:
    """Weights of three members that share 0.6 add up to that, and lie at their shares of it."""
    values = _three(total=0.6).taken((1.0, 0.0, -1.0))
    assert sum(_three(total=0.6).weights_of(values)) == pytest.approx(0.6)
    assert sum(_three(total=0.6).places(values)) == pytest.approx(1.0)


def test_even_places_of_the_cube_spread_weights_evenly() -> None:
    """Each weight has the mean 1/3 and the variance of an even spread over the simplex, 1/18 of three."""
    rng = np.random.default_rng(5)
    drawn = np.array([_three().weights_of(_three().at(row)) for row in rng.random((4_000, 3)).tolist()])
    assert drawn.mean(axis=0) == pytest.approx(np.full(3, 1.0 / 3.0), abs=0.012)
    assert drawn.var(axis=0) == pytest.approx(np.full(3, 1.0 / 18.0), abs=0.005)


def test_a_grid_of_weights_is_every_way_to_share_whole_parts() -> None:
    """Six parts among three members: ten ways with at least one part each."""
    simplex = _three(points=6)
    found = {tuple(round(6 * each) for each in simplex.weights_of(values)) for values in simplex.grid()}
    assert found == {each for each in product(range(1, 7), repeat=3) if sum(each) == 6}
    assert len(found) == simplex.n_grid() == comb(5, 2)
    assert (_three().n_grid(), _three(points=2).n_grid()) == (0, 0)


def test_logits_too_far_apart_are_refused() -> None:
    """A weight that is practically 0 is taken out by a choice, and not by a logit."""
    with pytest.raises(ConfigError, match="differ"):
        _three().taken((4.1, 0.0, -4.1))


def test_what_does_not_matter_rests_and_is_not_written() -> None:
    """Points that differ only where the condition does not hold are one point, and write nothing there."""
    mode = Varied(name="mode", targets=(("mode",),), scale=Choice(values=("a", "b"), tells=("a", "b")))
    only_a = Condition(name="mode", values=("a",))
    depth = Varied(name="depth", targets=(("depth",),), scale=Choice(values=(1, 2), tells=(1, 2)), when=only_a)
    space = Space((mode, depth))
    assert space.point({"mode": "b", "depth": 1}) == space.point({"mode": "b", "depth": 2})
    assert space.point({"mode": "a", "depth": 1}) != space.point({"mode": "a", "depth": 2})
    assert [steps for steps, _ in space.writes(space.point({"mode": "b", "depth": 2}))] == [("mode",)]
    assert len(space.grid()) == 3
    assert space.shown(space.point({"mode": "b", "depth": 2})) == {"mode": "b", "depth": "-"}


def test_spaces_that_cannot_be_are_refused() -> None:
    """No dimension, two that write one value, one that writes into another's table, a condition on nothing."""
    first = Varied(name="a", targets=(("x", "y"),), scale=Choice(values=(1, 2), tells=(1, 2)))
    with pytest.raises(ConfigError, match="no dimension"):
        Space(())
    with pytest.raises(ConfigError, match="same value"):
        Space((first, Varied(name="b", targets=(("x", "y"),), scale=first.scale)))
    with pytest.raises(ConfigError, match="same value"):
        Space((first, Varied(name="b", targets=(("x",),), scale=first.scale)))
    with pytest.raises(ConfigError, match="hangs on"):
        Space((Varied(name="b", targets=(("z",),), scale=first.scale, when=Condition(name="no", values=(1,))),))
