"""The whole field on synthetic chains: sign and unit oracles, brute force, invariances, and missing inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import norm

from fields.compute import compute_field
from fields.config import Boundary, Dynamics, FieldConfig, PositionSource, TimeBasis
from fields.context import FieldContext
from fields.liquidity import LiquidityProfile
from fields.snapshot import Feedback, FieldSnapshot
from market.chains import OptionChain
from market.errors import DataError
from tests.generators import AS_OF_NS, YEAR_NS, flat_smile, reordered, synthetic_chain

CONFIG = FieldConfig(impact_return_per_usd=1e-12, impact_source="assumed")
USER = replace(CONFIG, position_source=PositionSource.USER)


def totals_of(snapshot: FieldSnapshot) -> np.ndarray:
    """Return the four totals."""
    t = snapshot.totals
    return np.array([t.dex_usd, t.gamma_usd_per_pct, t.vanna_usd_per_volpt, t.charm_usd_per_min])


def brute_totals(chain: OptionChain, n: np.ndarray) -> np.ndarray:
    """Sum exposures contract by contract with SciPy's normal; charm by a difference of delta."""
    tau = ((chain.expiry_ns - AS_OF_NS) / YEAR_NS)[chain.series_index]
    S, K, sigma, r, b = 4000.0 * np.exp(0.03 * tau.min()), chain.strike, chain.vendor_iv, 0.04, 0.03
    F, sign = 4000.0 * np.exp(b * tau), np.where(chain.is_call, 1.0, -1.0)
    carry = np.log(F / S) / tau
    q = r - carry

    def d1(t: np.ndarray) -> np.ndarray:
        return np.asarray((np.log(S / K) + carry * t) / (sigma * np.sqrt(t)) + 0.5 * sigma * np.sqrt(t))

    def delta(t: np.ndarray) -> np.ndarray:
        return np.asarray(sign * np.exp(-q * t) * norm.cdf(sign * d1(t)))

    density = np.exp(-q * tau) * norm.pdf(d1(tau))
    gamma = density / (S * sigma * np.sqrt(tau))
    vanna = -density * (d1(tau) - sigma * np.sqrt(tau)) / sigma
    h = 1e-5 * tau
    charm = -(delta(tau + h) - delta(tau - h)) / (2 * h)
    w = n * 100.0 * S
    per = (w * delta(tau), w * gamma * S * 0.01, w * vanna * 0.01, w * charm / 525_600.0)
    return np.array([column.sum() for column in per])


def test_totals_equal_a_brute_force_sum() -> None:
    """NumPy and SciPy, contract by contract, from the truth that made the chain."""
    chain = synthetic_chain()
    found = totals_of(compute_field(chain, CONFIG))
    expected = brute_totals(chain, np.where(chain.is_call, chain.open_interest, -chain.open_interest))
    assert np.allclose(found, expected, rtol=2e-7, atol=0)


@pytest.mark.parametrize("call", [True, False])
def test_one_customer_buy_makes_dealers_short_gamma(call: bool) -> None:  # noqa: FBT001
    """n = -1: gamma < 0; delta < 0 after a call was sold, > 0 after a put; moves are amplified."""
    chain = synthetic_chain()
    position = np.zeros(chain.n_contracts)
    position[np.flatnonzero((chain.strike == 4000.0) & (chain.is_call == call))[0]] = -1.0
    found = compute_field(chain, USER, FieldContext(contracts=position))
    assert found.totals.gamma_usd_per_pct < 0.0
    assert np.sign(found.totals.dex_usd) == (-1.0 if call else 1.0)
    assert found.regime.feedback is Feedback.SHORT_STABLE
    assert found.regime.amplification > 1.0


def test_long_gamma_damps() -> None:
    """All long: A < 1, and no zero-gamma level by construction."""
    found = compute_field(synthetic_chain(), replace(CONFIG, position_source=PositionSource.ALL_LONG))
    assert found.regime.amplification < 1.0
    assert found.zero_gamma == ()
    assert "by construction" in found.reasons["zero_gamma"]
    # The naive convention, sticky strike and sticky moneyness, still has its levels.
    assert len(found.zero_gamma_sensitivity) == 2


@pytest.mark.parametrize("dynamics", list(Dynamics))
@pytest.mark.parametrize("basis", list(TimeBasis))
def test_ladder_at_spot_equals_the_totals(dynamics: Dynamics, basis: TimeBasis) -> None:
    """Merging call-put pairs, and the charm that it corrects, changes nothing."""
    found = compute_field(synthetic_chain(half_spread=0.1), replace(CONFIG, dynamics=dynamics, time_basis=basis))
    middle = found.ladder.log_moneyness.shape[0] // 2
    ladder = [
        found.ladder.gamma_usd_per_pct[middle],
        found.ladder.vanna_usd_per_volpt[middle],
        found.ladder.charm_usd_per_min[middle],
    ]
    assert found.ladder.price[middle] == found.spot
    assert np.allclose(ladder, totals_of(found)[1:], rtol=1e-10)


def test_order_of_the_contracts_does_not_matter() -> None:
    """Permuted rows give the same field to 1e-13 of its size."""
    chain = synthetic_chain(half_spread=0.2, noise=0.05)
    mixed = reordered(chain, np.random.default_rng(3).permutation(chain.n_contracts))
    one, two = compute_field(chain, CONFIG), compute_field(mixed, CONFIG)
    assert np.allclose(totals_of(one), totals_of(two), rtol=1e-13, atol=0)
    assert np.allclose(one.ladder.potential_usd, two.ladder.potential_usd, rtol=1e-12)
    assert one.walls == two.walls
    assert [root.level for root in one.zero_gamma] == pytest.approx([root.level for root in two.zero_gamma], rel=1e-9)


def test_two_parts_of_a_book_add_up() -> None:
    """Exposures are linear in the position."""
    chain = synthetic_chain(half_spread=0.2)
    rng = np.random.default_rng(5)
    whole, part = rng.normal(size=(2, chain.n_contracts))
    fields = [compute_field(chain, USER, FieldContext(contracts=n)) for n in (whole, part, whole - part)]
    scale = totals_of(compute_field(chain, USER, FieldContext(contracts=np.abs(whole))))
    first, second, third = (totals_of(f) for f in fields)
    assert np.all(np.abs(first - second - third) <= 1e-13 * np.abs(scale) + 1e-9)
    gammas = [f.ladder.gamma_usd_per_pct for f in fields]
    assert np.abs(gammas[0] - gammas[1] - gammas[2]).max() <= 1e-12 * np.abs(gammas[0]).max()


def test_zero_gamma_is_a_root_of_the_field_itself() -> None:
    """Moving spot to the level makes the dealers' gamma vanish there."""
    chain = synthetic_chain(smile=flat_smile())
    found = compute_field(chain, CONFIG)
    assert found.zero_gamma
    for root in found.zero_gamma:
        gamma = np.interp(np.log(root.level / found.spot), found.ladder.log_moneyness, found.ladder.gamma_usd_per_pct)
        assert abs(gamma) < 1e-3 * np.abs(found.ladder.gamma_usd_per_pct).max()
    distance = [abs(np.log(root.level / found.spot)) for root in found.zero_gamma]
    assert distance == sorted(distance)


def test_potential_averages_its_source() -> None:
    """Unit mass: it stays within the source's bounds, and a short range gives the source back."""
    chain = synthetic_chain(half_spread=0.2)
    near = replace(CONFIG, screening_range=1e-5, boundary=Boundary.NEUMANN)
    wide, narrow = compute_field(chain, CONFIG).ladder, compute_field(chain, near).ladder
    source = narrow.potential_usd
    assert source.min() <= wide.potential_usd.min()
    assert wide.potential_usd.max() <= source.max()
    assert np.ptp(wide.potential_usd) < np.ptp(source)
    minutes, sigma = 30.0, 0.18
    root = (minutes / 525_600.0) ** 0.5
    expected = (
        100 * sigma * root * narrow.gamma_usd_per_pct
        + 60.0 * root * narrow.vanna_usd_per_volpt
        + minutes * narrow.charm_usd_per_min
    )
    assert np.abs(source - expected).max() < 0.02 * np.abs(expected).max()


def test_illiquid_prices_carry_a_steeper_potential() -> None:
    """Flat relative illiquidity of 1 is the default; an illiquid stretch changes the potential."""
    chain = synthetic_chain(half_spread=0.2)
    even = LiquidityProfile(edges=np.array([-0.2, 0.0, 0.2]), illiquidity=np.array([1.0, 1.0]))
    rough = replace(even, illiquidity=np.array([9.0, 1.0]))
    plain, same, other = (
        compute_field(chain, CONFIG, FieldContext(liquidity=x)).ladder.potential_usd for x in (None, even, rough)
    )
    assert np.allclose(plain, same, rtol=1e-12)
    assert np.abs(other - plain).max() > 0.05 * np.abs(plain).max()


def test_without_open_interest_totals_are_missing_with_a_reason() -> None:
    """Spot and counts stand; a user vector still gives a field."""
    chain = synthetic_chain()
    bare = replace(chain, open_interest=np.full(chain.n_contracts, np.nan))
    found = compute_field(bare, CONFIG)
    assert np.isnan(totals_of(found)).all()
    assert found.spot > 0.0
    assert found.counts.dropped == {"no_position": chain.n_contracts}
    assert "no open interest" in found.reasons["gamma_usd_per_pct"]
    given = compute_field(bare, USER, FieldContext(contracts=np.ones(chain.n_contracts)))
    assert given.counts.used == chain.n_contracts
    assert given.totals.gamma_usd_per_pct > 0.0


def test_every_contract_is_counted_once() -> None:
    """Read equals used plus dropped, adapter's drops included."""
    chain = synthetic_chain(half_spread=0.2, as_of_ns=AS_OF_NS)
    rng = np.random.default_rng(9)
    chain = replace(
        chain,
        open_interest=np.where(rng.random(chain.n_contracts) < 0.1, np.nan, chain.open_interest),
        bid=np.where(rng.random(chain.n_contracts) < 0.2, 0.0, chain.bid),
        vendor_iv=np.full(chain.n_contracts, np.nan),
    )
    counts = compute_field(chain, CONFIG).counts
    assert counts.read == counts.used + sum(counts.dropped.values()) == chain.n_contracts
    assert counts.used == sum(counts.iv_sources.values())
    assert {"no_position", "zero_bid"} <= counts.dropped.keys()


def test_expired_contracts_are_dropped_and_counted() -> None:
    """After the close of the first expiration its contracts are out."""
    chain = synthetic_chain()
    later = replace(chain, ts_event_ns=chain.series[0].expiry_ns + 60_000_000_000)
    counts = compute_field(later, CONFIG).counts
    assert counts.dropped["expired"] == chain.n_contracts // 3


def test_no_forward_means_no_field_but_a_complete_snapshot() -> None:
    """NaN everywhere, with reasons, and no exception."""
    chain = synthetic_chain()
    found = compute_field(replace(chain, bid=np.zeros(chain.n_contracts), spot_last=np.nan), CONFIG)
    assert np.isnan(found.spot)
    assert found.counts.dropped == {"no_forward": chain.n_contracts}
    assert np.isnan(found.ladder.gamma_usd_per_pct).all()
    assert found.regime.feedback is Feedback.UNKNOWN
    assert {"spot", "gamma_usd_per_pct", "zero_gamma", "walls", "amplification"} <= found.reasons.keys()


def test_an_empty_chain_is_refused() -> None:
    """There is nothing to value, and the error says where to look."""
    chain = reordered(synthetic_chain(), np.array([], dtype=int))
    with pytest.raises(DataError, match="no contract"):
        compute_field(chain, CONFIG)


def test_unknown_impact_leaves_amplification_missing() -> None:
    """And says what to set."""
    found = compute_field(synthetic_chain(), FieldConfig())
    assert np.isnan(found.regime.amplification)
    assert "impact_return_per_usd" in found.reasons["amplification"]


def test_an_assumed_impact_is_said_beside_the_amplification() -> None:
    """A number that stands on an assumption names it; one that stands on a given figure does not."""
    chain = synthetic_chain()
    assumed = FieldConfig(impact_return_per_usd=1e-15, impact_source="assumed: linear")
    assert compute_field(chain, assumed).reasons["amplification"] == "impact assumed: linear"
    given = replace(assumed, impact_source="regression on June")
    assert "amplification" not in compute_field(chain, given).reasons


def test_timings_come_from_the_callers_clock_only() -> None:
    """None without one; each stage and the total with one."""
    chain = synthetic_chain()
    ticks = iter(range(0, 10**9, 1_000_000))
    assert compute_field(chain, CONFIG).timings_ms == {}
    timed = compute_field(chain, CONFIG, perf_ns=lambda: next(ticks)).timings_ms
    assert timed["total"] == len(timed) - 1
    assert {"sort", "forwards", "volatility", "greeks", "ladder", "potential", "roots"} <= timed.keys()


def test_read_only_arrays_are_enough() -> None:
    """Arrays from an object store cannot be written, and the field never tries."""
    chain = synthetic_chain(half_spread=0.2)
    for name in ("strike", "is_call", "bid", "ask", "open_interest", "vendor_iv", "series_index", "vendor_forward"):
        getattr(chain, name).setflags(write=False)
    assert compute_field(chain, CONFIG).counts.used == chain.n_contracts


def test_a_users_vector_follows_the_order_of_the_chain() -> None:
    """Contracts and positions permuted together give the same totals."""
    chain = synthetic_chain(half_spread=0.2)
    order = np.random.default_rng(8).permutation(chain.n_contracts)
    position = np.random.default_rng(4).normal(size=chain.n_contracts)
    one = totals_of(compute_field(chain, USER, FieldContext(contracts=position)))
    two = totals_of(compute_field(reordered(chain, order), USER, FieldContext(contracts=position[order])))
    assert np.allclose(one, two, rtol=1e-11)


def test_published_gamma_of_a_pair_is_not_merged_where_volatilities_differ() -> None:
    """Calls and puts that stand on their own published volatilities keep them on the ladder."""
    chain = synthetic_chain()
    skewed = np.where(chain.is_call, chain.vendor_iv * 1.1, chain.vendor_iv)
    found = compute_field(replace(chain, bid=np.zeros(chain.n_contracts), vendor_iv=skewed), CONFIG)
    middle = found.ladder.log_moneyness.shape[0] // 2
    assert found.counts.iv_sources["vendor"] == chain.n_contracts
    assert found.ladder.gamma_usd_per_pct[middle] == pytest.approx(found.totals.gamma_usd_per_pct, rel=1e-10)
    assert found.ladder.charm_usd_per_min[middle] == pytest.approx(found.totals.charm_usd_per_min, rel=1e-9)


def test_delta_gamma_and_levels_do_not_depend_on_the_clock() -> None:
    """They know time only through total variance and carry; charm and vanna are per unit of their clock."""
    chain = synthetic_chain(half_spread=0.2)
    one, two = (compute_field(chain, replace(CONFIG, time_basis=basis)) for basis in TimeBasis)
    assert one.totals.dex_usd == pytest.approx(two.totals.dex_usd, rel=1e-9)
    assert one.totals.gamma_usd_per_pct == pytest.approx(two.totals.gamma_usd_per_pct, rel=1e-9)
    assert [r.level for r in one.zero_gamma] == pytest.approx([r.level for r in two.zero_gamma], rel=1e-9)
    assert one.totals.charm_usd_per_min != pytest.approx(two.totals.charm_usd_per_min, rel=0.1)
