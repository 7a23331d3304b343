"""What a stream may have missed, asked of the other interface, in the records and stamps of the stream."""

from __future__ import annotations

from typing import Any, Final

from adapters.polygon.client import PolygonClient
from adapters.polygon.wire import Quote, Trade

__all__ = ["missed_quotes", "missed_trades"]

_MS: Final = 1_000_000
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


def _since(start_ms: int) -> dict[str, Any]:
    start_ns = start_ms * _MS
    span = {"timestamp_gte": start_ns, "timestamp_lt": start_ns + _WEEK_NS}
    return {"order": "asc", "sort": "timestamp", "limit": 50_000, **span}
