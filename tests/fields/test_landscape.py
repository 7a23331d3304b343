"""What the landscape adds to its ladders: effective gamma, zero delta and the hedge flow of the same pass."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fields.config import Dynamics, FieldConfig, PositionSource
from fields.hedge_flow import hedge_flow
from fields.holdings import Holdings
from fields.landscape import Landscape, landscape_of
from tests.fields.books import random_holdings

SPOT, MINUTES = 5003.25, 525_600.0
CONFIG = FieldConfig(position_source=PositionSource.USER, spot_vol_slope=-0.6)


def _ignore(_stage: str) -> None:
    """Take no note of a stage."""


def _landscape(holdings: Holdings, config: FieldConfig = CONFIG, minutes_to_close: float = 120.0) -> Landscape:
    return landscape_of(holdings, SPOT, MINUTES, config, None, _ignore, minutes_to_close=minutes_to_close)


def test_effective_gamma_is_gamma_where_volatility_stands_still() -> None:
    """Under sticky strike nothing moves with spot."""
    found = _landscape(random_holdings(40, 41))
    assert found.effective_gamma_usd_per_pct == found.gamma_usd_per_pct[200]


@pytest.mark.parametrize("dynamics", [Dynamics.SPOT_VOL_SLOPE, Dynamics.STICKY_MONEYNESS])
def test_effective_gamma_is_the_slope_of_the_delta_that_moves(dynamics: Dynamics) -> None:
    """At spot it equals the derivative of delta in units along a fine ladder, in USD per 1 %."""
    holdings = random_holdings(40, 42)
    fine = replace(CONFIG, dynamics=dynamics, ladder_half_width=2e-4, roots_window=2e-4)
    found = _landscape(holdings, fine)
    units = found.delta_usd / found.price
    slope = (units[201] - units[199]) / 2e-6
    scale = np.abs(found.gamma_usd_per_pct[200])
    assert found.effective_gamma_usd_per_pct == pytest.approx(0.01 * SPOT * slope, abs=1e-3 * scale)
    assert abs(found.effective_gamma_usd_per_pct - found.gamma_usd_per_pct[200]) > 0.01 * scale


def test_zero_delta_lies_where_the_delta_ladder_changes_its_sign() -> None:
    """Every change of sign within the window holds a level, and each slope has the sign of the change."""
    found = None
    for seed in range(43, 60):
        found = _landscape(random_holdings(30, seed))
        inside = np.abs(found.log_moneyness) <= CONFIG.roots_window
        price, delta = found.price[inside], found.delta_usd[inside]
        changes = np.flatnonzero(np.sign(delta[1:]) != np.sign(delta[:-1]))
        levels = sorted(found.zero_delta, key=lambda root: root.level)
        assert len(levels) == changes.shape[0]
        assert bool(found.zero_delta_reason) == (not levels)
        for root, j in zip(levels, changes, strict=True):
            assert price[j] <= root.level <= price[j + 1]
            assert (root.slope_usd_per_pct > 0.0) == (delta[j + 1] > 0.0)


@pytest.mark.parametrize("dynamics", list(Dynamics))
def test_the_landscape_carries_the_hedge_flow_of_its_holdings(dynamics: Dynamics) -> None:
    """One pass for all gives the curves that the function alone gives."""
    holdings, config = random_holdings(30, 61), replace(CONFIG, dynamics=dynamics)
    found = _landscape(holdings, config).hedge_flow
    alone = hedge_flow(holdings, SPOT, config, MINUTES, 120.0)
    for name in ("price", "buy_for_spot_move_usd", "buy_for_vol_point_usd", "buy_to_close_usd"):
        np.testing.assert_array_equal(getattr(found, name), getattr(alone, name))


def test_a_slope_of_zero_is_not_compared_with_sticky_strike() -> None:
    """The sensitivity lists a spot-vol slope only where there is one."""
    with_slope = _landscape(random_holdings(40, 62))
    without = _landscape(random_holdings(40, 62), replace(CONFIG, spot_vol_slope=0.0))
    named = set(with_slope.sensitivity_reasons) | {root.dynamics for root in with_slope.sensitivity}
    assert any(Dynamics.SPOT_VOL_SLOPE in str(name) for name in named)
    assert all(root.dynamics is not Dynamics.SPOT_VOL_SLOPE for root in without.sensitivity)


def test_a_field_without_contracts_has_no_curve() -> None:
    """NaN everywhere, with the reason beside it."""
    holdings = random_holdings(3, 63)
    none = replace(holdings, **{name: getattr(holdings, name)[:0] for name in Holdings.__slots__})
    found = _landscape(none)
    assert np.isnan(found.potential_rate_usd_per_min).all()
    assert np.isnan(found.hedge_flow.buy_to_close_usd).all()
    assert found.hedge_flow.to_close_reason == found.zero_delta_reason == "no contract is used"
