"""Liquidation in a run: each span of a perpetual's prices is held against the margin of what is held before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import nan
from typing import Final, Protocol, final

from backtest.results import FillQuote
from execution.events import LedgerEvent
from execution.holdings import PackagePosition
from execution.ledger import Ledger
from execution.liquidation import (
    Liquidation,
    MarkRange,
    cross_liquidations,
    isolated_liquidation,
    liquidation_events,
)
from execution.package_book import PackageBook
from market.errors import ConfigError
from market.fills import Fill
from market.orders import Leg, OrderIntent, PositionEffect, TimeInForce
from market.tradables import Perpetual
from risk.margin.perpetual import PerpetualPosition, PerpetualTerms
from strategies.views import Holding

__all__ = ["LiquidatedBooks", "Liquidator"]

_ZERO: Final = Decimal(0)


class LiquidatedBooks(Protocol):
    """What a liquidation needs of a desk."""

    ledger: Ledger
    packages: PackageBook
    counts: Counter[str]

    def book(self, event: LedgerEvent) -> None:
        """Book an event in the ledger and in its package."""

    def book_fill(self, fill: Fill, judged: FillQuote) -> None:
        """Record a fill with the quotes that it is judged by, and book it."""

    def withdraw(self, symbol: str, now_ns: int, reason: str) -> None:
        """Take working orders in an instrument off the venue's book."""


@final
class Liquidator:
    """The venue's margin engine for the perpetuals of one account.

    Parameters
    ----------
    desk : LiquidatedBooks
        Positions, money and working orders.
    terms : mapping of str to PerpetualTerms
        Tiers and fees; a perpetual without terms requires its whole notional and is not watched.
    leverage : Decimal or None
        None: all positions share the cash of the account. A number: each position has its initial margin at that
        leverage and its entry as collateral of its own; funding and other profits do not change it.

    Raises
    ------
    ConfigError
        A leverage below 1.

    Notes
    -----
    Prices of bars stand for marks, so that a wick of the last price liquidates where a mark might not have gone. A
    position that an order opens inside a bar is held against the next one: what the bar did before is not its past.
    """

    def __init__(
        self, desk: LiquidatedBooks, terms: Mapping[str, PerpetualTerms], leverage: Decimal | None = None
    ) -> None:
        if leverage is not None and not leverage >= 1:
            raise ConfigError("a leverage cannot be", found=str(leverage), expected=">= 1")
        self._desk, self._terms, self._leverage = desk, terms, leverage

    @property
    def watched(self) -> frozenset[str]:
        """Symbols whose spans have to be told."""
        return frozenset(self._terms)

    def span(self, symbol: str, now_ns: int, first: float, low: float, high: float) -> tuple[Liquidation, ...]:
        """Take the prices of one perpetual since the last span, and liquidate what they killed.

        Parameters
        ----------
        symbol : str
            The perpetual.
        now_ns : int
            End of the span, ns since the epoch, UTC.
        first, low, high : float
            First, lowest and highest price; all the same for one instant.

        Returns
        -------
        tuple of Liquidation
            What was closed and booked; working orders in it are withdrawn first.

        Raises
        ------
        DataError
            A price is missing while something is held, so that nobody can tell whether it lives.
        """
        held = self._held()
        if symbol not in held:
            return ()
        marks = MarkRange(ts_ns=now_ns, first=Decimal(repr(first)), low=Decimal(repr(low)), high=Decimal(repr(high)))
        closed = self._isolated(held[symbol], marks) if self._leverage is not None else self._cross(held, symbol, marks)
        for each in closed:
            self._book(each)
        return tuple(closed)

    def _held(self) -> dict[str, Holding]:
        return {
            symbol: holding
            for symbol, holding in self._desk.ledger.holdings.items()
            if symbol in self._terms and isinstance(holding.instrument, Perpetual)
        }

    def _isolated(self, holding: Holding, marks: MarkRange) -> Sequence[Liquidation]:
        terms = self._terms[holding.instrument.symbol]
        notional = abs(holding.quantity) * holding.average_price
        collateral = terms.initial(notional, self._leverage or Decimal(1))
        found = isolated_liquidation(_position(holding, collateral), marks, terms)
        return () if found is None else (found,)

    def _cross(self, held: Mapping[str, Holding], symbol: str, marks: MarkRange) -> Sequence[Liquidation]:
        ranges = {symbol: marks}
        for other in held.keys() - {symbol}:
            price = self._desk.ledger.price(other) or _ZERO
            ranges[other] = MarkRange(ts_ns=marks.ts_ns, first=price, low=price, high=price)
        positions = [_position(holding, _ZERO) for _, holding in sorted(held.items())]
        return cross_liquidations(positions, ranges, self._terms, self._desk.ledger.cash)

    def _book(self, liquidation: Liquidation) -> None:
        desk = self._desk
        desk.withdraw(liquidation.symbol, liquidation.ts_ns, liquidation.reason)
        parts = [each for each in desk.ledger.positions() if each.instrument.symbol == liquidation.symbol]
        (instrument,) = {each.instrument for each in parts}
        if isinstance(instrument, Perpetual):
            for part in parts:
                desk.packages.announce(_forced(liquidation, part))
            for event in liquidation_events(liquidation, instrument, parts):
                if isinstance(event, Fill):
                    desk.book_fill(event, _unquoted(event))
                else:
                    desk.book(event)
        desk.counts["liquidations"] += 1


def _position(holding: Holding, collateral: Decimal) -> PerpetualPosition:
    return PerpetualPosition(
        symbol=holding.instrument.symbol,
        quantity=holding.quantity,
        entry_price=holding.average_price,
        collateral=collateral,
    )


def _unquoted(fill: Fill) -> FillQuote:
    """Return the quotes behind the venue's own closing: nobody decided it, and it met no quote of ours."""
    return FillQuote(
        fill_id=fill.fill_id, decided_ns=fill.ts_event_ns, decided_bid=nan, decided_ask=nan, bid=nan, ask=nan
    )


def _forced(liquidation: Liquidation, part: PackagePosition) -> OrderIntent:
    """Return the venue's own closing order, which gives the package the reason of its end."""
    name = f"liquidation:{liquidation.symbol}:{liquidation.ts_ns}:{part.package_id}"
    return OrderIntent(
        intent_id=name,
        cause_id=liquidation.reason,
        ts_event_ns=liquidation.ts_ns,
        strategy=part.strategy,
        package_id=part.package_id,
        legs=(Leg(instrument=part.instrument, ratio=-1 if part.quantity > 0 else 1),),
        quantity=abs(part.quantity),
        limit_price=liquidation.price.copy_negate() if part.quantity > 0 else liquidation.price,
        effect=PositionEffect.CLOSE,
        time_in_force=TimeInForce.IOC,
        reason=liquidation.reason,
    )
