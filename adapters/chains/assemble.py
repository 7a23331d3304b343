"""The one place where columns of contracts become an `OptionChain`: drops, duplicates and expirations."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from adapters.chains.columns import distinct
from market.calendars import expiry_series
from market.chains import DropReason, FloatArray, OptionChain
from market.clock import iso_of_ns
from market.errors import DataError
from market.instruments import ExpirySeries, Product, product_of
from market.provenance import AsOfSource, Provenance

__all__ = ["Contracts", "SnapshotKey", "Spot", "assemble", "crypto_product", "listed_product"]

# The longest listed options run six years; a date beyond fifteen is a misread cell, not a contract.
_LONGEST_DAYS = 15 * 366
_OLDEST_DAYS = 366
# Why a row is left out, by the codes that the rows bear; 0 is a row that is kept.
_REASONS = (
    DropReason.BAD_ROW,
    DropReason.BAD_STRIKE,
    DropReason.NON_STANDARD,
    DropReason.NEGATIVE_PRICE,
    DropReason.DUPLICATE,
)
_SAME_NAME = ("strike", "bid", "ask", "last", "open_interest", "volume", "bid_size", "ask_size")


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotKey:
    """One snapshot of a source, before its contracts are read.

    Parameters
    ----------
    symbol : str
        Underlying.
    session : datetime.date
        Trading session.
    ts_event_ns : int
        As-of instant, ns since the epoch, UTC.
    as_of_source : AsOfSource
        How the instant was found.
    n_contracts : int
        Contracts that the source holds for it, readable or not.
    simulated : bool
        Whether the snapshot was recorded from a simulation.
    """

    symbol: str
    session: date
    ts_event_ns: int
    as_of_source: AsOfSource
    n_contracts: int
    simulated: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """The underlying as printed: last, bid and ask in USD, and the instant in ns; NaN and None where absent."""

    last: float = math.nan
    bid: float = math.nan
    ask: float = math.nan
    ts_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """Columns of one snapshot as read, each of shape (n_rows,); an array that a source lacks is None.

    Parameters
    ----------
    root : ndarray of bytes
        Option roots.
    expiration : ndarray of datetime64[D]
        Expiration dates; NaT where unreadable.
    right : ndarray of int8
        1 call, 0 put, -1 unreadable.
    strike : ndarray
        Strikes.
    bad : ndarray of bool
        Rows with a cell that cannot be read.
    non_standard : ndarray of bool, optional
        Rows that the source marks as adjusted or foreign.
    bid, ask, last, open_interest, volume, bid_size, ask_size, iv, delta, gamma, forward : ndarray, optional
        As in `OptionChain`; `forward` per contract.
    quote_ts_ns : ndarray of int64, optional
        Instant of each quote.
    symbols : ndarray of bytes, optional
        Contract symbols.
    spot : Spot
        The underlying as printed.
    """

    root: NDArray[np.bytes_]
    expiration: NDArray[np.datetime64]
    right: NDArray[np.int8]
    strike: FloatArray
    bad: NDArray[np.bool_]
    non_standard: NDArray[np.bool_] | None = None
    bid: FloatArray | None = None
    ask: FloatArray | None = None
    last: FloatArray | None = None
    open_interest: FloatArray | None = None
    volume: FloatArray | None = None
    bid_size: FloatArray | None = None
    ask_size: FloatArray | None = None
    iv: FloatArray | None = None
    delta: FloatArray | None = None
    gamma: FloatArray | None = None
    forward: FloatArray | None = None
    quote_ts_ns: NDArray[np.int64] | None = None
    symbols: NDArray[np.bytes_] | None = None
    spot: Spot = field(default_factory=Spot)


def listed_product(root: str, symbol: str) -> Product | None:
    """Return the terms of a listed root, or None where it is adjusted or belongs to another underlying."""
    product = _known(root)
    if product is None or product.underlying != symbol or product.root[-1:].isdigit():
        return None
    return product


def crypto_product(root: str, symbol: str) -> Product | None:
    """Return the terms of a coin-settled root such as ``BTC@OKX``, or None where its terms are not known."""
    product = _known(root)
    return None if product is None or product.calendar != "24/7" or product.underlying != symbol else product


def _known(root: str) -> Product | None:
    try:
        return product_of(root)
    except DataError:
        return None


def assemble(  # one name per array of the chain
    contracts: Contracts,
    key: SnapshotKey,
    *,
    source: str,
    path: Path,
    product: Callable[[str, str], Product | None] = listed_product,
    malformed: int = 0,
) -> OptionChain:
    """Build a chain from columns: leave out and count what cannot be a contract, and group the rest by expiration.

    Parameters
    ----------
    contracts : Contracts
        Columns of shape (n_rows,).
    key : SnapshotKey
        Which snapshot this is.
    source : str
        Vendor and format, for the provenance.
    path : Path
        File, for the provenance and for errors.
    product : callable
        Terms of a root for a symbol; None makes its contracts `DropReason.NON_STANDARD`.
    malformed : int
        Contracts that stood on lines which could not even be split into columns.

    Returns
    -------
    OptionChain
        Kept contracts in the order of the source.
    """
    n = contracts.strike.shape[0]
    root_code, products = _products(contracts.root, key.symbol, product)
    reason = _reasons(contracts, key, root_code, products)
    keep = np.flatnonzero(reason == 0)
    series, index = _series(contracts.expiration[keep], root_code[keep], products, path)
    repeated = _repeated(index, contracts.strike[keep], contracts.right[keep])
    reason[keep[repeated]] = _REASONS.index(DropReason.DUPLICATE) + 1
    keep, index = keep[~repeated], index[~repeated]
    dropped = _counted(reason, malformed)
    if keep.size == 0:
        raise _nothing_left(path, key, n + malformed, dropped)
    used, index = distinct(index)

    arrays = _arrays(contracts, keep, key.ts_event_ns)
    spot = contracts.spot
    return OptionChain(
        symbol=key.symbol,
        session=key.session,
        ts_event_ns=key.ts_event_ns,
        cause_id=f"{path.name}:{key.symbol}:{iso_of_ns(key.ts_event_ns)}",
        provenance=Provenance(source=source, origin=path.name, simulated=key.simulated, as_of_source=key.as_of_source),
        series=tuple(series[i] for i in used),
        series_index=index.astype(np.int32),
        is_call=contracts.right[keep] == 1,
        vendor_forward=_forwards(contracts.forward, keep, index, used.size),
        **arrays,
        spot_last=_price(spot.last),
        spot_bid=_price(spot.bid),
        spot_ask=_price(spot.ask),
        spot_ts_ns=key.ts_event_ns if spot.ts_ns is None else spot.ts_ns,
        n_read=n + malformed,
        dropped=dropped,
    )


def _kept(values: FloatArray | None, keep: NDArray[np.int64]) -> FloatArray:
    if values is None:
        return np.full(keep.size, np.nan)
    return np.ascontiguousarray(values if keep.size == values.size else values[keep])


def _arrays(contracts: Contracts, keep: NDArray[np.int64], ts_event_ns: int) -> dict[str, Any]:
    iv = _kept(contracts.iv, keep)
    quotes, symbols = contracts.quote_ts_ns, contracts.symbols
    return {
        **{name: _kept(getattr(contracts, name), keep) for name in _SAME_NAME},
        "vendor_iv": np.where(iv > 0.0, iv, np.nan),  # vendors print 0 where they have none
        "vendor_delta": _kept(contracts.delta, keep),
        "vendor_gamma": _kept(contracts.gamma, keep),
        "quote_ts_ns": np.full(keep.size, ts_event_ns, dtype=np.int64) if quotes is None else quotes[keep],
        "symbols": np.array([], dtype="S1") if symbols is None else symbols[keep],
    }


def _price(value: float) -> float:
    # Cboe prints 0 for the bid and ask of an index that has none.
    return value if math.isfinite(value) and value > 0.0 else math.nan


def _products(
    roots: NDArray[np.bytes_], symbol: str, product: Callable[[str, str], Product | None]
) -> tuple[NDArray[np.int64], list[Product | None]]:
    found, codes = distinct(roots)
    names = [bytes(root).decode("ascii", "replace") for root in found]
    return codes, [product(name, symbol) if name else None for name in names]


def _reasons(
    contracts: Contracts, key: SnapshotKey, root_code: NDArray[np.int64], products: list[Product | None]
) -> NDArray[np.int8]:
    session = np.datetime64(key.session, "D")
    ahead = (contracts.expiration - session).astype("timedelta64[D]").astype(np.int64)
    in_range = ~np.isnat(contracts.expiration) & (ahead >= -_OLDEST_DAYS) & (ahead <= _LONGEST_DAYS)
    bad = contracts.bad | ~in_range | (contracts.right < 0) | (np.char.str_len(contracts.root) == 0)
    for amount in (contracts.open_interest, contracts.volume, contracts.bid_size, contracts.ask_size):
        bad = bad if amount is None else bad | (amount < 0.0)
    negative = np.zeros(bad.shape, dtype=np.bool_)
    for price in (contracts.bid, contracts.ask, contracts.last):
        negative = negative if price is None else negative | (price < 0.0)
    foreign = np.array([product is None for product in products], dtype=np.bool_)[root_code]
    if contracts.non_standard is not None:
        foreign = foreign | contracts.non_standard
    bad_strike = ~(np.isfinite(contracts.strike) & (contracts.strike > 0.0))
    conditions = [bad, bad_strike, foreign, negative]
    reason = np.zeros(bad.shape, dtype=np.int8)
    # From the last to the first: the first of several reasons is the one that counts.
    for place in reversed(range(len(conditions))):
        reason[conditions[place]] = place + 1
    return reason


def _series(
    expiration: NDArray[np.datetime64], root_code: NDArray[np.int64], products: list[Product | None], path: Path
) -> tuple[list[ExpirySeries], NDArray[np.int64]]:
    day = expiration.astype("datetime64[D]").astype(np.int64)
    key, codes = distinct(day * (len(products) + 1) + root_code)
    built = [_one_series(int(value), products, path) for value in key]
    order = sorted(range(len(built)), key=lambda i: (built[i].expiry_ns, built[i].product.root))
    place = np.empty(len(built), dtype=np.int64)
    place[order] = np.arange(len(built))
    return [built[i] for i in order], place[codes]


def _one_series(key: int, products: list[Product | None], path: Path) -> ExpirySeries:
    day, code = divmod(key, len(products) + 1)
    product = products[code]
    expiration = np.datetime64(day, "D").astype(date)
    if product is None:
        raise DataError("a contract without terms was kept", path=str(path), found=str(expiration))
    return expiry_series(product, expiration)


def _repeated(index: NDArray[np.int64], strike: FloatArray, right: NDArray[np.int8]) -> NDArray[np.bool_]:
    if strike.size and int(index.max()) < 2**14:
        # Nearly every table: the strikes of each side of a series rise, so none stands twice. Small codes sort fast.
        group = (index * 2 + right).astype(np.int16)
        order = np.argsort(group, kind="stable")
        ordered, ordered_group = strike[order], group[order]
        if bool(((ordered[1:] > ordered[:-1]) | (ordered_group[1:] != ordered_group[:-1])).all()):
            return np.zeros(strike.shape, dtype=np.bool_)
    _, strike_code = np.unique(strike, return_inverse=True)
    key = (index * (strike.size + 1) + strike_code.reshape(-1)) * 2 + right
    _, first = np.unique(key, return_index=True)
    repeated = np.ones(key.shape, dtype=np.bool_)
    repeated[first] = False
    return repeated


def _counted(reason: NDArray[np.int8], malformed: int) -> Mapping[DropReason, int]:
    counts = np.bincount(reason, minlength=len(_REASONS) + 1)[1:].tolist()
    # In the order of their names, whichever came first.
    dropped = {name: count for name, count in sorted(zip(_REASONS, counts, strict=True)) if count}
    if malformed:
        dropped[DropReason.BAD_ROW] = dropped.get(DropReason.BAD_ROW, 0) + malformed
    return dropped


def _forwards(
    forwards: FloatArray | None, keep: NDArray[np.int64], index: NDArray[np.int64], n_series: int
) -> FloatArray:
    result = np.full(n_series, np.nan)
    if forwards is None:
        return result
    forward = forwards[keep]
    for place in range(n_series):
        known = forward[(index == place) & np.isfinite(forward) & (forward > 0.0)]
        # A venue that stamps each contract apart prints forwards a few cents apart within one snapshot.
        result[place] = np.median(known) if known.size else np.nan
    return result


def _nothing_left(path: Path, key: SnapshotKey, n_read: int, dropped: Mapping[DropReason, int]) -> DataError:
    counts = ", ".join(f"{reason.value} {count}" for reason, count in dropped.items()) or "none"
    return DataError(
        f"no contract of {key.symbol or 'the snapshot'} on {key.session.isoformat()} can be read",
        path=str(path),
        found=f"{n_read} rows, dropped: {counts}",
        expected="at least one contract with a symbol or root, an expiration, a right and a strike above 0",
        action="check the file's columns, decimal separator and delimiter",
    )
