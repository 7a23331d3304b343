"""The simulated market knows what was planted: impact, dealers' book, amplification and what they really trade."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adapters.simulated import MarketTruth, SimulatedFeed
from fields.compute import compute_field
from fields.config import FieldConfig, PositionSource
from fields.context import FieldContext
from fields.illiquidity.config import ImpactConfig, ImpactMethod
from fields.illiquidity.impact import ImpactEstimate
from fields.live.config import LiveConfig
from fields.live.state import LiveField, SymbolState
from fields.snapshot import FieldSnapshot
from market.ports import MarketBatch
from tests.adapters.simulated.samples import BUYERS, index_symbol, one_symbol

pytestmark = pytest.mark.slow

SYMBOL = "SIM.SPX"


def told(feed: SimulatedFeed, batch: MarketBatch, state: SymbolState) -> None:
    """Give a state a batch whose trades tell their aggressor."""
    for quotes in batch.quotes:
        state.on_quotes(quotes)
    for trades in batch.trades:
        state.on_trades(replace(trades, aggressor=feed.market.truth(SYMBOL).trade_aggressor))


def estimated(seed: int, hedge_ratio: float, steps: int) -> tuple[ImpactEstimate, float]:
    """Return the impact that a live state estimates by a linear regression, and the planted one."""
    symbol = index_symbol(hedge_ratio=hedge_ratio)
    feed = SimulatedFeed(one_symbol(symbol, seed=seed, step_s=20.0))
    state = SymbolState(LiveConfig(impact=ImpactConfig(methods=(ImpactMethod.LINEAR,))))
    state.on_chain(feed.next_batch().chains[0])
    for _ in range(steps):
        told(feed, feed.next_batch(), state)
    return state.field().live.impact, feed.market.truth(SYMBOL).impact_return_per_usd


@pytest.mark.parametrize("seed", [5, 6])
def test_the_planted_impact_is_found_within_its_error(seed: int) -> None:
    """Where no dealer hedges, flow is independent of news: three standard errors, and closer with more bars."""
    short, planted = estimated(seed, 0.0, 540)
    long, _ = estimated(seed, 0.0, 1_130)
    for found in (short, long):
        assert found.method is ImpactMethod.LINEAR
        assert abs(found.return_per_usd - planted) <= 3.0 * found.standard_error
    assert long.standard_error < short.standard_error
    assert long.return_per_usd == pytest.approx(planted, rel=0.5)


def field_of(batch: MarketBatch, truth: MarketTruth) -> FieldSnapshot:
    """Return the field of a chain for the dealers' true positions."""
    config = FieldConfig(
        position_source=PositionSource.USER, impact_return_per_usd=truth.impact_return_per_usd, impact_source="planted"
    )
    return compute_field(batch.chains[0], config, FieldContext(contracts=truth.dealer_position.astype(np.float64)))


@pytest.mark.parametrize("buyers", [False, True])
def test_forecast_hedge_flow_is_what_dealers_then_trade(*, buyers: bool) -> None:
    """Dollars forecast for the move of each minute against the dealers' own trades: slope 1, correlation 0.9."""
    changes = {"customers": BUYERS, "impact_return_per_usd": 3e-14} if buyers else {}
    feed = SimulatedFeed(one_symbol(index_symbol(**changes), seed=5, step_s=60.0))
    forecast, traded, amplification = [], [], []
    batch, before = feed.next_batch(), feed.market.truth(SYMBOL)
    for _ in range(240):
        field = field_of(batch, before)
        batch, now = feed.next_batch(), feed.market.truth(SYMBOL)
        flow = field.hedge_flow
        forecast.append(np.interp(now.spot, flow.price, flow.buy_for_spot_move_usd))
        # Hedges of what customers traded in between are not forced by the move.
        new = 100.0 * float(((now.dealer_position - before.dealer_position) * now.delta).sum())
        traded.append((now.dealer_shares - before.dealer_shares + new) * now.spot)
        amplification.append((field.regime.amplification, before.amplification))
        before = now
    x, y = np.array(forecast), np.array(traded)
    assert np.corrcoef(x, y)[0, 1] > 0.9
    assert float(x @ y / (x @ x)) == pytest.approx(1.0, abs=0.12)
    found, planted = np.array(amplification).T
    np.testing.assert_allclose(found, planted, atol=0.02)
    assert (np.median(planted) > 1.0) == buyers


def hours(source: PositionSource) -> tuple[LiveField, np.ndarray, MarketTruth, float]:
    """Return a live field after two hours, the change of the dealers' true book, the truth and the last multiplier."""
    feed = SimulatedFeed(one_symbol(index_symbol(), seed=9, step_s=20.0))
    state = SymbolState(LiveConfig(fields=FieldConfig(position_source=source)))
    batch = feed.next_batch()
    opening = feed.market.truth(SYMBOL).dealer_position
    state.on_chain(batch.chains[0])
    for _ in range(360):
        batch = feed.next_batch()
        told(feed, batch, state)
    state.on_chain(batch.chains[0])
    now = feed.market.truth(SYMBOL)
    assert now.dealer_position.shape == opening.shape
    return state.field(), now.dealer_position - opening, now, float(batch.chains[0].multiplier[0])


def test_the_dealers_flow_is_found_from_signed_trades() -> None:
    """With known aggressors, what dealers took on in two hours: contracts, and the gamma of them, near the truth."""
    found, change, now, multiplier = hours(PositionSource.FLOW)
    taken = found.live.dealer
    assert taken.signed == taken.trades > 1_000
    assert taken.net_flow_contracts == pytest.approx(float(change.sum()), abs=0.1 * float(np.abs(change).sum()))
    assert taken.gross_flow_contracts == pytest.approx(float(np.abs(change).sum()), rel=0.15)
    gamma = 0.01 * multiplier * now.spot**2 * float((change * now.gamma).sum())
    gross = 0.01 * multiplier * now.spot**2 * float((np.abs(change) * now.gamma).sum())
    assert abs(found.snapshot.totals.gamma_usd_per_pct - gamma) < 0.1 * gross
