"""The tape of one step: what printed, in the underlying and in the options, and who was the aggressor."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from adapters.simulated.config import PrintMix
from market.chains import FloatArray
from market.trades import UNDERLYING, Int8Array, Int64Array, TradeFlag

__all__ = ["Prints", "Quotes", "Window", "arranged", "option_prints", "underlying_prints"]

_HALF_CENTS = 200.0
_MID_SHARE = 0.5  # of the prints inside the spread; the others are a quarter of the spread better than the quote


@dataclass(frozen=True, slots=True, kw_only=True)
class Prints:
    """Trades of all symbols; arrays of shape ``(n_prints,)``.

    Parameters
    ----------
    symbol : ndarray of int64
        Place of the symbol.
    contract : ndarray of int64
        Place on the board, `UNDERLYING` for the underlying.
    ts_ns : ndarray of int64
        Instant, ns since the epoch, UTC.
    price, size : ndarray
        USD per unit; contracts or units of the underlying.
    flags : ndarray of uint8
        `TradeFlag`.
    aggressor : ndarray of int8
        +1 where the buyer crossed the spread, -1 where the seller did: the truth, which no print shows.
    """

    symbol: Int64Array
    contract: Int64Array
    ts_ns: Int64Array
    price: FloatArray
    size: FloatArray
    flags: NDArray[np.uint8]
    aggressor: Int8Array

    @classmethod
    def none(cls) -> Prints:
        """Return the tape of a step without trades."""
        places, prices = np.zeros(0, dtype=np.int64), np.zeros(0)
        return cls(
            symbol=places,
            contract=places,
            ts_ns=places,
            price=prices,
            size=prices,
            flags=np.zeros(0, dtype=np.uint8),
            aggressor=np.zeros(0, dtype=np.int8),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotes:
    """Bid and ask of the traded instruments, each of shape ``(n_instruments,)``."""

    bid: FloatArray
    ask: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Instants strictly after `after_ns`, up to and including `until_ns`."""

    after_ns: int
    until_ns: int


def underlying_prints(
    flow: FloatArray, typical: FloatArray, quotes: Quotes, window: Window, mix: PrintMix, rng: np.random.Generator
) -> Prints:
    """Draw the trades in the underlyings that carry a known net flow.

    Parameters
    ----------
    flow : ndarray, shape (n_symbols,)
        Signed units of the underlying that aggressors buy, net.
    typical : ndarray, shape (n_symbols,)
        Mean size of a print without direction, units.
    quotes : Quotes
        Quotes of the underlyings that the trades meet.
    window : Window
        When.
    mix : PrintMix
        How many, and how many inside the spread.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Prints
        In no order. The signed sizes of a symbol sum to its flow, rounded to a unit.
    """
    count = rng.poisson(mix.underlying_per_step, flow.size)
    symbol = np.repeat(np.arange(flow.size), count)
    size = 1.0 + np.floor(rng.exponential(size=symbol.size) * typical[symbol])
    sign = 2.0 * rng.integers(0, 2, symbol.size) - 1.0
    rest = np.rint(flow - np.bincount(symbol, weights=sign * size, minlength=flow.size))
    extra = np.flatnonzero(rest)
    symbol = np.concatenate((symbol, extra))
    aggressor = np.concatenate((sign, np.sign(rest[extra]))).astype(np.int8)
    return Prints(
        symbol=symbol,
        contract=np.full(symbol.size, UNDERLYING, dtype=np.int64),
        ts_ns=_instants(window, symbol.size, rng),
        price=_prices(quotes.bid[symbol], quotes.ask[symbol], aggressor, mix, rng),
        size=np.concatenate((size, np.abs(rest[extra]))),
        flags=np.zeros(symbol.size, dtype=np.uint8),
        aggressor=aggressor,
    )


def option_prints(
    contract: Int64Array,
    size: Int64Array,
    is_buy: NDArray[np.bool_],
    *,
    symbol: Int64Array,
    quotes: Quotes,
    window: Window,
    mix: PrintMix,
    rng: np.random.Generator,
) -> Prints:
    """Print the customers' trades.

    Parameters
    ----------
    contract, size, is_buy : ndarray, shape (n_trades,)
        Place on the board, contracts, and whether the customer bought.
    symbol : ndarray of int64, shape (n_trades,)
        Place of the symbol.
    quotes : Quotes
        Quotes of all contracts of the board.
    window : Window
        When.
    mix : PrintMix
        Shares inside the spread and of complex orders.
    rng : numpy.random.Generator
        Source of chance.

    Returns
    -------
    Prints
        In no order; the customer is the aggressor.
    """
    aggressor = np.where(is_buy, 1, -1).astype(np.int8)
    complex_legs = rng.random(contract.size) < mix.complex_share
    return Prints(
        symbol=symbol,
        contract=contract,
        ts_ns=_instants(window, contract.size, rng),
        price=_prices(quotes.bid[contract], quotes.ask[contract], aggressor, mix, rng),
        size=size.astype(np.float64),
        flags=np.where(complex_legs, int(TradeFlag.COMPLEX), 0).astype(np.uint8),
        aggressor=aggressor,
    )


def arranged(*parts: Prints) -> Prints:
    """Return prints together, by symbol and instant; equal instants keep their order."""
    columns = {item.name: np.concatenate([getattr(part, item.name) for part in parts]) for item in fields(Prints)}
    order = np.lexsort((columns["ts_ns"], columns["symbol"]))
    return Prints(**{name: column[order] for name, column in columns.items()})


def _instants(window: Window, count: int, rng: np.random.Generator) -> Int64Array:
    return window.after_ns + 1 + rng.integers(0, window.until_ns - window.after_ns, count)


def _prices(
    bid: FloatArray, ask: FloatArray, aggressor: Int8Array, mix: PrintMix, rng: np.random.Generator
) -> FloatArray:
    chance = rng.random(bid.size)
    own = np.where(aggressor > 0, ask, bid)
    better = np.where(chance < _MID_SHARE * mix.inside_share, 0.5, 0.25) * (ask - bid)
    price = np.rint((own - aggressor * better) * _HALF_CENTS) / _HALF_CENTS  # a midpoint of cents is a half cent
    inside = (chance < mix.inside_share) & (bid > 0.0) & (price > bid) & (price < ask)
    return np.where(inside, price, own)
