"""Columns of many names as messages, one of each kind for an underlying."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from adapters.alpaca.columns import (
    Columns,
    QuoteColumns,
    TradeColumns,
    Vocabulary,
    joined,
    quote_batch,
    taken,
    trade_batch,
)
from adapters.alpaca.names import FOREIGN, Directory
from market.provenance import Provenance
from market.trades import QuoteBatch, TradeBatch

__all__ = ["Ticks", "tick_batches"]

_Kind = TypeVar("_Kind", bound=Columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticks:
    """Quotes and trades by underlying, and how many rows were of none of ours."""

    quotes: tuple[QuoteBatch, ...]
    trades: tuple[TradeBatch, ...]
    n_foreign: int


def tick_batches(
    parts: Sequence[Columns], directory: Directory, words: Vocabulary, now_ns: int, provenance: Provenance
) -> Ticks:
    """Return columns as messages.

    Parameters
    ----------
    parts : sequence of QuoteColumns or TradeColumns
        Rows in any order.
    directory : Directory
        Knows the underlyings and their contracts.
    words : Vocabulary
        What the columns have numbers for.
    now_ns : int
        Instant of the messages, ns since the epoch, UTC; moved to the newest row where that is later.
    provenance : Provenance
        Where the rows come from.

    Returns
    -------
    Ticks
        In the order of the directory's underlyings, each with its rows in the order of their stamps.
    """
    quotes, n_quotes = _by_symbol([part for part in parts if isinstance(part, QuoteColumns)], directory)
    trades, n_trades = _by_symbol([part for part in parts if isinstance(part, TradeColumns)], directory)
    return Ticks(
        quotes=tuple(quote_batch(symbol, part, directory, now_ns, provenance) for symbol, part in quotes),
        trades=tuple(
            trade_batch(symbol, part, directory, words.conditions, now_ns, provenance) for symbol, part in trades
        ),
        n_foreign=n_quotes + n_trades,
    )


def _by_symbol(parts: list[_Kind], directory: Directory) -> tuple[list[tuple[str, _Kind]], int]:
    """Return the rows of each underlying that has any, and how many rows are foreign."""
    if not parts:
        return [], 0
    whole = joined(parts)
    owner = directory.owner(whole.name)
    chosen = ((symbol, np.flatnonzero(owner == place)) for place, symbol in enumerate(directory.symbols))
    found = [(symbol, taken(whole, rows)) for symbol, rows in chosen if rows.size]
    return found, int(np.count_nonzero(owner == FOREIGN))
