"""The cost model of a run: all charges of a fill, each an exact number under its own kind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final, final

from backtest.costs.charges import Charge, ChargedTrade
from backtest.costs.rates import exchange_day
from market.errors import DataError
from market.fills import Cost, CostKind, Fill, Liquidity
from market.orders import PositionEffect
from market.tradables import Instrument

__all__ = ["CostModel", "RateGap"]

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateGap:
    """Days on which a rate is not in its table, so that the nearest one is carried or fills are refused.

    Parameters
    ----------
    table : str
        Name of the table.
    first, last : datetime.date
        Span, both ends in it.
    """

    table: str
    first: date
    last: date


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CostModel:
    """What fills cost.

    Parameters
    ----------
    name : str
        What a report calls it.
    charges : tuple of Charge
        All of them apply, each to what it is about.
    """

    name: str
    charges: tuple[Charge, ...] = ()

    def costs(
        self,
        instrument: Instrument,
        quantity: Decimal,
        price: Decimal,
        ts_ns: int,
        effect: PositionEffect,
        *,
        liquidity: Liquidity = Liquidity.TAKER,
        filled_before: Decimal = _ZERO,
    ) -> tuple[Cost, ...]:
        """Return the charges of one fill.

        Parameters
        ----------
        instrument : Instrument
            What was traded.
        quantity : Decimal
            Positive bought, negative sold.
        price : Decimal
            Per unit of the underlying.
        ts_ns : int
            Instant of the fill, ns since the epoch, UTC; the date in New York decides the rates.
        effect : PositionEffect
            Open or close.
        liquidity : Liquidity
            Taker or maker.
        filled_before : Decimal
            Units of the same order's leg that were filled before, with or without sign: bounds of an order, and
            its tiers, count it as a whole.

        Returns
        -------
        tuple of Cost
            One per kind that charges anything, in the order of `CostKind`; exact and not rounded, so that no fill
            is dearer for having come in parts.

        Raises
        ------
        DataError
            Quantity or price is not finite, or a rate of that day is not known.
        """
        if not (quantity.is_finite() and price.is_finite() and filled_before.is_finite()):
            raise DataError("a fill cannot be charged", found=f"{quantity} at {price}", expected="finite numbers")
        if not self.charges:
            return ()
        before = abs(filled_before)
        after = ChargedTrade(
            instrument=instrument,
            units=before + abs(quantity),
            is_sale=quantity < 0,
            price=price,
            day=exchange_day(ts_ns),
            effect=effect,
            liquidity=liquidity,
        )
        earlier = replace(after, units=before) if before else None
        sums: dict[CostKind, Decimal] = {}
        for charge in self.charges:
            amount = charge.charge(after)
            if earlier is not None:
                amount -= charge.charge(earlier)
            if amount:
                sums[charge.kind] = sums.get(charge.kind, _ZERO) + amount
        return tuple(Cost(kind=kind, amount=sums[kind]) for kind in CostKind if kind in sums)

    def carried(self, fill: Fill) -> tuple[str, ...]:
        """Return the tables whose nearest rate was taken for a fill, because its day is outside of them.

        Parameters
        ----------
        fill : Fill
            As it was booked.

        Returns
        -------
        tuple of str
            Names of the tables that charged it so; empty where every rate of the day is known.
        """
        trade = ChargedTrade(
            instrument=fill.instrument,
            units=abs(fill.quantity),
            is_sale=fill.quantity < 0,
            price=fill.price,
            day=exchange_day(fill.ts_event_ns),
            effect=PositionEffect.OPEN,  # tables do not ask
            liquidity=fill.liquidity,
        )
        return tuple(
            table.name
            for charge in self.charges
            for table in charge.tables
            if not table.covers(trade.day) and charge.charge(trade)
        )

    def gaps(self, first: date, last: date) -> tuple[RateGap, ...]:
        """Return the days of a run that its tables do not cover; a report names them.

        Parameters
        ----------
        first, last : datetime.date
            Days of the run, both in it.

        Returns
        -------
        tuple of RateGap
            Empty where all rates are known.
        """
        return tuple(
            RateGap(table=table.name, first=start, last=end)
            for charge in self.charges
            for table in charge.tables
            for start, end in table.gaps(first, last)
        )
