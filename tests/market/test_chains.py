"""The option chain checks its own shape, and survives the way to another process."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from datetime import date
from typing import Any

import numpy as np
import pytest

from market.calendars import expiry_series
from market.chains import DropReason, OptionChain
from market.errors import DataError
from market.instruments import product_of
from market.provenance import AsOfSource, Provenance

_FLOATS = ("strike", "bid", "ask", "last", "open_interest", "volume", "bid_size", "ask_size", "vendor_iv",
           "vendor_delta", "vendor_gamma")  # fmt: skip


def _chain(**changes: Any) -> OptionChain:
    series = expiry_series(product_of("SPXW"), date(2023, 6, 16))
    arrays: dict[str, Any] = {name: np.array([1.0, 2.0, np.nan if name != "strike" else 3.0]) for name in _FLOATS}
    whole: dict[str, Any] = {
        "symbol": "SPX", "session": date(2023, 5, 23), "ts_event_ns": 5, "cause_id": "c",
        "provenance": Provenance(source="s", origin="o", simulated=True, as_of_source=AsOfSource.STAMPED),
        "series": (series,), "series_index": np.zeros(3, dtype=np.int32), "is_call": np.array([True, False, True]),
        "quote_ts_ns": np.full(3, 5), "symbols": np.array([], dtype="S1"), "vendor_forward": np.array([np.nan]),
        "spot_last": 1.0, "spot_bid": np.nan, "spot_ask": np.nan, "spot_ts_ns": 5, "n_read": 4,
        "dropped": {DropReason.DUPLICATE: 1},
    }  # fmt: skip
    return OptionChain(**{**arrays, **whole, **changes})


@pytest.mark.parametrize("name", [*_FLOATS, "series_index", "is_call", "quote_ts_ns"])
def test_each_array_must_have_one_value_per_contract(name: str) -> None:
    """The error names the array and both shapes."""
    short = getattr(_chain(), name)[:2]
    with pytest.raises(DataError, match=r"shape \(") as caught:
        _chain(**{name: short})
    assert name == "strike" or name in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"symbols": np.array([b"a"])}, "symbols"),
        ({"vendor_forward": np.array([1.0, 2.0])}, "vendor_forward"),
        ({"series_index": np.array([0, 0, 1], dtype=np.int32)}, "series_index"),
        ({"series_index": np.array([0, 0, -1], dtype=np.int32)}, "series_index"),
        ({"strike": np.array([1.0, 0.0, 2.0])}, "above 0"),
        ({"strike": np.array([1.0, np.nan, 2.0])}, "above 0"),
        ({"n_read": 3}, "contract counts"),
        ({"dropped": {}}, "contract counts"),
    ],
)
def test_what_contradicts_itself_is_no_chain(changes: dict[str, Any], words: str) -> None:
    """Strikes, places of series and counts are checked once, here."""
    with pytest.raises(DataError, match=words):
        _chain(**changes)


def test_a_chain_may_be_empty() -> None:
    """A source may drop each contract; the count remains."""
    none: dict[str, Any] = {name: np.empty(0) for name in (*_FLOATS, "vendor_forward")}
    kinds = {"series_index": np.int32, "is_call": np.bool_, "quote_ts_ns": np.int64}
    none |= {name: np.empty(0, dtype=kind) for name, kind in kinds.items()}
    chain = _chain(**none, series=(), n_read=1)
    assert (chain.n_contracts, chain.expiry_ns.shape, chain.multiplier.shape) == (0, (0,), (0,))


def test_series_give_instants_and_multipliers() -> None:
    """One value per series, not per contract."""
    chain = _chain()
    assert chain.expiry_ns.tolist() == [chain.series[0].expiry_ns]
    assert chain.multiplier.tolist() == [100.0]


def test_a_chain_survives_pickling() -> None:
    """All fields, also where arrays are read-only as they come from the object store."""
    chain = _chain()
    for name in _FLOATS:
        getattr(chain, name).setflags(write=False)
    copy = pickle.loads(pickle.dumps(chain, protocol=5))  # noqa: S301  # our own bytes
    for item in fields(OptionChain):
        left, right = getattr(chain, item.name), getattr(copy, item.name)
        if isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right)
            assert left.dtype == right.dtype
        elif item.name not in {"spot_bid", "spot_ask"}:
            assert left == right


def test_a_changed_copy_is_checked_again() -> None:
    """Frozen messages are replaced, and the replacement obeys the same rules."""
    chain = _chain()
    assert replace(chain, symbol="XSP").symbol == "XSP"
    with pytest.raises(DataError, match="bid"):
        replace(chain, bid=np.array([1.0]))
