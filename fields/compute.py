"""The whole field of one chain: from quotes to totals, levels, walls, ladder and potential."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, final

import numpy as np

from fields.amplification import amplification, feedback_x, regime_reading
from fields.book import Int64Array, SortedBook, sorted_book
from fields.book_greeks import book_greeks
from fields.config import FieldConfig, PositionSource
from fields.context import NO_CONTEXT, FieldContext
from fields.conventions import LiquiditySource
from fields.error_bars import Errors, errors_of
from fields.exposures import dollar_exposures, strike_profile, walls_of
from fields.forwards import Forwards, imply_forwards
from fields.greeks import ExposureGreeks, exposure_greeks
from fields.heatmap import gamma_heatmap
from fields.holdings import Holdings, count_contracts, held_contracts
from fields.landscape import Landscape, landscape_of
from fields.parity import parity_pairs
from fields.positions import dealer_contracts, user_contracts
from fields.reasons import reasons_of
from fields.snapshot import BookGreeks, FieldSnapshot, Heatmap, Ladder, StrikeProfile, Totals, Walls
from fields.surface.calibrate import calibrate_surface
from fields.surface.message import VolSurface
from fields.timebase import TimeToExpiry, minutes_per_year, time_to_expiry, valuation_instant
from fields.volatility import ContractVolatility, contract_volatility, fill_from_surface
from market.calendars import session_on
from market.chains import BoolArray, FloatArray, OptionChain
from market.errors import DataError

__all__ = ["ContractReadings", "FieldEvaluation", "compute_field", "evaluate_field"]

GIVEN_SOURCES: Final = frozenset({PositionSource.USER, PositionSource.FLOW, PositionSource.HYBRID})
"""Sources whose dealer contracts come with the context."""

_MINUTE_NS: Final = 60_000_000_000
_NAN_TOTALS = Totals(
    dex_usd=float("nan"),
    gamma_usd_per_pct=float("nan"),
    vanna_usd_per_volpt=float("nan"),
    charm_usd_per_min=float("nan"),
)


@final
class _Stages:
    """Wall time by stage; empty without a clock, because the core has none of its own."""

    def __init__(self, perf_ns: Callable[[], int] | None) -> None:
        self._perf_ns = perf_ns
        self._last = perf_ns() if perf_ns else 0
        self._first = self._last
        self.timings_ms: dict[str, float] = {}

    def done(self, stage: str) -> None:
        """Book the time since the stage before."""
        if self._perf_ns is None:
            return
        now = self._perf_ns()
        self.timings_ms[stage] = (now - self._last) / 1e6
        self.timings_ms["total"] = (now - self._first) / 1e6
        self._last = now


def _require_contracts(chain: OptionChain) -> None:
    if not chain.n_contracts:
        raise DataError(
            "the chain holds no contract",
            found=f"{chain.symbol} {chain.session}: {chain.n_read} read, all dropped by the reader",
            expected="one contract or more",
            action="see the reader's drop counts",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Valued:
    """What stands before any position: the sorted chain, its clock, forwards and volatilities."""

    valuation_ns: int
    minutes: float
    book: SortedBook
    time: TimeToExpiry
    forwards: Forwards
    volatility: ContractVolatility
    surface: VolSurface


def _value_chain(chain: OptionChain, config: FieldConfig, stages: _Stages) -> _Valued:
    product = chain.series[0].product
    valuation_ns = valuation_instant(chain.ts_event_ns, product)
    time = time_to_expiry(valuation_ns, chain.series, config.time_basis)
    book = sorted_book(chain)
    stages.done("sort")
    forwards = imply_forwards(chain, parity_pairs(book), time, valuation_ns)
    stages.done("forwards")
    volatility = contract_volatility(book, book.vendor_iv, forwards, time)
    stages.done("volatility")
    surface = calibrate_surface(
        book,
        forwards,
        time,
        chain.quote_ts_ns[book.order],
        valuation_ns,
        config.surface,
        series=chain.series,
        mid_iv=volatility.own_quotes,
        cause_id=chain.cause_id,
    )
    if surface.overall_confidence > 0.0:
        volatility = fill_from_surface(volatility, surface, book, forwards)
    stages.done("surface")
    return _Valued(
        valuation_ns=valuation_ns,
        minutes=minutes_per_year(config.time_basis, product.calendar),
        book=book,
        time=time,
        forwards=forwards,
        volatility=volatility,
        surface=surface,
    )


def _minutes_to_close(chain: OptionChain, valuation_ns: int) -> float:
    """Return the minutes to the session's close, which both clocks count alike; NaN where there is no session."""
    session = session_on(chain.series[0].product.calendar, chain.session)
    return float("nan") if session is None else (session.close_ns - valuation_ns) / _MINUTE_NS


def _positions(chain: OptionChain, config: FieldConfig, book: SortedBook, given: FloatArray | None) -> FloatArray:
    if config.position_source in GIVEN_SOURCES and given is not None:
        return user_contracts(given, chain.n_contracts)[book.order]
    return dealer_contracts(config.position_source, book.open_interest, book.is_call)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractReadings:
    """Used contracts at spot; arrays of shape (n_used,).

    Parameters
    ----------
    place : ndarray of int64
        Place in the chain.
    delta, gamma : ndarray
        Per unit of the underlying, of one long contract.
    multiplier : ndarray
        Units of the underlying per contract.
    strike : ndarray
        Strikes, USD.
    is_call : ndarray of bool
        True for calls.
    volatility : ndarray
        Annualised on the field's clock.
    open_interest : ndarray
        Contracts; NaN where missing.
    """

    place: Int64Array
    delta: FloatArray
    gamma: FloatArray
    multiplier: FloatArray
    strike: FloatArray
    is_call: BoolArray
    volatility: FloatArray
    open_interest: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldEvaluation:
    """A field and the contracts that it stands on.

    Parameters
    ----------
    snapshot : FieldSnapshot
        What is published.
    contracts : ContractReadings
        What the next minute's flow is valued with; it stays in the process.
    """

    snapshot: FieldSnapshot
    contracts: ContractReadings


@dataclass(frozen=True, slots=True, kw_only=True)
class _AtSpot:
    """The readings at spot."""

    totals: Totals
    greeks: BookGreeks
    errors: Errors
    profile: StrikeProfile
    walls: Walls
    heatmap: Heatmap
    contracts: ContractReadings


def _at_spot(
    chain: OptionChain, config: FieldConfig, valued: _Valued, holdings: Holdings, error: FloatArray, stages: _Stages
) -> _AtSpot:
    h, spot, book = holdings, valued.forwards.spot.price, valued.book
    greeks = exposure_greeks(spot, h.strike, h.tau, h.rate, h.rate - h.carry, h.volatility, h.is_call)
    one_long = dollar_exposures(greeks, h.multiplier, spot, valued.minutes)
    gamma = h.contracts * one_long.gamma_usd_per_pct
    stages.done("greeks")
    places = book.strike_place[h.place]
    profile = strike_profile(book.strikes, places, h.is_call, gamma, h.open_interest)
    errors = errors_of(one_long, profile.strike, h.strike, error)
    found = _AtSpot(
        totals=one_long.totals(h.contracts) if h.place.size else _NAN_TOTALS,
        greeks=book_greeks(h, spot, valued.minutes),
        errors=errors,
        profile=replace(profile, gamma_error_usd_per_pct=errors.gamma_by_strike_usd_per_pct),
        walls=walls_of(profile, spot, config.wall_window),
        heatmap=gamma_heatmap(chain, h, gamma, spot, config.wall_window),
        contracts=_readings(book, h, greeks),
    )
    stages.done("profile")
    return found


def _readings(book: SortedBook, h: Holdings, greeks: ExposureGreeks) -> ContractReadings:
    return ContractReadings(
        place=book.order[h.place],
        delta=greeks.delta,
        gamma=greeks.gamma,
        multiplier=h.multiplier,
        strike=h.strike,
        is_call=h.is_call,
        volatility=h.volatility,
        open_interest=h.open_interest,
    )


def _ladder(landscape: Landscape, config: FieldConfig) -> Ladder:
    x = feedback_x(landscape.gamma_usd_per_pct, config.impact_return_per_usd)
    return Ladder(
        log_moneyness=landscape.log_moneyness,
        price=landscape.price,
        gamma_usd_per_pct=landscape.gamma_usd_per_pct,
        vanna_usd_per_volpt=landscape.vanna_usd_per_volpt,
        charm_usd_per_min=landscape.charm_usd_per_min,
        delta_usd=landscape.delta_usd,
        potential_usd=landscape.potential_usd,
        potential_gradient_usd=landscape.potential_gradient_usd,
        potential_rate_usd_per_min=landscape.potential_rate_usd_per_min,
        amplification=amplification(x),
    )


def _snapshot(
    chain: OptionChain,
    config: FieldConfig,
    context: FieldContext,
    valued: _Valued,
    holdings: Holdings,
    at_spot: _AtSpot,
    landscape: Landscape,
    stages: _Stages,
) -> FieldSnapshot:
    forwards, totals, walls = valued.forwards, at_spot.totals, at_spot.walls
    counts = count_contracts(chain, valued.book, valued.volatility, holdings)
    regime = regime_reading(totals.gamma_usd_per_pct, config.impact_return_per_usd, config.impact_source)
    reasons = reasons_of(chain, config, forwards, valued.time, counts, totals, walls, landscape, valued.surface)
    if context.standard_error is None:
        reasons["errors"] = "no book of dealer positions with standard errors was given"
    ladder = _ladder(landscape, config)
    stages.done("assemble")
    return FieldSnapshot(
        symbol=chain.symbol,
        session=chain.session,
        ts_event_ns=chain.ts_event_ns,
        ts_valuation_ns=valued.valuation_ns,
        cause_id=chain.cause_id,
        provenance=chain.provenance,
        spot=forwards.spot.price,
        spot_source=forwards.spot.source,
        counts=counts,
        position_source=config.position_source,
        dynamics=config.dynamics,
        time_basis=config.time_basis,
        totals=totals,
        book_greeks=at_spot.greeks,
        totals_error=at_spot.errors.totals,
        totals_error_bound=at_spot.errors.bounds,
        zero_gamma=landscape.zero_gamma,
        zero_gamma_sensitivity=landscape.sensitivity,
        zero_delta=landscape.zero_delta,
        effective_gamma_usd_per_pct=landscape.effective_gamma_usd_per_pct,
        walls=walls,
        regime=regime,
        ladder=ladder,
        liquidity_source=LiquiditySource.CONSTANT if context.liquidity is None else context.liquidity.source,
        profile=at_spot.profile,
        hedge_flow=landscape.hedge_flow,
        heatmap=at_spot.heatmap,
        surface=valued.surface,
        reasons=reasons,
        timings_ms=stages.timings_ms,
    )


def evaluate_field(
    chain: OptionChain,
    config: FieldConfig,
    context: FieldContext = NO_CONTEXT,
    *,
    perf_ns: Callable[[], int] | None = None,
) -> FieldEvaluation:
    """Compute every reading of a chain's dealer-hedging field, and keep the contracts that it stands on.

    Parameters
    ----------
    chain : OptionChain
        In any order.
    config : FieldConfig
        Convention, clock, dynamics and widths.
    context : FieldContext, optional
        The dealers' book and the market's liquidity, where they are known.
    perf_ns : callable, optional
        Monotonic clock in ns for the timings; none are taken without it.

    Returns
    -------
    FieldEvaluation
        Complete also where nothing could be computed: NaN or empty then, with the reason beside it.
    """
    stages = _Stages(perf_ns)
    _require_contracts(chain)
    valued = _value_chain(chain, config, stages)
    forwards, time = valued.forwards, valued.time
    contracts = _positions(chain, config, valued.book, context.contracts)
    holdings = held_contracts(chain, valued.book, time, forwards, valued.volatility, contracts)
    error = _errors_of_positions(chain, valued.book, holdings, context.standard_error)
    at_spot = _at_spot(chain, config, valued, holdings, error, stages)
    landscape = landscape_of(
        holdings,
        forwards.spot.price,
        valued.minutes,
        config,
        context.liquidity,
        stages.done,
        surface=valued.surface if valued.surface.overall_confidence > 0.0 else None,
        minutes_to_close=_minutes_to_close(chain, valued.valuation_ns),
    )
    snapshot = _snapshot(chain, config, context, valued, holdings, at_spot, landscape, stages)
    return FieldEvaluation(snapshot=snapshot, contracts=at_spot.contracts)


def _errors_of_positions(
    chain: OptionChain, book: SortedBook, holdings: Holdings, given: FloatArray | None
) -> FloatArray:
    if given is None:
        return np.full(holdings.place.shape, np.nan)
    return user_contracts(given, chain.n_contracts)[book.order][holdings.place]


def compute_field(
    chain: OptionChain,
    config: FieldConfig,
    context: FieldContext = NO_CONTEXT,
    *,
    perf_ns: Callable[[], int] | None = None,
) -> FieldSnapshot:
    """Compute every reading of a chain's dealer-hedging field; see `evaluate_field`.

    Parameters
    ----------
    chain : OptionChain
        In any order.
    config : FieldConfig
        Convention, clock, dynamics and widths.
    context : FieldContext, optional
        The dealers' book and the market's liquidity, where they are known.
    perf_ns : callable, optional
        Monotonic clock in ns for the timings; none are taken without it.

    Returns
    -------
    FieldSnapshot
        Complete also where nothing could be computed: NaN or empty then, with the reason beside it.
    """
    return evaluate_field(chain, config, context, perf_ns=perf_ns).snapshot
