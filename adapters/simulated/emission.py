"""From the market's flat arrays to one option chain per symbol: what a data vendor would see, and no more."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import NDArray

from adapters.simulated.listing import Board
from adapters.simulated.state import MarketState
from market.chains import FloatArray, OptionChain
from market.provenance import AsOfSource, Provenance

__all__ = ["SOURCE", "SPOT_HALF_SPREAD", "ChainWriter", "provenance_of"]

SOURCE = "simulated-market"
_CENT = 100.0
SPOT_HALF_SPREAD = 0.5e-4


def provenance_of(seed: int, scenario: str = "") -> Provenance:
    """Return the mark that everything simulated bears.

    Parameters
    ----------
    seed : int
        Seed of the market.
    scenario : str, optional
        Name of the scenario.

    Returns
    -------
    Provenance
        Simulated; the origin names scenario and seed.
    """
    origin = f"scenario {scenario}, seed {seed}" if scenario else f"seed {seed}"
    return Provenance(source=SOURCE, origin=origin, simulated=True, as_of_source=AsOfSource.STAMPED)


@final
class ChainWriter:
    """Writes the chains of one session's board.

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
        self._board, self._names, self._seed = board, names, seed
        self._missing = np.full(board.n_contracts, np.nan)
        self._missing.setflags(write=False)
        self._provenance = provenance_of(seed, scenario)

    def chains(self, state: MarketState, bid: FloatArray, ask: FloatArray) -> tuple[OptionChain, ...]:
        """Return one chain per symbol.

        Parameters
        ----------
        state : MarketState
            The market; its changing arrays are copied.
        bid, ask : ndarray, shape (n_contracts,)
            Quotes.

        Returns
        -------
        tuple of OptionChain
            Their arrays are read-only views of arrays that nobody changes.
        """
        fresh = {
            "bid": bid,
            "ask": ask,
            "last": state.last.copy(),
            "volume": state.volume.copy(),
            "open_interest": state.open_interest,
            "bid_size": np.where(bid > 0.0, state.bid_size, 0.0),
            "ask_size": state.ask_size,
        }
        instants = np.full(bid.size, state.quoted_ns, dtype=np.int64)
        for array in (*fresh.values(), instants):
            array.setflags(write=False)
        return tuple(self._chain(place, state, fresh, instants) for place in range(len(self._names)))

    def _chain(
        self, place: int, state: MarketState, fresh: dict[str, FloatArray], instants: NDArray[np.int64]
    ) -> OptionChain:
        board, span = self._board, self._board.contracts_of(place)
        series, spot = board.series[place], float(state.spot[place])
        missing = self._missing[span]
        return OptionChain(
            symbol=self._names[place],
            session=board.session.day,
            ts_event_ns=state.now_ns,
            cause_id=f"{SOURCE}/{self._seed}/{state.sequence}",
            provenance=self._provenance,
            series=series,
            series_index=board.series_index[span],
            strike=board.contract_strike[span],
            is_call=board.is_call[span],
            bid=fresh["bid"][span],
            ask=fresh["ask"][span],
            last=fresh["last"][span],
            open_interest=fresh["open_interest"][span],
            volume=fresh["volume"][span],
            bid_size=fresh["bid_size"][span],
            ask_size=fresh["ask_size"][span],
            vendor_iv=missing,
            vendor_delta=missing,
            vendor_gamma=missing,
            quote_ts_ns=instants[span],
            symbols=board.names[span],
            vendor_forward=np.full(len(series), np.nan),
            spot_last=round(spot * _CENT) / _CENT,
            spot_bid=float(np.floor(spot * (1.0 - SPOT_HALF_SPREAD) * _CENT)) / _CENT,
            spot_ask=float(np.ceil(spot * (1.0 + SPOT_HALF_SPREAD) * _CENT)) / _CENT,
            spot_ts_ns=state.quoted_ns,
            n_read=span.stop - span.start,
        )
