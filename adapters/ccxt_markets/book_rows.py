"""Order books of ccxt as messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from adapters.ccxt_markets.rows import provenance_of
from adapters.ccxt_markets.terms import MarketTerms
from market.books import BookSnapshot
from market.clock import iso_of_ns

__all__ = ["book_of"]

_MS: Final = 1_000_000


def book_of(terms: MarketTerms, book: Mapping[str, Any], *, known_ns: int, simulated: bool) -> BookSnapshot:
    """Return an order book with sizes in coins.

    Parameters
    ----------
    terms : MarketTerms
        Whose book.
    book : mapping
        With ``bids`` and ``asks`` as pairs of price and amount, best first, and ``timestamp`` in ms or None.
    known_ns : int
        Instant of receipt, for exchanges that stamp no book, ns since the epoch, UTC.
    simulated : bool
        Mark for the provenance.

    Returns
    -------
    BookSnapshot
        Of the coin; levels without an amount are left out.

    Raises
    ------
    DataError
        The levels are out of order.
    """
    stamp = book.get("timestamp")
    ts_ns = known_ns if stamp is None else int(stamp) * _MS
    sides: dict[str, Any] = {}
    for side in ("bid", "ask"):
        levels = np.array([level[:2] for level in book[f"{side}s"]], dtype=np.float64).reshape(-1, 2)
        levels = levels[levels[:, 1] > 0.0]
        price = levels[:, 0].copy()
        sides |= {f"{side}_price": price, f"{side}_size": terms.units(levels[:, 1].copy(), price)}
    return BookSnapshot(
        symbol=terms.base,
        market=terms.symbol,
        ts_event_ns=ts_ns,
        cause_id=f"{terms.exchange_id}:{terms.symbol}:book:{iso_of_ns(ts_ns)}",
        provenance=provenance_of(
            terms.exchange_id, f"stream of {terms.symbol}", simulated=simulated, stamped=stamp is not None
        ),
        **sides,
    )
