"""Decay wind: the move that hedging of charm alone is expected to make (D120x)."""

from __future__ import annotations

__all__ = ["decay_wind"]


def decay_wind(
    impact_return_per_usd: float, charm_usd_per_min: float, horizon_min: float, charm_weight: float = 1.0
) -> float:
    """Return the expected return from dealers' hedging of charm over a horizon.

    Parameters
    ----------
    impact_return_per_usd : float
        Impact (Kyle's lambda), fraction per USD; neither the screening nor the range of the potential.
    charm_usd_per_min : float
        Net dealer charm at spot, USD of delta per minute.
    horizon_min : float
        Horizon, minutes of the clock of charm, >= 0.
    charm_weight : float, optional
        Share of charm that dealers hedge.

    Returns
    -------
    float
        Fraction of price; > 0 where dealers have to buy, that is where their delta decays. NaN where an input is.

    Notes
    -----
    Charm is held constant over the horizon; close to expiry the integral over time differs, and belongs to the
    forced hedge flow of the field.
    """
    return impact_return_per_usd * charm_weight * (-charm_usd_per_min * horizon_min)
