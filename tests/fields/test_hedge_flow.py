"""Forced hedge flow against a plain revaluation of every contract at every price, and its signs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from fields.config import Dynamics, FieldConfig
from fields.hedge_flow import hedge_flow
from fields.holdings import Holdings
from fields.ladder_book import LadderBook
from fields.snapshot import HedgeFlow
from market.chains import BoolArray, FloatArray
from tests.fields.books import random_holdings

SPOT, MINUTES = 5003.25, 525_600.0
CONFIG = FieldConfig(spot_vol_slope=-0.8)
NODES = LadderBook(random_holdings(3, 0), SPOT, CONFIG, MINUTES).grid.nodes
PROBED = (0, 57, 190, 200, 210, 333, 400)


def _subset(holdings: Holdings, chosen: BoolArray) -> Holdings:
    return replace(holdings, **{name: getattr(holdings, name)[chosen] for name in Holdings.__slots__})


def _delta(h: Holdings, x: float, volatility: FloatArray, tau: FloatArray) -> float:
    """Return dealer delta in units at one log spot, settled contracts at their intrinsic delta."""
    eta, q = np.where(h.is_call, 1.0, -1.0), h.rate - h.carry
    alive = tau > 1e-12
    t = np.where(alive, tau, 1.0)
    a, k = volatility * np.sqrt(t), np.log(h.strike / SPOT) - x
    unsettled = eta * np.exp(-q * t) * ndtr(eta * ((h.carry * t - k) / a + 0.5 * a))
    settled = eta * np.heaviside(-eta * k, 0.5)
    return float((h.contracts * h.multiplier * np.where(alive, unsettled, settled)).sum())


def _volatility(h: Holdings, dynamics: Dynamics, x: float) -> FloatArray:
    if dynamics is Dynamics.STICKY_STRIKE:
        return h.volatility
    return np.maximum(0.01, h.volatility + CONFIG.spot_vol_slope * x)


def _gross(h: Holdings) -> float:
    return float(np.abs(h.contracts * h.multiplier).sum()) * SPOT


@pytest.mark.parametrize("dynamics", [Dynamics.STICKY_STRIKE, Dynamics.SPOT_VOL_SLOPE])
def test_every_curve_is_a_revaluation_of_the_whole_book(dynamics: Dynamics) -> None:
    """Spot move, vol point and 90 minutes agree with the deltas of all contracts, twins unmerged, to 1e-12 of gross."""
    h = random_holdings(60, 1)
    flow = hedge_flow(h, SPOT, replace(CONFIG, dynamics=dynamics), MINUTES, 90.0)
    at_spot = _delta(h, 0.0, h.volatility, h.tau)
    for node in PROBED:
        x = float(NODES[node])
        price, sigma = SPOT * np.exp(x), _volatility(h, dynamics, x)
        now = _delta(h, x, sigma, h.tau)
        expected = (
            at_spot - now,
            now - _delta(h, x, sigma + 0.01, h.tau),
            now - _delta(h, x, sigma, h.tau - 90.0 / MINUTES),
        )
        found = (flow.buy_for_spot_move_usd, flow.buy_for_vol_point_usd, flow.buy_to_close_usd)
        for curve, value in zip(found, expected, strict=True):
            assert abs(curve[node] - price * value) <= 1e-12 * _gross(h)


def test_what_expires_at_the_close_or_before_settles_at_its_intrinsic_delta() -> None:
    """With 200 minutes left the first series expires at the close, with 300 before it: the same flow but for decay."""
    h = random_holdings(40, 2)
    for minutes in (200.0, 300.0):
        flow = hedge_flow(h, SPOT, CONFIG, MINUTES, minutes)
        left = h.tau - minutes / MINUTES
        for node in PROBED:
            x = float(NODES[node])
            value = _delta(h, x, h.volatility, h.tau) - _delta(h, x, h.volatility, left)
            assert abs(flow.buy_to_close_usd[node] - SPOT * np.exp(x) * value) <= 1e-12 * _gross(h)


def test_a_strike_on_spot_settles_at_half() -> None:
    """The limit of delta at the strike is one half; above it a call has one and a put nothing."""
    h = random_holdings(1, 3)
    pair = replace(
        _subset(h, np.arange(h.strike.shape[0]) < 2),
        strike=np.full(2, SPOT),
        is_call=np.array([False, True]),
        volatility=np.array([0.2, 0.3]),
        contracts=np.array([0.0, 1.0]),
        tau=np.full(2, 100.0 / MINUTES),
    )
    book = LadderBook(pair, SPOT, CONFIG, MINUTES)
    after = book.delta_after(Dynamics.STICKY_STRIKE, 100.0)
    np.testing.assert_array_equal(after, np.repeat([0.0, 50.0, 100.0], [200, 1, 200]))


def _one(is_call: bool, contracts: float) -> HedgeFlow:  # noqa: FBT001
    h = random_holdings(1, 4)
    one = _subset(h, np.arange(h.strike.shape[0]) == 0)
    single = replace(
        one,
        strike=np.array([SPOT * 1.01]),
        is_call=np.array([is_call]),
        volatility=np.array([0.2]),
        contracts=np.array([contracts]),
        tau=np.array([2_000.0 / MINUTES]),
    )
    return hedge_flow(single, SPOT, CONFIG, MINUTES, 390.0)


def test_dealers_long_gamma_sell_rallies_and_buy_dips() -> None:
    """Long options: sales above spot, purchases below, nothing at spot; short options are the mirror image."""
    for is_call in (True, False):
        flow, mirror = _one(is_call, 10.0), _one(is_call, -10.0)
        assert flow.buy_for_spot_move_usd[200] == 0.0
        assert (flow.buy_for_spot_move_usd[201:] < 0.0).all()
        assert (flow.buy_for_spot_move_usd[150:200] > 0.0).all()
        np.testing.assert_array_equal(flow.buy_for_spot_move_usd, -mirror.buy_for_spot_move_usd)


def test_a_long_call_above_spot_makes_dealers_sell_when_volatility_rises_and_buy_as_time_passes() -> None:
    """Out of the money delta grows with volatility and fades with time; the hedge is its opposite."""
    flow = _one(is_call=True, contracts=10.0)
    assert flow.buy_for_vol_point_usd[200] < 0.0
    assert flow.buy_to_close_usd[200] > 0.0


def test_small_moves_follow_gamma_vanna_and_charm() -> None:
    """Near spot the exact curves approach minus gamma, vanna and charm times the move."""
    h = random_holdings(50, 5)
    h = _subset(h, h.series > 1)
    curves = LadderBook(h, SPOT, CONFIG, MINUTES).curves(CONFIG.dynamics, (0.0, 0.0, 0.0))
    flow = hedge_flow(h, SPOT, CONFIG, MINUTES, 1e-2)
    move = 100.0 * np.expm1(NODES[201])
    slope = (flow.buy_for_spot_move_usd[201] - flow.buy_for_spot_move_usd[199]) / (2.0 * move)
    assert slope == pytest.approx(-curves.gamma_usd_per_pct[200], abs=1e-3 * np.abs(curves.gamma_usd_per_pct).max())
    close, charm = flow.buy_to_close_usd / 1e-2, curves.charm_usd_per_min
    np.testing.assert_allclose(close, -charm, atol=1e-5 * np.abs(charm).max())
    vanna = np.abs(curves.vanna_usd_per_volpt).max()
    np.testing.assert_allclose(flow.buy_for_vol_point_usd, -curves.vanna_usd_per_volpt, atol=0.1 * vanna)


@pytest.mark.parametrize(("minutes", "why"), [(np.nan, "unknown"), (-1.0, "closed")])
def test_without_a_close_the_curve_is_missing_with_its_reason(minutes: float, why: str) -> None:
    """No close, no number: the other two curves stand."""
    flow = hedge_flow(random_holdings(5, 6), SPOT, CONFIG, MINUTES, minutes)
    assert np.isnan(flow.buy_to_close_usd).all()
    assert why in flow.to_close_reason
    assert np.isfinite(flow.buy_for_spot_move_usd).all()
    assert np.isfinite(flow.buy_for_vol_point_usd).all()


def test_at_the_close_itself_there_is_nothing_left_to_trade() -> None:
    """With no minute left nothing has decayed."""
    flow = hedge_flow(random_holdings(20, 7), SPOT, CONFIG, MINUTES, 0.0)
    assert np.abs(flow.buy_to_close_usd).max() <= 1e-12 * _gross(random_holdings(20, 7))


def test_sticky_moneyness_reads_the_smile_that_moves() -> None:
    """Away from spot the flows of the two dynamics part; at spot the curves of vol and time agree."""
    h = random_holdings(60, 8)
    sticky = hedge_flow(h, SPOT, CONFIG, MINUTES, 60.0)
    moving = hedge_flow(h, SPOT, replace(CONFIG, dynamics=Dynamics.STICKY_MONEYNESS), MINUTES, 60.0)
    for name in ("buy_for_vol_point_usd", "buy_to_close_usd"):
        assert abs(getattr(sticky, name)[200] - getattr(moving, name)[200]) <= 1e-11 * _gross(h)
    assert np.abs(sticky.buy_for_spot_move_usd - moving.buy_for_spot_move_usd).max() > 1e-6 * _gross(h)
