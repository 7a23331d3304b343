"""Bars with the volume of buyers and sellers apart: two trades at the end of each bar, with their aggressor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, final

import numpy as np
import pyarrow as pa

from adapters.chains.source import SourceFile, foreign_errors
from adapters.ticks.bars import outside_session
from adapters.ticks.rows import RowWriter, Tally, TickDrop, TradeRows, underlying
from adapters.ticks.tables import numbers, pieces, utc_ns
from market.chains import BoolArray
from market.trades import ContractTable, QuoteBatch, TradeBatch, TradeFlag

__all__ = ["SIGNED_COLUMNS", "SignedBars"]

_END: Final = "ts_end_utc"
_SIDES: Final = ("buy_volume", "sell_volume")
SIGNED_COLUMNS: Final = frozenset({_END, "close", *_SIDES})
_SECOND_NS: Final = 1_000_000_000


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SignedBars:
    """Bars of an underlying, of any length, with what buyers and what sellers initiated in each.

    Parameters
    ----------
    source : SourceFile
        Parquet file.
    symbol : str
        Underlying.
    calendar : str or None
        Leave out what lies outside the regular sessions of this calendar.
    """

    source: SourceFile
    symbol: str
    calendar: str | None = None

    @property
    def format(self) -> str:
        """Publisher and layout."""
        return "underlying-signed-bars"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.source.path

    def batches(self, tally: Tally) -> Iterator[tuple[QuoteBatch | TradeBatch, ...]]:
        """Read the bars in order of time; a bar gives a trade for each side that traded, at its close."""
        writer = RowWriter(symbol=self.symbol, source=self.format, path=self.path)
        for piece in pieces(self.source, [_END, "close", *_SIDES], by=_END):
            with foreign_errors(self.path, what="the bars cannot be read"):
                yield (self._batch(piece, writer, tally),)

    def _batch(self, piece: pa.Table, writer: RowWriter, tally: Tally) -> TradeBatch:
        ends = utc_ns(piece[_END].to_numpy())
        # Publishers cut the fraction of the second off: known with the next whole one, late rather than early.
        known = np.where(ends > 0, (ends // _SECOND_NS + 1) * _SECOND_NS, 0)
        size = np.stack([numbers(piece, name) for name in _SIDES], axis=1)
        traded = (size != 0.0).ravel()
        ts_ns = np.repeat(known, 2)[traded]
        rows = TradeRows(
            contract=underlying(ts_ns.size),
            ts_ns=ts_ns,
            price=np.repeat(numbers(piece, "close"), 2)[traded],
            size=size.ravel()[traded],
            flags=np.full(ts_ns.size, int(TradeFlag.BAR), dtype=np.uint8),
            aggressor=np.tile(np.array([1, -1], dtype=np.int8), piece.num_rows)[traded],
        )
        refused: dict[TickDrop, BoolArray] = {}
        if self.calendar is not None:
            refused[TickDrop.OUTSIDE_SESSION] = outside_session(ts_ns, self.calendar)
        return writer.trades(rows, ContractTable.empty(), tally, refused)
