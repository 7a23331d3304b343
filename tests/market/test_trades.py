"""Batches of trades and quotes: they travel without loss, and can be cut and joined."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.calendars import expiry_series
from market.errors import DataError
from market.instruments import product_of
from market.provenance import AsOfSource, Provenance
from market.trades import UNDERLYING, ContractTable, QuoteBatch, TradeBatch, concatenate, select

_SERIES = tuple(expiry_series(product_of("SPXW"), date(2025, 6, day)) for day in (2, 3, 4))
_PROVENANCE = Provenance(source="test", origin="here", simulated=False, as_of_source=AsOfSource.STAMPED)


def _table(n: int) -> ContractTable:
    return ContractTable(
        series=_SERIES,
        series_index=(np.arange(n) % 3).astype(np.int32),
        strike=5.0 * np.arange(1_000.0, 1_000.0 + n),
        is_call=np.arange(n) % 2 == 0,
    )


def _trades(n: int, seed: int = 0, n_contracts: int = 7) -> TradeBatch:
    rng = np.random.default_rng(seed)
    return TradeBatch(
        symbol="SPX",
        ts_event_ns=10**18 + n,
        cause_id="test/1",
        provenance=_PROVENANCE,
        contracts=_table(n_contracts),
        contract=rng.integers(UNDERLYING, n_contracts, n).astype(np.int32),
        ts_ns=10**18 + np.arange(n),
        trade_id=np.arange(n),
        price=np.round(rng.uniform(0.05, 90.0, n), 2),
        size=rng.integers(1, 99, n).astype(np.float64),
        flags=rng.integers(0, 64, n).astype(np.uint8),
        venue=rng.integers(-1, 9, n).astype(np.int16),
        aggressor=rng.integers(-1, 2, n).astype(np.int8),
    )


def _quotes(n: int) -> QuoteBatch:
    trades = _trades(n)
    shared = {name: getattr(trades, name) for name in ("symbol", "ts_event_ns", "cause_id", "provenance", "contracts")}
    missing = np.full(n, np.nan)
    return QuoteBatch(
        **shared,
        contract=trades.contract,
        ts_ns=trades.ts_ns,
        bid=trades.price,
        ask=missing,
        bid_size=trades.size,
        ask_size=missing,
        venue=trades.venue,
    )


def _rows(batch: TradeBatch) -> list[tuple[object, ...]]:
    table = batch.contracts
    rows: list[tuple[object, ...]] = []
    for n, place in enumerate(batch.contract.tolist()):
        contract: tuple[object, ...] = ()
        if place != UNDERLYING:
            contract = table.series[table.series_index[place]], float(table.strike[place]), bool(table.is_call[place])
        numbers = (batch.ts_ns, batch.trade_id, batch.price, batch.size)
        rows.append((contract, *(column[n].item() for column in numbers)))
    return rows


@pytest.mark.parametrize("n", [0, 1, 50, 5_000])
@pytest.mark.parametrize("kind", [_trades, _quotes])
def test_a_batch_survives_pickling_bit_for_bit(kind: object, n: int) -> None:
    """Every array comes back with its type and bytes, and so does the rest."""
    batch = kind(n)  # type: ignore[operator]  # one of the two builders
    again = pickle.loads(pickle.dumps(batch, protocol=5))  # noqa: S301  # our own bytes
    for one, other in ((batch, again), (batch.contracts, again.contracts)):
        for item in fields(one):
            before, after = getattr(one, item.name), getattr(other, item.name)
            if isinstance(before, np.ndarray):
                assert (before.dtype, before.tobytes()) == (after.dtype, after.tobytes())
            elif item.name != "contracts":
                assert before == after


def test_a_large_batch_is_packed() -> None:
    """Constant columns vanish, prices in cents and whole sizes take few bytes."""
    n = 5_000
    batch = replace(_trades(n), ts_ns=np.full(n, 7), trade_id=np.full(n, -1), venue=np.full(n, -1, dtype=np.int16))
    assert len(pickle.dumps(batch, protocol=5)) < 8 * n  # 45 bytes a row as arrays


@given(st.integers(0, 20), st.data())
def test_selected_rows_say_what_they_said(n: int, data: st.DataObject) -> None:
    """Any choice of rows keeps their contracts, and no contract that none names."""
    batch = _trades(n)
    chosen = data.draw(st.lists(st.integers(0, n - 1), max_size=30) if n else st.just([]))
    part = select(batch, np.array(chosen, dtype=np.int64))
    rows = _rows(batch)
    assert _rows(part) == [rows[place] for place in chosen]
    assert part.contracts.n_contracts == len(set(batch.contract[chosen].tolist()) - {UNDERLYING})


@given(st.lists(st.integers(0, 12), min_size=1, max_size=5))
def test_joined_batches_hold_all_rows_in_order(sizes: list[int]) -> None:
    """Tables of different contracts are joined without mixing them up; the newest instant stays."""
    parts = [_trades(n, seed=place, n_contracts=3 + place) for place, n in enumerate(sizes)]
    whole = concatenate(parts)
    assert _rows(whole) == [row for part in parts for row in _rows(part)]
    assert whole.ts_event_ns == max(part.ts_event_ns for part in parts)
    assert len(whole.contracts.series) <= len(_SERIES)


def test_a_simulated_part_marks_the_whole() -> None:
    """Real and simulated trades together are simulated."""
    marked = replace(_trades(2), provenance=replace(_PROVENANCE, simulated=True))
    assert concatenate([marked, _trades(2)]).provenance.simulated


def test_batches_of_two_underlyings_are_not_joined() -> None:
    """Their contract tables would be of two worlds."""
    with pytest.raises(DataError, match="symbols"):
        concatenate([_trades(1), replace(_trades(1), symbol="NDX")])
