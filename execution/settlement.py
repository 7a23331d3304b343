"""Expiry: what becomes of each position in a contract that ends, and what a settlement may be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from execution.events import Settlement, SettlementKind
from execution.holdings import PackagePosition
from execution.lots import EXACT
from market.errors import DataError
from market.instruments import SettlementTime
from market.tradables import Future, OptionContract, Perpetual, Share

__all__ = ["DueSettlement", "SettlementRules", "check_settlement", "delivery", "due_settlements", "settle_expiring"]

_ZERO: Final = Decimal(0)
_DELIVERING: Final = frozenset({SettlementKind.EXERCISED, SettlementKind.ASSIGNED})


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementRules:
    """What decides at expiry.

    Parameters
    ----------
    exercise_threshold : Decimal
        Least intrinsic value per unit at which a contract that delivers is exercised.
    pin_band : Decimal
        Fraction of the strike: where the settlement price is no farther from the strike, exercise of a contract that
        delivers is uncertain. Contracts that settle in cash have no such band.
    """

    exercise_threshold: Decimal = Decimal("0.01")
    pin_band: Decimal = Decimal("0.001")


@dataclass(frozen=True, slots=True, kw_only=True)
class DueSettlement:
    """Positions that one print settles.

    Parameters
    ----------
    underlying : str
        Whose print.
    settles_on : SettlementTime
        Which one: AM the opening print, PM the closing print, else the price at the fixed instant.
    expiry_ns : int
        Instant of the print, ns since the epoch, UTC.
    positions : tuple of PackagePosition
        What ends.
    """

    underlying: str
    settles_on: SettlementTime
    expiry_ns: int
    positions: tuple[PackagePosition, ...]


def due_settlements(held: Iterable[PackagePosition], now_ns: int) -> tuple[DueSettlement, ...]:
    """Return what has expired by an instant, by print, earliest first.

    Parameters
    ----------
    held : iterable of PackagePosition
        All positions, as of `Ledger.positions`.
    now_ns : int
        ns since the epoch, UTC.

    Returns
    -------
    tuple of DueSettlement
        Shares and perpetuals never expire.
    """
    groups: dict[tuple[int, str, SettlementTime], list[PackagePosition]] = {}
    for position in held:
        instrument = position.instrument
        if isinstance(instrument, OptionContract) and instrument.series.expiry_ns <= now_ns:
            key = (instrument.series.expiry_ns, instrument.underlying, instrument.series.product.settlement)
            groups.setdefault(key, []).append(position)
        elif isinstance(instrument, Future) and instrument.expiry_ns <= now_ns:
            key = (instrument.expiry_ns, instrument.underlying, SettlementTime.FIXED_UTC)
            groups.setdefault(key, []).append(position)
    return tuple(
        DueSettlement(underlying=name, settles_on=at, expiry_ns=ns, positions=tuple(groups[(ns, name, at)]))
        for ns, name, at in sorted(groups)
    )


def settle_expiring(
    due: DueSettlement,
    settlement_price: Decimal,
    *,
    rules: SettlementRules | None = None,
    share: Share | None = None,
) -> tuple[Settlement, ...]:
    """Return how each position of a print ends.

    Parameters
    ----------
    due : DueSettlement
        What ends.
    settlement_price : Decimal
        The print; finite and > 0.
    rules : SettlementRules, optional
        What decides; the defaults without.
    share : Share, optional
        What physical contracts deliver; one of the underlying's name in the contract's currency without.

    Returns
    -------
    tuple of Settlement
        One for each position, at `due.expiry_ns`.

    Raises
    ------
    DataError
        The price is missing: a position without a settlement price stays open, and nobody guesses.

    Notes
    -----
    Cash contracts pay their intrinsic value, futures the print. A contract that delivers is exercised where it is in
    the money by the threshold. Within the pin band the worse for us is taken: what we hold ends worthless, what we are
    short is assigned unless it is out of the money; both are flagged.
    """
    if not settlement_price.is_finite() or settlement_price <= 0:
        raise DataError(
            "a position cannot settle",
            found=f"{due.underlying} at {settlement_price}",
            expected="the settlement print of the underlying",
            action="bring the underlying's prices of that day",
        )
    rules = rules or SettlementRules()
    return tuple(_settled(position, due.expiry_ns, settlement_price, rules, share) for position in due.positions)


def delivery(
    position: PackagePosition,
    *,
    ts_ns: int,
    underlying_price: Decimal,
    share: Share | None = None,
    is_early: bool = False,
    is_pinned: bool = False,
) -> Settlement:
    """Return the exercise of a long or the assignment of a short position in a contract that delivers.

    Parameters
    ----------
    position : PackagePosition
        In an option that delivers shares.
    ts_ns : int
        Instant, ns since the epoch, UTC.
    underlying_price : Decimal
        What decided.
    share : Share, optional
        What is delivered; one of the underlying's name without.
    is_early, is_pinned : bool
        See `Settlement`.

    Returns
    -------
    Settlement
        The whole position against shares at the strike.
    """
    contract = position.instrument
    if not isinstance(contract, OptionContract) or contract.is_cash_settled:
        raise DataError("only options on shares deliver", found=contract.symbol, expected="a physical contract")
    kind = SettlementKind.EXERCISED if position.quantity > 0 else SettlementKind.ASSIGNED
    units = EXACT.multiply(position.quantity, contract.multiplier)
    return Settlement(
        event_id=_event_id(position, ts_ns, "early" if is_early else "expiry"),
        ts_event_ns=ts_ns,
        kind=kind,
        instrument=contract,
        quantity=position.quantity,
        price=_ZERO,
        settlement_price=underlying_price,
        package_id=position.package_id,
        strategy=position.strategy,
        delivered=share or Share(symbol=contract.underlying, currency=contract.currency),
        delivered_quantity=units if contract.is_call else units.copy_negate(),
        delivered_price=contract.strike,
        is_early=is_early,
        is_pinned=is_pinned,
    )


def check_settlement(event: Settlement, held: Decimal) -> None:
    """Refuse a settlement that cannot be.

    Parameters
    ----------
    event : Settlement
        What is to be booked.
    held : Decimal
        What the package holds of the instrument.

    Raises
    ------
    DataError
        More than is held, against the position's sign, or terms that are not the contract's.
    """
    within = event.quantity.copy_abs() <= held.copy_abs() and EXACT.multiply(event.quantity, held) > 0
    prices = event.price.is_finite() and event.settlement_price.is_finite()
    if not within or not prices or not _terms_fit(event):
        raise DataError(
            "a settlement cannot be",
            found=f"{event.event_id}: {event.kind} of {event.quantity} {event.instrument.symbol}, held {held}",
            expected="a part of what is held, closed by the contract's own terms",
            action="compare with the account's activities; nothing was booked",
        )


def _terms_fit(event: Settlement) -> bool:
    contract = event.instrument
    if event.kind not in _DELIVERING:
        no_delivery = event.delivered is None and not event.delivered_quantity
        return no_delivery and (event.kind is SettlementKind.CASH or not event.price)
    if not isinstance(contract, OptionContract) or event.delivered is None or event.price:
        return False
    units = EXACT.multiply(event.quantity, contract.multiplier)
    sign_fits = (event.quantity > 0) is (event.kind is SettlementKind.EXERCISED)
    flow_fits = event.delivered_quantity == (units if contract.is_call else units.copy_negate())
    share_fits = event.delivered.symbol == contract.underlying and not contract.is_cash_settled
    return sign_fits and flow_fits and share_fits and event.delivered_price == contract.strike


def _settled(
    position: PackagePosition, ts_ns: int, price: Decimal, rules: SettlementRules, share: Share | None
) -> Settlement:
    contract = position.instrument
    if isinstance(contract, Future):
        return _paid(position, ts_ns, price, SettlementKind.CASH, price)
    if isinstance(contract, Share | Perpetual):
        raise DataError("it never expires", found=contract.symbol, expected="an option or a future")
    worth = contract.intrinsic(price)
    if contract.is_cash_settled:
        kind = SettlementKind.CASH if worth else SettlementKind.WORTHLESS
        return _paid(position, ts_ns, worth, kind, price)
    is_pinned = abs(price - contract.strike) <= rules.pin_band * contract.strike
    if is_pinned:
        reaches = price >= contract.strike if contract.is_call else price <= contract.strike
        delivers = position.quantity < 0 and reaches
    else:
        delivers = worth >= rules.exercise_threshold
    if delivers:
        return delivery(position, ts_ns=ts_ns, underlying_price=price, share=share, is_pinned=is_pinned)
    return _paid(position, ts_ns, _ZERO, SettlementKind.WORTHLESS, price, is_pinned=is_pinned)


def _paid(
    position: PackagePosition,
    ts_ns: int,
    worth: Decimal,
    kind: SettlementKind,
    price: Decimal,
    *,
    is_pinned: bool = False,
) -> Settlement:
    return Settlement(
        event_id=_event_id(position, ts_ns, "expiry"),
        ts_event_ns=ts_ns,
        kind=kind,
        instrument=position.instrument,
        quantity=position.quantity,
        price=worth,
        settlement_price=price,
        package_id=position.package_id,
        strategy=position.strategy,
        is_pinned=is_pinned,
    )


def _event_id(position: PackagePosition, ts_ns: int, how: str) -> str:
    return f"{how}:{position.instrument.symbol}:{position.package_id}:{ts_ns}"
