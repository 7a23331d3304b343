"""The ticks of a replay: read forward, again from the start where the feed goes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from adapters.replay.running import RunningChain
from adapters.ticks import Minute, TickSource
from market.chains import OptionChain
from market.errors import DataError
from market.trades import QuoteBatch, TradeBatch

__all__ = ["Played", "TickPlayer"]

_MINUTE_NS = 60_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What the ticks tell at one instant: the parts of a `market.ports.MarketBatch`."""

    chains: tuple[OptionChain, ...] = ()
    quotes: tuple[QuoteBatch, ...] = ()
    trades: tuple[TradeBatch, ...] = ()


@final
class TickPlayer:
    """Plays a source of ticks minute by minute.

    Parameters
    ----------
    source : TickSource
        The files.
    recorded : set of str
        Symbols whose chains come from a file.
    chain_every : int
        Minutes between built chains of the other symbols; 0 for none.
    """

    def __init__(self, source: TickSource, *, recorded: set[str], chain_every: int) -> None:
        self._source, self._chain_every = source, chain_every
        self._built = set(source.symbols) - recorded if chain_every else set()
        self._played_ns = 0
        self._ahead: Minute | None = None
        self._restart()

    @property
    def symbols(self) -> tuple[str, ...]:
        """Underlyings whose chains are built: those with option quotes; no other can ever have a chain from here."""
        return tuple(sorted(self._built & self._source.option_symbols)) if self._built else ()

    def play(self, ts_event_ns: int) -> Played:
        """Return the minute that ends at an instant.

        Parameters
        ----------
        ts_event_ns : int
            One of the source's instants.

        Returns
        -------
        Played
            Quotes, trades and built chains. A step back, or over a minute, reads what lies before again.
        """
        if ts_event_ns <= self._played_ns:
            self._restart()
        while self._ahead is not None and self._ahead.ts_event_ns < ts_event_ns:
            self._take()
        found = []
        while self._ahead is not None and self._ahead.ts_event_ns == ts_event_ns:
            found.append(self._take())
        if not found:
            raise DataError("the ticks changed while they were played", found=f"nothing at {ts_event_ns} ns")
        self._played_ns = ts_event_ns
        chains = [self._chains[m.symbol].chain(m) for m in found if m.symbol in self._built and self._due(ts_event_ns)]
        return Played(
            chains=tuple(chain for chain in chains if chain is not None),
            quotes=tuple(m.quotes for m in found if m.quotes.n_quotes),
            trades=tuple(m.trades for m in found if m.trades.n_trades),
        )

    def _due(self, ts_event_ns: int) -> bool:
        return ts_event_ns // _MINUTE_NS % self._chain_every == 0

    def _restart(self) -> None:
        self._minutes: Iterator[Minute] = self._source.minutes()
        self._chains = {symbol: RunningChain(symbol, self._source.interest) for symbol in sorted(self._built)}
        self._played_ns = 0
        self._ahead = next(self._minutes, None)

    def _take(self) -> Minute:
        minute = self._ahead
        if minute is None:
            raise DataError("the ticks have ended")
        if minute.symbol in self._built:
            self._chains[minute.symbol].apply(minute)
        self._ahead = next(self._minutes, None)
        return minute
