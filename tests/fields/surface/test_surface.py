"""The surface of a chain: which quotes count, what is said where there is no fit, and how far it is to be trusted."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from fields.book import sorted_book
from fields.config import TimeBasis
from fields.forwards import imply_forwards
from fields.parity import parity_pairs
from fields.surface.calibrate import calibrate_surface
from fields.surface.config import SurfaceConfig
from fields.surface.message import QUOTE_DROPS, QuoteDrop, SliceSource, VolSurface
from fields.timebase import time_to_expiry
from fields.volatility import contract_volatility
from market.chains import OptionChain
from market.errors import ConfigError, DataError
from tests.generators import AS_OF_NS, reordered, synthetic_chain

GRID = np.linspace(-2.0, 2.0, 801)
SECOND_NS = 1_000_000_000


def surface_of(chain: OptionChain, config: SurfaceConfig | None = None, *, shared: bool = True) -> VolSurface:
    """Return the surface of a chain, from volatilities found before or found by itself."""
    time = time_to_expiry(AS_OF_NS, chain.series, TimeBasis.CALENDAR)
    book = sorted_book(chain)
    forwards = imply_forwards(chain, parity_pairs(book), time, AS_OF_NS)
    iv = contract_volatility(book, book.vendor_iv, forwards, time).own_quotes if shared else None
    stamps = chain.quote_ts_ns[book.order]
    return calibrate_surface(
        book, forwards, time, stamps, AS_OF_NS, config or SurfaceConfig(), series=chain.series, mid_iv=iv
    )


def with_quotes(chain: OptionChain, chosen: np.ndarray, **values: Any) -> OptionChain:
    """Return the chain with some of its columns changed at the chosen contracts."""
    return replace(chain, **{name: np.where(chosen, value, getattr(chain, name)) for name, value in values.items()})


def out_of_money(chain: OptionChain, series: int) -> np.ndarray:
    """Return which contracts of a series are out of the money."""
    return np.asarray((chain.series_index == series) & (chain.is_call == (chain.strike >= 4001.0)))


def test_a_chain_of_exact_quotes_is_met_within_a_few_basis_points() -> None:
    """Every slice fitted, without arbitrage, with a high confidence; the skew is that of the chain."""
    found = surface_of(synthetic_chain(half_spread=0.2))
    assert (found.source == SliceSource.FITTED).all()
    assert found.rmse_vol.max() < 0.003
    assert found.is_arbitrage_free(GRID)
    assert (found.confidence > 0.8).all()
    assert found.atm_vol == pytest.approx([0.18, 0.18, 0.18], abs=0.003)
    # The chain's own slope is -0.5 / (1 + 4 tau).
    assert found.atm_skew == pytest.approx(-0.5 / (1.0 + 4.0 * found.tau), rel=0.15)


def test_shared_volatilities_give_the_same_surface() -> None:
    """Whether the volatilities of mids were found before or not; to the last bit."""
    chain = synthetic_chain(half_spread=0.3, noise=0.05)
    one, other = surface_of(chain), surface_of(chain, shared=False)
    for item in fields(VolSurface):
        assert np.array_equal(getattr(one, item.name), getattr(other, item.name)), item.name


def test_the_order_of_contracts_changes_nothing() -> None:
    """A shuffled chain has the same surface to the last bit."""
    chain = synthetic_chain(half_spread=0.3, noise=0.05)
    shuffled = reordered(chain, np.random.default_rng(1).permutation(chain.n_contracts))
    one, other = surface_of(chain), surface_of(shuffled)
    assert np.array_equal(one.theta, other.theta)
    assert np.array_equal(one.psi, other.psi)


@pytest.mark.parametrize(
    ("reason", "values"),
    [
        (QuoteDrop.NO_QUOTE, {"bid": 0.0, "ask": 0.0}),
        (QuoteDrop.ZERO_BID, {"bid": 0.0}),
        (QuoteDrop.CROSSED, {"bid": 900.0, "ask": 800.0}),
        (QuoteDrop.OUTSIDE_BOUNDS, {"bid": 9_000.0, "ask": 9_001.0}),
        (QuoteDrop.STALE, {"quote_ts_ns": AS_OF_NS - 1_000 * SECOND_NS}),
    ],
)
def test_a_bad_quote_is_left_out_and_counted(reason: QuoteDrop, values: dict[str, Any]) -> None:
    """Under its own reason; the fit of the others stays."""
    chain = synthetic_chain(half_spread=0.2)
    wing = out_of_money(chain, 1) & (chain.strike > 4150.0) & (chain.strike < 4300.0)
    clean, found = surface_of(chain), surface_of(with_quotes(chain, wing, **values))
    n = int(wing.sum())
    place = (1, QUOTE_DROPS.index(reason))
    assert found.n_dropped[place] - clean.n_dropped[place] == n > 5
    assert found.n_quotes[1] == clean.n_quotes[1] - n
    assert found.atm_vol == pytest.approx(clean.atm_vol, abs=0.002)


def test_a_slice_without_quotes_is_interpolated_and_says_so() -> None:
    """Between its neighbours, free of arbitrage, with at most half of their confidence."""
    chain = synthetic_chain(half_spread=0.2)
    found = surface_of(with_quotes(chain, out_of_money(chain, 1), bid=0.0))
    assert found.source.tolist() == [SliceSource.FITTED, SliceSource.INTERPOLATED, SliceSource.FITTED]
    assert "interpolated" in found.reasons[1]
    assert found.is_arbitrage_free(GRID)
    assert found.confidence[1] == pytest.approx(0.5 * min(found.confidence[0], found.confidence[2]))
    assert np.isnan(found.rmse_vol[1])
    assert found.atm_vol[1] == pytest.approx(0.18, abs=0.003)


def test_an_outer_slice_without_quotes_has_none_and_says_so() -> None:
    """NaN and a reason: nothing is extrapolated."""
    chain = synthetic_chain(half_spread=0.2)
    found = surface_of(with_quotes(chain, out_of_money(chain, 2), bid=0.0))
    assert np.isnan(found.theta[2])
    assert np.isnan(found.implied_vol(2, 0.0))
    assert "usable quotes, 5 needed" in found.reasons[2]
    assert found.confidence[2] == 0.0
    silent = surface_of(with_quotes(chain, np.ones(chain.n_contracts, dtype=bool), bid=0.0))
    assert np.isnan(silent.theta).all()
    assert silent.overall_confidence == 0.0
    assert silent.overall_reason


def test_confidence_halves_with_the_lag_and_falls_with_bad_quotes() -> None:
    """300 seconds of lag halve it; a fifth of crossed quotes takes a fifth."""
    chain = synthetic_chain(half_spread=0.2)
    every = np.ones(chain.n_contracts, dtype=bool)
    fresh = surface_of(chain)
    late = surface_of(with_quotes(chain, every, quote_ts_ns=AS_OF_NS - 300 * SECOND_NS))
    assert late.confidence == pytest.approx(0.5 * fresh.confidence, rel=1e-3)
    fifth = np.flatnonzero(out_of_money(chain, 0))[::5]
    crossed = np.isin(np.arange(chain.n_contracts), fifth)
    worse = surface_of(with_quotes(chain, crossed, bid=50.0, ask=40.0))
    assert worse.confidence[0] < 0.85 * fresh.confidence[0]
    assert worse.confidence[1] == pytest.approx(fresh.confidence[1], rel=1e-3)


def test_a_chain_with_a_quarter_of_stale_quotes_has_no_confidence() -> None:
    """More than 20 % older than 900 s: zero and a reason, although the fresh ones are fitted."""
    chain = synthetic_chain(half_spread=0.2)
    draw = np.random.default_rng(2).random(chain.n_contracts)
    old = {"quote_ts_ns": AS_OF_NS - 901 * SECOND_NS}
    stale = surface_of(with_quotes(chain, draw < 0.25, **old))
    assert stale.overall_confidence == 0.0
    assert not stale.confidence.any()
    assert "older than 900 s" in stale.overall_reason
    assert np.isfinite(stale.theta).all()
    some = surface_of(with_quotes(chain, draw < 0.1, **old))
    assert some.overall_confidence > 0.5
    # An American product may lag 600 s only.
    spy = synthetic_chain(half_spread=0.2, root="SPY")
    late = {"quote_ts_ns": AS_OF_NS - 700 * SECOND_NS}
    assert surface_of(with_quotes(spy, draw < 0.25, **late)).overall_confidence == 0.0
    assert surface_of(with_quotes(chain, draw < 0.25, **late)).overall_confidence > 0.5


def test_between_and_beyond_the_slices_there_is_no_arbitrage() -> None:
    """At 60 times from a tenth of the first to three times the last; the slices' own at theirs."""
    found = surface_of(synthetic_chain(half_spread=0.2), SurfaceConfig(layer_rounds=0))
    tau = np.geomspace(0.1 * found.tau[0], 3.0 * found.tau[-1], 60)
    theta, rho, psi = found.slice_at(tau)
    columns = {"layer": np.zeros((60, found.layer.shape[1])), "source": np.ones(60, dtype=np.int64)}
    between = replace(found, theta=theta, rho=rho, psi=psi, tau=tau, **columns)  # type: ignore[arg-type]  # by name
    assert between.is_arbitrage_free(GRID)
    np.testing.assert_allclose(found.variance_at(found.tau, 0.01), found.total_variance([0, 1, 2], 0.01), rtol=1e-12)


def test_readings_of_a_surface_agree() -> None:
    """Volatility is the root of variance over time, and the skew is its slope."""
    found = surface_of(synthetic_chain(half_spread=0.2))
    s, k = np.arange(3)[:, None], GRID[None, :]
    np.testing.assert_allclose(found.implied_vol(s, k) ** 2 * found.tau[:, None], found.total_variance(s, k))
    slope = (found.implied_vol([0, 1, 2], 1e-6) - found.implied_vol([0, 1, 2], -1e-6)) / 2e-6
    np.testing.assert_allclose(found.atm_skew, slope, rtol=1e-6)


def test_the_arbitrage_check_finds_arbitrage() -> None:
    """A surface with its slices exchanged, and one with too steep a wing, are not free of it."""
    found = surface_of(synthetic_chain(half_spread=0.2))
    assert not replace(found, theta=found.theta[::-1].copy(), psi=found.psi[::-1].copy()).is_arbitrage_free(GRID)
    assert not replace(found, psi=40.0 * found.psi).is_arbitrage_free(GRID)


def test_settings_that_cannot_work_are_refused() -> None:
    """Two quotes for three numbers, no floor, a share above 1; and clocks of another chain."""
    for broken in ({"min_quotes": 2}, {"half_spread_floor_vol": 0.0}, {"max_stale_share": 1.5}, {"fill_margin": -1.0}):
        with pytest.raises(ConfigError):
            SurfaceConfig(**broken)
    chain = synthetic_chain()
    time = time_to_expiry(AS_OF_NS, chain.series[:2], TimeBasis.CALENDAR)
    book = sorted_book(chain)
    whole = time_to_expiry(AS_OF_NS, chain.series, TimeBasis.CALENDAR)
    forwards = imply_forwards(chain, parity_pairs(book), whole, AS_OF_NS)
    with pytest.raises(DataError):
        calibrate_surface(book, forwards, time, chain.quote_ts_ns, AS_OF_NS, SurfaceConfig(), series=chain.series)
