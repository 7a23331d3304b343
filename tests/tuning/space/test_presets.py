"""Presets over every structure of the catalogue: what is sampled decodes or is refused, and a page tells what lacks."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cluster.backtest_settings import BacktestSettings
from cluster.backtests.reading import settings_of
from market.errors import ConfigError
from risk.fuzzy.config import FACTORS
from strategies.catalogue import parameters_of
from tests.tuning.space.bases import TWO, kinds, one
from tuning.space import Simplex, Space, Varied, check_space, space_of
from tuning.space.preset_pages import lacking, preset_rows
from tuning.space.presets import PRESETS

_PAGE = Path(__file__).parents[3] / "docs" / "sweeps" / "space.md"


@lru_cache(maxsize=1)
def _spaces() -> dict[tuple[str, str], tuple[Space, BacktestSettings]]:
    """Return the space of each preset over each structure that has anything of it."""
    found = {}
    for kind in kinds():
        base = one(kind)
        for name in PRESETS:
            try:
                found[name, kind] = space_of({"presets": [name]}, base), base
            except ConfigError as error:
                assert "finds nothing to vary" in str(error)  # noqa: PT017  # the only reason that is meant
    return found


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_each_point_of_each_preset_over_each_structure_decodes_or_is_refused(data: st.DataObject) -> None:
    """Settings or a ConfigError, nothing else; in the unit cube; and fuzzy weights of sum 1."""
    space, base = _spaces()[data.draw(st.sampled_from(sorted(_spaces())))]
    seed = data.draw(st.integers(0, 2**32 - 1))
    point = space.sampled(np.random.default_rng(seed).random(space.n_dims))
    unit = space.unit(point)
    assert np.all((unit >= 0.0) & (unit <= 1.0))
    try:
        built: Any = space.settings_at(point, base).strategies[0].build()
    except ConfigError:
        return
    if any(isinstance(each, Simplex) for each in space.dimensions):
        assert abs(sum(built.fuzzy.config.weights.values()) - 1.0) <= 1e-12


def test_no_preset_is_refused_all_over_a_structure() -> None:
    """Every structure that has something of a preset can run most of it with its own defaults."""
    refused = {key: check_space(*pair).refused_share for key, pair in _spaces().items()}
    assert {key: share for key, share in refused.items() if share > 0.5} == {}
    assert {name for name, _ in refused} == set(PRESETS)


def test_weights_take_every_factor_and_memberships_only_what_is_read() -> None:
    """Ten members; no number of a family that no plan reads, and none of what has no weight."""
    space, _ = _spaces()["fuzzy_weights", "iron_condor"]
    (found,) = space.dimensions
    assert isinstance(found, Simplex)
    assert found.members == FACTORS
    names = _spaces()["fuzzy_memberships", "iron_condor"][0].names
    assert any(".rsi.gaussian.deviation" in name for name in names)
    assert not any(".rsi.linear." in name or ".band_width." in name for name in names)


def test_memberships_never_pass_one_another() -> None:
    """Two corners that move towards each other do not meet: no point of the preset is refused."""
    for kind in ("iron_condor", "regime_selector"):
        space, base = _spaces()["fuzzy_memberships", kind]
        assert check_space(space, base).n_refused == 0


def test_a_centre_moves_as_one() -> None:
    """A Gaussian of one centre is written at both ends of its plateau."""
    space, _ = _spaces()["fuzzy_memberships", "iron_condor"]
    centre = next(each for each in space.dimensions if each.name.endswith("rsi.gaussian.low"))
    assert isinstance(centre, Varied)
    assert [steps[-1] for steps in centre.targets] == ["low", "high"]


def test_what_a_structure_does_not_have_is_not_varied() -> None:
    """A trade of the day is not held for weeks, a debit has no credit, an unbounded one no width."""
    assert "longest hold, seconds" in lacking("q88", one("zero_dte_condor"))
    assert "longest hold, seconds" in lacking("q88", one("intraday_condor"))
    assert "credit to width" in lacking("q88", one("long_put"))
    assert "credit to width" in lacking("q88", one("short_strangle"))
    with_penalty = settings_of(TWO, "base.toml")
    assert not {"low delta", "high delta"} & set(lacking("q88", with_penalty))


def test_fields_are_varied_where_a_strategy_reads_them() -> None:
    """The selector and fuzzy sizing look at fields; a moving average, or a selector that reads none, does not."""
    assert "horizon of the shock, minutes" not in lacking("fields", one("regime_selector"))
    assert "horizon of the shock, minutes" not in lacking("fields", one("iron_condor"))
    for base in (one("moving_average"), one("zero_dte_condor")):
        assert "horizon of the shock, minutes" in lacking("fields", base)


def test_shares_of_the_money_are_varied_where_they_are_told() -> None:
    """Two strategies with weights share them; a run of one has none to share."""
    space = space_of({"presets": ["risk_budget"]}, settings_of(TWO, "base.toml"))
    assert any(each.name == "strategies.*.weight" for each in space.dimensions)
    assert "shares of the money" in lacking("risk_budget", one("iron_condor"))


@pytest.mark.parametrize("name", PRESETS)
def test_the_page_tells_each_line_of_each_preset(name: str) -> None:
    """The tables of docs/sweeps/space.md are those of the code."""
    page = _PAGE.read_text(encoding="utf-8")
    for row in preset_rows(name):
        assert row in page


def test_the_page_tells_what_each_structure_lacks_of_q88() -> None:
    """One row for each structure of the catalogue, as found in it."""
    page = _PAGE.read_text(encoding="utf-8")
    for kind in kinds():
        assert _lack_row(kind) in page


def _lack_row(kind: str) -> str:
    has_penalty = any(each.name == "penalty" for each in parameters_of(kind))
    found = lacking("q88", one(kind, "penalty = { low = 0.12 }" if has_penalty else ""))
    words = "everything" if len(found) == len(PRESETS["q88"]) else "; ".join(found) or "nothing"
    return f"| `{kind}` | {words} |"
