"""Funding of perpetuals: what each settled rate moves in money, on the notional at the mark."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

import numpy as np

from execution.events import CashKind, CashMovement
from execution.holdings import PackagePosition
from market.errors import DataError
from market.funding import FundingBatch
from market.trades import Int64Array

__all__ = ["funding_payments", "settled_rows"]

_UNIT: Final = Decimal("0.00000001")  # venues book eight decimals
_WIDE: Final = Context(prec=60, rounding=ROUND_HALF_EVEN)


def settled_rows(batch: FundingBatch) -> Int64Array:
    """Return the rows that were paid, in order of payment, each instant of payment once.

    Parameters
    ----------
    batch : FundingBatch
        In order of arrival, forecasts among its rows.

    Returns
    -------
    ndarray of int64
        Places; where a payment is told twice the later telling counts.
    """
    rows = np.flatnonzero(batch.is_settled)
    # The last of equal instants in order of arrival: unique() keeps the first, so it is asked from behind.
    _, last = np.unique(batch.funding_ns[rows][::-1], return_index=True)
    return rows[rows.size - 1 - last].astype(np.int64)


def funding_payments(
    batch: FundingBatch, row: int, parts: Iterable[PackagePosition], *, mark: Decimal | None = None
) -> tuple[CashMovement, ...]:
    """Return what a settled rate moves.

    Parameters
    ----------
    batch : FundingBatch
        Rates of one perpetual.
    row : int
        Place of a settled row, see `settled_rows`. Its rate is for the venue's own interval, and paid whole by
        whoever holds at `funding_ns`, however short that was.
    parts : iterable of PackagePosition
        What packages held of the perpetual at that instant.
    mark : Decimal, optional
        Mark price at that instant, for sources that do not tell it with the rate; the row's own comes first.

    Returns
    -------
    tuple of CashMovement
        One per part: ``-quantity x mark x rate``, so that longs pay and shorts receive where the rate is positive, to
        eight decimals. Nothing where the amount is 0.

    Raises
    ------
    DataError
        The row is a forecast, or its rate or every mark is missing while something is held.
    """
    held = [part for part in parts if part.quantity]
    if not batch.is_settled[row]:
        raise DataError(
            "a forecast of funding is not paid", found=f"row {row} of {batch.symbol}", expected="a settled row"
        )
    if not held:
        return ()
    rate, told = float(batch.rate[row]), float(batch.mark[row])
    price = Decimal(repr(told)) if np.isfinite(told) else mark
    if not np.isfinite(rate) or price is None or not price.is_finite() or price <= 0:
        raise DataError(
            "funding of an open position cannot be told",
            found=f"rate {rate}, mark {price} of {batch.symbol} at {int(batch.funding_ns[row])} ns",
            expected="a settled rate and a mark",
            action="complete the funding history, or end the run before",
        )
    paid_ns = int(batch.funding_ns[row])
    movements = []
    for part in held:
        amount = _WIDE.multiply(_WIDE.multiply(-part.quantity, price), Decimal(repr(rate)))
        amount = amount.quantize(_UNIT, context=_WIDE)
        if amount:
            movements.append(
                CashMovement(
                    event_id=f"funding:{batch.symbol}:{paid_ns}:{part.package_id}",
                    ts_event_ns=paid_ns,
                    kind=CashKind.FUNDING,
                    amount=amount,
                    symbol=batch.symbol,
                    package_id=part.package_id,
                    strategy=part.strategy,
                )
            )
    return tuple(movements)
