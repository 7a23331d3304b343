"""The field engine and the simulated market, which share no code, agree on what the market knows."""

from __future__ import annotations

import numpy as np
import pytest

from adapters.simulated import demo_config
from fields.compute import compute_field
from fields.config import FieldConfig, PositionSource
from fields.context import FieldContext
from tests.adapters.simulated.samples import stepped

_MARKET = stepped(demo_config(step_s=60.0), 90)
_CHAINS = {chain.symbol: chain for chain in _MARKET.chains()}


@pytest.mark.parametrize("symbol", _MARKET.names)
def test_the_true_book_gives_the_true_gamma_delta_and_amplification(symbol: str) -> None:
    """From quotes and the true positions alone, the engine finds spot, dollar gamma, dollar delta and A again."""
    truth = _MARKET.truth(symbol)
    config = FieldConfig(
        position_source=PositionSource.USER,
        impact_return_per_usd=truth.impact_return_per_usd,
        impact_source="simulated",
    )
    field = compute_field(_CHAINS[symbol], config, FieldContext(contracts=truth.dealer_position.astype(np.float64)))
    delta_usd = 100.0 * float((truth.dealer_position * truth.delta).sum()) * truth.spot
    gross = 0.01 * 100.0 * truth.spot**2 * float((np.abs(truth.dealer_position) * truth.gamma).sum())
    assert field.spot == pytest.approx(truth.spot, rel=1e-4)
    assert field.totals.dex_usd == pytest.approx(delta_usd, rel=0.01)
    assert abs(field.totals.gamma_usd_per_pct - 0.01 * truth.dealer_gamma_usd) < 0.01 * gross
    assert field.regime.amplification == pytest.approx(truth.amplification, abs=0.02)


def test_the_naive_book_is_not_the_true_one() -> None:
    """Guessing dealers' books from open interest gives another gamma: what the sensitivity readings warn of."""
    truth = _MARKET.truth("SIM.SPX")
    naive = compute_field(_CHAINS["SIM.SPX"], FieldConfig())
    assert abs(naive.totals.gamma_usd_per_pct / (0.01 * truth.dealer_gamma_usd) - 1.0) > 0.1
