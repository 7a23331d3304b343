"""Chains of one underlying as an account meets them: with modelled quotes where the source has none."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite, nan
from typing import Final, final

import numpy as np

from backtest.desk import Desk
from backtest.feeds import PrintQuotes
from backtest.fills.spreads import SpreadModel
from backtest.history import ChainSequence
from backtest.tape import Phase, TapeStream
from market.chains import OptionChain
from market.tradables import option_ticks
from strategies.chain_lookup import ChainLookup
from strategies.market_state import MarketState
from strategies.views import ChainView

__all__ = ["ChainFeed", "ViewMemory", "with_spread"]

_NOBODY: Final[frozenset[str]] = frozenset()
# Sums of floats are cleaned to this many digits, so that 10.4 + 0.05 is on the tick.
_DIGITS: Final = 9
_DUST: Final = 1e-6  # of a tick: what floats leave of a price that stands on one
_VALUED: Final = 1.5  # what is valued of a chain takes about half of its columns again


@final
class ViewMemory:
    """Chains that several runs over one history meet: decoded, quoted and valued once.

    Parameters
    ----------
    most_bytes : int, optional
        What may be kept, bytes; beyond it chains are made anew by each run. The first that come stay, because runs go
        through the same days again and again: with the oldest thrown out, none would be there when it is wanted.

    Notes
    -----
    What is valued of a chain follows from the chain alone, so a run with a memory is that without one, bit by bit.
    """

    def __init__(self, most_bytes: int = 96 << 20) -> None:
        self._left = most_bytes
        self._lookups: dict[tuple[str, SpreadModel | None], ChainLookup] = {}
        self._views: dict[tuple[str, SpreadModel | None], dict[int, ChainView]] = {}

    def view(self, chains: ChainSequence, row: int, spread: SpreadModel | None) -> ChainView:
        """Return a chain as strategies see it.

        Parameters
        ----------
        chains : ChainSequence
            Of the one history that this memory belongs to.
        row : int
            Its place.
        spread : SpreadModel or None
            Half spread around mids; None takes the chain as it is quoted.

        Returns
        -------
        ChainView
            Of all runs that ask for it, one object while there is room.
        """
        key = chains.symbol, spread
        known = self._views.setdefault(key, {})
        found = known.get(row)
        if found is None:
            chain = chains.chain(row)
            chain = chain if spread is None else with_spread(chain, spread)
            found = self._lookups.setdefault(key, ChainLookup()).view(chain, is_modelled=spread is not None)
            size = int(_VALUED * _bytes_of(chain))
            if size <= self._left:
                self._left -= size
                known[row] = found
        return found


def _bytes_of(chain: OptionChain) -> int:
    return sum(column.nbytes for name in chain.__slots__ if isinstance(column := getattr(chain, name), np.ndarray))


@final
class ChainFeed:
    """Chains of one underlying, read one at a time.

    Parameters
    ----------
    chains : ChainSequence
        In order of availability.
    market : MarketState
        Learns them.
    desk : Desk
        Fills and marks.
    mid_spread : SpreadModel or None
        Half spread around mids; None takes chains as they are quoted.
    prints : PrintQuotes or None
        Makes quotes of the printed underlying, so that delivered shares are worth something and can be sold; None
        where the underlying has bars or quotes of its own.
    calls : frozenset of str
        Strategies asked at each chain.
    views : ViewMemory or None
        What runs over the same chains have read of them already.
    """

    def __init__(
        self,
        chains: ChainSequence,
        market: MarketState,
        desk: Desk,
        mid_spread: SpreadModel | None,
        prints: PrintQuotes | None = None,
        calls: frozenset[str] = _NOBODY,
        views: ViewMemory | None = None,
    ) -> None:
        self.calls = calls
        self.stream = TapeStream(phase=Phase.CHAIN, name=chains.symbol, instants=chains.available_ns)
        self.symbol = chains.symbol
        """Underlying."""
        self.newest = -1
        """Place of the newest chain that the market has learned; -1 before the first."""
        self._chains, self._market, self._desk = chains, market, desk
        self._mid_spread, self._prints, self._views = mid_spread, prints, views

    def chain(self, row: int) -> OptionChain:
        """Return a chain as the market learns it."""
        if self._views is not None:
            return self._views.view(self._chains, row, self._mid_spread).chain
        chain = self._chains.chain(row)
        return chain if self._mid_spread is None else with_spread(chain, self._mid_spread)

    def take(self, row: int, now_ns: int) -> None:
        """Let a chain become known."""
        desk, self.newest = self._desk, row
        view = self._learned(row)
        chain = view.chain
        if desk.expiries.awaits_open and chain.spot_last > 0.0:
            desk.expiries.on_print(chain.symbol, chain.spot_last, chain.spot_ts_ns)
        if self._prints is not None and chain.spot_last > 0.0:
            self._print(chain, now_ns, self._prints)
        if f"chain {chain.symbol}" in desk.exchange.waiting:
            desk.take_reports(desk.exchange.on_chain(view, now_ns))
        if desk.marker.options_of(chain.symbol):
            desk.mark_chain(view, now_ns)

    def _learned(self, row: int) -> ChainView:
        if self._views is not None:
            return self._market.on_view(self._views.view(self._chains, row, self._mid_spread))
        return self._market.on_chain(self.chain(row), is_modelled=self._mid_spread is not None)

    def standing(self, n_rows: int) -> Sequence[int]:
        """Return the newest chain, and those before it back to one whose price of the underlying is newer than theirs.

        A price that was printed after the chain before was known stands above all prices that came with earlier ones.
        """
        instants = self.stream.instants
        for row in range(n_rows - 1, 0, -1):
            chain = self.chain(row)
            if isfinite(chain.spot_last) and chain.spot_ts_ns >= int(instants[row - 1]):
                return range(row, n_rows)
        return range(n_rows)

    def _print(self, chain: OptionChain, now_ns: int, prints: PrintQuotes) -> None:
        desk, symbol, price = self._desk, chain.symbol, chain.spot_last
        if symbol in desk.exchange.waiting:
            quote = prints.of(symbol, price, nan, chain.spot_ts_ns)
            desk.take_reports(desk.exchange.on_quote(symbol, quote, now_ns))
        if symbol in desk.marker.held:
            desk.mark_last(symbol, price, now_ns)


def with_spread(chain: OptionChain, spread: SpreadModel) -> OptionChain:
    """Return a chain of mids with modelled bids and asks around them.

    Parameters
    ----------
    chain : OptionChain
        Its mids are those of bid and ask where both stand, else the last price.
    spread : SpreadModel
        Half spread around a mid.

    Returns
    -------
    OptionChain
        Bids at least 0; NaN where there is no mid. Where the model has a spread, both sides stand on the tick, away
        from the mid, as a venue would show them.
    """
    quoted = (chain.bid > 0.0) & (chain.ask >= chain.bid)
    mid = np.where(quoted, 0.5 * (chain.bid + chain.ask), chain.last)
    left_ns = (chain.expiry_ns - chain.ts_event_ns)[chain.series_index].astype(np.float64)
    half = spread.half_spread(mid, np.full(mid.shape, np.nan), left_ns)
    bid, ask = np.maximum(mid - half, 0.0), mid + half
    low, high = option_ticks(chain, bid), option_ticks(chain, ask)
    bid = np.where(half > 0.0, np.floor(bid / low + _DUST) * low, bid)
    ask = np.where(half > 0.0, np.ceil(ask / high - _DUST) * high, ask)
    return chain.updated({"bid": bid.round(_DIGITS), "ask": ask.round(_DIGITS)})
