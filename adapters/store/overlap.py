"""Trades and quotes that come again: a stream that resumes tells some of what the store holds already."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final, final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.encoded.messages import event_ns_of, picked, rows_of
from adapters.store.asof import standing
from adapters.store.files import StoreFiles
from adapters.store.kinds import DataKind, kind_of, source_of
from adapters.store.manifest import ManifestState
from adapters.store.segments import Range, matching, open_segment
from market.chains import BoolArray
from market.trades import Int64Array, QuoteBatch, TradeBatch

__all__ = ["Overlap"]

_FOREVER: Final = np.iinfo(np.int64).max
_CONTRACT: Final = ("event_ns", "expiry_ns", "root", "strike", "is_call")
_COLUMNS: Final = {
    DataKind.TRADES: (*_CONTRACT, "trade_id", "price", "size", "flags", "venue", "aggressor"),
    DataKind.QUOTES: (*_CONTRACT, "bid", "ask", "bid_size", "ask_size", "venue"),
}
_MULTIPLIER: Final = np.uint64(0x9E3779B97F4A7C15)


@final
class Overlap:
    """Leaves out rows of one stream that the store has.

    Parameters
    ----------
    files : StoreFiles
        Where the store lies.

    Notes
    -----
    Equal prints are facts, so a row is not left out because an equal one stands: it is left out because the stream
    tells it again. What is told from one start of the stream to the next is a run. In a run, the k-th row of some
    content (instant, contract, venue's number, price, size, flags, venue, aggressor; of quotes both sides with their
    sizes) is the k-th such row of the store; it is written if the store held fewer than k when the run began. So
    after any run the store holds of each content the larger of the two counts, not their sum. The one assumption: a
    run tells an instant of which it tells anything again whole, or numbers its prints.
    """

    def __init__(self, files: StoreFiles) -> None:
        self._files = files
        self._runs: dict[tuple[DataKind, str, str], _Run] = {}
        self.n_repeated = 0

    def restart(self) -> None:
        """Begin a new run: the stream may tell again what it told before."""
        self._runs.clear()

    def prepare(self, batch: TradeBatch | QuoteBatch, state: ManifestState) -> None:
        """Read what `fresh` will need of the store; where that fails nothing is counted, and it can be tried again."""
        self._run(batch, state).read(batch)

    def fresh(self, batch: TradeBatch | QuoteBatch, state: ManifestState) -> TradeBatch | QuoteBatch | None:
        """Return the rows of a batch that the store lacks; each call counts them as told.

        Parameters
        ----------
        batch : TradeBatch or QuoteBatch
            As the stream told it.
        state : ManifestState
            The data set; what is committed later in the run is not looked at.

        Returns
        -------
        TradeBatch, QuoteBatch or None
            The batch itself where all rows are new; None where none is.
        """
        keep = self._run(batch, state).fresh(batch)
        if keep.all():
            return batch
        self.n_repeated += int((~keep).sum())
        part = picked(batch, keep) if keep.any() else None
        return part if isinstance(part, TradeBatch | QuoteBatch) else None

    def _run(self, batch: TradeBatch | QuoteBatch, state: ManifestState) -> _Run:
        origin = batch.provenance
        place = (kind_of(batch), batch.symbol, source_of(origin.source, simulated=origin.simulated))
        if place not in self._runs:
            self._runs[place] = _Run(self._files, place, state)
        return self._runs[place]


@final
class _Run:
    def __init__(self, files: StoreFiles, place: tuple[DataKind, str, str], state: ManifestState) -> None:
        self._files, self._kind = files, place[0]
        mine = [s for s in state.segments if (s.symbol, s.source) == place[1:]]
        self._segments = standing(mine, _FOREVER, np.iinfo(np.int64).min, _FOREVER)
        self._last_ns = max((s.last_event_ns for s in self._segments), default=-1)
        self._read_from_ns = self._last_ns + 1
        self._left: Counter[int] = Counter()

    def read(self, batch: TradeBatch | QuoteBatch) -> None:
        event = event_ns_of(batch)
        if (event <= self._last_ns).any():
            self._read_down_to(int(event.min()))

    def fresh(self, batch: TradeBatch | QuoteBatch) -> BoolArray:
        self.read(batch)
        event = event_ns_of(batch)
        keep = np.ones(event.size, dtype=np.bool_)
        again = np.flatnonzero(event <= self._last_ns)
        if not again.size:
            return keep
        codes = _codes(self._kind, rows_of(batch, event))[again].tolist()
        for row, code in zip(again.tolist(), codes, strict=True):
            if self._left[code] > 0:
                self._left[code] -= 1
                keep[row] = False
        return keep

    def _read_down_to(self, first_ns: int) -> None:
        """Count what the store holds from an instant on; each row is read once in a run."""
        if first_ns >= self._read_from_ns:
            return
        span = (Range(column="event_ns", least=first_ns, most=self._read_from_ns - 1),)
        held: Counter[int] = Counter()  # a read that fails half-way must not count its first half twice
        for segment in self._segments:
            if segment.last_event_ns >= first_ns and segment.first_event_ns < self._read_from_ns:
                with open_segment(self._files, segment) as opened:
                    for part in opened.batches(opened.groups(span), _COLUMNS[self._kind]):
                        table = pa.Table.from_batches([part])
                        table = table.filter(pa.array(matching(table, span)))
                        held.update(_codes(self._kind, table).tolist())
        self._left += held
        self._read_from_ns = first_ns


def _codes(kind: DataKind, table: pa.Table) -> Int64Array:
    """Return a number per row that rows of equal content share."""
    from pandas.util import hash_array

    total: NDArray[np.uint64] = np.zeros(table.num_rows, dtype=np.uint64)
    for name in _COLUMNS[kind]:
        total = (total ^ hash_array(_cells(table[name]))) * _MULTIPLIER
    return total.view(np.int64)


def _cells(column: pa.ChunkedArray) -> NDArray[Any]:
    """Return cells that are equal where their bits are."""
    if pa.types.is_string(column.type):
        return np.asarray(column.fill_null("").to_numpy(), dtype=object)
    if pa.types.is_floating(column.type):
        missing = column.is_null().to_numpy()
        values = np.array(column.fill_null(0.0).to_numpy(), dtype=np.float64).view(np.int64)
        return np.where(missing, np.int64(-1), values)
    whole = column.cast(pa.uint8()) if pa.types.is_boolean(column.type) else column
    return np.asarray(whole.cast(pa.int64()).fill_null(-1).to_numpy(), dtype=np.int64)
