"""Instruments: what an option contract is worth, when it ends and how it settles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Final

from market.errors import DataError

__all__ = ["Delivery", "ExerciseStyle", "ExpirySeries", "Product", "SettlementTime", "product_of"]


class ExerciseStyle(StrEnum):
    """When the holder may exercise."""

    EUROPEAN = "european"
    AMERICAN = "american"


class SettlementTime(StrEnum):
    """Which print of the expiration day settles the contract."""

    AM = "am"  # the opening print; trading ends the session before
    PM = "pm"  # the closing print
    FIXED_UTC = "fixed_utc"  # a fixed instant, as on crypto venues (08:00 UTC)


class Delivery(StrEnum):
    """What changes hands at exercise."""

    CASH = "cash"
    PHYSICAL = "physical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The terms that all contracts of one option root share.

    Parameters
    ----------
    root : str
        Option root as the venue writes it, such as ``SPXW``.
    underlying : str
        Symbol of the underlying, such as ``SPX``.
    multiplier : float
        Units of the underlying per contract.
    exercise : ExerciseStyle
        European or American.
    settlement : SettlementTime
        AM, PM or a fixed UTC instant.
    delivery : Delivery
        Cash or physical.
    calendar : str
        Name of the exchange calendar, as in `market.calendars`.
    """

    root: str
    underlying: str
    multiplier: float
    exercise: ExerciseStyle
    settlement: SettlementTime
    delivery: Delivery
    calendar: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpirySeries:
    """One expiration of one root: the terms that a group of contracts shares.

    Parameters
    ----------
    product : Product
        Terms of the root.
    expiration : datetime.date
        Expiration date that the venue prints (of an AM-settled series: the morning that it settles).
    expiry_ns : int
        Instant of expiry, ns since the epoch, UTC: the settlement print.
    last_trade_ns : int
        Last instant at which the series trades, ns since the epoch, UTC.
    """

    product: Product
    expiration: date
    expiry_ns: int
    last_trade_ns: int


def _index(root: str, underlying: str, settlement: SettlementTime) -> Product:
    return Product(
        root=root,
        underlying=underlying,
        multiplier=100.0,
        exercise=ExerciseStyle.EUROPEAN,
        settlement=settlement,
        delivery=Delivery.CASH,
        calendar="CBOE_Index_Options",
    )


def _crypto(root: str, multiplier: float) -> Product:
    return Product(
        root=root,
        underlying=root.split("@", maxsplit=1)[0],
        multiplier=multiplier,
        exercise=ExerciseStyle.EUROPEAN,
        settlement=SettlementTime.FIXED_UTC,
        delivery=Delivery.CASH,
        calendar="24/7",
    )


_AM, _PM = SettlementTime.AM, SettlementTime.PM
# Cash-settled index roots from the product specifications of Cboe and Nasdaq; any other US root is an equity option.
_PRODUCTS = {
    product.root: product
    for product in (
        _index("SPX", "SPX", _AM),
        _index("SPXW", "SPX", _PM),
        _index("SPXPM", "SPX", _PM),
        _index("XSP", "XSP", _PM),
        _index("NDX", "NDX", _AM),
        _index("NDXP", "NDX", _PM),
        _index("XND", "XND", _PM),
        _index("RUT", "RUT", _AM),
        _index("RUTW", "RUT", _PM),
        _index("MRUT", "MRUT", _PM),
        _index("DJX", "DJX", _AM),
        _index("OEX", "OEX", _PM),
        _index("XEO", "XEO", _PM),
        _index("VIX", "VIX", _AM),
        _index("VIXW", "VIX", _AM),
        _crypto("BTC@DERIBIT", 1.0),
        _crypto("ETH@DERIBIT", 1.0),
        _crypto("BTC@OKX", 0.01),
        _crypto("ETH@OKX", 0.1),
    )
}
# OEX is the one American index option.
_PRODUCTS["OEX"] = Product(
    root="OEX",
    underlying="OEX",
    multiplier=100.0,
    exercise=ExerciseStyle.AMERICAN,
    settlement=_PM,
    delivery=Delivery.CASH,
    calendar="CBOE_Index_Options",
)


# Options that settle in dollars: a contract is counted as one coin on each of these.
_DOLLAR_VENUES: Final = frozenset({"BINANCE", "BYBIT", "DERIBIT"})
_DOLLARS: Final = frozenset({"USD", "USDC", "USDT"})


def product_of(root: str) -> Product:
    """Return the terms of an option root.

    Parameters
    ----------
    root : str
        Option root, such as ``SPXW``; ``BTC@DERIBIT`` for contracts of a crypto venue that settle in the coin,
        ``BTC@BYBIT.USDT`` for those that settle in dollars, with the coin of settlement.

    Returns
    -------
    Product
        The listed terms; a root that is not listed is an American, physically delivered equity or ETF option on 100
        shares, whose underlying bears the root's name without trailing digits (adjusted roots such as ``AAPL7``).

    Raises
    ------
    DataError
        It is a root of a crypto venue whose contract size is not known.
    """
    known = _PRODUCTS.get(root)
    if known is not None:
        return known
    coin, is_coin, place = root.partition("@")
    if is_coin:
        venue, _, settled = place.partition(".")
        if coin and venue in _DOLLAR_VENUES and settled in _DOLLARS:
            return _crypto(root, 1.0)
        raise DataError(
            "the contract size of an option root is not known",
            found=root,
            expected="BTC or ETH @DERIBIT or @OKX, or a coin @BINANCE, @BYBIT or @DERIBIT with .USDT or .USDC",
        )
    return Product(
        root=root,
        underlying=root.rstrip("0123456789") or root,
        multiplier=100.0,
        exercise=ExerciseStyle.AMERICAN,
        settlement=SettlementTime.PM,
        delivery=Delivery.PHYSICAL,
        calendar="CBOE_Equity_Options",
    )
