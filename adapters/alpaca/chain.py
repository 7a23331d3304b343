"""An option chain from Alpaca's two halves: snapshots with quotes and Greeks, listings with open interest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.alpaca.rows import origin, stamp_ns
from adapters.chains.assemble import Contracts, SnapshotKey, Spot, assemble, listed_product
from adapters.chains.occ import parse_occ
from market.calendars import latest_session
from market.chains import FloatArray, OptionChain
from market.instruments import product_of
from market.provenance import AsOfSource

__all__ = ["AlpacaChain", "assembled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlpacaChain:
    """A chain, and of which day its open interest is.

    Parameters
    ----------
    chain : OptionChain
        As received: `ts_event_ns` is the instant of receipt, from which on all of it was known.
    open_interest_day : ndarray of datetime64[D], shape (n_contracts,)
        Day of each contract's open interest; NaT where there is none.
    """

    chain: OptionChain
    open_interest_day: NDArray[np.datetime64]


def assembled(
    symbol: str,
    listed: Sequence[Mapping[str, Any]],
    snapshots: Mapping[str, Mapping[str, Any]],
    stock: Mapping[str, Any],
    received_ns: int,
    *,
    simulated: bool,
) -> AlpacaChain:
    """Return the chain of an underlying.

    Parameters
    ----------
    symbol : str
        Underlying.
    listed : sequence of mapping
        Contracts as listed, with open interest.
    snapshots : mapping of str to mapping
        Snapshots by contract; what a contract lacks is missing in the chain, never 0.
    stock : mapping
        Snapshot of the underlying.
    received_ns : int
        Instant of receipt, ns since the epoch, UTC; a quote of a later instant moves it.
    simulated : bool
        Whether the venue is emulated.

    Returns
    -------
    AlpacaChain
        Contracts that stand in either half.
    """
    by_name = {str(item.get("symbol")): item for item in listed}
    names = sorted({*by_name, *snapshots})
    told = [snapshots.get(name, {}) for name in names]
    quotes = [item.get("latestQuote") or {} for item in told]
    stamps = np.array([stamp_ns(quote["t"]) if "t" in quote else 0 for quote in quotes], dtype=np.int64)
    ts_event_ns = max(received_ns, int(stamps.max(initial=0)))
    symbols = np.array([name.encode() for name in names], dtype=np.bytes_).reshape(len(names))
    parsed = parse_occ(symbols)
    trades, greeks = ([item.get(key) or {} for item in told] for key in ("latestTrade", "greeks"))
    contracts = Contracts(
        root=parsed.root,
        expiration=parsed.expiration,
        right=parsed.right,
        strike=parsed.strike,
        bad=~parsed.valid,
        non_standard=np.array([by_name.get(name, {}).get("size", "100") != "100" for name in names], dtype=np.bool_),
        bid=_numbers(quotes, "bp"),
        ask=_numbers(quotes, "ap"),
        bid_size=_numbers(quotes, "bs"),
        ask_size=_numbers(quotes, "as"),
        last=_numbers(trades, "p"),
        open_interest=_numbers([by_name.get(name, {}) for name in names], "open_interest"),
        iv=_numbers(told, "impliedVolatility"),
        delta=_numbers(greeks, "delta"),
        gamma=_numbers(greeks, "gamma"),
        quote_ts_ns=np.where(stamps > 0, stamps, ts_event_ns),
        symbols=symbols,
        spot=_spot(stock),
    )
    key = SnapshotKey(
        symbol=symbol,
        session=latest_session(product_of(symbol).calendar, ts_event_ns).day,
        ts_event_ns=ts_event_ns,
        as_of_source=AsOfSource.RECEIVED,
        n_contracts=len(names),
        simulated=simulated,
    )
    chain = assemble(contracts, key, source="alpaca", path=Path("snapshots"), product=listed_product)
    chain = replace(chain, provenance=origin("options/snapshots", simulated=simulated))
    days = [str(by_name.get(name.decode(), {}).get("open_interest_date") or "NaT") for name in chain.symbols.tolist()]
    return AlpacaChain(chain=chain, open_interest_day=np.array(days, dtype="datetime64[D]"))


def _numbers(records: Sequence[Mapping[str, Any]], name: str) -> FloatArray:
    return np.array([_number(record.get(name)) for record in records], dtype=np.float64)


def _number(value: object) -> float:
    try:
        return float(str(value)) if value is not None else np.nan
    except ValueError:
        return np.nan


def _spot(stock: Mapping[str, Any]) -> Spot:
    trade, quote = stock.get("latestTrade") or {}, stock.get("latestQuote") or {}
    return Spot(
        last=_number(trade.get("p")),
        bid=_number(quote.get("bp")),
        ask=_number(quote.get("ap")),
        ts_ns=stamp_ns(trade["t"]) if "t" in trade else None,
    )
