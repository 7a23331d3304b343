"""Readers of trades and quotes: one door for every format.

Examples
--------
>>> from pathlib import Path
>>> from adapters.ticks import open_ticks
>>> source = open_ticks(Path("goog_minute_trade_20151224.parquet"))  # doctest: +SKIP
>>> for minute in source.minutes():  # doctest: +SKIP
...     print(minute.ts_event_ns, minute.symbol, minute.quotes.n_quotes, minute.trades.n_trades)
"""

from __future__ import annotations

from adapters.ticks.interest import MorningInterest
from adapters.ticks.rows import Tally, TickDrop, TickFile
from adapters.ticks.sniff import open_ticks
from adapters.ticks.source import Minute, TickSource

__all__ = ["Minute", "MorningInterest", "Tally", "TickDrop", "TickFile", "TickSource", "open_ticks"]
