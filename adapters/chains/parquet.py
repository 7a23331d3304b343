"""Chains in Parquet: vendors' tables read a row group at a time, and Hedgefield's own recording format."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any, final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from adapters.chains.assemble import SnapshotKey
from adapters.chains.source import SourceFile, foreign_errors
from adapters.chains.table import ChainSource, Layout, Rows, chain_of, snapshots_of, take
from market.chains import DropReason, OptionChain
from market.errors import DataError
from market.instruments import Delivery, ExerciseStyle, ExpirySeries, Product, SettlementTime
from market.provenance import AsOfSource, Provenance

__all__ = ["ParquetSource", "RecordedSource", "open_metadata", "write_chain_parquet"]

_MAX_GROUP_BYTES = 1024**3
_MAX_ROWS = 500_000_000
_MARK = b"hedgefield.chains"
_VERSION = 1
_ARRAYS = (
    "strike",
    "is_call",
    "series_index",
    "bid",
    "ask",
    "last",
    "open_interest",
    "volume",
    "bid_size",
    "ask_size",
    "vendor_iv",
    "vendor_delta",
    "vendor_gamma",
    "quote_ts_ns",
)


def open_metadata(source: SourceFile) -> pq.FileMetaData:
    """Return the footer of a Parquet file, or raise where its sizes cannot be read within bounds."""
    with foreign_errors(source.path, what="the Parquet file cannot be opened"):
        metadata = pq.read_metadata(source.path)
        sizes = [metadata.row_group(i).total_byte_size for i in range(metadata.num_row_groups)]
    source.check_unchanged()
    largest = max(sizes, default=0)
    if metadata.num_rows <= 0:
        raise DataError(
            "the Parquet file has no rows",
            path=str(source.path),
            found=f"{metadata.num_columns} columns and {metadata.num_rows} rows",
            expected="one contract or more",
            action="fetch the file again",
        )
    if largest > _MAX_GROUP_BYTES or metadata.num_rows > _MAX_ROWS:
        raise DataError(
            "the Parquet file has too large row groups",
            path=str(source.path),
            found=f"{metadata.num_rows} rows, largest row group {largest} bytes",
            expected=f"at most {_MAX_ROWS} rows, and row groups of at most {_MAX_GROUP_BYTES} bytes",
            action="write the file again with smaller row groups",
        )
    return metadata


@final
class ParquetSource:
    """A vendor's table in Parquet; only the row group in use is held in memory.

    Parameters
    ----------
    source : SourceFile
        The file.
    layout : Layout
        How it is laid out.
    columns : dict of str to str
        Column names as written, by lower-case name.
    """

    def __init__(self, source: SourceFile, layout: Layout, columns: dict[str, str]) -> None:
        self._source, self._layout, self._columns = source, layout, columns
        metadata = open_metadata(source)
        lengths = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        self._held: tuple[int, pa.Table] | None = None
        with foreign_errors(source.path, what="the index columns cannot be read"), pq.ParquetFile(source.path) as file:
            index = file.read(columns=[columns[name] for name in layout.index_columns], use_threads=False)
            index.validate(full=True)
            index = index.rename_columns([name.lower() for name in index.column_names])
            self._snapshots = snapshots_of(layout, index, source.path)
        source.check_unchanged()

    @property
    def format(self) -> str:
        """Vendor and layout."""
        return self._layout.name

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self._source.path

    @property
    def snapshots(self) -> tuple[SnapshotKey, ...]:
        """What the file holds, in time order."""
        return tuple(key for key, _ in self._snapshots)

    def read(self, index: int) -> OptionChain:
        """Return one chain."""
        key, rows = self._snapshots[index]
        with foreign_errors(self.path, what="the rows cannot be read"):
            table = self._rows(rows)
        self._source.check_unchanged()
        return chain_of(self._layout, table, key, self.path)

    def _rows(self, rows: Rows) -> pa.Table:
        wanted = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else rows
        group_of = np.searchsorted(self._starts, wanted, side="right") - 1
        parts = []
        for group in np.unique(group_of):
            local = wanted[group_of == group] - self._starts[group]
            together = int(local[-1] - local[0]) + 1 == local.size
            chosen: Rows = slice(int(local[0]), int(local[-1]) + 1) if together else local
            parts.append(take(self._group(int(group)), chosen))
        return parts[0] if len(parts) == 1 else pa.concat_tables(parts)

    def _group(self, group: int) -> pa.Table:
        if self._held is None or self._held[0] != group:
            self._held = None  # the old group goes before the new one comes
            with pq.ParquetFile(self.path) as file:
                table = file.read_row_group(group, use_threads=False)
            # A damaged page may hold dictionary codes without an entry, which Arrow does not look at by itself.
            table.validate(full=True)
            self._held = group, table.rename_columns([name.lower() for name in table.column_names])
        return self._held[1]


class _Series(msgspec.Struct, array_like=True):
    root: str
    underlying: str
    multiplier: float
    exercise: ExerciseStyle
    settlement: SettlementTime
    delivery: Delivery
    calendar: str
    expiration: date
    expiry_ns: int
    last_trade_ns: int
    forward: float | None

    @classmethod
    def of(cls, series: ExpirySeries, forward: float) -> _Series:
        product = series.product
        return cls(
            root=product.root,
            underlying=product.underlying,
            multiplier=product.multiplier,
            exercise=product.exercise,
            settlement=product.settlement,
            delivery=product.delivery,
            calendar=product.calendar,
            expiration=series.expiration,
            expiry_ns=series.expiry_ns,
            last_trade_ns=series.last_trade_ns,
            forward=_none(forward),
        )

    def series(self) -> ExpirySeries:
        product = Product(
            root=self.root,
            underlying=self.underlying,
            multiplier=self.multiplier,
            exercise=self.exercise,
            settlement=self.settlement,
            delivery=self.delivery,
            calendar=self.calendar,
        )
        return ExpirySeries(
            product=product, expiration=self.expiration, expiry_ns=self.expiry_ns, last_trade_ns=self.last_trade_ns
        )


class _Header(msgspec.Struct):
    row_group: int | None
    n_contracts: int
    symbols_width: int | None
    symbol: str
    session: date
    ts_event_ns: int
    cause_id: str
    source: str
    origin: str
    simulated: bool
    as_of_source: AsOfSource
    series: list[_Series]
    spot_last: float | None
    spot_bid: float | None
    spot_ask: float | None
    spot_ts_ns: int
    n_read: int
    dropped: dict[DropReason, int]


class _Index(msgspec.Struct):
    version: int
    chains: list[_Header]


def _none(value: float) -> float | None:
    return None if np.isnan(value) else value


def _nan(value: float | None) -> float:
    return float("nan") if value is None else value


def write_chain_parquet(chains: Iterable[OptionChain], path: Path) -> int:
    """Record chains; read back they are equal, with provenance and the simulated mark.

    Parameters
    ----------
    chains : iterable of OptionChain
        One after the other; only one is held at a time.
    path : Path
        File to write; it appears when it is complete.

    Returns
    -------
    int
        Number of chains written.
    """
    partial = path.with_name(f"{path.name}.partial")
    try:
        with foreign_errors(path, what="the recording cannot be written"):
            n_chains = _write(chains, partial)
            partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return n_chains


def _write(chains: Iterable[OptionChain], path: Path) -> int:
    headers: list[_Header] = []
    schema = _schema()
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        groups = 0
        for chain in chains:
            headers.append(_header(chain, groups if chain.n_contracts else None))
            if chain.n_contracts:
                writer.write_table(_table(chain, schema), row_group_size=chain.n_contracts)
                groups += 1
        writer.add_key_value_metadata({_MARK: msgspec.json.encode(_Index(version=_VERSION, chains=headers))})
    return len(headers)


def _schema() -> pa.Schema:
    kinds = {"is_call": pa.bool_(), "series_index": pa.int32(), "quote_ts_ns": pa.int64()}
    return pa.schema([*((name, kinds.get(name, pa.float64())) for name in _ARRAYS), ("symbols", pa.binary())])


def _table(chain: OptionChain, schema: pa.Schema) -> pa.Table:
    symbols = chain.symbols.tolist() if chain.symbols.size else [None] * chain.n_contracts
    arrays = [*(pa.array(getattr(chain, name)) for name in _ARRAYS), pa.array(symbols, type=pa.binary())]
    return pa.Table.from_arrays(arrays, schema=schema)


def _header(chain: OptionChain, row_group: int | None) -> _Header:
    provenance = chain.provenance
    return _Header(
        row_group=row_group,
        n_contracts=chain.n_contracts,
        symbols_width=chain.symbols.dtype.itemsize if chain.symbols.size else None,
        symbol=chain.symbol,
        session=chain.session,
        ts_event_ns=chain.ts_event_ns,
        cause_id=chain.cause_id,
        source=provenance.source,
        origin=provenance.origin,
        simulated=provenance.simulated,
        as_of_source=provenance.as_of_source,
        series=[_Series.of(s, float(f)) for s, f in zip(chain.series, chain.vendor_forward, strict=True)],
        spot_last=_none(chain.spot_last),
        spot_bid=_none(chain.spot_bid),
        spot_ask=_none(chain.spot_ask),
        spot_ts_ns=chain.spot_ts_ns,
        n_read=chain.n_read,
        dropped=dict(chain.dropped),
    )


@final
class RecordedSource:
    """A recording that `write_chain_parquet` made.

    Parameters
    ----------
    source : SourceFile
        The file.
    index : bytes
        The list of its chains, from the file's metadata.
    """

    def __init__(self, source: SourceFile, index: bytes) -> None:
        self._source = source
        with foreign_errors(source.path, what="the list of recorded chains cannot be read"):
            found = msgspec.json.decode(index, type=_Index)
        if found.version != _VERSION:
            raise DataError(
                "the recording has another version",
                path=str(source.path),
                found=str(found.version),
                expected=str(_VERSION),
                action="read it with the release that wrote it",
            )
        self._headers = sorted(found.chains, key=lambda header: (header.ts_event_ns, header.symbol))

    @classmethod
    def of(cls, source: SourceFile, metadata: pq.FileMetaData) -> ChainSource | None:
        """Open a recording, or return None where the file is a vendor's."""
        index = (metadata.metadata or {}).get(_MARK)
        return None if index is None else cls(source, index)

    @property
    def format(self) -> str:
        """The name of the recording format."""
        return "hedgefield-recording"

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self._source.path

    @property
    def snapshots(self) -> tuple[SnapshotKey, ...]:
        """What the file holds, in time order."""
        return tuple(
            SnapshotKey(
                symbol=header.symbol,
                session=header.session,
                ts_event_ns=header.ts_event_ns,
                as_of_source=header.as_of_source,
                n_contracts=header.n_read,
                simulated=header.simulated,
            )
            for header in self._headers
        )

    def read(self, index: int) -> OptionChain:
        """Return one chain, as it was written."""
        header = self._headers[index]
        with foreign_errors(self.path, what="the recorded chain cannot be read"):
            if header.row_group is None:
                table = _schema().empty_table()
            else:
                with pq.ParquetFile(self.path) as file:
                    table = file.read_row_group(header.row_group, use_threads=False)
                table.validate(full=True)
            chain = _chain(header, table)
        self._source.check_unchanged()
        return chain


def _chain(header: _Header, table: pa.Table) -> OptionChain:
    width = header.symbols_width
    arrays: dict[str, Any] = {name: table[name].to_numpy() for name in _ARRAYS}
    symbols = np.array([], dtype="S1") if width is None else np.array(table["symbols"].to_pylist(), dtype=f"S{width}")
    return OptionChain(
        symbol=header.symbol,
        session=header.session,
        ts_event_ns=header.ts_event_ns,
        cause_id=header.cause_id,
        provenance=Provenance(
            source=header.source,
            origin=header.origin,
            simulated=header.simulated,
            as_of_source=header.as_of_source,
        ),
        series=tuple(series.series() for series in header.series),
        vendor_forward=np.array([_nan(series.forward) for series in header.series], dtype=np.float64),
        **arrays,
        symbols=symbols,
        spot_last=_nan(header.spot_last),
        spot_bid=_nan(header.spot_bid),
        spot_ask=_nan(header.spot_ask),
        spot_ts_ns=header.spot_ts_ns,
        n_read=header.n_read,
        dropped=header.dropped,
    )
