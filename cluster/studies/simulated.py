"""Rows of a study from the simulated market, whose dealers hedge or do not."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adapters.simulated import CustomerMix, SimulatedMarket, SimulatedMarketConfig, light_config
from fields.compute import evaluate_field
from fields.config import FieldConfig, PositionSource
from fields.evidence import (
    StudySample,
    har_regressors,
    indicator_columns,
    lag_one_product,
    lagged_reading,
    realised_variance,
    shuffled_open_interest,
)
from market.chains import FloatArray, OptionChain

__all__ = ["FIELD_NAMES", "MarketRun", "simulated_config", "simulated_sample"]

_WINDOW = 30  # steps of a minute
_WINDOWS = 12  # the last half hour would lack its last minute, which the close and the night take in one step
FIELD_NAMES = ("true_book", "oi_naive", "all_short", "shuffled_oi", "lagged_20")
_SIDES = (
    CustomerMix(overwriter=0.50, hedger=0.10, speculator=0.02, noise_buyer=0.10, noise_seller=0.28),
    CustomerMix(overwriter=0.10, hedger=0.30, speculator=0.25, noise_buyer=0.25, noise_seller=0.10),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketRun:
    """Size of a simulated run.

    Parameters
    ----------
    n_symbols, n_sessions : int
        Independent symbols and their sessions.
    hedge_ratio : float
        0: nothing is planted; 1: dealers hedge, so that their gamma damps or amplifies.
    impact_return_per_usd : float
        Kyle's lambda.
    seed : int
        Of the market.
    """

    n_symbols: int
    n_sessions: int
    hedge_ratio: float
    impact_return_per_usd: float = 8e-11
    seed: int = 11


def simulated_config(run: MarketRun) -> SimulatedMarketConfig:
    """Return small symbols with daily expirations; dealers are net long in one half and net short in the other."""
    light = light_config(run.n_symbols, seed=run.seed)
    symbols = tuple(
        replace(
            item,
            customers=_SIDES[place % 2],
            hedge_ratio=run.hedge_ratio,
            impact_return_per_usd=run.impact_return_per_usd,
            n_daily=3,
            n_weekly=2,
            n_monthly=0,
        )
        for place, item in enumerate(light.symbols)
    )
    return replace(light, symbols=symbols, step_s=60.0)


def _book_gammas(chain: OptionChain, true_book: FloatArray, rng: np.random.Generator) -> FloatArray:
    # USD per 1 % of one evaluation under each convention, on the contracts that the field uses.
    field = evaluate_field(chain, FieldConfig(position_source=PositionSource.OI_NAIVE, ladder_points=3))
    used = field.contracts
    one_long = used.gamma * used.multiplier * field.snapshot.spot**2 / 100.0
    naive = np.where(used.is_call, 1.0, -1.0)
    shuffled = shuffled_open_interest(chain, rng).open_interest[used.place]
    return np.array(
        [
            (one_long * true_book[used.place]).sum(),
            field.snapshot.totals.gamma_usd_per_pct,
            -(one_long * used.open_interest).sum(),
            (one_long * naive * shuffled).sum(),
        ]
    )


@dataclass(frozen=True, slots=True)
class _Recording:
    spot: FloatArray  # (n_sessions, 1 + windows * steps, n_symbols)
    known_ns: NDArray[np.int64]  # (n_sessions, n_windows)
    gamma: FloatArray  # (n_sessions, n_windows, n_symbols, 4)
    volatility: FloatArray  # (n_sessions, n_windows, n_symbols)


def _read(market: SimulatedMarket, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    gamma, volatility = [], []
    for name, chain in zip(market.names, market.chains(), strict=True):
        truth = market.truth(name)
        gamma.append(_book_gammas(chain, truth.dealer_position.astype(np.float64), rng))
        volatility.append(truth.instantaneous_volatility)
    return np.array(gamma), np.array(volatility)


def _record(run: MarketRun) -> _Recording:
    market = SimulatedMarket(simulated_config(run))
    rng = np.random.default_rng(run.seed)
    steps = _WINDOW * _WINDOWS
    spot = np.empty((run.n_sessions, steps + 1, run.n_symbols))
    known = np.empty((run.n_sessions, _WINDOWS), dtype=np.int64)
    gamma = np.empty((run.n_sessions, _WINDOWS, run.n_symbols, 4))
    volatility = np.empty((run.n_sessions, _WINDOWS, run.n_symbols))
    for session in range(run.n_sessions):
        opened = market.now_ns
        for step in range(steps + 1):
            spot[session, step] = [market.truth(name).spot for name in market.names]
            if step < steps and step % _WINDOW == 0:
                place = step // _WINDOW
                known[session, place] = market.now_ns
                gamma[session, place], volatility[session, place] = _read(market, rng)
            if step < steps:
                market.step()
        while market.now_ns - opened < 12 * 3_600_000_000_000:
            market.step()
    return _Recording(spot=spot, known_ns=known, gamma=gamma, volatility=volatility)


def simulated_sample(run: MarketRun) -> tuple[StudySample, StudySample]:
    """Play a market and return its half hours.

    Parameters
    ----------
    run : MarketRun
        Size and what is planted.

    Returns
    -------
    variance, momentum : StudySample
        With log variance, and with the lag-1 product as outcome. One row per symbol and half hour. The baseline knows
        the true instantaneous volatility, which is more than any implied one. Readings are the feedback `x` of each
        convention.
    """
    seen = _record(run)
    sessions, windows, symbols = seen.volatility.shape
    returns = np.diff(np.log(seen.spot), axis=1).reshape(sessions, windows, _WINDOW, symbols).transpose(0, 1, 3, 2)
    flat = returns.reshape(-1, _WINDOW)
    log_variance = np.log(realised_variance(flat)).reshape(sessions * windows, symbols)
    past = np.full((sessions * windows, symbols, 3), np.nan)
    for symbol in range(symbols):
        # A row starts where the half hour before it ended.
        past[1:, symbol] = har_regressors(log_variance[:, symbol], (1, 4, windows))[:-1]
    session = np.repeat(np.arange(sessions), windows * symbols)
    slot = np.tile(np.arange(windows * symbols), sessions)
    reading = 100.0 * run.impact_return_per_usd * seen.gamma.reshape(-1, 4)
    known = np.repeat(seen.known_ns.ravel(), symbols)
    sample = StudySample(
        session=session,
        known_ns=known,
        outcome_ns=known + _WINDOW * 60_000_000_000,
        block=session * symbols + slot % symbols,
        outcome=log_variance.ravel(),
        baseline=np.column_stack(
            [past.reshape(-1, 3), np.log(seen.volatility.ravel()), indicator_columns(slot // symbols)]
        ),
        baseline_names=("half_hour", "two_hours", "session", "volatility", *(f"slot_{k}" for k in range(1, windows))),
        field=np.column_stack([reading, lagged_reading(reading[:, 1], session, slot)]),
        field_names=FIELD_NAMES,
    )
    return sample, replace(sample, outcome=lag_one_product(flat))
