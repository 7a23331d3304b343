"""Every recorded Cboe session: exposures, levels, hedge flow and surface against formulas written a second time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from fields.compute import compute_field
from fields.config import Dynamics, FieldConfig, PositionSource
from fields.context import FieldContext
from tests.acceptance import oracle
from tests.acceptance.books import Valued, valued
from tests.acceptance.measures import surface_share
from tests.fields.test_real_sessions import sessions

pytestmark = [pytest.mark.data, pytest.mark.slow]

SYMBOLS = ("SPX", "SPY", "QQQ", "NDX")
# The strict limit of the issue holds in the sum of each symbol; these single sessions stay below it (docs/research).
BELOW_90 = {
    ("SPX", "2022-03-23"), ("SPX", "2022-06-10"), ("SPX", "2023-05-05"), ("SPX", "2023-06-08"), ("SPX", "2023-06-09"),
    ("SPX", "2025-08-28"), ("SPX", "2025-08-29"),
}  # fmt: skip


@cache
def fields_of(root: Path, symbol: str) -> tuple[tuple[str, Valued], ...]:
    """Return the field of each session of a symbol."""
    return tuple((row["session_date"], valued(chain, FieldConfig())) for row, chain in sessions(root, symbol))


@pytest.fixture(params=SYMBOLS)
def every_session(request: pytest.FixtureRequest, data_root: Path) -> Iterator[tuple[tuple[str, Valued], ...]]:
    """Yield the sessions of each symbol in turn."""
    yield fields_of(data_root, request.param)
    fields_of.cache_clear()


def test_exposures_are_the_sums_over_the_raw_columns(every_session: tuple[tuple[str, Valued], ...]) -> None:
    """Delta, gamma, vanna and charm to 1e-12 of the gross sums, and to 1e-9 of the net one where it is not a rest."""
    for session, v in every_session:
        t = v.field.totals
        found = np.array([t.dex_usd, t.gamma_usd_per_pct, t.vanna_usd_per_volpt, t.charm_usd_per_min])
        expected, gross = oracle.totals(v.contracts(), v.field.spot)
        assert np.all(np.abs(found - expected) <= 1e-12 * gross), session
        large = np.abs(expected) > 1e-3 * gross
        assert large.sum() >= 2, session
        np.testing.assert_allclose(found[large], expected[large], rtol=1e-9, err_msg=session)


def test_zero_gamma_levels_are_all_the_roots_found_by_bisection(every_session: tuple[tuple[str, Valued], ...]) -> None:
    """Every root within the window and no other, to 1e-9 of spot; a book of one sign has none."""
    for session, v in every_session:
        spot = v.field.spot
        expected = oracle.gamma_roots(v.contracts(), spot, FieldConfig().roots_window)
        found = sorted(z.level for z in v.field.zero_gamma)
        assert len(found) == len(expected) > 0, session
        np.testing.assert_allclose(found, expected, rtol=1e-9, err_msg=session)
        assert abs(found[0] / spot - 1.0) < 0.1
        assert not any(z.position_source in {"all_short", "all_long"} for z in v.field.zero_gamma_sensitivity), session


def test_hedge_flow_is_the_change_of_a_book_valued_again(every_session: tuple[tuple[str, Valued], ...]) -> None:
    """Spot moves, a vol point and the time to the close, by valuing the whole book at the other state."""
    for session, v in every_session:
        flow, c, spot = v.field.hedge_flow, v.contracts(), v.field.spot
        at = slice(0, None, 100)
        gross = spot * float(np.abs(c.units).sum())
        here = oracle.delta_of_book(c, spot)
        for price, moved, vol, wait in zip(
            flow.price[at], flow.buy_for_spot_move_usd[at], flow.buy_for_vol_point_usd[at],
            flow.buy_to_close_usd[at], strict=True,
        ):  # fmt: skip
            there = oracle.delta_of_book(c, price)
            assert abs(moved - (here - there) * price) <= 1e-12 * gross, session
            assert abs(vol - (there - oracle.delta_of_book(c, price, points=1.0)) * price) <= 1e-12 * gross, session
            if flow.minutes_to_close >= 0.0:
                later = oracle.delta_of_book(c, price, minutes=flow.minutes_to_close)
                assert abs(wait - (there - later) * price) <= 1e-12 * gross, session


@pytest.mark.parametrize(("symbol", "session"), [("SPX", "2022-07-12"), ("SPX", "2023-06-08"), ("SPY", "2025-08-22")])
def test_effective_gamma_adds_vanna_times_the_slope(data_root: Path, symbol: str, session: str) -> None:
    """Sticky strikes: gamma itself. A slope: gamma + slope x vanna. Sticky moneyness: more where the skew falls."""
    v = dict(fields_of(data_root, symbol))[session]
    t = v.field.totals
    assert v.field.effective_gamma_usd_per_pct == pytest.approx(t.gamma_usd_per_pct, rel=1e-9)
    for slope in (-0.8, 0.3):
        sloped = compute_field(v.chain, FieldConfig(dynamics=Dynamics.SPOT_VOL_SLOPE, spot_vol_slope=slope))
        expected = t.gamma_usd_per_pct + slope * t.vanna_usd_per_volpt
        assert sloped.effective_gamma_usd_per_pct == pytest.approx(expected, rel=1e-8)
        c, spot, h = v.contracts(), v.field.spot, 1e-5
        up, down = (oracle.delta_of_book(c, spot * np.exp(x), points=100.0 * slope * x) for x in (h, -h))
        assert (up - down) * spot / (2.0 * h) / 100.0 == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("source", ["oi_naive", "all_short", "all_long", "user"])
@pytest.mark.parametrize("dynamics", list(Dynamics))
def test_every_convention_and_dynamics_gives_levels_or_says_why(
    data_root: Path, source: str, dynamics: Dynamics
) -> None:
    """Roots are near spot, and where there is none a reason stands beside it."""
    v = dict(fields_of(data_root, "SPX"))["2023-05-23"]
    config = FieldConfig(position_source=PositionSource(source), dynamics=dynamics, spot_vol_slope=-0.8)
    # A user who knows what the convention assumes gets what it gives.
    user = np.where(v.chain.is_call, 1.0, -1.0) * v.chain.open_interest
    found = compute_field(v.chain, config, FieldContext(contracts=user if source == "user" else None))
    assert found.zero_gamma or found.reasons["zero_gamma"]
    assert all(abs(np.log(z.level / found.spot)) <= 0.1 for z in (*found.zero_gamma, *found.zero_gamma_sensitivity))
    assert bool(found.zero_gamma) == (source in {"oi_naive", "user"})
    if source == "user":
        naive = compute_field(v.chain, replace(config, position_source=PositionSource.OI_NAIVE))
        assert [z.level for z in found.zero_gamma] == [z.level for z in naive.zero_gamma]


def test_surfaces_have_no_arbitrage_on_a_dense_grid(every_session: tuple[tuple[str, Valued], ...]) -> None:
    """The published equation, written again: density and rises of total variance from -6 to 6 deviations."""
    for session, v in every_session:
        surface = v.field.surface
        slices = [s for s in np.argsort(surface.tau, kind="stable") if surface.theta[s] > 0.0]
        grid = np.concatenate((np.linspace(-3.0, 3.0, 1001), np.linspace(-0.3, 0.3, 1501)))
        for s in slices:
            own = np.linspace(-6.0, 6.0, 3001) * np.sqrt(surface.theta[s])
            for k in (grid, own):
                assert oracle.durrleman(surface, int(s), k).min() >= -1e-12, session
            np.testing.assert_allclose(
                surface.total_variance(s, own), oracle.surface_variance(surface, int(s), own), rtol=1e-12
            )
        for early, late in pairwise(slices):
            rise = oracle.surface_variance(surface, int(late), grid) - oracle.surface_variance(
                surface, int(early), grid
            )
            assert rise.min() >= -1e-12, session


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_surfaces_lie_inside_the_bid_and_ask(data_root: Path, symbol: str) -> None:
    """Prices, not volatilities: 90 % of out-of-the-money two-sided quotes within two deviations."""
    inside = quotes = 0
    for session, v in fields_of(data_root, symbol):
        share = surface_share(v)
        inside, quotes = inside + share.inside, quotes + share.quotes
        if share.quotes and (symbol, session) not in BELOW_90:
            assert share.inside >= 0.90 * share.quotes, (session, share)
    assert inside >= 0.90 * quotes
