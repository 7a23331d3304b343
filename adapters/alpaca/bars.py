"""Minute bars of shares for the context: each once and in order, also over a gap of the stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, final

import numpy as np

from adapters.alpaca.rows import contract_table, origin, stamp_ns
from market.bars import BarBatch

__all__ = ["BarIntake", "bar_batch"]

_MINUTE_NS: Final = 60_000_000_000
_BAR_KEYS: Final = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "vwap": "vw", "n_trades": "n"}
"""The venue's letters of a bar's numbers."""

_PLACES: Final = ("contract", "start_ns", "end_ns")


def bar_batch(
    symbol: str, found: Mapping[str, Sequence[Mapping[str, Any]]], length_ns: int, now_ns: int, *, simulated: bool
) -> BarBatch:
    """Return bars of an underlying or of its contracts.

    Parameters
    ----------
    symbol : str
        Underlying.
    found : mapping of str to sequence of mapping
        The venue's records by symbol or contract; those of contracts that are no standard ones are left out.
    length_ns : int
        Length of a bar, ns.
    now_ns : int
        The venue's time, ns since the epoch, UTC.
    simulated : bool
        Whether the venue is an emulated one.

    Returns
    -------
    BarBatch
        A bar is known at its end.
    """
    table, place = contract_table(symbol, list(found))
    rows = [(place[name], item) for name, items in found.items() if name in place for item in items]
    start_ns = np.array([stamp_ns(item["t"]) for _, item in rows], dtype=np.int64)
    columns = {
        name: np.array([item.get(key, np.nan) for _, item in rows], dtype=np.float64) for name, key in _BAR_KEYS.items()
    }
    return BarBatch(
        symbol=symbol,
        ts_event_ns=max(now_ns, int(start_ns.max(initial=0)) + length_ns),
        cause_id=f"alpaca:bars:{symbol}",
        provenance=origin("bars", simulated=simulated),
        contracts=table,
        contract=np.array([number for number, _ in rows], dtype=np.int32),
        start_ns=start_ns,
        end_ns=start_ns + length_ns,
        **columns,
    )


@final
class BarIntake:
    """Turns the bars of a stream into messages, and asks for those that a gap swallowed.

    Parameters
    ----------
    symbols : tuple of str
        Whose bars are streamed.
    ask : callable
        Returns the bars of a symbol whose starts lie between two instants, both included.
    simulated : bool
        Whether the venue is an emulated one.
    """

    def __init__(
        self, symbols: tuple[str, ...], ask: Callable[[str, int, int], BarBatch], *, simulated: bool = False
    ) -> None:
        self._ask, self._simulated = ask, simulated
        self._newest_ns = dict.fromkeys(symbols, 0)
        self._records: list[Mapping[str, Any]] = []
        self._gap = self._has_begun = False

    @property
    def symbols(self) -> tuple[str, ...]:
        """Whose bars are streamed."""
        return tuple(self._newest_ns)

    def open(self, since_ns: int) -> None:
        """Say from when on bars are told: the minute of an instant is the first, ns since the epoch, UTC."""
        self._newest_ns = dict.fromkeys(self._newest_ns, since_ns // _MINUTE_NS * _MINUTE_NS - 1)
        self._gap = True

    def put(self, records: Sequence[Mapping[str, Any]], *, gap: bool) -> None:
        """Take what the stream told since the last call, and whether something before it is missing."""
        self._records += records
        # Minutes that ended before the stream was subscribed are missing, too.
        self._gap |= gap or (bool(records) and not self._has_begun)
        self._has_begun |= bool(records)

    def take(self, now_ns: int) -> tuple[BarBatch, ...]:
        """Return the bars that are new, by symbol.

        Parameters
        ----------
        now_ns : int
            The venue's time, ns since the epoch, UTC.

        Returns
        -------
        tuple of BarBatch
            Raises VenueError where a gap cannot be filled now; nothing is lost then.
        """
        last_ns = now_ns - _MINUTE_NS  # the minute that runs is no bar yet
        parts = [
            self._ask(symbol, newest_ns + 1, last_ns)
            for symbol, newest_ns in self._newest_ns.items()
            if self._gap and newest_ns < last_ns
        ]
        by_symbol: dict[str, list[Mapping[str, Any]]] = {}
        for record in self._records:
            by_symbol.setdefault(str(record["S"]), []).append(record)
        for symbol, records in by_symbol.items():
            if symbol in self._newest_ns:
                parts.append(bar_batch(symbol, {symbol: records}, _MINUTE_NS, now_ns, simulated=self._simulated))
        self._records, self._gap = [], False
        return tuple(fresh for part in parts if (fresh := self._fresh(part)) is not None)

    def _fresh(self, part: BarBatch) -> BarBatch | None:
        rows = np.flatnonzero(part.start_ns > self._newest_ns[part.symbol])
        if not rows.size:
            return None
        rows = rows[np.unique(part.start_ns[rows], return_index=True)[1]]  # in order, each minute once
        self._newest_ns[part.symbol] = int(part.start_ns[rows[-1]])
        columns: dict[str, Any] = {name: getattr(part, name)[rows] for name in (*_BAR_KEYS, *_PLACES)}
        return replace(part, **columns)
