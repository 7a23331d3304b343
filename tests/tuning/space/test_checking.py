"""Before a search begins its space is built all over: contradictions end it, and a refused share is told."""

from __future__ import annotations

import pytest

from market.errors import ConfigError
from tests.tuning.space.bases import one
from tuning.space import Space, check_space, space_of
from tuning.space.checking import spread_of

_BASE = one("iron_condor")


def _deltas(short: tuple[float, float], most: tuple[float, float]) -> Space:
    return space_of(
        {
            "strategy.short_delta": {"low": short[0], "high": short[1]},
            "strategy.max_short_delta": {"low": most[0], "high": most[1]},
        },
        _BASE,
    )


def test_a_space_without_a_contradiction_refuses_nothing() -> None:
    """The default, both corners, four ends and an even spread are built; nothing is said."""
    found = check_space(_deltas((0.1, 0.2), (0.3, 0.4)), _BASE)
    assert (found.n_points, found.n_refused, found.refused_share, found.words) == (1 + 2 + 4 + 64, 0, 0.0, "")


def test_the_share_of_a_space_that_is_refused_is_told_with_its_reason() -> None:
    """Of two deltas of about one range half the places have the sold one above the largest allowed."""
    found = check_space(_deltas((0.1, 0.3), (0.101, 0.301)), _BASE)
    assert found.refused_share == pytest.approx(0.5, abs=0.05)
    assert "short_delta" in found.reasons[0][0]
    assert found.words.startswith(f"about {found.refused_share:.0%} of the space is refused")


def test_a_space_where_nothing_can_be_run_is_contradictory() -> None:
    """Days to expiration that always fall short of the shortest allowed: the first end already tells it."""
    told = {
        "strategy.days": {"low": 31, "high": 40},
        "strategy.shortest": {"low": 41, "high": 44},
    }
    with pytest.raises(ConfigError, match="cannot be, at any of eleven places"):
        space_of(told, _BASE)
    told["strategy.shortest"] = {"low": 30, "high": 39}
    assert 0.0 < check_space(space_of(told, _BASE), _BASE).refused_share < 1.0


def test_every_point_refused_ends_it() -> None:
    """A preset's ends are not declared by hand: that all of them contradict the base is found by building."""
    base = one("iron_condor", "max_short_delta = 0.09, short_delta = 0.05")
    with pytest.raises(ConfigError, match=r"contradictory space: no point.*short_delta"):
        check_space(space_of({"presets": ["q88"]}, base), base)


def test_the_even_spread_is_the_same_at_each_call() -> None:
    """64 points, all different, so that a check never passes once and fails once."""
    space = _deltas((0.1, 0.2), (0.3, 0.4))
    assert spread_of(space) == spread_of(space)
    assert len(set(spread_of(space))) == 64
