"""Snapshots of all options of an underlying as one chain."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np

from adapters.chains.assemble import Contracts, SnapshotKey, Spot, assemble
from adapters.chains.occ import parse_occ
from adapters.polygon.client import PolygonClient
from adapters.polygon.tickers import SOURCE
from market.calendars import latest_session
from market.chains import FloatArray, OptionChain
from market.clock import Clock
from market.errors import VenueError
from market.instruments import product_of
from market.provenance import AsOfSource

__all__ = ["fetch_chain"]

_LIMIT: Final = 250
_SHARES: Final = 100.0


def fetch_chain(
    client: PolygonClient,
    symbol: str,
    clock: Clock,
    *,
    ticker: str | None = None,
    expirations: tuple[date, date] | None = None,
    strikes: tuple[float, float] | None = None,
    is_known: bool = False,
) -> OptionChain:
    """Fetch the chain of an underlying as it stands.

    Parameters
    ----------
    client : PolygonClient
        The client.
    symbol : str
        Underlying.
    clock : Clock
        The chain's instant is that of the last page, or of its newest quote where that is later.
    ticker : str, optional
        The vendor's name of the underlying, such as ``I:SPX``; the symbol by default.
    expirations, strikes : tuple, optional
        The first and the last that are wanted, both included.
    is_known : bool
        Whether the underlying is known to have options: an empty answer is then a failure that passes.

    Returns
    -------
    OptionChain
        Open interest is that of the previous close. Greeks and volatility of contracts for which the vendor has none,
        deep in or out of the money, are NaN. Contracts with another deliverable are dropped and counted.

    Raises
    ------
    VenueError
        The vendor refused, failed in every try, or knows no such options.
    """
    query: dict[str, Any] = {"limit": _LIMIT}
    for name, span in (("expiration_date", expirations), ("strike_price", strikes)):
        if span is not None:
            query |= {f"{name}.gte": str(span[0]), f"{name}.lte": str(span[1])}
    name = ticker or symbol
    rows = [row for row in client.rows("list_snapshot_options_chain", name, params=query) if row.details is not None]
    if not rows:
        raise VenueError(
            f"the vendor has no options of {name}",
            retryable=is_known,
            found="an empty chain",
            expected="at least one contract",
            action="check the ticker (an index is written I:SPX) and the filters",
        )
    now_ns = max(clock.now_ns(), *(_whole(row.last_quote, "last_updated", 0) for row in rows), 0)
    key = SnapshotKey(
        symbol=symbol,
        session=latest_session(product_of(symbol).calendar, now_ns).day,
        ts_event_ns=now_ns,
        as_of_source=AsOfSource.RECEIVED,
        n_contracts=len(rows),
        simulated=client.config.emulated,
    )
    return assemble(_contracts(rows, now_ns), key, source=f"{SOURCE}-chain", path=Path(name.replace(":", "_")))


def _contracts(rows: list[Any], now_ns: int) -> Contracts:
    tickers = np.array([(row.details.ticker or "").removeprefix("O:").encode() for row in rows])
    named = parse_occ(tickers)
    quoted = _column(rows, "last_quote", "last_updated")
    known = np.isfinite(quoted) & (quoted > 0.0)
    quote_ns = np.array([_whole(row.last_quote, "last_updated", now_ns) for row in rows], dtype=np.int64)
    return Contracts(
        root=named.root,
        expiration=named.expiration,
        right=named.right,
        strike=named.strike,
        bad=~named.valid,
        non_standard=_column(rows, "details", "shares_per_contract") != _SHARES,
        bid=_column(rows, "last_quote", "bid"),
        ask=_column(rows, "last_quote", "ask"),
        last=_column(rows, "last_trade", "price"),
        open_interest=_of(rows, "open_interest"),
        volume=_column(rows, "day", "volume"),
        bid_size=_column(rows, "last_quote", "bid_size"),
        ask_size=_column(rows, "last_quote", "ask_size"),
        iv=_of(rows, "implied_volatility"),
        delta=_column(rows, "greeks", "delta"),
        gamma=_column(rows, "greeks", "gamma"),
        quote_ts_ns=np.where(known, quote_ns, now_ns),
        symbols=tickers,
        spot=_spot(rows, now_ns),
    )


def _of(rows: list[Any], name: str) -> FloatArray:
    return np.array([_number(getattr(row, name)) for row in rows])


def _column(rows: list[Any], part: str, name: str) -> FloatArray:
    return np.array([_number(getattr(getattr(row, part), name, None)) for row in rows])


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _whole(part: object, name: str, default: int) -> int:
    value = getattr(part, name, None)  # ns do not fit a float
    return int(value) if isinstance(value, int | float) else default


def _spot(rows: list[Any], now_ns: int) -> Spot:
    assets = [row.underlying_asset for row in rows if row.underlying_asset is not None]
    priced = [(asset, _number(asset.price if asset.price is not None else asset.value)) for asset in assets]
    priced = [(asset, price) for asset, price in priced if price > 0.0]
    if not priced:
        return Spot()
    asset, price = max(priced, key=lambda item: _whole(item[0], "last_updated", 0))
    return Spot(last=price, ts_ns=_whole(asset, "last_updated", now_ns))
