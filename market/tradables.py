"""What can be bought and sold: shares, option contracts, perpetuals and futures, each under one symbol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Final

import numpy as np

from market.chains import FloatArray, OptionChain
from market.errors import DataError
from market.instruments import Delivery, ExpirySeries
from market.trades import ContractTable

__all__ = [
    "Future",
    "Instrument",
    "OptionContract",
    "Perpetual",
    "Share",
    "contract_at",
    "occ_symbol",
    "option_contract",
]

_CENT: Final = Decimal("0.01")
_ONE: Final = Decimal(1)
_THOUSAND: Final = Decimal(1000)
_THREE: Final = Decimal(3)
_NICKEL: Final = Decimal("0.05")
_DIME: Final = Decimal("0.10")


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share or fund unit.

    Parameters
    ----------
    symbol : str
        Ticker.
    tick : Decimal
        Smallest step of a price, in the quote currency.
    currency : str
        Currency of price and settlement.
    """

    symbol: str
    tick: Decimal = _CENT
    currency: str = "USD"

    @property
    def underlying(self) -> str:
        """The symbol itself."""
        return self.symbol

    @property
    def multiplier(self) -> Decimal:
        """Units per share: 1."""
        return _ONE

    def tick_at(self, price: Decimal) -> Decimal:  # noqa: ARG002  # the same at every price
        """Return the smallest step of a price."""
        return self.tick


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionContract:
    """One option contract; build it with `option_contract`, which gives each contract one object and one symbol.

    Parameters
    ----------
    symbol : str
        OCC style without padding, such as ``SPXW230526P04100000``.
    series : ExpirySeries
        Root, expiration, settlement and multiplier.
    strike : Decimal
        Strike in the quote currency, > 0.
    is_call : bool
        True for a call.
    currency : str
        Currency of price and settlement.
    """

    symbol: str
    series: ExpirySeries
    strike: Decimal
    is_call: bool
    currency: str = "USD"

    def __hash__(self) -> int:
        # Contracts are looked up at every event; hashing the nested terms each time costs thirty times as much.
        return hash(self.symbol)

    @property
    def underlying(self) -> str:
        """Symbol of the underlying."""
        return self.series.product.underlying

    @property
    def multiplier(self) -> Decimal:
        """Units of the underlying per contract."""
        return _exact(self.series.product.multiplier)

    @property
    def is_cash_settled(self) -> bool:
        """Whether exercise pays cash and delivers nothing."""
        return self.series.product.delivery is Delivery.CASH

    def tick_at(self, price: Decimal) -> Decimal:
        """Return the smallest step of a price: 0.05 below 3 and 0.10 above for index options, else a cent.

        Most classes on shares and funds quote in cents by the penny interval programme; those that do not are
        rounded by their venue.
        """
        if not self.is_cash_settled:
            return _CENT
        return _NICKEL if abs(price) < _THREE else _DIME

    def intrinsic(self, underlying_price: Decimal) -> Decimal:
        """Return what exercise is worth per unit of the underlying, >= 0."""
        gain = underlying_price - self.strike if self.is_call else self.strike - underlying_price
        return max(gain, Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Perpetual:
    """A linear perpetual future: profit in the quote currency, one unit of the coin per unit of quantity.

    Parameters
    ----------
    symbol : str
        As the venue's unified name, such as ``BTC/USDT:USDT``.
    underlying : str
        Coin, such as ``BTC``.
    tick : Decimal
        Smallest step of a price.
    lot : Decimal
        Smallest step of a quantity, coins.
    currency : str
        Currency of price and settlement.
    """

    symbol: str
    underlying: str
    tick: Decimal
    lot: Decimal
    currency: str = "USDT"

    @property
    def multiplier(self) -> Decimal:
        """Coins per unit of quantity: 1."""
        return _ONE

    def tick_at(self, price: Decimal) -> Decimal:  # noqa: ARG002  # the same at every price
        """Return the smallest step of a price."""
        return self.tick


@dataclass(frozen=True, slots=True, kw_only=True)
class Future:
    """A dated future, settled in cash at its expiry.

    Parameters
    ----------
    symbol : str
        Contract, such as ``ESM6``.
    underlying : str
        What it settles on.
    multiplier : Decimal
        Units of the underlying per contract.
    tick : Decimal
        Smallest step of a price.
    expiration : datetime.date
        Last day.
    expiry_ns : int
        Instant of settlement, ns since the epoch, UTC.
    currency : str
        Currency of price and settlement.
    """

    symbol: str
    underlying: str
    multiplier: Decimal
    tick: Decimal
    expiration: date
    expiry_ns: int
    currency: str = "USD"

    def tick_at(self, price: Decimal) -> Decimal:  # noqa: ARG002  # the same at every price
        """Return the smallest step of a price."""
        return self.tick


Instrument = Share | OptionContract | Perpetual | Future
"""What an order may name. An index can be watched and cannot be traded: it is no instrument."""


@lru_cache(maxsize=256)
def _exact(number: float) -> Decimal:
    # Asked for at every fill and mark: a look-up costs a fifth of reading the number.
    return Decimal(repr(number))


def option_ticks(table: ContractTable | OptionChain, price: FloatArray) -> FloatArray:
    """Return the smallest step of a price of each contract, as `OptionContract.tick_at` tells it of one.

    Parameters
    ----------
    table : ContractTable or OptionChain
        The contracts.
    price : ndarray, shape (n_contracts,)
        Prices, quote currency per unit; NaN where there is none.

    Returns
    -------
    ndarray, shape (n_contracts,)
        Ticks, quote currency.
    """
    in_cash = [each.product.delivery is Delivery.CASH for each in table.series]
    ticks: FloatArray = np.where(np.abs(price) < float(_THREE), float(_NICKEL), float(_DIME))
    if not all(in_cash):
        ticks = np.where(np.array(in_cash, dtype=np.bool_)[table.series_index], ticks, float(_CENT))
    return ticks


def occ_symbol(root: str, expiration: date, strike: Decimal, *, is_call: bool) -> str:
    """Return a contract's symbol in OCC style without padding.

    Parameters
    ----------
    root : str
        Option root, such as ``SPXW``.
    expiration : datetime.date
        Expiration date.
    strike : Decimal
        Strike; a whole number of thousandths.
    is_call : bool
        True for a call.

    Returns
    -------
    str
        Root, date, right and the strike in thousandths with at least eight digits.

    Raises
    ------
    DataError
        The strike is not a positive whole number of thousandths.
    """
    thousandths = strike * _THOUSAND
    whole = int(thousandths)
    if whole <= 0 or whole != thousandths:
        raise DataError(
            "a strike cannot be written in a contract's symbol",
            found=f"{root} {strike}",
            expected="a positive number of thousandths",
        )
    return f"{root}{expiration:%y%m%d}{'C' if is_call else 'P'}{whole:08d}"


@lru_cache(maxsize=1 << 17)
def _contract(series: ExpirySeries, thousandths: int, is_call: bool) -> OptionContract:  # noqa: FBT001  # a cache's key
    strike = (Decimal(thousandths) / _THOUSAND).normalize()
    strike = strike.quantize(_ONE) if strike == strike.to_integral_value() else strike
    symbol = occ_symbol(series.product.root, series.expiration, strike, is_call=is_call)
    return OptionContract(symbol=symbol, series=series, strike=strike, is_call=is_call)


def option_contract(series: ExpirySeries, strike: Decimal | float, *, is_call: bool) -> OptionContract:
    """Return a contract; the same object for the same terms.

    Parameters
    ----------
    series : ExpirySeries
        Expiration and root.
    strike : Decimal or float
        Strike; rounded to thousandths.
    is_call : bool
        True for a call.

    Returns
    -------
    OptionContract
        With its OCC symbol.
    """
    return _contract(series, round(float(strike) * 1000.0), is_call)


def contract_at(table: ContractTable | OptionChain, place: int) -> OptionContract:
    """Return one contract of a table.

    Parameters
    ----------
    table : ContractTable or OptionChain
        Contracts.
    place : int
        Its place.

    Returns
    -------
    OptionContract
        As `option_contract`.
    """
    series = table.series[int(table.series_index[place])]
    return _contract(series, int(np.rint(table.strike[place] * 1000.0)), bool(table.is_call[place]))
