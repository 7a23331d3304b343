"""How variance and price jump and move together, and the option values that follow from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adapters.simulated.affine import AffineModel, expected_variance, value_affine
from adapters.simulated.config import JumpDynamics, SimulatedSymbol
from adapters.simulated.listing import Board
from adapters.simulated.valuation import Valuation
from market.chains import FloatArray

__all__ = ["Carry", "DynamicsTable", "Move", "dynamics_of", "index_variance", "moved", "revalued", "value_series"]

_LOWEST_VARIANCE, _HIGHEST_VARIANCE = 1e-6, 25.0
_SQRT_2PI = float(np.sqrt(2.0 * np.pi))
_BY_STRIKE = ("volatility", "standardised_moneyness")


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicsTable:
    """The dynamics of those symbols that have their own; arrays of shape ``(n_chosen,)``.

    Parameters
    ----------
    places : ndarray of int64
        Places of the symbols.
    rows : ndarray of int64, shape (n_symbols,)
        For each symbol its row here, -1 for one that moves by the plain model.
    long_run, reversion, vol_of_variance, correlation, intensity, jump_mean, jump_deviation, variance_jump : ndarray
        As in `adapters.simulated.affine.AffineModel`.
    """

    places: NDArray[np.int64]
    rows: NDArray[np.int64]
    long_run: FloatArray
    reversion: FloatArray
    vol_of_variance: FloatArray
    correlation: FloatArray
    intensity: FloatArray
    jump_mean: FloatArray
    jump_deviation: FloatArray
    variance_jump: FloatArray

    def model(self, rows: NDArray[np.int64], variance: FloatArray) -> AffineModel:
        """Return the parameters of some rows with their present variance."""
        return AffineModel(
            variance=variance,
            long_run=self.long_run[rows],
            reversion=self.reversion[rows],
            vol_of_variance=self.vol_of_variance[rows],
            correlation=self.correlation[rows],
            intensity=self.intensity[rows],
            jump_mean=self.jump_mean[rows],
            jump_deviation=self.jump_deviation[rows],
            variance_jump=self.variance_jump[rows],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """What a step does to the values of the chosen symbols; arrays of shape ``(n_chosen,)``.

    Parameters
    ----------
    news : ndarray
        Change of the logarithm of the hidden value, without carry.
    variance : ndarray
        Instantaneous variance after the step.
    """

    news: FloatArray
    variance: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Carry:
    """What lies between spot and expiry; arrays of shape ``(n_series,)``.

    Parameters
    ----------
    forward, discount : ndarray
        Forward price, USD, and discount factor.
    tau : ndarray
        Years to expiry (ACT/365), > 0.
    spot : ndarray
        Price of the underlying, USD.
    """

    forward: FloatArray
    discount: FloatArray
    tau: FloatArray
    spot: FloatArray


def dynamics_of(symbols: Sequence[SimulatedSymbol]) -> DynamicsTable | None:
    """Return the dynamics of the symbols that have their own, None where none has.

    Parameters
    ----------
    symbols : sequence of SimulatedSymbol
        All symbols.

    Returns
    -------
    DynamicsTable or None
        The table.
    """
    chosen = [(place, item, item.dynamics) for place, item in enumerate(symbols) if item.dynamics is not None]
    if not chosen:
        return None
    places = np.array([place for place, _, _ in chosen], dtype=np.int64)
    rows = np.full(len(symbols), -1, dtype=np.int64)
    rows[places] = np.arange(places.size)

    def column(name: str) -> FloatArray:
        return np.array([getattr(dynamics, name) for _, _, dynamics in chosen], dtype=np.float64)

    return DynamicsTable(
        places=places,
        rows=rows,
        long_run=np.array([item.volatility**2 for _, item, _ in chosen]),
        reversion=column("reversion"),
        vol_of_variance=column("vol_of_variance"),
        correlation=column("correlation"),
        intensity=column("jumps_per_year"),
        jump_mean=column("jump_mean"),
        jump_deviation=column("jump_deviation"),
        variance_jump=column("variance_jump"),
    )


def moved(
    table: DynamicsTable,
    variance: FloatArray,
    years: float,
    *,
    price_chance: FloatArray,
    variance_chance: FloatArray,
    rng: np.random.Generator,
) -> Move:
    """Move value and variance by one step.

    Parameters
    ----------
    table : DynamicsTable
        Parameters.
    variance : ndarray, shape (n_chosen,)
        Instantaneous variance before the step.
    years : float
        Length of the step, years of 252 sessions.
    price_chance, variance_chance : ndarray, shape (n_chosen,)
        Independent standard normal draws.
    rng : numpy.random.Generator
        Source of the jumps.

    Returns
    -------
    Move
        By the full-truncation Euler scheme. Its exponential has mean 1, up to the scheme's step.
    """
    root = np.sqrt(variance * years)
    correlated = table.correlation * price_chance + np.sqrt(1.0 - table.correlation**2) * variance_chance
    count = rng.poisson(table.intensity * years)
    jumps = table.jump_mean * count + table.jump_deviation * np.sqrt(count) * rng.standard_normal(count.size)
    lift = table.variance_jump * rng.standard_gamma(count.astype(np.float64))
    compensation = table.intensity * np.expm1(table.jump_mean + 0.5 * table.jump_deviation**2) * years
    after = variance + table.reversion * years * (table.long_run - variance) + table.vol_of_variance * root * correlated
    return Move(
        news=root * price_chance - 0.5 * variance * years + jumps - compensation,
        variance=np.clip(after + lift, _LOWEST_VARIANCE, _HIGHEST_VARIANCE),
    )


def index_variance(dynamics: JumpDynamics, volatility: float, years: float) -> tuple[float, float]:
    """Return how the square of a variance index depends on the instantaneous variance: an intercept and a slope.

    Parameters
    ----------
    dynamics : JumpDynamics
        How price and variance move.
    volatility : float
        Level of the volatility between jumps, annualised fraction.
    years : float
        Horizon of the index, years of 252 sessions; 1/12 for a month.

    Returns
    -------
    intercept, slope : float
        ``index^2 = intercept + slope x variance``, both per year; it holds for any dynamics of this kind, so that the
        variance behind a published index can be found.
    """
    one, time = np.ones(2), np.full(2, years)
    model = AffineModel(
        variance=np.array([0.0, 1.0]),
        long_run=volatility**2 * one,
        reversion=dynamics.reversion * one,
        vol_of_variance=dynamics.vol_of_variance * one,
        correlation=dynamics.correlation * one,
        intensity=dynamics.jumps_per_year * one,
        jump_mean=dynamics.jump_mean * one,
        jump_deviation=dynamics.jump_deviation * one,
        variance_jump=dynamics.variance_jump * one,
    )
    intercept, total = (expected_variance(model, time) / years).tolist()
    return intercept, total - intercept


def revalued(
    value: Valuation,
    table: DynamicsTable,
    board: Board,
    *,
    spot: FloatArray,
    volatility: FloatArray,
    variance_time: FloatArray,
) -> Valuation:
    """Return the valuation with the contracts of the table's symbols valued under their own dynamics.

    Parameters
    ----------
    value : Valuation
        Of all contracts; forwards, discounts and times are kept.
    table : DynamicsTable
        Dynamics.
    board : Board
        What is listed.
    spot, volatility : ndarray, shape (n_symbols,)
        Prices and instantaneous volatilities.
    variance_time : ndarray, shape (n_series,)
        Years of 252 sessions to expiry.

    Returns
    -------
    Valuation
        New arrays.
    """
    rows = table.rows[board.symbol_of_series]
    series = np.flatnonzero(rows >= 0)
    strikes = np.flatnonzero(table.rows[board.symbol_of] >= 0)
    place_of_series = np.cumsum(rows >= 0) - 1
    own = value_series(
        table.model(rows[series], volatility[board.symbol_of_series[series]] ** 2),
        Carry(
            forward=value.forward[series],
            discount=value.discount[series],
            tau=value.tau[series],
            spot=spot[board.symbol_of_series[series]],
        ),
        variance_time=variance_time[series],
        log_strike=board.log_strike[strikes],
        series_of=place_of_series[board.series_of[strikes]],
    )
    contracts = (2 * strikes[:, None] + np.array([0, 1])).ravel()
    changed: dict[str, FloatArray] = {}
    for name in ("volatility", "standardised_moneyness", "price", "delta", "gamma", "vega"):
        changed[name] = getattr(value, name).copy()
        changed[name][strikes if name in _BY_STRIKE else contracts] = getattr(own, name)
    return replace(value, **changed)


def value_series(
    model: AffineModel,
    carry: Carry,
    *,
    variance_time: FloatArray,
    log_strike: FloatArray,
    series_of: NDArray[np.int64],
) -> Valuation:
    """Value the call and the put of every strike under the dynamics of its series.

    Parameters
    ----------
    model : AffineModel
        Dynamics, shape (n_series,).
    carry : Carry
        Forwards, discounts, times and spots, shape (n_series,).
    variance_time : ndarray, shape (n_series,)
        Time to expiry in years of the model, > 0.
    log_strike : ndarray, shape (n_strikes,)
        Logarithms of the strikes, which rise within a series.
    series_of : ndarray of int64, shape (n_strikes,)
        Series of each strike, rising.

    Returns
    -------
    Valuation
        Delta and gamma are those of the dynamics: the change of the value when the price moves and the variance stays.
    """
    k = log_strike - np.log(carry.forward)[series_of]
    found = value_affine(model, variance_time, k, series_of)
    price_of = carry.spot[series_of]
    present = (carry.discount * carry.forward)[series_of]
    share = present / price_of
    root_tau = np.sqrt(carry.tau)[series_of]
    strike = np.exp(k)
    d1 = 0.5 * found.deviation - k / found.deviation
    call_delta = share * (found.call + strike * (1.0 - found.below))
    return Valuation(
        forward=carry.forward,
        discount=carry.discount,
        tau=carry.tau,
        volatility=found.deviation / root_tau,
        standardised_moneyness=k / found.deviation,
        price=_pairs(present * found.call, present * found.put),
        delta=_pairs(call_delta, call_delta - share),
        gamma=np.repeat(share * strike * found.density / price_of, 2),
        vega=np.repeat(present * np.exp(-0.5 * d1 * d1) / _SQRT_2PI * root_tau, 2),
    )


def _pairs(calls: FloatArray, puts: FloatArray) -> FloatArray:
    pairs = np.empty(2 * calls.size)
    pairs[0::2], pairs[1::2] = calls, puts
    return pairs
