"""Closing orders after a fill or a settlement took a part of what they were to close: fitted, or withdrawn."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol

from backtest.account import AccountNow
from backtest.exchange import Match, SimulatedExchange
from execution.filled import remaining, whole_packages
from execution.intents import units_of
from execution.lifecycle import is_done
from execution.order_book import OrderBook
from execution.order_events import Cancelled, Restated
from execution.orders import Order
from execution.replacing import fitted_closings
from market.orders import PositionEffect

__all__ = ["FittedDesk", "fit_closings", "fitted_match", "withdraw_closings"]


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
        Package of which a closing order was filled.
    now_ns : int
        Instant, ns since the epoch, UTC.

    Returns
    -------
    int
        Orders that became smaller or ended.

    Notes
    -----
    The orders that stay share what is held. One whose cancel is under way may trade until then as if it were alone:
    it was counted away when its replacement was let through, and whatever it fills makes that one smaller.
    """
    book = desk.orders
    closing = [
        book.order(each.order_id)
        for each in book.working()
        if each.package_id == package_id and each.effect is PositionEffect.CLOSE
    ]
    if not closing:
        return 0
    held = next((units_of(each) for each in desk.account.packages if each.package_id == package_id), {})
    fitted = list(fitted_closings(held, [order for order in closing if not order.is_cancel_requested]))
    for order in closing:
        if order.is_cancel_requested:
            fitted += fitted_closings(held, [order])
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


def withdraw_closings(desk: FittedDesk, package_id: str, now_ns: int) -> None:
    """Take orders off the venue's book that would close what a settlement has taken away.

    Parameters
    ----------
    desk : FittedDesk
        Orders and their venue.
    package_id : str
        Package of which a part was settled.
    now_ns : int
        Instant, ns since the epoch, UTC.
    """
    resting = [
        order.order_id
        for order in desk.orders.working()
        if order.package_id == package_id and order.effect is PositionEffect.CLOSE
    ]
    for order_id in desk.exchange.take_off(resting):
        reason = "a part of its package was settled"
        desk.orders.apply(Cancelled(order_id=order_id, ts_event_ns=now_ns, reason=reason))


def fitted_match(order: Order, match: Match) -> Match | None:
    """Return what of a match is still to be booked.

    Parameters
    ----------
    order : Order
        The order as it stands.
    match : Match
        What the venue found for it, together with matches of other orders at the same quotes.

    Returns
    -------
    Match or None
        Less where `fit_closings` has made the order smaller since, None where it has ended it: at one set of quotes an
        old closing order and the one that replaces it may both be met, and a venue that counts the one against the
        other fills them once.
    """
    if order.intent.effect is not PositionEffect.CLOSE:
        return match
    if is_done(order):
        return None
    left = remaining(order)
    if match.execution.quantity <= left:
        return match
    return replace(match, execution=replace(match.execution, quantity=left)) if left > 0 else None
