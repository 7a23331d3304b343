"""The chains of many dates as one columnar table: each chain is a slice of it and copies nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from backtest.history import DataSource
from market.calendars import expiry_series, sessions_between
from market.chains import BoolArray, FloatArray, OptionChain
from market.clock import datetime_of_ns, iso_of_ns
from market.errors import DataError
from market.instruments import ExpirySeries, product_of
from market.provenance import Provenance
from market.trades import Int64Array

__all__ = ["ChainRows", "ChainTable"]

_NO_SYMBOLS: Final = np.zeros(0, dtype="S1")
# One key per row: snapshot and series, right, strike in thousandths.
_STRIKE_BITS: Final = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainRows:
    """Contracts of many snapshots of one underlying, a row each; arrays of shape ``(n_rows,)``, None where missing.

    Parameters
    ----------
    ts_ns : ndarray of int64
        As-of instant of the row's snapshot, ns since the epoch, UTC; rows of one instant are one chain.
    expiration : ndarray of datetime64[D]
        Expiration dates.
    root : ndarray of bytes, or str
        Option roots, or the one root of all rows.
    strike : ndarray
        Strikes, > 0.
    is_call : ndarray of bool
        True for calls.
    bid, ask, last, open_interest, volume, bid_size, ask_size : ndarray, optional
        As in `OptionChain`.
    vendor_iv, vendor_delta, vendor_gamma : ndarray, optional
        As in `OptionChain`.
    spot : ndarray, optional
        The underlying as printed with the row's snapshot.
    """

    ts_ns: Int64Array
    expiration: NDArray[np.datetime64]
    root: NDArray[np.bytes_] | str
    strike: FloatArray
    is_call: BoolArray
    bid: FloatArray | None = None
    ask: FloatArray | None = None
    last: FloatArray | None = None
    open_interest: FloatArray | None = None
    volume: FloatArray | None = None
    bid_size: FloatArray | None = None
    ask_size: FloatArray | None = None
    vendor_iv: FloatArray | None = None
    vendor_delta: FloatArray | None = None
    vendor_gamma: FloatArray | None = None
    spot: FloatArray | None = None

    def __post_init__(self) -> None:
        n = self.strike.shape[0]
        if not n:
            raise _broken("rows", "none", "one contract or more")
        for name in _ROW_COLUMNS:
            column = getattr(self, name)
            if isinstance(column, np.ndarray) and column.shape != (n,):
                raise _broken(name, f"shape {column.shape}", f"shape ({n},)")
        if not (float(self.strike.min()) > 0.0 and float(self.strike.max()) < 2.0**_STRIKE_BITS / 1000.0):
            raise _broken("strike", f"{self.strike.min():g} to {self.strike.max():g}", "finite strikes above 0")
        if np.isnat(self.expiration).any():
            raise _broken("expiration", "a row without a date", "a date on each row")

    def __reduce__(self) -> tuple[Any, ...]:
        # Dates have no buffer that could travel beside a pickle, as all other columns do; their numbers have.
        columns = {name: getattr(self, name) for name in _ROW_COLUMNS}
        return _rows_again, (columns | {"expiration": self.expiration.view(np.int64)}, self.expiration.dtype.str)


def _rows_again(columns: dict[str, Any], dates: str) -> ChainRows:
    return ChainRows(**columns | {"expiration": columns["expiration"].view(dates)})


_PRICES: Final = ("bid", "ask", "last", "open_interest", "volume", "bid_size", "ask_size")
_VENDOR: Final = ("vendor_iv", "vendor_delta", "vendor_gamma")
_OPTIONAL: Final = (*_PRICES, *_VENDOR)
_ROW_COLUMNS: Final = tuple(item.name for item in fields(ChainRows))


@final
class ChainTable:
    """Chains of one underlying in order of time, as a `backtest.history.ChainSequence`.

    Parameters
    ----------
    symbol : str
        Underlying.
    rows : ChainRows
        All contracts; kept as they are where their instants rise, else sorted once.
    provenance : Provenance
        Source, origin and the simulated mark.
    delay_ns : int
        Time from the as-of instant of a chain until it could be known, ns, >= 0.

    Raises
    ------
    DataError
        A contract stands twice in one chain, or a root is of another underlying.

    Notes
    -----
    Memory is that of the given columns plus 4 bytes a row; a column that is missing costs one chain's worth of NaN.
    """

    def __init__(self, symbol: str, rows: ChainRows, provenance: Provenance, *, delay_ns: int = 0) -> None:
        if delay_ns < 0:
            raise _broken("delay_ns", str(delay_ns), "0 or more: nothing is known before it happens")
        self._symbol = symbol
        self._provenance = provenance
        self._rows = _in_order(rows)
        ts_ns = self._rows.ts_ns
        first = np.flatnonzero(np.concatenate(([True], ts_ns[1:] != ts_ns[:-1])))
        self._start = np.append(first, ts_ns.shape[0])
        self._ts_ns = ts_ns[first]
        self._session = _sessions_of(symbol, self._ts_ns)
        self._available_ns = self._ts_ns + delay_ns
        self._available_ns.setflags(write=False)
        rank, known = _series_of(symbol, self._rows)
        _refuse_repeated(self._rows, rank, self._start, len(known))
        self._series_index, self._series = _by_chain(rank, known, self._start)
        self._missing = np.full(int(np.diff(self._start).max()), np.nan)
        self._missing.setflags(write=False)

    def __len__(self) -> int:
        return int(self._ts_ns.shape[0])

    @property
    def symbol(self) -> str:
        """Underlying."""
        return self._symbol

    @property
    def available_ns(self) -> Int64Array:
        """Instant from which each could be known, ns since the epoch, UTC, rising."""
        return self._available_ns

    @property
    def n_rows(self) -> int:
        """Contracts of all chains."""
        return int(self._rows.strike.shape[0])

    def chain(self, place: int) -> OptionChain:
        """Return one chain; its arrays are slices of the table."""
        start, end = int(self._start[place]), int(self._start[place + 1])
        here, n, rows = slice(start, end), end - start, self._rows
        ts_ns = int(self._ts_ns[place])
        columns: dict[str, Any] = {}
        for name in _OPTIONAL:
            column = getattr(rows, name)
            columns[name] = self._missing[:n] if column is None else column[here]
        series = self._series[place]
        return OptionChain(
            symbol=self._symbol,
            session=self._session[place],
            ts_event_ns=ts_ns,
            cause_id=f"{self._provenance.origin}:{self._symbol}:{iso_of_ns(ts_ns)}",
            provenance=self._provenance,
            series=series,
            series_index=self._series_index[here],
            strike=rows.strike[here],
            is_call=rows.is_call[here],
            **columns,
            quote_ts_ns=np.full(n, ts_ns, dtype=np.int64),
            symbols=_NO_SYMBOLS,
            vendor_forward=np.full(len(series), np.nan),
            spot_last=float("nan") if rows.spot is None else float(rows.spot[start]),
            spot_bid=float("nan"),
            spot_ask=float("nan"),
            spot_ts_ns=ts_ns,
            n_read=n,
        )

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the columns, their names and types, in order of time."""
        found = hashlib.sha256(self._symbol.encode())
        for name in _ROW_COLUMNS:
            column = getattr(self._rows, name)
            if isinstance(column, np.ndarray):
                found.update(f"|{name}:{column.dtype.str}|".encode())
                found.update(np.ascontiguousarray(column).view(np.uint8).data)
            elif column is not None:
                found.update(f"|{name}={column}|".encode())
        return found.hexdigest()

    def source(self, name: str) -> DataSource:
        """Return what a report says of these chains.

        Parameters
        ----------
        name : str
            Such as ``SPX chains``.

        Returns
        -------
        DataSource
            With the digest of the content.
        """
        return DataSource(
            name=name,
            provenance=self._provenance,
            digest=self.digest,
            rows=self.n_rows,
            first_ns=int(self._ts_ns[0]),
            last_ns=int(self._ts_ns[-1]),
        )


def _in_order(rows: ChainRows) -> ChainRows:
    if bool((rows.ts_ns[1:] >= rows.ts_ns[:-1]).all()):
        return rows
    order = np.argsort(rows.ts_ns, kind="stable")
    columns: Mapping[str, Any] = {name: getattr(rows, name) for name in _ROW_COLUMNS}
    return ChainRows(**{k: v[order] if isinstance(v, np.ndarray) else v for k, v in columns.items()})


def _series_of(symbol: str, rows: ChainRows) -> tuple[Int64Array, list[ExpirySeries]]:
    """Return the rank of each row's series, and the series in order of expiry and root."""
    if isinstance(rows.root, str):
        roots, root_codes = [rows.root], np.zeros(rows.strike.shape[0], dtype=np.int64)
    else:
        names, root_codes = np.unique(rows.root, return_inverse=True)
        roots = [bytes(name).decode("ascii", "replace") for name in names]
    products = [product_of(root) for root in roots]
    for product in products:
        if product.underlying != symbol:
            raise _broken("root", f"{product.root}, of {product.underlying}", f"roots of {symbol}")
    day = rows.expiration.astype("datetime64[D]").astype(np.int64)
    key, codes = np.unique(day * len(roots) + root_codes.reshape(-1), return_inverse=True)
    built = [
        expiry_series(products[value % len(roots)], np.datetime64(value // len(roots), "D").item())
        for value in key.tolist()
    ]
    order = sorted(range(len(built)), key=lambda i: (built[i].expiry_ns, built[i].product.root))
    rank = np.empty(len(built), dtype=np.int64)
    rank[order] = np.arange(len(built))
    return rank[codes.reshape(-1)], [built[i] for i in order]


def _refuse_repeated(rows: ChainRows, rank: Int64Array, start: Int64Array, n_series: int) -> None:
    thousandths = np.rint(rows.strike * 1000.0).astype(np.int64)
    per_block = max((1 << (62 - _STRIKE_BITS)) // (2 * n_series), 1)  # chains whose keys fit
    for block in range(0, start.shape[0] - 1, per_block):
        bounds = start[block : block + per_block + 1]
        here = slice(int(bounds[0]), int(bounds[-1]))
        chain_of = np.repeat(np.arange(bounds.shape[0] - 1), np.diff(bounds))
        side = (chain_of * n_series + rank[here]) * 2 + rows.is_call[here]
        key = (side << _STRIKE_BITS) | thousandths[here]
        if not bool((key[1:] > key[:-1]).all()):
            ordered = np.sort(key)
            twice = ordered[1:][ordered[1:] == ordered[:-1]]
            if twice.size:
                raise _repeated(rows, here.start + int(np.flatnonzero(key == twice[0])[1]), twice.size)


def _repeated(rows: ChainRows, row: int, count: int) -> DataError:
    right = "call" if rows.is_call[row] else "put"
    when = iso_of_ns(int(rows.ts_ns[row]))
    return DataError(
        "a contract stands twice in one chain",
        found=f"{rows.expiration[row]} {rows.strike[row]:g} {right} at {when}; {count} such rows",
        expected="each contract once per instant",
        action="remove the repeated rows, or give the roots apart",
    )


def _sessions_of(symbol: str, ts_ns: Int64Array) -> list[date]:
    """Return the newest session that had opened by each instant."""
    first, last = datetime_of_ns(int(ts_ns[0])).date(), datetime_of_ns(int(ts_ns[-1])).date()
    known = sessions_between(product_of(symbol).calendar, first - timedelta(days=14), last + timedelta(days=1))
    opens = np.array([session.open_ns for session in known], dtype=np.int64)
    return [known[place - 1].day for place in opens.searchsorted(ts_ns, side="right").tolist()]


def _by_chain(
    rank: Int64Array, known: list[ExpirySeries], start: Int64Array
) -> tuple[NDArray[np.int32], list[tuple[ExpirySeries, ...]]]:
    """Return each row's place among the series of its own chain, and those series; equal tuples are one object."""
    index = np.empty(rank.shape[0], dtype=np.int32)
    made: dict[tuple[int, ...], tuple[ExpirySeries, ...]] = {}
    series = []
    place = np.empty(len(known), dtype=np.int32)
    bounds = start.tolist()
    for first, end in pairwise(bounds):
        here = rank[first:end]
        present = np.zeros(len(known), dtype=np.bool_)
        present[here] = True
        used = np.flatnonzero(present)
        place[used] = np.arange(used.shape[0])
        index[first:end] = place[here]
        key = tuple(used.tolist())
        found = made.get(key)
        if found is None:
            found = made[key] = tuple(known[i] for i in key)
        series.append(found)
    return index, series


def _broken(what: str, found: str, expected: str) -> DataError:
    return DataError(f"{what} of a chain table cannot be", found=found, expected=expected)
