"""Option chains of exchanges: Deribit and OKX in coin, Bybit and Binance in dollars, all at 08:00 UTC."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from adapters.ccxt_markets.client import VenueClient
from adapters.ccxt_markets.terms import MarketTerms
from adapters.chains.assemble import Contracts, SnapshotKey, Spot, assemble
from market.chains import FloatArray, OptionChain
from market.clock import datetime_of_ns
from market.errors import ConfigError, DataError
from market.instruments import Product, product_of
from market.provenance import AsOfSource

__all__ = ["chain_of", "require_known_units", "why_no_chain"]

_MS: Final = 1_000_000
# Units differ by exchange (coin or dollars, per cent or fraction): only those that were checked are read.
_IV_UNIT: Final = {"deribit": 100.0, "bybit": 1.0, "okx": 1.0, "binance": 1.0}
_IN_CONTRACTS: Final = frozenset({"okx", "binance"})


def why_no_chain(client: VenueClient) -> str:
    """Return why an exchange has no option chains that are read; empty where it has."""
    name = client.exchange_id
    if name == "binance":
        loaded = any(row.get("option") for row in (client.exchange.markets or {}).values())
        return "" if loaded else "binance's option chains are not loaded: name `option` among the market types"
    if not client.offers("fetchOptionChain"):
        return f"{name} does not offer option chains: there is none of its coins"
    return "" if name in _IV_UNIT else f"the units of option chains on {name} are not known: none is read"


def require_known_units(exchange_id: str) -> None:
    """Refuse an exchange whose units of option data were not checked.

    Parameters
    ----------
    exchange_id : str
        As ccxt names it.
    """
    if exchange_id not in _IV_UNIT:
        raise ConfigError(
            f"the units of option chains on {exchange_id} are not known",
            found=exchange_id,
            expected=f"one of {', '.join(sorted(_IV_UNIT))}",
            action="read its chains from a file, or its trades and bars",
        )


def chain_of(
    coin: str,
    rows: Sequence[Mapping[str, Any]],
    terms: Callable[[str], MarketTerms | None],
    *,
    exchange_id: str,
    known_ns: int,
    simulated: bool,
) -> OptionChain:
    """Build a chain from the rows of `adapters.ccxt_markets.option_rows.option_rows`.

    Parameters
    ----------
    coin : str
        Underlying, such as ``BTC``.
    rows : sequence of mapping
        Structures of ccxt, with the exchange's own record under ``info``.
    terms : callable
        Terms of a unified symbol; None where the exchange does not list it, which makes the row a bad one.
    exchange_id : str
        One whose units are known.
    known_ns : int
        Instant of receipt, for exchanges that stamp no row, ns since the epoch, UTC.
    simulated : bool
        Mark for the provenance.

    Returns
    -------
    OptionChain
        Prices in USD per coin. The last trade of a coin-quoted contract is missing: the price of the coin at that
        trade is not told.
    """
    require_known_units(exchange_id)
    if not rows:
        raise DataError(f"{exchange_id} lists no options on a coin", found=coin, expected="at least one contract")
    listed = [terms(str(row.get("symbol"))) for row in rows]
    products = {
        name: product
        for item in listed
        if item is not None
        for name, product in [(_root(item, exchange_id), _product(item, exchange_id))]
    }
    stamps = [_first(row["info"], "creation_timestamp", "timestamp") for row in rows]
    newest_ms = max((stamp for stamp in stamps if math.isfinite(stamp)), default=math.nan)
    is_stamped = math.isfinite(newest_ms)
    ts_ns = int(newest_ms) * _MS if is_stamped else known_ns
    key = SnapshotKey(
        symbol=coin,
        session=datetime_of_ns(ts_ns).date(),
        ts_event_ns=ts_ns,
        as_of_source=AsOfSource.STAMPED if is_stamped else AsOfSource.RECEIVED,
        n_contracts=len(rows),
        simulated=simulated,
    )
    return assemble(
        _contracts(rows, listed, exchange_id),
        key,
        source=f"ccxt-{exchange_id}",
        path=Path(f"{exchange_id}-options"),
        product=lambda root, symbol: None if symbol != coin else products.get(root),
    )


def _contracts(rows: Sequence[Mapping[str, Any]], listed: Sequence[MarketTerms | None], exchange_id: str) -> Contracts:
    info = [row["info"] for row in rows]
    forward = np.array([_first(item, "underlying_price", "underlyingPrice") for item in info])
    inverse = np.array([item is not None and item.is_inverse for item in listed])
    usd = np.where(inverse, forward, 1.0)
    iv = np.array([_first(item, "mark_iv", "markIv") for item in info]) / _IV_UNIT[exchange_id]
    index = np.array([_first(item, "estimated_delivery_price", "indexPrice") for item in info])
    known = index[np.isfinite(index) & (index > 0.0)]
    days = [np.datetime64(item.expiry_ns, "ns") if item else np.datetime64("NaT", "ns") for item in listed]
    return Contracts(
        root=np.array([_root(item, exchange_id) if item else "" for item in listed]).astype("S32"),
        expiration=np.array(days).astype("datetime64[D]"),
        right=np.array([-1 if item is None else int(item.is_call) for item in listed], dtype=np.int8),
        strike=np.array([math.nan if item is None else item.strike for item in listed]),
        bad=np.array([item is None for item in listed]),
        # No bid (or ask) comes as null; 0 is how a chain says so.
        bid=np.nan_to_num(_column(rows, "bidPrice"), nan=0.0) * usd,
        ask=np.nan_to_num(_column(rows, "askPrice"), nan=0.0) * usd,
        last=np.where(inverse, np.nan, _column(rows, "lastPrice")),
        open_interest=_in_contracts(_column(rows, "openInterest"), listed),
        volume=_in_contracts(np.array([_first(item, "volume", "volume24h") for item in info]), listed),
        bid_size=np.array([_first(item, "bid1Size") for item in info]),
        ask_size=np.array([_first(item, "ask1Size") for item in info]),
        iv=iv,
        delta=np.array([_first(item, "delta") for item in info]),
        gamma=np.array([_first(item, "gamma") for item in info]),
        forward=forward,
        symbols=np.array([item.venue_symbol if item else "" for item in listed]).astype("S48"),
        spot=Spot(last=float(known[0]) if known.size else math.nan),
    )


def _root(terms: MarketTerms, exchange_id: str) -> str:
    # Contracts on one coin with different settlement may share strike and expiry, and are different contracts.
    settled = "" if terms.is_inverse else f".{terms.settle}"
    return f"{terms.base}@{exchange_id.upper()}{settled}"


def _product(terms: MarketTerms, exchange_id: str) -> Product | None:
    try:
        listed = product_of(_root(terms, exchange_id))
    except DataError:
        return None
    # Terms that a root does not tell would not survive a file: such contracts are left out and counted.
    return listed if listed.multiplier == terms.contract_size else None


def _first(info: Mapping[str, Any], *names: str) -> float:
    for name in names:
        value = info.get(name)
        if value not in {None, ""}:
            return float(str(value))
    return math.nan


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> FloatArray:
    return np.array([math.nan if row.get(name) is None else float(row[name]) for row in rows], dtype=np.float64)


def _in_contracts(amounts: FloatArray, listed: Sequence[MarketTerms | None]) -> FloatArray:
    # Deribit and Bybit count in coins.
    sizes = [math.nan if item is None else _unit(item) for item in listed]
    return amounts / np.array(sizes, dtype=np.float64)


def _unit(terms: MarketTerms) -> float:
    return 1.0 if terms.exchange_id in _IN_CONTRACTS else terms.contract_size
