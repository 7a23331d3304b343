"""The value of a benchmark with its dividends, beside the account."""

from __future__ import annotations

from math import isfinite, nan
from typing import final

from strategies.market_state import MarketState

__all__ = ["Benchmark"]


@final
class Benchmark:
    """One unit of a symbol, bought at its first print of the run; dividends buy more at the next print.

    Parameters
    ----------
    symbol : str
        What is bought.
    market : MarketState
        Its prints.
    cash : float
        What the whole is worth at the first print, account currency.
    """

    def __init__(self, symbol: str, market: MarketState, cash: float) -> None:
        self._symbol, self._market, self._cash = symbol, market, cash
        self._units = 0.0
        self._dividend = 0.0

    def pay(self, amount: float) -> None:
        """Take a dividend per unit."""
        self._dividend += amount

    def split(self, ratio: float) -> None:
        """Take a split: new units for one old."""
        self._units *= ratio

    def value(self) -> float:
        """Return what it is worth now, account currency; NaN before its first print."""
        price = self._market.price(self._symbol)[0]
        if not isfinite(price) or price <= 0.0:
            return nan
        if not self._units:
            self._units, self._dividend = self._cash / price, 0.0
        if self._dividend:
            self._units *= 1.0 + self._dividend / price
            self._dividend = 0.0
        return self._units * price
