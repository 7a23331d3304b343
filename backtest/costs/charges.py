"""Charges: each tells what an order's fill costs, from what is traded, how much, at which price and on which day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import ClassVar, Final, Protocol, final

from backtest.costs.rates import OutsideTable, RateTable
from market.errors import ConfigError
from market.fills import CostKind, Liquidity
from market.orders import PositionEffect
from market.tradables import Future, Instrument, OptionContract, Perpetual, Share

__all__ = [
    "Charge",
    "ChargedTrade",
    "ContractCommission",
    "FlatCommission",
    "MakerTakerCommission",
    "PerContractFee",
    "PerShareFee",
    "SaleValueFee",
    "ShareCommission",
    "ShareTier",
]

_ZERO: Final = Decimal(0)
_UNBOUNDED: Final = Decimal("Infinity")
_BPS: Final = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargedTrade:
    """What a charge looks at: an order's leg up to some fill.

    Parameters
    ----------
    instrument : Instrument
        What was traded.
    units : Decimal
        Units so far without sign, >= 0.
    is_sale : bool
        Whether they were sold.
    price : Decimal
        Per unit of the underlying.
    day : datetime.date
        Trade date at the exchange.
    effect : PositionEffect
        Open or close.
    liquidity : Liquidity
        Taker or maker.
    """

    instrument: Instrument
    units: Decimal
    is_sale: bool
    price: Decimal
    day: date
    effect: PositionEffect
    liquidity: Liquidity


class Charge(Protocol):
    """One kind of charge; that of a fill is the charge after it less the charge before it, so that caps are exact."""

    @property
    def kind(self) -> CostKind:
        """What for."""

    @property
    def name(self) -> str:
        """What a report calls it, with its parameters."""

    @property
    def tables(self) -> tuple[RateTable, ...]:
        """The dated tables that it reads."""

    def charge(self, trade: ChargedTrade) -> Decimal:
        """Return what an order's leg has cost so far, account currency."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FlatCommission:
    """Nothing, or so much for each order's leg whatever its size.

    Parameters
    ----------
    amount : Decimal
        Account currency; 0 is a broker without commission.
    """

    amount: Decimal = _ZERO
    kind: ClassVar[CostKind] = CostKind.COMMISSION
    tables: ClassVar[tuple[RateTable, ...]] = ()

    @property
    def name(self) -> str:
        """Amount per leg."""
        return f"commission {self.amount} per leg"

    def charge(self, trade: ChargedTrade) -> Decimal:
        """Return the amount once there is a unit."""
        return self.amount if trade.units else _ZERO


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ContractCommission:
    """A retail commission per option or future, by default the 0.65 of the originals (Q11, L34) both ways.

    Parameters
    ----------
    to_open, to_close : Decimal
        Per contract, account currency.
    most_per_leg : Decimal or None
        Largest commission of one leg of an order; None without such a bound.
    """

    to_open: Decimal = Decimal("0.65")
    to_close: Decimal = Decimal("0.65")
    most_per_leg: Decimal | None = None
    kind: ClassVar[CostKind] = CostKind.COMMISSION
    tables: ClassVar[tuple[RateTable, ...]] = ()

    @property
    def name(self) -> str:
        """Rates per contract."""
        most = "" if self.most_per_leg is None else f", at most {self.most_per_leg} per leg"
        return f"commission {self.to_open} to open, {self.to_close} to close per contract{most}"

    def charge(self, trade: ChargedTrade) -> Decimal:
        """Return rate x contracts, bounded; nothing for shares and perpetuals."""
        if not isinstance(trade.instrument, OptionContract | Future):
            return _ZERO
        rate = self.to_open if trade.effect is PositionEffect.OPEN else self.to_close
        return _bounded(rate * trade.units, self.most_per_leg)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareTier:
    """A commission per share up to some number of shares of one order.

    Parameters
    ----------
    up_to : Decimal
        Shares up to which the rate holds; infinite for the last tier.
    rate : Decimal
        Per share, account currency.
    """

    up_to: Decimal
    rate: Decimal


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ShareCommission:
    """A commission per share in tiers of the order's size, with a least and a largest charge of an order.

    Parameters
    ----------
    tiers : tuple of ShareTier
        `up_to` rising, the last infinite.
    least : Decimal
        Smallest charge of an order, account currency.
    most_of_value : Decimal
        Largest charge as a fraction of the order's value; it outranks `least`, as brokers print it.

    Raises
    ------
    ConfigError
        The tiers do not rise to infinity.
    """

    tiers: tuple[ShareTier, ...]
    least: Decimal = _ZERO
    most_of_value: Decimal = Decimal(1)
    kind: ClassVar[CostKind] = CostKind.COMMISSION
    tables: ClassVar[tuple[RateTable, ...]] = ()

    def __post_init__(self) -> None:
        ends = [tier.up_to for tier in self.tiers]
        if not ends or ends != sorted(set(ends)) or ends[-1].is_finite():
            raise ConfigError(
                "tiers of a commission cannot be", found=str(ends), expected="rising ends, the last infinite"
            )

    @property
    def name(self) -> str:
        """Rates per share."""
        rates = " / ".join(str(tier.rate) for tier in self.tiers)
        return f"commission {rates} per share, at least {self.least}, at most {self.most_of_value} of value"

    def charge(self, trade: ChargedTrade) -> Decimal:
        """Return the tiers' sum within its bounds; nothing for what is no share.

        The value is taken at the price of the newest fill, which is approximate for an order of many prices.
        """
        if not isinstance(trade.instrument, Share) or not trade.units:
            return _ZERO
        total = below = _ZERO
        for tier in self.tiers:
            total += tier.rate * max(min(trade.units, tier.up_to) - below, _ZERO)
            below = tier.up_to
        return min(max(total, self.least), self.most_of_value * trade.units * trade.price)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MakerTakerCommission:
    """A fraction of the notional of perpetuals and futures, by side of the book.

    Parameters
    ----------
    maker_bps, taker_bps : Decimal
        Basis points of the notional; a rebate is negative.
    """

    maker_bps: Decimal
    taker_bps: Decimal
    kind: ClassVar[CostKind] = CostKind.COMMISSION
    tables: ClassVar[tuple[RateTable, ...]] = ()

    @property
    def name(self) -> str:
        """Rates in basis points."""
        return f"commission {self.maker_bps} bps maker, {self.taker_bps} bps taker"

    def charge(self, trade: ChargedTrade) -> Decimal:
        """Return rate x units x multiplier x price; nothing for shares and options."""
        if not isinstance(trade.instrument, Perpetual | Future):
            return _ZERO
        bps = self.maker_bps if trade.liquidity is Liquidity.MAKER else self.taker_bps
        return bps * _BPS * _value(trade)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PerContractFee:
    """A dated fee per option contract, for buys and sells or for sells alone.

    Parameters
    ----------
    kind : CostKind
        What for.
    table : RateTable
        Per contract.
    roots : frozenset of str
        Option roots that pay it; empty for all options on shares, funds and US indices.
    sales_only : bool
        Whether purchases are free.
    from_price, below_price : Decimal
        Prices per unit at which it is charged; from the first, and below the second.
    outside : OutsideTable
        What to do on days that the table does not cover.
    """

    kind: CostKind
    table: RateTable
    roots: frozenset[str] = frozenset()
    sales_only: bool = False
    from_price: Decimal = _ZERO
    below_price: Decimal = _UNBOUNDED
    outside: OutsideTable = OutsideTable.REFUSE

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.table.name

    @property
    def tables(self) -> tuple[RateTable, ...]:
        """The one table."""
        return (self.table,)

    def charge(self, trade: ChargedTrade) -> Decimal:
        """Return rate x contracts, bounded by the row's own cap."""
        root = _listed_root(trade.instrument)
        if not root or (self.roots and root not in self.roots) or (self.sales_only and not trade.is_sale):
            return _ZERO
        if not self.from_price <= trade.price < self.below_price:
            return _ZERO
        row = self.table.on(trade.day, self.outside)
        return _bounded(row.rate * trade.units, row.most)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PerShareFee:
    """A dated fee per share sold.

    Parameters
    ----------
    kind : CostKind
        What for.
    table : RateTable
        Per share, with the largest charge of an order.
    outside : OutsideTable
        What to do on days that the table does not cover.
    """

    kind: CostKind
    table: RateTable
    outside: OutsideTable = OutsideTable.REFUSE

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.table.name

    @property
    def tables(self) -> tuple[RateTable, ...]:
        """The one table."""
        return (self.table,)

    def charge(self, trade: ChargedTrade) -> Decimal:
        """Return rate x shares sold, bounded by the row's own cap."""
        if not isinstance(trade.instrument, Share) or not trade.is_sale:
            return _ZERO
        row = self.table.on(trade.day, self.outside)
        return _bounded(row.rate * trade.units, row.most)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SaleValueFee:
    """A dated fraction of what sales of shares, and of options on single shares and funds, bring in.

    Options on broad indices are exempt from section 31 of the Exchange Act [sec_section_31]_.

    Parameters
    ----------
    kind : CostKind
        What for.
    table : RateTable
        Fraction of the proceeds.
    outside : OutsideTable
        What to do on days that the table does not cover.

    References
    ----------
    .. [sec_section_31] docs/references.bib
    """

    kind: CostKind
    table: RateTable
    outside: OutsideTable = OutsideTable.REFUSE

    @property
    def name(self) -> str:
        """Name of the table."""
        return self.table.name

    @property
    def tables(self) -> tuple[RateTable, ...]:
        """The one table."""
        return (self.table,)

    def charge(self, trade: ChargedTrade) -> Decimal:
        """Return rate x units x multiplier x price of a sale."""
        item = trade.instrument
        pays = isinstance(item, Share) or (bool(_listed_root(item)) and not _is_index(item))
        if not trade.is_sale or not pays:
            return _ZERO
        return self.table.on(trade.day, self.outside).rate * _value(trade)


def _bounded(amount: Decimal, most: Decimal | None) -> Decimal:
    return amount if most is None else min(amount, most)


def _value(trade: ChargedTrade) -> Decimal:
    return trade.units * trade.instrument.multiplier * trade.price


def _listed_root(instrument: Instrument) -> str:
    """Return the root of an option that is listed in the United States, empty for anything else."""
    if not isinstance(instrument, OptionContract):
        return ""
    root = instrument.series.product.root
    return "" if "@" in root else root


def _is_index(instrument: Instrument) -> bool:
    return isinstance(instrument, OptionContract) and instrument.is_cash_settled
