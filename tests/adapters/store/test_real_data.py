"""Every real file comes in and reads back as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from adapters.chains import open_chains
from adapters.store import DataKind, IngestStatus, PointInTimeStore, ingest
from adapters.ticks import Tally, open_ticks
from market.trades import QuoteBatch, TradeBatch
from tests.adapters.store.samples import FOREVER_NS, assert_same, store_at

pytestmark = pytest.mark.data

_FOLDERS = ("option_chains", "option_intraday", "underlying", "daily", "crypto", "crypto_options", "rates")
_RENAMED = {"o": "open", "h": "high", "l": "low", "c": "close"}


def _files(root: Path) -> list[Path]:
    return sorted(path for folder in (*_FOLDERS, "microstructure") for path in (root / folder).iterdir())


def _stored(store: PointInTimeStore, kind: DataKind) -> pa.Table:
    parts = [store.read_segment(segment) for segment in store.segments(kind)]
    return pa.concat_tables(parts, promote_options="permissive")


def _compare_table(path: Path, found: pa.Table) -> None:
    """Compare the columns of a file with those of the store as multisets of rows."""
    source = pq.read_table(path) if path.suffix == ".parquet" else pa_csv.read_csv(path)
    assert source.num_rows == found.num_rows
    names = {name: _RENAMED.get(name, name) if "umid" in source.column_names else name for name in source.column_names}
    if path.parent.name == "rates":
        names = {name: "rate_pct" if name.endswith("_pct") else name for name in names}
    frames = []
    for table, columns in ((source, list(names)), (found, list(names.values()))):
        frame = table.select(columns).rename_columns(list(names)).to_pandas()
        for name in frame.columns[[str(kind) == "category" for kind in frame.dtypes]]:
            frame[name] = frame[name].astype(str)
        frame["row"] = pd.util.hash_pandas_object(_plain(frame), index=False)
        frames.append(np.sort(frame["row"].to_numpy()))
    np.testing.assert_array_equal(frames[0], frames[1])


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    plain = pd.DataFrame(index=frame.index)
    for name in frame.columns:
        column = frame[name]
        if isinstance(column.dtype, pd.DatetimeTZDtype):
            column = column.dt.tz_convert("UTC").dt.tz_localize(None)
        stamped = pd.api.types.is_datetime64_any_dtype(column)
        plain[name] = column.astype("datetime64[ns]").astype("int64") if stamped else column.astype(str)
    return plain


def _compare_messages(store: PointInTimeStore, path: Path, kinds: tuple[DataKind, ...]) -> None:
    if DataKind.CHAINS in kinds:
        symbols = store.symbols(DataKind.CHAINS)
        found = [chain for name in symbols for chain in store.chains.between(name, known_ns=FOREVER_NS)]
        expected = sorted(open_chains(path), key=lambda chain: (chain.symbol, chain.ts_event_ns))
        for left, right in zip(found, expected, strict=True):
            assert_same(left, right)
        return
    batches = [b for file in open_ticks(path).files for group in file.batches(Tally()) for b in group if b.ts_ns.size]
    (symbol,) = {batch.symbol for batch in batches}
    reads = {TradeBatch: store.trades, QuoteBatch: store.quotes}
    for kind, read in reads.items():
        own = [batch for batch in batches if isinstance(batch, kind)]
        columns = ("ts_ns", *(("price", "size") if kind is TradeBatch else ("bid", "ask", "bid_size", "ask_size")))
        got = list(read(symbol, known_ns=FOREVER_NS))
        for name in columns if own else ():
            read_back, written = (np.concatenate([getattr(b, name) for b in part]) for part in (got, own))
            np.testing.assert_array_equal(read_back, written, err_msg=name)


@pytest.mark.slow
def test_every_file_comes_in_and_reads_back_equal(data_root: Path, tmp_path: Path) -> None:
    """Rows, columns and messages of the whole folder; nothing is lost, and nothing is known before it happened."""
    checked = 0
    for path in _files(data_root):
        store, _ = store_at(tmp_path / path.name)
        report = ingest(store, path)
        assert report.status is IngestStatus.WRITTEN, f"{path}: {report.problem}"
        if set(report.kinds) & {DataKind.CHAINS, DataKind.TRADES, DataKind.QUOTES}:
            _compare_messages(store, path, report.kinds)
        else:
            (kind,) = report.kinds
            _compare_table(path, _stored(store, kind))
        checked += 1
    assert checked == len(_files(data_root)) > 60


def test_sessions_are_found_by_date(data_root: Path, tmp_path: Path) -> None:
    """The chain of a session, read as of the next morning, is the one of that date."""
    store, _ = store_at(tmp_path)
    path = data_root / "option_chains/cboe_spx_snapshots.parquet"
    ingest(store, path)
    for chain in list(open_chains(path))[::6]:
        found = store.chains.newest("SPX", known_ns=FOREVER_NS, session=chain.session)
        assert_same(found, chain)
        earlier = store.chains.keys("SPX", known_ns=chain.ts_event_ns - 1)
        assert all(key.ts_event_ns < chain.ts_event_ns for key in earlier)
