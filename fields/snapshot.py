"""The field snapshot: what a symbol's shard publishes after each chain."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from fields.conventions import Dynamics, LiquiditySource, PositionSource, TimeBasis
from fields.surface.message import VolSurface
from market.chains import FloatArray
from market.provenance import Provenance

__all__ = [
    "BookGreeks",
    "ContractCounts",
    "Feedback",
    "FieldSnapshot",
    "Heatmap",
    "HedgeFlow",
    "Ladder",
    "RegimeReading",
    "StrikeProfile",
    "Totals",
    "Wall",
    "Walls",
    "ZeroDelta",
    "ZeroGamma",
]


class Feedback(StrEnum):
    """Dealer-feedback regime from x = impact x dollar gamma (requirements 2.3)."""

    LONG_DAMPING = "LONG_DAMPING"
    SHORT_STABLE = "SHORT_STABLE"
    CRITICAL = "CRITICAL"
    UNSTABLE = "UNSTABLE"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCounts:
    """What happened to the contracts of a chain; ``read == used + sum(dropped)``.

    Parameters
    ----------
    read, used : int
        Contracts in the source, and in the field.
    dropped : mapping of str to int
        Left out, by `market.chains.DropReason` value.
    iv_sources : mapping of str to int
        Used contracts by where their volatility came from: ``own_quote``, ``parity_twin``, ``vendor``,
        ``surface``.
    open_interest_read, open_interest_used : float
        Contracts, summed over all that were read and over those used; NaN where the source has none.
    """

    read: int
    used: int
    dropped: Mapping[str, int]
    iv_sources: Mapping[str, int]
    open_interest_read: float
    open_interest_used: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Dealer exposures at spot (requirements 2.4); NaN carries its reason in `FieldSnapshot.reasons`.

    Parameters
    ----------
    dex_usd : float
        Dealer delta, USD.
    gamma_usd_per_pct : float
        Change of dealer delta per 1 % move of spot, USD.
    vanna_usd_per_volpt : float
        Change of dealer delta per vol point (0.01), USD.
    charm_usd_per_min : float
        Change of dealer delta per minute of the stated clock, forward in time, USD.
    """

    dex_usd: float
    gamma_usd_per_pct: float
    vanna_usd_per_volpt: float
    charm_usd_per_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BookGreeks:
    """What else the dealers' book does at spot, beside `Totals`; sums over the used contracts, + dealers long.

    Parameters
    ----------
    vega_usd_per_volpt : float
        Value per vol point (0.01), USD.
    theta_usd_per_min : float
        Value per minute of the field's clock, USD.
    volga_usd_per_volpt2 : float
        Change of vega per vol point, USD.
    veta_usd_per_volpt_min : float
        Change of vega per minute, USD.
    speed_usd_per_pct2 : float
        Change of the dollar gamma (USD per 1 %) per 1 % rise of spot.
    zomma_usd_per_pct_volpt : float
        Change of the dollar gamma per vol point.
    color_usd_per_pct_min : float
        Change of the dollar gamma per minute, forward in time.
    """

    vega_usd_per_volpt: float
    theta_usd_per_min: float
    volga_usd_per_volpt2: float
    veta_usd_per_volpt_min: float
    speed_usd_per_pct2: float
    zomma_usd_per_pct_volpt: float
    color_usd_per_pct_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroGamma:
    """One root of the re-evaluated dealer gamma.

    Parameters
    ----------
    level : float
        Price at which gamma is zero.
    slope : float
        Change of dollar gamma (USD per 1 %) per 1 % rise of spot, at the root; > 0: long gamma above.
    position_source : PositionSource
        Dealer convention of this root.
    dynamics : Dynamics
        Volatility dynamics of this root.
    """

    level: float
    slope: float
    position_source: PositionSource
    dynamics: Dynamics


@dataclass(frozen=True, slots=True, kw_only=True)
class ZeroDelta:
    """One root of the re-evaluated dealer delta.

    Parameters
    ----------
    level : float
        Price at which dealers hold no delta.
    slope_usd_per_pct : float
        Change of dealer delta (USD) per 1 % rise of spot, at the root; > 0: dealers are long above.
    position_source : PositionSource
        Dealer convention of this root.
    dynamics : Dynamics
        Volatility dynamics of this root.
    """

    level: float
    slope_usd_per_pct: float
    position_source: PositionSource
    dynamics: Dynamics


@dataclass(frozen=True, slots=True, kw_only=True)
class Wall:
    """A strike with an extreme of dollar gamma.

    Parameters
    ----------
    strike : float
        The strike; NaN where there is none.
    gamma_usd_per_pct : float
        Its dollar gamma.
    share : float
        Its share of the total absolute dollar gamma in the window, 0 to 1.
    """

    strike: float
    gamma_usd_per_pct: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """Strikes with the most dealer gamma within the window: call side, put side and un-netted.

    Parameters
    ----------
    call, put, absolute : Wall
        Largest gamma of calls, largest of puts, and largest un-netted sum.
    """

    call: Wall
    put: Wall
    absolute: Wall


@dataclass(frozen=True, slots=True, kw_only=True)
class Ladder:
    """Exposures re-evaluated along the spot ladder, and the potential; every array has shape (n_ladder,).

    Parameters
    ----------
    log_moneyness : ndarray
        ln(price / spot), uniform.
    price : ndarray
        Hypothetical spot.
    gamma_usd_per_pct, vanna_usd_per_volpt, charm_usd_per_min : ndarray
        Dealer exposures at that price under the stated dynamics, USD.
    delta_usd : ndarray
        Dealer delta at that price under the stated dynamics, USD.
    potential_usd : ndarray
        Unit-mass potential (kappa^2 Pi) of the shock-weighted source, USD.
    potential_gradient_usd : ndarray
        Its derivative with respect to log price, USD per unit of log price.
    potential_rate_usd_per_min : ndarray
        Its derivative with respect to time at fixed price, volatility and positions, USD per minute.
    amplification : ndarray
        1 / (1 + impact x gamma); NaN where unknown or unstable.
    """

    log_moneyness: FloatArray
    price: FloatArray
    gamma_usd_per_pct: FloatArray
    vanna_usd_per_volpt: FloatArray
    charm_usd_per_min: FloatArray
    delta_usd: FloatArray
    potential_usd: FloatArray
    potential_gradient_usd: FloatArray
    potential_rate_usd_per_min: FloatArray
    amplification: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class HedgeFlow:
    """Expected dealer trades as curves over spot; arrays of shape (n_ladder,), USD at that price, > 0: dealers buy.

    Parameters
    ----------
    price : ndarray
        Hypothetical spot, USD.
    buy_for_spot_move_usd : ndarray
        If spot moves from where it is to this price at once.
    buy_for_vol_point_usd : ndarray
        If, with spot at this price, every volatility rises by one point (0.01).
    buy_to_close_usd : ndarray
        From now to the close, if spot stands at this price: the integral of charm. What expires by then counts with its
        intrinsic delta, so that delivery or settlement itself is no trade. NaN without a close.
    minutes_to_close : float
        Minutes of the field's clock; NaN where unknown.
    to_close_reason : str
        Why there is no flow to the close; empty where there is one.
    """

    price: FloatArray
    buy_for_spot_move_usd: FloatArray
    buy_for_vol_point_usd: FloatArray
    buy_to_close_usd: FloatArray
    minutes_to_close: float
    to_close_reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StrikeProfile:
    """Dollar gamma by strike at spot, all expirations together; arrays have shape (n_strikes,).

    Parameters
    ----------
    strike : ndarray
        Strikes, rising.
    call_gamma_usd_per_pct, put_gamma_usd_per_pct : ndarray
        Signed dealer gamma of calls and of puts.
    gamma_error_usd_per_pct : ndarray
        Standard error of their sum, from the errors of the dealers' positions; NaN where those are unknown.
    call_open_interest, put_open_interest : ndarray
        Contracts.
    """

    strike: FloatArray
    call_gamma_usd_per_pct: FloatArray
    put_gamma_usd_per_pct: FloatArray
    gamma_error_usd_per_pct: FloatArray
    call_open_interest: FloatArray
    put_open_interest: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Heatmap:
    """Net dealer gamma by expiration and price bucket (cloud-in-cell deposit).

    Parameters
    ----------
    expiry_ns : ndarray of int64, shape (n_expiries,)
        Expiry instants, rising; the nearest ones.
    price : ndarray, shape (n_buckets,)
        Bucket centres, uniform in log price.
    gamma_usd_per_pct : ndarray, shape (n_expiries, n_buckets)
        Net dollar gamma.
    outside_usd_per_pct : ndarray, shape (n_expiries,)
        Dollar gamma whose strikes lie outside the buckets.
    """

    expiry_ns: NDArray[np.int64]
    price: FloatArray
    gamma_usd_per_pct: FloatArray
    outside_usd_per_pct: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeReading:
    """Dealer feedback at spot.

    Parameters
    ----------
    amplification : float
        A = 1 / (1 + x); NaN where impact is unknown or the feedback is unstable.
    feedback_x : float
        x = impact x dollar gamma per 100 %; NaN where impact is unknown.
    feedback : Feedback
        The state.
    impact_return_per_usd : float
        The impact that was used.
    impact_source : str
        Where it came from.
    """

    amplification: float
    feedback_x: float
    feedback: Feedback
    impact_return_per_usd: float
    impact_source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldSnapshot:
    """Every reading of one symbol's field at one instant.

    Parameters
    ----------
    symbol : str
        Underlying.
    session : datetime.date
        Trading session of the chain.
    ts_event_ns : int
        As-of instant of the chain, ns since the epoch, UTC.
    ts_valuation_ns : int
        Instant at which time to expiry was measured: the as-of instant, or the session's close where that is earlier.
    cause_id : str
        Id of the chain.
    provenance : Provenance
        Source and the simulated mark of the chain.
    spot : float
        Reference price.
    spot_source : str
        How it was found, such as ``parity_forward:2023-05-24``.
    counts : ContractCounts
        What happened to the contracts.
    position_source : PositionSource
        Dealer convention.
    dynamics : Dynamics
        Volatility dynamics of the ladder.
    time_basis : TimeBasis
        Clock of time to expiry and charm.
    totals : Totals
        Exposures at spot.
    book_greeks : BookGreeks
        What else the dealers' book does at spot.
    totals_error : Totals
        Their standard errors where the errors of the dealers' positions are independent between contracts; NaN where
        those are unknown.
    totals_error_bound : Totals
        Their standard errors where all positions err the same way: no correlation gives more.
    zero_gamma : tuple of ZeroGamma
        All roots under the stated convention and dynamics, nearest first.
    zero_gamma_sensitivity : tuple of ZeroGamma
        The nearest root under every other convention and dynamics that has one.
    zero_delta : tuple of ZeroDelta
        Prices at which dealers hold no delta, nearest first; often none.
    effective_gamma_usd_per_pct : float
        Gamma at spot with the volatility that moves with spot under the stated dynamics.
    walls : Walls
        Walls in the stated window.
    regime : RegimeReading
        Dealer feedback.
    ladder : Ladder
        Spot ladder and potential.
    liquidity_source : LiquiditySource
        What the potential's liquidity by price stands on.
    profile : StrikeProfile
        Gamma by strike.
    hedge_flow : HedgeFlow
        What dealers must trade for a spot move, a vol move and the time to the close.
    heatmap : Heatmap
        Gamma by expiration and price.
    surface : VolSurface
        Volatility surface of the chain, with its residuals and its confidence.
    reasons : mapping of str to str
        For each reading that is NaN or empty, why.
    timings_ms : mapping of str to float
        Wall time of each stage, milliseconds.
    """

    symbol: str
    session: date
    ts_event_ns: int
    ts_valuation_ns: int
    cause_id: str
    provenance: Provenance
    spot: float
    spot_source: str
    counts: ContractCounts
    position_source: PositionSource
    dynamics: Dynamics
    time_basis: TimeBasis
    totals: Totals
    book_greeks: BookGreeks
    totals_error: Totals
    totals_error_bound: Totals
    zero_gamma: tuple[ZeroGamma, ...]
    zero_gamma_sensitivity: tuple[ZeroGamma, ...]
    zero_delta: tuple[ZeroDelta, ...]
    effective_gamma_usd_per_pct: float
    walls: Walls
    regime: RegimeReading
    ladder: Ladder
    liquidity_source: LiquiditySource
    profile: StrikeProfile
    hedge_flow: HedgeFlow
    heatmap: Heatmap
    surface: VolSurface
    reasons: Mapping[str, str]
    timings_ms: Mapping[str, float]
