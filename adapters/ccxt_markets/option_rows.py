"""What exchanges tell about all options on a coin, brought into one form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from adapters.ccxt_markets.client import VenueClient
from adapters.ccxt_markets.terms import MarketKind, MarketTerms
from market.clock import datetime_of_ns

__all__ = ["option_rows"]

Row = Mapping[str, Any]


def option_rows(client: VenueClient, coin: str, terms: Mapping[str, MarketTerms]) -> list[dict[str, Any]]:
    """Return all option contracts on a coin.

    Parameters
    ----------
    client : VenueClient
        Asked: once on Deribit and Bybit; on OKX and Binance for the parts of which a chain is made.
    coin : str
        Such as ``BTC``.
    terms : mapping of str to MarketTerms
        What the exchange lists.

    Returns
    -------
    list of dict
        Structures of ccxt's ``fetch_option_chain`` with ``openInterest``, and in ``info`` the forward, the index, the
        volatility, Greeks per coin and USD, sizes and the volume, by Deribit's or Bybit's names. Amounts are in coins
        on these two, in contracts on the others.
    """
    gather = {"okx": _okx, "binance": _binance}.get(client.exchange_id)
    if gather is None:
        return list(client.call("fetch_option_chain", coin).values())
    return gather(client, coin, terms)


def _okx(client: VenueClient, coin: str, _terms: Mapping[str, MarketTerms]) -> list[dict[str, Any]]:
    family = {"uly": f"{coin}-USD"}
    tickers = client.call("fetch_option_chain", coin).values()
    marks = _by(client.call("publicGetPublicOptSummary", family)["data"], "instId")
    held = _by(client.call("publicGetPublicOpenInterest", {**family, "instType": "OPTION"})["data"], "instId")
    index: Row = next(iter(client.call("publicGetMarketIndexTickers", {"instId": f"{coin}-USD"})["data"]), {})
    found = []
    for row in tickers:
        told = row["info"]
        mark = marks.get(told["instId"], _NOTHING)
        info = {
            "timestamp": told.get("ts"),
            "underlyingPrice": mark.get("fwdPx"),
            "indexPrice": index.get("idxPx"),
            "markIv": _positive(mark.get("markVol")),
            # `delta` and `gamma` are adjusted for the premium in coin; these are Black's.
            "delta": mark.get("deltaBS"),
            "gamma": mark.get("gammaBS"),
            "bid1Size": told.get("bidSz"),
            "ask1Size": told.get("askSz"),
            "volume24h": told.get("vol24h"),
        }
        found.append({**row, "openInterest": held.get(told["instId"], _NOTHING).get("oi"), "info": info})
    return found


def _binance(client: VenueClient, coin: str, terms: Mapping[str, MarketTerms]) -> list[dict[str, Any]]:
    listed = [item for item in terms.values() if item.kind is MarketKind.OPTION and item.base == coin]
    marks = _by(client.call("eapiPublicGetMark"), "symbol")
    tickers = _by(client.call("eapiPublicGetTicker"), "symbol")
    held: dict[str, Row] = {}
    for day in sorted({datetime_of_ns(item.expiry_ns).strftime("%y%m%d") for item in listed}):
        query = {"underlyingAsset": coin, "expiration": day}
        held |= _by(client.call("eapiPublicGetOpenInterest", query), "symbol")
    index = client.call("eapiPublicGetIndex", {"underlying": f"{coin}USDT"})
    found = []
    for item in listed:
        name = item.venue_symbol
        mark, told = marks.get(name, _NOTHING), tickers.get(name, _NOTHING)
        info = {
            "timestamp": index.get("time"),
            "indexPrice": index.get("indexPrice"),
            "markIv": _positive(mark.get("markIV")),
            "delta": mark.get("delta"),
            "gamma": mark.get("gamma"),
            "volume24h": told.get("volume"),
        }
        found.append(
            {
                "symbol": item.symbol,
                "bidPrice": _positive(told.get("bidPrice")),
                "askPrice": _positive(told.get("askPrice")),
                "lastPrice": _positive(told.get("lastPrice")),
                "openInterest": held.get(name, _NOTHING).get("sumOpenInterest"),
                "info": info,
            }
        )
    names = {item.venue_symbol for item in listed}
    # What has been listed since: without terms it is no contract yet, but the caller learns of it.
    fresh = [name for name in marks if name.partition("-")[0] == coin and name not in names]
    return [*found, *({"symbol": name, "info": {}} for name in fresh)]


_NOTHING: Final[Row] = {}


def _by(rows: list[Row], name: str) -> dict[str, Row]:
    return {str(row[name]): row for row in rows}


def _positive(value: object) -> object:
    # 0 stands for what is not there.
    return value if value not in {None, ""} and float(str(value)) > 0.0 else None
