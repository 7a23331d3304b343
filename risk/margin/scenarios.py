"""A bound from below on every pairing of options: what all of them lose, each expiry at a settlement price of its own.

Whatever is paired with what, a spread loses at least what it loses at any one price. So for any choice of one price
for each expiry, all spreads together require at least the value of all short options at the prices of their expiries,
less the value of all long options at the best price that they may be counted at. Where a pairing requires exactly
that, none is better, and no search is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from market.tradables import OptionContract
from risk.payoff import Payoff

__all__ = ["ExpiryGroup", "OpenShort", "proves_own_expiries"]

_ZERO: Final = Decimal(0)
_WITHOUT_END: Final = Decimal("Infinity")
Units = tuple[tuple[OptionContract, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpiryGroup:
    """The short options of one expiry with long options that end with it or later.

    Parameters
    ----------
    expiry_ns : int
        ns since the epoch, UTC.
    payoff : Payoff
        Of all of them, without what was paid.
    """

    expiry_ns: int
    payoff: Payoff


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenShort:
    """A short option and the least that one contract of it requires outside of any spread.

    Parameters
    ----------
    contract : OptionContract
        What is short.
    count : int
        Contracts, > 0.
    outside : Decimal
        Account currency; alone or behind shares, whichever is cheaper.
    """

    contract: OptionContract
    count: int
    outside: Decimal


def proves_own_expiries(
    groups: Sequence[ExpiryGroup], shorts: Sequence[OpenShort], longs: Units, *, same_expiry: bool
) -> bool:
    """Return whether no pairing requires less than to count every option with the group in which it stands.

    Parameters
    ----------
    groups : sequence of ExpiryGroup
        One for each expiry of a short option, rising; no loss is infinite.
    shorts : sequence of OpenShort
        All short options.
    longs : tuple of (OptionContract, int)
        All long options, contracts > 0.
    same_expiry : bool
        Whether a long option covers only short ones of its own expiry, and not earlier ones too.

    Returns
    -------
    bool
        True is a proof. False says nothing.

    Notes
    -----
    Tried are two choices of prices at which each group loses most: none above that of the expiry before, so that no
    long put is worth more in an earlier group, and none below it, which does the same for long calls. A short contract
    that leaves its spread takes its value at that price with it; the choice counts only where it requires no less
    outside.
    """
    most = sum((group.payoff.max_loss for group in groups), _ZERO)
    for is_falling in (True, False):
        prices = _worst_prices(groups, is_falling=is_falling)
        if prices is not None:
            values = {short.contract: _value(short.contract, prices) for short in shorts}
            least = sum((short.count * values[short.contract] for short in shorts), _ZERO)
            least -= sum((count * _best_value(item, prices, same_expiry=same_expiry) for item, count in longs), _ZERO)
            if least == most and _stay(shorts, values):
                return True
    return False


def _worst_prices(groups: Sequence[ExpiryGroup], *, is_falling: bool) -> Mapping[int, Decimal] | None:
    """Return by expiry a price at which its group loses most, in one direction; none of a group that cannot lose."""
    prices: dict[int, Decimal] = {}
    last = _WITHOUT_END if is_falling else _ZERO
    for group in groups:
        if not group.payoff.max_loss:
            continue
        start, end = _worst_stretch(group.payoff, is_lowest=is_falling)
        if (last < start) if is_falling else (end < last):
            return None
        last = min(end, last) if is_falling else max(start, last)
        last = last if last.is_finite() else start
        prices[group.expiry_ns] = last
    return prices


def _worst_stretch(payoff: Payoff, *, is_lowest: bool) -> tuple[Decimal, Decimal]:
    """Return where the lowest, or the highest, stretch of prices begins and ends at which a pay-off loses most."""
    values, worst = payoff.values, -payoff.max_loss
    step, n = (1, len(values)) if is_lowest else (-1, len(values))
    first = next(place for place in range(n)[::step] if values[place] == worst)
    other = first
    while 0 <= other + step < n and values[other + step] == worst:
        other += step
    low, high = min(first, other), max(first, other)
    is_endless = high == n - 1 and not payoff.final_slope
    return payoff.nodes[low], _WITHOUT_END if is_endless else payoff.nodes[high]


def _value(contract: OptionContract, prices: Mapping[int, Decimal]) -> Decimal:
    """Return what one contract is worth at the price of its own expiry; nothing where there is none."""
    price = prices.get(contract.series.expiry_ns)
    return _ZERO if price is None else contract.multiplier * contract.intrinsic(price)


def _best_value(contract: OptionContract, prices: Mapping[int, Decimal], *, same_expiry: bool) -> Decimal:
    """Return the most that one long contract is worth in any group that it may be counted in."""
    if same_expiry:
        return _value(contract, prices)
    end_ns = contract.series.expiry_ns
    values = [contract.intrinsic(price) for expiry_ns, price in prices.items() if expiry_ns <= end_ns]
    return contract.multiplier * max(values, default=_ZERO)


def _stay(shorts: Sequence[OpenShort], values: Mapping[OptionContract, Decimal]) -> bool:
    """Return whether every contract requires at least its value outside of its spread, also in a straddle."""
    if any(values[short.contract] > short.outside for short in shorts):
        return False
    worth = [short for short in shorts if values[short.contract]]
    calls = [short for short in worth if short.contract.is_call]
    puts = [short for short in worth if not short.contract.is_call]
    # A straddle requires at least the larger of both.
    return all(
        values[call.contract] + values[put.contract] <= max(call.outside, put.outside) for call in calls for put in puts
    )
