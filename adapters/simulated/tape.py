"""From the market's flat tape to the trades and quotes of each symbol, as a vendor would send them."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, final

import numpy as np

from adapters.simulated.emission import SOURCE, SPOT_HALF_SPREAD, provenance_of
from adapters.simulated.listing import Board
from adapters.simulated.prints import Prints, Quotes
from adapters.simulated.state import MarketState
from market.chains import FloatArray
from market.trades import CONSOLIDATED, UNDERLYING, ContractTable, Int64Array, QuoteBatch, TradeBatch

__all__ = ["TapeWriter", "print_span", "spot_quotes"]

_CENT = 100.0
_NO_OPTIONS = ContractTable.empty()


def spot_quotes(spot: FloatArray) -> Quotes:
    """Return the quotes of the underlyings: half a basis point to each side, rounded outwards to the cent.

    Parameters
    ----------
    spot : ndarray, shape (n_symbols,)
        True prices, USD.

    Returns
    -------
    Quotes
        Bid and ask, shape (n_symbols,).
    """
    return Quotes(
        bid=np.floor(spot * (1.0 - SPOT_HALF_SPREAD) * _CENT) / _CENT,
        ask=np.ceil(spot * (1.0 + SPOT_HALF_SPREAD) * _CENT) / _CENT,
    )


def print_span(prints: Prints, place: int) -> slice:
    """Return where the prints of the symbol at a place stand in an arranged tape."""
    first, last = np.searchsorted(prints.symbol, [place, place + 1])
    return slice(int(first), int(last))


@final
class TapeWriter:
    """Writes the trades and quotes of one session's board.

    Parameters
    ----------
    board : Board
        What is listed.
    names : tuple of str
        Symbols.
    seed : int
        Seed of the market, for the origin.
    scenario : str
        Name of the scenario, for the origin; empty where there is none.
    """

    def __init__(self, board: Board, names: tuple[str, ...], *, seed: int, scenario: str = "") -> None:
        self._names, self._seed = names, seed
        self._starts = 2 * board.strike_bounds
        self._provenance = provenance_of(seed, scenario)
        self._tables = tuple(_table(board, place) for place in range(len(names)))

    def trades(self, state: MarketState) -> tuple[TradeBatch, ...]:
        """Return the step's trades of each symbol that traded; the aggressor is not told.

        Parameters
        ----------
        state : MarketState
            The market after the step.

        Returns
        -------
        tuple of TradeBatch
            In time order within a symbol; trade ids rise over the whole run.
        """
        prints = state.prints
        n = prints.symbol.size
        start = np.where(prints.contract < 0, 0, self._starts[prints.symbol])
        columns = {
            "contract": (prints.contract - start).astype(np.int32),
            "ts_ns": prints.ts_ns,
            "trade_id": state.n_trades - n + np.arange(n, dtype=np.int64),
            "price": prints.price,
            "size": prints.size,
            "flags": prints.flags,
            "venue": np.full(n, CONSOLIDATED, dtype=np.int16),
            "aggressor": np.zeros(n, dtype=np.int8),
        }
        bounds = np.searchsorted(prints.symbol, np.arange(len(self._names) + 1))
        parts = self._parts(state, columns, bounds)
        for part in parts:
            if (part["contract"] == UNDERLYING).all():
                part["contracts"] = _NO_OPTIONS  # most steps of a small stock: nothing to send along
        return tuple(TradeBatch(**part) for part in parts)

    def quotes(self, state: MarketState, bid: FloatArray, ask: FloatArray) -> tuple[QuoteBatch, ...]:
        """Return the quote of each underlying and of those options whose quote changed in the step.

        Parameters
        ----------
        state : MarketState
            The market after the step.
        bid, ask : ndarray, shape (n_contracts,)
            The dealers' quotes.

        Returns
        -------
        tuple of QuoteBatch
            One per symbol, the underlying first.
        """
        changed, n_symbols = state.requoted, len(self._names)
        symbol = np.searchsorted(self._starts, changed, side="right") - 1
        options = np.arange(changed.size) + symbol + 1
        bounds = np.arange(n_symbols + 1) + np.searchsorted(symbol, np.arange(n_symbols + 1))
        spot = spot_quotes(state.spot)

        def merged(of_underlying: FloatArray, of_options: FloatArray) -> FloatArray:
            column = np.empty(n_symbols + changed.size)
            column[bounds[:-1]], column[options] = of_underlying, of_options
            return column

        contract = np.full(n_symbols + changed.size, UNDERLYING, dtype=np.int32)
        contract[options] = changed - self._starts[symbol]
        columns = {
            "contract": contract,
            "ts_ns": np.full(contract.size, state.quoted_ns, dtype=np.int64),
            "bid": merged(spot.bid, bid[changed]),
            "ask": merged(spot.ask, ask[changed]),
            "bid_size": merged(state.spot_sizes[0], np.where(bid[changed] > 0.0, state.bid_size[changed], 0.0)),
            "ask_size": merged(state.spot_sizes[1], state.ask_size[changed]),
            "venue": np.full(contract.size, CONSOLIDATED, dtype=np.int16),
        }
        return tuple(QuoteBatch(**part) for part in self._parts(state, columns, bounds))

    def _parts(self, state: MarketState, columns: dict[str, Any], bounds: Int64Array) -> list[dict[str, Any]]:
        for column in columns.values():
            column.setflags(write=False)
        cause, edges = f"{SOURCE}/{self._seed}/{state.sequence}", bounds.tolist()
        return [
            {
                "symbol": self._names[place],
                "ts_event_ns": state.now_ns,
                "cause_id": cause,
                "provenance": self._provenance,
                "contracts": self._tables[place],
                **{name: column[first:last] for name, column in columns.items()},
            }
            for place, (first, last) in enumerate(pairwise(edges))
            if first < last
        ]


def _table(board: Board, place: int) -> ContractTable:
    span = board.contracts_of(place)
    return ContractTable(
        series=board.series[place],
        series_index=board.series_index[span],
        strike=board.contract_strike[span],
        is_call=board.is_call[span],
    )
