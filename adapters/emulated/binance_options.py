"""Binance's public options interface, which settles in USDT, over an emulated desk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from adapters.emulated.coin_records import MS, as_json, price_text
from adapters.emulated.server import Desk, view_of
from market.chains import OptionChain

__all__ = ["option_routes"]


def option_routes(desk: Desk, limited: Callable[[], Response | None]) -> list[BaseRoute]:
    """Return the routes under ``/eapi/v1``: all chains of the feed as contracts of one coin that settle in USDT.

    Parameters
    ----------
    desk : Desk
        Market and clock.
    limited : callable
        Counts a request against the exchange's limit; returns the refusal where it is used up.
    """

    def route(name: str, answer: Callable[[list[OptionChain], Request], Any]) -> Route:
        async def endpoint(request: Request) -> Response:
            as_of_ns = view_of(request).as_of_ns
            chains = [c for coin in desk.market.symbols if (c := desk.market.chain(coin, as_of_ns)) is not None]
            return limited() or as_json(answer(chains, request))

        return Route(f"/eapi/v1/{name}", endpoint, methods=["GET"])

    return [
        route("exchangeInfo", lambda chains, _: {"optionSymbols": _each(chains, _terms)}),
        route("ticker", lambda chains, _: _each(chains, _ticker)),
        route("mark", lambda chains, _: _each(chains, _mark)),
        route("index", _index),
        route("openInterest", _interest),
    ]


def _each(chains: list[OptionChain], one: Callable[[OptionChain, int], dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"symbol": _name(chain, row), **one(chain, row)} for chain in chains for row in range(chain.n_contracts)]


def _terms(chain: OptionChain, row: int) -> dict[str, Any]:
    series = chain.series[int(chain.series_index[row])]
    return {
        "expiryDate": series.expiry_ns // MS,
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "0.1", "maxPrice": "1000000", "tickSize": "0.1"},
            {"filterType": "LOT_SIZE", "minQty": "0.01", "maxQty": "1000", "stepSize": "0.01"},
        ],
        "side": "CALL" if chain.is_call[row] else "PUT",
        "strikePrice": price_text(float(chain.strike[row])),
        "underlying": f"{chain.symbol}USDT",
        "quoteAsset": "USDT",
        "unit": 1,
        "priceScale": 1,
        "quantityScale": 2,
        "status": "TRADING",
    }


def _ticker(chain: OptionChain, row: int) -> dict[str, Any]:
    names = {"bidPrice": chain.bid, "askPrice": chain.ask, "lastPrice": chain.last, "volume": chain.volume}
    return {name: _text(values[row]) for name, values in names.items()}


def _mark(chain: OptionChain, row: int) -> dict[str, Any]:
    names = {"markIV": chain.vendor_iv, "delta": chain.vendor_delta, "gamma": chain.vendor_gamma}
    return {name: _text(values[row]) for name, values in names.items()}


def _index(chains: list[OptionChain], request: Request) -> dict[str, Any]:
    name = request.query_params.get("underlying", "")
    chain = next(item for item in chains if f"{item.symbol}USDT" == name)
    return {"time": chain.ts_event_ns // MS, "indexPrice": _text(chain.spot_last)}


def _interest(chains: list[OptionChain], request: Request) -> list[dict[str, Any]]:
    coin, day = (request.query_params.get(name, "") for name in ("underlyingAsset", "expiration"))
    return [
        {"symbol": _name(chain, row), "sumOpenInterest": _text(chain.open_interest[row])}
        for chain in chains
        for row in range(chain.n_contracts)
        if chain.symbol == coin and _day(chain, row) == day
    ]


def _day(chain: OptionChain, row: int) -> str:
    return f"{chain.series[int(chain.series_index[row])].expiration:%y%m%d}"


def _name(chain: OptionChain, row: int) -> str:
    return f"{chain.symbol}-{_day(chain, row)}-{chain.strike[row]:g}-{'C' if chain.is_call[row] else 'P'}"


def _text(value: Any) -> str:
    # Binance prints 0 for what is not there.
    return price_text(float(value)) if np.isfinite(value) else "0"
