"""Closing orders that replace others: fitted to what is left when the old one is filled before its cancel comes."""

from __future__ import annotations

from typing import Protocol

from backtest.account import AccountNow
from backtest.exchange import SimulatedExchange
from execution.filled import whole_packages
from execution.intents import units_of
from execution.order_book import OrderBook
from execution.order_events import Cancelled, Restated
from execution.replacing import fitted_closings
from market.orders import PositionEffect

__all__ = ["FittedDesk", "fit_closings"]


class FittedDesk(Protocol):
    """Positions, orders and their venue."""

    account: AccountNow
    orders: OrderBook
    exchange: SimulatedExchange


def fit_closings(desk: FittedDesk, package_id: str, now_ns: int) -> int:
    """Make the closing orders of a package no more than what it holds.

    Parameters
    ----------
    desk : FittedDesk
        Positions after the fill.
    package_id : str
        Package of which an order was filled while its cancel was under way.
    now_ns : int
        Instant, ns since the epoch, UTC.

    Returns
    -------
    int
        Orders that became smaller or ended.
    """
    book, leaving = desk.orders, desk.orders.leaving
    held = next((units_of(each) for each in desk.account.packages if each.package_id == package_id), {})
    closing = [
        book.order(each.order_id)
        for each in book.working()
        if each.package_id == package_id and each.effect is PositionEffect.CLOSE and each.order_id not in leaving
    ]
    fitted = fitted_closings(held, closing)
    for order_id, packages in fitted:
        if packages:
            desk.exchange.reduce(order_id, packages)
            quantity = whole_packages(book.order(order_id)) + packages
            book.apply(Restated(order_id=order_id, ts_event_ns=now_ns, quantity=quantity))
        else:
            desk.exchange.take_off([order_id])
            reason = "the order that it replaces has closed what it was for"
            book.apply(Cancelled(order_id=order_id, ts_event_ns=now_ns, reason=reason))
    return len(fitted)
