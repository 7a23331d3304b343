"""Liquidation of perpetuals: whether a bar has reached it, and at which price the venue closes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from execution.events import CashKind, CashMovement
from execution.holdings import PackagePosition
from market.errors import DataError
from market.fills import Fill, Liquidity
from market.tradables import Perpetual
from risk.margin.perpetual import PerpetualPosition, PerpetualTerms, cross_margin, isolated_margin

__all__ = ["Liquidation", "MarkRange", "cross_liquidations", "isolated_liquidation", "liquidation_events", "reducing"]

_ZERO: Final = Decimal(0)
_EIGHT: Final = Decimal("0.00000001")  # venues book eight decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkRange:
    """Where the mark of a perpetual went within a span.

    Parameters
    ----------
    ts_ns : int
        End of the span, ns since the epoch, UTC.
    first, low, high : Decimal
        First, lowest and highest mark; of one instant all three are the same.
    """

    ts_ns: int
    first: Decimal
    low: Decimal
    high: Decimal

    def __post_init__(self) -> None:
        known = all(price.is_finite() for price in (self.first, self.low, self.high))
        if not known or not _ZERO < self.low <= self.first <= self.high:
            raise DataError(
                "marks of a span cannot be",
                found=f"first {self.first}, low {self.low}, high {self.high}",
                expected="0 < low <= first <= high",
                action="a span without marks cannot tell whether a position was liquidated",
            )

    def worst_for(self, quantity: Decimal) -> Decimal:
        """Return the mark that hurts a position most."""
        return self.low if quantity > 0 else self.high


@dataclass(frozen=True, slots=True, kw_only=True)
class Liquidation:
    """A position that the venue closes as a whole.

    Parameters
    ----------
    symbol : str
        The perpetual.
    ts_ns : int
        End of the span in which it happened, ns since the epoch, UTC.
    quantity : Decimal
        What is traded: minus the position.
    price : Decimal
        What it is closed at: the bankruptcy price, or the first mark of the span where that was worse already.
    trigger_price : Decimal
        Mark at which margin was no more than maintenance.
    fee : Decimal
        Closing fee, quote currency, >= 0.
    reason : str
        ``liquidated_isolated`` or ``liquidated_cross``.
    """

    symbol: str
    ts_ns: int
    quantity: Decimal
    price: Decimal
    trigger_price: Decimal
    fee: Decimal
    reason: str


def reducing(held: Decimal, wanted: Decimal) -> Decimal:
    """Return the part of a trade that only makes a position smaller; an emergency never trades more.

    Parameters
    ----------
    held : Decimal
        Position, with its sign.
    wanted : Decimal
        Trade that is asked for, with its sign.

    Returns
    -------
    Decimal
        0 where the trade would enlarge; never beyond flat.
    """
    if held * wanted >= 0:
        return _ZERO
    return max(wanted, -held) if wanted < 0 else min(wanted, -held)


def isolated_liquidation(position: PerpetualPosition, marks: MarkRange, terms: PerpetualTerms) -> Liquidation | None:
    """Return the liquidation of a position with its own collateral within a span, None where it lives.

    Parameters
    ----------
    position : PerpetualPosition
        Before the span.
    marks : MarkRange
        Where the mark went; its worst point counts, however short.
    terms : PerpetualTerms
        Tiers and fee.

    Returns
    -------
    Liquidation or None
        At the bankruptcy price: what is left of the margin above it goes to the venue. Where the span began beyond it,
        the loss is larger than the collateral; venues differ in who bears that, and here it is us.
    """
    if not isolated_margin(position, marks.worst_for(position.quantity), terms).is_liquidated:
        return None
    return _closed(position, marks, terms, position.collateral, "liquidated_isolated")


def cross_liquidations(
    positions: Sequence[PerpetualPosition],
    marks: Mapping[str, MarkRange],
    terms: Mapping[str, PerpetualTerms],
    wallet: Decimal,
) -> tuple[Liquidation, ...]:
    """Return what a venue closes of positions that share a wallet.

    Parameters
    ----------
    positions : sequence of PerpetualPosition
        Before the span, each symbol once.
    marks : mapping of str to MarkRange
        Where each mark went. All are taken at their worst point at once, which is the most careful reading of a bar.
    terms : mapping of str to PerpetualTerms
        Tiers and fees.
    wallet : Decimal
        Money without unrealised profit, quote currency.

    Returns
    -------
    tuple of Liquidation
        The position that needs the most margin first, then others as long as the wallet is down; empty where it holds.

    Raises
    ------
    DataError
        A mark is missing.
    """
    left = {position.symbol: position for position in positions}
    closed: list[Liquidation] = []
    missing = sorted(left.keys() - marks.keys())
    if missing:
        raise DataError("a wallet cannot be judged", found=f"no marks of {', '.join(missing)}", expected="all marks")
    while left:
        worst = {symbol: marks[symbol].worst_for(position.quantity) for symbol, position in left.items()}
        reading = cross_margin(tuple(left.values()), worst, terms, wallet)
        if not reading.is_liquidated:
            break
        symbol = max(reading.positions, key=lambda item: (item.maintenance, item.symbol)).symbol
        position = left.pop(symbol)
        margin = wallet + sum(
            (other.unrealised(worst[name]) - _needed(other, worst[name], terms[name]) for name, other in left.items()),
            _ZERO,
        )
        event = _closed(position, marks[symbol], terms[symbol], margin, "liquidated_cross")
        closed.append(event)
        wallet += position.unrealised(event.price) - event.fee
    return tuple(closed)


def liquidation_events(
    liquidation: Liquidation, instrument: Perpetual, parts: Sequence[PackagePosition]
) -> tuple[Fill | CashMovement, ...]:
    """Return the bookings of a liquidation: for each package its part of the fee, and a fill.

    Parameters
    ----------
    liquidation : Liquidation
        What the venue closed.
    instrument : Perpetual
        The perpetual.
    parts : sequence of PackagePosition
        Packages that hold the position; their quantities add up to it. All are closed, those on the other side too: the
        venue knows the sum alone.

    Returns
    -------
    tuple of Fill or CashMovement
        For each part the fee, a movement of its own kind to eight decimals of which the last part bears the rest, and
        then the fill, so that the fee belongs to the trade that ends.

    Raises
    ------
    DataError
        The parts are not the position.
    """
    held = [part for part in parts if part.quantity]
    total = sum((part.quantity for part in held), _ZERO)
    if not held or total != -liquidation.quantity:
        raise DataError(
            "the parts of a liquidated position are not the position",
            found=f"{[str(part.quantity) for part in held]}",
            expected=f"{-liquidation.quantity} in all",
        )
    gross = sum((abs(part.quantity) for part in held), _ZERO)
    events: list[Fill | CashMovement] = []
    unpaid = liquidation.fee
    for place, part in enumerate(held, start=1):
        name = f"liquidation:{liquidation.symbol}:{liquidation.ts_ns}:{part.package_id}"
        share = unpaid if place == len(held) else (liquidation.fee * abs(part.quantity) / gross).quantize(_EIGHT)
        unpaid -= share
        if share:
            events.append(
                CashMovement(
                    event_id=f"{name}:fee",
                    ts_event_ns=liquidation.ts_ns,
                    kind=CashKind.FEE,
                    amount=-share,
                    symbol=liquidation.symbol,
                    package_id=part.package_id,
                    strategy=part.strategy,
                )
            )
        events.append(
            Fill(
                fill_id=name,
                order_id=name,
                cause_id=liquidation.reason,
                package_id=part.package_id,
                strategy=part.strategy,
                ts_event_ns=liquidation.ts_ns,
                instrument=instrument,
                quantity=-part.quantity,
                price=liquidation.price,
                costs=(),
                liquidity=Liquidity.TAKER,
                simulated=True,
            )
        )
    return tuple(events)


def _closed(
    position: PerpetualPosition, marks: MarkRange, terms: PerpetualTerms, margin: Decimal, reason: str
) -> Liquidation:
    alone = replace(position, collateral=max(margin, _ZERO))
    reading = isolated_margin(alone, marks.first, terms)
    is_long = position.quantity > 0
    # A quotient of 28 digits would not add up in the ledger; it is cut on the side that costs us.
    bankruptcy = max(position.entry_price - margin / position.quantity, _ZERO).quantize(
        _EIGHT, rounding=ROUND_FLOOR if is_long else ROUND_CEILING
    )
    price = min(bankruptcy, marks.first) if is_long else max(bankruptcy, marks.first)
    return Liquidation(
        symbol=position.symbol,
        ts_ns=marks.ts_ns,
        quantity=-position.quantity,
        price=price,
        trigger_price=Decimal(repr(reading.liquidation_price)),
        fee=(abs(position.quantity) * price * terms.fee_rate).quantize(_EIGHT),
        reason=reason,
    )


def _needed(position: PerpetualPosition, mark: Decimal, terms: PerpetualTerms) -> Decimal:
    reading = isolated_margin(position, mark, terms)
    return Decimal(repr(reading.maintenance))
