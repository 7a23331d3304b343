"""Prices of the last hours (EL5): Black-Scholes decays by itself; a further factor is wrong by far."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest

from fields.greeks import Greeks, greeks

# Trading time: an hour of 252 sessions of six hours and a half.
_HOUR = 1.0 / (252.0 * 6.5)


def _valued(strike: float, hours: float) -> Greeks:
    return greeks(600.0, np.array([strike]), hours * _HOUR, 0.0, 0.0, 0.2, True)


def _price(strike: float, hours: float) -> float:
    return float(_valued(strike, hours).price[0])


@pytest.mark.parametrize(("hours", "right", "original"), [(1.0, 1.186, 0.059), (0.5, 0.839, 0.009)])
def test_the_last_hours_are_worth_their_square_root(hours: float, right: float, original: float) -> None:
    """At the money, 600 at 20 %: 1.186 and 0.839 to 0.3 % (the 0.4 of the rule of thumb), not 0.059 and 0.009."""
    found = _price(600.0, hours)
    assert found == pytest.approx(right, rel=4e-3)
    factor = exp(-3.0 * (2.0 - hours))
    assert right * factor == pytest.approx(original, abs=5e-4)
    assert found / original > (20.0 if hours == 1.0 else 90.0) * 0.99


def test_theta_at_the_money_grows_as_the_root_of_time_falls() -> None:
    """Accelerating decay is theta over the square root of the time left, which needs no further factor."""
    thetas = [float(_valued(600.0, hours).theta[0]) for hours in (4.0, 1.0, 0.25)]
    assert thetas[1] / thetas[0] == pytest.approx(2.0, rel=1e-3)
    assert thetas[2] / thetas[1] == pytest.approx(2.0, rel=1e-3)


@pytest.mark.parametrize("hours", [4.0, 1.0, 0.25])
def test_prices_do_not_jump_at_a_moneyness(hours: float) -> None:
    """Across 5 % from the money, where the original changes its formula, a cent of strike moves the price by less."""
    for strike in (570.0, 630.0):
        below, above = _price(strike - 0.005, hours), _price(strike + 0.005, hours)
        assert 0.0 <= below - above <= 0.01 + 1e-9
