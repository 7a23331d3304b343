"""OKX's public REST interface for options that settle in the coin, over an emulated desk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, final

import numpy as np
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from adapters.emulated.coin_records import MS, CoinRecords, as_json, price_text
from adapters.emulated.faults import Fault, FaultKind
from adapters.emulated.server import Desk, view_of
from market.chains import FloatArray, OptionChain

__all__ = ["OkxFront"]

_DIGITS: Final = 8


@final
class OkxFront:
    """Answers as www.okx.com does where spot markets and option chains are asked for.

    Parameters
    ----------
    records : CoinRecords
        Spot markets; option chains come from the feed under the coin's symbol.
    """

    def __init__(self, records: CoinRecords) -> None:
        self._records = records

    def routes(self, desk: Desk) -> Sequence[BaseRoute]:
        """Return the HTTP routes."""
        answers: dict[str, Callable[[Desk, Request], list[dict[str, Any]]]] = {
            "public/time": lambda _desk, request: [{"ts": str(view_of(request).now_ns // MS)}],
            "public/instruments": self._instruments,
            "public/opt-summary": lambda desk, request: _told(desk, request, _mark),
            "public/open-interest": lambda desk, request: _told(desk, request, _interest),
            "market/tickers": lambda desk, request: _told(desk, request, _ticker),
            "market/index-tickers": _index,
        }

        def route(name: str, answer: Callable[[Desk, Request], list[dict[str, Any]]]) -> Route:
            async def endpoint(request: Request) -> Response:
                return as_json({"code": "0", "msg": "", "data": answer(desk, request)})

            return Route(f"/api/v5/{name}", endpoint, methods=["GET"])

        return [route(name, answer) for name, answer in answers.items()]

    def refusal(self, fault: Fault) -> Response:
        """Return OKX's form of a refused, limited or failed request."""
        if fault.kind is FaultKind.RATE_LIMITED:
            return as_json({"code": "50011", "msg": "Too Many Requests", "data": []}, 429)
        if fault.kind is FaultKind.REVOKED_KEY:
            return as_json({"code": "50111", "msg": "Invalid OK-ACCESS-KEY", "data": []}, 401)
        return as_json({"code": "50001", "msg": "Service temporarily unavailable", "data": []}, fault.status)

    def headers(self, desk: Desk) -> dict[str, str]:
        """Return no headers: OKX tells nothing of its limits there."""
        del desk
        return {}

    def _instruments(self, desk: Desk, request: Request) -> list[dict[str, Any]]:
        kind = request.query_params.get("instType")
        if kind == "OPTION":
            return _told(desk, request, _terms)
        spot = [market for market in self._records.markets if not market.is_perpetual]
        return [
            {
                "instId": f"{market.base}-{market.quote}",
                "instType": "SPOT",
                "baseCcy": market.base,
                "quoteCcy": market.quote,
                "lotSz": price_text(market.lot),
                "minSz": price_text(market.lot),
                "tickSz": price_text(market.tick),
                "state": "live" if market.is_active else "suspend",
            }
            for market in spot
            if kind == "SPOT"
        ]


def _told(
    desk: Desk, request: Request, one: Callable[[OptionChain, int, FloatArray], dict[str, Any]]
) -> list[dict[str, Any]]:
    coin = request.query_params.get("uly", "").partition("-")[0]
    chain = desk.market.chain(coin, view_of(request).as_of_ns)
    if chain is None:
        return []
    forward = chain.vendor_forward[chain.series_index]
    forward = np.where(np.isfinite(forward), forward, chain.spot_last)
    return [{"instId": _name(chain, row), **one(chain, row, forward)} for row in range(chain.n_contracts)]


def _terms(chain: OptionChain, row: int, _forward: FloatArray) -> dict[str, Any]:
    series = chain.series[int(chain.series_index[row])]
    return {
        "instType": "OPTION",
        "uly": f"{chain.symbol}-USD",
        "settleCcy": chain.symbol,
        "ctVal": "1",
        "ctMult": price_text(series.product.multiplier),
        "ctValCcy": chain.symbol,
        "expTime": str(series.expiry_ns // MS),
        "optType": "C" if chain.is_call[row] else "P",
        "stk": f"{chain.strike[row]:g}",
        "lotSz": "1",
        "minSz": "1",
        "tickSz": "0.0001",
        "state": "live",
    }


def _ticker(chain: OptionChain, row: int, forward: FloatArray) -> dict[str, Any]:
    multiplier = chain.series[int(chain.series_index[row])].product.multiplier
    return {
        "instType": "OPTION",
        "last": "",
        "bidPx": _coins(chain.bid[row] / forward[row]),
        "askPx": _coins(chain.ask[row] / forward[row]),
        "bidSz": _text(chain.bid_size[row]),
        "askSz": _text(chain.ask_size[row]),
        "vol24h": _text(chain.volume[row]),
        "volCcy24h": _text(chain.volume[row] * multiplier),
        "ts": str(chain.ts_event_ns // MS),
    }


def _mark(chain: OptionChain, row: int, forward: FloatArray) -> dict[str, Any]:
    premium = np.nan_to_num(0.5 * (chain.bid[row] + chain.ask[row]) / forward[row])
    return {
        "instType": "OPTION",
        "uly": f"{chain.symbol}-USD",
        "fwdPx": _text(forward[row]),
        "markVol": _text(chain.vendor_iv[row]),
        "deltaBS": _text(chain.vendor_delta[row]),
        "gammaBS": _text(chain.vendor_gamma[row]),
        "delta": _text(chain.vendor_delta[row] - premium),
        "ts": str(chain.ts_event_ns // MS),
    }


def _interest(chain: OptionChain, row: int, _forward: FloatArray) -> dict[str, Any]:
    multiplier = chain.series[int(chain.series_index[row])].product.multiplier
    contracts = chain.open_interest[row]
    return {"instType": "OPTION", "oi": _text(contracts), "oiCcy": _text(contracts * multiplier)}


def _index(desk: Desk, request: Request) -> list[dict[str, Any]]:
    name = request.query_params.get("instId", "")
    chain = desk.market.chain(name.partition("-")[0], view_of(request).as_of_ns)
    return [] if chain is None else [{"instId": name, "idxPx": _text(chain.spot_last)}]


def _name(chain: OptionChain, row: int) -> str:
    if chain.symbols.shape[0]:
        return bytes(chain.symbols[row]).decode()
    day = chain.series[int(chain.series_index[row])].expiration
    return f"{chain.symbol}-USD-{day:%y%m%d}-{chain.strike[row]:g}-{'C' if chain.is_call[row] else 'P'}"


def _text(value: Any) -> str:
    return price_text(float(value)) if np.isfinite(value) else ""


def _coins(value: Any) -> str:
    # A side without an order is an empty word.
    return price_text(round(float(value), _DIGITS)) if np.isfinite(value) and value > 0.0 else ""
