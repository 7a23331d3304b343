"""From a decision to intents: ids, packages in their one form, and a clear word for what cannot be ordered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, NoReturn

from execution.identity import intent_id, package_id
from execution.packages import Package, reduced, rounded_limit
from market.clock import iso_of_ns
from market.errors import DataError
from market.orders import OrderIntent, PositionEffect, TimeInForce
from market.tradables import Future, Instrument, OptionContract, Perpetual
from strategies.decisions import Decision, Proposal
from strategies.views import HeldPackage

__all__ = ["Asking", "intents_of", "units_of"]

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who decided, when, and over which account.

    Parameters
    ----------
    strategy : str
        Name of the strategy.
    decision_id : str
        As `execution.identity.decision_id`.
    ts_event_ns : int
        Instant of the decision, ns since the epoch, UTC.
    currency : str
        Account currency.
    packages : sequence of HeldPackage
        What is open.
    closing : mapping of str to mapping of str to Decimal
        By package and symbol: units that other working orders close already, as `OrderBook.closing_units` tells.
    """

    strategy: str
    decision_id: str
    ts_event_ns: int
    currency: str
    packages: Sequence[HeldPackage] = ()
    closing: Mapping[str, Mapping[str, Decimal]] = field(default_factory=dict)


def intents_of(decision: Decision, asking: Asking) -> tuple[OrderIntent, ...]:
    """Return the intents of a decision, one for each proposal.

    Parameters
    ----------
    decision : Decision
        What the strategy answered.
    asking : Asking
        Who asked it, and when.

    Returns
    -------
    tuple of OrderIntent
        With ids that the same decision gives again, ratios without a common divisor, and limits on the tick, never
        paying more than was proposed.

    Raises
    ------
    DataError
        An order is impossible; the text names strategy, instant, proposal and field.
    """
    if not decision.proposals:
        return ()
    closing = {package: dict(units) for package, units in asking.closing.items()}
    return tuple(_intent(_Asked(asking, place, each), closing) for place, each in enumerate(decision.proposals))


def units_of(package: HeldPackage) -> Mapping[str, Decimal]:
    """Return the units that a package holds by symbol, signed.

    Parameters
    ----------
    package : HeldPackage
        Open package.

    Returns
    -------
    mapping of str to Decimal
        As it tells them; of a whole package that does not, its legs times its quantity.
    """
    return package.units or {leg.instrument.symbol: leg.ratio * package.quantity for leg in package.legs}


@dataclass(frozen=True, slots=True)
class _Asked:
    """One proposal, with what an error has to say about it."""

    asking: Asking
    place: int
    proposal: Proposal

    def fail(self, name: str, found: object, expected: str) -> NoReturn:
        structure = self.proposal.structure or "unnamed"
        raise DataError(
            f"strategy {self.asking.strategy} asks at {iso_of_ns(self.asking.ts_event_ns)} for an impossible order: "
            f"{name} of proposal {self.place} ({structure})",
            found=str(found),
            expected=expected,
            action="mend the strategy; nothing of this decision was ordered",
        )


def _intent(asked: _Asked, closing: dict[str, dict[str, Decimal]]) -> OrderIntent:
    proposal, asking = asked.proposal, asked.asking
    _check_numbers(asked)
    _check_legs(asked)
    package = reduced(proposal.legs, proposal.quantity, proposal.limit_price)
    for leg in package.legs:
        _check_quantity(asked, leg.instrument, package.quantity * abs(leg.ratio))
    if proposal.effect is PositionEffect.CLOSE:
        _check_closing(asked, package, closing.setdefault(proposal.package_id, {}))
    elif proposal.package_id:
        asked.fail("package_id", proposal.package_id, "none where a package is opened: an open one does not grow")
    limit = rounded_limit(package.legs, package.price)
    return OrderIntent(
        intent_id=intent_id(asking.decision_id, asked.place),
        cause_id=asking.decision_id,
        ts_event_ns=asking.ts_event_ns,
        strategy=asking.strategy,
        package_id=proposal.package_id or package_id(asking.decision_id, asked.place),
        legs=package.legs,
        quantity=package.quantity,
        limit_price=limit,
        effect=proposal.effect,
        time_in_force=proposal.time_in_force,
        good_until_ns=asking.ts_event_ns + proposal.good_for_ns if proposal.good_for_ns else 0,
        reason=proposal.reason,
        structure=proposal.structure,
    )


def _check_numbers(asked: _Asked) -> None:
    proposal = asked.proposal
    for name, value in (("quantity", proposal.quantity), ("limit_price", proposal.limit_price)):
        if not isinstance(value, Decimal):
            asked.fail(name, f"{value!r} ({type(value).__name__})", "a Decimal: money and sizes are exact")
        if not value.is_finite():
            asked.fail(name, value, "a finite number")
    if proposal.quantity <= 0:
        asked.fail("quantity", proposal.quantity, "more than 0; the ratios carry the side")
    if not isinstance(proposal.effect, PositionEffect):
        asked.fail("effect", repr(proposal.effect), "a PositionEffect")
    if not isinstance(proposal.time_in_force, TimeInForce):
        asked.fail("time_in_force", repr(proposal.time_in_force), "a TimeInForce")
    if proposal.good_for_ns < 0:
        asked.fail("good_for_ns", proposal.good_for_ns, "0 or more ns")


def _check_legs(asked: _Asked) -> None:
    legs, now_ns = asked.proposal.legs, asked.asking.ts_event_ns
    if not legs or any(type(leg.ratio) is not int or leg.ratio == 0 for leg in legs):
        asked.fail("legs", [leg.ratio for leg in legs], "one or more, with whole ratios other than 0")
    symbols = [leg.instrument.symbol for leg in legs]
    if len(set(symbols)) != len(symbols):
        asked.fail("legs", symbols, "each instrument once")
    underlyings = {leg.instrument.underlying for leg in legs}
    if len(underlyings) > 1:
        asked.fail("legs", sorted(underlyings), "one underlying; a pair is two packages")
    currencies = {leg.instrument.currency for leg in legs}
    if currencies != {asked.asking.currency}:
        asked.fail("legs", sorted(currencies), f"{asked.asking.currency} alone, the currency of the account")
    for leg in legs:
        end_ns = _last_trade_ns(leg.instrument)
        if now_ns >= end_ns > 0:
            asked.fail("legs", f"{leg.instrument.symbol}, traded until {iso_of_ns(end_ns)}", "contracts that trade")
    if len(legs) == 1 and asked.proposal.limit_price * legs[0].ratio < 0:
        wrong = "a bought leg pays (0 or more), a sold one receives (0 or less)"
        asked.fail("limit_price", f"{asked.proposal.limit_price} of ratio {legs[0].ratio}", wrong)


def _last_trade_ns(instrument: Instrument) -> int:
    if isinstance(instrument, OptionContract):
        return instrument.series.last_trade_ns
    return instrument.expiry_ns if isinstance(instrument, Future) else 0


def _check_quantity(asked: _Asked, instrument: Instrument, units: Decimal) -> None:
    if isinstance(instrument, OptionContract | Future) and units != units.to_integral_value():
        asked.fail("quantity", f"{units} of {instrument.symbol}", "whole contracts")
    if isinstance(instrument, Perpetual) and units % instrument.lot:
        asked.fail("quantity", f"{units} of {instrument.symbol}", f"a multiple of its lot {instrument.lot}")


def _check_closing(asked: _Asked, package: Package, closing: dict[str, Decimal]) -> None:
    """Refuse to close what is not held, and note what this proposal closes for the ones after it."""
    proposal, strategy = asked.proposal, asked.asking.strategy
    held = next((each for each in asked.asking.packages if each.package_id == proposal.package_id), None)
    if held is None or held.strategy != strategy:
        known = [each.package_id for each in asked.asking.packages if each.strategy == strategy]
        asked.fail(
            "package_id", repr(proposal.package_id), f"an open package of the strategy: {known or 'it has none'}"
        )
    units = units_of(held)
    for leg in package.legs:
        symbol, closed = leg.instrument.symbol, leg.ratio * package.quantity
        left = units.get(symbol, _ZERO) + closing.get(symbol, _ZERO)
        if left * closed >= 0 or abs(closed) > abs(left):
            asked.fail("quantity", f"{closed} of {symbol}", f"at most the {-left} that close what is held and free")
        closing[symbol] = closing.get(symbol, _ZERO) + closed
