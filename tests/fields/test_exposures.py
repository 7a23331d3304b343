"""Dollar units, the profile by strike and the walls, against hand cases."""

from __future__ import annotations

import numpy as np
import pytest

from fields.exposures import dollar_exposures, strike_profile, walls_of
from fields.greeks import exposure_greeks
from fields.snapshot import StrikeProfile

SPOT = 4000.0


def profile(call: list[float], put: list[float], strike: list[float]) -> StrikeProfile:
    """Return a profile by hand."""
    columns = [np.array(c, dtype=float) for c in (strike, call, put)]
    nothing = np.zeros(len(strike))
    return StrikeProfile(
        strike=columns[0],
        call_gamma_usd_per_pct=columns[1],
        put_gamma_usd_per_pct=columns[2],
        gamma_error_usd_per_pct=nothing,
        call_open_interest=nothing,
        put_open_interest=nothing,
    )


@pytest.mark.parametrize("move", ["spot", "volatility", "time"])
def test_each_exposure_is_the_change_of_delta_that_its_name_says(move: str) -> None:
    """Per 1 % of spot, per vol point, per minute: against finite steps of the dealer's delta in USD."""
    strike, tau, r, q, sigma = np.array([4100.0]), 0.1, 0.04, 0.01, 0.2
    units, minutes = np.array([-300.0]), 525_600.0
    call = np.array([True])

    def delta_usd(spot: float = SPOT, tau: float = tau, sigma: float = sigma) -> float:
        # The hedge is held in units: its value at today's spot.
        return float((units * SPOT * exposure_greeks(spot, strike, tau, r, q, sigma, call).delta)[0])

    at = dollar_exposures(exposure_greeks(SPOT, strike, tau, r, q, sigma, call), units, SPOT, minutes)
    h = 1e-4
    if move == "spot":
        found = (delta_usd(spot=SPOT * (1 + h)) - delta_usd(spot=SPOT * (1 - h))) / (2 * h) * 0.01
        expected = at.gamma_usd_per_pct[0]
    elif move == "volatility":
        found = (delta_usd(sigma=sigma + h) - delta_usd(sigma=sigma - h)) / (2 * h) * 0.01
        expected = at.vanna_usd_per_volpt[0]
    else:
        minute = 1.0 / minutes
        found = (delta_usd(tau=tau - minute) - delta_usd(tau=tau + minute)) / 2.0
        expected = at.charm_usd_per_min[0]
    assert found == pytest.approx(expected, rel=1e-6)


def test_profile_sums_over_expirations() -> None:
    """Two contracts of one strike and right add up; an empty strike is left out; missing open interest adds nothing."""
    found = strike_profile(
        np.array([90.0, 95.0, 100.0]),
        np.array([0, 0, 2, 2]),
        np.array([True, True, True, False]),
        np.array([1.0, 2.0, 4.0, -8.0]),
        np.array([10.0, np.nan, 30.0, 40.0]),
    )
    assert found.strike.tolist() == [90.0, 100.0]
    assert found.call_gamma_usd_per_pct.tolist() == [3.0, 4.0]
    assert found.put_gamma_usd_per_pct.tolist() == [0.0, -8.0]
    assert found.call_open_interest.tolist() == [10.0, 30.0]
    assert found.put_open_interest.tolist() == [0.0, 40.0]


def test_walls_are_the_largest_of_each_side() -> None:
    """Signed as dealers hold them; shares of the un-netted whole."""
    found = walls_of(profile([5.0, 1.0, 2.0], [-1.0, -6.0, -1.0], [3900.0, 4000.0, 4100.0]), SPOT, 0.1)
    assert (found.call.strike, found.call.gamma_usd_per_pct, found.call.share) == (3900.0, 5.0, 5.0 / 16.0)
    assert (found.put.strike, found.put.gamma_usd_per_pct, found.put.share) == (4000.0, -6.0, 6.0 / 16.0)
    assert (found.absolute.strike, found.absolute.gamma_usd_per_pct) == (4000.0, 7.0)


def test_a_tie_goes_to_the_strike_nearest_to_spot() -> None:
    """In log distance."""
    found = walls_of(profile([5.0, 5.0, 5.0], [0.0, 0.0, 0.0], [3700.0, 4050.0, 4200.0]), SPOT, 0.1)
    assert found.call.strike == 4050.0
    assert np.isnan(found.put.strike)


def test_walls_look_inside_the_window_only() -> None:
    """A larger strike outside does not count, in the shares neither."""
    found = walls_of(profile([1.0, 100.0], [0.0, 0.0], [4100.0, 5000.0]), SPOT, 0.1)
    assert (found.call.strike, found.call.share) == (4100.0, 1.0)


def test_an_empty_window_has_no_wall() -> None:
    """NaN, not the nearest strike."""
    found = walls_of(profile([1.0], [1.0], [5000.0]), SPOT, 0.1)
    assert np.isnan([found.call.strike, found.put.strike, found.absolute.strike, found.absolute.share]).all()
