"""Agreement of time frames, and absence of movement: two measures with two names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isnan, nan

import pytest

from market.errors import ConfigError
from risk.fuzzy.config import FuzzyConfig
from risk.fuzzy.consensus import mean_sign, movement


@pytest.mark.parametrize(
    ("signs", "found"),
    [
        ((0.1, 5.0, 0.01), 1.0),
        ((-1.0, -2.0, -3.0), -1.0),
        ((1.0, -1.0, 0.0), 0.5 - 0.35),
        ((0.0, 0.0, 0.0), 0.0),
        ((1.0, nan, 1.0), nan),
    ],
)
def test_the_mean_sign_counts_frames_and_not_sizes(signs: tuple[float, ...], found: float) -> None:
    """Only the sign of each frame counts, by its weight; a missing frame is no agreement."""
    assert mean_sign(signs, (0.5, 0.35, 0.15)) == pytest.approx(found, abs=1e-15, nan_ok=True)


def test_a_frame_without_weight_may_be_missing() -> None:
    """What does not count cannot be missed."""
    assert mean_sign((1.0, nan), (1.0, 0.0)) == 1.0


def test_movement_is_the_original_factor_by_the_linear_family() -> None:
    """max(0, 1 - 100 |close - open| / open), mixed 0.5 / 0.35 / 0.15, is 1 less what moved (Q59)."""
    original = 0.5 * 0.6 + 0.35 * 0.8 + 0.15 * 0.0
    found = movement((0.004, -0.002, 0.03), (0.5, 0.35, 0.15))
    assert FuzzyConfig().consensus.linear.value(found) == pytest.approx(original, abs=1e-12)


def test_frames_that_agree_are_not_frames_that_stand_still() -> None:
    """Three small rises agree wholly and have hardly moved: the measures are unlike."""
    moves = (1e-4, 1e-4, 1e-4)
    assert mean_sign(moves, (1, 1, 1)) == 1.0
    assert movement(moves, (1, 1, 1)) == pytest.approx(0.01, abs=1e-9)


def test_movement_without_a_bar_is_missing() -> None:
    """A frame that is not there has not stood still; without a weight it is not missed."""
    assert isnan(movement((nan, 0.0), (0.5, 0.5)))
    assert movement((nan, 0.005), (0.0, 1.0)) == 0.5


@pytest.mark.parametrize("mix", [(1.0,), (0.0, 0.0), (-1.0, 2.0), (nan, 1.0)])
@pytest.mark.parametrize("measure", [mean_sign, movement])
def test_weights_must_weigh_each_frame(
    measure: Callable[[Sequence[float], Sequence[float]], float], mix: tuple[float, ...]
) -> None:
    """One for each, none below 0, not all 0."""
    with pytest.raises(ConfigError, match="weights of time frames"):
        measure((1.0, 1.0), mix)
