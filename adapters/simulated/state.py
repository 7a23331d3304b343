"""What changes while the simulated market runs, and how a night carries it to the next session."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from adapters.simulated.config import SimulatedSymbol
from adapters.simulated.listing import Board, Listed
from adapters.simulated.prints import Prints
from adapters.simulated.truth import Settlement
from market.chains import FloatArray

__all__ = ["MarketState", "RandomStreams", "carry_over", "open_interest_of", "parameter", "settle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RandomStreams:
    """One generator per cause, so that a change of one agent leaves the others' chance alone.

    Parameters
    ----------
    value, noise, volatility, trades, sizes, prints : numpy.random.Generator
        Innovations of the hidden value, of noise flow and of volatility; customers' trades; quoted sizes; how the
        trades print.
    jumps : numpy.random.Generator
        Jumps and innovations of symbols with their own dynamics, and of a scenario's variance.
    """

    value: np.random.Generator
    noise: np.random.Generator
    volatility: np.random.Generator
    trades: np.random.Generator
    sizes: np.random.Generator
    prints: np.random.Generator
    jumps: np.random.Generator

    @staticmethod
    def of_seed(seed: int) -> RandomStreams:
        """Return independent generators of one seed."""
        parts = [np.random.default_rng(item) for item in np.random.SeedSequence(seed).spawn(7)]
        names = ("value", "noise", "volatility", "trades", "sizes", "prints", "jumps")
        return RandomStreams(**dict(zip(names, parts, strict=True)))


@dataclass(slots=True, kw_only=True)
class MarketState:
    """Everything that a step changes; arrays are replaced or changed in place by `SimulatedMarket` only.

    Parameters
    ----------
    sequence : int
        Batches emitted before this one.
    now_ns : int
        Instant, ns since the epoch, UTC.
    board : Board
        What is listed; shared between copies.
    streams : RandomStreams
        Sources of chance.
    spot, value, volatility, shares : ndarray, shape (n_symbols,)
        Price, hidden value, instantaneous volatility and the dealers' hedge in units of the underlying.
    customers : ndarray of int64, shape (5, n_contracts)
        Signed books of the groups.
    dealers : ndarray of int64, shape (n_contracts,)
        Signed book of the dealers.
    open_interest, volume, last, bid_size, ask_size : ndarray, shape (n_contracts,)
        Published open interest, the session's volume, last trade price (0 before the first) and quoted sizes.
    settlements : tuple of Settlement
        What settled at the latest close.
    quoted_ns : int
        Instant from which the current quotes stand, ns since the epoch, UTC.
    prints : Prints
        What traded in the latest step.
    n_trades : int
        Trades that printed so far.
    requoted : ndarray of int64
        Rising places of the contracts whose quote changed in the latest step.
    spot_sizes : ndarray, shape (2, n_symbols)
        Units bid and offered in the underlyings.
    """

    sequence: int
    now_ns: int
    board: Board
    streams: RandomStreams
    spot: FloatArray
    value: FloatArray
    volatility: FloatArray
    shares: FloatArray
    customers: NDArray[np.int64]
    dealers: NDArray[np.int64]
    open_interest: FloatArray
    volume: FloatArray
    last: FloatArray
    bid_size: FloatArray
    ask_size: FloatArray
    settlements: tuple[Settlement, ...]
    quoted_ns: int
    prints: Prints
    n_trades: int
    requoted: NDArray[np.int64]
    spot_sizes: FloatArray

    def copied(self) -> MarketState:
        """Return a copy that later steps leave alone."""
        return replace(
            self,
            streams=copy.deepcopy(self.streams),
            spot=self.spot.copy(),
            value=self.value.copy(),
            volatility=self.volatility.copy(),
            shares=self.shares.copy(),
            customers=self.customers.copy(),
            dealers=self.dealers.copy(),
            volume=self.volume.copy(),
            last=self.last.copy(),
        )


def parameter(symbols: tuple[SimulatedSymbol, ...], name: str) -> FloatArray:
    """Return one setting of all symbols, shape (n_symbols,)."""
    return np.array([getattr(item, name) for item in symbols], dtype=np.float64)


def open_interest_of(customers: NDArray[np.int64], dealers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return open interest: all long positions of the groups and the dealers.

    Parameters
    ----------
    customers : ndarray of int64, shape (5, n_contracts)
        Signed books of the groups.
    dealers : ndarray of int64, shape (n_contracts,)
        Signed book of the dealers.

    Returns
    -------
    ndarray of int64, shape (n_contracts,)
        At least ``|dealers|``: what the dealers do not hold of one side stands between customers.
    """
    total: NDArray[np.int64] = np.maximum(customers, 0).sum(axis=0) + np.maximum(dealers, 0)
    return total


def settle(state: MarketState, multiplier: FloatArray, names: tuple[str, ...]) -> tuple[Settlement, ...]:
    """Return what the expirations of the session pay at the state's prices.

    Parameters
    ----------
    state : MarketState
        The market at the close.
    multiplier : ndarray, shape (n_symbols,)
        Units of the underlying per contract.
    names : tuple of str
        Symbols.

    Returns
    -------
    tuple of Settlement
        One per expiring series.
    """
    board = state.board
    interest = open_interest_of(state.customers, state.dealers)
    settlements = []
    for series in np.flatnonzero(board.sessions_left == 0).tolist():
        place = int(board.symbol_of_series[series])
        strikes = np.flatnonzero(board.series_of == series)
        contracts = slice(2 * int(strikes[0]), 2 * int(strikes[-1]) + 2)
        sign = np.where(board.is_call[contracts], 1.0, -1.0)
        payoff = np.maximum(sign * (state.spot[place] - board.contract_strike[contracts]), 0.0)
        terms = board.series[place][series - int(board.series_bounds[place])]
        settlements.append(
            Settlement(
                symbol=names[place],
                expiration=terms.expiration,
                price=float(state.spot[place]),
                contracts=int(interest[contracts].sum()),
                dealer_payoff_usd=float(multiplier[place] * (state.dealers[contracts] * payoff).sum()),
            )
        )
    return tuple(settlements)


def listed_strikes(state: MarketState) -> Listed:
    """Return the strikes that must stay: those of surviving series in which somebody holds something."""
    board = state.board
    held = open_interest_of(state.customers, state.dealers).reshape(-1, 2).any(axis=1)
    stays = held & (board.sessions_left[board.series_of] > 0)
    ends = np.searchsorted(board.series_of, np.arange(board.sessions_left.size + 1))
    kept: Listed = {}
    for series in np.flatnonzero(board.sessions_left > 0).tolist():
        place = int(board.symbol_of_series[series])
        day = board.series[place][series - int(board.series_bounds[place])].expiration
        span = slice(int(ends[series]), int(ends[series + 1]))
        kept[place, day] = board.strike[span][stays[span]]
    return kept


def carry_over(old: Board, new: Board) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which contracts of a board live on in the next one.

    Parameters
    ----------
    old, new : Board
        Boards of two successive sessions of the same symbols.

    Returns
    -------
    source, target : ndarray of int64, shape (n_common,)
        Places in the old and in the new board.
    """
    old_keys, new_keys = _keys(old), _keys(new)
    found = np.minimum(np.searchsorted(new_keys, old_keys), new_keys.size - 1)
    common = np.flatnonzero(new_keys[found] == old_keys)
    both = np.array([0, 1])
    source = (2 * common[:, None] + both).ravel()
    target = (2 * found[common][:, None] + both).ravel()
    return source, target


def _keys(board: Board) -> NDArray[np.int64]:
    # Symbol, expiry hour and strike in thousandths in one rising integer: 13 + 20 + 30 bits.
    hours = board.expiry_ns // 3_600_000_000_000
    thousandths = np.rint(board.strike * 1_000.0).astype(np.int64)
    return (board.symbol_of.astype(np.int64) << 50) | (hours[board.series_of] << 30) | thousandths
