"""Dealers who hedge move the price: against the move when long gamma, with it when short."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.simulated import CustomerMix, JumpDynamics, SimulatedMarket
from tests.adapters.simulated.samples import BUYERS, index_symbol, one_symbol, two_symbols


def _returns(
    mix: CustomerMix, impact: float, hedge_ratio: float, seed: int, *, steps: int = 240, **changes: object
) -> tuple[np.ndarray, float]:
    symbol = index_symbol(customers=mix, impact_return_per_usd=impact, hedge_ratio=hedge_ratio, **changes)
    market = SimulatedMarket(one_symbol(symbol, seed=seed, step_s=60.0))
    spot, amplification = [], []
    for _ in range(steps):
        truth = market.truth("SIM.SPX")
        spot.append(truth.spot)
        amplification.append(truth.amplification)
        market.step()
    return np.diff(np.log(spot)), float(np.mean(amplification))


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize(("mix", "impact", "damps"), [(CustomerMix(), 1.4e-13, True), (BUYERS, 3e-14, False)])
def test_hedging_scales_returns_by_the_true_amplification(
    mix: CustomerMix,
    impact: float,
    damps: bool,  # noqa: FBT001  # a case of the table
    seed: int,
) -> None:
    """With the same chance, volatility with and without hedging stand in the ratio 1 / (1 + x)."""
    hedged, amplification = _returns(mix, impact, 1.0, seed)
    unhedged, off = _returns(mix, impact, 0.0, seed)
    ratio = float(np.sqrt((hedged**2).sum() / (unhedged**2).sum()))
    assert off == 1.0
    assert (ratio < 0.95) if damps else (ratio > 1.05)
    assert ratio == pytest.approx(amplification, rel=0.08)


def test_the_planted_amplification_is_recovered_under_jumps() -> None:
    """Stochastic variance and jumps leave the ratio alone: the true gamma is that of the dynamics."""
    steady = JumpDynamics(jumps_per_year=0.5)
    few: dict[str, object] = {"dynamics": steady, "n_daily": 3, "n_weekly": 2, "n_monthly": 2, "strikes_each": 31}
    hedged, amplification = _returns(BUYERS, 2e-14, 1.0, 11, steps=160, **few)
    unhedged, _ = _returns(BUYERS, 2e-14, 0.0, 11, steps=160, **few)
    ratio = float(np.sqrt((hedged**2).sum() / (unhedged**2).sum()))
    assert amplification > 1.05
    assert ratio == pytest.approx(amplification, rel=0.08)


def test_the_sign_of_the_true_gamma_says_whether_dealers_damp() -> None:
    """Sellers of calls leave dealers long gamma; buyers of options leave them short."""
    writers = SimulatedMarket(one_symbol(index_symbol())).truth("SIM.SPX")
    buyers = SimulatedMarket(one_symbol(index_symbol(customers=BUYERS))).truth("SIM.SPX")
    assert writers.dealer_gamma_usd > 0.0 > buyers.dealer_gamma_usd
    assert writers.amplification < 1.0 < buyers.amplification


def test_dealers_hold_the_shares_that_hedge_their_book() -> None:
    """After a step the hedge is the book's delta, up to what was traded and moved within the step."""
    market = SimulatedMarket(one_symbol(index_symbol(), step_s=5.0))
    start = market.truth("SIM.SPX")
    assert start.dealer_shares == pytest.approx(-100.0 * float((start.dealer_position * start.delta).sum()))
    for _ in range(50):
        market.step()
    truth = market.truth("SIM.SPX")
    delta = 100.0 * float((truth.dealer_position * truth.delta).sum())
    gross = 100.0 * float(np.abs(truth.dealer_position * truth.delta).sum())
    assert abs(truth.dealer_shares + delta) < 0.01 * gross


def test_without_hedging_dealers_hold_no_shares() -> None:
    """Switched off, the hedge is empty and nothing amplifies."""
    market = SimulatedMarket(one_symbol(index_symbol(hedge_ratio=0.0)))
    market.step()
    assert market.truth("SIM.SPX").dealer_shares == 0.0
    assert market.truth("SIM.SPX").amplification == 1.0


def test_nothing_runs_away_over_a_month() -> None:
    """Twenty nights of dealers long and short: no jump beyond a tenth, price near value, boards of bounded size."""
    market = SimulatedMarket(two_symbols(step_s=7_800.0))
    listed = [chain.n_contracts for chain in market.chains()]
    spot = [market.truth(name).spot for name in market.names]
    for _ in range(20 * 3):
        market.step()
        truths = [market.truth(name) for name in market.names]
        assert all(abs(np.log(truth.spot / before)) < 0.1 for truth, before in zip(truths, spot, strict=True))
        assert all(abs(np.log(truth.spot / truth.value)) < 0.05 for truth in truths)
        spot = [truth.spot for truth in truths]
    counts = [chain.n_contracts for chain in market.chains()]
    assert all(0.8 * first < count < 2.0 * first for first, count in zip(listed, counts, strict=True))


def test_volatility_rises_when_the_price_falls() -> None:
    """The spot-vol correlation is clearly negative, as for stock indices."""
    market = SimulatedMarket(one_symbol(index_symbol()))
    spot, volatility = [], []
    for _ in range(150):
        truth = market.truth("SIM.SPX")
        spot.append(truth.spot)
        volatility.append(truth.instantaneous_volatility)
        market.step()
    assert np.corrcoef(np.diff(np.log(spot)), np.diff(np.log(volatility)))[0, 1] < -0.4


def test_informed_flow_keeps_the_price_near_the_hidden_value() -> None:
    """The gap between price and value stays within a percent while the price travels farther."""
    market = SimulatedMarket(one_symbol(index_symbol()))
    gaps, spot = [], []
    for _ in range(200):
        truth = market.truth("SIM.SPX")
        gaps.append(abs(np.log(truth.spot / truth.value)))
        spot.append(truth.spot)
        market.step()
    assert 0.0 < np.median(gaps) < 0.002
    assert max(gaps) < 0.015
    assert np.ptp(np.log(spot)) > max(gaps)
