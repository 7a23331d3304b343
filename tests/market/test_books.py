"""An order book that is not one is refused, and a sound one survives pickling."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from market.books import BookSnapshot
from market.errors import DataError
from market.provenance import AsOfSource, Provenance

_PROVENANCE = Provenance(source="test", origin="test", simulated=True, as_of_source=AsOfSource.STAMPED)


def _book(bids: list[tuple[float, float]], asks: list[tuple[float, float]]) -> BookSnapshot:
    bid, ask = np.array(bids, dtype=np.float64).reshape(-1, 2), np.array(asks, dtype=np.float64).reshape(-1, 2)
    return BookSnapshot(
        symbol="BTC",
        market="BTC/USDT:USDT",
        ts_event_ns=1,
        cause_id="test",
        provenance=_PROVENANCE,
        bid_price=bid[:, 0].copy(),
        bid_size=bid[:, 1].copy(),
        ask_price=ask[:, 0].copy(),
        ask_size=ask[:, 1].copy(),
    )


def test_a_book_survives_pickling() -> None:
    """It crosses processes with the quotes."""
    book = _book([(100.0, 1.0), (99.0, 2.0)], [(101.0, 3.0)])
    again = pickle.loads(pickle.dumps(book))  # noqa: S301  # our own bytes
    np.testing.assert_array_equal(again.bid_price, book.bid_price)
    assert (again.market, again.provenance) == (book.market, book.provenance)


def test_a_side_may_be_empty() -> None:
    """A book without an offer is a fact."""
    assert _book([(100.0, 1.0)], []).ask_price.size == 0


@pytest.mark.parametrize(
    ("bids", "asks"),
    [
        ([(99.0, 1.0), (100.0, 1.0)], []),
        ([], [(101.0, 1.0), (101.0, 1.0)]),
        ([(100.0, 0.0)], []),
        ([], [(-1.0, 1.0)]),
        ([(float("nan"), 1.0)], []),
    ],
)
def test_levels_out_of_order_or_empty_are_refused(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]]
) -> None:
    """Bids fall, asks rise, prices and sizes are positive."""
    with pytest.raises(DataError, match="levels out of order"):
        _book(bids, asks)
