"""Trades that a stream did not bring, from an exchange's history."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.ccxt_markets.client import VenueClient
from adapters.ccxt_markets.rows import trade_number
from adapters.ccxt_markets.terms import MarketKind, MarketTerms
from adapters.ccxt_markets.trade_line import Missed

__all__ = ["NUMBERED", "missed_trades"]

NUMBERED: Final = frozenset({"binance", "binanceusdm", "binancecoinm"})
"""Exchanges whose aggregated trades are numbered without holes, market by market, and can be asked for by number."""

Row = Mapping[str, Any]
_PAGE: Final = 1000
_MOST_PAGES: Final = 200
# Newest trades of one answer, from the documentation; an exchange not named here may cut its answer anywhere.
_NEWEST: Final = {"bybit": 1000, "okx": 500}
_NEWEST_SPOT: Final = {"bybit": 60}


def missed_trades(client: VenueClient, terms: MarketTerms, missed: Missed) -> tuple[list[Row], bool]:
    """Return the trades of a stretch and whether history goes back to its beginning.

    Parameters
    ----------
    client : VenueClient
        Asked; Binance by number, Deribit by time, any other for its newest trades.
    terms : MarketTerms
        Whose trades.
    missed : Missed
        From where on.

    Returns
    -------
    tuple of list and bool
        Structures of ccxt in order of time, and whether nothing before them is missing.
    """
    if client.exchange_id in NUMBERED:
        return _by_number(client, terms.symbol, missed)
    if client.exchange_id == "deribit":
        return _by_time(client, terms.symbol, missed)
    return _newest(client, terms, missed)


def _by_number(client: VenueClient, symbol: str, missed: Missed) -> tuple[list[Row], bool]:
    found: list[Row] = []
    # Binance answers a start with one hour at most; from there on numbers lead.
    rows = (
        client.call("fetch_trades", symbol, missed.since_ms, _PAGE)
        if missed.number < 0
        else client.call("fetch_trades", symbol, None, _PAGE, {"fromId": str(missed.number)})
    )
    for _ in range(_MOST_PAGES):
        found += rows
        if len(rows) < _PAGE:
            return found, True
        rows = client.call("fetch_trades", symbol, None, _PAGE, {"fromId": str(int(rows[-1]["id"]) + 1)})
    return found, False


def _by_time(client: VenueClient, symbol: str, missed: Missed) -> tuple[list[Row], bool]:
    found: dict[str, Row] = {}
    since_ms = missed.since_ms
    for _ in range(_MOST_PAGES):
        rows = client.call("fetch_trades", symbol, since_ms, _PAGE, {"sorting": "asc"})
        fresh = {str(row["id"]): row for row in rows if str(row["id"]) not in found}
        found |= fresh
        if len(rows) < _PAGE or not fresh:
            return list(found.values()), len(rows) < _PAGE
        since_ms = int(rows[-1]["timestamp"])
    return list(found.values()), False


def _newest(client: VenueClient, terms: MarketTerms, missed: Missed) -> tuple[list[Row], bool]:
    limit = _NEWEST.get(client.exchange_id, _PAGE)
    if terms.kind is MarketKind.SPOT:
        limit = _NEWEST_SPOT.get(client.exchange_id, limit)
    rows: list[Row] = client.call("fetch_trades", terms.symbol, None, limit)
    is_all = client.exchange_id in _NEWEST and len(rows) < limit
    # A page that begins before what is asked for, or holds the newest trade that is known, has all after it.
    reaches = any(int(row["timestamp"]) < missed.since_ms or trade_number(row["id"]) == missed.number for row in rows)
    return rows, is_all or reaches
