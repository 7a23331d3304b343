"""Minute Greeks as option chains, and the open interest of the morning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from adapters.chains.assemble import Contracts, SnapshotKey, Spot, assemble
from adapters.thetadata.columns import (
    CONTRACT_COLUMNS,
    contracts_of,
    expirations_of,
    instants_of,
    rights_of,
    strikes_of,
)
from adapters.ticks.interest import MorningInterest
from adapters.ticks.tables import numbers, words
from market.chains import FloatArray, OptionChain
from market.contracts import ContractIndex
from market.provenance import AsOfSource
from market.trades import Int64Array

__all__ = ["GREEK_COLUMNS", "INTEREST_COLUMNS", "GreekMinute", "chains_of", "open_interest_of"]

GREEK_COLUMNS: Final = (
    *CONTRACT_COLUMNS,
    *("timestamp", "bid", "ask", "delta", "implied_vol", "underlying_timestamp", "underlying_price"),
)
INTEREST_COLUMNS: Final = (*CONTRACT_COLUMNS, "timestamp", "open_interest")
_ABSENT: Final = MappingProxyType(
    {
        "vendor_gamma": "the first-order Greeks have no gamma: compute it from vendor_iv and the time to expiry",
        "last": "the Greeks carry quotes only",
        "volume": "the Greeks carry quotes only",
        "bid_size": "the Greeks carry no sizes",
        "ask_size": "the Greeks carry no sizes",
    }
)
_NO_INTEREST: Final = "no open interest was given"


@dataclass(frozen=True, slots=True, kw_only=True)
class GreekMinute:
    """The chain of one minute, and why some of its arrays are empty.

    Parameters
    ----------
    chain : OptionChain
        Quotes, implied volatility and delta; what is absent is NaN.
    absent : mapping of str to str
        Array of the chain to the reason why it is NaN.
    """

    chain: OptionChain
    absent: Mapping[str, str]


def open_interest_of(table: pa.Table, symbol: str) -> MorningInterest:
    """Return the open interest of a day as it was published.

    Parameters
    ----------
    table : pyarrow.Table
        With `INTEREST_COLUMNS`.
    symbol : str
        Underlying.

    Returns
    -------
    MorningInterest
        Positions of the previous close, in order of publication.
    """
    ts_ns = instants_of(table, "timestamp")
    contracts, contract, bad = contracts_of(table, ts_ns)
    values = numbers(table, "open_interest")
    keep = np.flatnonzero(~bad & (ts_ns > 0) & np.isfinite(values) & (values >= 0.0))
    keep = keep[np.argsort(ts_ns[keep], kind="stable")]
    return MorningInterest(
        path=Path("thetadata"),
        symbol=symbol,
        contracts=contracts,
        contract=contract[keep],
        ts_ns=ts_ns[keep],
        open_interest=values[keep],
        n_dropped=table.num_rows - keep.size,
    )


def chains_of(
    table: pa.Table, symbol: str, session: date, *, interest: MorningInterest | None = None
) -> Iterator[GreekMinute]:
    """Yield one chain per instant of a table of Greeks, in order of time.

    Parameters
    ----------
    table : pyarrow.Table
        With `GREEK_COLUMNS`.
    symbol : str
        Underlying.
    session : datetime.date
        Trading session.
    interest : MorningInterest, optional
        Open interest of the morning; a row that was published after a chain's instant is not used for it.

    Yields
    ------
    GreekMinute
        The chain of each instant, with the reasons for what it lacks.
    """
    absent = _ABSENT if interest is not None else MappingProxyType({**_ABSENT, "open_interest": _NO_INTEREST})
    ts_ns = instants_of(table, "timestamp")
    for instant in np.unique(ts_ns[ts_ns > 0]):
        rows = table.take(pa.array(np.flatnonzero(ts_ns == instant)))
        chain = _chain(rows, symbol, session, int(instant))
        if interest is not None:
            chain = replace(chain, open_interest=_interest_of(chain, interest))
        yield GreekMinute(chain=chain, absent=absent)


def _chain(rows: pa.Table, symbol: str, session: date, instant: int) -> OptionChain:
    rights = rights_of(rows)
    right: NDArray[np.int8] = np.select([rights == "C", rights == "P"], [1, 0], default=-1).astype(np.int8)
    prices, stamps = numbers(rows, "underlying_price"), instants_of(rows, "underlying_timestamp")
    # The newest print of the underlying that was there already at the chain's instant.
    printed = np.flatnonzero(np.isfinite(prices) & (prices > 0.0) & (stamps > 0) & (stamps <= instant))
    newest = printed[np.argmax(stamps[printed])] if printed.size else None
    spot = Spot() if newest is None else Spot(last=float(prices[newest]), ts_ns=int(stamps[newest]))
    columns = Contracts(
        root=words(rows, "symbol").astype("S32"),
        expiration=expirations_of(rows),
        right=right,
        strike=strikes_of(rows),
        bad=np.zeros(rows.num_rows, dtype=np.bool_),
        bid=numbers(rows, "bid"),
        ask=numbers(rows, "ask"),
        iv=numbers(rows, "implied_vol"),
        delta=numbers(rows, "delta"),
        spot=spot,
    )
    key = SnapshotKey(
        symbol=symbol,
        session=session,
        ts_event_ns=instant,
        as_of_source=AsOfSource.STAMPED,
        n_contracts=rows.num_rows,
    )
    return assemble(columns, key, source="thetadata-greeks", path=Path("thetadata"))


def _interest_of(chain: OptionChain, interest: MorningInterest) -> FloatArray:
    index = ContractIndex()
    numbers_of_table: Int64Array = index.register(interest.contracts)
    known = interest.ts_ns <= chain.ts_event_ns
    latest = np.full(len(index) + 1, np.nan)  # the last place stands for contracts without any
    latest[numbers_of_table[interest.contract[known]]] = interest.open_interest[known]
    found: FloatArray = latest[index.find(chain)]
    return found
