"""The most that positions can lose until their options have ended, whatever prices and volatility do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from market.instruments import ExerciseStyle, SettlementTime
from market.tradables import Instrument, OptionContract
from risk.payoff import expiry_payoff

__all__ = ["closing_groups", "least_value", "max_loss_of_book"]

_ZERO: Final = Decimal(0)
_UNBOUNDED: Final = Decimal("Infinity")
_CENT: Final = Decimal("0.01")
_DAY_NS: Final = 86_400_000_000_000
_YEAR_DAYS: Final = Decimal(365)
# Highest rate, and highest yield of dividends, a year. Dollars cost less since 1991, and no index that is traded here
# pays more; forwards of coins are bounded more widely.
_MOST_RATE: Final = Decimal("0.08")
_MOST_YIELD: Final = Decimal("0.04")
_MOST_OF_COINS: Final = Decimal("0.5")
# Times the strike: beyond it dividends stay what they are in cash, as in `risk.horizon_payoff`.
_CASH_FROM: Final = Decimal("1.5")
_Held = list[tuple[Instrument, Decimal]]


def max_loss_of_book(positions: Iterable[tuple[Instrument, Decimal]], value: Decimal) -> Decimal:
    """Return a bound of what positions can lose from now until all of them have ended.

    Parameters
    ----------
    positions : iterable of (Instrument, Decimal)
        Signed units.
    value : Decimal
        What they are worth now, account currency; NaN where it is not known.

    Returns
    -------
    Decimal
        Account currency; infinite where there is no bound, NaN where `value` is.
    """
    if value.is_nan():
        return value
    return max(value - least_value(positions), _ZERO)


def least_value(positions: Iterable[tuple[Instrument, Decimal]]) -> Decimal:
    """Return the least that positions can be worth when all of them have been closed, whatever their prices do.

    Parameters
    ----------
    positions : iterable of (Instrument, Decimal)
        Signed units.

    Returns
    -------
    Decimal
        Account currency; 0 without positions, minus infinity where there is no floor.

    Notes
    -----
    Each underlying is taken at its own worst price, and each group of `closing_groups` at a worst price of its own: a
    fall may end one and a rise the next. All of a group is taken to be closed where its short options end. A long
    option that lives on counts its exercise value there if it may be exercised; a European one may be worth less, and
    its strike counts as worse by 8 % a year of the strike for a put, and for a call by dividends of 4 % a year of 1.5
    strikes: as much as rates up to 8 % and such yields can take. Of coins, whose forwards are funded, both are 50 %.
    Shares cover short calls where they are needed. Costs, early assignment, and what a long leg loses that is kept
    beyond the end of its group are not in it.
    """
    by_underlying: dict[str, _Held] = {}
    for item, quantity in positions:
        if quantity:
            by_underlying.setdefault(item.underlying, []).append((item, quantity))
    return sum((_least(held) for held in by_underlying.values()), _ZERO)


def closing_groups(options: Sequence[tuple[OptionContract, Decimal]]) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Split options on one underlying into those that are closed together, at one price.

    Parameters
    ----------
    options : sequence of (OptionContract, Decimal)
        Signed units.

    Returns
    -------
    tuple of (int, tuple of int)
        Rising ends, ns since the epoch, UTC, and the places of what is closed then: the short options that end there,
        and the long ones that outlive them but no later short one. Long ones that end before all short ones cover
        nothing and are in no group; where nothing is short each expiration is one.
    """
    short_ends = {item.series.expiry_ns for item, quantity in options if quantity < 0}
    ends = sorted(short_ends or {item.series.expiry_ns for item, _ in options})
    groups: dict[int, list[int]] = {end: [] for end in ends}
    for place, (item, _) in enumerate(options):
        outlived = [end for end in ends if end <= item.series.expiry_ns]
        if outlived:
            groups[outlived[-1]].append(place)
    return tuple((end, tuple(places)) for end, places in groups.items())


def _least(held: _Held) -> Decimal:
    options = [(item, quantity) for item, quantity in held if isinstance(item, OptionContract)]
    linear = [(item, quantity) for item, quantity in held if not isinstance(item, OptionContract)]
    groups: list[_Held] = [
        [(_held_until(end, *options[place]), options[place][1]) for place in places]
        for end, places in closing_groups(options)
    ]
    if len(groups) == 1:
        groups[0] += linear
    else:
        groups.append([row for item, quantity in linear for row in _spread_over(groups, item, quantity)])
    return sum((_worst(group) for group in groups if group), _ZERO)


def _held_until(end_ns: int, contract: OptionContract, quantity: Decimal) -> OptionContract:
    """Return a contract whose exercise value at an instant before its expiry bounds what it is worth there."""
    product, lives_ns = contract.series.product, contract.series.expiry_ns - end_ns
    if quantity < 0 or lives_ns <= 0 or product.exercise is not ExerciseStyle.EUROPEAN:
        return contract
    years = Decimal(-(-lives_ns // _DAY_NS)) / _YEAR_DAYS
    is_coin = product.settlement is SettlementTime.FIXED_UTC
    strike = contract.strike
    if contract.is_call:
        paid = (_MOST_OF_COINS if is_coin else _MOST_YIELD) * _CASH_FROM * strike * years
        return replace(contract, strike=(strike + paid).quantize(_CENT, rounding=ROUND_CEILING))
    lost = (_MOST_OF_COINS if is_coin else _MOST_RATE) * strike * years
    return replace(contract, strike=max(strike - lost, _CENT).quantize(_CENT, rounding=ROUND_FLOOR))


def _spread_over(groups: Sequence[_Held], item: Instrument, quantity: Decimal) -> _Held:
    """Give shares to the groups whose calls they cover, or that cover them; return what is left alone."""
    left = quantity
    for group in groups:
        slope = sum((q * each.multiplier for each, q in group if _rises(each)), _ZERO) / item.multiplier
        taken = min(left, -slope) if left > 0 > slope else max(left, -slope) if left < 0 < slope else _ZERO
        if taken:
            group.append((item, taken))
            left -= taken
    return [(item, left)] if left else []


def _rises(item: Instrument) -> bool:
    return not isinstance(item, OptionContract) or item.is_call


def _worst(group: _Held) -> Decimal:
    payoff = expiry_payoff(group)
    return -_UNBOUNDED if payoff.final_slope < 0 else min(payoff.values)
