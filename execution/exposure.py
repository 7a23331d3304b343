"""What an account has at stake, from its ledger and its orders: Greeks, and capital at risk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, final

import numpy as np

from execution.holdings import PackagePosition
from execution.ledger import Ledger
from execution.order_book import OrderBook
from market.orders import OrderIntent, PositionEffect, unit_multiplier
from market.tradables import Instrument
from risk.book import PortfolioGreeks, PricedBook
from risk.book_loss import least_value
from risk.portfolio_greeks import LegGreeks, leg_greeks, portfolio_greeks
from strategies.priced_book import Benchmark, OwnedLeg, Prices, priced_book
from strategies.views import Holding

__all__ = ["Exposure", "PackageLoss", "loss_of_intent", "loss_of_positions"]

_ZERO: Final = Decimal(0)
_NAN: Final = float("nan")


def loss_of_intent(intent: OrderIntent, quantity: Decimal) -> Decimal:
    """Return the worst loss of packages that are filled at an order's limit, before costs.

    Parameters
    ----------
    intent : OrderIntent
        The order.
    quantity : Decimal
        Packages.

    Returns
    -------
    Decimal
        Account currency, >= 0; infinite where it has no bound.
    """
    paid = intent.limit_price * unit_multiplier(intent.legs)
    worst = least_value((leg.instrument, Decimal(leg.ratio)) for leg in intent.legs)
    return max(paid - worst, _ZERO) * quantity


def loss_of_positions(positions: Iterable[PackagePosition]) -> Decimal:
    """Return the worst loss of what one package holds, against what its open lots cost.

    Parameters
    ----------
    positions : iterable of PackagePosition
        All of one package.

    Returns
    -------
    Decimal
        Account currency, >= 0; infinite where it has no bound, NaN where a cost was not told.
    """
    held = tuple(positions)
    cost = sum((each.cost for each in held), _ZERO)
    loss = cost - least_value((each.instrument, each.quantity) for each in held)
    return loss if loss.is_nan() else max(loss, _ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageLoss:
    """What an open package can lose.

    Parameters
    ----------
    strategy : str
        Who holds it.
    underlyings : frozenset of str
        What it depends on.
    loss : Decimal
        As `loss_of_positions`.
    """

    strategy: str
    underlyings: frozenset[str]
    loss: Decimal


@final
class Exposure:
    """Greeks and capital at risk of one account, valued once an instant and only where somebody asks.

    Parameters
    ----------
    ledger : Ledger
        Positions and marks.
    orders : OrderBook
        Orders that may still be filled.
    prices : Prices
        The market as it is known.
    benchmark : Benchmark, optional
        What deltas are weighted by.
    """

    def __init__(self, ledger: Ledger, orders: OrderBook, prices: Prices, benchmark: Benchmark | None = None) -> None:
        self._ledger, self._orders, self._prices, self._benchmark = ledger, orders, prices, benchmark
        self._valued: tuple[int, Mapping[str, Holding], PricedBook, LegGreeks] | None = None
        self._losses: tuple[Mapping[str, Holding], Mapping[str, PackageLoss]] | None = None

    def book(self, now_ns: int) -> PricedBook:
        """Return the positions with what their value depends on.

        Parameters
        ----------
        now_ns : int
            Instant, ns since the epoch, UTC.

        Returns
        -------
        PricedBook
            The same object until an instant or a booking later.
        """
        return self._at(now_ns)[0]

    def greeks(self, now_ns: int, strategy: str = "") -> PortfolioGreeks:
        """Return the Greeks of the positions, or of those of one strategy.

        Parameters
        ----------
        now_ns : int
            Instant, ns since the epoch, UTC.
        strategy : str
            Whose; everybody's without it.

        Returns
        -------
        PortfolioGreeks
            NaN with the reason where a leg cannot be valued.
        """
        book, legs = self._at(now_ns)
        own = np.array([owner == strategy for owner in book.strategies], dtype=np.bool_) if strategy else None
        return portfolio_greeks(book, legs, where=own)

    def package_delta(self, now_ns: int, package_id: str) -> float:
        """Return the delta of one package in share equivalents; NaN where a leg cannot be valued."""
        book, legs = self._at(now_ns)
        own = np.array([each == package_id for each in book.package_ids], dtype=np.bool_)
        return portfolio_greeks(book, legs, where=own).delta_shares

    def order_greeks(
        self, intent: OrderIntent, quantity: Decimal, mark_of: Callable[[Instrument], float], now_ns: int
    ) -> PortfolioGreeks:
        """Return the Greeks that an order would add.

        Parameters
        ----------
        intent : OrderIntent
            The order.
        quantity : Decimal
            Packages of it.
        mark_of : callable
            What one unit of the underlying in an instrument is worth; NaN where nobody tells.
        now_ns : int
            Instant, ns since the epoch, UTC.

        Returns
        -------
        PortfolioGreeks
            NaN with the reason where a leg cannot be valued.
        """
        legs = _legs_of(intent, quantity, mark_of)
        return portfolio_greeks(priced_book(self._prices, legs, now_ns, benchmark=self._benchmark))

    def book_with(self, intent: OrderIntent, mark_of: Callable[[Instrument], float], now_ns: int) -> PricedBook:
        """Return the positions as they would stand with an order and all working orders that open something.

        Parameters
        ----------
        intent : OrderIntent
            The order, as a whole.
        mark_of : callable
            What one unit of the underlying in an instrument is worth; NaN where nobody tells.
        now_ns : int
            Instant, ns since the epoch, UTC.

        Returns
        -------
        PricedBook
            To be revalued under scenarios.
        """
        legs = [self._owned(each) for each in self._ledger.positions()]
        for each in self._orders.working():
            if each.effect is PositionEffect.OPEN:
                legs += _legs_of(self._orders.order(each.order_id).intent, each.remaining, mark_of)
        legs += _legs_of(intent, intent.quantity, mark_of)
        return priced_book(self._prices, legs, now_ns, benchmark=self._benchmark)

    def working_greeks(self, mark_of: Callable[[Instrument], float], now_ns: int) -> tuple[PortfolioGreeks, ...]:
        """Return what each working order that opens something would add if it is filled, as `order_greeks`."""
        return tuple(
            self.order_greeks(self._orders.order(each.order_id).intent, each.remaining, mark_of, now_ns)
            for each in self._orders.working()
            if each.effect is PositionEffect.OPEN
        )

    def losses(self) -> Mapping[str, PackageLoss]:
        """Return the worst loss of each open package by its id; read once a booking."""
        holdings = self._ledger.holdings
        if self._losses is None or self._losses[0] is not holdings:
            by_package: dict[str, list[PackagePosition]] = {}
            for each in self._ledger.positions():
                by_package.setdefault(each.package_id, []).append(each)
            found = {
                name: PackageLoss(
                    strategy=held[0].strategy,
                    underlyings=frozenset(each.instrument.underlying for each in held),
                    loss=loss_of_positions(held),
                )
                for name, held in by_package.items()
            }
            self._losses = (holdings, found)
        return self._losses[1]

    def capital_at_risk(self, strategy: str = "", underlying: str = "") -> float:
        """Return what can be lost on open packages, and on orders that may still open some.

        Parameters
        ----------
        strategy : str
            Whose; everybody's without it.
        underlying : str
            Only what is held on it; everything without it.

        Returns
        -------
        float
            Account currency, the sum of the worst losses; infinite where one has no bound, NaN where one is not known.
        """
        total = _ZERO
        for each in self.losses().values():
            if strategy in ("", each.strategy) and (not underlying or underlying in each.underlyings):
                total += each.loss
        for working in self._orders.working():
            if working.effect is PositionEffect.OPEN and strategy in ("", working.strategy):
                intent = self._orders.order(working.order_id).intent
                if not underlying or any(leg.instrument.underlying == underlying for leg in intent.legs):
                    total += loss_of_intent(intent, working.remaining)
        return float(total)

    def _at(self, now_ns: int) -> tuple[PricedBook, LegGreeks]:
        holdings = self._ledger.holdings  # another object after each booking
        known = self._valued
        if known is None or known[0] != now_ns or known[1] is not holdings:
            owned = [self._owned(each) for each in self._ledger.positions()]
            book = priced_book(self._prices, owned, now_ns, benchmark=self._benchmark)
            known = self._valued = (now_ns, holdings, book, leg_greeks(book))
        return known[2], known[3]

    def _owned(self, position: PackagePosition) -> OwnedLeg:
        mark = self._ledger.price(position.instrument.symbol)
        return OwnedLeg(
            package_id=position.package_id,
            strategy=position.strategy,
            instrument=position.instrument,
            units=position.quantity,
            mark=_NAN if mark is None else float(mark),
        )


def _legs_of(intent: OrderIntent, quantity: Decimal, mark_of: Callable[[Instrument], float]) -> list[OwnedLeg]:
    return [
        OwnedLeg(
            package_id=intent.package_id,
            strategy=intent.strategy,
            instrument=leg.instrument,
            units=leg.ratio * quantity,
            mark=mark_of(leg.instrument),
        )
        for leg in intent.legs
    ]
