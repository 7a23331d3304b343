"""Batches that a history is made of: their columns, the instants of their rows, and where they come from."""

from __future__ import annotations

from typing import Final

from backtest.history import DataSource
from market.bars import BarBatch
from market.funding import FundingBatch
from market.series import EventBatch, SeriesBatch
from market.trades import Int64Array

__all__ = ["BAR_COLUMNS", "FUNDING_COLUMNS", "SERIES_COLUMNS", "Batch", "instants_of", "source_of"]

Batch = BarBatch | FundingBatch | SeriesBatch | EventBatch
"""What a history holds beside chains."""

BAR_COLUMNS: Final = ("contract", "start_ns", "end_ns", "open", "high", "low", "close", "volume", "vwap", "n_trades")
FUNDING_COLUMNS: Final = ("ts_ns", "funding_ns", "interval_ns", "rate", "is_settled", "mark", "index", "venue")
SERIES_COLUMNS: Final = ("event_ns", "available_ns", "value")


def instants_of(batch: Batch) -> Int64Array:
    """Return the instant from which each row can be known.

    Parameters
    ----------
    batch : Batch
        Any.

    Returns
    -------
    Int64Array, shape (n_rows,)
        ns since the epoch, UTC.
    """
    if isinstance(batch, BarBatch):
        return batch.end_ns
    return batch.ts_ns if isinstance(batch, FundingBatch) else batch.available_ns


def source_of(batch: Batch, digest: str) -> DataSource:
    """Return what the provenance of a run says of a batch.

    Parameters
    ----------
    batch : Batch
        As the run reads it.
    digest : str
        SHA-256 of what it was read from.

    Returns
    -------
    DataSource
        Named by symbol or series.
    """
    instants = instants_of(batch)
    return DataSource(
        name=_name(batch),
        provenance=batch.provenance,
        digest=digest,
        rows=int(instants.shape[0]),
        first_ns=int(instants.min()) if instants.size else 0,
        last_ns=int(instants.max()) if instants.size else 0,
    )


def _name(batch: Batch) -> str:
    if isinstance(batch, EventBatch):
        return "events"
    if isinstance(batch, SeriesBatch):
        return f"{batch.series} values"
    return f"{batch.symbol} {'bars' if isinstance(batch, BarBatch) else 'funding'}"
