"""Records of the streams as messages of `market`, by underlying."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import numpy as np

from adapters.polygon.tickers import SOURCE, flag_of
from adapters.polygon.wire import Bar, Quote, Trade
from adapters.ticks.rows import QuoteRows, RowWriter, Tally, TradeRows
from market.bars import BarBatch
from market.chains import FloatArray, OptionChain
from market.provenance import AsOfSource, Provenance
from market.trades import UNDERLYING, ContractTable, QuoteBatch, TradeBatch

__all__ = ["Listing", "bar_batch", "quote_batch", "trade_batch"]

_MS: Final = 1_000_000
_OPTION: Final = "O:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The contracts of an underlying as its newest chain lists them.

    Parameters
    ----------
    symbol : str
        Underlying.
    table : ContractTable
        Its contracts.
    places : mapping of str to int
        Place of each ticker in the table; `UNDERLYING` for the symbol itself.
    volume : ndarray, shape (n_contracts,)
        Contracts traded in the session so far.
    distance : ndarray, shape (n_contracts,)
        Distance of the strike from the underlying, in units of the square root of a day, for each day until expiry.
    """

    symbol: str
    table: ContractTable
    places: Mapping[str, int]
    volume: FloatArray
    distance: FloatArray

    @classmethod
    def of(cls, chain: OptionChain) -> Self:
        """Return the listing of a chain."""
        tickers = [_OPTION + name.decode().removeprefix(_OPTION) for name in chain.symbols.tolist()]
        days = np.maximum((chain.expiry_ns - chain.ts_event_ns) / 86_400e9, 1.0)[chain.series_index]
        centre = chain.spot_last if chain.spot_last > 0.0 else float(np.median(chain.strike))
        return cls(
            symbol=chain.symbol,
            table=ContractTable(
                series=chain.series, series_index=chain.series_index, strike=chain.strike, is_call=chain.is_call
            ),
            places={ticker: place for place, ticker in enumerate(tickers)} | {chain.symbol: UNDERLYING},
            volume=np.nan_to_num(chain.volume),
            distance=np.abs(np.log(chain.strike / centre)) / np.sqrt(days),
        )

    def nearest(self, most: int) -> list[str]:
        """Return the tickers of at most so many contracts, nearest first."""
        tickers = list(self.places)[: self.table.n_contracts]
        return [tickers[place] for place in np.argsort(self.distance, kind="stable")[:most].tolist()]

    def traded_since(self, before: Listing | None) -> list[str]:
        """Return the tickers whose volume has grown since another listing; where there is none, all with a volume."""
        tickers = list(self.places)[: self.table.n_contracts]
        known = {} if before is None else {t: before.volume[p] for t, p in before.places.items() if p != UNDERLYING}
        return [
            ticker
            for ticker, volume in zip(tickers, self.volume.tolist(), strict=True)
            if volume > known.get(ticker, 0.0)
        ]


def trade_batch(listing: Listing, trades: Sequence[Trade], tally: Tally, *, simulated: bool) -> TradeBatch:
    """Return prints of an underlying and its contracts in the order of their stamps."""
    rows = sorted(trades, key=lambda item: item.t)
    places = _places(listing, rows)
    flags = [
        flag_of(item.c, is_option=place != UNDERLYING, exchange=item.x, correction=None)
        for item, place in zip(rows, places.tolist(), strict=True)
    ]
    columns = TradeRows(
        contract=places,
        ts_ns=np.array([item.t for item in rows], dtype=np.int64) * _MS,
        price=np.array([item.p for item in rows], dtype=np.float64),
        size=np.array([item.s for item in rows], dtype=np.float64),
        trade_id=np.array([item.q for item in rows], dtype=np.int64),
        flags=np.array(flags, dtype=np.uint8),
        venue=np.array([item.x for item in rows], dtype=np.int16),
    )
    found = _writer(listing.symbol).trades(columns, listing.table, tally, {})
    return replace(found, provenance=replace(found.provenance, simulated=simulated))


def quote_batch(listing: Listing, quotes: Sequence[Quote], tally: Tally, *, simulated: bool) -> QuoteBatch:
    """Return quotes of an underlying and its contracts in the order of their stamps."""
    rows = sorted(quotes, key=lambda item: item.t)
    columns = QuoteRows(
        contract=_places(listing, rows),
        ts_ns=np.array([item.t for item in rows], dtype=np.int64) * _MS,
        bid=np.array([item.bp for item in rows], dtype=np.float64),
        ask=np.array([item.ap for item in rows], dtype=np.float64),
        bid_size=np.array([item.bs for item in rows], dtype=np.float64),
        ask_size=np.array([item.as_ for item in rows], dtype=np.float64),
    )
    found = _writer(listing.symbol).quotes(columns, listing.table, tally, {})
    return replace(found, provenance=replace(found.provenance, simulated=simulated))


def bar_batch(symbol: str, bars: Sequence[Bar], *, simulated: bool) -> BarBatch:
    """Return minutes of an underlying; each was known when it had ended."""
    rows = sorted(bars, key=lambda item: item.s)
    end = np.array([item.e for item in rows], dtype=np.int64) * _MS
    values = {"open": "o", "high": "h", "low": "l", "close": "c", "volume": "v", "vwap": "vw"}
    return BarBatch(
        symbol=symbol,
        ts_event_ns=int(end.max()),
        cause_id=f"{SOURCE}:AM:{symbol}:{end.max()}",
        provenance=Provenance(
            source=f"{SOURCE}-stream", origin="stocks", simulated=simulated, as_of_source=AsOfSource.STAMPED
        ),
        contracts=ContractTable.empty(),
        contract=np.full(len(rows), UNDERLYING, dtype=np.int32),
        start_ns=np.array([item.s for item in rows], dtype=np.int64) * _MS,
        end_ns=end,
        **{name: np.array([getattr(item, short) for item in rows]) for name, short in values.items()},
        n_trades=np.full(len(rows), np.nan),
    )


def _places(listing: Listing, rows: Sequence[Trade] | Sequence[Quote]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    return np.array([listing.places[item.sym] for item in rows], dtype=np.int32)


def _writer(symbol: str) -> RowWriter:
    return RowWriter(symbol=symbol, source=f"{SOURCE}-stream", path=Path("stream"))
