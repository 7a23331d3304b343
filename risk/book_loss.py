"""The most that a whole account can lose at expiry: an invariant that holds whatever prices and volatility do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final

from market.tradables import Instrument, OptionContract
from risk.payoff import expiry_payoff

__all__ = ["max_loss_of_book"]

_ZERO: Final = Decimal(0)
_UNBOUNDED: Final = Decimal("Infinity")
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

    Notes
    -----
    Each underlying is taken at its own worst price, and each expiration of a short option at a worst price of its own:
    a fall may end one and a rise the next. A long option counts with the last short expiration that it outlives, at its
    intrinsic value, and nothing where it ends before all; shares cover short calls where they are needed. All that is
    counted together is taken to be closed together.
    """
    if value.is_nan():
        return value
    by_underlying: dict[str, _Held] = {}
    for item, quantity in positions:
        by_underlying.setdefault(item.underlying, []).append((item, quantity))
    return max(value - sum((_least(held) for held in by_underlying.values()), _ZERO), _ZERO)


def _least(held: _Held) -> Decimal:
    ends = sorted({item.series.expiry_ns for item, q in held if isinstance(item, OptionContract) and q < 0}) or [0]
    groups: list[_Held] = [[] for _ in ends]
    linear: _Held = []
    for item, quantity in held:
        if not isinstance(item, OptionContract):
            linear.append((item, quantity))
            continue
        outlived = [place for place, end in enumerate(ends) if end <= item.series.expiry_ns]
        if outlived:
            groups[outlived[-1]].append((item, quantity))
    if len(groups) == 1:
        groups[0] += linear
    else:
        groups.append([row for item, quantity in linear for row in _spread_over(groups, item, quantity)])
    return sum((_worst(group) for group in groups if group), _ZERO)


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
