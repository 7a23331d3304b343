"""Funding of perpetuals as exchanges tell it: the rate, when it is paid, and over which interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, final

import numpy as np

from adapters.ccxt_markets.client import VenueClient
from adapters.ccxt_markets.rows import provenance_of
from adapters.ccxt_markets.terms import MarketTerms
from market.chains import FloatArray
from market.clock import iso_of_ns
from market.funding import FundingBatch, payment_intervals
from market.trades import CONSOLIDATED

__all__ = ["ToldIntervals", "current_batch", "history_batch", "interval_from_market", "interval_ns_of"]

_MS: Final = 1_000_000
_MINUTE_NS: Final = 60 * 10**9
HOUR_NS: Final = 60 * _MINUTE_NS


# Binance lists the interval of those perpetuals only whose interval is not this.
_UNLISTED_NS: Final = dict.fromkeys(("binance", "binanceusdm", "binancecoinm"), 8 * HOUR_NS)


@final
class ToldIntervals:
    """Funding intervals as an exchange tells them today.

    Parameters
    ----------
    client : VenueClient
        With its markets loaded.
    """

    def __init__(self, client: VenueClient) -> None:
        self._client = client
        self._listed: dict[str, Any] | None = None

    def of(self, symbol: str) -> int:
        """Return the interval of a perpetual, ns; 0 where the exchange tells none apart from its rates.

        Parameters
        ----------
        symbol : str
            Perpetual.
        """
        exchange = self._client.exchange
        told = interval_from_market(exchange.markets[symbol])
        if told or not self._client.offers("fetchFundingIntervals"):
            return told
        if self._listed is None:
            self._listed = self._client.call("fetch_funding_intervals")
        listed = self._listed.get(symbol)
        if listed is None:
            return _UNLISTED_NS.get(self._client.exchange_id, 0)
        return interval_ns_of(listed.get("interval"), exchange.parse_timeframe)

    def forget(self) -> None:
        """Ask the exchange again, as after a payment: perpetuals are moved from one interval to another."""
        if self._client.offers("fetchFundingIntervals"):
            self._listed = None
        else:
            self._client.call("load_markets", True)


def interval_from_market(row: Mapping[str, Any]) -> int:
    """Return the funding interval that a market structure tells, ns; 0 where it tells none."""
    # Bybit tells minutes; ccxt turns them into whole hours, which makes 30 minutes to nothing.
    minutes = (row.get("info") or {}).get("fundingInterval")
    return 0 if minutes in {None, ""} else int(float(str(minutes)) * _MINUTE_NS)


def interval_ns_of(text: object, parse_timeframe: Callable[[str], float]) -> int:
    """Return the length of an interval such as ``8h``, ns; 0 where there is none."""
    return int(parse_timeframe(str(text)) * 1e9) if text else 0


def history_batch(
    terms: MarketTerms,
    rows: Sequence[Mapping[str, Any]],
    *,
    first_ns: int,
    before_ns: int,
    declared_ns: int,
    simulated: bool,
) -> FundingBatch:
    """Build settled funding from structures of ``fetch_funding_rate_history``.

    Parameters
    ----------
    terms : MarketTerms
        The perpetual.
    rows : sequence of mapping
        In order of time, at least one.
    first_ns : int
        Rows before this serve to find the interval of the first row, and are left out.
    before_ns : int
        The payment before the first row; 0 where it is not known.
    declared_ns : int
        Interval that the venue tells for today; 0 where none.
    simulated : bool
        Mark for the provenance.

    Returns
    -------
    FundingBatch
        With `is_settled` True; Deribit's rows are those of single hours.
    """
    ts_ns = np.array([int(row["timestamp"]) for row in rows], dtype=np.int64) * _MS
    info = [row.get("info") or {} for row in rows]
    if terms.exchange_id == "deribit":
        # Deribit pays all the time and prints each hour; its 8-hour rate overlaps with that of the next seven rows.
        rate = _floats([item.get("interest_1h") for item in info])
        spans = np.full(len(rows), HOUR_NS, dtype=np.int64)
    else:
        rate = _floats([row.get("fundingRate") for row in rows])
        spans = payment_intervals(ts_ns, before_ns=before_ns, declared_ns=declared_ns)
    keep = ts_ns >= first_ns
    n = int(keep.sum())
    return FundingBatch(
        symbol=terms.symbol,
        ts_event_ns=int(ts_ns[-1]),
        cause_id=f"{terms.exchange_id}:{terms.symbol}:funding:{iso_of_ns(int(ts_ns[0]))}:{n}",
        provenance=provenance_of(terms.exchange_id, "funding-history", simulated=simulated),
        ts_ns=ts_ns[keep],
        funding_ns=ts_ns[keep],
        interval_ns=spans[keep],
        rate=rate[keep],
        is_settled=np.ones(n, dtype=np.bool_),
        mark=_floats([item.get("markPrice") for item in info])[keep],
        index=_floats([item.get("index_price") for item in info])[keep],
        venue=np.full(n, CONSOLIDATED, dtype=np.int16),
    )


def current_batch(
    terms: MarketTerms, row: Mapping[str, Any], *, interval_ns: int, known_ns: int, simulated: bool
) -> FundingBatch:
    """Build one row from a structure of ``fetch_funding_rate``: the forecast of the next payment.

    Parameters
    ----------
    terms : MarketTerms
        The perpetual.
    row : mapping
        Structure of ccxt.
    interval_ns : int
        The venue's own interval, ns.
    known_ns : int
        Instant of receipt, for venues that stamp no row, ns since the epoch, UTC.
    simulated : bool
        Mark for the provenance.

    Returns
    -------
    FundingBatch
        One row. A venue that names no next payment pays all the time: its rate is of the interval that ends now, and
        settled.
    """
    stamped = row.get("timestamp") is not None
    ts_ns = int(row["timestamp"]) * _MS if stamped else known_ns
    due = row.get("fundingTimestamp")
    return FundingBatch(
        symbol=terms.symbol,
        ts_event_ns=ts_ns,
        cause_id=f"{terms.exchange_id}:{terms.symbol}:funding:{iso_of_ns(ts_ns)}",
        provenance=provenance_of(terms.exchange_id, "funding", simulated=simulated, stamped=stamped),
        ts_ns=np.array([ts_ns], dtype=np.int64),
        funding_ns=np.array([ts_ns if due is None else int(due) * _MS], dtype=np.int64),
        interval_ns=np.array([interval_ns], dtype=np.int64),
        rate=_floats([row.get("fundingRate")]),
        is_settled=np.array([due is None]),
        mark=_floats([row.get("markPrice")]),
        index=_floats([row.get("indexPrice")]),
        venue=np.full(1, CONSOLIDATED, dtype=np.int16),
    )


def _floats(values: Sequence[Any]) -> FloatArray:
    return np.array([math.nan if value in {None, ""} else float(value) for value in values], dtype=np.float64)
