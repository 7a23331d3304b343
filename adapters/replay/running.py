"""Option chains as of each minute, built from what quotes, trades and the morning's open interest had told by then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Final, final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from adapters.ticks import Minute, MorningInterest
from market.chains import BoolArray, FloatArray, OptionChain
from market.clock import datetime_of_ns
from market.contracts import ContractIndex
from market.instruments import ExpirySeries
from market.provenance import AsOfSource, Provenance
from market.trades import UNDERLYING, ContractTable, Int64Array, QuoteBatch, TradeBatch, TradeFlag

__all__ = ["RunningChain"]

_COLUMNS = ("bid", "ask", "bid_size", "ask_size", "last", "volume", "open_interest")
_STARTS: Final = {"volume": 0.0}  # what is not known is missing; what nobody traded is 0
_EASTERN = ZoneInfo("America/New_York")
_HALF_DAY_NS: Final = 43_200e9
_NOT_A_PRICE = int(TradeFlag.OUT_OF_SEQUENCE | TradeFlag.CANCELLED)


@final
class RunningChain:
    """The chain of one underlying as of the newest minute.

    A contract is listed from its first quote, trade or open interest of the day on; a new trading day starts empty.

    Parameters
    ----------
    symbol : str
        Underlying.
    interest : iterable of MorningInterest
        Open interest; a row counts from its own instant on, on its own day.
    """

    def __init__(self, symbol: str, interest: Iterable[MorningInterest] = ()) -> None:
        self._symbol = symbol
        self._interest = tuple(item for item in interest if item.symbol == symbol)
        self._start(date.min)

    def _start(self, day: date) -> None:
        self._day = day
        self._index = ContractIndex()
        self._series: dict[ExpirySeries, int] = {}
        self._table: list[NDArray[Any]] = [np.zeros(0, dtype=np.int32), np.zeros(0), np.zeros(0, dtype=np.bool_)]
        self._columns = {name: np.zeros(0) for name in _COLUMNS}
        self._quote_ts_ns = np.zeros(0, dtype=np.int64)
        self._told = [0] * len(self._interest)
        self._spot = {"last": np.nan, "bid": np.nan, "ask": np.nan}
        self._spot_ts_ns = 0

    def apply(self, minute: Minute) -> None:
        """Take in what one minute told.

        Parameters
        ----------
        minute : Minute
            Of this underlying, later than those before.
        """
        day = datetime_of_ns(minute.ts_event_ns).astimezone(_EASTERN).date()
        if day != self._day:
            self._start(day)
        self._publish(minute.ts_event_ns)
        self._quote(minute.quotes)
        self._trade(minute.trades)

    def chain(self, minute: Minute) -> OptionChain | None:
        """Return the chain as of the newest minute.

        Parameters
        ----------
        minute : Minute
            The one that was applied last, for instant and provenance.

        Returns
        -------
        OptionChain or None
            Contracts that have not expired; None before any option was quoted.
        """
        series = tuple(self._series)
        place, strike, is_call = self._table
        expiry = np.array([item.expiry_ns for item in series], dtype=np.int64)
        alive = np.flatnonzero(expiry[place] > minute.ts_event_ns) if series else np.zeros(0, dtype=np.int64)
        if not (self._quote_ts_ns[alive] > 0).any():
            return None
        used = sorted(set(place[alive].tolist()), key=lambda n: (series[n].expiry_ns, series[n].product.root))
        renamed = np.zeros(len(series), dtype=np.int32)
        renamed[used] = np.arange(len(used))
        missing = np.full(alive.size, np.nan)
        told = self._quote_ts_ns[alive]
        columns: dict[str, Any] = {name: self._columns[name][alive] for name in _COLUMNS}
        return OptionChain(
            symbol=self._symbol,
            session=self._day,
            ts_event_ns=minute.ts_event_ns,
            cause_id=f"{minute.quotes.cause_id}:{minute.ts_event_ns}",
            provenance=_provenance(minute),
            series=tuple(series[n] for n in used),
            series_index=renamed[place[alive]],
            strike=strike[alive],
            is_call=is_call[alive],
            **columns,
            vendor_iv=missing,
            vendor_delta=missing,
            vendor_gamma=missing,
            quote_ts_ns=np.where(told > 0, told, minute.ts_event_ns),
            symbols=np.array([], dtype="S1"),
            vendor_forward=np.full(len(used), np.nan),
            spot_last=self._spot["last"],
            spot_bid=self._spot["bid"],
            spot_ask=self._spot["ask"],
            spot_ts_ns=self._spot_ts_ns or minute.ts_event_ns,
            n_read=alive.size,
        )

    def _publish(self, ts_event_ns: int) -> None:
        for n, item in enumerate(self._interest):
            last = int(np.searchsorted(item.ts_ns, ts_event_ns, side="right"))
            if last > self._told[n]:
                fresh = np.arange(self._told[n], last)
                today = fresh[_same_day(item.ts_ns[fresh], self._day)]
                place = self._places(item.contracts)[item.contract[today]]
                self._columns["open_interest"][place] = item.open_interest[today]
                self._told[n] = last

    def _quote(self, batch: QuoteBatch) -> None:
        option = batch.contract != UNDERLYING
        place = self._places(batch.contracts)[batch.contract[option]]
        # Rows rise in time, and of repeated places numpy keeps the last.
        for name in ("bid", "ask", "bid_size", "ask_size"):
            self._columns[name][place] = getattr(batch, name)[option]
        self._quote_ts_ns[place] = batch.ts_ns[option]
        underlying = np.flatnonzero(~option & (batch.bid > 0.0) & (batch.ask > 0.0))
        if underlying.size:
            newest = int(underlying[-1])
            self._spot["bid"], self._spot["ask"] = float(batch.bid[newest]), float(batch.ask[newest])
            self._spot_ts_ns = max(self._spot_ts_ns, int(batch.ts_ns[newest]))

    def _trade(self, batch: TradeBatch) -> None:
        option = batch.contract != UNDERLYING
        place = self._places(batch.contracts)[batch.contract[option]]
        counted = (batch.flags[option] & int(TradeFlag.CANCELLED)) == 0
        np.add.at(self._columns["volume"], place[counted], batch.size[option][counted])
        timely = (batch.flags & _NOT_A_PRICE) == 0
        self._columns["last"][place[timely[option]]] = batch.price[option][timely[option]]
        underlying = np.flatnonzero(~option & timely)
        if underlying.size:
            self._spot["last"] = float(batch.price[underlying[-1]])
            self._spot_ts_ns = max(self._spot_ts_ns, int(batch.ts_ns[underlying[-1]]))

    def _places(self, table: ContractTable) -> Int64Array:
        known = len(self._index)
        place = self._index.register(table)
        if len(self._index) > known:
            fresh, first = np.unique(place, return_index=True)
            first = first[fresh >= known]
            codes = np.array([self._series.setdefault(s, len(self._series)) for s in table.series], dtype=np.int32)
            rows: tuple[NDArray[Any], ...] = (
                codes[table.series_index[first]],
                table.strike[first],
                table.is_call[first],
            )
            self._table = [np.concatenate(pair) for pair in zip(self._table, rows, strict=True)]
            for name in _COLUMNS:
                self._columns[name] = _longer(self._columns[name], first.size, _STARTS.get(name, np.nan))
            self._quote_ts_ns = np.concatenate((self._quote_ts_ns, np.zeros(first.size, dtype=np.int64)))
        return place


def _longer(column: FloatArray, n: int, value: float) -> FloatArray:
    return np.concatenate((column, np.full(n, value)))


def _same_day(ts_ns: Int64Array, day: date) -> BoolArray:
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=_EASTERN).timestamp() * 1e9
    near: BoolArray = np.abs(ts_ns - noon) < _HALF_DAY_NS
    return near


def _provenance(minute: Minute) -> Provenance:
    like = minute.quotes.provenance
    return Provenance(
        source=f"{like.source}-running", origin=like.origin, simulated=like.simulated, as_of_source=AsOfSource.STAMPED
    )
