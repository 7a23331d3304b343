"""The customers: what each group likes to trade, how its trades arrive, and with what books it starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from adapters.simulated.groups import CustomerGroup
from adapters.simulated.tastes import Taste
from adapters.simulated.valuation import Valuation
from market.chains import FloatArray

__all__ = ["Fills", "Shelf", "draw_fills", "first_positions", "preferences"]

CLOSING_SHARE = 0.4
_ALL = tuple(CustomerGroup)
_ONLY_CALLS = frozenset({CustomerGroup.OVERWRITER, CustomerGroup.SPECULATOR})


SIDE = np.array([-1, 1, 1, 1, -1], dtype=np.int64)
"""Sign of each group's positions."""


class Shelf(Protocol):
    """What customers see of a board: its strikes, in order of symbols and series."""

    @property
    def series_of(self) -> NDArray[np.int64]:
        """Series of each strike, shape (n_strikes,)."""

    @property
    def symbol_of(self) -> NDArray[np.int64]:
        """Symbol of each strike, shape (n_strikes,)."""

    @property
    def strike_bounds(self) -> NDArray[np.int64]:
        """Where each symbol's strikes begin, shape (n_symbols + 1,)."""

    @property
    def roundness(self) -> FloatArray:
        """Attraction of round strikes, >= 1, shape (n_strikes,)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fills:
    """Customers' trades of one step, at most one line per group and contract.

    Parameters
    ----------
    group, contract : ndarray of int64, shape (n_fills,)
        Who and what.
    change : ndarray of int64, shape (n_fills,)
        Change of the customer's signed position; the dealers' is the opposite.
    size : ndarray of int64, shape (n_fills,)
        Contracts traded, opening and closing.
    print_contract, print_size : ndarray of int64, shape (n_trades,)
        Each single trade: what and how much; per contract they sum to `size` over the groups.
    print_is_buy : ndarray of bool, shape (n_trades,)
        Whether the customer bought.
    """

    group: NDArray[np.int64]
    contract: NDArray[np.int64]
    change: NDArray[np.int64]
    size: NDArray[np.int64]
    print_contract: NDArray[np.int64]
    print_size: NDArray[np.int64]
    print_is_buy: NDArray[np.bool_]


def preferences(board: Shelf, value: Valuation, rate: FloatArray, tastes: Sequence[Taste] | None = None) -> FloatArray:
    """Return how often each group trades each contract.

    Parameters
    ----------
    board : Shelf
        What is listed.
    value : Valuation
        Where the money stands.
    rate : ndarray, shape (5, n_symbols)
        Trades, or contracts, of each group and symbol in any unit of time.
    tastes : sequence of Taste, optional
        What the customers like; bells around the money and around a number of days where it is not given.

    Returns
    -------
    ndarray, shape (5, n_strikes, 2)
        In the same unit; calls first; sums over a symbol's contracts to `rate`, where anything is listed that its
        customers like.

    Notes
    -----
    Products of a bell in standardised moneyness, the attraction of round strikes, and a bell in the logarithm of days
    to expiry or, with tastes, a range of days.
    """
    weights = _bells(board, value) if tastes is None else _shares(tastes, board, value)
    totals = np.add.reduceat(weights.sum(axis=2), board.strike_bounds[:-1], axis=1)
    scale = np.divide(rate, totals, out=np.zeros_like(totals), where=totals > 0.0)
    weights *= scale[:, board.symbol_of, None]
    return weights


def _bells(board: Shelf, value: Valuation) -> FloatArray:
    z = value.standardised_moneyness
    days = 365.0 * value.tau
    weights = np.zeros((len(CustomerGroup), z.size, 2))
    round_strike = board.roundness
    log_days = np.log(days + 0.25)

    def tenor(centre_days: float, width: float) -> FloatArray:
        bell: FloatArray = np.exp(-0.5 * ((log_days - np.log(centre_days)) / width) ** 2)
        return bell[board.series_of] * round_strike

    def money(centre: float, width: float) -> FloatArray:
        bell: FloatArray = np.exp(-0.5 * ((z - centre) / width) ** 2)
        return bell

    weights[CustomerGroup.OVERWRITER, :, 0] = money(1.0, 0.6) * tenor(30.0, 0.8)
    weights[CustomerGroup.HEDGER, :, 1] = money(-1.3, 0.9) * tenor(60.0, 0.9)
    weights[CustomerGroup.SPECULATOR, :, 0] = money(0.4, 0.7) * tenor(1.5, 1.2)
    anything = (1.0 / (days + 2.0))[board.series_of] * round_strike
    weights[CustomerGroup.NOISE_BUYER, :, 0] = money(0.3, 1.1) * anything
    weights[CustomerGroup.NOISE_BUYER, :, 1] = money(-0.4, 1.3) * anything
    weights[CustomerGroup.NOISE_SELLER] = weights[CustomerGroup.NOISE_BUYER]
    return weights


def _shares(tastes: Sequence[Taste], board: Shelf, value: Valuation) -> FloatArray:
    shares: FloatArray = np.zeros((len(_ALL), board.series_of.size, 2))
    days = np.rint(365.0 * value.tau).astype(np.int64)[board.series_of]
    for taste in tastes:
        bell = _bell(taste, board, value, days)
        total = np.add.reduceat(bell, board.strike_bounds[:-1], axis=0)
        for group in taste.groups:
            sides = _sides(group)
            norm = (total * sides).sum(axis=1)
            scale = np.divide(taste.weight, norm, out=np.zeros_like(norm), where=norm > 0.0)
            shares[group] += bell * sides * scale[board.symbol_of, None]
    return shares


def _bell(taste: Taste, board: Shelf, value: Valuation, days: NDArray[np.int64]) -> FloatArray:
    inside = (days >= taste.first_day) & (days <= taste.last_day)
    z = value.standardised_moneyness
    sides = np.stack([z - taste.moneyness, z + taste.moneyness], axis=1) / taste.width
    bell: FloatArray = np.exp(-0.5 * sides**2) * (board.roundness * inside)[:, None]
    return bell


def _sides(group: CustomerGroup) -> FloatArray:
    if group in _ONLY_CALLS:
        return np.array([1.0, 0.0])
    return np.array([0.0, 1.0]) if group is CustomerGroup.HEDGER else np.array([1.0, 1.0])


def first_positions(weights: FloatArray, lot_mean: FloatArray, rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw the books with which the customers start.

    Parameters
    ----------
    weights : ndarray, shape (5, n_strikes, 2)
        Mean contracts, from `preferences`.
    lot_mean : ndarray, shape (n_strikes,)
        Mean contracts per trade: positions are sums of lots.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    ndarray of int64, shape (5, 2 n_strikes)
        Signed positions.
    """
    lots = lot_mean[None, :, None]
    trades = rng.poisson(weights / lots)
    size = np.rint(trades * lots).astype(np.int64)
    return SIDE[:, None] * size.reshape(len(CustomerGroup), -1)


def draw_fills(
    weights: FloatArray,
    *,
    positions: NDArray[np.int64],
    bid: FloatArray,
    lot_mean: FloatArray,
    rng: np.random.Generator,
) -> Fills:
    """Draw the trades of one step.

    Parameters
    ----------
    weights : ndarray, shape (5, n_strikes, 2)
        Mean trades in the step.
    positions : ndarray of int64, shape (5, 2 n_strikes)
        Customers' books before the step.
    bid : ndarray, shape (2 n_strikes,)
        Dealers' bids; nothing is sold where there is none.
    lot_mean : ndarray, shape (2 n_strikes,)
        Mean contracts per trade.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Fills
        Poisson arrivals, geometric sizes; two in five trades close, and none closes more than there is.
    """
    cumulated = np.cumsum(weights.ravel())
    count = int(rng.poisson(cumulated[-1]))
    key = np.searchsorted(cumulated, rng.random(count) * cumulated[-1], side="right")
    key = np.minimum(key, cumulated.size - 1)
    contract = key % positions.shape[1]
    size = rng.geometric(1.0 / lot_mean[contract])
    closing = rng.random(count) < CLOSING_SHARE
    sells = (SIDE[key // positions.shape[1]] < 0) != closing
    allowed = ~sells | (bid[contract] > 0.0)
    return _netted(key[allowed], size[allowed], closing[allowed], positions)


def _netted(
    key: NDArray[np.int64], size: NDArray[np.int64], closing: NDArray[np.bool_], positions: NDArray[np.int64]
) -> Fills:
    unique, line = np.unique(key, return_inverse=True)
    opened = np.bincount(line, weights=np.where(closing, 0, size), minlength=unique.size).astype(np.int64)
    closed = np.bincount(line, weights=np.where(closing, size, 0), minlength=unique.size).astype(np.int64)
    group, contract = np.divmod(unique, positions.shape[1])
    held = np.abs(positions[group, contract])
    closed = np.minimum(closed, held + opened)
    side = SIDE[group]
    fills = opened + closed > 0
    executed = np.where(closing, _within(closed, line, np.where(closing, size, 0)), size)
    printed = executed > 0
    return Fills(
        group=group[fills],
        contract=contract[fills],
        change=(side * (opened - closed))[fills],
        size=(opened + closed)[fills],
        print_contract=contract[line[printed]],
        print_size=executed[printed],
        print_is_buy=((side[line] > 0) != closing)[printed],
    )


def _within(limit: NDArray[np.int64], line: NDArray[np.int64], size: NDArray[np.int64]) -> NDArray[np.int64]:
    """Cut sizes, in order of arrival, so that those of a line sum to its limit at most."""
    order = np.argsort(line, kind="stable")
    total = np.cumsum(size[order]) - size[order]
    first = np.searchsorted(line[order], np.arange(limit.size))
    before = np.empty_like(size)
    before[order] = total - total[first][line[order]]
    cut: NDArray[np.int64] = np.clip(limit[line] - before, 0, size)
    return cut
