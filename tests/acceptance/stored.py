"""Comparison of what a store returns with the files that it was filled from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from adapters.chains import open_chains
from adapters.store import DataKind, IngestReport, PointInTimeStore
from adapters.ticks import Tally, open_ticks
from market.chains import OptionChain
from market.trades import QuoteBatch, TradeBatch
from tests.adapters.store.samples import assert_same

MESSAGES = {DataKind.CHAINS, DataKind.TRADES, DataKind.QUOTES}
_RENAMED = {"o": "open", "h": "high", "l": "low", "c": "close"}
_TRADE_COLUMNS = ("ts_ns", "price", "size")
_QUOTE_COLUMNS = ("ts_ns", "bid", "ask", "bid_size", "ask_size")


def compare_table(store: PointInTimeStore, path: Path, report: IngestReport) -> None:
    """Compare the columns of a file, as pandas and Arrow read them, with those of the store as multisets of rows."""
    rows_as_published = [s for s in report.segments if not s.path.startswith("kind=books/")]  # books are made of them
    found = pa.concat_tables([store.read_segment(s) for s in rows_as_published], promote_options="permissive")
    assert (found["known_ns"].to_numpy() >= found["event_ns"].to_numpy()).all()
    source = pq.read_table(path) if path.suffix == ".parquet" else pa_csv.read_csv(path)
    assert source.num_rows == found.num_rows == sum(s.n_rows for s in rows_as_published)
    assert report.n_rows == sum(s.n_rows for s in report.segments)
    names = {name: _RENAMED.get(name, name) if "umid" in source.column_names else name for name in source.column_names}
    if path.parent.name == "rates":
        names = {name: "rate_pct" if name.endswith("_pct") else name for name in names}
    rows = []
    for table, columns in ((source, list(names)), (found, list(names.values()))):
        frame = table.select(columns).rename_columns(list(names)).to_pandas()
        for name in frame.columns[[str(kind) == "category" for kind in frame.dtypes]]:
            frame[name] = frame[name].astype(str)
        rows.append(np.sort(pd.util.hash_pandas_object(_plain(frame), index=False).to_numpy()))
    np.testing.assert_array_equal(rows[0], rows[1])


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    plain = pd.DataFrame(index=frame.index)
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        stamped = pd.api.types.is_datetime64_any_dtype(column)
        plain[name] = column.astype("datetime64[ns]").astype("int64") if stamped else column.astype(str)
    return plain


def compare_chains(store: PointInTimeStore, path: Path, report: IngestReport) -> None:
    """Compare the chains of a file with the reader's, and their open interest with the sum over the file's column.

    A chain that another file has told already is there once, under the name of that file.
    """
    found = [m for segment in report.segments for m in store.messages(segment) if isinstance(m, OptionChain)]
    expected, written = list(open_chains(path)), {(chain.symbol, chain.ts_event_ns): chain for chain in found}
    if not report.n_repeated:
        assert len(found) == len(expected)
    for right in expected:
        left = written.get((right.symbol, right.ts_event_ns))
        if left is None:
            left = _told_before(store, right)
            right = replace(right, cause_id=left.cause_id, provenance=left.provenance)  # noqa: PLW2901  # the same words
        assert_same(left, right)
    names = pq.read_schema(path).names if path.suffix == ".parquet" else []
    if "open_interest" in names and not report.n_dropped:
        total = float(pd.read_parquet(path, columns=["open_interest"])["open_interest"].sum())
        np.testing.assert_allclose(sum(float(np.nansum(chain.open_interest)) for chain in found), total, rtol=1e-12)


def _told_before(store: PointInTimeStore, chain: OptionChain) -> OptionChain:
    kept = (m for s in store.segments(DataKind.CHAINS, chain.symbol) for m in store.messages(s))
    told = (chain.ts_event_ns, chain.provenance.source)
    (same,) = (m for m in kept if isinstance(m, OptionChain) and (m.ts_event_ns, m.provenance.source) == told)
    return same


def compare_ticks(store: PointInTimeStore, path: Path, report: IngestReport) -> None:
    """Compare trades and quotes with the reader's in their order, and their number with that of the file's rows."""
    kept = [m for segment in report.segments for m in store.messages(segment)]
    read = list(_batches(path))
    for kind, columns in ((TradeBatch, _TRADE_COLUMNS), (QuoteBatch, _QUOTE_COLUMNS)):
        found, expected = ([b for b in part if isinstance(b, kind)] for part in (kept, read))
        assert bool(found) == bool(expected)
        for name in columns if found else ():
            left, right = (np.concatenate([getattr(b, name) for b in part]) for part in (found, expected))
            np.testing.assert_array_equal(left, right, err_msg=name)
    if path.suffix == ".parquet" and len(report.kinds) == 1:
        assert report.n_rows + sum(report.n_dropped.values()) == pq.read_metadata(path).num_rows


def _batches(path: Path) -> Iterator[TradeBatch | QuoteBatch]:
    for file in open_ticks(path).files:
        for group in file.batches(Tally()):
            yield from (batch for batch in group if batch.ts_ns.size)
