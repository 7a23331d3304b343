"""What an exchange lists: contract sizes, ticks, lots and expiries of its markets."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import ccxt
import numpy as np

from market.chains import FloatArray

__all__ = ["MarketKind", "MarketTerms", "terms_of"]


class MarketKind(StrEnum):
    """What is traded."""

    SPOT = "spot"
    PERPETUAL = "perpetual"
    FUTURE = "future"
    OPTION = "option"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketTerms:
    """Terms of one market of an exchange.

    Parameters
    ----------
    exchange_id : str
        Exchange as ccxt names it.
    symbol : str
        Unified symbol, such as ``BTC/USDT:USDT``.
    venue_symbol : str
        As the exchange writes it, such as ``BTCUSDT``.
    kind : MarketKind
        Spot, perpetual, future or option.
    base, quote, settle : str
        Coins; `settle` is empty for spot.
    is_inverse : bool
        Whether the contract is worth a fixed sum of `quote` and settles in `base`.
    contract_size : float
        Units of `base` per unit of the amounts that ccxt reports; of an inverse contract units of `quote`.
    tick : float
        Smallest step of the price, in `quote` (of options quoted in coin: in coin); NaN where the exchange tells none.
    lot, min_amount : float
        Smallest step of an amount, and smallest amount, as ccxt counts amounts; NaN where not told.
    min_cost : float
        Smallest value of an order, in `quote`; NaN where not told.
    expiry_ns : int
        Instant of expiry, ns since the epoch, UTC; 0 where the market does not expire.
    strike : float
        Strike, USD per coin; NaN where it is no option.
    is_call : bool
        True for calls.
    is_active : bool
        Whether it trades now; False also where the exchange has halted it.
    """

    exchange_id: str
    symbol: str
    venue_symbol: str
    kind: MarketKind
    base: str
    quote: str
    settle: str
    is_inverse: bool
    contract_size: float
    tick: float
    lot: float
    min_amount: float
    min_cost: float
    expiry_ns: int
    strike: float
    is_call: bool
    is_active: bool

    def units(self, amount: FloatArray, price: FloatArray) -> FloatArray:
        """Return amounts as units of the underlying.

        Parameters
        ----------
        amount : ndarray
            As ccxt reports them.
        price : ndarray
            Prices at which they traded or stand, same shape.

        Returns
        -------
        ndarray
            Coins; NaN where an inverse contract has no price.
        """
        if not self.is_inverse or self.kind is MarketKind.OPTION:
            return amount * self.contract_size
        return amount * self.contract_size / np.where(price > 0.0, price, np.nan)


# These report amounts in coins (of inverse contracts in USD) whatever the size of a contract.
_AMOUNTS_IN_UNITS: Final = frozenset({"deribit"})


def terms_of(exchange: Any, row: dict[str, Any]) -> MarketTerms | None:
    """Read one market of ``exchange.markets``.

    Parameters
    ----------
    exchange : ccxt.Exchange
        Whose market.
    row : dict
        Market structure of ccxt.

    Returns
    -------
    MarketTerms or None
        None for what is neither spot nor a plain contract, such as combinations of legs.
    """
    kind = _kind(row)
    if kind is None or not row.get("base") or not row.get("quote"):
        return None
    limits = row.get("limits") or {}
    size = _number(row.get("contractSize"))
    if exchange.id == "okx" and kind is MarketKind.OPTION:
        # ccxt leaves the multiplier out: 1 coin times 0.01 is a hundredth of a coin.
        size *= _number((row.get("info") or {}).get("ctMult") or 1.0)
    plain = kind is MarketKind.SPOT or exchange.id in _AMOUNTS_IN_UNITS
    return MarketTerms(
        exchange_id=str(exchange.id),
        symbol=str(row["symbol"]),
        venue_symbol=str(row["id"]),
        kind=kind,
        base=str(row["base"]),
        quote=str(row["quote"]),
        settle=str(row.get("settle") or ""),
        is_inverse=bool(row.get("inverse")),
        contract_size=1.0 if plain else size,
        tick=_step(exchange, row, "price"),
        lot=_step(exchange, row, "amount"),
        min_amount=_number((limits.get("amount") or {}).get("min")),
        min_cost=_number((limits.get("cost") or {}).get("min")),
        expiry_ns=int(row["expiry"]) * 1_000_000 if row.get("expiry") and kind in _EXPIRING else 0,
        strike=_number(row.get("strike")),
        is_call=row.get("optionType") == "call",
        # Exchanges that tell no status list only what trades.
        is_active=row.get("active") is not False,
    )


_KINDS: Final = {
    "spot": MarketKind.SPOT,
    "swap": MarketKind.PERPETUAL,
    "future": MarketKind.FUTURE,
    "option": MarketKind.OPTION,
}
_EXPIRING: Final = frozenset({MarketKind.FUTURE, MarketKind.OPTION})


def _kind(row: dict[str, Any]) -> MarketKind | None:
    # Deribit's combinations come as futures and options whose symbol is the exchange's own.
    return None if row.get("symbol") == row.get("id") else _KINDS.get(str(row.get("type")))


def _number(value: object) -> float:
    return math.nan if value is None else float(str(value))


def _step(exchange: Any, row: dict[str, Any], name: str) -> float:
    value = _number((row.get("precision") or {}).get(name))
    if exchange.precisionMode == ccxt.DECIMAL_PLACES:
        return 10.0**-value if math.isfinite(value) else math.nan
    return value if exchange.precisionMode == ccxt.TICK_SIZE else math.nan
