"""Field snapshots with smooth arrays, for tests of what displays and serves them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

import numpy as np

from actors.messages import FeedHealth, Publication, ShardHealth
from adapters.simulated import demo_config
from adapters.simulated.feed import SimulatedFeed
from fields.config import Dynamics, FieldConfig, PositionSource, TimeBasis
from fields.conventions import LiquiditySource
from fields.live.config import LiveConfig
from fields.live.state import LiveField, SymbolCheckpoint, SymbolState
from fields.snapshot import (
    BookGreeks,
    ContractCounts,
    Feedback,
    FieldSnapshot,
    Heatmap,
    HedgeFlow,
    Ladder,
    RegimeReading,
    StrikeProfile,
    Totals,
    Wall,
    Walls,
    ZeroGamma,
)
from fields.surface.message import QUOTE_DROPS, SliceSource, VolSurface
from market.clock import ns_of_datetime
from market.provenance import AsOfSource, Provenance

AS_OF_NS = ns_of_datetime(datetime(2026, 11, 20, 19, 30, tzinfo=UTC))
_DAY_NS = 86_400 * 1_000_000_000


def _ladder(spot: float, scale: float) -> Ladder:
    u = np.linspace(-0.12, 0.12, 401)
    gamma = scale * (u + 0.01) * np.exp(-((u / 0.04) ** 2))
    return Ladder(
        log_moneyness=u,
        price=spot * np.exp(u),
        gamma_usd_per_pct=gamma,
        vanna_usd_per_volpt=0.1 * np.roll(gamma, 7),
        charm_usd_per_min=0.001 * gamma[::-1],
        delta_usd=100.0 * np.cumsum(gamma) * (u[1] - u[0]),
        potential_usd=scale * 0.05 * np.exp(-((u / 0.06) ** 2)),
        potential_gradient_usd=np.gradient(scale * 0.05 * np.exp(-((u / 0.06) ** 2)), u),
        potential_rate_usd_per_min=1e-4 * gamma,
        amplification=np.full(401, np.nan),
    )


def _profile(spot: float, scale: float) -> StrikeProfile:
    strike = np.linspace(0.9 * spot, 1.1 * spot, 41)
    bell = np.exp(-(((strike / spot - 1.0) / 0.03) ** 2))
    return StrikeProfile(
        strike=strike,
        call_gamma_usd_per_pct=scale * 0.02 * bell,
        put_gamma_usd_per_pct=-scale * 0.025 * np.roll(bell, -3),
        gamma_error_usd_per_pct=scale * 0.004 * bell,
        call_open_interest=1000.0 * bell,
        put_open_interest=1200.0 * bell,
    )


def _heatmap(spot: float, scale: float) -> Heatmap:
    price = spot * np.exp(np.linspace(-0.1, 0.1, 41))
    u = np.log(price / spot)
    rows = [scale * 0.01 * u * np.exp(-((u / (0.02 + 0.01 * k)) ** 2)) / (1.0 + k) for k in range(6)]
    return Heatmap(
        expiry_ns=np.array([AS_OF_NS + (1 + 7 * k) * _DAY_NS for k in range(6)], dtype=np.int64),
        price=price,
        gamma_usd_per_pct=np.array(rows),
        outside_usd_per_pct=np.zeros(6),
    )


def _root(level: float, source: PositionSource, dynamics: Dynamics) -> ZeroGamma:
    return ZeroGamma(level=level, slope=2.5e8, position_source=source, dynamics=dynamics)


def _counts(step: int) -> ContractCounts:
    return ContractCounts(
        read=1200 + step,
        used=1150 + step,
        dropped={"zero_bid": 40, "crossed": 10},
        iv_sources={"own_quote": 1100 + step, "parity_twin": 50},
        open_interest_read=2.0e6,
        open_interest_used=1.9e6,
    )


def _totals_error(share: float) -> Totals:
    return Totals(
        dex_usd=share * 1.25e11,
        gamma_usd_per_pct=share * 3.5e9,
        vanna_usd_per_volpt=share * 4.2e8,
        charm_usd_per_min=share * 1.1e6,
    )


def _hedge_flow(spot: float, scale: float) -> HedgeFlow:
    u = np.linspace(-0.12, 0.12, 401)
    return HedgeFlow(
        price=spot * np.exp(u),
        buy_for_spot_move_usd=-scale * u * np.exp(-((u / 0.05) ** 2)),
        buy_for_vol_point_usd=0.01 * scale * np.exp(-((u / 0.04) ** 2)),
        buy_to_close_usd=0.02 * scale * u * np.exp(-((u / 0.03) ** 2)),
        minutes_to_close=90.0,
        to_close_reason="",
    )


def _surface(spot: float) -> VolSurface:
    tau, n = np.linspace(1.0, 36.0, 6) / 365.0, 6
    return VolSurface(
        ts_event_ns=AS_OF_NS,
        cause_id="tests",
        expiry_ns=np.array([AS_OF_NS + (1 + 7 * k) * _DAY_NS for k in range(n)], dtype=np.int64),
        tau=tau,
        forward=np.full(n, spot),
        theta=0.15**2 * tau,
        rho=np.full(n, -0.7),
        psi=0.4 * np.sqrt(0.15**2 * tau),
        layer=np.zeros((n, 0)),
        source=np.full(n, SliceSource.FITTED, dtype=np.int64),
        moneyness_low=np.full(n, -0.1),
        moneyness_high=np.full(n, 0.06),
        rmse_vol=np.full(n, 0.002),
        max_vol=np.full(n, 0.006),
        inside_share=np.full(n, 0.93),
        n_quotes=np.full(n, 60, dtype=np.int64),
        n_dropped=np.zeros((n, len(QUOTE_DROPS)), dtype=np.int64),
        confidence=np.full(n, 0.9),
        reasons=("",) * n,
        overall_confidence=0.9,
        overall_reason="",
        stale_share=0.0,
        fill_margin=0.1,
    )


def _totals(step: int) -> Totals:
    return Totals(
        dex_usd=1.25e11 + step * 1e9,
        gamma_usd_per_pct=3.5e9 + step * 1e7,
        vanna_usd_per_volpt=-4.2e8,
        charm_usd_per_min=1.1e6,
    )


def _book_greeks() -> BookGreeks:
    return BookGreeks(
        vega_usd_per_volpt=-2.1e8,
        theta_usd_per_min=1.4e5,
        volga_usd_per_volpt2=-3.0e6,
        veta_usd_per_volpt_min=2.0e3,
        speed_usd_per_pct2=4.0e8,
        zomma_usd_per_pct_volpt=-6.0e7,
        color_usd_per_pct_min=9.0e4,
    )


def _walls(spot: float) -> Walls:
    return Walls(
        call=Wall(strike=round(spot * 1.02), gamma_usd_per_pct=8e8, share=0.12),
        put=Wall(strike=round(spot * 0.97), gamma_usd_per_pct=-9e8, share=0.14),
        absolute=Wall(strike=round(spot * 1.01), gamma_usd_per_pct=1.2e9, share=0.2),
    )


def snapshot_of(symbol: str = "SPX", *, spot: float = 4145.58, step: int = 0, simulated: bool = True) -> FieldSnapshot:
    """Return a snapshot whose numbers move with `step`."""
    spot *= 1.0 + 0.001 * step
    scale = 4.0e10 * (1.0 + 0.05 * step)
    naive, strike = PositionSource.OI_NAIVE, Dynamics.STICKY_STRIKE
    return FieldSnapshot(
        symbol=symbol,
        session=date(2026, 11, 20),
        ts_event_ns=AS_OF_NS + step * 1_000_000_000,
        ts_valuation_ns=AS_OF_NS + step * 1_000_000_000,
        cause_id=f"{symbol}-{step}",
        provenance=Provenance(
            source="simulated-market", origin="tests", simulated=simulated, as_of_source=AsOfSource.STAMPED
        ),
        spot=spot,
        spot_source="parity_forward:2026-11-21",
        counts=_counts(step),
        position_source=naive,
        dynamics=strike,
        time_basis=TimeBasis.CALENDAR,
        totals=_totals(step),
        book_greeks=_book_greeks(),
        totals_error=_totals_error(0.05),
        totals_error_bound=_totals_error(0.3),
        zero_gamma=(_root(spot * 0.99, naive, strike),),
        zero_gamma_sensitivity=(_root(spot * 0.985, naive, Dynamics.STICKY_MONEYNESS),),
        zero_delta=(),
        effective_gamma_usd_per_pct=3.4e9,
        walls=_walls(spot),
        regime=RegimeReading(
            amplification=0.935 - 0.001 * step,
            feedback_x=0.07,
            feedback=Feedback.LONG_DAMPING,
            impact_return_per_usd=2e-13,
            impact_source="assumed",
        ),
        ladder=_ladder(spot, scale),
        liquidity_source=LiquiditySource.CONSTANT,
        profile=_profile(spot, scale),
        hedge_flow=_hedge_flow(spot, scale),
        heatmap=_heatmap(spot, scale),
        surface=_surface(spot),
        reasons={"amplification_ladder": "impact is unknown along the ladder"},
        timings_ms={"implied_vol": 2.1, "total": 9.4},
    )


def without_roots(snapshot: FieldSnapshot) -> FieldSnapshot:
    """Return the same snapshot with no zero-gamma level and no amplification, and the reasons."""
    missing = float("nan")
    return replace(
        snapshot,
        zero_gamma=(),
        zero_gamma_sensitivity=(),
        regime=replace(snapshot.regime, amplification=missing, feedback_x=missing, feedback=Feedback.UNKNOWN),
        reasons={"zero_gamma": "gamma does not change sign in the window", "amplification": "impact is unknown"},
    )


NOW_NS = ns_of_datetime(datetime(2026, 11, 21, 9, 0, tzinfo=UTC))


class HandClock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self._now_ns = NOW_NS

    def now_ns(self) -> int:
        return self._now_ns

    def advance(self, seconds: float) -> None:
        self._now_ns += int(seconds * 1e9)


@lru_cache(maxsize=1)
def live_fields() -> tuple[LiveField, SymbolCheckpoint]:
    """Return the newest field of a simulated symbol after three minutes of flow, and the state behind it."""
    config = replace(demo_config(), step_s=20.0)
    feed, state = (
        SimulatedFeed(config),
        SymbolState(LiveConfig(fields=FieldConfig(position_source=PositionSource.HYBRID))),
    )
    for _ in range(10):
        batch = feed.next_batch()
        for chain in (chain for chain in batch.chains if chain.symbol == "SIM.IWM"):
            state.on_chain(chain)
        for quotes in (quotes for quotes in batch.quotes if quotes.symbol == "SIM.IWM"):
            state.on_quotes(quotes)
        for trades in (trades for trades in batch.trades if trades.symbol == "SIM.IWM"):
            state.on_trades(trades)
    return state.field(), state.checkpoint("SIM.IWM")


def publication_of(snapshot: FieldSnapshot, *, now_ns: int = NOW_NS, shard: str = "shard-0") -> Publication:
    """Return a snapshot as a shard publishes it."""
    return Publication(
        snapshot=snapshot,
        live=live_fields()[0].live,
        batch_sequence=0,
        received_ns=now_ns,
        published_ns=now_ns,
        catching_up=False,
        shard=shard,
    )


def feed_report(*, symbols: tuple[str, ...], **changes: Any) -> FeedHealth:
    """Return a report of a feed that runs well, with changes."""
    well = FeedHealth(
        ts_ns=NOW_NS,
        sequence=1,
        symbols=symbols,
        ended=False,
        batches=1,
        chains=1,
        coalesced=0,
        rows=0,
        rows_lost=0,
        undelivered=0,
        queued=0,
        late_s=0.0,
        shards_down=(),
        shards_catching_up=(),
        error="",
    )
    return replace(well, **changes)


def shard_report(*, reasons: dict[str, str]) -> ShardHealth:
    """Return a report of a shard that runs well, but for the symbols named."""
    return ShardHealth(
        shard="shard-0",
        epoch_ns=NOW_NS,
        pid=1,
        ts_ns=NOW_NS,
        sequence=1,
        catching_up=False,
        restored=0,
        symbols=1,
        stale=0,
        updates=1,
        failed=len(reasons),
        out_of_order=0,
        unpublished=0,
        reasons=reasons,
        note="",
    )
