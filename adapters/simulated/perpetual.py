"""Perpetual futures that never close: an index, a premium over it, and funding that longs and shorts pay each other."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from adapters.simulated.dynamics import DynamicsTable, moved
from adapters.simulated.emission import SOURCE, provenance_of
from adapters.simulated.perpetual_config import PerpetualMarketConfig, SimulatedPerpetual
from market.bars import BarBatch
from market.chains import FloatArray
from market.funding import FundingBatch
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, QuoteBatch

__all__ = ["PerpetualState", "PerpetualTruth", "SimulatedPerpetuals", "funding_rate", "table_of"]

_YEAR_S = 365.0 * 86_400.0
_EIGHT_HOURS_S = 28_800.0
_TURNOVER_PER_S = 3e-6  # share of the open interest that changes hands


@dataclass(slots=True, kw_only=True)
class PerpetualState:
    """Everything that a step changes; arrays of shape ``(n_symbols,)`` but for `positions` and `cash_usd`.

    Parameters
    ----------
    sequence, since_ns, now_ns : int
        Steps so far; start and end of the latest, ns since the epoch, UTC.
    rng : numpy.random.Generator
        Source of chance.
    index, variance, premium : ndarray
        Price of the index, its variance per year, premium of the perpetual over it (fraction).
    premium_time, premium_sum : ndarray
        Seconds of the running interval, and the premium integrated over them.
    positions : ndarray of int64, shape (n_accounts, n_symbols)
        Signed contracts; each column sums to 0.
    cash_usd : ndarray, shape (n_accounts, n_symbols)
        Funding received less paid since the start.
    open_price, high, low : ndarray
        Of the perpetual over the latest step.
    volume : ndarray
        Coins traded in it.
    paid_rate : ndarray
        Rate paid at the end of it; NaN where none was.
    """

    sequence: int
    since_ns: int
    now_ns: int
    rng: np.random.Generator
    index: FloatArray
    variance: FloatArray
    premium: FloatArray
    premium_time: FloatArray
    premium_sum: FloatArray
    positions: NDArray[np.int64]
    cash_usd: FloatArray
    open_price: FloatArray
    high: FloatArray
    low: FloatArray
    volume: FloatArray
    paid_rate: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class PerpetualTruth:
    """What stands behind one perpetual.

    Parameters
    ----------
    index, mark : float
        Unrounded prices, USD.
    volatility : float
        Instantaneous, annualised over 365 days.
    position : ndarray of int64, shape (n_accounts,)
        Signed contracts; they sum to 0.
    funding_usd : ndarray, shape (n_accounts,)
        Received less paid since the start; they sum to 0.
    """

    index: float
    mark: float
    volatility: float
    position: NDArray[np.int64]
    funding_usd: FloatArray


def funding_rate(
    premium: FloatArray, interval_s: FloatArray, interest: FloatArray, clamp: FloatArray, cap: FloatArray
) -> FloatArray:
    """Return the rate that longs pay to shorts for one interval.

    Parameters
    ----------
    premium : ndarray, shape (n,)
        Mean premium over the interval, fraction.
    interval_s : ndarray, shape (n,)
        Its length, seconds.
    interest, clamp : ndarray, shape (n,)
        Fractions per eight hours.
    cap : ndarray, shape (n,)
        Largest rate, fraction per interval.

    Returns
    -------
    ndarray, shape (n,)
        ``(premium + clip(interest - premium, -clamp, clamp)) x interval / 8 h``, within the cap, as the large venues
        publish their rule: the interest rate where the premium is near it, the premium less the clamp beyond.
    """
    eight_hours = premium + np.clip(interest - premium, -clamp, clamp)
    rate: FloatArray = np.clip(eight_hours * interval_s / _EIGHT_HOURS_S, -cap, cap)
    return rate


@final
class SimulatedPerpetuals:
    """A market of perpetual futures, with mark, index, funding, quotes and bars.

    Parameters
    ----------
    config : PerpetualMarketConfig
        Symbols, seed and clock.
    """

    def __init__(self, config: PerpetualMarketConfig) -> None:
        self._config, symbols = config, config.symbols
        self.names = tuple(item.symbol for item in symbols)
        self._provenance = provenance_of(config.seed)
        self._table = table_of(config.symbols)
        self._interval_ns = np.array([round(item.funding_interval_s * 1e9) for item in symbols], dtype=np.int64)
        self._state = self._first_state()

    def checkpoint(self) -> PerpetualState:
        """Return a copy of the state, from which `restore` continues identically."""
        return _copied(self._state)

    def restore(self, state: PerpetualState) -> None:
        """Continue from a checkpoint, which stays usable."""
        self._state = _copied(state)

    @property
    def sequence(self) -> int:
        """Steps so far."""
        return self._state.sequence

    @property
    def now_ns(self) -> int:
        """Instant, ns since the epoch, UTC."""
        return self._state.now_ns

    def step(self) -> None:
        """Move index and premium, trade, and pay funding where an interval ends; a step never passes over a payment."""
        state = self._state
        to_payment = int(np.min(self._next_payment() - state.now_ns))
        step_ns = min(round(self._config.step_s * 1e9), to_payment)
        seconds = step_ns / 1e9
        before = self._mark()
        self._move(seconds)
        state.since_ns, state.now_ns = state.now_ns, state.now_ns + step_ns
        state.sequence += 1
        self._print(before, seconds)
        self._trade(seconds)
        self._pay()

    def quotes(self) -> tuple[QuoteBatch, ...]:
        """Return the best quote of every perpetual."""
        state, mark, half, tick = self._state, self._mark(), self._column("half_spread"), self._column("tick")
        bid, ask = np.floor(mark * (1.0 - half) / tick) * tick, np.ceil(mark * (1.0 + half) / tick) * tick
        return tuple(
            QuoteBatch(
                **self._head(place),
                contracts=ContractTable.empty(),
                contract=np.array([UNDERLYING], dtype=np.int32),
                ts_ns=np.array([state.now_ns]),
                bid=bid[place : place + 1],
                ask=np.maximum(ask, bid + tick)[place : place + 1],
                bid_size=np.full(1, np.nan),
                ask_size=np.full(1, np.nan),
                venue=np.array([CONSOLIDATED], dtype=np.int16),
            )
            for place in range(len(self.names))
        )

    def funding(self) -> tuple[FundingBatch, ...]:
        """Return each perpetual's forecast of its next rate, and before it the rate paid now, where one was."""
        state, mark = self._state, self._mark()
        forecast, due = self._rate(), self._next_payment()
        batches = []
        for place in range(len(self.names)):
            paid = not np.isnan(state.paid_rate[place])
            n = 2 if paid else 1
            batches.append(
                FundingBatch(
                    **self._head(place),
                    ts_ns=np.full(n, state.now_ns),
                    funding_ns=np.array([state.now_ns, due[place]])[-n:],
                    interval_ns=np.full(n, self._interval_ns[place]),
                    rate=np.array([state.paid_rate[place], forecast[place]])[-n:],
                    is_settled=np.array([True, False])[-n:],
                    mark=np.full(n, mark[place]),
                    index=np.full(n, state.index[place]),
                    venue=np.full(n, CONSOLIDATED, dtype=np.int16),
                )
            )
        return tuple(batches)

    def bars(self) -> tuple[BarBatch, ...]:
        """Return the bar of every perpetual over the latest step; nothing before the first."""
        state, mark = self._state, self._mark()
        if state.sequence == 0:
            return ()
        return tuple(
            BarBatch(
                **self._head(place),
                contracts=ContractTable.empty(),
                contract=np.array([UNDERLYING], dtype=np.int32),
                start_ns=np.array([state.since_ns]),
                end_ns=np.array([state.now_ns]),
                open=state.open_price[place : place + 1].copy(),
                high=state.high[place : place + 1].copy(),
                low=state.low[place : place + 1].copy(),
                close=mark[place : place + 1],
                volume=state.volume[place : place + 1].copy(),
                vwap=np.full(1, np.nan),
                n_trades=np.full(1, np.nan),
            )
            for place in range(len(self.names))
        )

    def truth(self, symbol: str) -> PerpetualTruth:
        """Return what stands behind one of `names`."""
        state, place = self._state, self.names.index(symbol)
        return PerpetualTruth(
            index=float(state.index[place]),
            mark=float(self._mark()[place]),
            volatility=float(np.sqrt(state.variance[place])),
            position=state.positions[:, place].copy(),
            funding_usd=state.cash_usd[:, place].copy(),
        )

    def _first_state(self) -> PerpetualState:
        spot, n = self._column("spot"), len(self.names)
        rng = np.random.default_rng(np.random.SeedSequence(self._config.seed))
        premium = self._column("basis_level") + self._column("basis_deviation") * rng.standard_normal(n)
        mark = spot * (1.0 + premium)
        accounts = self._config.accounts
        each = np.rint(2.0 * self._column("open_interest") / accounts).astype(np.int64)
        positions = np.outer(np.resize([1, -1], accounts), each)
        positions[-1] -= positions.sum(axis=0)
        return PerpetualState(
            sequence=0,
            since_ns=self._config.start_ns,
            now_ns=self._config.start_ns,
            rng=rng,
            index=spot,
            variance=self._table.long_run.copy(),
            premium=premium,
            premium_time=np.zeros(n),
            premium_sum=np.zeros(n),
            positions=positions,
            cash_usd=np.zeros((accounts, n)),
            open_price=mark,
            high=mark,
            low=mark,
            volume=np.zeros(n),
            paid_rate=np.full(n, np.nan),
        )

    def _move(self, seconds: float) -> None:
        state, years = self._state, seconds / _YEAR_S
        draws = state.rng.standard_normal((3, len(self.names)))
        move = moved(self._table, state.variance, years, price_chance=draws[0], variance_chance=draws[1], rng=state.rng)
        stays = np.exp2(-seconds / self._column("basis_half_life_s"))
        level = self._column("basis_level")
        noise = self._column("basis_deviation") * np.sqrt(1.0 - stays**2) * draws[2]
        state.premium = level + stays * (state.premium - level) + noise + self._column("basis_response") * move.news
        state.premium_sum = state.premium_sum + state.premium * seconds
        state.premium_time = state.premium_time + seconds
        state.index, state.variance = state.index * np.exp(move.news), move.variance

    def _print(self, before: FloatArray, seconds: float) -> None:
        # The extremes of a bridge between the step's ends, which are known in law: no path within the step is needed.
        state, after = self._state, self._mark()
        change, variance = np.log(after / before), state.variance * seconds / _YEAR_S
        log_chance = -2.0 * variance * np.log(state.rng.random((2, change.size)))
        high = 0.5 * (change + np.sqrt(change**2 + log_chance[0]))
        low = 0.5 * (change - np.sqrt(change**2 + log_chance[1]))
        state.open_price, state.high, state.low = before, before * np.exp(high), before * np.exp(low)

    def _trade(self, seconds: float) -> None:
        """Let pairs of accounts trade with each other: what one buys the other sells."""
        state, accounts = self._state, self._config.accounts
        mean = self._column("open_interest") * _TURNOVER_PER_S * seconds
        size = state.rng.poisson(mean)
        for place in range(size.size):
            buyer, seller = state.rng.choice(accounts, 2, replace=False)
            state.positions[buyer, place] += size[place]
            state.positions[seller, place] -= size[place]
        state.volume = size * self._column("contract_size")

    def _pay(self) -> None:
        state = self._state
        due = state.now_ns % self._interval_ns == 0
        state.paid_rate = np.where(due, self._rate(), np.nan)
        if due.any():
            notional = state.positions * self._column("contract_size") * self._mark()
            state.cash_usd = state.cash_usd - np.where(due, state.paid_rate, 0.0) * notional
            state.premium_sum = np.where(due, 0.0, state.premium_sum)
            state.premium_time = np.where(due, 0.0, state.premium_time)

    def _rate(self) -> FloatArray:
        state = self._state
        started = state.premium_time > 0.0
        mean = np.where(started, state.premium_sum / np.where(started, state.premium_time, 1.0), state.premium)
        return funding_rate(
            mean, self._interval_ns / 1e9, self._column("interest_rate"), self._column("clamp"), self._column("cap")
        )

    def _next_payment(self) -> NDArray[np.int64]:
        due: NDArray[np.int64] = (self._state.now_ns // self._interval_ns + 1) * self._interval_ns
        return due

    def _mark(self) -> FloatArray:
        mark: FloatArray = self._state.index * (1.0 + self._state.premium)
        return mark

    def _column(self, name: str) -> FloatArray:
        return np.array([getattr(item, name) for item in self._config.symbols], dtype=np.float64)

    def _head(self, place: int) -> dict[str, Any]:
        return {
            "symbol": self.names[place],
            "ts_event_ns": self._state.now_ns,
            "cause_id": f"{SOURCE}/perpetuals/{self._config.seed}/{self._state.sequence}",
            "provenance": self._provenance,
        }


def table_of(symbols: Sequence[SimulatedPerpetual]) -> DynamicsTable:
    """Return the dynamics of the indices of some perpetuals, in their order; years have 365 days."""
    places = np.arange(len(symbols), dtype=np.int64)

    def column(name: str) -> FloatArray:
        return np.array([getattr(item.dynamics, name) for item in symbols], dtype=np.float64)

    return DynamicsTable(
        places=places,
        rows=places,
        long_run=np.array([item.volatility**2 for item in symbols]),
        reversion=column("reversion"),
        vol_of_variance=column("vol_of_variance"),
        correlation=column("correlation"),
        intensity=column("jumps_per_year"),
        jump_mean=column("jump_mean"),
        jump_deviation=column("jump_deviation"),
        variance_jump=column("variance_jump"),
    )


def _copied(state: PerpetualState) -> PerpetualState:
    return replace(
        state, rng=copy.deepcopy(state.rng), positions=state.positions.copy(), cash_usd=state.cash_usd.copy()
    )
