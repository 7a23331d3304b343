"""Order books of ccxt as messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from adapters.ccxt_markets.rows import provenance_of
from adapters.ccxt_markets.terms import MarketTerms
from market.books import BookSnapshot
from market.clock import iso_of_ns

__all__ = ["book_of", "guard_changes"]

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


def guard_changes(exchange: Any, on_gap: Callable[[str], None]) -> None:
    """Look at the numbers of Deribit's book changes, which ccxt does not.

    Parameters
    ----------
    exchange : ccxt.pro.deribit
        A change that does not follow the one before never reaches its book, which is dropped.
    on_gap : callable
        Gets the market; it must see to a new snapshot.
    """
    inner, newest = exchange.handle_order_book, dict[str, Any]()

    def handle(client: Any, message: Mapping[str, Any]) -> None:
        told = message["params"]["data"]
        symbol, is_whole = exchange.safe_symbol(told["instrument_name"]), told.get("type") == "snapshot"
        if is_whole:
            # ccxt would put a snapshot on top of the levels that it has.
            exchange.orderbooks.pop(symbol, None)
        elif symbol not in newest:
            return  # behind a gap
        elif told.get("prev_change_id") != newest[symbol]:
            del newest[symbol]
            exchange.orderbooks.pop(symbol, None)
            on_gap(symbol)
            return
        newest[symbol] = told["change_id"]
        inner(client, message)

    exchange.handle_order_book = handle
