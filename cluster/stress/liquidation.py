"""How far the perpetuals of a book are from liquidation, and which scenarios reach it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite, isnan
from typing import Final

from cluster.stress.market import PricedPositions
from market.chains import FloatArray
from market.tradables import Perpetual
from risk.margin.perpetual import MarginTier, PerpetualPosition, PerpetualTerms, isolated_margin

__all__ = ["LiquidationRow", "liquidations"]

_WITHOUT_END: Final = Decimal("Infinity")
_NAN: Final = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationRow:
    """One perpetual with collateral of its own.

    Parameters
    ----------
    symbol : str
        The perpetual.
    liquidation_price : float
        Mark at which margin and maintenance are equal; 0 where a long position has none, NaN with a reason.
    distance : float
        To it, as a fraction of the mark; negative behind it.
    reached : tuple of str
        Scenarios at whose mark the position is liquidated, or at whose mark it cannot be told.
    reason : str
        Why numbers are missing.
    """

    symbol: str
    liquidation_price: float = _NAN
    distance: float = _NAN
    reached: tuple[str, ...] = ()
    reason: str = ""


def liquidations(positions: PricedPositions, names: Sequence[str], value: FloatArray) -> tuple[LiquidationRow, ...]:
    """Return a row for each perpetual of a book.

    Parameters
    ----------
    positions : PricedPositions
        The book; its rows tell entry, collateral and the rate of maintenance.
    names : sequence of str
        Of the scenarios.
    value : ndarray, shape (n_scenarios, n_legs)
        Marks in each.

    Returns
    -------
    tuple of LiquidationRow
        With the reason where the row does not tell what is needed.

    Notes
    -----
    Margin is isolated, with one rate of maintenance on the notional at the mark. Tiers and wallets that are shared are
    those of the margin module.
    """
    found = []
    for leg, (item, row) in enumerate(zip(positions.instruments, positions.rows, strict=True)):
        if not isinstance(item, Perpetual):
            continue
        if isnan(row.entry_price) or isnan(row.collateral) or not 0.0 < row.maintenance_rate < 1.0:
            reason = "give the row entry_price, collateral and maintenance_rate"
            found.append(LiquidationRow(symbol=item.symbol, reason=reason))
            continue
        tier = MarginTier(
            up_to=_WITHOUT_END, initial_rate=Decimal(1), maintenance_rate=Decimal(repr(row.maintenance_rate))
        )
        terms = PerpetualTerms(tiers=(tier,))
        position = PerpetualPosition(
            symbol=item.symbol,
            quantity=row.quantity,
            entry_price=Decimal(repr(row.entry_price)),
            collateral=Decimal(repr(row.collateral)),
        )
        now = isolated_margin(position, _mark(float(positions.book.mark[leg])), terms)
        told = [isolated_margin(position, _mark(float(mark)), terms) for mark in value[:, leg]]
        reached = tuple(name for name, each in zip(names, told, strict=True) if each.is_liquidated or each.reason)
        found.append(
            LiquidationRow(
                symbol=item.symbol,
                liquidation_price=now.liquidation_price,
                distance=now.distance_from_mark,
                reached=reached,
                reason=now.reason,
            )
        )
    return tuple(found)


def _mark(value: float) -> Decimal | None:
    return Decimal(repr(value)) if isfinite(value) else None
