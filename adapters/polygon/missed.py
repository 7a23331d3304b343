"""What a stream may have missed, asked of the other interface, in the records and stamps of the stream."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import ZoneInfo

from adapters.polygon.client import PolygonClient
from adapters.polygon.wire import Bar, Quote, Trade
from market.clock import datetime_of_ns

__all__ = ["missed_bars", "missed_quotes", "missed_trades"]

_MS: Final = 1_000_000
_MINUTE_MS: Final = 60_000
_NEW_YORK: Final = ZoneInfo("America/New_York")
_WEEK_NS: Final = 7 * 86_400 * 1_000_000_000


def missed_trades(client: PolygonClient, ticker: str, start_ms: int) -> list[Trade]:
    """Return the trades of a ticker from an instant on, in order; stamps in whole milliseconds, as streams tell them.

    Parameters
    ----------
    client : PolygonClient
        Asked.
    ticker : str
        The vendor's name.
    start_ms : int
        The instant, ms since the epoch, UTC.
    """
    return [
        Trade(
            sym=ticker,
            t=row.sip_timestamp // _MS,
            p=row.price,
            s=row.size,
            q=-1 if row.sequence_number is None else row.sequence_number,
            x=-1 if row.exchange is None else row.exchange,
            c=row.conditions,
        )
        for row in client.rows("list_trades", ticker, **_since(start_ms))
    ]


def missed_quotes(client: PolygonClient, ticker: str, start_ms: int) -> list[Quote]:
    """Return the quotes of a ticker from an instant on, in order; see `missed_trades`."""
    return [
        Quote(
            sym=ticker,
            t=row.sip_timestamp // _MS,
            bp=row.bid_price or 0.0,
            ap=row.ask_price or 0.0,
            bs=row.bid_size or 0.0,
            as_=row.ask_size or 0.0,
        )
        for row in client.rows("list_quotes", ticker, **_since(start_ms))
    ]


def missed_bars(client: PolygonClient, ticker: str, start_ms: int, now_ms: int) -> list[Bar]:
    """Return the minutes of a ticker from that of an instant on; the one that is under way is none yet.

    Parameters
    ----------
    client : PolygonClient
        Asked.
    ticker : str
        The vendor's name.
    start_ms, now_ms : int
        The instant, and the vendor's time, ms since the epoch, UTC.
    """
    first, last = (datetime_of_ns(edge * _MS).astimezone(_NEW_YORK).date() for edge in (start_ms, now_ms))
    rows = client.rows("list_aggs", ticker, 1, "minute", first, last, adjusted=False, sort="asc", limit=50_000)
    return [
        Bar(
            sym=ticker,
            s=row.timestamp,
            e=row.timestamp + _MINUTE_MS,
            o=row.open,
            h=row.high,
            l=row.low,
            c=row.close,
            v=row.volume,
            vw=float("nan") if row.vwap is None else row.vwap,
        )
        for row in rows
        if start_ms - _MINUTE_MS < row.timestamp <= now_ms - _MINUTE_MS
    ]


def _since(start_ms: int) -> dict[str, Any]:
    start_ns = start_ms * _MS
    span = {"timestamp_gte": start_ns, "timestamp_lt": start_ns + _WEEK_NS}
    return {"order": "asc", "sort": "timestamp", "limit": 50_000, **span}
