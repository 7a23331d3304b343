"""A segment of the store is a file of chains as any other."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from adapters.chains import open_chains, open_source
from adapters.store import DataKind, open_store
from market.chains import OptionChain
from market.errors import DataError
from tests.adapters.chains.samples import (
    cboe_rows,
    delayed_quotes,
    only,
    quote_table,
    recorded,
    standard_rows,
    write_table,
    write_text,
)
from tests.adapters.store.samples import trades
from tests.generators import Expiry, chain_of_columns, synthetic_chain


def _same(left: OptionChain, right: OptionChain) -> None:
    for item in fields(OptionChain):
        one, other = getattr(left, item.name), getattr(right, item.name)
        if isinstance(one, np.ndarray):
            assert one.dtype == other.dtype, item.name
            assert np.array_equal(one, other, equal_nan=one.dtype.kind == "f"), item.name
        elif isinstance(one, float):
            np.testing.assert_equal(other, one)
        else:
            assert one == other, item.name


def test_what_is_written_is_read_back_unchanged(tmp_path: Path) -> None:
    """Arrays, terms, drops, spot and provenance survive."""
    rows = [*standard_rows(), standard_rows()[0]]
    chains = [
        only(write_text(tmp_path / "a.json", delayed_quotes())),
        only(write_text(tmp_path / "b.csv", quote_table(rows))),
        only(write_table(tmp_path / "c.parquet", cboe_rows("2023-05-25"))),
    ]
    paths = recorded(chains, tmp_path / "store")
    found = [chain for path in paths for chain in open_chains(path)]
    for written, read in zip(sorted(chains, key=lambda chain: chain.ts_event_ns), found, strict=True):
        _same(written, read)
    assert sorted(key.n_contracts for path in paths for key in open_source(path).snapshots) == [2, 3, 10]
    assert {open_source(path).format for path in paths} == {"hedgefield-recording"}


def test_a_simulated_chain_stays_simulated(tmp_path: Path) -> None:
    """The mark is part of the recording, in the list of snapshots and in the chain."""
    chain = only(write_text(tmp_path / "b.csv", quote_table(standard_rows())))
    simulated = replace(chain, provenance=replace(chain.provenance, simulated=True))
    (path,) = recorded([simulated], tmp_path / "store")
    source = open_source(path)
    assert source.snapshots[0].simulated
    assert source.read(0).provenance.simulated


def test_a_chain_without_contracts_or_symbols_is_recorded_too(tmp_path: Path) -> None:
    """An empty chain is a fact as well."""
    chain = only(write_table(tmp_path / "c.parquet", cboe_rows("2023-05-25")))
    empty = {
        item.name: getattr(chain, item.name)[:0]
        for item in fields(OptionChain)
        if isinstance(getattr(chain, item.name), np.ndarray) and item.name not in {"vendor_forward", "symbols"}
    }
    nothing = replace(chain, **empty, n_read=0, symbols=np.array([], dtype="S1"), ts_event_ns=chain.ts_event_ns - 1)
    (path,) = recorded([chain, nothing], tmp_path / "store")
    first, second = open_chains(path)
    _same(first, nothing)
    _same(second, chain)


def test_kin_contracts_of_a_coin_exchange_stay_apart(tmp_path: Path) -> None:
    """Options that settle in USDT and in USDC share strike and expiry: both come back, with their own terms."""
    month = (Expiry(date(2023, 6, 30)),)
    parts = [synthetic_chain(30_000.0, month, root=f"BTC@BYBIT.{coin}", half_spread=1.0) for coin in ("USDT", "USDC")]
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("strike", "is_call", "bid", "ask", "open_interest", "vendor_iv")
    }
    columns["series_index"] = np.concatenate([part.series_index + place for place, part in enumerate(parts)])
    series = tuple(part.series[0] for part in parts)
    chain = chain_of_columns(columns, series=series, spot=30_000.0, as_of_ns=parts[0].ts_event_ns)
    (path,) = recorded([chain], tmp_path / "store")
    (found,) = open_chains(path)
    _same(found, chain)
    _same(open_store(tmp_path / "store").chains.newest(chain.symbol, known_ns=2**62), chain)
    assert [s.product.root for s in found.series] == ["BTC@BYBIT.USDT", "BTC@BYBIT.USDC"]
    assert {s.expiry_ns for s in found.series} == {series[0].expiry_ns}
    assert {s.product.underlying for s in found.series} == {"BTC"}


def test_a_recording_of_trades_is_not_taken_for_chains(tmp_path: Path) -> None:
    """The error says what the file holds."""
    store = open_store(tmp_path)
    writer = store.writer(DataKind.TRADES, origin="test")
    writer.add_message(trades(5))
    writer.commit()
    (segment,) = store.segments(DataKind.TRADES)
    with pytest.raises(DataError, match="holds no option chains; found TradeBatch"):
        open_source(tmp_path / segment.path)
