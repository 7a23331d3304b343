"""Settings at a point are those that a file with the same values gives; grids and points are the same at each call."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.backtests.origins import config_digest
from cluster.backtests.reading import settings_of
from market.errors import ConfigError
from tests.tuning.space.bases import HEAD, TWO, one
from tuning.configuration.toml_text import toml_of
from tuning.space import Space, space_of
from tuning.work import Point

_BASE = settings_of(TWO, "base.toml")
_TOLD: dict[str, Any] = {
    "presets": ["q88", "fuzzy_weights", "fuzzy_memberships", "risk_budget", "fields"],
    "strategies.my.condor.at": ["10:00", "11:00"],
    "strategies.my.condor.reenters": [True, False],
    "strategies.my.condor.width": [5, 10, 25],
    "strategies.iron_condor.days": {"low": 31, "high": 45},
    "risk.risk_share": {"low": 0.01, "high": 0.05, "step": 0.01},
    "risk.preset": ["none", "hedgefield"],
    "risk.schedule": [[], [[0.0, 1.0], [30.0, 0.5]]],
    "limits.most_packages": {"low": 1, "high": 9, "step": 4},
    "margin.leverage": [15, 20, 25],
    "margin.calls.beyond": {"low": "0.01", "high": "0.05"},
    "margin.calls.read_at": ["close", "always"],
    "readings.field.horizon_min": {"low": 15, "high": 60},
    "fills.slippage.amount": {"low": 0.0, "high": 0.05},
    "fills.model": ["cross", {"name": "mid_plus_fraction", "fraction": 0.5}],
    "costs.interest.rate": ["0.03", "0.05"],
}
_SPACE = space_of(_TOLD, _BASE)
_CUBES = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed).random(_SPACE.n_dims))


@settings(max_examples=60)
@given(_CUBES)
def test_settings_at_a_point_are_those_of_a_file_with_its_values(cube: np.ndarray[Any, Any]) -> None:
    """Every part is the same: settings, what was told of them, digest, and the strategies that are built."""
    point = _SPACE.sampled(cube)
    found = _SPACE.settings_at(point, _BASE)
    text = toml_of(_SPACE.tables_at(point, tomllib.loads(TWO)))
    read = settings_of(text, "point.toml")
    assert found == read
    assert config_digest(found) == config_digest(read)
    assert [item.build() for item in found.strategies] == [item.build() for item in read.strategies]


@settings(max_examples=60)
@given(_CUBES)
def test_points_are_themselves_and_lie_in_the_unit_cube(cube: np.ndarray[Any, Any]) -> None:
    """A point is taken as it is, bit by bit, lies in [0, 1] in each coordinate, and is drawn the same again."""
    point = _SPACE.sampled(cube)
    assert _SPACE.point(point.as_dict()) == point == _SPACE.sampled(cube)
    unit = _SPACE.unit(point)
    assert unit.shape == (_SPACE.n_dims,) == (len(_SPACE.names),)
    assert np.all((unit >= 0.0) & (unit <= 1.0))
    assert set(_SPACE.shown(point)) == set(_SPACE.names)


def test_the_base_stays_as_it_is_and_is_its_own_point() -> None:
    """Settings at a point share nothing that is changed; a point without values is the base itself."""
    before = config_digest(_BASE)
    _SPACE.settings_at(_SPACE.sampled(np.full(_SPACE.n_dims, 0.9)), _BASE)
    assert config_digest(_BASE) == before
    assert _SPACE.settings_at(Point(()), _BASE) is _BASE


def test_the_default_point_gives_the_settings_of_the_base() -> None:
    """Where all values of the base lie in the space their point builds what the base builds, and else there is none."""
    told = {"strategies.my.condor.short_delta": {"low": 0.1, "high": 0.3}, "risk.risk_share": [0.01, 0.05]}
    space = space_of(told, _BASE)
    assert space.default is not None
    found = space.settings_at(space.default, _BASE)
    assert [item.build() for item in found.strategies] == [item.build() for item in _BASE.strategies]
    assert found.risk == _BASE.risk
    assert space_of(told | {"risk.risk_share": [0.01, 0.02]}, _BASE).default is None


def test_a_point_that_the_classes_refuse_tells_their_reason() -> None:
    """A sold delta above the largest that is allowed is refused in the words of the structure."""
    told = {
        "strategy.short_delta": {"low": 0.1, "high": 0.3},
        "strategy.max_short_delta": {"low": 0.2, "high": 0.4},
    }
    base = one("iron_condor")
    space = space_of(told, base)
    names = dict(zip(("short", "most"), space.names, strict=True))
    with pytest.raises(ConfigError, match="short_delta") as caught:
        space.settings_at(space.point({names["short"]: 0.29, names["most"]: 0.21}), base)
    assert "0.29" in str(caught.value)


def test_a_value_that_is_no_place_of_the_space_is_refused() -> None:
    """A name too few, one too many, a value outside."""
    space = space_of({"risk.risk_share": {"low": 0.01, "high": 0.05}}, _BASE)
    for values in ({}, {"risk.risk_share": 0.02, "x": 1}, {"risk.risk_share": 0.06}):
        with pytest.raises(ConfigError):
            space.point(values)


def _small(**other: Any) -> Space:
    told = {"strategies.my.condor.width": [5, 10], "margin.leverage": {"low": 15, "high": 25, "step": 5}}
    return space_of(told | other, _BASE)


def test_a_grid_is_every_combination_in_one_order() -> None:
    """Two widths and three leverages of H82: the last dimension changes first, and nothing stands twice."""
    grid = _small().grid()
    shown = [tuple(point.as_dict()[name] for name in _small().names) for point in grid]
    assert shown == [(w, each) for w in (5.0, 10.0) for each in ("15", "20", "25")]
    assert grid == _small().grid()


def test_a_grid_without_an_end_or_too_large_is_refused() -> None:
    """A range needs points or a step; more points than allowed are told with their number."""
    with pytest.raises(ConfigError, match=r"risk\.risk_share.*points"):
        _small(**{"risk.risk_share": {"low": 0.01, "high": 0.05}}).grid()
    with pytest.raises(ConfigError, match=r"2 x 3 = 6.*<= 5"):
        _small().grid(most=5)
    with pytest.raises(ConfigError, match="the grid is too large"):
        _small(**{"limits.most_packages": {"low": 1, "high": 10**12}}).grid()


def test_the_digest_tells_spaces_apart_and_not_bases() -> None:
    """Another bound is another space; the same space over another value of the base is the same."""
    other = settings_of(TWO.replace("leverage = 10", "leverage = 20"), "base.toml")
    told = {"margin.leverage": [15, 20, 25]}
    assert space_of(told, _BASE).digest == space_of(told, other).digest
    assert space_of(told, _BASE).digest != space_of({"margin.leverage": [15, 20]}, _BASE).digest


def test_what_no_trader_chooses_is_told_wherever_it_is_written() -> None:
    """Fills, costs, the account and margin are assumptions, also behind ``also``; leverage and strategies are not."""
    assert {"fills.slippage.amount", "fills.model", "costs.interest.rate"} < set(_SPACE.assumptions)
    hidden = {"strategies.my.condor.width": {"choices": [5, 10], "also": ["fills.latency_ms"]}}
    assert space_of(hidden, _BASE).assumptions == ("fills.latency_ms",)
    chosen = {"margin.leverage": [5, 10], "strategies.my.condor.width": [5, 10]}
    assert space_of(chosen, _BASE).assumptions == ()
    assert space_of({"margin.borrow_others": ["0.0", "0.1"]}, _BASE).assumptions == ("margin.borrow_others",)


def test_a_strategy_of_the_users_own_is_varied_too(tmp_path: Path) -> None:
    """Its class is that of the base, found beside its file, and not looked for again at each point."""
    (tmp_path / "swept_own.py").write_text(
        "from dataclasses import dataclass\nfrom strategies.decisions import Decision\n"
        "@dataclass(frozen=True, slots=True, kw_only=True)\nclass Own:\n    depth: int = 3\n    name: str = 'own'\n"
        "    def decide(self, view):\n        return Decision()\n"
    )
    base = settings_of(f'{HEAD}[[strategies]]\nkind = "swept_own:Own"\n', "base.toml", tmp_path)
    space = space_of({"strategy.depth": {"low": 1, "high": 9}}, base)
    found = space.settings_at(space.point({space.names[0]: 7}), base).strategies[0]
    assert found.build().depth == 7  # type: ignore[attr-defined]  # the class of above
    assert found.source_digest == base.strategies[0].source_digest != ""
