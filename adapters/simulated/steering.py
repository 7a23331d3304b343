"""How a scenario leads value and variance from waypoint to waypoint, with chance between them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from adapters.simulated.scenarios import Scenario
from market.chains import FloatArray

__all__ = ["Leg", "led"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One step of a scenario's session: from one minute to a later one, and its length in years of 252 sessions."""

    before: float
    after: float
    years: float


def led(
    scenario: Scenario,
    leg: Leg,
    *,
    log_value: FloatArray,
    log_variance: FloatArray,
    price_noise: FloatArray,
    variance_noise: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return value and variance after a step on the way to the next waypoint.

    Parameters
    ----------
    scenario : Scenario
        With waypoints.
    leg : Leg
        The step.
    log_value, log_variance : ndarray, shape (n_symbols,)
        Before the step.
    price_noise, variance_noise : ndarray, shape (n_symbols,)
        Standard deviations of the step times a standard normal draw.

    Returns
    -------
    log_value, log_variance : ndarray, shape (n_symbols,)
        Brownian bridges around the scenario's path: at a waypoint they stand on it, up to the end of the step. The
        value keeps between floor and ceiling.
    """
    old_price, old_variance = scenario.path(leg.before)
    new_price, new_variance = scenario.path(leg.after)
    left = scenario.left(leg.before)
    share = max(left - (leg.after - leg.before), 0.0) / left if np.isfinite(left) else 1.0
    value = new_price + share * (log_value - old_price) + np.sqrt(share) * price_noise
    variance = new_variance + share * (log_variance - old_variance) + np.sqrt(share) * variance_noise
    base = np.log(scenario.previous_close)
    return np.clip(value, base + np.log1p(scenario.floor), base + np.log1p(scenario.ceiling)), variance
