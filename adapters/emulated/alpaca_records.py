"""Trades, quotes, bars and snapshots as Alpaca writes them: short keys, and stamps as a function of the caller's."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec
import numpy as np

from adapters.emulated.market import Bars
from market.chains import FloatArray, OptionChain
from market.clock import datetime_of_ns
from market.trades import UNDERLYING, ContractTable, QuoteBatch, TradeBatch, TradeFlag

__all__ = [
    "OPTION_VENUES",
    "STOCK_VENUES",
    "TAKERS",
    "Stamp",
    "Tape",
    "bar_records",
    "chain_symbols",
    "coin_quote_records",
    "coin_trade_records",
    "contract_records",
    "decoded",
    "encoded",
    "occ_symbols",
    "option_condition",
    "quote_records",
    "rfc3339",
    "snapshot_records",
    "stock_conditions",
    "trade_records",
    "wire_stamp",
]

Stamp = Callable[[int], object]


class Tape(StrEnum):
    """Which of the venue's streams."""

    STOCKS = "stocks"
    OPTIONS = "options"
    COINS = "coins"


_NS: Final = 1_000_000_000
_DAY_NS: Final = 86_400 * _NS
_YEAR_DAYS: Final = 365.0
STOCK_VENUES: Final = "VNQPZKJYABCDHMXU"
"""Letters of exchanges for shares, by number modulo 16."""

OPTION_VENUES: Final = "CANXBDEHIJMOPQTU"
"""Letters of exchanges for options, by number modulo 16."""

TAKERS: Final = {1: "B", -1: "S"}
"""Letters of the side that took, of coins."""

# Condition letters of the consolidated tapes and of OPRA.
_STOCK_CONDITIONS = {TradeFlag.AUCTION: "O", TradeFlag.OUT_OF_SEQUENCE: "Z"}
_OPTION_CONDITIONS = {
    TradeFlag.NONE: "I",
    TradeFlag.AUCTION: "a",
    TradeFlag.COMPLEX: "f",
    TradeFlag.COMPLEX | TradeFlag.AUCTION: "g",
    TradeFlag.OUT_OF_SEQUENCE: "D",
    TradeFlag.CANCELLED: "A",
}
_encoder = msgspec.msgpack.Encoder()


def rfc3339(instant_ns: int) -> str:
    """Return an instant as Alpaca prints it, with nine digits of the second."""
    return f"{datetime_of_ns(instant_ns):%Y-%m-%dT%H:%M:%S}.{instant_ns % _NS:09d}Z"


def wire_stamp(instant_ns: int) -> msgspec.msgpack.Ext:
    """Return an instant as msgpack's timestamp of 64 bits, exact to the nanosecond."""
    return msgspec.msgpack.Ext(-1, struct.pack(">Q", (instant_ns % _NS) << 34 | instant_ns // _NS))


def encoded(records: Sequence[object]) -> bytes:
    """Return records as one msgpack frame."""
    return _encoder.encode(records)


def decoded(frame: bytes) -> dict[str, Any] | None:
    """Return a client's message, or None where it is none."""
    try:
        message = msgspec.msgpack.decode(frame)
    except msgspec.DecodeError:
        return None
    return message if isinstance(message, dict) else None


def occ_symbols(table: ContractTable) -> list[str]:
    """Return the symbols of contracts, such as ``XSP250602C00590000``."""
    heads = [f"{series.product.root}{series.expiration:%y%m%d}" for series in table.series]
    strikes = np.rint(table.strike * 1000.0).astype(np.int64).tolist()
    return [
        f"{heads[place]}{'C' if call else 'P'}{strike:08d}"
        for place, call, strike in zip(table.series_index.tolist(), table.is_call.tolist(), strikes, strict=True)
    ]


def chain_symbols(chain: OptionChain) -> list[str]:
    """Return the symbols of a chain's contracts."""
    table = ContractTable(
        series=chain.series, series_index=chain.series_index, strike=chain.strike, is_call=chain.is_call
    )
    return occ_symbols(table)


def stock_conditions(flags: int) -> list[str]:
    """Return the sale conditions of a print in shares, as the consolidated tapes tell them."""
    return ["@", *(letter for flag, letter in _STOCK_CONDITIONS.items() if flag & flags)]


def option_condition(flags: int) -> str:
    """Return the sale condition of a print in options, as OPRA tells it."""
    return _OPTION_CONDITIONS.get(TradeFlag(flags), "I")


def trade_records(trades: TradeBatch, stamp: Stamp) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield symbol and record of each trade; an option's has no id and no tape, as at the venue."""
    names = [*occ_symbols(trades.contracts), trades.symbol]
    columns = (trades.contract, trades.ts_ns, trades.price, trades.size, trades.trade_id, trades.venue, trades.flags)
    for place, ts_ns, price, size, number, venue, flags in zip(*(column.tolist() for column in columns), strict=True):
        record: dict[str, Any] = {"t": stamp(ts_ns), "p": price, "s": size}
        if place == UNDERLYING:
            record |= {"x": STOCK_VENUES[venue % 16], "i": number, "z": "B"}
            record["c"] = stock_conditions(flags)
        else:
            record |= {"x": OPTION_VENUES[venue % 16], "c": option_condition(flags)}
        yield names[place], record


def quote_records(quotes: QuoteBatch, stamp: Stamp) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield symbol and record of each quote."""
    names = [*occ_symbols(quotes.contracts), quotes.symbol]
    sides = (np.nan_to_num(side) for side in (quotes.bid, quotes.ask, quotes.bid_size, quotes.ask_size))
    columns = [np.asarray(column).tolist() for column in (quotes.contract, quotes.ts_ns, *sides)]
    for place, ts_ns, bid, ask, bid_size, ask_size in zip(*columns, strict=True):
        record: dict[str, Any] = {
            "t": stamp(ts_ns),
            "bx": "Q",
            "bp": bid,
            "bs": bid_size,
            "ax": "Q",
            "ap": ask,
            "as": ask_size,
        }
        record["c"] = ["R"] if place == UNDERLYING else "A"
        yield names[place], record | ({"z": "B"} if place == UNDERLYING else {})


def coin_trade_records(trades: TradeBatch, stamp: Stamp) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield symbol and record of each trade of a coin: number and taker, and neither exchange nor condition."""
    columns = (trades.ts_ns, trades.price, trades.size, trades.trade_id, trades.aggressor)
    for ts_ns, price, size, number, aggressor in zip(*(column.tolist() for column in columns), strict=True):
        record = {"t": stamp(ts_ns), "p": price, "s": size, "i": number}
        yield trades.symbol, record | ({"tks": TAKERS[aggressor]} if aggressor else {})


def coin_quote_records(quotes: QuoteBatch, stamp: Stamp) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield symbol and record of each quote of a coin: prices and sizes, and nothing else."""
    sides = (np.nan_to_num(side) for side in (quotes.bid, quotes.bid_size, quotes.ask, quotes.ask_size))
    for ts_ns, *values in zip(quotes.ts_ns.tolist(), *(np.asarray(side).tolist() for side in sides), strict=True):
        yield quotes.symbol, {"t": stamp(ts_ns), **dict(zip(("bp", "bs", "ap", "as"), values, strict=True))}


def bar_records(bars: Bars, stamp: Stamp) -> list[dict[str, Any]]:
    """Return the records of bars."""
    columns = (bars.start_ns, bars.open, bars.high, bars.low, bars.close, bars.volume, bars.n_trades, bars.vwap)
    names = ("t", "o", "h", "l", "c", "v", "n", "vw")
    rows = zip(*(column.tolist() for column in columns), strict=True)
    return [dict(zip(names, (stamp(row[0]), *row[1:]), strict=True)) for row in rows]


def snapshot_records(chain: OptionChain, stamp: Stamp) -> dict[str, dict[str, Any]]:
    """Return the snapshots of a chain's contracts by symbol; what the venue has no number for is left out."""
    found: dict[str, dict[str, Any]] = {}
    others = _other_greeks(chain)
    for row, symbol in enumerate(chain_symbols(chain)):
        ts = stamp(int(chain.quote_ts_ns[row]))
        sizes = {"bs": _number(chain.bid_size[row]), "as": _number(chain.ask_size[row])}
        quote = {"t": ts, "bx": "C", "bp": _number(chain.bid[row]), "ax": "C", "ap": _number(chain.ask[row]), "c": "A"}
        found[symbol] = {"latestQuote": quote | sizes}
        if chain.last[row] > 0.0:
            price = float(chain.last[row])
            found[symbol]["latestTrade"] = {"t": stamp(chain.ts_event_ns), "x": "C", "p": price, "s": 1, "c": "I"}
        if chain.vendor_iv[row] > 0.0:
            found[symbol]["impliedVolatility"] = float(chain.vendor_iv[row])
        greeks = {"delta": float(chain.vendor_delta[row]), "gamma": float(chain.vendor_gamma[row])}
        if np.isfinite(list(greeks.values())).all():
            found[symbol]["greeks"] = greeks | {name: _number(values[row]) for name, values in others.items()}
    return found


def contract_records(chain: OptionChain) -> dict[str, dict[str, Any]]:
    """Return the listings of a chain's contracts by symbol; open interest is that of the day before, as text."""
    found: dict[str, dict[str, Any]] = {}
    for row, symbol in enumerate(chain_symbols(chain)):
        series = chain.series[int(chain.series_index[row])]
        found[symbol] = {
            "id": f"{chain.symbol}-{row}",
            "symbol": symbol,
            "name": f"{chain.symbol} {series.expiration:%b %d %Y} {chain.strike[row]:g}",
            "status": "active",
            "tradable": True,
            "expiration_date": series.expiration.isoformat(),
            "root_symbol": series.product.root,
            "underlying_symbol": chain.symbol,
            "underlying_asset_id": "00000000-0000-4000-8000-000000000000",
            "type": "call" if chain.is_call[row] else "put",
            "style": series.product.exercise.value,
            "strike_price": f"{chain.strike[row]:g}",
            "size": f"{series.product.multiplier:g}",
        }
        if np.isfinite(chain.open_interest[row]):
            found[symbol]["open_interest"] = f"{chain.open_interest[row]:.0f}"
    return found


def _other_greeks(chain: OptionChain) -> dict[str, FloatArray]:
    """Return what a chain does not carry: Black's Greeks at its volatility, without rates, in Alpaca's units.

    Theta is per day; vega and rho are per 1 % of volatility and of the rate.
    """
    years = np.maximum((chain.expiry_ns[chain.series_index] - chain.ts_event_ns) / (_YEAR_DAYS * _DAY_NS), 1e-9)
    vol, spot, strike = chain.vendor_iv, chain.spot_last, chain.strike
    width = vol * np.sqrt(years)
    d1 = np.log(spot / strike) / width + 0.5 * width
    density = spot * np.exp(-0.5 * d1 * d1) / np.sqrt(2.0 * np.pi)
    sign = np.where(chain.is_call, 1.0, -1.0)
    likely = np.array([0.5 * math.erfc(-value / math.sqrt(2.0)) for value in (sign * (d1 - width)).tolist()])
    return {
        "theta": -0.5 * density * vol / np.sqrt(years) / _YEAR_DAYS,
        "vega": density * np.sqrt(years) / 100.0,
        "rho": sign * strike * years * likely / 100.0,
    }


def _number(value: float) -> float:
    return float(value) if np.isfinite(value) else 0.0
